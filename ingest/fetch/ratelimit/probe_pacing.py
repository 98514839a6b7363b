"""How far a probe exceeds the known rate, and how many tokens are kept in reserve against noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.bucket_model import BucketModel
    from ingest.fetch.ratelimit.rate_estimator import Interval

FIRST_EXCESS, MOST_EXCESS = 0.25, 0.5
"""Largest excess over the rate, as a share of it, with which a probe begins, and that it may reach."""

LEAST_EXCESS = 0.01
EXCESS_ON_CREDIT = 0.15
"""Largest excess while credit of the bucket model may explain what is taken."""

STEEPER, STEEPEST = 1.5, 50.0
"""Factor by which the excess grows each time the server takes a margin of tokens more than the bucket model held, and
the most it may grow to."""

MARGIN, LEAST_MARGIN = 4.0, 2.5
"""Tokens kept in the bucket against noise: at first, and at least."""

ENOUGH = 30
"""Requests taken in an interval below which its end has other causes than noise."""

CLIMB_TAKEN = 20
"""Requests that a probe must have had taken before its own pace says something."""


@dataclass(slots=True)
class ProbePacing:
    """Excess of the probes and margin against noise of one limiter.

    Attributes:
        margin: Tokens that noise may hide.
        surplus: Tokens taken since the last rejection that the bucket model cannot explain.
    """

    margin: float = MARGIN
    surplus: float = 0.0
    _steepness: float = 1.0
    _climb: tuple[float, int] | None = None

    def reserve(self, burst: float) -> float:
        """Tokens kept against noise; a small bucket cannot keep many."""
        return min(self.margin, burst / 2)

    def excess(self, bucket: BucketModel, round_trip: float) -> float:
        """How far a probe exceeds the rate, as a share of it.

        Small enough that few requests are under way when the bucket becomes empty.
        """
        first = min(max(1 / (bucket.rate * round_trip), LEAST_EXCESS), FIRST_EXCESS)
        if bucket.credit > 0:
            return max(first, min(first * self._steepness, EXCESS_ON_CREDIT))
        return min(first * self._steepness, MOST_EXCESS)

    def steepen(self) -> None:
        """The server took more than the bucket model held."""
        self._steepness = min(self._steepness * STEEPER, STEEPEST)

    def restart(self) -> None:
        """The bucket model is reset."""
        self._steepness, self.surplus = 1.0, 0.0

    def begin_probe(self, now: float, taken: int) -> None:
        """A probe begins, after so many requests taken."""
        self._climb = (now, taken)

    @property
    def found_more(self) -> bool:
        """Whether more was taken than noise explains."""
        return self.surplus > 3 * self.margin

    def climb_rate(self, taken: int, sent_at: float, round_trip: float) -> float | None:
        """Requests taken per second during the probe, a little reduced; None if the probe was too short."""
        began, taken_before = self._climb or (sent_at, taken)
        if sent_at - began <= 2 * round_trip or taken - taken_before <= CLIMB_TAKEN:
            return None
        return 0.97 * (taken - taken_before) / (sent_at - began)

    def learn_margin(self, interval: Interval, usually_in_flight: float) -> None:
        """Adapt the margin: an unexpected rejection is noise, and as many arrive out of order as are under way."""
        if interval.probed:
            self.margin = max(0.97 * self.margin, LEAST_MARGIN)
        elif interval.taken >= ENOUGH:
            self.margin = min(1.25 * self.margin, 3 + 3 * math.sqrt(usually_in_flight))
