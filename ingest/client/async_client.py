"""The asynchronous client: sends the requests that `ingest.client.request` builds, with deadlines and retries."""

from __future__ import annotations

import asyncio
import random as chance
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from ingest.client.certificate_issuer import issuer_of
from ingest.client.connection_problems import OF_A_HOST, Reason
from ingest.client.credentials import key_source
from ingest.client.errors import (
    InvalidRequestError,
    OpenRouterConnectionError,
    RequestAbortedError,
    RequestTimeoutError,
)
from ingest.client.loop_state import LoopState
from ingest.client.operations import AsyncGenerations
from ingest.client.request import PreparedCall, RequestBuilder
from ingest.client.response_body import UnreadableBodyError
from ingest.client.result import Err, Ok
from ingest.client.retry import RetryConfig, Retrying
from ingest.client.transport import check_sender
from ingest.client.transport_errors import TRANSPORT_ERRORS, translate_error
from ingest.core.clock import SystemClock
from ingest.core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ingest.client.credentials import ApiKey
    from ingest.client.errors import OpenRouterError
    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.core.clock import Clock

T = TypeVar("T")

HTTPS_PORT = 443

TIMEOUT = 30.0
"""Default total time for one try, in seconds."""


class AsyncOpenRouter:
    """A client for asyncio. Use it as a context manager, or close it with `aclose`.

    A client may be used in one event loop after the other. Its connections belong to the loop that opened them.

    Args:
        api_key: The key, or a function that returns it and is called once per call; None: the environment's
            ``OPENROUTER_API_KEY``.
        http_referer: URL of your app, to which OpenRouter attributes the usage.
        app_title: Name of your app.
        app_categories: Categories of your app, separated by commas.
        server_url: URL of the API; https, or http on loopback. None: the environment's ``OPENROUTER_BASE_URL``, or
            OpenRouter's own.
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
        server_url: str | None = None,
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
        self._users_send = _users_sender(client, transport)
        self._clock = clock or SystemClock()
        self._random = random
        self._state: LoopState | None = None
        self._is_closed = False

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
        if self._is_closed:
            return Err(RequestAbortedError("the client is closed"))
        try:
            state = await self._opened()
        except InvalidRequestError as error:
            return Err(error)
        retrying = Retrying(call.retries, self._clock.monotonic(), self._random)
        while True:
            result = await self._try(call, state)
            if isinstance(result, Ok):
                return result
            pause = retrying.pause_after(result.error, self._clock.monotonic(), self._clock.now())
            if pause is None:
                return result
            await state.closed.sleep(self._clock, pause)

    async def aclose(self) -> None:
        """Close the connections. Calls under way end with RequestAbortedError."""
        self._is_closed = True
        if self._state and self._state.loop is asyncio.get_running_loop():  # another loop closes its own at its end
            await self._state.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _opened(self) -> LoopState:
        """The state in the running event loop; a new one if the last loop is closed."""
        if self._state is None or self._state.loop.is_closed():
            self._state = LoopState()
            await self._state.open()
        self._state.require_running()
        return self._state

    async def _try(self, call: PreparedCall[T], state: LoopState) -> Result[T]:
        if self._is_closed:
            return Err(RequestAbortedError("the client is closed"))
        try:
            async with state.deadlines.start(call.timeout) as deadline:
                return await self._answer(call, state, deadline)
        except TimeoutError:
            error: OpenRouterError = RequestTimeoutError(f"no complete answer within {call.timeout:g} s")
        except httpx.HTTPStatusError as refusal:  # raised by a hook of the user's client
            return call.unreadable(refusal.response, "a hook raised")
        except TRANSPORT_ERRORS as failure:
            error = await self._explained(translate_error(failure), call, state)
            if deadline.expired():
                error = RequestTimeoutError(f"no complete answer within {call.timeout:g} s")
        except RuntimeError as failure:  # httpx, aiohttp and the event loop raise it when they are used once closed
            if "closed" not in str(failure):
                raise
            error = OpenRouterConnectionError(str(failure), connected=False)
        return Err(RequestAbortedError("the client was closed") if self._is_closed else error)

    async def _explained(self, error: OpenRouterError, call: PreparedCall[T], state: LoopState) -> OpenRouterError:
        """The error; with the issuer of a certificate that is not accepted; as the timeout's if connecting was slow."""
        if not isinstance(error, OpenRouterConnectionError):
            return error
        if error.reason is Reason.NO_ANSWER:
            return RequestTimeoutError(f"no connection within {call.connect_seconds:g} s", connected=False)
        url = call.request.url
        if self._users_send or error.reason not in OF_A_HOST:
            return error
        if state.transport.goes_through_proxy(url):
            return error if error.reason is Reason.CERTIFICATE else error.of_proxy()
        if error.reason is Reason.CERTIFICATE and (issuer := await issuer_of(url.host, url.port or HTTPS_PORT)):
            text = f"{error.message}; it was issued by {ascii(issuer)[1:-1]}"
            return OpenRouterConnectionError(text, connected=False, reason=error.reason)
        return error

    async def _answer(self, call: PreparedCall[T], state: LoopState, deadline: asyncio.Timeout) -> Result[T]:
        send = self._users_send or state.transport.handle_async_request
        response = await send(call.request)
        try:
            return call.read(response, await state.bodies.read(response, call.operation.largest, deadline))
        except UnreadableBodyError as error:
            return call.unreadable(response, str(error))
        finally:
            await response.stream.aclose()  # type: ignore[union-attr]  # what an asynchronous transport returns


def _users_sender(
    client: httpx.AsyncClient | None, transport: httpx.AsyncBaseTransport | None
) -> Callable[[httpx.Request], Awaitable[httpx.Response]] | None:
    """The function that sends a request by the user's own client or transport; None if there is neither."""
    check_sender(client, transport, (httpx.AsyncClient, httpx.AsyncBaseTransport))
    if client is not None:
        return partial(client.send, stream=True, follow_redirects=False)
    return None if transport is None else transport.handle_async_request
