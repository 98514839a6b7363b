"""What follows from an answer: the table of steps, and the steps that metadata and content share.

A step is the outcome of an operation, or the seconds to wait before the next request for the same ID.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ingest.client import stop_errors
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict
from ingest.fetch.ask import Ask

if TYPE_CHECKING:
    from ingest.client.errors import OpenRouterError
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError
    from ingest.core.outcomes import Pending
    from ingest.fetch.run_guards import RunGuards

T = TypeVar("T")

Step: TypeAlias = T | float
"""The outcome, or the seconds to wait before the next request."""

StepTable: TypeAlias = Mapping[Verdict, Callable[[Ask, Any], Step[T] | Awaitable[Step[T]]]]
"""For each verdict, what follows from the answer: a function of the ask and of the answer's value or error."""


class SharedSteps:
    """The steps that do not depend on what was asked for.

    Args:
        guards: The run's guards.
        clock: The run's clock.
        account: Name of the account that is asked; None if no accounts are configured.
    """

    def __init__(self, guards: RunGuards, clock: Clock, account: str | None = None) -> None:
        self._guards = guards
        self._clock = clock
        self._account = account
        self.table: StepTable[Pending] = {
            Verdict.KEY_REFUSED: lambda ask, _: self.key_refused(ask),
            Verdict.OUT_OF_CREDITS: lambda ask, _: self.stop(ask, stop_errors.out_of_credits(account)),
            Verdict.THROTTLED: lambda _, __: 0.0,
            Verdict.OVERLOADED: self.overloaded,
            Verdict.UNREACHED: self._unreached,
            Verdict.FAILED: self.failed,
        }

    def stop(self, ask: Ask, error: OrusageError) -> Pending:
        """End the run with this error."""
        self._guards.stop(error)
        return ask.interrupted()

    def key_refused(self, ask: Ask) -> Pending:
        """End the run because the key is refused."""
        return self.stop(ask, stop_errors.key_refused(self._account))

    def overloaded(self, ask: Ask, error: OpenRouterError) -> Step[Pending]:
        """Retry as after any failure, but without cost to the run's budget: the limiter already bounds such retries."""
        self._guards.allow_retry()
        return self.retry(ask, answer_policy.reason_of(error))

    def failed(self, ask: Ask, error: OpenRouterError) -> Step[Pending]:
        """Retry after a pause that is at least the server's hint. After a long hint a later run asks again."""
        reason, now = answer_policy.reason_of(error), self._clock.now()
        hint = answer_policy.hint_of(error, now) or 0.0
        if hint > answer_policy.BACKOFF_CAP:
            return ask.pending(reason, now + timedelta(seconds=hint))
        step = self.retry(ask, reason)
        return max(step, hint) if isinstance(step, float) else step

    def retry(self, ask: Ask, reason: str) -> Step[Pending]:
        """Retry after a pause; without a retry left the ID stays pending for this reason."""
        ask.failures += 1
        pause = self._guards.retry_pause(ask.failures)
        return ask.pending(reason) if pause is None else pause

    def _unreached(self, ask: Ask, error: OpenRouterError) -> Step[Pending]:
        self._guards.connect_failed(ask.sent_at, error)
        return 0.0
