"""The limiter's asyncio face: whoever wants to send waits here for its turn, and the limiter hears what came of it."""

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
"""Seconds; a wait that only paces is slept through, for it costs less than watching what might end it."""


@dataclass(slots=True)
class Permit:
    """One request's permission to go.

    Attributes:
        sent_at: When it goes, in seconds of the monotonic clock.
        answer: What came of it; whoever sends says so. A request given up on the way has failed.
        hint: Seconds that the server asks everybody to wait; None if it does not say.
    """

    sent_at: float
    answer: Answer = Answer.FAILED
    hint: float | None = None


class AsyncLimiter:
    """Lets requests through as the limiter allows, in the order in which they came, for all tasks of one event loop.

    Args:
        limit: The policy.
        clock: Where time comes from.
        cancellation: Ends the run, and all waiting.
        stats: Counts the seconds in which the server held everybody back.
    """

    def __init__(self, limit: RateController, clock: Clock, cancellation: RunCancellation, stats: RunStats) -> None:
        self.limit = limit
        self._clock = clock
        self._cancellation = cancellation
        self._stats = stats
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._sleeps_until = 0.0

    def __repr__(self) -> str:
        return f"<Gate {self.state()}>"

    def state(self) -> LimitState:
        """What the limiter does now."""
        return self.limit.state(self._clock.monotonic())

    def hold(self, seconds: float) -> None:
        """Nobody sends for so long."""
        self.limit.hold(self._clock.monotonic(), seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Permit | None]:
        """Wait for a turn, and send within the block; None if the run ended meanwhile."""
        async with self._turn:
            turn = await self._next()
        if turn is None:
            yield None
            return
        try:
            yield turn
        finally:
            self._answered(turn)

    async def _next(self) -> Permit | None:
        while not self._cancellation:
            now = self._clock.monotonic()
            wait = self.limit.wait(now)
            if wait <= 0:
                self.limit.sent(now)
                return Permit(now)
            is_held_back = self.limit.state(now).reason is not None
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

    def _answered(self, turn: Permit) -> None:
        now = self._clock.monotonic()
        self.limit.answered(turn.answer, turn.sent_at, now, turn.hint)
        if now + self.limit.wait(now) < self._sleeps_until - SHORT:
            self._woken.set()
