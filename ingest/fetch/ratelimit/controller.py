"""How fast to send: a pure policy that finds the server's rate and follows it, with almost no request rejected.

`RateController.wait` says when the next request may go; `sent` and `answered` report what happened. The policy never
sleeps and reads no clock: `ingest.fetch.ratelimit.async_limiter` is its asyncio front end. Times are seconds of a
monotonic clock, rates requests per second.

OpenRouter documents no limit for the endpoint, so the limit is measured, in one of three modes:

- `SlowStart` finds a rate about which nothing is known.
- `RateTracker` follows a known rate. It keeps a `BucketModel` of the server's token bucket full enough that noise does
  not empty it. Probes (`ProbeSchedule` decides when, `ProbePacing` how fast) empty it on purpose: the rejection that
  ends a probe measures the rate again (`RateEstimator`), and a missing rejection shows that the server would give more.
- In an `Outage` the rate is kept, and single requests test whether the server is back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from ingest.fetch.ratelimit.bucket_model import BucketModel
from ingest.fetch.ratelimit.in_flight import InFlight
from ingest.fetch.ratelimit.outage import SOONEST, Outage
from ingest.fetch.ratelimit.rate_tracker import RateTracker
from ingest.fetch.ratelimit.slow_start import SlowStart

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.in_flight import SentRequest

START_PACE = 8.0
"""Requests per second before anything is known."""

CATCH_UP = 0.02
"""Seconds of sends that may be made up for when the event loop was late."""

ROUNDING = 1e-6
"""Seconds; a shorter wait may be too short for the clock to move."""

OVERLOADS, FAILURES = 3, 10
"""Answers 503 or 529, or other failures, in a row that make an outage."""


class Answer(Enum):
    """What an answer says about the server, whatever it says about the ID."""

    TAKEN = auto()
    """The server took the request: any answer of its own, 404 included."""
    THROTTLED = auto()
    """429: too fast."""
    OVERLOADED = auto()
    """503 or 529: the server takes no requests at all."""
    FAILED = auto()
    """Another 5xx, a timeout or a broken connection."""


@dataclass(frozen=True, slots=True)
class LimitState:
    """What a limiter does at a moment, for display.

    Attributes:
        phase: ``searching`` for the server's rate, ``holding`` it, ``probing`` whether there is more, or ``waiting``.
        rate: Requests per second it sends at, or will when the wait is over.
        in_flight: Requests under way.
        pause: Seconds until a request may go again; 0 unless waiting.
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
    """What is known about a server's limit.

    Attributes:
        rate: Requests per second.
        burst: Requests it takes at once after a rest.
    """

    rate: float
    burst: float

    def aged(self, days: float) -> LearnedLimit:
        """The starting point so many days later: limits change, so after a first day trust halves every 3.5 days."""
        trust = 0.5 ** (max(days - 1.0, 0.0) / 3.5)
        return LearnedLimit(START_PACE + trust * (self.rate - START_PACE), self.burst)


