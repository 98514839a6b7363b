"""Estimates the server's rate: the requests taken between two rejections, divided by the time between them.

For a token bucket that is exact, apart from noise: requests do not arrive in the order in which they were sent. In
quota windows, outages and pauses in which a bucket overflowed it means something else; `RateEstimator.learn` tells
these cases apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.bucket_model import BucketModel

LOWEST = 0.02
"""Requests per second; no rate is estimated lower."""

SMALLEST_BURST = 4.0

LONG_PAUSE = 3.0
"""Seconds without a request taken beyond which the cause is an outage or a quota window, not a bucket that refills."""

FAR_BELOW = 0.9
"""Requests taken per second, as a share of the believed rate, below which they contradict it."""

ENOUGH = 20
"""Requests taken in an interval below which it says too little."""

SOLID = 50
"""Requests taken in an interval from which its rate counts as well founded."""

FADE = 0.6
"""Weight of the earlier quota windows beside the last."""

WINDOWS = 3
"""Intervals in a row with a pause after which the server is taken to count in quota windows."""

BELOW, BELOW_WITH_PAUSE = 3, 2
"""Intervals in a row far below the believed rate that are no longer chance: without and with a pause."""

SURE, FEW = 100, 10
"""Requests taken in an interval from which its rate is sure, and below which it may lower the believed rate less."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The time between two rejections.

    Attributes:
        taken: Requests taken.
        seconds: From the sending of the one rejected to that of the other.
        residual: Tokens that the bucket model still held when the second one went out.
        probed: Whether a probe was under way; otherwise the rejection was unexpected.
        close: Whether it was a close probe.
    """

    taken: int
    seconds: float
    residual: float
    probed: bool
    close: bool

    @property
    def rate(self) -> float:
        """Requests taken per second."""
        return self.taken / self.seconds


@dataclass(slots=True)
class RateEstimator:
    """Turns intervals into a rate and a burst.

    Attributes:
        pause: Seconds without a request taken after the last rejection; 0 if the server went on at once.
        solid: The last well-founded rate, in requests per second.
    """

    pause: float = 0.0
    solid: float = 0.0
    _below: int = 0
    _pauses: int = 0
    _window_taken: float = 0.0
    _window_seconds: float = 0.0

    @property
    def in_windows(self) -> bool:
        """Whether the server appears to count in quota windows."""
        return self._pauses >= WINDOWS

    @property
    def had_pause(self) -> bool:
        """Whether the last interval had a pause in which nothing was taken."""
        return self._pauses > 0

    @property
    def may_be_windows(self) -> bool:
        """Whether it may count in windows: a window lets far more through at its beginning than its rate."""
        return self._pauses >= WINDOWS - 1

    def learn(self, bucket: BucketModel, interval: Interval, margin: float, trusted: float) -> None:
        """Correct the bucket model's rate or burst.

        Args:
            bucket: The bucket model, which is changed.
            interval: What was measured.
            margin: Tokens that noise may hide.
            trusted: Tokens that the bucket is trusted to keep.
        """
        is_below = interval.rate < FAR_BELOW * bucket.rate
        self._below = self._below + 1 if is_below else 0
        self._count_pauses(interval)
        if self.in_windows:
            bucket.rate = 0.98 * self._window_taken / self._window_seconds
        elif self._contradicts(interval) and is_below:
            bucket.rate = min(bucket.rate, (interval.taken + trusted) / interval.seconds)
            self._below = 0
        elif self.pause > LONG_PAUSE and is_below:
            pass  # an outage: the rate believed before it still holds
        elif bucket.peak > trusted + 3 and interval.residual > max(3 * margin, 0.3 * bucket.peak):
            bucket.burst = max(bucket.peak - interval.residual, SMALLEST_BURST)
        else:
            bucket.rate = _blended(bucket, interval, margin, trusted)
        bucket.rate = max(bucket.rate, LOWEST)
        self.solid = bucket.rate if interval.taken >= SOLID else self.solid
        self.pause = 0.0

    def _count_pauses(self, interval: Interval) -> None:
        if self.pause and interval.taken >= ENOUGH:
            self._pauses += 1
            self._window_taken = FADE * self._window_taken + interval.taken
            self._window_seconds = FADE * self._window_seconds + interval.seconds
        else:
            self._pauses, self._window_taken, self._window_seconds = 0, 0.0, 0.0

    def _contradicts(self, interval: Interval) -> bool:
        """Whether the measured rate was far below the believed one too often for chance."""
        if self.pause > LONG_PAUSE or self.may_be_windows:
            return self.may_be_windows
        return (self._below >= BELOW and interval.taken >= ENOUGH) or (
            self._below >= BELOW_WITH_PAUSE and self.pause > 0
        )


def _blended(bucket: BucketModel, interval: Interval, margin: float, trusted: float) -> float:
    """The believed rate, moved towards the measured one as far as noise allows."""
    believed, aim = bucket.rate, interval.rate
    if bucket.credit > 0 or bucket.peak > trusted + 3:  # the bucket may have overflowed: only the model's error counts
        aim = max(aim, believed - interval.residual / interval.seconds)
    expected = believed * interval.seconds
    if interval.close and interval.probed and abs(interval.taken - expected) < margin:
        return believed  # a short interval shows large changes only
    is_sure = interval.taken >= SURE and abs(interval.residual) <= 3 * margin
    gain = 0.5 if is_sure else expected / (expected + 4 * margin)
    floor = 0.7 if interval.taken < FEW else 0.4
    return max(floor * believed, believed + gain * (min(aim, 1.05 * believed) - believed))
