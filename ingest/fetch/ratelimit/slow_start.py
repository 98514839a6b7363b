"""Slow start: finds a rate about which nothing is known.

The pace grows until the first rejection; then the answers of the requests still under way are read. They give the rate
at once: the bucket is empty, so the server takes only as many as tokens come in, and the requests taken after the first
rejection, divided by the time in which they were sent, are the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GROWTH = 1.0
"""Requests per second gained per answer: the pace doubles every ln 2 = 0.7 s."""

LEAST_TAKEN = 3
"""With fewer requests taken, the answers under way say too little."""

SMALLEST_BURST = 4.0

SURE = 0.85
"""Share of a burst that is counted on: the pace is a round trip ahead of what was taken."""

WAIT_FOR_ANSWERS = 3.0
"""Round trips, and at least a second, after which the rate is read although answers are missing."""


@dataclass(slots=True)
class SlowStart:
    """One slow start, from its first request to the last answer that it waits for.

    Attributes:
        pace: Requests per second now.
        began: When it began, in seconds of the monotonic clock.
        taken_before: Requests taken before it.
        known: The rate measured before it, in requests per second; None if none was.
    """

    pace: float
    began: float
    taken_before: int = 0
    known: float | None = None
    _rejected_at: float | None = None
    _last_sent: float = 0.0
    _read_at: float = 0.0
    _taken: int = 0
    _rejected: int = 0

    @property
    def is_ending(self) -> bool:
        """Whether a request was rejected; the answers of those still under way are awaited."""
        return self._rejected_at is not None

    def grow(self, cap: float) -> None:
        """A request was taken."""
        if self.pace < cap:
            self.pace += GROWTH

    def rejected(self, sent_at: float, last_sent: float, now: float, round_trip: float) -> None:
        """The request sent at `sent_at` is the first rejected; the last one under way was sent at `last_sent`."""
        self._rejected_at, self._last_sent = sent_at, max(last_sent, sent_at)
        self._read_at = now + max(1.0, WAIT_FOR_ANSWERS * round_trip)
        self._rejected = 1

    def answered(self, sent_at: float, *, taken: bool) -> None:
        """Another request that was under way at the first rejection is answered."""
        if taken:
            self._taken += sent_at > (self._rejected_at or 0.0)
        else:
            self._rejected += 1

    def is_over(self, oldest_sent: float | None, now: float) -> bool:
        """Whether the rate can be read; `oldest_sent` is when the oldest request under way was sent."""
        if not self.is_ending:
            return False
        return oldest_sent is None or oldest_sent > self._last_sent or now > self._read_at

    @property
    def ran_dry(self) -> bool:
        """Whether the server took nothing after the first rejection: it wants a pause, not a slower pace."""
        return self._taken == 0 and self._rejected >= LEAST_TAKEN and self._last_sent > (self._rejected_at or 0.0)

    @property
    def emptied_at(self) -> float:
        """When the server's bucket was last known to be empty."""
        return self._last_sent

    @property
    def rate(self) -> float:
        """The rate measured, in requests per second; at least what was known before."""
        span = self._last_sent - (self._rejected_at or 0.0)
        if self._taken >= LEAST_TAKEN and span > 0:
            return max(min(self._taken / span, self.pace), self.known or 0.0)
        return math.sqrt(self.pace * (self.known or self.pace / 4))

    def average(self, taken: int, now: float) -> float:
        """Requests taken per second since it began, pauses included: all that is known after one that ran dry."""
        return self.known or (taken - self.taken_before) / (now - self.began)

    def burst(self, rate: float) -> float:
        """Tokens that the server had stored, if its rate is `rate`: those taken above it while the pace grew."""
        if self.pace <= rate:
            return SMALLEST_BURST
        return max(SURE * (self.pace - rate - rate * math.log(self.pace / rate)) / GROWTH, SMALLEST_BURST)
