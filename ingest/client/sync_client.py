"""The synchronous client: an asynchronous one in an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import weakref
from concurrent.futures import Future
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
from anyio.from_thread import BlockingPortal

from ingest.client.async_client import TIMEOUT, AsyncOpenRouter
from ingest.client.errors import RequestAbortedError
from ingest.client.operations import Generations
from ingest.client.request import key_source
from ingest.client.result import Err
from ingest.client.transport import ThreadedTransport, require_one_way
from ingest.core.base_url import BASE_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.client.credentials import ApiKey
    from ingest.client.request import Operation, RequestOptions, Result
    from ingest.client.retry import RetryConfig

T = TypeVar("T")


class OpenRouter:
    """A client for code without asyncio, to be shared by threads; use it as a context manager, or close it.

    Its event loop runs in a thread of its own from the first call on. So a deadline holds however slowly a server
    drips, Ctrl-C works at once, and 32 threads cost no more than 32 tasks.

    Args:
        api_key: The key, or what returns it, once per call; None: from ``OPENROUTER_API_KEY``.
        http_referer: Your app's URL; OpenRouter counts usage by it.
        app_title: Your app's name.
        app_categories: Its categories, separated by commas.
        server_url: The API; https, or http on loopback.
        timeout: Seconds for one try in all, from connecting to the last byte.
        retries: Whether and when to try again.
        client: An httpx client of your own; its lifetime stays yours.
        transport: Or a transport of your own; its lifetime stays yours too.

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
        timeout: float = TIMEOUT,
        retries: RetryConfig | None = None,
        client: httpx.Client | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        api_key = key_source(api_key)  # from here on no traceback with local variables shows it
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
        self._open()  # what makes no sense is refused here, not at the first call
        self._loop: _Loop | None = None
        self._lock = Lock()
        self._is_closed = False

    @property
    def generations(self) -> Generations:
        """The operations."""
        return Generations(self)

    def call(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None = None
    ) -> Result[T]:
        """Call an operation, with retries; what happens on the way is returned."""
        loop = self._running()
        if loop is None:
            return Err(RequestAbortedError("the client is closed"))
        call = loop.client.prepare(operation, params, options)
        if isinstance(call, Err):
            return call
        try:
            task = loop.portal.start_task_soon(loop.client.perform, call)
        except RuntimeError:  # another thread was quicker
            return Err(RequestAbortedError("the client was closed"))
        try:
            return task.result()
        except BaseException:  # Ctrl-C: what is under way ends with us
            task.cancel()
            raise

    def close(self) -> None:
        """Close the connections; calls under way in other threads end with RequestAbortedError."""
        with self._lock:
            loop, self._loop, self._is_closed = self._loop, None, True
        if loop:
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> _Loop | None:
        """The event loop, started if need be; a process that was forked off needs one of its own."""
        with self._lock:
            if not self._is_closed and (self._loop is None or self._loop.pid != os.getpid()):
                self._loop = _Loop(self._open())
            return self._loop


class _Loop:
    """An asynchronous client and the thread its event loop runs in, closed with whoever holds them."""

    def __init__(self, client: AsyncOpenRouter) -> None:
        self.client = client
        self.pid = os.getpid()
        started: Future[BlockingPortal] = Future()
        thread = Thread(target=_run, args=(started,), name="orusage", daemon=True)
        thread.start()
        self.portal = started.result()
        self.close = weakref.finalize(self, _close, self.portal, client, thread, self.pid)


_INHERITED: list[AsyncOpenRouter] = []
"""Clients of the process we were forked off: to drop one would take its sockets from our parent."""


def _close(portal: BlockingPortal, client: AsyncOpenRouter, thread: Thread, pid: int) -> None:
    if pid != os.getpid():  # nor is there a thread here that could answer
        _INHERITED.append(client)
        return
    portal.call(client.aclose)
    portal.call(portal.stop)
    thread.join()


def _run(started: Future[BlockingPortal]) -> None:
    """Unlike `asyncio.run`, this does not wait in the end for a name that is still being resolved."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_serve(started))
    loop.close()


async def _serve(started: Future[BlockingPortal]) -> None:
    async with BlockingPortal() as portal:
        started.set_result(portal)
        await portal.sleep_until_stopped()


def _threaded(client: httpx.Client | None, transport: httpx.BaseTransport | None) -> ThreadedTransport | None:
    require_one_way(client, transport, (httpx.Client, httpx.BaseTransport))
    if client is not None:
        return ThreadedTransport(partial(client.send, stream=True, follow_redirects=False))
    return None if transport is None else ThreadedTransport(transport.handle_request)
