"""Finding a rate of which nothing is known: faster and faster until the first rejection, then the last flight is read.

The requests that were under way when the server first refused tell its rate at once: it empties its bucket and takes
from then on what comes in, so those taken, divided by the time in which they were sent, are the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GROWTH = 1.0
"""Requests per second gained per answer: the pace doubles every ln 2 = 0.7 s."""

LEAST_TAKEN = 3
"""A flight in which fewer were taken says too little."""

SMALLEST_BURST = 4.0

SURE = 0.85
"""Share of a burst that is counted on: the pace is a round trip ahead of what was taken."""

FLIGHT_LASTS = 3.0
"""Round trips, and at least a second, after which a flight is read although answers are missing."""


@dataclass(slots=True)
class SlowStart:
    """One search, from its first request to the last answer of its last flight.

    Attributes:
        pace: Requests per second now.
        began: When, in seconds of the monotonic clock.
        taken_before: Requests taken before it.
        known: The rate measured before it; None if none was.
    """

    pace: float
    began: float
    taken_before: int = 0
    known: float | None = None
    _refused_at: float | None = None
    _last_sent: float = 0.0
    _read_at: float = 0.0
    _taken: int = 0
    _refused: int = 0

    @property
    def is_ending(self) -> bool:
        """Whether it was refused, and waits for the answers of its last flight."""
        return self._refused_at is not None

    def grow(self, cap: float) -> None:
        """A request was taken."""
        if self.pace < cap:
            self.pace += GROWTH

    def refused(self, sent_at: float, last_sent: float, now: float, rtt: float) -> None:
        """The first refusal, of a request sent at `sent_at`; the last one under way was sent at `last_sent`."""
        self._refused_at, self._last_sent = sent_at, max(last_sent, sent_at)
        self._read_at = now + max(1.0, FLIGHT_LASTS * rtt)
        self._refused = 1

    def answered(self, sent_at: float, *, taken: bool) -> None:
        """Another answer of the last flight."""
        if taken:
            self._taken += sent_at > (self._refused_at or 0.0)
        else:
            self._refused += 1

    def is_over(self, oldest_sent: float | None, now: float) -> bool:
        """Whether the last flight can be read; `oldest_sent` is when the oldest request under way was sent."""
        if not self.is_ending:
            return False
        return oldest_sent is None or oldest_sent > self._last_sent or now > self._read_at

    @property
    def ran_dry(self) -> bool:
        """Whether the server took nothing at all of the flight: not a slower pace but a pause is wanted."""
        return self._taken == 0 and self._refused >= LEAST_TAKEN and self._last_sent > (self._refused_at or 0.0)

    @property
    def emptied_at(self) -> float:
        """When the server's bucket was last known to be empty."""
        return self._last_sent

    @property
    def rate(self) -> float:
        """What the last flight says, in requests per second; at least what was known before."""
        span = self._last_sent - (self._refused_at or 0.0)
        if self._taken >= LEAST_TAKEN and span > 0:
            return max(min(self._taken / span, self.pace), self.known or 0.0)
        return math.sqrt(self.pace * (self.known or self.pace / 4))

    def average(self, taken: int, now: float) -> float:
        """Requests taken per second since it began, pauses included: all that is known of one that ran dry."""
        return self.known or (taken - self.taken_before) / (now - self.began)

    def burst(self, rate: float) -> float:
        """Tokens that the server had stored, if its rate is `rate`: those taken above it while the pace grew."""
        if self.pace <= rate:
            return SMALLEST_BURST
        return max(SURE * (self.pace - rate - rate * math.log(self.pace / rate)) / GROWTH, SMALLEST_BURST)
