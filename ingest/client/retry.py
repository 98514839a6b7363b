"""When the client retries a request, and after how long. Pure functions of time and randomness.

Figures and names are those of OpenRouter's SDK. Three things differ: 429 is retried, the server's hints are read in all
their forms (`ingest.client.retry_after`), and no retry is scheduled beyond `BackoffStrategy.max_elapsed_time`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ingest.client.backoff import exponential
from ingest.client.connection_problems import PERMANENT
from ingest.client.errors import OpenRouterConnectionError, OpenRouterError, RequestTimeoutError, ResponseError
from ingest.client.retry_after import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

RETRIED = ("429", "5XX")
"""Statuses that are retried by default; ``5XX`` means 500 to 599."""


@dataclass(frozen=True, slots=True)
class BackoffStrategy:
    """How long to wait before a retry.

    After try n the pause is ``min(initial_interval * exponent ** (n - 1) + jitter, max_interval)``, where ``jitter`` is
    random from 0 to `jitter_ms`.

    Attributes:
        initial_interval: Pause before the first retry, in ms.
        max_interval: Longest pause, in ms.
        exponent: Factor from one pause to the next.
        max_elapsed_time: No retry begins later than this after the first try, in ms.
        jitter_ms: Upper bound of the random part, in ms.

    Raises:
        ValueError: A figure is negative.
    """

    initial_interval: float = 500
    max_interval: float = 60_000
    exponent: float = 1.5
    max_elapsed_time: float = 3_600_000
    jitter_ms: float = 1_000

    def __post_init__(self) -> None:
        figures = (self.initial_interval, self.max_interval, self.exponent, self.max_elapsed_time, self.jitter_ms)
        if not all(figure >= 0 for figure in figures):
            raise ValueError("the figures of a backoff must be 0 or more")

    def pause(self, tries: int, random: float) -> float:
        """Seconds to wait after this number of failed tries; `random` is uniform from 0 to 1."""
        grown = exponential(tries, self.initial_interval, float(self.exponent), self.max_interval)
        return min(grown + random * self.jitter_ms, self.max_interval) / 1000


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """Which failures are retried, and how.

    Attributes:
        strategy: ``backoff``, or ``none`` to try only once.
        backoff: How long to wait.
        retry_connection_errors: Whether to retry when no answer came: no connection, a broken one, or a timeout. What a
            retry cannot change, such as a certificate that is not trusted, is never retried.
        status_codes_override: Statuses to retry, such as ``("408", "5XX")``; None: `RETRIED`.

    Raises:
        ValueError: `strategy` is neither of the two.
    """

    strategy: Literal["backoff", "none"] = "backoff"
    backoff: BackoffStrategy = field(default_factory=BackoffStrategy)
    retry_connection_errors: bool = True
    status_codes_override: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.strategy not in ("backoff", "none"):
            raise ValueError(f"unknown retry strategy {self.strategy!r}: it must be backoff or none")


class Retrying:
    """The retries of one call.

    Args:
        config: What to retry.
        started: When the call began, in seconds of a monotonic clock.
        random: Returns a number uniform from 0 to 1.
    """

    def __init__(self, config: RetryConfig, started: float, random: Callable[[], float]) -> None:
        self._config = config
        self._started = started
        self._random = random
        self._tries = 0

    def pause_after(self, error: OpenRouterError, monotonic: float, now: datetime) -> float | None:
        """Seconds to wait before the next try; None if the call ends with this error.

        Args:
            error: The error that ended the try.
            monotonic: The current time, in seconds of the same clock as `started`.
            now: The wall clock in UTC, for hints that name a point in time.
        """
        if not self._is_retried(error):
            return None
        self._tries += 1
        backoff = self._config.backoff
        pause = max(_hint(error, now) or 0.0, backoff.pause(self._tries, self._random()))
        elapsed = monotonic + pause - self._started
        return pause if elapsed * 1000 <= backoff.max_elapsed_time else None

    def _is_retried(self, error: OpenRouterError) -> bool:
        if self._config.strategy == "none":
            return False
        if isinstance(error, ResponseError):
            named = self._config.status_codes_override
            return any(_matches(code, error.status_code) for code in (RETRIED if named is None else named))
        if isinstance(error, OpenRouterConnectionError) and error.reason in PERMANENT:
            return False
        return self._config.retry_connection_errors and isinstance(
            error, (OpenRouterConnectionError, RequestTimeoutError)
        )


def _matches(code: str, status: int) -> bool:
    """Whether ``"503"`` or ``"5XX"`` covers this status."""
    code = str(code).upper()
    return code == str(status) or (code.endswith("XX") and code[:-2] == str(status // 100))


def _hint(error: OpenRouterError, now: datetime) -> float | None:
    return retry_after_seconds(error.headers, error.error, now) if isinstance(error, ResponseError) else None
