"""Servers that limit, fail and recover, and the clients they meet, in virtual time: no sleep, no socket, seeded chance.

A discrete-event simulation: every request is sent, arrives, is decided on and answered at moments of its own, and a
policy sees nothing but its answers. Times are seconds, rates requests per second.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Protocol

from ingest.client.retry_after import retry_after_seconds
from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
"""What the server's wall clock says when a simulation begins."""

LATE = 0.001
"""A timer of an event loop may fire so much later than it should."""

Headers = dict[str, str]


class Policy(Protocol):
    """The policy under test: events in, a wait out."""

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; 0: now; inf: not before something is answered."""

    def sent(self, now: float) -> None:
        """A request goes out."""

    def answered(self, answer: Answer, sent_at: float, now: float, hint: float | None = None) -> None:
        """One came back."""


class Limit(Protocol):
    """A server's limit."""

    def decide(self, now: float) -> tuple[Answer, float]:
        """The answer to a request that arrives now, and after how many seconds it is sent."""

    def capacity(self, since: float, until: float) -> float:
        """Requests it can take in a span of time."""


# Rates over time


class Rate:
    """A rate that changes at given moments: (from when, how much), the first from 0."""

    def __init__(self, *steps: tuple[float, float]) -> None:
        self._starts = [start for start, _ in steps]
        self._rates = [rate for _, rate in steps]
        totals = [0.0]
        for n in range(1, len(steps)):
            totals.append(totals[-1] + self._rates[n - 1] * (self._starts[n] - self._starts[n - 1]))
        self._totals = totals

    def until(self, now: float) -> float:
        """Requests from 0 to now."""
        n = bisect_right(self._starts, now) - 1
        return self._totals[n] + self._rates[n] * (now - self._starts[n])

    def at(self, now: float) -> float:
        return self._rates[bisect_right(self._starts, now) - 1]


def steady(rate: float) -> Rate:
    return Rate((0.0, rate))


def wave(middle: float, swing: float, period: float, seconds: float) -> Rate:
    """A rate that swings as a sine, in steps of 1 s."""
    return Rate(*((s, middle + swing * math.sin(2 * math.pi * s / period)) for s in range(int(seconds) + 1)))


# Limits


class TokenBucket:
    """Refilled at a rate, up to a burst; full at first."""

    def __init__(self, rate: Rate, burst: float) -> None:
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def decide(self, now: float) -> tuple[Answer, float]:
        total = self.rate.until(now)
        self._tokens = min(self._burst, self._tokens + total - self._at)
        self._at = total
        if self._tokens < 1:
            return Answer.THROTTLED, 0.0
        self._tokens -= 1
        return Answer.TAKEN, 0.0

    def capacity(self, since: float, until: float) -> float:
        return self.rate.until(until) - self.rate.until(since) + (self._burst if since == 0 else 0)


class QuotaWindows:
    """So many requests in each window of fixed length; `offset` of the first is over when the simulation begins."""

    def __init__(self, quota: int, length: float, offset: float = 0.0) -> None:
        self._quota = quota
        self.length = length
        self.offset = offset
        self.rate = steady(quota / length)
        self._window = -1
        self._left = 0

    def decide(self, now: float) -> tuple[Answer, float]:
        window = int((now + self.offset) / self.length)
        if window != self._window:
            self._window, self._left = window, self._quota
        if self._left < 1:
            return Answer.THROTTLED, 0.0
        self._left -= 1
        return Answer.TAKEN, 0.0

    def capacity(self, since: float, until: float) -> float:
        return self._quota * (until - since) / self.length


class Queue:
    """No limit but its own speed: `workers` of them, `service` seconds a request, first come first served."""

    def __init__(self, workers: int, service: float) -> None:
        self.rate = steady(workers / service)
        self._service = service
        self._free = [0.0] * workers

    def decide(self, now: float) -> tuple[Answer, float]:
        done = max(heapq.heappop(self._free), now) + self._service
        heapq.heappush(self._free, done)
        return Answer.TAKEN, done - now

    def capacity(self, since: float, until: float) -> float:
        return self.rate.until(until) - self.rate.until(since)


@dataclass(frozen=True)
class Outage:
    """From `start` to `end` no request is taken: OVERLOADED (503, 529), THROTTLED, or FAILED (never answered)."""

    start: float
    end: float
    answer: Answer = Answer.OVERLOADED
    headers: Headers = field(default_factory=dict)


