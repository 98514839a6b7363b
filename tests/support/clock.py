"""A clock that tests hand to the code: nobody waits, and the order of events is always the same."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BOOT = 1000.0


class FakeClock:
    """Virtual time, which moves only when every task of the event loop waits.

    It then jumps to the earliest wake-up; sleepers that wake at the same moment do so in the order they lay down.

    Attributes:
        elapsed: Seconds since the test began.
        wall: What `now` says at its beginning.
    """

    def __init__(self, wall: datetime = NOON) -> None:
        self.elapsed = 0.0
        self.wall = wall
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._driver: asyncio.Task[None] | None = None
        self._holds = 0
        self._released: asyncio.Event | None = None

    def now(self) -> datetime:
        return self.wall + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return BOOT + self.elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass outside any event loop, or for one that is busy."""
        self.elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._order), woken))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        await woken

    @contextmanager
    def held(self):
        """Time stands still inside, so that a real socket takes no virtual time."""
        if self._released is None:
            self._released = asyncio.Event()
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._released.set()
                self._released = None

    async def _drive(self) -> None:
        while self._sleepers:
            await self._until_idle()
            wake, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.elapsed = max(self.elapsed, wake)
                woken.set_result(None)

    async def _until_idle(self) -> None:
        ready = asyncio.get_running_loop()._ready
        await asyncio.sleep(0)
        while ready or self._released:
            if ready:
                await asyncio.sleep(0)
            else:
                await self._released.wait()
