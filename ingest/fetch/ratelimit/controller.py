"""How fast to ask: a pure policy that finds the server's rate and follows it, with almost no request rejected.

Events go in, a wait comes out: `RateController.wait` says when the next request may go, `sent` and `answered` tell what
happened. It never sleeps and knows no clock; `ingest.fetch.ratelimit.async_limiter` is its asyncio face. Times are
seconds of a monotonic clock, rates requests per second.

No limit is documented for the endpoint, so it is measured. A `SlowStart` finds the rate; a `BucketModel` of the
server's token bucket is then kept full enough that noise does not empty it. Probes (`ProbeSchedule`) empty it on
purpose, which measures the rate again (`RateEstimator`) or shows that there is more. In an `Outage` the rate is kept
and single requests probe the server.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from ingest.fetch.ratelimit.bucket_model import BucketModel
from ingest.fetch.ratelimit.outage import SOONEST, Outage
from ingest.fetch.ratelimit.probe_schedule import ProbeSchedule
from ingest.fetch.ratelimit.rate_estimator import Interval, RateEstimator
from ingest.fetch.ratelimit.slow_start import SlowStart

START_PACE = 8.0
"""Requests per second before anything is known."""

CATCH_UP = 0.02
"""Seconds of sends that may be made up for when the event loop was late."""

ROUNDING = 1e-6
"""Seconds; a shorter wait may be too short for the clock to move."""

HASTE = 1.3
"""Pace at most, in rates, while stored tokens are used."""

FIRST_EXCESS, MOST_EXCESS = 0.25, 0.5
"""Share of the rate by which a look begins to exceed it at most, and may exceed it in the end."""

LEAST_EXCESS = 0.01
EXCESS_ON_CREDIT = 0.15
"""The most while what is taken may be explained by tokens that we do not trust to be there."""

STEEPER, STEEPEST = 1.5, 50.0
"""The excess grows by this factor for each margin of tokens taken beyond the mirror's, up to so many times."""

MARGIN, LEAST_MARGIN = 4.0, 2.5
"""Tokens kept in the bucket against noise, to begin with and at least."""

OVERLOADS, FAILURES = 3, 10
"""Answers 503 or 529, or other failures, in a row that make an outage."""

ALWAYS_IN_FLIGHT = 8
"""Requests that may be under way, however slow the server is."""


class Answer(Enum):
    """What an answer says about the server, whatever it says about the ID."""

    TAKEN = auto()
    """It took the request: any answer of its own, 404 included."""
    THROTTLED = auto()
    """429: too fast."""
    OVERLOADED = auto()
    """503 or 529: it takes nobody's."""
    FAILED = auto()
    """Another 5xx, a timeout or a broken connection."""


@dataclass(frozen=True, slots=True)
class LimitState:
    """What a limiter does at a moment, for whoever looks at it.

    Attributes:
        phase: ``searching`` for the server's rate, ``holding`` it, ``probing`` whether there is more, or ``waiting``.
        rate: Requests per second it sends at, or will when the wait is over.
        in_flight: Requests under way.
        pause: Seconds until anybody may send again; 0 unless waiting.
        reason: Why it waits: ``asked`` (the server named a time), ``throttled`` (429), ``overloaded`` (503, 529 or
            failures in a row) or ``silent`` (no answers); None unless waiting.
    """

    phase: str
    rate: float
    in_flight: int
    pause: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LearnedLimit:
    """What is known of a server's limit.

    Attributes:
        rate: Requests per second.
        burst: Requests it takes at once after a rest.
    """

    rate: float
    burst: float

    def aged(self, days: float) -> LearnedLimit:
        """As a starting point so many days later: limits change, so what is known fades, by half in 3.5 days."""
        trust = 0.5 ** (max(days - 1.0, 0.0) / 3.5)
        return LearnedLimit(START_PACE + trust * (self.rate - START_PACE), self.burst)


@dataclass(frozen=True, slots=True)
class _Request:
    """One under way: the how-manieth it is, the level after it, and whether the mirror is still the same."""

    number: int
    level: float
    epoch: int


