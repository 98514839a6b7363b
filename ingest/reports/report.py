"""Runs a report: its rows by some dimensions, for a period in a time zone and the requests that pass filters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.errors import UsageError
from ingest.core.log_fields import FIELD
from ingest.core.suggestions import did_you_mean
from ingest.reports.comparison import Comparison
from ingest.reports.definitions import (
    COMPARISONS,
    FACTS,
    MAX_DIMENSIONS,
    REPORTS,
    TEAM,
    TIME_UNITS,
    column_of,
    compared_definition_of,
    definition_of,
    dimensions_of,
)
from ingest.reports.filters import filters_of
from ingest.reports.names import UNMAPPED, shown
from ingest.reports.period import Period
from ingest.reports.team_map import TeamMap
from ingest.reports.title import compared_days, days_of, title_of
from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.reports.definitions import ReportDefinition
    from ingest.reports.filters import Filter
    from ingest.reports.title import Days
    from ingest.warehouse.reader import Reader

PART, OTHERS, TOTAL = "part", 1, 2
"""The column that says what a row is: 0 one value of each dimension, 1 the sum of rows beyond --top, 2 the total."""

KEYS = tuple(f"key_{place}" for place in range(1, MAX_DIMENSIONS + 1))
"""The columns with the values of the dimensions."""

DAY, EARLIER = "requested_day", "earlier_request_count"

WHOLE_LEDGER = ("anomaly_count", "settled", "pending", "dead", "newest_settled_at", "oldest_pending_at")
FORECAST = ("forecast_month", "forecast_usage", "forecast_low_usage", "forecast_high_usage")
"""Columns of the summary that are about everything, and left out if there are filters."""

TOP_MODELS = 5
"""The number of models in the summary."""

NAMED_UNMAPPED = 10
"""How many values of a dimension without a team are named."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a report.

    Attributes:
        name: The report's name.
        period: The period.
        rows: One row for the values of the dimensions, and one with the sum of the rows beyond --top. Amounts are
            exact.
        total: One row with the total; empty if rows cannot be added up.
        models: For the summary, the models with the highest cost; otherwise empty.
        note: A remark for the reader of the report, such as why it is empty; may be empty text.
        columns: The columns of `rows` with the values of the dimensions.
        partial: For each column of hours, days, weeks or months those that lie in the period in part, each with what
            part; for the summary the days.
        title: The title of its table; may be empty.
        is_compared: Whether it tells how the period differs from an earlier one.
        defined: Its definition, if it is not one of `REPORTS`.
    """

    name: str
    period: Period
    rows: pl.DataFrame
    total: pl.DataFrame
    models: pl.DataFrame
    note: str = ""
    columns: tuple[str, ...] = ()
    partial: dict[str, dict[str, str]] = field(default_factory=dict)
    title: str = ""
    is_compared: bool = False
    defined: ReportDefinition | None = None

    @property
    def definition(self) -> ReportDefinition:
        """The report's definition."""
        return self.defined or (COMPARISONS if self.is_compared else REPORTS)[self.name]


def report(
    reader: Reader,
    name: str,
    about: Period | Comparison,
    by: str | None = None,
    top: int | None = None,
    where: Sequence[str] = (),
    teams: TeamMap | None = None,
) -> Report:
    """Run a report.

    Args:
        reader: The warehouse.
        name: A key of `ingest.reports.definitions.REPORTS`.
        about: The period; or two, of which the first is compared with the second.
        by: The dimensions, separated by commas; None for the report's default.
        top: The number of largest rows to keep; None for the report's default, or all.
        where: The filters, each ``DIMENSION=VALUE`` or ``DIMENSION!=VALUE``.
        teams: The mapping file behind the dimension `team`.

    Raises:
        UsageError: There is no such report or dimension, or the report does not support an option.
        ConfigurationError: The warehouse lacks the views, because its schema is older.
    """
    is_compared = isinstance(about, Comparison)
    definition = compared_definition_of(name) if is_compared else definition_of(name)
    period = about.period if isinstance(about, Comparison) else about
    by_names, filters = dimensions_of(name, definition, by), filters_of(name, where)
    _require_supported(name, definition, period, top)
    top = top or definition.default_top
    teams = _required_maps(reader, {*by_names, *(each.dimension for each in filters)}, teams)
    result = reader.named(definition.query, **_parameters(definition, by_names, filters, about, top, teams))
    columns = tuple(column_of(name, dimension) for dimension in by_names)
    rows, total = _split_total(result, columns, has_rest=definition.is_additive and top is not None)
    kept = rows if definition.is_additive or top is None else _largest(rows, top)
    notes = [
        *_unknown_values(reader, name, filters, teams),
        *(_unmapped(reader, period, teams) if TEAM in by_names else ()),
        *_comparison_notes(kept, total),
        *_notes(reader, name, period, kept, rows.height - kept.height, " with these filters" if filters else ""),
    ]
    partial = _partial(name, by_names, period)
    kept = _with_partial(kept, partial) if set(by_names) & TIME_UNITS.keys() else kept
    kept = kept.drop(WHOLE_LEDGER, FORECAST) if name == "summary" and filters else kept
    title = title_of(name, definition, by_names, filters, _days(reader, definition, about, rows))
    models = _models(reader, name, period, where, teams)
    return Report(name, period, kept, total, models, "; ".join(notes), columns, partial, title, is_compared)


