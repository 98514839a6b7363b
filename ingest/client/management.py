"""The client of the management API: the operations that need a management key, such as Analytics, activity and keys.

One client serves all of them. It sends each request through `ingest.client.async_client`, at most 64 in a minute, and
tries again for a limited time; what remains becomes one of the errors of `ingest.core.errors`.
"""

from __future__ import annotations

import random as chance
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import httpx
import msgspec

from ingest.client.async_client import AsyncOpenRouter
from ingest.client.decode import UnreadableError, decode_exactly
from ingest.client.management_errors import final_error
from ingest.client.request import MEBIBYTE, Operation, PreparedCall, RequestOptions
from ingest.client.request_pace import RequestPace
from ingest.client.result import Err, Ok
from ingest.client.retry import BackoffStrategy, RetryConfig, Retrying
from ingest.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.client.credentials import ApiKey
    from ingest.client.errors import OpenRouterError
    from ingest.client.request import Result
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError

REQUESTS, SPAN = 64, 60.0
"""The API's limit: requests in so many seconds."""

RETRIED = ("408", "429", "5XX")
"""Statuses that are tried again."""

PATIENCE = 120.0
"""Default number of seconds after which a request that fails is not tried again."""

TIMEOUT = 60.0
"""Default total time for one try, in seconds."""

LARGEST = 64 * MEBIBYTE
"""Maximum size of an answer in bytes; 10,000 rows of Analytics have about 5 MiB."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. Numbers with a point or an exponent are decimals, exactly as they were written; unknown fields stay.

    Attributes:
        data: What the answer holds as ``data``.
        beside: The fields beside ``data``, such as ``total_count``.
    """

    data: Any
    beside: dict[str, Any]


class ManagementClient:
    """Sends requests with a management key. A context manager, for asyncio.

    Args:
        load_key: Returns the management key; called when the client is entered.
        base_url: URL of the API, as `check_base_url` returns it.
        timeout: Total time for one try, in seconds.
        patience: Seconds after which a request that fails is not tried again.
        clock: The source of time, also for the limit of requests.
        random: Returns a number uniform from 0 to 1, for the jitter of retries.
    """

    def __init__(
        self,
        load_key: Callable[[], ApiKey],
        base_url: str,
        *,
        timeout: float = TIMEOUT,  # of each try, passed on to the client
        patience: float = PATIENCE,
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._load_key = load_key
        self._base_url = base_url
        self._timeout = timeout
        self._retries = RetryConfig(
            backoff=BackoffStrategy(max_interval=20_000, max_elapsed_time=patience * 1000),
            status_codes_override=RETRIED,
        )
        self._clock = clock or SystemClock()
        self._random = random
        self._pace = RequestPace(self._clock, REQUESTS, SPAN)

    async def __aenter__(self) -> Self:
        """Load the key.

        Raises:
            KeyRefusedError: There is none.
        """
        self._key = self._load_key()
        self._client = AsyncOpenRouter(
            self._key, server_url=self._base_url, timeout=self._timeout, retries=RetryConfig("none"), clock=self._clock
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """The answer to ``GET path?params``.

        Args:
            path: The path below the API's URL, such as ``/activity``; parts that are not fixed must be quoted.
            params: The query's parameters.

        Raises:
            KeyRefusedError: The key is refused, or is no management key.
            TryAgainLaterError: The API throttles every request.
            UnreachableError: No answer came, or only failures, for longer than the client's patience.
            UnexpectedInputError: The answer is not OpenRouter's JSON, or the API does not know the request.
            ConfigurationError: A setting of the network cannot be used.
        """
        return self._value(path, await self._send(self._prepare(path, params), RETRIED))

    async def post(self, path: str, json: object, *, retried: Sequence[str] = RETRIED) -> Answer:
        """The answer to ``POST path`` with a JSON body. Raises as `get`."""
        return self._value(path, await self.try_post(path, json, retried=retried))

    async def try_post(self, path: str, json: object, *, retried: Sequence[str] = RETRIED) -> Result[Answer]:
        """The same, but an error is returned, for callers that can ask for less.

        Args:
            path: The path below the API's URL.
            json: The body; decimals are written as strings.
            retried: Statuses that are tried again.
        """
        call = self._prepare(path, None)
        headers = call.request.headers.copy()
        headers["Content-Type"] = "application/json"
        request = httpx.Request(
            "POST",
            call.request.url,
            headers=headers,
            content=msgspec.json.encode(json),
            extensions=call.request.extensions,
        )
        return await self._send(replace(call, request=request), retried)

    def error_of(self, path: str, error: OpenRouterError) -> OrusageError:
        """What the command ends with if a request fails for good."""
        return final_error(error, self._base_url, path, self._key)

    def _value(self, path: str, result: Result[Answer]) -> Answer:
        if isinstance(result, Ok):
            return result.value
        raise self.error_of(path, result.error)

    def _prepare(self, path: str, params: Mapping[str, str] | None) -> PreparedCall[Answer]:
        call = self._client.prepare(Operation(path, LARGEST, _decode), {}, RequestOptions(params=params))
        if isinstance(call, Err):
            raise self.error_of(path, call.error)
        return call

    async def _send(self, call: PreparedCall[Answer], retried: Sequence[str]) -> Result[Answer]:
        """Send a request, and again after failures that may pass. Each try counts for the limit of requests."""
        config = replace(self._retries, status_codes_override=retried)
        retrying = Retrying(config, self._clock.monotonic(), self._random)
        while True:
            await self._pace.turn()
            result = await self._client.perform(call)
            if isinstance(result, Ok):
                return result
            pause = retrying.pause_after(result.error, self._clock.monotonic(), self._clock.now())
            if pause is None:
                return result
            await self._clock.sleep(pause)


def _decode(body: bytes) -> Answer:
    document = decode_exactly(body)
    if "data" not in document:
        raise UnreadableError("the answer has no data")
    return Answer(document.pop("data"), document)
