"""The requests under way, and what their answers say about the server's speed.

Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

ALWAYS_IN_FLIGHT = 8
"""Requests that may be under way however slow the server is."""

SILENT_REQUESTS = 3
"""With fewer requests under way, missing answers are not called silence."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request under way.

    Attributes:
        number: Its number, counted from 1.
        level: Level of the bucket model after it was sent, in tokens.
        epoch: The epoch in which it was sent: in a later one, `level` has no meaning.
    """

    number: int
    level: float
    epoch: int


class InFlight:
    """The requests under way of one limiter.

    Args:
        concurrency: Requests under way at most.
        timeout: Seconds after which a request is given up.

    Attributes:
        count: Requests under way.
        number: Number of the last request sent.
        epoch: Raised whenever the bucket model is reset.
        round_trip: Seconds from sending to answer, a moving average.
    """

    def __init__(self, concurrency: int, timeout: float) -> None:
        self.concurrency = concurrency
        self.count = self.number = self.epoch = 0
        self.round_trip = 0.1
        self._timeout = timeout
        self._by_sent_at: dict[float, deque[SentRequest]] = {}
        self._not_taken = 0
        self._last_answer_at: float | None = None
        self._answers, self._answer_rate, self._counted_since = 0, 0.0, 0.0

    @property
    def has_begun(self) -> bool:
        """Whether `begin` was called."""
        return self._last_answer_at is not None

    def begin(self, now: float) -> None:
        """Start the clock of the answer rate and of the silence."""
        self._last_answer_at = self._counted_since = now

    def sent(self, now: float, level: float) -> None:
        """A request goes out; `level` is what the bucket model holds after it."""
        self.number += 1
        self.count += 1
        self._by_sent_at.setdefault(now, deque()).append(SentRequest(self.number, level, self.epoch))

    def answered(self, sent_at: float, now: float) -> SentRequest:
        """The request that went out at `sent_at` is answered; of several, the first."""
        self._last_answer_at = now
        sent_then = self._by_sent_at[sent_at]
        request = sent_then.popleft()
        if not sent_then:
            del self._by_sent_at[sent_at]
        self.count -= 1
        return request

    def was_taken(self, sent_at: float, now: float) -> None:
        """The server took it: update the answer rate and the round trip.

        The rate is counted each second; it falls by at most a tenth of itself per count, so that a server that
        becomes slow has about ten seconds to recover.
        """
        self._answers += 1
        seconds = now - self._counted_since
        if seconds >= 1:
            self._answer_rate = max(self._answers / seconds, 0.9 * self._answer_rate)
            self._answers, self._counted_since = 0, now
        self.round_trip += 0.1 * (now - sent_at - self.round_trip)

    def was_not_taken(self) -> None:
        """The server did not take it."""
        self._not_taken += 1

    @property
    def taken(self) -> int:
        """Requests taken, those under way included."""
        return self.number - self._not_taken

    def taken_until(self, request: SentRequest) -> int:
        """Requests taken up to this one."""
        return request.number - self._not_taken

    @property
    def oldest(self) -> float | None:
        """When the oldest request under way was sent; None without any."""
        return next(iter(self._by_sent_at), None)

    def newest(self, default: float) -> float:
        """When the newest request under way was sent."""
        return max(self._by_sent_at, default=default)

    @property
    def is_full(self) -> bool:
        """Whether as many are under way as may ever be."""
        return self.count >= self.concurrency

    @property
    def bound(self) -> float:
        """Requests that may be under way now: no more than a slow server answers in a quarter of the timeout."""
        return min(self.concurrency, max(ALWAYS_IN_FLIGHT, self._answer_rate * self._timeout / 4))

    @property
    def patience(self) -> float:
        """Seconds without any answer that are no longer chance."""
        return max(2.0, 8 * self.round_trip)

    @property
    def silent_at(self) -> float:
        """When the server counts as silent unless an answer comes before; infinite with few requests under way."""
        if self.count < SILENT_REQUESTS:
            return math.inf
        return max(self._last_answer_at or 0.0, next(iter(self._by_sent_at))) + self.patience
