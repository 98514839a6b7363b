"""Asyncio front end of the limiter: tasks wait for a permit, send, and report the answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.fetch.ratelimit.controller import LimitState, RateController

SHORT = 0.05
"""Seconds; a wait up to this long only paces and is slept through, which costs less than watching what may end it."""


@dataclass(slots=True)
class Permit:
    """Permission to send one request.

    Attributes:
        sent_at: When the request goes out, in seconds of the monotonic clock.
        answer: What came of it, set by the sender. A request abandoned on the way counts as failed.
        hint: Seconds that the server asks all clients to wait; None if it named none.
    """

    sent_at: float
    answer: Answer = Answer.FAILED
    hint: float | None = None


class AsyncLimiter:
    """Gives permits as the controller allows, in the order of asking, to all tasks of one event loop.

    Args:
        controller: The policy.
        clock: The run's clock.
        cancellation: Ends all waiting when it is set.
        stats: Counts the seconds in which the server held requests back.
    """

    def __init__(
        self, controller: RateController, clock: Clock, cancellation: RunCancellation, stats: RunStats
    ) -> None:
        self.controller = controller
        self._clock = clock
        self._cancellation = cancellation
        self._stats = stats
        self._queue = asyncio.Lock()
        self._woken = asyncio.Event()
        self._sleeps_until = 0.0

    def __repr__(self) -> str:
        return f"<AsyncLimiter {self.state()}>"

    def state(self) -> LimitState:
        """What the limiter does now."""
        return self.controller.state(self._clock.monotonic())

    def hold(self, seconds: float) -> None:
        """Give no permit for so long."""
        self.controller.hold(self._clock.monotonic(), seconds)

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[Permit | None]:
        """Wait for a permit; the request is sent within the block. None if the run ended meanwhile."""
        async with self._queue:
            permit = await self._next()
        if permit is None:
            yield None
            return
        try:
            yield permit
        finally:
            self._answered(permit)

    async def _next(self) -> Permit | None:
        while not self._cancellation:
            now = self._clock.monotonic()
            wait = self.controller.wait(now)
            if wait <= 0:
                self.controller.sent(now)
                return Permit(now)
            is_held_back = self.controller.state(now).reason is not None
            await self._sleep(now, wait)
            self._stats.held_back += (self._clock.monotonic() - now) * is_held_back
        return None

    async def _sleep(self, now: float, seconds: float) -> None:
        if seconds <= SHORT:
            await self._clock.sleep(seconds)
            return
        self._woken.clear()
        self._sleeps_until = now + seconds
        await self._cancellation.sleep(self._clock, seconds, self._woken)

    def _answered(self, permit: Permit) -> None:
        now = self._clock.monotonic()
        self.controller.answered(permit.answer, permit.sent_at, now, permit.hint)
        if now + self.controller.wait(now) < self._sleeps_until - SHORT:
            self._woken.set()