class RateController:
    """The policy.

    Args:
        cap: Requests per second at most; None: as many as the server takes.
        concurrency: Requests under way at most.
        timeout: Seconds after which a request is given up; at a slow server no more are sent than it can answer in
            time.
        learned: What an earlier run learned, as the starting point.
    """

    def __init__(
        self,
        cap: float | None = None,
        concurrency: int = 1024,
        timeout: float = 30.0,
        learned: LearnedLimit | None = None,
    ) -> None:
        self._cap = cap or math.inf
        self._requests = InFlight(concurrency, timeout)
        bucket = BucketModel(learned.rate, learned.burst) if learned else BucketModel(START_PACE)
        self._tracker = RateTracker(bucket, self._requests)
        self._slow_start = None if learned else SlowStart(START_PACE, 0.0)
        self._outage: Outage | None = None
        self._next_send = self._held_until = -math.inf
        self._number_when_rejected = self._failures_in_a_row = 0

    def __repr__(self) -> str:
        what = self._outage.reason if self._outage else self._phase
        return f"<RateController {what} at {self.rate:.1f}/s, {self._requests.count} in flight>"

    @property
    def rate(self) -> float:
        """Requests per second it sends at, pauses left out."""
        return min(self._slow_start.pace if self._slow_start else self._tracker.bucket.rate, self._cap)

    @property
    def learned(self) -> LearnedLimit | None:
        """What it learned about the server's limit; None if it met none."""
        if not self._number_when_rejected or self._slow_start:
            return None
        return LearnedLimit(self._tracker.bucket.rate, self._tracker.bucket.burst)

    def state(self, now: float) -> LimitState:
        """What it does now."""
        pause = self.wait(now)
        reason = self._outage.reason if self._outage else "asked" if self._held_until > now else None
        if reason:
            pause = pause if pause < math.inf else max(self._held_until - now, 0.0)
            return LimitState("waiting", self.rate, self._requests.count, pause, reason)
        return LimitState(self._phase, self.rate, self._requests.count)

    @property
    def _phase(self) -> str:
        return "searching" if self._slow_start else "probing" if self._tracker.is_probing else "holding"

    # When the next request may go

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; 0: now; inf: not before something is answered."""
        self._advance(now)
        if self._outage is None and now >= self._requests.silent_at:
            self._outage = Outage("silent", now, SOONEST)
        wait = max(self._wait(now), self._held_until - now)
        return wait if wait > ROUNDING else 0.0

    def _wait(self, now: float) -> float:
        requests = self._requests
        if self._outage:
            wait = max(self._outage.wait(now, requests.patience), self._next_send - now)
            return math.inf if requests.is_full else wait
        if (self._slow_start and self._slow_start.is_ending) or requests.count >= requests.bound:
            return max(requests.silent_at - now, CATCH_UP)
        if self._slow_start or self._tracker.is_probing:
            return self._next_send - now
        return max(self._next_send - now, self._tracker.wait())

    # What happened

    def sent(self, now: float) -> None:
        """A request goes out."""
        self._advance(now)
        self._tracker.sent(now)
        pace = min(self._slow_start.pace if self._slow_start else self._tracker.pace, self._cap)
        self._next_send = max(self._next_send, now - CATCH_UP) + 1 / pace
        if self._outage:
            self._outage.tested(now)

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        """The request sent at `sent_at` is answered; `hint` is how many seconds the server asks us to wait."""
        self._advance(now)
        request = self._requests.answered(sent_at, now)
        if hint:
            self.hold(now, hint)
        if answer is Answer.TAKEN:
            self._on_taken(request, sent_at, now)
        else:
            self._tracker.not_taken()
            if answer is Answer.THROTTLED:
                self._on_throttled(request, sent_at, now)
            else:
                self._on_failed(answer, sent_at, now)
        if self._slow_start and not self._outage and self._slow_start.is_over(self._requests.oldest, now):
            self._end_slow_start(self._slow_start, now)

    def hold(self, now: float, seconds: float) -> None:
        """Send nothing for so long, since the server asks for it or cannot be reached; the rate stays."""
        self._held_until = max(self._held_until, now + seconds)
        self._tracker.paused(seconds)

    def _advance(self, now: float) -> None:
        if not self._requests.has_begun:
            self._requests.begin(now)
            self._tracker.measure_from(now)
            self._next_send = now
            if self._slow_start:
                self._slow_start.began = now
        self._tracker.advance(now)

    def _on_taken(self, request: SentRequest, sent_at: float, now: float) -> None:
        self._failures_in_a_row = 0
        self._requests.was_taken(sent_at, now)
        if self._outage:
            if sent_at >= self._outage.since:
                self._end_outage(self._outage, now)
        elif self._slow_start and self._slow_start.is_ending:
            self._slow_start.answered(sent_at, taken=True)
        elif self._slow_start:
            if self._requests.count < self._requests.bound - 1:
                self._slow_start.grow(self._cap)
        else:
            self._slow_start = self._tracker.taken(request, sent_at, now)

    def _on_throttled(self, request: SentRequest, sent_at: float, now: float) -> None:
        self._failures_in_a_row = 0
        if self._outage:
            if sent_at >= self._outage.since:
                self._outage.goes_on(sent_at, now)
                if self._outage.reason == "throttled":
                    self._tracker.rejected()
            return
        self._tracker.rejected()
        if self._slow_start and self._slow_start.is_ending:
            self._slow_start.answered(sent_at, taken=False)
        elif request.number > self._number_when_rejected:  # sent after the last rejection was known: new information
            self._number_when_rejected = self._requests.number
            self._on_rejection(request, sent_at, now)

    def _on_rejection(self, request: SentRequest, sent_at: float, now: float) -> None:
        if self._slow_start:
            self._slow_start.rejected(sent_at, self._requests.newest(sent_at), now, self._requests.round_trip)
        elif not self._tracker.measure(request, sent_at, now):
            self._outage = Outage("throttled", now, self._tracker.first_gap)

    def _on_failed(self, answer: Answer, sent_at: float, now: float) -> None:
        if self._outage:
            if sent_at >= self._outage.since:
                self._outage.goes_on(sent_at, now)
            return
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= (OVERLOADS if answer is Answer.OVERLOADED else FAILURES):
            self._outage = Outage("overloaded", now, SOONEST)

    def _end_slow_start(self, slow_start: SlowStart, now: float) -> None:
        """The requests under way at its first rejection are answered."""
        self._tracker.begin_anew(slow_start, now)
        if slow_start.ran_dry:
            self._outage = Outage("throttled", now, self._tracker.first_gap)
        else:
            self._slow_start = None

    def _end_outage(self, outage: Outage, now: float) -> None:
        self._outage, self._next_send = None, max(self._next_send, now)
        self._tracker.reset()
        if outage.reason == "throttled":
            self._tracker.end_pause(now - outage.since, now, self._slow_start)
            self._slow_start = None
        elif not self._slow_start:
            self._tracker.measure_from(now)
        self._tracker.bucket.distrust(self._tracker.reserve)
