"""The synchronous client: the asynchronous one in an event loop of its own."""

from __future__ import annotations

import os
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from ingest.client.async_client import TIMEOUT, AsyncOpenRouter
from ingest.client.credentials import key_source
from ingest.client.errors import RequestAbortedError
from ingest.client.loop_thread import LoopThread
from ingest.client.operations import Generations
from ingest.client.result import Err
from ingest.client.threaded_transport import ThreadedTransport
from ingest.client.transport import check_sender

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.client.credentials import ApiKey
    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.client.retry import RetryConfig

T = TypeVar("T")


class OpenRouter:
    """A client for code without asyncio. Threads may share it. Use it as a context manager, or close it with `close`.

    Its event loop runs in a thread that the first call starts. So the total deadline holds even if a server sends
    single bytes slowly, Ctrl-C interrupts a call at once, and 32 threads cost no more than 32 tasks.

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
        timeout: float = TIMEOUT,
        retries: RetryConfig | None = None,
        client: httpx.Client | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        api_key = key_source(api_key)  # from here on, no traceback that shows local variables contains the key
        self._open = partial(
            AsyncOpenRouter,
            api_key,
            http_referer=http_referer,
            app_title=app_title,
            app_categories=app_categories,
            server_url=server_url,
            timeout=timeout,
            retries=retries,
            transport=_threaded(client, transport),
        )
        self._open()  # an argument that is not valid raises here and not at the first call
        self._loop: LoopThread | None = None
        self._lock = Lock()
        self._is_closed = False

    @property
    def generations(self) -> Generations:
        """The operations as methods that raise."""
        return Generations(self)

    def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation, with retries. Errors are returned, not raised."""
        loop = self._running()
        if loop is None:
            return Err(RequestAbortedError("the client is closed"))
        call = loop.client.prepare(operation, params, options)
        if isinstance(call, Err):
            return call
        try:
            task = loop.portal.start_task_soon(loop.client.perform, call)
        except RuntimeError:  # another thread has closed the client in the meantime
            return Err(RequestAbortedError("the client was closed"))
        try:
            return task.result()
        except BaseException:  # Ctrl-C also ends the request that is under way
            task.cancel()
            raise

    def close(self) -> None:
        """Close the connections. Calls under way in other threads end with RequestAbortedError."""
        with self._lock:
            loop, self._loop, self._is_closed = self._loop, None, True
        if loop:
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> LoopThread | None:
        """The event loop, started if necessary; a forked process needs one of its own. None if the client is closed."""
        with self._lock:
            if not self._is_closed and (self._loop is None or self._loop.pid != os.getpid()):
                self._loop = LoopThread(self._open())
            return self._loop


def _threaded(client: httpx.Client | None, transport: httpx.BaseTransport | None) -> ThreadedTransport | None:
    """The transport for a user's own synchronous client or transport; None if there is neither."""
    check_sender(client, transport, (httpx.Client, httpx.BaseTransport))
    if client is not None:
        return ThreadedTransport(partial(client.send, stream=True, follow_redirects=False))
    return None if transport is None else ThreadedTransport(transport.handle_request)
