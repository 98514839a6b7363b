"""How fast to ask: a rate that the server's answers teach, and the gate that makes everybody keep to it.

`RateLimit` is a pure policy: events and a time in seconds go in, a wait comes out, and it never sleeps. `Gate` is its
asyncio face. The rate follows AIMD (additive increase, multiplicative decrease), with a slow start that doubles it
each second until the first 429.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.clock import Clock
    from ingest.halt import Halt


class Answer(Enum):
    """What an answer says about the server, whatever it says about the ID."""

    TAKEN = auto()
    """It took the request: any answer of its own, 404 included."""
    THROTTLED = auto()
    """429: too fast."""
    OVERLOADED = auto()
    """503 or 529: it takes nobody's."""
    FAILED = auto()
    """Another 5xx, a timeout or a broken connection."""


START_RATE = 20.0
"""Requests per second before anything is known."""

LOWEST_RATE = 0.5
DECREASE = 0.7
INCREASE = 5.0
"""Requests per second gained per second of sending at the full rate."""

DOUBLING = 0.7
"""Requests per second gained per answer in the slow start: ln 2, which doubles the rate each second."""

CATCH_UP = 0.05
"""Seconds of sends that may be made up for when the event loop was late."""


@dataclass(slots=True)
class RateLimit:
    """AIMD on the rate of sends.

    Attributes:
        cap: Requests per second at most; None for no cap.
        rate: Requests per second now.
    """

    cap: float | None = None
    rate: float = START_RATE
    _next_send: float = 0.0
    _paused_until: float = 0.0
    _reduced_at: float = field(default=float("-inf"))
    _slow_start: bool = True

    def __post_init__(self) -> None:
        self.rate = self._capped(self.rate)

    def wait(self, now: float) -> float:
        """Seconds until the next send may go; 0 means now."""
        return max(self._next_send, self._paused_until, now) - now

    def pause(self, now: float) -> float:
        """Seconds that everybody still waits because the server asked for it."""
        return max(self._paused_until - now, 0.0)

    def sent(self, now: float) -> None:
        """A send went out now."""
        self._next_send = max(self._next_send, now - CATCH_UP) + 1 / self.rate

    def succeeded(self) -> None:
        """The server took a request: the rate rises, in proportion to how much of it was used."""
        self.rate = self._capped(self.rate + (DOUBLING if self._slow_start else INCREASE / self.rate))

    def rejected(self, sent_at: float, now: float, hint: float | None) -> None:
        """The server said 429. Only a request sent at today's rate lowers it: one episode counts once."""
        self.hold(now, hint or 0.0)
        if sent_at < self._reduced_at:
            return
        self._slow_start = False
        self._reduced_at = now
        self.rate = self._capped(max(self.rate * DECREASE, LOWEST_RATE))
        self.hold(now, 1 / self.rate)

    def hold(self, now: float, seconds: float) -> None:
        """Nobody sends for so long; the rate stays."""
        self._paused_until = max(self._paused_until, now + seconds)

    def _capped(self, rate: float) -> float:
        return min(rate, self.cap) if self.cap else rate


class Gate:
    """Lets requests through at the limit's pace, for all workers of one event loop.

    Attributes:
        limit: The policy.
        in_flight: Requests under way.
    """

    def __init__(self, limit: RateLimit, clock: Clock, halt: Halt) -> None:
        self.limit = limit
        self.in_flight = 0
        self._clock = clock
        self._halt = halt
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        pause = self.limit.pause(self._clock.monotonic())
        return f"<Gate {self.limit.rate:.1f}/s, {self.in_flight} in flight, paused for {pause:.1f} s>"

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float | None]:
        """Wait for a turn.

        The value is the moment of sending, in seconds of the monotonic clock; None if the run ended meanwhile.
        """
        async with self._turn:
            sent_at = await self._turn_comes()
        if sent_at is None:
            yield None
            return
        self.in_flight += 1
        try:
            yield sent_at
        finally:
            self.in_flight -= 1

    async def _turn_comes(self) -> float | None:
        while not self._halt:
            now = self._clock.monotonic()
            wait = self.limit.wait(now)
            if wait <= 0:
                self.limit.sent(now)
                return now
            await self._halt.sleep(self._clock, wait)
        return None
