"""What follows from each answer to a request for prompt and completion, ``GET /generation/content``.

The metadata is known by then. Either it is kept, with or without content, or a later run asks for both again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.client import stop_errors
from ingest.core.outcomes import Content, Pending
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict
from ingest.fetch.content_records import content_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.client.errors import OpenRouterError, ResponseError
    from ingest.core.api_records import GenerationContentResponse
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError
    from ingest.fetch.ask import Ask
    from ingest.fetch.run_guards import RunGuards
    from ingest.fetch.steps import SharedSteps, Step, StepTable


class ContentSteps:
    """The steps for content.

    Args:
        shared: The steps shared with metadata.
        guards: The run's guards.
        clock: The run's clock.

    Attributes:
        table: The step for each verdict.
    """

    def __init__(self, shared: SharedSteps, guards: RunGuards, clock: Clock) -> None:
        self._guards = guards
        self._clock = clock
        self.table: StepTable[Content | Pending] = {
            **shared.table,
            Verdict.READ: self._read,
            Verdict.UNREADABLE: self._unreadable,
            Verdict.REDIRECT: self._redirected,
            Verdict.REJECTED: self._refused,
            Verdict.FORBIDDEN: self._refused,
            Verdict.NOT_FOUND: self._not_found,
            Verdict.OVERLOADED: lambda ask, error: self._unless_retried(ask, error, shared.overloaded(ask, error)),
            Verdict.FAILED: lambda ask, error: self._unless_retried(ask, error, shared.failed(ask, error)),
        }

    def _read(self, _: Ask, response: GenerationContentResponse) -> Content:
        self._answered()
        return content_of(response, self._clock.now())

    def _unreadable(self, ask: Ask, error: ResponseError) -> Step[Content | Pending]:
        ask.unreadable += 1
        if self._stops(stop_errors.not_the_api):
            return ask.interrupted()
        return 0.0 if ask.unreadable == 1 else self._later(ask, error, "unreadable")

    def _redirected(self, ask: Ask, error: ResponseError) -> Content | Pending:
        if self._stops(stop_errors.redirects):
            return ask.interrupted()
        return self._later(ask, error, "redirected")

    def _not_found(self, ask: Ask, error: ResponseError) -> Step[Content]:
        requested_at = ask.item.requested_at
        retries = requested_at is not None and ask.retries_not_found(self._clock.now() - requested_at)
        return answer_policy.NOT_FOUND_RETRY if retries else self._refused(ask, error)

    def _refused(self, _: Ask, error: ResponseError) -> Content:
        """The API has no content to give; the metadata is kept."""
        self._answered()
        return Content(error.status_code, answer_policy.reason_of(error), self._clock.now())

    def _unless_retried(self, ask: Ask, error: OpenRouterError, step: Step[Pending]) -> Step[Content | Pending]:
        return self._later(ask, error, answer_policy.reason_of(error)) if isinstance(step, Pending) else step

    def _later(self, ask: Ask, error: OpenRouterError, reason: str) -> Content | Pending:
        """Leave both to a later run; after the last such run the metadata is kept without content."""
        if ask.runs(answer_policy.CONTENT_FAILED + reason) >= answer_policy.CONTENT_RUNS:
            return Content(error.status_code, reason, self._clock.now())
        return ask.pending(answer_policy.CONTENT_FAILED + reason)

    def _answered(self) -> None:
        self._guards.answered()
        self._guards.unusable_content.in_a_row = 0

    def _stops(self, error: Callable[[str], OrusageError]) -> bool:
        return self._guards.unusable(self._guards.unusable_content, error)