# Latency: a request's way there and back


def fixed(seconds: float) -> Callable[[Random], tuple[float, float]]:
    return lambda _: (seconds / 2, seconds / 2)


def spread(low: float, high: float) -> Callable[[Random], tuple[float, float]]:
    def law(random: Random) -> tuple[float, float]:
        whole = random.uniform(low, high)
        return whole * 0.3, whole * 0.7

    return law


def heavy(median: float, sigma: float) -> Callable[[Random], tuple[float, float]]:
    """Log-normal; a third of it passes before the server decides."""

    def law(random: Random) -> tuple[float, float]:
        whole = min(median * math.exp(random.gauss(0, sigma)), 20.0)
        return whole * 0.3, whole * 0.7

    return law


# Hints


def no_hints(_now: float, _limit: Limit) -> Headers:
    return {}


def retry_after(seconds: object) -> Callable[[float, Limit], Headers]:
    """The same text whenever it throttles."""
    return lambda _now, _limit: {"retry-after": str(seconds)}


def until_the_window_ends(header: str) -> Callable[[float, QuotaWindows], Headers]:
    """How long until the window ends: ``retry-after`` in seconds, or ``x-ratelimit-reset`` in epoch ms."""

    def hints(now: float, limit: QuotaWindows) -> Headers:
        left = limit.length - (now + limit.offset) % limit.length
        if header == "retry-after":
            return {header: str(math.ceil(left))}
        return {header: f"{(EPOCH.timestamp() + now + left) * 1000:.0f}"}

    return hints


def as_date(seconds: float) -> Callable[[float, Limit], Headers]:
    """A date by the server's clock, which also dates the answer; dates know whole seconds only."""

    def hints(now: float, _limit: Limit) -> Headers:
        return {"retry-after": _http_date(math.ceil(now + seconds)), "date": _http_date(math.floor(now))}

    return hints


def _http_date(at: float) -> str:
    return (EPOCH + timedelta(seconds=at)).strftime("%a, %d %b %Y %H:%M:%S GMT")


# One world and one run of it

USUAL_LATENCY = spread(0.06, 0.14)


@dataclass(frozen=True)
class Profile:
    """A server and its clients, and the figures that the policy must reach there.

    Attributes:
        name: Its name.
        limit: Makes the server's limit, from the seed's random numbers.
        seconds: How long it is watched.
        latency: Draws a request's way there and back.
        goodput: At least this share of what the server would have given, burst and start included.
        waste: At most this share of requests is answered 429, 503 or 529; outage probes are left out.
        outages: Spans in which no request is taken.
        hints: Headers of its 429.
        starts: When each client begins.
        fairness: The smallest share of any of two clients.
        clock_steps: (when, seconds): the clients' wall clock steps.
        timeout: Seconds after which a client gives a request up.
    """

    name: str
    limit: Callable[[Random], Limit]
    seconds: float
    latency: Callable[[Random], tuple[float, float]] = USUAL_LATENCY
    goodput: float = 0.98
    waste: float = 0.01
    outages: Sequence[Outage] = ()
    hints: Callable[[float, Limit], Headers] = no_hints
    starts: Sequence[float] = (0.0,)
    fairness: float = 0.0
    clock_steps: Sequence[tuple[float, float]] = ()
    timeout: float = 30.0


@dataclass
class Figures:
    """The figures of one run of a profile.

    Attributes:
        goodput: Requests taken, of those that could have been.
        waste: Answers 429, 503 and 529 per request, outage probes left out.
        requests: Requests sent, by all clients.
        early: Requests sent before the moment a hint had named.
        share: The smallest client's share of all that was taken, while all were there.
        recovery: Seconds from an outage's end to 80 % of the rate before, over 5 s; the longest of all.
    """

    goodput: float
    waste: float
    requests: int
    early: int
    share: float
    recovery: float


_ARRIVES, _ANSWERED, _WAKES = range(3)


class _Client:
    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.in_flight = 0
        self.wakes_at = math.inf
        self.not_before = 0.0
        self.taken: Counter[int] = Counter()