class RateController:
    """The policy.

    Args:
        cap: Requests per second at most; None: what the server gives.
        concurrency: Requests under way at most.
        timeout: Seconds after which a request is given up; so many are never queued up at a slow server.
        learned: What an earlier run found out, to begin with.
    """

    def __init__(
        self,
        cap: float | None = None,
        concurrency: int = 1024,
        timeout: float = 30.0,
        learned: LearnedLimit | None = None,
    ) -> None:
        self._cap = cap or math.inf
        self._concurrency = concurrency
        self._timeout = timeout
        self._bucket = BucketModel(learned.rate, learned.burst) if learned else BucketModel(START_PACE)
        self._slow_start = None if learned else SlowStart(START_PACE, 0.0)
        self._rate_estimator, self._probe_schedule = RateEstimator(), ProbeSchedule()
        self._outage: Outage | None = None
        self._flight: dict[float, deque[_Request]] = {}
        self._number = self._refused = self._known = self._in_flight = 0
        self._next_send = self._held_until = -math.inf
        self._heard: float | None = None
        self._rtt = 0.1
        self._answers, self._answered, self._counted_since = 0, 0.0, 0.0
        self._anchor, self._anchor_taken = 0.0, 0
        self._climb: tuple[float, int] | None = None
        self._epoch = self._bad = 0
        self._margin = MARGIN
        self._steepness, self._surplus = 1.0, 0.0
        self._last_spell = 0.0

    def __repr__(self) -> str:
        what = "searching" if self._slow_start else "probing" if self._probe_schedule.is_due else "holding"
        what = self._outage.reason if self._outage else what
        return f"<RateLimit {what} at {self.rate:.1f}/s, {self._in_flight} in flight>"

    @property
    def rate(self) -> float:
        """Requests per second it sends at, pauses apart."""
        return min(self._slow_start.pace if self._slow_start else self._bucket.rate, self._cap)

    @property
    def learned(self) -> LearnedLimit | None:
        """What it found out of the server's limit; None if it met none."""
        return LearnedLimit(self._bucket.rate, self._bucket.burst) if self._known and not self._slow_start else None

    def state(self, now: float) -> LimitState:
        """What it does now."""
        pause = self.wait(now)
        reason = self._outage.reason if self._outage else "asked" if self._held_until > now else None
        if reason:
            pause = pause if pause < math.inf else max(self._held_until - now, 0.0)
            return LimitState("waiting", self.rate, self._in_flight, pause, reason)
        phase = "searching" if self._slow_start else "probing" if self._probe_schedule.is_due else "holding"
        return LimitState(phase, self.rate, self._in_flight)

    # What may go

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; 0: now; inf: not before something is answered."""
        self._advance(now)
        if self._outage is None and now >= self._silent_at():
            self._stop("silent", now, SOONEST)
        wait = max(self._wait(now), self._held_until - now)
        return wait if wait > ROUNDING else 0.0

    def _wait(self, now: float) -> float:
        if self._outage:
            probe = max(self._outage.wait(now, self._patience), self._next_send - now)
            return probe if self._in_flight < self._concurrency else math.inf
        if (self._slow_start and self._slow_start.is_ending) or self._in_flight >= self._bound:
            return max(self._silent_at() - now, CATCH_UP)
        if self._slow_start or self._probe_schedule.is_due:
            return self._next_send - now
        schedule, bucket = self._probe_schedule, self._bucket
        target = self._reserve * (1 - 0.5 * schedule.since / schedule.interval) + schedule.slack * schedule.since
        return max(self._next_send - now, (target + 1 - bucket.level) / bucket.rate)

    @property
    def _reserve(self) -> float:
        """Tokens kept against noise; a small bucket cannot keep many."""
        return min(self._margin, self._bucket.burst / 2)

    @property
    def _bound(self) -> float:
        """Requests that may be under way: no more than a slow server answers in a quarter of the timeout."""
        return min(self._concurrency, max(ALWAYS_IN_FLIGHT, self._answered * self._timeout / 4))

    @property
    def _patience(self) -> float:
        """Seconds without any answer that are no longer chance."""
        return max(2.0, 8 * self._rtt)

    def _silent_at(self) -> float:
        if self._in_flight < OVERLOADS:
            return math.inf
        return max(self._heard or 0.0, next(iter(self._flight))) + self._patience

    def _pace(self) -> float:
        if self._slow_start:
            return min(self._slow_start.pace, self._cap)
        faster = 1 + self._excess() if self._probe_schedule.is_due else HASTE
        return min(self._bucket.rate * faster, self._cap)

    def _excess(self) -> float:
        """How much a look exceeds the rate: little enough that few are under way when the bucket is empty."""
        first = min(max(1 / (self._bucket.rate * self._rtt), LEAST_EXCESS), FIRST_EXCESS)
        if self._bucket.credit > 0:
            return max(first, min(first * self._steepness, EXCESS_ON_CREDIT))
        return min(first * self._steepness, MOST_EXCESS)

    # What happened

    def sent(self, now: float) -> None:
        """A request goes out."""
        self._advance(now)
        self._number += 1
        self._in_flight += 1
        self._bucket.level -= 1
        was_due = self._probe_schedule.is_due
        self._probe_schedule.sent()
        if self._probe_schedule.is_due and not was_due:
            self._climb = (now, self._taken)
        self._flight.setdefault(now, deque()).append(_Request(self._number, self._bucket.level, self._epoch))
        self._next_send = max(self._next_send, now - CATCH_UP) + 1 / self._pace()
        if self._outage:
            self._outage.probed(now)

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        """A request that went out at `sent_at` is answered; `hint` is how long the server asks us to wait."""
        self._advance(now)
        self._heard = now
        request = self._returned(sent_at)
        if hint:
            self.hold(now, hint)
        if answer is Answer.TAKEN:
            self._on_taken(request, sent_at, now)
        else:
            self._bucket.level += 1
            self._refused += 1
            if answer is Answer.THROTTLED:
                self._on_throttled(request, sent_at, now)
            else:
                self._on_failed(answer, sent_at, now)
        if self._slow_start and not self._outage and self._slow_start.is_over(next(iter(self._flight), None), now):
            self._conclude(self._slow_start, now)

    def hold(self, now: float, seconds: float) -> None:
        """Nobody sends for so long, since the server asks for it or cannot be reached; the rate stays."""
        self._held_until = max(self._held_until, now + seconds)
        stored = self._bucket.burst if self._bucket.burst < math.inf else 0.0
        lost = max(seconds * self._bucket.rate - stored, 0.0)
        self._probe_schedule.pause_cost = max(lost, 0.8 * self._probe_schedule.pause_cost)

    @property
    def _taken(self) -> int:
        """Requests that were not refused, those under way included."""
        return self._number - self._refused

    def _advance(self, now: float) -> None:
        if self._heard is None:
            self._heard = self._counted_since = self._next_send = self._anchor = now
            if self._slow_start:
                self._slow_start.began = now
        self._bucket.advance(now, self._reserve + 2)

    def _returned(self, sent_at: float) -> _Request:
        sent_then = self._flight[sent_at]
        request = sent_then.popleft()
        if not sent_then:
            del self._flight[sent_at]
        self._in_flight -= 1
        return request

    def _on_taken(self, request: _Request, sent_at: float, now: float) -> None:
        self._bad = 0
        self._count_answer(now)
        self._rtt += 0.1 * (now - sent_at - self._rtt)
        if self._outage:
            if sent_at >= self._outage.since:
                self._come_back(self._outage, now)
        elif self._slow_start and self._slow_start.is_ending:
            self._slow_start.answered(sent_at, taken=True)
        elif self._slow_start:
            if self._in_flight < self._bound - 1:
                self._slow_start.grow(self._cap)
        elif request.epoch == self._epoch and request.level < -self._margin:
            self._found_more(request, sent_at, now)

    def _count_answer(self, now: float) -> None:
        """Requests taken per second, each second; a server that becomes slow is given ten seconds to recover."""
        self._answers += 1
        seconds = now - self._counted_since
        if seconds >= 1:
            self._answered = max(self._answers / seconds, 0.9 * self._answered)
            self._answers, self._counted_since = 0, now

    def _found_more(self, request: _Request, sent_at: float, now: float) -> None:
        """More was taken than the mirror held, so the rate is higher; or a pause had filled the bucket."""
        bucket = self._bucket
        self._epoch += 1
        self._steepness = min(self._steepness * STEEPER, STEEPEST)
        unexplained = bucket.overdrawn(-request.level)
        self._surplus += unexplained
        if unexplained < -request.level:
            return
        taken, seconds = request.number - self._refused - self._anchor_taken, sent_at - self._anchor
        if taken >= 30 and not self._rate_estimator.may_be_windows:  # noqa: PLR2004  # fewer prove little
            bucket.rate = max(bucket.rate, min(taken / seconds, 1.1 * bucket.rate))
        factor = 1.5 if self._probe_schedule.has_measured else 0.4
        if self._surplus > factor * bucket.burst + 2 * self._margin:  # no bucket of this size explains it
            self._slow_start = SlowStart(bucket.rate * (1 + self._excess()), now, self._taken, known=bucket.rate)
            self._epoch += 1

    def _on_throttled(self, request: _Request, sent_at: float, now: float) -> None:
        self._bad = 0
        if self._outage:
            if sent_at >= self._outage.since:
                self._outage.goes_on(sent_at, now)
                if self._outage.reason == "throttled":
                    self._probe_schedule.rejected()
            return
        self._probe_schedule.rejected()
        if self._slow_start and self._slow_start.is_ending:
            self._slow_start.answered(sent_at, taken=False)
        elif request.number > self._known:  # sent after the last rejection was known: it says something new
            self._known = self._number
            self._on_rejection(request, sent_at, now)

    def _on_rejection(self, request: _Request, sent_at: float, now: float) -> None:
        taken = request.number - self._refused
        if self._slow_start:
            self._slow_start.refused(sent_at, max(self._flight, default=sent_at), now, self._rtt)
        elif taken <= self._anchor_taken:
            self._stop("throttled", now, self._first_gap())
        else:
            self._measure(taken, request.level + 1, sent_at)
            self._anchor, self._anchor_taken = sent_at, taken
            self._bucket.emptied(now - sent_at, self._number - request.number)
            self._restart()

    def _restart(self) -> None:
        """The mirror is set anew: what is under way says nothing of it."""
        self._probe_schedule.since = 0
        self._epoch += 1
        self._steepness, self._surplus = 1.0, 0.0

    def _measure(self, taken: int, residual: float, sent_at: float) -> None:
        schedule, bucket, before = self._probe_schedule, self._bucket, self._bucket.rate
        looked, seconds = schedule.is_due, max(sent_at - self._anchor, 1e-3)
        interval = Interval(taken - self._anchor_taken, seconds, residual, looked, schedule.is_close)
        self._rate_estimator.learn(bucket, interval, self._margin, self._reserve)
        self._learn_margin(interval)
        if looked:
            schedule.looked()
        if abs(bucket.rate - before) > 0.15 * before:  # no longer the rate that was known
            schedule.rate_changed()
        else:
            schedule.confirmed()
        found_more = self._surplus > 3 * self._margin
        in_flight, spare = bucket.rate * self._rtt, bucket.burst - 2 * self._reserve - 2
        schedule.plan(interval.taken, bucket.rate, in_flight, self._margin, spare, looked=looked, found_more=found_more)
        if found_more and looked:
            self._follow_climb(taken, sent_at)

    def _learn_margin(self, interval: Interval) -> None:
        """Rejections that come unexpected are noise, so more is kept; as many arrive out of order as are under way."""
        if interval.looked:
            self._margin = max(0.97 * self._margin, LEAST_MARGIN)
        elif interval.taken >= 30:  # noqa: PLR2004  # fewer have other causes
            self._margin = min(1.25 * self._margin, 3 + 3 * math.sqrt(self._bucket.rate * self._rtt))

    def _follow_climb(self, taken: int, sent_at: float) -> None:
        """So much was found that a bucket must have flowed over unseen: the look's own pace is nearer the truth."""
        began, taken_before = self._climb or (sent_at, taken)
        if self._rate_estimator.in_windows or sent_at - began <= 2 * self._rtt or taken - taken_before <= 20:  # noqa: PLR2004
            return
        pace = 0.97 * (taken - taken_before) / (sent_at - began)
        self._bucket.rate = min(max(self._bucket.rate, pace), 1.25 * self._bucket.rate)

    def _conclude(self, search: SlowStart, now: float) -> None:
        """The last flight of a search is read."""
        bucket = self._bucket
        self._probe_schedule.begin_anew()
        self._restart()
        self._anchor, self._anchor_taken = search.emptied_at, self._taken
        if search.known is None:
            bucket.burst = math.inf
        if search.ran_dry:
            bucket.rate = search.pace
            self._stop("throttled", now, self._first_gap())
            return
        bucket.rate = search.rate
        if bucket.burst == math.inf:
            bucket.burst = search.burst(bucket.rate)
        bucket.refilled(now - search.emptied_at)
        self._slow_start = None

    # Outages

    def _on_failed(self, answer: Answer, sent_at: float, now: float) -> None:
        if self._outage:
            if sent_at >= self._outage.since:
                self._outage.goes_on(sent_at, now)
            return
        self._bad += 1
        if self._bad >= (OVERLOADS if answer is Answer.OVERLOADED else FAILURES):
            self._stop("overloaded", now, SOONEST)

    def _first_gap(self) -> float:
        """Seconds until the first probe of an empty bucket; where the last wait was long, a share of that."""
        likely = self._last_spell / 4 if self._rate_estimator.had_spell else 0.0
        return min(max((self._reserve + 1) / self._bucket.rate, self._rtt, likely), 8.0)

    def _stop(self, reason: str, now: float, gap: float) -> None:
        self._outage = Outage(reason, now, gap)

    def _come_back(self, outage: Outage, now: float) -> None:
        self._outage, self._next_send = None, max(self._next_send, now)
        self._restart()
        if outage.reason == "throttled":
            self._end_spell(now - outage.since, now)
        elif not self._slow_start:
            self._anchor, self._anchor_taken = now, self._taken
        self._bucket.distrust(self._reserve)

    def _end_spell(self, seconds: float, now: float) -> None:
        self._rate_estimator.spell = self._last_spell = seconds
        if self._slow_start:
            self._bucket.rate = self._slow_start.average(self._taken, now)
            self._bucket.burst = self._slow_start.burst(self._bucket.rate)
            self._bucket.refilled(now - self._anchor)
            self._slow_start = None
        elif seconds > 3:  # noqa: PLR2004  # so long that it was no matter of pace
            self._bucket.rate = max(self._bucket.rate, self._rate_estimator.solid)
