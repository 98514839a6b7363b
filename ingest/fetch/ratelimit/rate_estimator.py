"""What a rejection says of the server's rate: the requests taken since the one before, divided by the time between.

That is exact for a token bucket, apart from noise: the order of arrival is not the order of sending. Where it cannot be
meant so (quota windows, outages, pauses in which a bucket flowed over), the cases below say what it means instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.bucket_model import BucketModel

LOWEST = 0.02
"""Requests per second; nobody is asked more seldom."""

SMALLEST_BURST = 4.0

LONG_SPELL = 3.0
"""Seconds without any request taken: an outage or the rest of a quota window, not a bucket that is being refilled."""

FAR_BELOW = 0.9
"""Taken per second, as a share of the rate believed, that contradicts it."""

ENOUGH = 20
"""Requests taken in an interval that says something."""

SOLID = 50
FADE = 0.6
"""How much of the earlier quota windows counts beside the last."""

WINDOWS = 3
"""Long spells in a row that make quota windows of outages."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What lies between two rejections.

    Attributes:
        taken: Requests taken.
        seconds: From the sending of the one rejected to that of the other.
        residual: Tokens that our image of the bucket still held when the second one went out.
        looked: Whether we were looking for more, or the rejection came unexpected.
        close: Whether it was a close look.
    """

    taken: int
    seconds: float
    residual: float
    looked: bool
    close: bool

    @property
    def rate(self) -> float:
        """Requests taken per second."""
        return self.taken / self.seconds


@dataclass(slots=True)
class RateEstimator:
    """Turns intervals into a rate and a burst.

    Attributes:
        spell: Seconds in which nothing was taken since the last rejection; 0 if it took at once.
        solid: The last rate that many requests stand for, in requests per second.
    """

    spell: float = 0.0
    solid: float = 0.0
    _below: int = 0
    _spells: int = 0
    _window_taken: float = 0.0
    _window_seconds: float = 0.0

    @property
    def in_windows(self) -> bool:
        """Whether the server counts in quota windows, by the look of it."""
        return self._spells >= WINDOWS

    @property
    def had_spell(self) -> bool:
        """Whether the last interval had a time in which nothing was taken."""
        return self._spells > 0

    @property
    def may_be_windows(self) -> bool:
        """Whether it may: a window lets far more through at its beginning than its rate."""
        return self._spells >= WINDOWS - 1

    def learn(self, bucket: BucketModel, interval: Interval, margin: float, trusted: float) -> None:
        """Correct the mirror's rate or burst.

        Args:
            bucket: What was believed.
            interval: What happened.
            margin: Tokens that noise may hide.
            trusted: Tokens that the bucket is trusted to keep.
        """
        is_below = interval.rate < FAR_BELOW * bucket.rate
        self._below = self._below + 1 if is_below else 0
        self._count_spells(interval)
        if self.in_windows:
            bucket.rate = 0.98 * self._window_taken / self._window_seconds
        elif self._contradicts(interval) and is_below:
            bucket.rate = min(bucket.rate, (interval.taken + trusted) / interval.seconds)
            self._below = 0
        elif self.spell > LONG_SPELL and is_below:
            pass  # an outage: what was believed before it still stands
        elif bucket.peak > trusted + 3 and interval.residual > max(3 * margin, 0.3 * bucket.peak):
            bucket.burst = max(bucket.peak - interval.residual, SMALLEST_BURST)
        else:
            bucket.rate = _blended(bucket, interval, margin, trusted)
        bucket.rate = max(bucket.rate, LOWEST)
        self.solid = bucket.rate if interval.taken >= SOLID else self.solid
        self.spell = 0.0

    def _count_spells(self, interval: Interval) -> None:
        if self.spell and interval.taken >= ENOUGH:
            self._spells += 1
            self._window_taken = FADE * self._window_taken + interval.taken
            self._window_seconds = FADE * self._window_seconds + interval.seconds
        else:
            self._spells, self._window_taken, self._window_seconds = 0, 0.0, 0.0

    def _contradicts(self, interval: Interval) -> bool:
        """Whether the rate has been far below what was believed too often for chance."""
        if self.spell > LONG_SPELL or self.may_be_windows:
            return self.may_be_windows
        return (self._below >= 3 and interval.taken >= ENOUGH) or (self._below >= 2 and self.spell > 0)  # noqa: PLR2004


def _blended(bucket: BucketModel, interval: Interval, margin: float, trusted: float) -> float:
    """The believed rate, moved towards the measured one as far as noise allows."""
    believed, aim = bucket.rate, interval.rate
    if bucket.credit > 0 or bucket.peak > trusted + 3:  # the bucket may have flowed over: only the image's error counts
        aim = max(aim, believed - interval.residual / interval.seconds)
    expected = believed * interval.seconds
    if interval.close and interval.looked and abs(interval.taken - expected) < margin:
        return believed  # a short interval tells of surprises only
    is_sure = interval.taken >= 100 and abs(interval.residual) <= 3 * margin  # noqa: PLR2004
    gain = 0.5 if is_sure else expected / (expected + 4 * margin)
    floor = 0.7 if interval.taken < 10 else 0.4  # noqa: PLR2004
    return max(floor * believed, believed + gain * (min(aim, 1.05 * believed) - believed))
