"""Reports: rows of one family by one dimension, of a period and in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.errors import UsageError
from ingest.reports.definitions import definition_of, dimension_of
from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from ingest.reports.definitions import ReportDefinition
    from ingest.reports.period import Period
    from ingest.warehouse.reader import Reader

PART, TOTAL = "part", 2
"""What a row is: 0 for one of the dimension, 1 for those beyond --top added up, 2 for all of them."""

KEY = "key"
TOP_MODELS = 5


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
    definition = definition_of(name)
    dimension = dimension_of(name, by)
    _refuse_senseless(name, definition, period, top)
    found = reader.named(definition.query, **_parameters(definition, dimension, period, top))
    rows, total = _told_apart(found, definition.dimensions.get(dimension, ""))
    kept = rows if definition.adds_up or top is None else _biggest(rows, top)
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
    first, last = reader.named("reports/span").row(0)
    if not last:
        return "the warehouse holds no settled request yet: run `orusage ingest`"
    if name == "forecast":
        return "there is no forecast for these days: it needs 7 days of history, and ends 30 after the newest"
    span = f"{period.local(first):%Y-%m-%d %H:%M} to {period.local(last):%Y-%m-%d %H:%M}, {period.zone.key}"
    return f"nothing to report: the warehouse holds requests from {span}"


def _refuse_senseless(name: str, definition: ReportDefinition, period: Period, top: int | None) -> None:
    if top is not None and not definition.takes_top:
        raise UsageError(f"`report {name}` has no --top", cause="its rows are no ranking", fix="leave --top out")
    if name in ("forecast", "anomalies") and period.zone.key not in ("UTC", "Etc/UTC"):
        raise UsageError(
            f"`report {name}` knows no --timezone", cause="its view counts days of UTC", fix="leave --timezone out"
        )


def _parameters(definition: ReportDefinition, dimension: str, period: Period, top: int | None) -> dict[str, Any]:
    ready = _uses_rollup(definition, dimension, period)
    known = {**period.parameters(), "by": dimension, "top": top, "ready": ready}
    return {name: known[name] for name in sql_files.parameters_of(definition.query)}


def _uses_rollup(definition: ReportDefinition, dimension: str, period: Period) -> bool:
    if dimension not in definition.rollup_dimensions:
        return False
    return period.is_whole_days if definition.rollup_is_daily else period.is_all


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
