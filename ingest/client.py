"""One request at a time to OpenRouter, ending in one of two values and never in an exception.

Behind the httpx API stands aiohttp's transport: httpx's own pool costs ten times the CPU at 32 connections
(see DECISIONS.md). Redirects are never followed, so the key never leaves its host; certificates are verified; proxies
come from the environment; an answer has a size limit and a deadline that covers all of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.key import ApiKey

LARGEST_ANSWER = 1024 * 1024
"""Bytes of one answer, decoded; metadata takes about 1.5 KB."""

CONNECT_SECONDS = 10.0
"""A host that does not take a connection by then counts as out of reach."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The server answered.

    Attributes:
        status: HTTP status.
        headers: Header names in lower case to values.
        body: The body; empty where it was over the size limit.
        oversized: Whether it was.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer came.

    Attributes:
        reason: ``connect`` (no connection, DNS and TLS included), ``timeout``, or ``broken`` (it ended early).
        detail: The library's own words.
    """

    reason: str
    detail: str


class OpenRouterClient:
    """An asynchronous client for the generation endpoints; use it as a context manager.

    Args:
        key: The bearer key.
        base_url: The API, without a slash at its end.
        concurrency: Connections at most.
        timeout: Seconds for one request in all.
        user_agent: Sent with each request.
    """

    def __init__(self, key: ApiKey, base_url: str, *, concurrency: int, timeout: float, user_agent: str) -> None:
        self._timeout = timeout
        self._base_url = base_url
        self._client = HttpxAiohttpClient(
            headers={
                "Authorization": f"Bearer {key.reveal()}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": user_agent,
            },
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            timeout=httpx.Timeout(timeout, connect=min(timeout / 2, CONNECT_SECONDS)),
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def generation(self, generation_id: str) -> Answer | Failure:
        """``GET /generation?id=…``."""
        return await self._get("/generation", {"id": generation_id})

    async def key(self) -> Answer | Failure:
        """``GET /key``: what the API thinks of the key itself."""
        return await self._get("/key", {})

    async def _get(self, path: str, query: dict[str, str]) -> Answer | Failure:
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("GET", self._base_url + path, params=query) as response,
            ):
                return await _read(response)
        except TimeoutError:
            return Failure("timeout", f"no whole answer within {self._timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError) as error:  # what is no HTTP comes as the last
            return Failure(_reason(error), str(error) or type(error).__name__)


def _reason(error: Exception) -> str:
    """The transport calls a refused connection and one that breaks later alike; only its own error tells."""
    if isinstance(error.__cause__, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return "connect"
    return "timeout" if isinstance(error, (httpx.ReadTimeout, httpx.PoolTimeout)) else "broken"


async def _read(response: httpx.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return Answer(response.status_code, headers, b"", oversized=True)
    return Answer(response.status_code, headers, bytes(body))
