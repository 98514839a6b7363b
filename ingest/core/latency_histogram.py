"""Quantiles of many durations in little memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

SHORTEST = 1e-4
LONGEST = 3600.0
"""Seconds. A duration outside these bounds counts as the nearer of the two."""

WIDTH = 1.025
"""Upper end of a bin divided by its lower end: quantiles are exact to 1.25 %, and 705 bins hold every duration."""


@dataclass(slots=True)
class LatencyHistogram:
    """A histogram whose bins have equal width on a logarithmic scale, so that each quantile is equally exact.

    Attributes:
        bins: How many durations fell into each bin; bin 0 begins at `SHORTEST`.
    """

    bins: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Count a duration."""
        within = min(max(seconds, SHORTEST), LONGEST)
        self.bins[int(math.log(within / SHORTEST, WIDTH))] += 1

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` of all durations does not exceed, in seconds, to 1.25 %; None without any.

        Args:
            q: More than 0, at most 1; 0.5 is the median.
        """
        wanted, seen = q * self.bins.total(), 0
        for number, count in sorted(self.bins.items()):
            seen += count
            if seen >= wanted:
                return SHORTEST * math.pow(WIDTH, number + 0.5)  # the middle of the bin
        return None