class World:
    """One run of a profile with one seed."""

    def __init__(self, profile: Profile, make_policy: Callable[[Random], Policy], seed: int) -> None:
        self._profile = profile
        self._random = Random(f"{profile.name}|{seed}")
        self._limit = profile.limit(self._random)
        self._clients = [_Client(make_policy(self._random)) for _ in profile.starts]
        self._events: list[tuple[float, int, int, _Client, tuple]] = []
        self._order = count()
        self._requests = self._wasted = self._early = 0

    def run(self) -> Figures:
        for client, start in zip(self._clients, self._profile.starts, strict=True):
            client.wakes_at = start
            self._push(start, _WAKES, client, ())
        end, events = self._profile.seconds, self._events
        while events:
            now, _, kind, client, details = heapq.heappop(events)
            if now > end:
                break
            if kind == _ARRIVES:
                self._decide(now, client, *details)
                continue
            if kind == _ANSWERED:
                self._tell(now, client, *details)
            elif now != client.wakes_at:
                continue
            else:
                client.wakes_at = math.inf
            self._send(now, client)
        return self._figures()

    def _push(self, at: float, kind: int, client: _Client, details: tuple) -> None:
        heapq.heappush(self._events, (at, next(self._order), kind, client, details))

    def _send(self, now: float, client: _Client) -> None:
        policy, profile = client.policy, self._profile
        while (wait := policy.wait(now)) <= 0:
            policy.sent(now)
            self._requests += 1
            self._early += now < client.not_before - 1e-6
            there, back = profile.latency(self._random)
            self._push(now + there, _ARRIVES, client, (now, back, client.in_flight))
            client.in_flight += 1
        wakes_at = now + max(wait, 1e-6) + self._random.random() * LATE
        if wakes_at < client.wakes_at:
            client.wakes_at = wakes_at
            self._push(wakes_at, _WAKES, client, ())

    def _decide(self, now: float, client: _Client, sent_at: float, back: float, others: int) -> None:
        outage = next((o for o in self._profile.outages if o.start <= now < o.end), None)
        if outage:
            answer, headers, took = outage.answer, outage.headers, math.inf if outage.answer is Answer.FAILED else 0.0
        else:
            answer, took = self._limit.decide(now)
            headers = self._profile.hints(now, self._limit) if answer is Answer.THROTTLED else {}
        back_at = now + took + back
        if back_at - sent_at > self._profile.timeout:
            answer, headers, back_at = Answer.FAILED, {}, sent_at + self._profile.timeout
        if answer is Answer.TAKEN:
            client.taken[int(now)] += 1
        elif answer is not Answer.FAILED and not (outage and not others):
            self._wasted += 1
        self._push(back_at, _ANSWERED, client, (answer, sent_at, headers))

    def _tell(self, now: float, client: _Client, answer: Answer, sent_at: float, headers: Headers) -> None:
        client.in_flight -= 1
        hint = retry_after_seconds(headers, None, self._wall(now)) if headers else None
        if hint is not None:
            client.not_before = max(client.not_before, now + hint)
        client.policy.answered(answer, sent_at, now, hint)

    def _wall(self, now: float) -> datetime:
        stepped = sum(by for when, by in self._profile.clock_steps if when <= now)
        return EPOCH + timedelta(seconds=now + stepped)

    def _figures(self) -> Figures:
        profile = self._profile
        open_spans = _open_spans(profile.outages, profile.seconds)
        capacity = sum(self._limit.capacity(*span) for span in open_spans)
        together = max(profile.starts)
        taken = [sum(n for s, n in c.taken.items() if s >= together) for c in self._clients]
        total = sum((c.taken for c in self._clients), Counter())
        return Figures(
            goodput=sum(total.values()) / capacity,
            waste=self._wasted / max(self._requests, 1),
            requests=self._requests,
            early=self._early,
            share=min(taken) / max(sum(taken), 1),
            recovery=max((self._recovery(total, o.end) for o in profile.outages), default=0.0),
        )

    def _recovery(self, taken: Counter[int], end: float) -> float:
        window: deque[int] = deque(maxlen=5)
        for second in range(math.ceil(end), int(self._profile.seconds)):
            window.append(taken[second])
            if len(window) == window.maxlen and sum(window) >= 0.8 * window.maxlen * self._limit.rate.at(second):
                return max(second + 1 - window.maxlen - end, 0.0)
        return math.inf


def _open_spans(outages: Sequence[Outage], seconds: float) -> list[tuple[float, float]]:
    spans, since = [], 0.0
    for outage in sorted(outages, key=lambda o: o.start):
        spans.append((since, outage.start))
        since = outage.end
    return [*spans, (since, seconds)]
