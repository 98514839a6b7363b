"""What a client could do instead: the textbook ways to share a server's limit, as policies for the lab.

Each follows the algorithm as its authors published it. What they leave to the caller is settled alike for all: a hint
holds all requests back, and what was not taken is sent again, for the work has to be done.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from lab.world import Policy

REJECTIONS = (Answer.THROTTLED, Answer.OVERLOADED)


class _Hinted:
    """A hint holds all requests back."""

    def __init__(self) -> None:
        self._paused_until = 0.0

    def _heed(self, now: float, hint: float | None) -> None:
        if hint is not None:
            self._paused_until = max(self._paused_until, now + hint)

    def _until(self, ready: float, now: float) -> float:
        return max(ready, self._paused_until, now) - now


class _Paced(_Hinted):
    """Requests at even distances."""

    MOST = 256
    CATCH_UP = 0.05
    """Seconds of sends that are made up for when a timer was late."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate
        self._next = 0.0
        self._in_flight = 0

    def wait(self, now: float) -> float:
        return self._until(self._next, now) if self._in_flight < self.MOST else math.inf

    def sent(self, now: float) -> None:
        self._next = max(self._next, now - self.CATCH_UP) + 1 / self._rate
        self._in_flight += 1

    def answered(self, _answer: Answer, _sent_at: float, now: float, hint: float | None = None) -> None:
        self._in_flight -= 1
        self._heed(now, hint)


class _Slots(_Hinted):
    """So many requests at once; one that was not taken backs off with full jitter, and keeps its slot meanwhile.

    Requests that were sent at the same moment cannot be told apart, so any of them may be the one answered.
    """

    def __init__(self, random: Random, slots: int, delays: Sequence[float]) -> None:
        super().__init__()
        self._random = random
        self._slots = slots
        self._delays = delays
        self._used = 0
        self._retries: list[tuple[float, int]] = []
        self._failures: dict[float, list[int]] = defaultdict(list)

    def wait(self, now: float) -> float:
        if self._used < self._slots:
            return self._until(now, now)
        return self._until(self._retries[0][0], now) if self._retries else math.inf

    def sent(self, now: float) -> None:
        if self._retries and self._retries[0][0] <= now:
            _, failures = heapq.heappop(self._retries)
        else:
            failures = 0
            self._used += 1
        self._failures[now].append(failures)

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        self._heed(now, hint)
        failures = self._failures[sent_at].pop()
        if not self._failures[sent_at]:
            del self._failures[sent_at]
        if answer is Answer.TAKEN:
            self._used -= 1
            return
        longest = self._delays[min(failures, len(self._delays) - 1)]
        heapq.heappush(self._retries, (now + self._random.uniform(0, longest), failures + 1))


class Fixed(_Paced):
    """A fixed rate from the configuration: what most clients call their rate limit."""

    def __init__(self, _: Random) -> None:
        super().__init__(rate=30.0)


class Workers(_Slots):
    """A pool of workers, each with exponential backoff and full jitter.

    As in M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random, slots=64, delays=(0.5, 1, 2, 4, 8, 16, 20))


class Aimd(_Paced):
    """Additive increase, multiplicative decrease of the rate, after a slow start.

    As in Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989, with the
    slow start of Jacobson, "Congestion Avoidance and Control", 1988.
    """

    LOWEST = 0.5
    INCREASE = 5.0
    DECREASE = 0.7

    def __init__(self, _: Random) -> None:
        super().__init__(rate=8.0)
        self._slow_start = True
        self._decreased_at = -math.inf

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        super().answered(answer, sent_at, now, hint)
        if answer is Answer.TAKEN:
            # As many answers as the rate come in a second of sending: ln 2 for each doubles it.
            self._rate += math.log(2) if self._slow_start else self.INCREASE / self._rate
        elif answer in REJECTIONS and sent_at >= self._decreased_at:
            self._slow_start = False
            self._decreased_at = now
            self._rate = max(self._rate * self.DECREASE, self.LOWEST)


class AwsAdaptive(_Slots):
    """The adaptive retry mode of AWS's SDKs: a token bucket that CUBIC fills, beside the standard backoff.

    As in "Retry behavior", AWS SDKs and Tools Reference Guide, and botocore's `retries/adaptive.py`; with no limit to
    the tries.
    """

    BETA = 0.7
    SCALE = 0.4
    SMOOTHING = 0.8
    SPAN = 0.5
    """Seconds over which the client's own rate is measured."""

    LOWEST = 0.5

    def __init__(self, random: Random) -> None:
        super().__init__(random, slots=64, delays=(1, 2, 4, 8, 16, 20))
        self._enabled = False
        self._rate = 1.0
        self._tokens = self._tokens_at = 0.0
        self._measured = 0.0
        self._answers = 0
        self._span_began = -math.inf
        self._most = self._plateau = self._throttled_at = 0.0

    def wait(self, now: float) -> float:
        wait = super().wait(now)
        if self._enabled:
            wait = max(wait, (1 - self._tokens_by(now)) / self._rate)
        return wait

    def sent(self, now: float) -> None:
        super().sent(now)
        if self._enabled:
            self._tokens, self._tokens_at = self._tokens_by(now) - 1, now

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        super().answered(answer, sent_at, now, hint)
        self._measure(now)
        if answer in REJECTIONS:
            self._most = min(self._measured, self._rate) if self._enabled else self._measured
            self._plateau = (self._most * (1 - self.BETA) / self.SCALE) ** (1 / 3)
            self._throttled_at = now
            self._enabled = True
            rate = self._most * self.BETA
        else:
            rate = self._most + self.SCALE * (now - self._throttled_at - self._plateau) ** 3
        rate = min(rate, 2 * self._measured)
        # What has come in so far came in at the old rate.
        self._tokens, self._tokens_at = self._tokens_by(now), now
        self._rate = max(rate, self.LOWEST)

    def _tokens_by(self, now: float) -> float:
        return min(self._tokens + (now - self._tokens_at) * self._rate, max(self._rate, 1.0))

    def _measure(self, now: float) -> None:
        self._answers += 1
        span = math.floor(now / self.SPAN) * self.SPAN
        if span > self._span_began:
            latest = self._answers / (span - self._span_began)
            self._measured += self.SMOOTHING * (latest - self._measured)
            self._answers = 0
            self._span_began = span


