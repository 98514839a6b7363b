"""The faults that the simulator can produce, and the token bucket behind its rate limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults to simulate. `p429`, `p529`, `p500` and `malformed` are shares of requests, `p404` is a share of IDs.

    Attributes:
        latency: Seconds before each answer.
        rate_limit: Requests per second that are accepted; None for no limit.
        burst: Size of the bucket behind that limit, in requests.
        p429: Share of requests answered 429, regardless of the limit.
        p529: Share answered 529.
        p500: Share answered 500, 502 or 524.
        p404: Share of IDs that never exist.
        not_found_for: Age in seconds below which an ID does not exist yet.
        malformed: Share answered with HTML, truncated JSON or another shape, with status 200.
        seed: Selects the records and which requests fail.
        traffic: Generations of the account per day (UTC), beside those that are asked for.
        traffic_since: First day of that traffic; None for 60 days before the simulator starts.
        unlogged: Share of the traffic that no log names, because the client went away before it read the ID.
        down: Paths of the billing API that answer 503, such as ``/activity``.
        endless: Paths of lists, such as ``/keys``, that have another page whatever the offset.
        row_limit: Rows of one answer of Analytics at most.
        left_out: Models that ``/activity`` leaves out, by their permaslug.
    """

    latency: float = 0.0
    rate_limit: float | None = None
    burst: float = 50.0
    p429: float = 0.0
    p529: float = 0.0
    p500: float = 0.0
    p404: float = 0.0
    not_found_for: float = 0.0
    malformed: float = 0.0
    seed: int = 1
    traffic: int = 0
    traffic_since: date | None = None
    unlogged: float = 0.0
    down: tuple[str, ...] = ()
    endless: tuple[str, ...] = ()
    row_limit: int = 10_000
    left_out: tuple[str, ...] = ()


class TokenBucket:
    """Accepts `rate` requests per second, and up to `burst` at once.

    Args:
        rate: Tokens added per second.
        burst: Capacity in tokens; the bucket starts full.
        now: Seconds of a monotonic clock.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take a token; returns 0, or without taking one the seconds until the next."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
