"""Runs an asynchronous client's event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import weakref
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal

if TYPE_CHECKING:
    from ingest.client.async_client import AsyncOpenRouter

_INHERITED: list[AsyncOpenRouter] = []
"""Clients inherited from the parent process by a fork, kept because dropping one would close the parent's sockets."""


class LoopThread:
    """An asynchronous client and the thread of its event loop. Both end with `close`, or when this object is dropped.

    Attributes:
        client: The client.
        pid: The process that started the thread; a forked process has no such thread.
        portal: Runs coroutines in the event loop.
        close: Closes the client and ends the thread.
    """

    def __init__(self, client: AsyncOpenRouter) -> None:
        self.client = client
        self.pid = os.getpid()
        started: Future[BlockingPortal] = Future()
        thread = Thread(target=_run, args=(started,), name="orusage", daemon=True)
        thread.start()
        self.portal = started.result()
        self.close = weakref.finalize(self, _close, self.portal, client, thread, self.pid)


def _close(portal: BlockingPortal, client: AsyncOpenRouter, thread: Thread, pid: int) -> None:
    if pid != os.getpid():  # the thread that would answer exists in the parent process only
        _INHERITED.append(client)
        return
    portal.call(client.aclose)
    portal.call(portal.stop)
    thread.join()


def _run(started: Future[BlockingPortal]) -> None:
    """Run the loop. Unlike `asyncio.run`, this does not wait at the end for a host name that is being resolved."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_serve(started))
    loop.close()


async def _serve(started: Future[BlockingPortal]) -> None:
    async with BlockingPortal() as portal:
        started.set_result(portal)
        await portal.sleep_until_stopped()
