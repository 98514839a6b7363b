"""Our image of the server's token bucket, kept from our own sends and its rejections alone.

A server that limits requests hands out tokens at a rate, and holds a few while nobody asks. A rejection says one thing
for certain: at that moment the bucket was empty. So what was taken between two rejections, divided by the time between
them, *is* the rate, and what is taken beyond the image's own level proves that the rate is higher than believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

JUST_EMPTIED = 0.5
"""Tokens in a bucket that has just rejected a request: less than one."""


@dataclass(slots=True)
class BucketModel:
    """What the server's bucket is believed to hold.

    Attributes:
        rate: Tokens (requests) per second that come in.
        burst: Tokens it holds at most; infinite until it is learnt.
        level: Tokens in it now; negative: more were taken than it was believed to hold.
        credit: Tokens that may be there beside: those that flowed over in our belief, or came in while nobody got
            through.
        peak: The highest level since the last rejection.
    """

    rate: float
    burst: float = math.inf
    level: float = 0.0
    credit: float = 0.0
    peak: float = 0.0
    _at: float = -math.inf

    def advance(self, now: float, headroom: float) -> None:
        """Let tokens come in until now; `headroom` is the least that the bucket is trusted to hold."""
        seconds, self._at = max(now - self._at, 0.0) if self._at > -math.inf else 0.0, max(now, self._at)
        full = self.level + self.rate * seconds
        self.level = min(full, max(self.level, self.burst, headroom))
        self.credit += full - self.level
        self.peak = max(self.peak, self.level)

    def emptied(self, seconds_ago: float, taken_since: int) -> None:
        """It was empty some seconds ago, and so many requests went out since."""
        self.level = min(self.level, JUST_EMPTIED + self.rate * seconds_ago - taken_since)
        self.peak, self.credit = self.level, 0.0

    def refilled(self, seconds: float) -> None:
        """It was empty, and for so many seconds nothing was taken."""
        self.level = self.peak = self.rate * seconds
        self.credit = 0.0

    def distrust(self, trusted: float) -> None:
        """Count only so many tokens as there; what is beyond may be there or not."""
        beyond = max(self.level - trusted, 0.0)
        self.level -= beyond
        self.credit = min(self.credit + beyond, 2 * self.burst)
        self.peak = self.level

    def overdrawn(self, tokens: float) -> float:
        """So many tokens were taken beyond the level; returns those that not even the credit explains."""
        explained = min(self.credit, tokens)
        self.level += tokens
        self.credit -= explained
        self.burst += explained
        return tokens - explained
