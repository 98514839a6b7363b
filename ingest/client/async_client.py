"""The asynchronous client: sends the requests that `ingest.client.request` builds, with deadlines and retries."""

from __future__ import annotations

import random as chance
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from ingest.client.body_reader import BodyReader
from ingest.client.credentials import key_source
from ingest.client.deadlines import Deadlines
from ingest.client.errors import (
    InvalidRequestError,
    OpenRouterConnectionError,
    RequestAbortedError,
    RequestTimeoutError,
)
from ingest.client.operations import AsyncGenerations
from ingest.client.request import PreparedCall, RequestBuilder
from ingest.client.response_body import UnreadableBodyError
from ingest.client.result import Err, Ok
from ingest.client.retry import RetryConfig, Retrying
from ingest.client.transport import DefaultTransport, check_sender
from ingest.client.transport_errors import TRANSPORT_ERRORS, translate_error
from ingest.core.base_url import BASE_URL
from ingest.core.cancellation import RunCancellation
from ingest.core.clock import SystemClock
from ingest.core.version import __version__

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from ingest.client.credentials import ApiKey
    from ingest.client.errors import OpenRouterError
    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.core.clock import Clock

T = TypeVar("T")

TIMEOUT = 30.0
"""Default total time for one try, in seconds."""

CONNECTIONS = 1024
"""Maximum number of open connections. Further calls wait for a free one, within their deadline."""


class AsyncOpenRouter:
    """A client for asyncio. Use it as a context manager, or close it with `aclose`.

    Args:
        api_key: The key, or a function that returns it and is called once per call; None: the environment's
            ``OPENROUTER_API_KEY``.
        http_referer: URL of your app, to which OpenRouter attributes the usage.
        app_title: Name of your app.
        app_categories: Categories of your app, separated by commas.
        server_url: URL of the API; https, or http on loopback.
        timeout: Total time for one try, in seconds, from connecting to the last byte. At most four answers over 1 MiB
            are read at the same time, and the time an answer waits for the others does not count.
        retries: Which failures are retried, and how.
        client: An httpx client of your own to send with; you close it.
        transport: An httpx transport of your own to send with; you close it.
        user_agent: The User-Agent header.
        clock: The source of time.
        random: Returns a number uniform from 0 to 1, for the jitter of retries.

    Raises:
        InvalidRequestError: An argument is not valid.
    """

    def __init__(  # noqa: PLR0913  # the arguments of OpenRouter's SDK
        self,
        api_key: str | ApiKey | Callable[[], str | ApiKey] | None = None,
        *,
        http_referer: str | None = None,
        app_title: str | None = None,
        app_categories: str | None = None,
        server_url: str = BASE_URL,
        timeout: float = TIMEOUT,  # of each try, passed on to asyncio.timeout
        retries: RetryConfig | None = None,
        client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        user_agent: str = f"orusage/{__version__}",
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        api_key = key_source(api_key)  # from here on, no traceback that shows local variables contains the key
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
            "HTTP-Referer": http_referer,
            "X-OpenRouter-Title": app_title,
            "X-OpenRouter-Categories": app_categories,
        }
        self._builder = RequestBuilder(api_key, headers, server_url, timeout, retries or RetryConfig())
        self._send, self._own_transport = _sender(client, transport)
        self._clock = clock or SystemClock()
        self._random = random
        self._bodies = BodyReader()
        self._deadlines = Deadlines()
        self._closed = RunCancellation()

    @property
    def generations(self) -> AsyncGenerations:
        """The operations as methods that raise."""
        return AsyncGenerations(self)

    async def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation, with retries. Errors are returned, not raised."""
        call = self.prepare(operation, params, options)
        return await self.perform(call) if isinstance(call, PreparedCall) else call

    def prepare(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> PreparedCall[T] | Err[OpenRouterError]:
        """Build a call, or return why it is not valid. A function given as key is called here and should be quick."""
        try:
            return self._builder.prepare(operation, params, options)
        except InvalidRequestError as error:
            return Err(error)

    async def perform(self, call: PreparedCall[T]) -> Result[T]:
        """Send a call until it succeeds, has no retries left, or fails with an error that is not retried."""
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
        """Close the connections. Calls under way end with RequestAbortedError."""
        self._closed.set()
        self._deadlines.expire_all()
        if self._own_transport:
            await self._own_transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _try(self, call: PreparedCall[T]) -> Result[T]:
        if self._closed:
            return Err(RequestAbortedError("the client is closed"))
        try:
            async with self._deadlines.start(call.timeout) as deadline:
                return await self._answer(call, deadline)
        except TimeoutError:
            error: OpenRouterError = RequestTimeoutError(f"no complete answer within {call.timeout:g} s")
        except httpx.HTTPStatusError as refusal:  # raised by a hook of the user's client
            return call.unreadable(refusal.response, "a hook raised")
        except TRANSPORT_ERRORS as failure:
            error = translate_error(failure)
        except RuntimeError as failure:  # httpx, aiohttp and the event loop raise it when they are used once closed
            if "closed" not in str(failure):
                raise
            error = OpenRouterConnectionError(str(failure), connected=False)
        return Err(RequestAbortedError("the client was closed") if self._closed else error)

    async def _answer(self, call: PreparedCall[T], deadline: asyncio.Timeout) -> Result[T]:
        response = await self._send(call.request)
        try:
            return call.read(response, await self._bodies.read(response, call.operation.largest, deadline))
        except UnreadableBodyError as error:
            return call.unreadable(response, str(error))
        finally:
            await response.stream.aclose()  # type: ignore[union-attr]  # what an asynchronous transport returns


def _sender(
    client: httpx.AsyncClient | None, transport: httpx.AsyncBaseTransport | None
) -> tuple[Callable[[httpx.Request], Awaitable[httpx.Response]], DefaultTransport | None]:
    """The function that sends a request, and the transport to close if it is not the user's."""
    check_sender(client, transport, (httpx.AsyncClient, httpx.AsyncBaseTransport))
    if client is not None:
        return partial(client.send, stream=True, follow_redirects=False), None
    if transport is not None:
        return transport.handle_async_request, None
    own = DefaultTransport(CONNECTIONS)
    return own.handle_async_request, own