def _require_supported(name: str, definition: ReportDefinition, period: Period, top: int | None) -> None:
    if top is not None and not definition.has_top:
        raise UsageError(
            f"`report {name}` does not support --top", cause="its rows are not ranked", fix="leave --top out"
        )
    if name in ("forecast", "anomalies") and period.zone.key not in ("UTC", "Etc/UTC"):
        raise UsageError(
            f"`report {name}` does not support --timezone",
            cause="its view groups by UTC days",
            fix="leave --timezone out",
        )


def _required_maps(reader: Reader, used: set[str], teams: TeamMap | None) -> TeamMap:
    """Return the mapping file if a dimension needs it, else an empty one.

    Raises:
        UsageError: It is missing, or a field is used that no log line had.
    """
    asked = {*used, *(teams.dimensions if teams else ())}
    reader.require_fields(sorted(name.removeprefix(FIELD) for name in asked if name.startswith(FIELD)))
    if TEAM in used and teams is None:
        raise UsageError("there are no teams", cause="a mapping file tells them", fix="give it with --map FILE")
    return teams if teams and TEAM in used else TeamMap()


def _parameters(
    definition: ReportDefinition,
    by: Sequence[str],
    filters: Sequence[Filter],
    about: Period | Comparison,
    top: int | None,
    teams: TeamMap,
) -> dict[str, Any]:
    used = {*by, *(each.dimension for each in filters)}
    period, periods = (about, None) if isinstance(about, Period) else (about.span, about.parameter())
    parameters = {
        **period.parameters(),
        **teams.parameters(),
        **{
            f"by_{place}": dimension
            for place, dimension in enumerate((*by, *[None] * (MAX_DIMENSIONS - len(by))), start=1)
        },
        "filters": [each.parameter() for each in filters],
        "top": top,
        "periods": periods,
        "ready": _uses_rollup(definition, used, period),
        "joined": any(n in definition.generation_dimensions or n.startswith(FIELD) for n in used),
    }
    return {name: parameters[name] for name in sql_files.parameters_of(definition.query)}


def _uses_rollup(definition: ReportDefinition, used: set[str], period: Period) -> bool:
    return bool(definition.rollup_dimensions) and used <= definition.rollup_dimensions and period.is_whole_days


