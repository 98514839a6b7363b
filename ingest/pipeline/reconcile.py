"""Asks OpenRouter's billing endpoints, and stores what they tell: all that came, whatever did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ingest.client.activity import activity_of, completed_days
from ingest.client.credits import credits_of
from ingest.client.management_errors import AFTER_PATIENCE
from ingest.client.models import list_models
from ingest.client.usage_totals import totals_of
from ingest.core.errors import (
    ConfigurationError,
    KeyRefusedError,
    OrusageError,
    UsageError,
)
from ingest.core.settings import EARLIEST
from ingest.pipeline.names import collect_names
from ingest.warehouse import maintenance
from ingest.warehouse.billing import BillingAnswers
from ingest.warehouse.storage.lock import NO_WAIT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from ingest.client.management import ManagementClient
    from ingest.core.billing_records import ActivityDay
    from ingest.core.clock import Clock
    from ingest.warehouse.storage.lock import LockWait

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a request that fails is not tried again, since the other answers are worth having too."""

_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)

_FOR_ALL = (KeyRefusedError, ConfigurationError)
"""Errors that every request would end with."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What one run was told.

    Attributes:
        answers: All that came.
        problems: What did not come, and what was missing or left out in what did, in words.
        is_partial: Whether an answer did not come.
    """

    answers: BillingAnswers
    problems: tuple[str, ...]
    is_partial: bool


class _Asking:
    """Awaits answers, and notes the errors of those that do not come.

    Attributes:
        problems: The errors, in words.
        first: The first of them.
        has_any: Whether any answer came.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.first: OrusageError | None = None
        self.has_any = False

    async def for_answer(self, name: str, answer: Awaitable[T]) -> T | OrusageError:
        """The answer; its error, which is noted under this name, if it does not come.

        Raises:
            OrusageError: nothing came so far, and this is the second error, so that nothing is to be expected; or the
                key is refused.
        """
        try:
            value = await answer
        except _FOR_ALL:
            raise
        except OrusageError as error:
            if self.first and not self.has_any:
                raise self.first from None
            self.first = self.first or error
            self.problems.append(f"{name}: {error.what} ({error.cause})")
            return error
        self.has_any = True
        return value


class Problems(NamedTuple):
    """What a run could not get.

    Attributes:
        said: In words: what did not come, and what was missing or left out in what did.
        is_partial: Whether an answer did not come.
    """

    said: tuple[str, ...]
    is_partial: bool


def days_between(since: datetime | None, until: datetime | None, now: datetime) -> list[date]:
    """The completed days (UTC) that lie wholly between two moments, the oldest first.

    Args:
        since: The first moment; None: 30 days before today.
        until: The first moment after them; None: today.
        now: The wall clock, UTC.

    Raises:
        UsageError: There is none.
    """
    known = completed_days(now)
    first = known[0] if since is None else (min(since, now) + _DAY - _MOMENT).date()
    last = known[-1] if until is None else min(known[-1], (max(until, EARLIEST) - _DAY).date())
    if first > last:
        raise UsageError(
            "there is no day to compare",
            cause="no completed day (UTC) lies between --since and --until",
            fix="leave them out for the last 30 completed days; today is never one of them",
        )
    return [first + number * _DAY for number in range((last - first).days + 1)]


async def reconcile_days(
    path: Path,
    days: Sequence[date],
    client: ManagementClient,
    clock: Clock,
    lock_wait: LockWait = NO_WAIT,
    account: str | None = None,
) -> Problems:
    """Ask for those of the days that OpenRouter still tells, and for all names, and store what comes.

    Args:
        path: The warehouse.
        days: Completed days, UTC.
        client: The client, not entered yet.
        clock: The source of time.
        lock_wait: How long to wait for another run.
        account: Name of the configured account whose key the client has.

    Raises:
        NoInputError: There is no warehouse.
        OrusageError: Nothing came at all, the key is missing or refused, or the warehouse failed.
    """
    maintenance.require_warehouse(path)
    asked = [day for day in completed_days(clock.now()) if days[0] <= day <= days[-1]]
    async with client:
        collected = await collect(client, asked)
        names = await collect_names(client)
    maintenance.add_billing(path, collected.answers, names, clock.now(), lock_wait, account)
    problems = (*collected.problems, *names.problems)
    named = tuple(problem if account is None else f"{account}: {problem}" for problem in problems)
    return Problems(named, collected.is_partial or names.is_partial)


async def collect(client: ManagementClient, days: Sequence[date]) -> Collected:
    """Ask for the credits, the list of models, and Activity and the totals of Analytics for some days.

    Args:
        client: The client.
        days: Completed days, UTC, the oldest first; at most 30.

    Raises:
        OrusageError: nothing came, or the key is refused.
    """
    asking = _Asking()
    models = _unless_error(await asking.for_answer("models", list_models(client)))
    snapshot = _unless_error(await asking.for_answer("credits", credits_of(client)))
    totals = _unless_error(await asking.for_answer("Analytics", totals_of(client, days)))
    by_key = _unless_error(await asking.for_answer("Analytics by key", totals_of(client, days, by_key=True)))
    activity = await _activity(client, days, asking)
    answers = BillingAnswers(
        activity=tuple(activity),
        totals=tuple(totals or ()),
        key_totals=tuple(by_key or ()),
        key_days=() if by_key is None else tuple(days),
        credits=snapshot,
        models=models,
    )
    return Collected(answers, (*asking.problems, *_oddities(answers)), is_partial=asking.first is not None)


async def _activity(client: ManagementClient, days: Sequence[date], asking: _Asking) -> list[ActivityDay]:
    """What Activity tells, the newest day first; it stops where no answer came for too long."""
    told = []
    for day in reversed(days):
        answer = await asking.for_answer(f"Activity of {day}", activity_of(client, day))
        if isinstance(answer, AFTER_PATIENCE):
            break
        if not isinstance(answer, OrusageError):
            told.append(answer)
    return told


def _unless_error(answer: T | OrusageError) -> T | None:
    return None if isinstance(answer, OrusageError) else answer


def _oddities(answers: BillingAnswers) -> list[str]:
    """What was missing or left out, in words."""
    missing: dict[str, int] = {}
    for told in answers.activity:
        for name, count in told.missing.items():
            missing[name] = missing.get(name, 0) + count
    said = [f"Activity: {count:,} rows without {name}" for name, count in sorted(missing.items())]
    if ignored := sum(told.ignored for told in answers.activity):
        said.append(f"Activity: {ignored:,} rows of another day or of another form, left out")
    if answers.models and answers.models.ignored:
        said.append(f"models: {answers.models.ignored:,} entries without an ID, left out")
    if answers.models and not answers.models.is_whole:
        said.append("models: the list did not come whole")
    return said
