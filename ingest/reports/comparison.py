"""The two periods of a comparison: the one before, the same a year earlier, or one that is named."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.core.errors import UsageError
from ingest.reports.period import MAX_TIME, MIN_TIME, Period

if TYPE_CHECKING:
    from collections.abc import Callable

    Bounds = tuple[datetime, datetime]
    """The first moment of a period and the first one after it."""

PREVIOUS, YEAR = "previous", "year"

_YEAR = 12
"""Months."""

_MOMENT = timedelta(microseconds=1)


class Comparison(NamedTuple):
    """Two periods with both bounds.

    Attributes:
        period: The period that a report is about.
        earlier: The one with which it is compared.
    """

    period: Period
    earlier: Period

    @property
    def span(self) -> Period:
        """The shortest period that holds both."""
        sinces, untils = zip(*map(_bounds, self), strict=True)
        return replace(self.period, since=min(sinces), until=max(untils))

    def parameter(self) -> list[dict[str, Any]]:
        """The bounds of both, as ``sql/reports/comparison.sql`` takes them."""
        names = ("since", "until", "first_midnight", "last_day")
        found = [{name: each.parameters()[name] for name in names} for each in self]
        return [bounds | {"is_earlier": each is self.earlier} for each, bounds in zip(self, found, strict=True)]


def comparison_of(period: Period, wanted: str, moment_of: Callable[[str], datetime]) -> Comparison:
    """Return a period, and the one with which it is compared.

    Args:
        period: The period. It ends now and begins with the month, unless it says otherwise.
        wanted: ``previous``, ``year``, or the first moment and the first one after it: ``2026-10-01..2026-11-01``.
        moment_of: Turns the text of a moment into the moment; one without time zone is local time.

    Raises:
        UsageError: `wanted` is none of these, or a period is empty.
    """
    period = _bounded(period)
    begin, dots, end = wanted.partition("..")
    if dots and begin and end:
        return Comparison(period, Period.between(moment_of(begin), moment_of(end), period.zone, period.now))
    if wanted not in (PREVIOUS, YEAR):
        raise UsageError(
            f"there is no period {wanted!a} to compare with",
            cause="it is previous, year, or a period such as 2026-10-01..2026-11-01",
            fix="write --compare previous",
        )
    since, until = _a_year_before(period) if wanted == YEAR else _before(period)
    return Comparison(period, replace(period, since=since, until=until))


def _bounded(period: Period) -> Period:
    until = period.until or period.now
    if not until:
        raise UsageError("a comparison needs an end", cause="--until is missing", fix="add --until 2026-12-01")
    last = (until - _MOMENT).astimezone(period.zone)
    since = period.since or last.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    if since >= until:
        raise UsageError("the period has not begun", cause="--since is not in the past", fix="choose an earlier moment")
    return replace(period, since=since.astimezone(UTC), until=until.astimezone(UTC))


def _bounds(period: Period) -> Bounds:
    return period.since or MIN_TIME, period.until or MAX_TIME


def _local(period: Period) -> Bounds:
    """The bounds on the clock of the time zone."""
    since, until = (bound.astimezone(period.zone).replace(tzinfo=None) for bound in _bounds(period))
    return since, until


def _moments(period: Period, since: datetime, until: datetime) -> Bounds:
    """Bounds on the clock of the time zone, as moments."""
    return since.replace(tzinfo=period.zone).astimezone(UTC), until.replace(tzinfo=period.zone).astimezone(UTC)


def _before(period: Period) -> Bounds:
    """The same days of the months before, for a period that begins with a month; else the same length before."""
    since, until = _local(period)
    if since.day == 1 and since.time() == time.min:
        last = until - _MOMENT
        months = _YEAR * (last.year - since.year) + last.month - since.month + 1
        return _moments(period, _months_before(since, months), min(_end_before(until, months), since))
    if since.time() == until.time() == time.min:
        return _moments(period, since - (until - since), since)
    begin, end = _bounds(period)
    return begin - (end - begin), begin


def _a_year_before(period: Period) -> Bounds:
    since, until = _local(period)
    return _moments(period, _months_before(since, _YEAR), _end_before(until, _YEAR))


def _months_before(moment: datetime, months: int) -> datetime:
    """The same day and time of an earlier month; its last day if it has no such day."""
    year, month = divmod(_YEAR * moment.year + moment.month - 1 - months, _YEAR)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _end_before(moment: datetime, months: int) -> datetime:
    """The same day and time of an earlier month; its end if it has no such day."""
    found = _months_before(moment, months)
    return found if found.day == moment.day else datetime.combine(found.date() + timedelta(days=1), time())