class VectorArc(_Slots):
    """Vector's Adaptive Request Concurrency: AIMD on the number of requests at once, led by how long they take.

    As in Vector's RFC 1858, and its `adaptive_concurrency/controller.rs` for what has changed since; retries back off
    by Vector's Fibonacci sequence.
    """

    ALPHA = 0.4
    DEVIATIONS = 2.5
    DECREASE = 0.9
    MOST = 200

    def __init__(self, random: Random) -> None:
        super().__init__(random, slots=1, delays=(1, 2, 3, 5, 8, 13, 21, 30))
        self._mean: float | None = None
        self._variance = 0.0
        self._next_update = 0.0
        self._begin_span()

    def sent(self, now: float) -> None:
        used = self._used
        super().sent(now)
        # Only a request that is new asks for a slot.
        if self._used > used and self._used >= self._slots:
            self._reached = True

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        super().answered(answer, sent_at, now, hint)
        if answer is not Answer.TAKEN:
            self._pressed = True
            return
        self._total += now - sent_at
        self._samples += 1
        # To the microsecond: where latency never varies, what floats make of it is no sign of load.
        latest = round(self._total / self._samples, 6)
        if self._mean is None:
            self._mean = latest
            self._next_update = now + latest
        elif now >= self._next_update:
            self._adjust(latest, self._mean)
            change = latest - self._mean
            self._mean += self.ALPHA * change
            self._variance = (1 - self.ALPHA) * (self._variance + self.ALPHA * change * change)
            self._next_update = now + self._mean
            self._begin_span()

    def _begin_span(self) -> None:
        self._total = 0.0
        self._samples = 0
        self._pressed = self._reached = False

    def _adjust(self, latest: float, mean: float) -> None:
        if self._slots < self.MOST and self._reached and not self._pressed and latest <= mean:
            self._slots += 1
        elif self._pressed or latest > mean + self.DEVIATIONS * math.sqrt(self._variance):
            self._slots = max(int(self._slots * self.DECREASE), 1)


class Vegas(_Hinted):
    """TCP Vegas on the number of requests at once: it keeps a few of them queued at the server, by what they take.

    As in Brakmo, O'Malley and Peterson, "TCP Vegas", 1994, in the form of `VegasLimit` in Netflix's concurrency-limits.
    """

    MOST = 1000
    PROBE = 30

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._limit = 20.0
        self._in_flight = 0
        self._shortest = math.inf
        self._samples = 0
        self._jitter = random.uniform(0.5, 1)

    def wait(self, now: float) -> float:
        return self._until(now, now) if self._in_flight < int(self._limit) else math.inf

    def sent(self, _now: float) -> None:
        self._in_flight += 1

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        self._heed(now, hint)
        in_flight = self._in_flight
        self._in_flight -= 1
        took = now - sent_at
        self._samples += 1
        if self._samples >= self._jitter * self.PROBE * self._limit:
            self._samples = 0
            self._jitter = self._random.uniform(0.5, 1)
            self._shortest = took
        elif took < self._shortest:
            self._shortest = took
        else:
            self._limit = min(max(self._limit + self._change(answer, took, in_flight), 1.0), self.MOST)

    def _change(self, answer: Answer, took: float, in_flight: int) -> int:
        step = max(int(math.log10(self._limit)), 1)
        queued = math.ceil(self._limit * (1 - self._shortest / took))
        if answer is not Answer.TAKEN:
            return -step
        if in_flight * 2 < self._limit:
            return 0
        if queued <= step:
            return 6 * step
        if queued < 3 * step:
            return step
        return -step if queued > 6 * step else 0


ALTERNATIVES: dict[str, Callable[[Random], Policy]] = {
    "fixed 30/s": Fixed,
    "64 workers, backoff": Workers,
    "AIMD": Aimd,
    "AWS adaptive": AwsAdaptive,
    "Vector ARC": VectorArc,
    "Vegas": Vegas,
}
