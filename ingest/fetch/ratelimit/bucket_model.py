"""Model of the server's token bucket, kept from our own sends and its rejections alone.

A server that limits requests hands out tokens at a rate, and stores a few while no request comes. A rejection proves
one thing: at that moment the bucket was empty. So the requests taken between two rejections, divided by the time
between them, *are* the rate, and requests taken beyond the model's own level prove that the rate is higher than
believed.
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
        burst: Tokens it holds at most; infinite until it is learned.
        level: Tokens in it now; negative: more were taken than it was believed to hold.
        credit: Tokens that may be there in addition: those that overflowed in the model, or came in while no request
            was taken.
        peak: The highest level since the last rejection.
    """

    rate: float
    burst: float = math.inf
    level: float = 0.0
    credit: float = 0.0
    peak: float = 0.0
    _at: float = -math.inf

    def advance(self, now: float, headroom: float) -> None:
        """Let tokens come in until now; the bucket is trusted to hold at least `headroom` tokens."""
        seconds, self._at = max(now - self._at, 0.0) if self._at > -math.inf else 0.0, max(now, self._at)
        full = self.level + self.rate * seconds
        self.level = min(full, max(self.level, self.burst, headroom))
        self.credit += full - self.level
        self.peak = max(self.peak, self.level)

    def emptied(self, seconds_ago: float, taken_since: int) -> None:
        """The bucket was empty `seconds_ago`, and `taken_since` requests went out since."""
        self.level = min(self.level, JUST_EMPTIED + self.rate * seconds_ago - taken_since)
        self.peak, self.credit = self.level, 0.0

    def refilled(self, seconds: float) -> None:
        """The bucket was empty, and for so many seconds nothing was taken."""
        self.level = self.peak = self.rate * seconds
        self.credit = 0.0

    def distrust(self, trusted: float) -> None:
        """Count at most `trusted` tokens as present; the others become credit."""
        beyond = max(self.level - trusted, 0.0)
        self.level -= beyond
        self.credit = min(self.credit + beyond, 2 * self.burst)
        self.peak = self.level

    def overdrawn(self, tokens: float) -> float:
        """So many tokens were taken beyond the level; returns those that the credit does not explain either."""
        explained = min(self.credit, tokens)
        self.level += tokens
        self.credit -= explained
        self.burst += explained
        return tokens - explained