def _split_total(result: pl.DataFrame, columns: Sequence[str], *, has_rest: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows, with the keys renamed to the columns of the dimensions, and the total.

    With --top a column ``is_rest`` tells the row (other) from one of a user, a model, … of that name.
    """
    if not columns:
        return result, result.clear()
    is_total = result[PART] == TOTAL
    renamed = dict(zip(KEYS, columns, strict=False))
    unused = [key for key in KEYS if key not in renamed and key in result.columns]
    marked = result.with_columns(is_rest=result[PART] == OTHERS) if has_rest else result
    rows = marked.filter(~is_total).drop(PART, *unused).rename(renamed)
    return rows, result.filter(is_total).drop(PART, *KEYS, strict=False)


def _largest(rows: pl.DataFrame, top: int) -> pl.DataFrame:
    """Return the rows with the most requests, in their original order."""
    indexed = rows.with_row_index("index").sort("request_count", "index", descending=[True, False]).head(top)
    return indexed.sort("index").drop("index")


def _partial(name: str, by: Sequence[str], period: Period) -> dict[str, dict[str, str]]:
    units = ("day",) if name == "summary" else by
    return {TIME_UNITS[unit]: period.partial(unit) for unit in units if unit in TIME_UNITS}


def _with_partial(rows: pl.DataFrame, partial: dict[str, dict[str, str]]) -> pl.DataFrame:
    """Add the column ``is_partial``: whether the period covers only a part of the row's hour, day, week or month."""
    marks = [pl.col(column).is_in(list(values)) for column, values in partial.items()]
    return rows.with_columns(is_partial=pl.any_horizontal(marks).fill_null(value=False))


def _days(reader: Reader, definition: ReportDefinition, about: Period | Comparison, rows: pl.DataFrame) -> Days:
    """The days for the title: those of the period, or of the rows if they lie in the future."""
    if isinstance(about, Comparison):
        return compared_days(*about)
    if definition.span:
        return days_of(about, reader.named(definition.span).row(0, named=True))
    days = {"first_day": rows[DAY].min(), "last_day": rows[DAY].max()}
    return days_of(replace(about, since=None, until=None), days)


def _models(reader: Reader, name: str, period: Period, where: Sequence[str], teams: TeamMap) -> pl.DataFrame:
    is_summary = name == "summary"
    return report(reader, "cost", period, "model", TOP_MODELS, where, teams).rows if is_summary else pl.DataFrame()


def _unknown_values(reader: Reader, name: str, filters: Sequence[Filter], teams: TeamMap) -> Iterator[str]:
    """Yield a remark on each filter value that no row of all history has, whatever the other filters."""
    for each in filters:
        if each.dimension in TIME_UNITS:
            continue
        known = teams.names if each.dimension == TEAM else _values(reader, name, each.dimension)
        for value in each.values:
            if value not in known:
                hint = did_you_mean(value or "", sorted(filter(None, known)), "")
                yield f"nothing has the {each.dimension} {shown(value)}" + (f": {hint}" if hint else "")


def _unmapped(reader: Reader, period: Period, teams: TeamMap) -> Iterator[str]:
    """Yield for each mapped dimension the values, the most expensive first, whose requests are of no team."""
    for dimension in teams.dimensions:
        found = report(reader, "cost", period, dimension, where=[f"{TEAM}={UNMAPPED}"], teams=teams).rows.to_series(0)
        names = [shown(value) for value in found.drop_nulls()]
        if names:
            more = f" and {len(names) - NAMED_UNMAPPED:,} more" if len(names) > NAMED_UNMAPPED else ""
            yield f"{teams.name} does not map {dimension} {', '.join(names[:NAMED_UNMAPPED])}{more}"


def _values(reader: Reader, name: str, dimension: str) -> set[str | None]:
    definition = REPORTS[name]
    if not definition.generation_dimensions and definition.dimensions.items() <= FACTS.items():
        return set(reader.named("reports/values", by_1=dimension)["value"])
    return set(report(reader, name, Period(), dimension).rows.to_series(0))


def _comparison_notes(rows: pl.DataFrame, total: pl.DataFrame) -> Iterator[str]:
    if EARLIER in rows.columns and rows.height and not total[EARLIER].item():
        yield "the earlier period has no requests: all of the change counts as volume"


def _notes(
    reader: Reader, name: str, period: Period, rows: pl.DataFrame, left_out: int, filtered: str
) -> Iterator[str]:
    if left_out:
        what = "prices" if name == "prices" else "percentiles"
        yield f"{left_out:,} more rows are left out: {what} cannot be added up"
    if rows.height and (name != "summary" or rows["request_count"].item()):
        return
    first, last, *_ = reader.named("reports/span").row(0)
    if not last:
        yield "the warehouse holds no settled request yet: run `orusage ingest`"
    elif name == "forecast":
        yield "there is no forecast for these days: it needs 7 days of history and ends 30 days after the newest one"
    else:
        span = f"{period.local(first):%Y-%m-%d %H:%M} to {period.local(last):%Y-%m-%d %H:%M}, {period.zone.key}"
        yield f"nothing to report{filtered}: the warehouse holds requests from {span}"
