"""What follows from each answer to a request for metadata, ``GET /generation``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from ingest.client import stop_errors
from ingest.client.retry_after import http_date
from ingest.core.generation_id import AHEAD
from ingest.core.outcomes import Outcome, Settled
from ingest.fetch import answer_policy
from ingest.fetch.answer_policy import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.client.errors import ResponseError
    from ingest.core.api_records import GenerationResponse, GenerationResponseData
    from ingest.core.clock import Clock
    from ingest.core.outcomes import WorkItem
    from ingest.core.settings import Settings
    from ingest.fetch.ask import Ask
    from ingest.fetch.run_guards import RunGuards
    from ingest.fetch.steps import SharedSteps, Step, StepTable

ZERO_TOKEN_AGE = timedelta(hours=1)
"""A younger generation without tokens may have been recorded too early; a later run asks for it once more."""

INCOMPLETE = "zero_tokens"
"""Reason of an ID that an account has, whose record may not be complete yet."""


@dataclass(frozen=True, slots=True)
class NotHere:
    """An account's answer that it does not have an ID, while there are other accounts to ask.

    Attributes:
        error: The answer.
        is_forbidden: Whether it was a 403: the ID is of another account, or the key may not see it.
    """

    error: ResponseError
    is_forbidden: bool = False


Answer: TypeAlias = "Outcome | NotHere"


class MetadataSteps:
    """The steps for metadata.

    Args:
        shared: The steps shared with content.
        guards: The run's guards.
        settings: The run's settings.
        clock: The run's clock.
        is_only: Whether there is no other account to ask for an ID that is not here.

    Attributes:
        table: The step for each verdict.
    """

    def __init__(
        self, shared: SharedSteps, guards: RunGuards, settings: Settings, clock: Clock, *, is_only: bool = True
    ) -> None:
        self._is_only = is_only
        self._shared = shared
        self._guards = guards
        self._settings = settings
        self._clock = clock
        self.table: StepTable[Answer] = {
            **shared.table,
            Verdict.READ: self._read,
            Verdict.UNREADABLE: lambda ask, _: self._unreadable(ask),
            Verdict.REDIRECT: lambda ask, _: self._redirected(ask),
            Verdict.REJECTED: self._rejected,
            Verdict.FORBIDDEN: self._forbidden,
            Verdict.NOT_FOUND: self._not_found,
        }

    def interrupted(self, ask: Ask) -> Outcome:
        """The outcome of an ID if the run ended before its next request."""
        return self._left_unreadable(ask) if ask.unreadable else ask.interrupted()

    def _read(self, ask: Ask, response: GenerationResponse) -> Step[Outcome]:
        generation = response.data
        if generation.id not in (None, ask.item.generation_id, ask.other_id):
            if ask.other_id is not None:
                return self._unreadable(ask)
            ask.other_id = generation.id
            return 0.0
        self._guards.answered()
        if not self._settings.content:
            self._guards.has_fetched = True
        if self._is_too_early(ask.item, generation):
            return ask.pending(INCOMPLETE, self._clock.now() + answer_policy.SOONEST_NEXT)
        return Settled(ask.item, generation, self._clock.now(), ask.requests)

    def _is_too_early(self, item: WorkItem, generation: GenerationResponseData) -> bool:
        tokens = generation.native_tokens_prompt or generation.native_tokens_completion
        if tokens or generation.response_cache_source_id or item.reason == INCOMPLETE:
            return False
        return item.requested_at is not None and self._clock.now() - item.requested_at < ZERO_TOKEN_AGE

    def _unreadable(self, ask: Ask) -> Step[Outcome]:
        ask.unreadable += 1
        stops = self._guards.unusable(self._guards.unusable_metadata, stop_errors.not_the_api)
        return 0.0 if ask.unreadable == 1 and not stops else self._left_unreadable(ask)

    def _left_unreadable(self, ask: Ask) -> Outcome:
        runs = ask.runs("unreadable")
        if runs >= answer_policy.UNREADABLE_RUNS:
            return ask.dead("bad_response")
        return ask.pending("unreadable", self._clock.now() + answer_policy.UNREADABLE_REST if runs > 1 else None)

    def _redirected(self, ask: Ask) -> Outcome:
        if self._guards.unusable(self._guards.unusable_metadata, stop_errors.redirects):
            return ask.interrupted()
        return ask.pending("redirected")

    def _rejected(self, ask: Ask, error: ResponseError) -> Outcome:
        self._guards.answered()
        return ask.dead(answer_policy.reason_of(error))

    async def _forbidden(self, ask: Ask, error: ResponseError) -> Step[Answer]:
        self._guards.answered()
        is_good = await self._guards.key.is_good()
        if is_good is None:
            return self._shared.retry(ask, "key_unchecked")
        if not is_good:
            return self._shared.key_refused(ask)
        return self._left_forbidden(ask) if self._is_only else NotHere(error, is_forbidden=True)

    def _left_forbidden(self, ask: Ask) -> Outcome:
        if ask.runs("forbidden") >= answer_policy.FORBIDDEN_RUNS:
            return ask.dead("http_403")
        return ask.pending("forbidden", self._clock.now() + answer_policy.REFUSAL_REST)

    def _not_found(self, ask: Ask, error: ResponseError) -> Step[Answer]:
        self._guards.answered()
        return self._missing(ask, error) if self._is_only else NotHere(error)

    def nowhere(self, ask: Ask, answers: Sequence[NotHere]) -> Step[Outcome]:
        """What follows if no account has an ID: the policy for 403 if one answered so, else that for 404."""
        if any(answer.is_forbidden for answer in answers):
            return self._left_forbidden(ask)
        return self._missing(ask, answers[-1].error)

    def _missing(self, ask: Ask, error: ResponseError) -> Step[Outcome]:
        date, now = http_date(error.headers.get("date")), self._clock.now()
        if date is None:  # without the server's clock no ID dies: our own may be wrong
            return ask.pending("not_found_yet", now + answer_policy.LATEST_NEXT)
        requested_at = ask.item.requested_at
        if requested_at and date - requested_at < -AHEAD:
            return ask.pending("not_found_yet", requested_at)
        age = min(date, now) - requested_at if requested_at else timedelta.max
        if age >= self._settings.not_found_grace:
            return self._not_found_past_grace(ask, now)
        if ask.retries_not_found(age):
            return answer_policy.NOT_FOUND_RETRY
        return ask.pending("not_found_yet", now + answer_policy.next_not_found_check(age))

    def _not_found_past_grace(self, ask: Ask, now: datetime) -> Outcome:
        """Give the ID up if an earlier night said the same: one such answer may be about the key, or a mistake."""
        if ask.runs(answer_policy.NOT_FOUND) >= answer_policy.NOT_FOUND_RUNS:
            return ask.dead(answer_policy.NOT_FOUND)
        return ask.pending(answer_policy.NOT_FOUND, now + answer_policy.REFUSAL_REST)
