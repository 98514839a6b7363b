"""A run seen from outside: its counts, how fast it goes now, what it waits for, and how long it will still take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
    from ingest.fetch.ratelimit.controller import LimitState

WINDOW = 10.0
"""Seconds that the rate is taken from: long enough to stand still, short enough to be about now."""

SHORTEST_SPAN = 1.0
"""Seconds that must have passed before there is a rate; of less it would be noise."""

SHORTEST_PAUSE = 1.0
"""Seconds; a shorter pause only paces, and is not worth telling."""


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """A run at a moment.

    Attributes:
        found: IDs found in sources.
        due: IDs to ask for.
        done: IDs asked for.
        throttled: Answers 429.
        overloaded: Answers 503 and 529.
        limit: What the limiter does; None while sources are read.
        rate: IDs per second in the last `WINDOW`; None while unknown, such as in a pause.
        resumes_at: When the pause ends, UTC; None if there is none worth telling.
    """

    found: int
    due: int
    done: int
    throttled: int
    overloaded: int
    limit: LimitState | None = None
    rate: float | None = None
    resumes_at: datetime | None = None

    @property
    def eta(self) -> float | None:
        """Seconds until all is done if it goes on like this; None while unknown."""
        return (self.due - self.done) / self.rate if self.rate else None


class ProgressTracker:
    """Looks at a run: at the tally it keeps and, once it fetches, at the gate it goes through."""

    def __init__(self, stats: RunStats, clock: Clock) -> None:
        self._stats = stats
        self._clock = clock
        self._limiter: AsyncLimiter | None = None
        self._recent = RecentRate()

    def begin(self, limiter: AsyncLimiter) -> None:
        """Fetching begins."""
        self._limiter = limiter
        self._recent.add(self._clock.monotonic(), self._stats.done)

    @property
    def has_begun(self) -> bool:
        """Whether fetching has begun."""
        return self._limiter is not None

    def look(self) -> ProgressSnapshot:
        """The run now. The rate is that between looks: take one now and then."""
        stats = self._stats
        counts = (stats.sightings, stats.due, stats.done, stats.throttled, stats.overloaded)
        if self._limiter is None:
            return ProgressSnapshot(*counts)
        limit = self._limiter.state()
        is_paused = limit.pause >= SHORTEST_PAUSE
        if is_paused:
            self._recent.forget()  # else a pause would go on to look like slowness after its end
        self._recent.add(self._clock.monotonic(), stats.done)
        resumes_at = self._clock.now() + timedelta(seconds=limit.pause) if is_paused else None
        return ProgressSnapshot(*counts, limit, self._recent.per_second(), resumes_at)


class RecentRate:
    """How fast a count rose over the last `WINDOW`."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """Take a sample at `now`, in seconds. One that is as old as the window stays, to measure from."""
        self._samples.append((now, count))
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def forget(self) -> None:
        """Begin anew with the next sample."""
        self._samples.clear()

    def per_second(self) -> float | None:
        """The rate; None before `SHORTEST_SPAN` has been seen."""
        (first, count_then), (last, count_now) = self._samples[0], self._samples[-1]
        return (count_now - count_then) / (last - first) if last - first >= SHORTEST_SPAN else None
