"""The title of a report: what it shows, by what, of which days and in which unit."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.reports.formats import cell
from ingest.reports.names import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from ingest.reports.definitions import ReportDefinition
    from ingest.reports.filters import Filter
    from ingest.reports.period import Period

    Span = Mapping[str, Any]

_MOMENT = timedelta(microseconds=1)


class _Bound(NamedTuple):
    """A day, and a time in it; no time stands for the whole day."""

    day: date
    clock: str = ""

    @property
    def day_text(self) -> str:
        return f"{self.day.day} {self.day:%B %Y}"

    def __str__(self) -> str:
        return f"{self.day_text} {self.clock}".rstrip()


class Days(NamedTuple):
    """The days of a report, such as ``13 to 27 November 2026``, and whether it counts legacy IDs of others."""

    text: str
    has_others: bool = False


def title_of(name: str, definition: ReportDefinition, by: Sequence[str], filters: Sequence[Filter], days: Days) -> str:
    """Return a title such as ``Cost by model (user alice), 13 to 27 November 2026, USD``.

    Args:
        name: The report's name.
        definition: The report.
        by: Its dimensions.
        filters: Its filters.
        days: Its days.
    """
    subject = definition.title or name.capitalize()
    grouped = f" by {' and '.join(', '.join(by).replace('_', ' ').rsplit(', ', 1))}" if by else ""
    chosen = f" ({', '.join(map(_filter_text, filters))})" if filters else ""
    has_money = any(column.kind == "money" for column in definition.columns)
    unit = definition.unit or ("USD" if has_money else "")
    legacy = "with legacy IDs" if days.has_others else ""
    return ", ".join(filter(None, (subject + grouped + chosen, days.text, unit, legacy)))


def _filter_text(chosen: Filter) -> str:
    values = " or ".join(cell(shown(value)) for value in chosen.values)
    return f"{chosen.dimension.replace('_', ' ')}{' not' if chosen.is_excluded else ''} {values}"


def days_of(period: Period, span: Span) -> Days:
    """Return the days of a period; where it has no bound, up to the first or the last request.

    A bound inside a day is shown with its time, and a time zone other than UTC with its name.

    Args:
        period: The period.
        span: `first_at` and `last_at` are the times of the first and the last request, UTC; `first_day` and `last_day`
            are the days of the first and the last legacy ID. Any may be missing or None.
    """
    first, last = _known(period, span, "first"), _known(period, span, "last")
    return Days(_days(period, first, last), _has_others(period, span, first, last))


def compared_days(period: Period, earlier: Period) -> Days:
    """Return the days of two periods with bounds: ``November compared with October``."""
    now, before = (_between(_begin(each), _end(each)) for each in (period, earlier))
    return Days(_in_zone(f"{now} compared with {before}", period))


def _known(period: Period, span: Span, which: str) -> date | None:
    """The first or last day of requests; of legacy IDs if there are no others."""
    moment, day = span.get(f"{which}_at"), span.get(f"{which}_day")
    return period.local(moment).date() if moment else day


def _has_others(period: Period, span: Span, begin: date | None, end: date | None) -> bool:
    """Whether the period has legacy IDs of other days than the title tells."""
    first, last, since, until = span.get("first_day"), span.get("last_day"), _begin(period), _end(period)
    is_earlier = first and begin and first < begin and not since and not (until and first > until.day)
    is_later = last and end and last > end and not until and not (since and last < since.day)
    return bool(is_earlier or is_later)


def _days(period: Period, first: date | None, last: date | None) -> str:
    since, until = _begin(period), _end(period)
    begin, end = since or (first and _Bound(first)), until or (last and _Bound(last))
    if begin and end and begin.day > end.day:  # no request is in the period
        begin, end = since, until
    return _in_zone(_between(begin or None, end or None), period)


def _in_zone(text: str, period: Period) -> str:
    return f"{text} ({period.zone.key})" if text and period.zone.key not in ("UTC", "Etc/UTC") else text


def _begin(period: Period) -> _Bound | None:
    if not period.since:
        return None
    moment = period.since.astimezone(period.zone)
    return _Bound(moment.date(), _clock(moment))


def _end(period: Period) -> _Bound | None:
    """The last day: the one before, if the first moment after the period is midnight."""
    if not period.until:
        return None
    moment = period.until.astimezone(period.zone)
    clock = _clock(moment)
    return _Bound((moment if clock else moment - _MOMENT).date(), clock)


def _clock(moment: datetime) -> str:
    return "" if moment.time() == time.min else f"{moment:%H:%M}"


def _between(begin: _Bound | None, end: _Bound | None) -> str:
    if not begin or not end:
        return f"since {begin}" if begin else f"until {end}" if end else ""
    has_clock = begin.clock or end.clock
    if begin.day == end.day:
        return f"{begin.day_text} {begin.clock or '00:00'} to {end.clock or '24:00'}" if has_clock else str(end)
    first, last = begin.day, end.day
    if has_clock or first.year != last.year:
        return f"{begin} to {end}"
    return f"{first.day}{'' if first.month == last.month else f' {first:%B}'} to {end}"
