"""Runs a report: its rows by one dimension, for a period in a time zone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.errors import UsageError
from ingest.reports.definitions import definition_of, dimension_of
from ingest.reports.title import title_of
from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from ingest.reports.definitions import ReportDefinition
    from ingest.reports.period import Period
    from ingest.warehouse.reader import Reader

PART, TOTAL = "part", 2
"""The column that says what a row is: 0 one value of the dimension, 1 the sum of rows beyond --top, 2 the total."""

KEY = "key"
"""The column with the value of the dimension."""

DAY = "requested_day"

TIME_UNITS = ("hour", "day", "week", "month")
"""The dimensions that divide the period."""

TOP_MODELS = 5
"""The number of models in the summary."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a report.

    Attributes:
        name: The report's name.
        period: The period.
        rows: One row per value of the dimension, and one with the sum of the rows beyond --top. Amounts are exact.
        total: One row with the total; empty if rows cannot be added up.
        models: For the summary, the models with the highest cost; otherwise empty.
        partial: The hours, days, weeks or months that lie in the period in part, each with what part; for the summary
            the days.
        note: A remark for the reader of the report, such as why it is empty; may be empty text.
        title: The title of its table; may be empty.
    """

    name: str
    period: Period
    rows: pl.DataFrame
    total: pl.DataFrame
    models: pl.DataFrame
    note: str = ""
    partial: dict[str, str] = field(default_factory=dict)
    title: str = ""


def report(reader: Reader, name: str, period: Period, by: str | None = None, top: int | None = None) -> Report:
    """Run a report.

    Args:
        reader: The warehouse.
        name: A key of `ingest.reports.definitions.REPORTS`.
        period: The period.
        by: The dimension; None for the report's default.
        top: The number of largest rows to keep; None for all.

    Raises:
        UsageError: There is no such report or dimension, or the report does not support an option.
        ConfigurationError: The warehouse lacks the views, because its schema is older.
    """
    definition = definition_of(name)
    dimension = dimension_of(name, by)
    _require_supported(name, definition, period, top)
    result = reader.named(definition.query, **_parameters(definition, dimension, period, top))
    rows, total = _split_total(result, definition.dimensions.get(dimension, ""))
    kept = rows if definition.is_additive or top is None else _largest(rows, top)
    note = _note(reader, name, period, kept, rows.height - kept.height)
    partial = _partial(name, dimension, period)
    kept = _with_partial(kept, partial) if dimension in TIME_UNITS else kept
    title = _title(reader, name, dimension, period, rows)
    return Report(name, period, kept, total, _models(reader, name, period), note, partial, title)


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


def _parameters(definition: ReportDefinition, dimension: str, period: Period, top: int | None) -> dict[str, Any]:
    uses_rollup = _uses_rollup(definition, dimension, period)
    parameters = {**period.parameters(), "by": dimension, "top": top, "ready": uses_rollup}
    return {name: parameters[name] for name in sql_files.parameters_of(definition.query)}


def _uses_rollup(definition: ReportDefinition, dimension: str, period: Period) -> bool:
    if dimension not in definition.rollup_dimensions:
        return False
    return period.is_whole_days if definition.rollup_is_daily else period.is_all


def _split_total(result: pl.DataFrame, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows, with the key renamed to the dimension's column, and the total."""
    if not column:
        return result, result.clear()
    is_total = result[PART] == TOTAL
    rows = result.filter(~is_total).drop(PART).rename({KEY: column})
    return rows, result.filter(is_total).drop(PART, KEY)


def _largest(rows: pl.DataFrame, top: int) -> pl.DataFrame:
    """Return the rows with the most requests, in their original order."""
    indexed = rows.with_row_index("index").sort("request_count", "index", descending=[True, False]).head(top)
    return indexed.sort("index").drop("index")


def _partial(name: str, dimension: str, period: Period) -> dict[str, str]:
    unit = "day" if name == "summary" else dimension
    return period.partial(unit) if unit in TIME_UNITS else {}


def _with_partial(rows: pl.DataFrame, partial: dict[str, str]) -> pl.DataFrame:
    """Add the column ``is_partial``: whether the period covers only a part of the row's hour, day, week or month."""
    return rows.with_columns(is_partial=pl.Series([key in partial for key in rows.to_series(0)], dtype=pl.Boolean()))


def _title(reader: Reader, name: str, dimension: str, period: Period, rows: pl.DataFrame) -> str:
    """The title; its days are those of the period, or of the rows if they lie in the future."""
    definition = definition_of(name)
    if definition.span:
        return title_of(name, definition, dimension, period, reader.named(definition.span).row(0, named=True))
    days = {"first_day": rows[DAY].min(), "last_day": rows[DAY].max()}
    return title_of(name, definition, dimension, replace(period, since=None, until=None), days)


def _models(reader: Reader, name: str, period: Period) -> pl.DataFrame:
    return report(reader, "cost", period, "model", TOP_MODELS).rows if name == "summary" else pl.DataFrame()


def _note(reader: Reader, name: str, period: Period, rows: pl.DataFrame, left_out: int) -> str:
    if left_out:
        return f"{left_out:,} more rows are left out: percentiles cannot be added up"
    if rows.height and (name != "summary" or rows["request_count"].item()):
        return ""
    first, last, *_ = reader.named("reports/span").row(0)
    if not last:
        return "the warehouse holds no settled request yet: run `orusage ingest`"
    if name == "forecast":
        return "there is no forecast for these days: it needs 7 days of history and ends 30 days after the newest one"
    span = f"{period.local(first):%Y-%m-%d %H:%M} to {period.local(last):%Y-%m-%d %H:%M}, {period.zone.key}"
    return f"nothing to report: the warehouse holds requests from {span}"
