"""Total time limits for requests. httpx's own timeouts limit single steps only, not the whole request."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Deadlines:
    """The deadlines of all requests under way."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def start(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """Limit the time of a block.

        Raises:
            TimeoutError: The time is over, or `expire_all` was called.
        """
        async with asyncio.timeout(seconds) as deadline:
            self._running.add(deadline)
            try:
                yield deadline
            finally:
                self._running.discard(deadline)

    def expire_all(self) -> None:
        """End all blocks now. Needed because aiohttp does not wake a body's reader when it closes the connection."""
        for deadline in self._running:
            if not deadline.expired():
                deadline.reschedule(0)


@asynccontextmanager
async def without_waiting_time(deadline: asyncio.Timeout, semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold a semaphore. The time spent waiting for it does not count towards the deadline."""
    loop = asyncio.get_running_loop()
    left = (deadline.when() or loop.time()) - loop.time()
    deadline.reschedule(None)
    async with semaphore:
        deadline.reschedule(loop.time() + left)
        yield
