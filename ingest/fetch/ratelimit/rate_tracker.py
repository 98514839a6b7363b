"""Follows a known rate: keeps the bucket model, paces probes, and measures the rate again at each rejection.

Times are seconds of a monotonic clock, rates requests per second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.fetch.ratelimit.probe_pacing import ProbePacing
from ingest.fetch.ratelimit.probe_schedule import ProbeSchedule
from ingest.fetch.ratelimit.rate_estimator import Interval, RateEstimator
from ingest.fetch.ratelimit.slow_start import SlowStart

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.bucket_model import BucketModel
    from ingest.fetch.ratelimit.in_flight import InFlight, SentRequest

HASTE = 1.3
"""Pace at most, as a multiple of the rate, while stored tokens are used."""

PROVEN = 30
"""Requests taken since the last rejection below which a higher rate is not yet believed."""

LONG_PAUSE = 3.0
"""Seconds without a request taken after which the cause was no matter of pace."""


@dataclass(frozen=True, slots=True)
class _Rejection:
    """When the bucket was last empty: when the rejected request was sent, and how many were taken by then."""

    sent_at: float
    taken: int


class RateTracker:
    """The rate that is followed, and all that is known about the bucket behind it.

    Args:
        bucket: The bucket model, with the rate to begin with.
        requests: The requests under way.

    Attributes:
        bucket: The bucket model.
    """

    def __init__(self, bucket: BucketModel, requests: InFlight) -> None:
        self.bucket = bucket
        self._requests = requests
        self._estimator, self._schedule, self._pacing = RateEstimator(), ProbeSchedule(), ProbePacing()
        self._last_rejection = _Rejection(0.0, 0)
        self._last_pause = 0.0

    @property
    def is_probing(self) -> bool:
        """Whether it tests if the server would give more."""
        return self._schedule.is_due

    @property
    def reserve(self) -> float:
        """Tokens kept against noise."""
        return self._pacing.reserve(self.bucket.burst)

    @property
    def pace(self) -> float:
        """Requests per second at most: the rate, and a little more while it probes or uses stored tokens."""
        return self.bucket.rate * (1 + self._excess() if self.is_probing else HASTE)

    @property
    def first_gap(self) -> float:
        """Seconds until an empty bucket is tested first; where the last pause was long, a share of that."""
        likely = self._last_pause / 4 if self._estimator.had_pause else 0.0
        return min(max((self.reserve + 1) / self.bucket.rate, self._requests.round_trip, likely), 8.0)

    def _excess(self) -> float:
        return self._pacing.excess(self.bucket, self._requests.round_trip)

    def wait(self) -> float:
        """Seconds until the bucket holds a token beyond the reserve; the reserve shrinks towards the next probe."""
        schedule, bucket = self._schedule, self.bucket
        target = self.reserve * (1 - 0.5 * schedule.since / schedule.interval) + schedule.slack * schedule.since
        return (target + 1 - bucket.level) / bucket.rate

    def advance(self, now: float) -> None:
        """Let time pass until now."""
        self.bucket.advance(now, self.reserve + 2)

    def measure_from(self, now: float) -> None:
        """Measure the rate from now on, not from the last rejection."""
        self._last_rejection = _Rejection(now, self._requests.taken)

    def sent(self, now: float) -> None:
        """A request goes out."""
        self.bucket.level -= 1
        self._requests.sent(now, self.bucket.level)
        was_probing = self.is_probing
        self._schedule.sent()
        if self.is_probing and not was_probing:
            self._pacing.begin_probe(now, self._requests.taken)

    def not_taken(self) -> None:
        """A request was not taken: its token is still there."""
        self.bucket.level += 1
        self._requests.was_not_taken()

    def rejected(self) -> None:
        """A request was rejected with 429."""
        self._schedule.rejected()

    def paused(self, seconds: float) -> None:
        """The server asks for a pause: probes that cost such pauses come more seldom."""
        stored = self.bucket.burst if self.bucket.burst < math.inf else 0.0
        lost = max(seconds * self.bucket.rate - stored, 0.0)
        self._schedule.pause_cost = max(lost, 0.8 * self._schedule.pause_cost)

    def reset(self) -> None:
        """From here on, requests under way say nothing about the bucket model."""
        self._schedule.since = 0
        self._requests.epoch += 1
        self._pacing.restart()

    def taken(self, request: SentRequest, sent_at: float, now: float) -> SlowStart | None:
        """A request was taken; returns a slow start where the rate must be found again.

        If more was taken than the bucket model held, the rate is higher than believed or a pause had filled the bucket.
        """
        bucket, requests, pacing = self.bucket, self._requests, self._pacing
        if request.epoch != requests.epoch or request.level >= -pacing.margin:
            return None
        requests.epoch += 1
        pacing.steepen()
        unexplained = bucket.overdrawn(-request.level)
        pacing.surplus += unexplained
        if unexplained < -request.level:
            return None
        self._raise_rate(requests.taken_until(request), sent_at)
        factor = 1.5 if self._schedule.has_measured else 0.4
        if pacing.surplus <= factor * bucket.burst + 2 * pacing.margin:
            return None
        requests.epoch += 1  # no bucket of this size explains the surplus
        return SlowStart(bucket.rate * (1 + self._excess()), now, requests.taken, known=bucket.rate)

    def _raise_rate(self, taken: int, sent_at: float) -> None:
        taken -= self._last_rejection.taken
        if taken >= PROVEN and not self._estimator.may_be_windows:
            seconds = sent_at - self._last_rejection.sent_at
            self.bucket.rate = max(self.bucket.rate, min(taken / seconds, 1.1 * self.bucket.rate))

    def measure(self, request: SentRequest, sent_at: float, now: float) -> bool:
        """Measure the rate at a rejection; False if nothing was taken since the last one."""
        taken = self._requests.taken_until(request)
        if taken <= self._last_rejection.taken:
            return False
        self._learn(taken, request.level + 1, sent_at)
        self._last_rejection = _Rejection(sent_at, taken)
        self.bucket.emptied(now - sent_at, self._requests.number - request.number)
        self.reset()
        return True

    def _learn(self, taken: int, residual: float, sent_at: float) -> None:
        """Learn from the interval between the last rejection and this one, and plan the next probe."""
        schedule, pacing, bucket, before = self._schedule, self._pacing, self.bucket, self.bucket.rate
        probed, seconds = self.is_probing, max(sent_at - self._last_rejection.sent_at, 1e-3)
        interval = Interval(taken - self._last_rejection.taken, seconds, residual, probed, schedule.is_close)
        self._estimator.learn(bucket, interval, pacing.margin, self.reserve)
        in_flight = bucket.rate * self._requests.round_trip
        pacing.learn_margin(interval, in_flight)
        if probed:
            schedule.ended()
        if abs(bucket.rate - before) > 0.15 * before:  # no longer the rate that was known
            schedule.rate_changed()
        else:
            schedule.confirmed()
        spare, more = bucket.burst - 2 * self.reserve - 2, pacing.found_more
        schedule.plan(interval.taken, bucket.rate, in_flight, pacing.margin, spare, probed=probed, found_more=more)
        if more and probed and not self._estimator.in_windows:
            self._follow_climb(taken, sent_at)

    def _follow_climb(self, taken: int, sent_at: float) -> None:
        """So much was found that a bucket must have overflowed unseen: the probe's own pace is nearer the truth."""
        pace = self._pacing.climb_rate(taken, sent_at, self._requests.round_trip)
        if pace is not None:
            self.bucket.rate = min(max(self.bucket.rate, pace), 1.25 * self.bucket.rate)

    def begin_anew(self, slow_start: SlowStart, now: float) -> None:
        """Take over what a slow start found out."""
        bucket = self.bucket
        self._schedule.begin_anew()
        self.reset()
        self._last_rejection = _Rejection(slow_start.emptied_at, self._requests.taken)
        if slow_start.known is None:
            bucket.burst = math.inf
        if slow_start.ran_dry:
            bucket.rate = slow_start.pace
            return
        bucket.rate = slow_start.rate
        if bucket.burst == math.inf:
            bucket.burst = slow_start.burst(bucket.rate)
        bucket.refilled(now - slow_start.emptied_at)

    def end_pause(self, seconds: float, now: float, slow_start: SlowStart | None) -> None:
        """A pause without a request taken, caused by 429, is over; `slow_start` ran dry before it."""
        bucket = self.bucket
        self._estimator.pause = self._last_pause = seconds
        if slow_start:
            bucket.rate = slow_start.average(self._requests.taken, now)
            bucket.burst = slow_start.burst(bucket.rate)
            bucket.refilled(now - self._last_rejection.sent_at)
        elif seconds > LONG_PAUSE:
            bucket.rate = max(bucket.rate, self._estimator.solid)
