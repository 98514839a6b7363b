"""Reports: rows of one family by one dimension, of a period and in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from ingest import sql
from ingest.errors import UsageError
from ingest.families import dimension_of, family_of
from ingest.zones import shifts

if TYPE_CHECKING:
    from ingest.families import Family
    from ingest.reader import Reader
    from ingest.zones import Shift

UTC_ZONE = ZoneInfo("UTC")
BEGINNING, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No request is older than OpenRouter: clocks are looked at in between only."""

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

PART, TOTAL = "part", 2
"""What a row is: 0 for one of the dimension, 1 for those beyond --top added up, 2 for all of them."""

KEY = "key"
TOP_MODELS = 5


@dataclass(frozen=True, slots=True)
class Period:
    """A time, as the clocks of a zone count it.

    Attributes:
        since: Its first moment, aware; None for all there is.
        until: The first moment after it, aware; None for all there is.
        zone: Whose days, weeks and hours.
    """

    since: datetime | None = None
    until: datetime | None = None
    zone: ZoneInfo = UTC_ZONE

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> Period:
        """The period between two moments; those without a zone are the zone's own.

        Raises:
            UsageError: it ends before it begins.
        """
        begins, ends = (m.replace(tzinfo=m.tzinfo or zone).astimezone(UTC) if m else None for m in (since, until))
        if begins and ends and ends <= begins:
            raise UsageError(
                "the period is empty",
                cause="--until is not after --since",
                fix="--until names the first moment after it",
            )
        return cls(begins, ends, zone)

    @property
    def is_all(self) -> bool:
        """Whether it has no bounds."""
        return not (self.since or self.until)

    @property
    def is_whole_days(self) -> bool:
        """Whether it begins and ends with a day of UTC, and counts by those."""
        bounds = (moment for moment in (self.since, self.until) if moment)
        return not any(shift.seconds for shift in self._shifts()) and all(_is_midnight(m) for m in bounds)

    def local(self, moment: datetime) -> datetime:
        """A moment of the warehouse, UTC without zone, as the zone's clocks show it."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone)

    def parameters(self) -> dict[str, Any]:
        """What the queries know of it; times are UTC without zone, days the zone's own."""
        parts = self._shifts()
        since, until = _naive(self.since or FIRST), _naive(self.until or LAST)
        last = self.until and (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return {
            "whole": self.is_all,
            "first_midnight": self._first_midnight(),
            "first_day": self.since.astimezone(self.zone).date() if self.since else date.min,
            "last_day": last or date.max,
            "since": since,
            "until": until,
            "begins": [since, *(_naive(part.begins) for part in parts[1:])],
            "ends": [*(_naive(part.ends) for part in parts[:-1]), until],
            "seconds": [p.seconds for p in parts],
            "labels": [p.label for p in parts],
        }

    def _first_midnight(self) -> date:
        """The first day that begins in it: where requests are counted of which only the day is known."""
        if not self.since:
            return date.min
        begins = self.since.astimezone(self.zone)
        is_midnight = begins.time() == time() or begins.date() == date.max
        return begins.date() if is_midnight else begins.date() + timedelta(days=1)

    def _shifts(self) -> list[Shift]:
        begins, ends = max(self.since or BEGINNING, BEGINNING), min(self.until or END, END)
        return shifts(self.zone, begins, max(begins, ends))


@dataclass(frozen=True, slots=True)
class Report:
    """Rows of a report.

    Attributes:
        name: Its family's name.
        period: Which requests.
        rows: One row per value of the dimension, and if --top left some out, their sum. Stable names, exact amounts.
        total: All of them as one row; empty where rows do not add up.
        models: For the summary the dearest models, else empty.
        note: What is to be said beside it; may be empty.
    """

    name: str
    period: Period
    rows: pl.DataFrame
    total: pl.DataFrame
    models: pl.DataFrame
    note: str = ""


def report(reader: Reader, name: str, period: Period, by: str | None = None, top: int | None = None) -> Report:
    """The rows of a report.

    Args:
        reader: The warehouse.
        name: The family.
        period: Which requests.
        by: The dimension; None for the family's own.
        top: Keep so many of the biggest rows; None for all.

    Raises:
        UsageError: there is no such family or dimension, or the family has not the option.
        ConfigurationError: the warehouse has not the views.
    """
    family = family_of(name)
    dimension = dimension_of(name, by)
    _refuse_senseless(name, family, period, top)
    found = reader.named(family.query, **_parameters(family, dimension, period, top))
    rows, total = _told_apart(found, family.dimensions.get(dimension, ""))
    kept = rows if family.adds_up or top is None else _biggest(rows, top)
    note = _note(reader, name, period, kept, rows.height - kept.height)
    return Report(name, period, kept, total, _models(reader, name, period), note)


def _models(reader: Reader, name: str, period: Period) -> pl.DataFrame:
    if name != "summary":
        return pl.DataFrame()
    models = report(reader, "cost", period, "model", TOP_MODELS)
    return models.rows


def _note(reader: Reader, name: str, period: Period, rows: pl.DataFrame, left_out: int) -> str:
    if left_out:
        return f"{left_out:,} more rows are left out: percentiles cannot be added up"
    if rows.height and (name != "summary" or rows["request_count"].item()):
        return ""
    first, last = reader.named("report_span").row(0)
    if not last:
        return "the warehouse holds no settled request yet: run `orusage ingest`"
    if name == "forecast":
        return "there is no forecast for these days: it needs 7 days of history, and ends 30 after the newest"
    span = f"{period.local(first):%Y-%m-%d %H:%M} to {period.local(last):%Y-%m-%d %H:%M}, {period.zone.key}"
    return f"nothing to report: the warehouse holds requests from {span}"


def _refuse_senseless(name: str, family: Family, period: Period, top: int | None) -> None:
    if top is not None and not family.takes_top:
        raise UsageError(f"`report {name}` has no --top", cause="its rows are no ranking", fix="leave --top out")
    if name in ("forecast", "anomalies") and period.zone.key not in ("UTC", "Etc/UTC"):
        raise UsageError(
            f"`report {name}` knows no --timezone", cause="its view counts days of UTC", fix="leave --timezone out"
        )


def _parameters(family: Family, dimension: str, period: Period, top: int | None) -> dict[str, Any]:
    ready = _is_ready(family, dimension, period)
    known = {**period.parameters(), "by": dimension, "top": top, "ready": ready}
    return {name: known[name] for name in sql.parameters_of(family.query)}


def _is_ready(family: Family, dimension: str, period: Period) -> bool:
    if dimension not in family.ready:
        return False
    return period.is_whole_days if family.ready_days else period.is_all


def _told_apart(found: pl.DataFrame, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows under the dimension's own name, and the total."""
    if not column:
        return found, found.clear()
    is_total = found[PART] == TOTAL
    rows = found.filter(~is_total).drop(PART).rename({KEY: column})
    return rows, found.filter(is_total).drop(PART, KEY)


def _biggest(rows: pl.DataFrame, top: int) -> pl.DataFrame:
    places = rows.with_row_index(PART).sort("request_count", PART, descending=[True, False]).head(top)
    return places.sort(PART).drop(PART)


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).time() == time.min


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
