"""The asynchronous client: sends what `ingest.client.request` builds, with deadlines, size limits and retries."""

from __future__ import annotations

import asyncio
import random as chance
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from ingest.client.errors import (
    InvalidRequestError,
    OpenRouterConnectionError,
    RequestAbortedError,
    RequestTimeoutError,
)
from ingest.client.operations import AsyncGenerations
from ingest.client.request import MEBIBYTE, PreparedCall, RequestBuilder, key_source
from ingest.client.response_body import Body, UnreadableBodyError
from ingest.client.result import Err, Ok
from ingest.client.retry import RetryConfig, Retrying
from ingest.client.transport import FAILURES, DefaultTransport, failure_of, require_one_way
from ingest.core.base_url import BASE_URL
from ingest.core.cancellation import RunCancellation
from ingest.core.clock import SystemClock
from ingest.core.version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from ingest.client.credentials import ApiKey
    from ingest.client.errors import OpenRouterError
    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.core.clock import Clock

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds for one try in all, unless told otherwise."""

CONNECTIONS = 1024
"""Open connections at most. Who has more calls under way waits for one, within the deadline."""

LARGE = MEBIBYTE
LARGE_AT_ONCE = 4
"""Answers beyond this size that are read at the same time: what bounds the bytes in flight."""


class AsyncOpenRouter:
    """A client for asyncio; use it as a context manager, or close it.

    Args:
        api_key: The key, or what returns it, once per call; None: from ``OPENROUTER_API_KEY``.
        http_referer: Your app's URL; OpenRouter counts usage by it.
        app_title: Your app's name.
        app_categories: Its categories, separated by commas.
        server_url: The API; https, or http on loopback.
        timeout: Seconds for one try in all, from connecting to the last byte. Where more than four answers over 1 MiB
            arrive at once, the time one waits for its turn does not count.
        retries: Whether and when to try again.
        client: An httpx client of your own; its lifetime stays yours.
        transport: Or a transport of your own; its lifetime stays yours too.
        user_agent: Who asks.
        clock: Where time comes from.
        random: Uniform in 0 … 1, for the jitter of retries.

    Raises:
        InvalidRequestError: an argument makes no sense.
    """

    def __init__(  # noqa: PLR0913  # the arguments of OpenRouter's SDK
        self,
        api_key: str | ApiKey | Callable[[], str | ApiKey] | None = None,
        *,
        http_referer: str | None = None,
        app_title: str | None = None,
        app_categories: str | None = None,
        server_url: str = BASE_URL,
        timeout: float = TIMEOUT,  # of each try, handed to asyncio.timeout
        retries: RetryConfig | None = None,
        client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        user_agent: str = f"orusage/{__version__}",
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        api_key = key_source(api_key)  # from here on no traceback with local variables shows it
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
            "HTTP-Referer": http_referer,
            "X-OpenRouter-Title": app_title,
            "X-OpenRouter-Categories": app_categories,
        }
        self._builder = RequestBuilder(api_key, headers, server_url, timeout, retries or RetryConfig())
        self._send, self._own = _sender(client, transport)
        self._clock = clock or SystemClock()
        self._random = random
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._closed = RunCancellation()
        self._deadlines: set[asyncio.Timeout] = set()

    @property
    def generations(self) -> AsyncGenerations:
        """The operations."""
        return AsyncGenerations(self)

    async def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation, with retries; nothing that happens on the way is raised."""
        call = self.prepare(operation, params, options)
        return await self.perform(call) if isinstance(call, PreparedCall) else call

    def prepare(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> PreparedCall[T] | Err[OpenRouterError]:
        """Build a call, or say why it makes no sense. The key's function is called here: it should be quick."""
        try:
            return self._builder.prepare(operation, params, options)
        except InvalidRequestError as error:
            return Err(error)

    async def perform(self, call: PreparedCall[T]) -> Result[T]:
        """Send a call until it succeeds, its retries are used up, or it is no use."""
        retrying = Retrying(call.retries, self._clock.monotonic(), self._random)
        while True:
            result = await self._try(call)
            if isinstance(result, Ok):
                return result
            pause = retrying.pause_after(result.error, self._clock.monotonic(), self._clock.now())
            if pause is None:
                return result
            await self._closed.sleep(self._clock, pause)

    async def aclose(self) -> None:
        """Close the connections; calls under way end with RequestAbortedError."""
        self._closed.set()
        for deadline in self._deadlines:  # aiohttp leaves whoever reads a body waiting when it closes the connection
            if not deadline.expired():
                deadline.reschedule(0)
        if self._own:
            await self._own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _try(self, call: PreparedCall[T]) -> Result[T]:
        if self._closed:
            return Err(RequestAbortedError("the client is closed"))
        try:
            async with self._deadline(call.timeout) as deadline:
                return await self._exchanged(call, deadline)
        except TimeoutError:
            error: OpenRouterError = RequestTimeoutError(f"no whole answer within {call.timeout:g} s")
        except httpx.HTTPStatusError as refusal:  # raised by a hook of the user's own client
            return call.unreadable(refusal.response, "a hook raised")
        except FAILURES as failure:
            error = failure_of(failure)
        except RuntimeError as closed:  # so say httpx, aiohttp and the event loop when they are used after their end
            if "closed" not in str(closed):
                raise
            error = OpenRouterConnectionError(str(closed), connected=False)
        return Err(RequestAbortedError("the client was closed") if self._closed else error)

    @asynccontextmanager
    async def _deadline(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """The time for one try; closing the client ends it at once."""
        async with asyncio.timeout(seconds) as deadline:
            self._deadlines.add(deadline)
            try:
                yield deadline
            finally:
                self._deadlines.discard(deadline)

    async def _exchanged(self, call: PreparedCall[T], deadline: asyncio.Timeout) -> Result[T]:
        response = await self._send(call.request)
        try:
            return call.read(response, await self._body_of(response, call.operation.largest, deadline))
        except UnreadableBodyError as error:
            return call.unreadable(response, str(error))
        finally:
            await response.stream.aclose()  # type: ignore[union-attr]  # what an asynchronous transport returns

    async def _body_of(self, response: httpx.Response, largest: int, deadline: asyncio.Timeout) -> bytes:
        if response.is_stream_consumed:  # a hook of the user's own client has read it
            return response.content
        encoding = response.headers.get("content-encoding")
        body = Body(encoding, largest)
        chunks = aiter(response.stream)  # type: ignore[arg-type]  # what an asynchronous transport returns
        if encoding and largest > LARGE:  # a small chunk may become a large answer
            await self._read_large(chunks, body, deadline)
        async for chunk in chunks:
            body.add(chunk)
            if len(body) > LARGE:
                await self._read_large(chunks, body, deadline)
        return body.whole()

    async def _read_large(self, chunks: AsyncIterator[bytes], body: Body, deadline: asyncio.Timeout) -> None:
        """Read the rest when it is this answer's turn; that it has to wait is not the server's fault."""
        loop = asyncio.get_running_loop()
        left = (deadline.when() or loop.time()) - loop.time()
        deadline.reschedule(None)
        async with self._large:
            deadline.reschedule(loop.time() + left)
            async for chunk in chunks:
                body.add(chunk)


def _sender(
    client: httpx.AsyncClient | None, transport: httpx.AsyncBaseTransport | None
) -> tuple[Callable[[httpx.Request], Awaitable[httpx.Response]], DefaultTransport | None]:
    """What sends a request, and what of it is ours to close."""
    require_one_way(client, transport, (httpx.AsyncClient, httpx.AsyncBaseTransport))
    if client is not None:
        return partial(client.send, stream=True, follow_redirects=False), None
    if transport is not None:
        return transport.handle_async_request, None
    own = DefaultTransport(CONNECTIONS)
    return own.handle_async_request, own
