"""While the server takes nothing: one test request at a time, at growing intervals."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.15
SOONEST, LATEST = 0.5, 8.0
"""Seconds between two test requests: this share of the outage so far, between these limits."""


@dataclass(slots=True)
class Outage:
    """A time in which the server takes nothing, whatever the pace.

    Attributes:
        reason: ``throttled`` (429), ``overloaded`` (503, 529, failures in a row) or ``silent`` (no answers).
        since: When it began, in seconds of the monotonic clock.
        gap: Seconds before the next test request.
    """

    reason: str
    since: float
    gap: float
    _next: float = 0.0
    _sent: float | None = None

    def __post_init__(self) -> None:
        self._next = self.since + self.gap

    def wait(self, now: float, patience: float) -> float:
        """Seconds until the next test request; one without an answer after `patience` seconds is given up."""
        return max(self._next, self._sent + patience if self._sent is not None else 0.0) - now

    def tested(self, now: float) -> None:
        """A test request goes out."""
        self._sent = now

    def goes_on(self, sent_at: float, now: float) -> None:
        """The test request sent at `sent_at` failed. A rate limit may end soon, so after 429 the gap only doubles."""
        if self.reason == "throttled":
            self.gap = min(2 * self.gap, LATEST)
        else:
            self.gap = min(max(SHARE * (now - self.since), SOONEST), LATEST)
        self._next = now + self.gap
        if self._sent is not None and sent_at >= self._sent:  # otherwise a later one is still under way
            self._sent = None
