"""When the client tries again, and after how long: pure, so that a test needs no waiting.

The figures and names are those of OpenRouter's SDK. Unlike it, 429 is retried, the server's hints are read in all
their forms (`ingest.client.retry_after`), and no pause reaches beyond the time allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ingest.client.backoff import exponential
from ingest.client.errors import OpenRouterConnectionError, OpenRouterError, RequestTimeoutError, ResponseError
from ingest.client.retry_after import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

RETRIED = ("429", "5XX")
"""Statuses retried unless others are named; ``5XX`` is all from 500 to 599."""


@dataclass(frozen=True, slots=True)
class BackoffStrategy:
    """How long to wait before the next try: ``min(initial_interval * exponent ** n + jitter, max_interval)``.

    Attributes:
        initial_interval: Pause before the first retry, in ms.
        max_interval: Longest pause, in ms.
        exponent: Growth from one pause to the next.
        max_elapsed_time: No retry begins later than this after the first try, in ms.
        jitter_ms: Upper bound of what is added at random, in ms.
    """

    initial_interval: float = 500
    max_interval: float = 60_000
    exponent: float = 1.5
    max_elapsed_time: float = 3_600_000
    jitter_ms: float = 1_000

    def __post_init__(self) -> None:
        figures = (self.initial_interval, self.max_interval, self.exponent, self.max_elapsed_time, self.jitter_ms)
        if not all(figure >= 0 for figure in figures):
            raise ValueError("a backoff is made of figures from 0 up")

    def pause(self, tries: int, random: float) -> float:
        """Seconds to wait after so many failed tries; `random` is uniform in 0 … 1."""
        grown = exponential(tries, self.initial_interval, float(self.exponent), self.max_interval)
        return min(grown + random * self.jitter_ms, self.max_interval) / 1000


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """Whether and what to retry.

    Attributes:
        strategy: ``backoff``, or ``none`` for one try only.
        backoff: How long to wait.
        retry_connection_errors: Whether to retry when there was no answer: no connection, a broken one, a timeout.
        status_codes_override: Statuses to retry, such as ``("408", "5XX")``; None: `RETRIED`.
    """

    strategy: Literal["backoff", "none"] = "backoff"
    backoff: BackoffStrategy = field(default_factory=BackoffStrategy)
    retry_connection_errors: bool = False
    status_codes_override: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.strategy not in ("backoff", "none"):
            raise ValueError(f"there is no strategy {self.strategy!r}: backoff or none")


class Retrying:
    """The retries of one call.

    Args:
        config: What to retry.
        started: When the call began, in seconds of a monotonic clock.
        random: Uniform in 0 … 1.
    """

    def __init__(self, config: RetryConfig, started: float, random: Callable[[], float]) -> None:
        self._config = config
        self._started = started
        self._random = random
        self._tries = 0

    def pause_after(self, error: OpenRouterError, monotonic: float, now: datetime) -> float | None:
        """Seconds to wait before the next try; None if this error is the call's end.

        Args:
            error: What the try ended with.
            monotonic: The present, in seconds of the same clock as `started`.
            now: The wall clock, for hints that name a moment.
        """
        if not self._is_retried(error):
            return None
        self._tries += 1
        backoff = self._config.backoff
        pause = max(_hint(error, now) or 0.0, backoff.pause(self._tries, self._random()))
        ends = monotonic + pause - self._started
        return pause if ends * 1000 <= backoff.max_elapsed_time else None

    def _is_retried(self, error: OpenRouterError) -> bool:
        if self._config.strategy == "none":
            return False
        if isinstance(error, ResponseError):
            named = self._config.status_codes_override
            return any(_matches(code, error.status_code) for code in (RETRIED if named is None else named))
        return self._config.retry_connection_errors and isinstance(
            error, (OpenRouterConnectionError, RequestTimeoutError)
        )


def _matches(code: str, status: int) -> bool:
    """Whether ``"503"`` or ``"5XX"`` names this status."""
    code = str(code).upper()
    return code == str(status) or (code.endswith("XX") and code[:-2] == str(status // 100))


def _hint(error: OpenRouterError, now: datetime) -> float | None:
    return retry_after_seconds(error.headers, error.error, now) if isinstance(error, ResponseError) else None
