"""Progress of a run: its counts, its rate now, the limiter's state, and the time left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
    from ingest.fetch.ratelimit.controller import LimitState

WINDOW = 10.0
"""Seconds over which the rate is measured: long enough to be steady, short enough to be current."""

SHORTEST_SPAN = 1.0
"""Seconds that must be measured before there is a rate; over less it would be noise."""

SHORTEST_PAUSE = 1.0
"""Seconds; a shorter pause is ordinary pacing and is not shown."""


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """Progress of a run at one moment.

    Attributes:
        found: IDs found in sources.
        due: IDs to fetch.
        done: IDs fetched, whatever the outcome.
        throttled: Answers 429.
        overloaded: Answers 503 and 529.
        limit: State of the limiter; None while sources are read.
        rate: IDs per second in the last `WINDOW`; None while unknown, as during a pause.
        resumes_at: When the pause ends, UTC; None without a pause of at least `SHORTEST_PAUSE`.
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
        """Seconds left at the current rate; None while the rate is unknown or 0."""
        return (self.due - self.done) / self.rate if self.rate else None


class ProgressTracker:
    """Takes snapshots of a run from its stats and, once it fetches, its limiter.

    Args:
        stats: The run's counts.
        clock: Measures the rate and dates the end of a pause.
    """

    def __init__(self, stats: RunStats, clock: Clock) -> None:
        self._stats = stats
        self._clock = clock
        self._limiters: Sequence[AsyncLimiter] = ()
        self._recent = RecentRate()

    def begin(self, limiters: Sequence[AsyncLimiter]) -> None:
        """Start measuring the rate; called when fetching begins, with the limiter of each account."""
        self._limiters = limiters
        self._recent.add(self._clock.monotonic(), self._stats.done)

    @property
    def has_begun(self) -> bool:
        """Whether fetching has begun."""
        return bool(self._limiters)

    def snapshot(self) -> ProgressSnapshot:
        """The progress now. Each call adds a sample to the rate, so call it regularly."""
        stats = self._stats
        counts = (stats.sightings, stats.due, stats.done, stats.throttled, stats.overloaded)
        if not self._limiters:
            return ProgressSnapshot(*counts)
        limit = _together([limiter.state() for limiter in self._limiters])
        is_paused = limit.pause >= SHORTEST_PAUSE
        if is_paused:
            self._recent.reset()  # otherwise the rate after a pause would include it
        self._recent.add(self._clock.monotonic(), stats.done)
        resumes_at = self._clock.now() + timedelta(seconds=limit.pause) if is_paused else None
        return ProgressSnapshot(*counts, limit, self._recent.per_second(), resumes_at)


def _together(states: Sequence[LimitState]) -> LimitState:
    """The state of several limiters as one: the one that waits shortest, with the sums of what all of them send."""
    rate, in_flight = sum(state.rate for state in states), sum(state.in_flight for state in states)
    return replace(min(states, key=lambda state: state.pause), rate=rate, in_flight=in_flight)


class RecentRate:
    """The rate at which a count rose over the last `WINDOW` seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """Add a sample at `now`, in monotonic seconds; keeps one sample as old as the window as the starting point."""
        self._samples.append((now, count))
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def reset(self) -> None:
        """Discard all samples."""
        self._samples.clear()

    def per_second(self) -> float | None:
        """The rate; None until the samples span `SHORTEST_SPAN`."""
        (first, count_then), (last, count_now) = self._samples[0], self._samples[-1]
        return (count_now - count_then) / (last - first) if last - first >= SHORTEST_SPAN else None
