"""What is counted over all IDs of a run, to limit retries and to end a run that cannot succeed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from ingest.client import stop_errors
from ingest.client.request import GET_KEY
from ingest.client.result import Err, Ok
from ingest.fetch import answer_policy
from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.client.errors import OpenRouterError
    from ingest.client.operations import AsyncCaller
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError
    from ingest.core.settings import Settings
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter

log = logging.getLogger("orusage")

BREAKER_PAUSES = 3
"""Pauses of 1, 2 and 4 s after failed connects; when connecting fails after the last, and the server was never reached
in this run, the run stops: the network or the base URL is wrong. Otherwise it goes on until its patience is over."""

LONGEST_PAUSE = 8.0
"""Seconds; the longest pause after a failed connect."""

FREE_RETRIES = 50.0
RETRIES_PER_ANSWER = 0.2
"""The retry budget of a run: some to begin with, and one for every five usable answers."""

STOP_AFTER = 10
"""Unusable answers in a row (unreadable, or redirects) after which the run stops: it is not talking to the API."""


KEY_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Answers to the check of the key that say it is not good."""


@dataclass(slots=True)
class RetryBudget:
    """Retries left for all IDs of a run."""

    left: float = FREE_RETRIES

    def spend(self) -> bool:
        """Take one retry; False if there is none."""
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class CircuitBreaker:
    """Pauses all requests after failed connects, each time twice as long, up to `LONGEST_PAUSE`.

    Attributes:
        open_until: When the last pause ends, in seconds of the monotonic clock.
        pauses: Pauses since the last answer.
        since: When the first of them began.
    """

    open_until: float
    pauses: int = 0
    since: float = 0.0

    def connect_failed(self, sent_at: float, now: float) -> float:
        """Seconds to pause, after a request sent at `sent_at`; those sent before the last pause count once."""
        if sent_at >= self.open_until:
            self.since = self.since if self.pauses else now
            self.pauses += 1
            self.open_until = now + min(2.0 ** (self.pauses - 1), LONGEST_PAUSE)
        return self.open_until - now


@dataclass(slots=True)
class UnusableAnswers:
    """Counts answers in a row that are unreadable, or redirects."""

    in_a_row: int = 0


class KeyCheck:
    """Asks the API whether the key is good, since a 403 may concern the key or the ID. The answer is kept.

    Args:
        client: Sends the request.
    """

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client
        self._is_good: bool | None = None

    async def is_good(self) -> bool | None:
        """Whether the API accepts the key; None if the check itself failed."""
        if self._is_good is None:
            result = await self._client.call(GET_KEY, {})
            if isinstance(result, Err) and result.error.status_code not in KEY_REFUSALS:
                return None
            self._is_good = isinstance(result, Ok)
        return self._is_good


class RunGuards:
    """The guards of one run.

    Args:
        client: Checks the key.
        limiter: Is held while the server cannot be reached.
        cancellation: Ends the run.
        settings: The run's settings.
        clock: The run's clock.
        random: Uniform in 0 … 1, for jitter.

    Attributes:
        key: The check of the key.
        has_fetched: Whether anything was fetched; then a server that takes nothing more is no error.
        unusable_metadata: Unusable answers in a row to requests for metadata.
        unusable_content: The same for content, which metadata in between does not reset.
    """

    def __init__(  # the parts of a run, each made at the one place that calls it
        self,
        client: AsyncCaller,
        limiter: AsyncLimiter,
        cancellation: RunCancellation,
        settings: Settings,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self.key = KeyCheck(client)
        self.has_fetched = False
        self.unusable_metadata, self.unusable_content = UnusableAnswers(), UnusableAnswers()
        self._limiter = limiter
        self._cancellation = cancellation
        self._base_url = settings.base_url
        self._patience = settings.patience.total_seconds()
        self._clock = clock
        self._random = random
        self._retries = RetryBudget()
        self._breaker = CircuitBreaker(clock.monotonic())
        self._was_reached = False
        self._nothing_taken_since: float | None = None

    def stop(self, error: OrusageError) -> None:
        """End the run with this error."""
        self._cancellation.set(error)

    def answered(self) -> None:
        """The API answered about an ID: earn retries, and end a row of unusable metadata."""
        self.unusable_metadata.in_a_row = 0
        self._retries.left += RETRIES_PER_ANSWER

    def unusable(self, answers: UnusableAnswers, error: Callable[[str], OrusageError]) -> bool:
        """Count an unusable answer; after `STOP_AFTER` in a row the run ends with this error, and True is returned."""
        answers.in_a_row += 1
        if answers.in_a_row < STOP_AFTER:
            return False
        self.stop(error(self._base_url))
        return True

    def retry_pause(self, failures: int) -> float | None:
        """Seconds before the next try after so many failures of an ID; None if it is not retried in this run."""
        if failures >= answer_policy.TRIES or not self._retries.spend():
            return None
        return answer_policy.backoff(failures, self._random())

    def allow_retry(self) -> None:
        """Add a retry to the budget: the next one costs the run nothing."""
        self._retries.left += 1

    def connected(self) -> None:
        """An answer came, so the server can be reached."""
        self._was_reached = True
        self._breaker.pauses = 0

    def connect_failed(self, sent_at: float, error: OpenRouterError) -> None:
        """No connection for a request sent at `sent_at`: hold all requests, and end the run when patience is over.

        What no later try can change, such as a certificate that is not trusted, ends the run at once.
        """
        now = self._clock.monotonic()
        pause = self._breaker.connect_failed(sent_at, now)
        is_over = now - self._breaker.since > self._patience
        never_reached = not self._was_reached and self._breaker.pauses > BREAKER_PAUSES
        if is_over or never_reached or stop_errors.is_permanent(error):
            self.stop(stop_errors.unreachable(self._base_url, error))
        self._limiter.hold(pause)

    def watch(self, answer: Answer) -> None:
        """End the run when the server has taken no request for longer than the run's patience.

        Failed connects have their own end, see `connect_failed`.
        """
        now = self._clock.monotonic()
        if answer is Answer.TAKEN:
            self._nothing_taken_since = None
        elif self._nothing_taken_since is None:
            self._nothing_taken_since = now
        elif now - self._nothing_taken_since > self._patience:
            self._give_up()

    def _give_up(self) -> None:
        if not self.has_fetched:
            cause = f"no request was accepted for {self._patience:g} s, and nothing was fetched before"
            self.stop(stop_errors.throttled(cause))
        elif not self._cancellation:
            log.warning("no request is accepted any more: the IDs left are for the next run")
            self._cancellation.set()
