"""Renders a report as text below its title; the summary as lines of a label and values that fit one screen."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ingest.reports.definitions import WIDE
from ingest.reports.footer import footer_of
from ingest.reports.formats import at_the_point, cell, markdown, render, width_of, without_markup
from ingest.reports.names import REST, shown
from ingest.reports.terminal_table import (
    MIN_NAME_WIDTH,
    count,
    document,
    dollars,
    number,
    rests_of,
    share,
    shortened,
    table,
    total_dollars,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from ingest.reports.period import Period
    from ingest.reports.report import Report

    Entry = tuple[str, list[str]]
    """A label and its values; a line break may separate values, but not occur within one."""

_PEOPLE_FORMATS = ("table", "markdown")
"""Formats with rounded values and selected columns; the others have all columns and exact values."""

_LABEL_WIDTH = 13
"""Characters."""

_LOST_STATUSES = ("cancelled", "failed", "filtered")
"""Statuses of requests whose completion is missing. A truncated one was delivered up to its token limit."""


def printed(report: Report, format_name: str, width: int) -> str:
    """Render a report as text that ends with a line break.

    Args:
        report: The report.
        format_name: A key of `ingest.reports.formats.FORMATS`.
        width: The width of a table, in characters.
    """
    if format_name not in _PEOPLE_FORMATS:
        return render(report.rows, format_name)
    if format_name == "markdown":
        grid = summary_grid(report) if report.name == "summary" else document(report)
        return _above(without_markup(report.title)) + markdown(grid) + _below(without_markup(footer_of(report)))
    title, footer = ("\n".join(wrap(text, width)) for text in (report.title, footer_of(report)))
    shown = summary_text(report, width) if report.name == "summary" else table(report, width)
    return _above(title) + shown + _below(footer)


def _below(footer: str) -> str:
    """A line with an empty one above it."""
    return f"\n{footer}\n" if footer else ""


def _above(title: str) -> str:
    """A title with an empty line below it."""
    return f"{title}\n\n" if title else ""


def summary_text(report: Report, width: int) -> str:
    """Render the summary as lines of at most `width` characters."""
    return "".join(part for label, values in _entries(report, width) for part in _wrapped(label, values, width))


def summary_grid(report: Report) -> list[list[str]]:
    """Return the summary as a grid of two columns, with a header."""
    return [["what", "value"], *([label, ", ".join(values)] for label, values in _entries(report, WIDE))]


def _entries(report: Report, width: int) -> Iterator[Entry]:
    row = report.rows.row(0, named=True)
    yield from _span(row, report)
    yield from _money(row)
    yield from _traffic(row)
    if "settled" in row:
        yield from _ledger(row)
    yield from _models(report.models, width)


def _wrapped(label: str, values: Sequence[str], width: int) -> Iterator[str]:
    """Render an entry, with a line break before each value that no longer fits."""
    line = ""
    for value in values:
        joined = f"{line}, {value}" if line else value
        if line and _LABEL_WIDTH + width_of(joined) + len(",") > width:
            yield f"{label:<{_LABEL_WIDTH}}{line},\n"
            label, joined = "", value
        line = joined
    yield f"{label:<{_LABEL_WIDTH}}{line}\n"


def _span(row: dict[str, Any], report: Report) -> Iterator[Entry]:
    period = report.period
    yield "from", [_local_time(period, row["first_at"])]
    yield "to", [_local_time(period, row["last_at"]), period.zone.key]
    if partial := report.partial["requested_day"]:
        yield "partial days", [f"{day} ({mark})" for day, mark in partial.items()]


def _money(row: dict[str, Any]) -> Iterator[Entry]:
    yield (
        "spend",
        [
            total_dollars(row["total_usage"]),
            f"inference {total_dollars(row['openrouter_usage'])}",
            f"BYOK fee {total_dollars(row['byok_fees'])}",
            f"BYOK inference {total_dollars(row['byok_usage'])}",
        ],
    )
    if row["unknown_cost_count"]:
        yield "", [f"{count(row['unknown_cost_count'])} requests told no full cost"]
    yield (
        "saved",
        [
            f"prompt caching {total_dollars(row['cache_discount'])}",
            f"copied answers {total_dollars(row['response_cache_saved_usage'])}",
        ],
    )
    yield "lost", [f"{name} {total_dollars(row[name + '_usage'])}" for name in _LOST_STATUSES]
    yield "truncated", [total_dollars(row["truncated_usage"])]


def _traffic(row: dict[str, Any]) -> Iterator[Entry]:
    yield "requests", [count(row["request_count"]), *_share("fallbacks", row["fallback_request_rate"])]
    yield "attempts", [count(row["attempt_count"]), *_share("errors", row["error_rate"])]
    yield (
        "tokens",
        [
            f"in {count(row['tokens_prompt'])}",
            f"of them cached {count(row['cached_tokens'])}",
            f"out {count(row['tokens_completion'])}",
            f"of them reasoning {count(row['reasoning_tokens'])}",
        ],
    )
    if row["p50_ttft_ms"] is not None:
        yield "first token", _percentiles(row, "ttft_ms")
    if row["p50_duration_ms"] is not None:
        yield "whole", [*_percentiles(row, "duration_ms"), *_speed(row["p50_throughput"])]


def _share(name: str, value: float | None) -> list[str]:
    return [] if value is None else [f"{name} {share(value)}"]


def _speed(value: float | None) -> list[str]:
    return [] if value is None else [f"{number(value)} tokens/s"]


def _percentiles(row: dict[str, Any], name: str) -> list[str]:
    """The percentiles that the sample is large enough for."""
    values = {percentile: row[f"{percentile}_{name}"] for percentile in ("p50", "p95")}
    return [f"{percentile} {number(value)} ms" for percentile, value in values.items() if value is not None]


def _ledger(row: dict[str, Any]) -> Iterator[Entry]:
    states = [f"{count(row[state])} {state}" for state in ("settled", "pending", "dead")]
    yield "ledger", states
    if row["newest_settled_at"]:
        yield "newest", [f"{cell(row['newest_settled_at'])} UTC"]
    if row["forecast_usage"] is not None:
        low, high = total_dollars(row["forecast_low_usage"]), total_dollars(row["forecast_high_usage"])
        expected = f"{total_dollars(row['forecast_usage'])} for {row['forecast_month']}"
        yield "forecast", [expected, f"80 % range {low} to {high}"]
    yield "anomalies", [count(row["anomaly_count"])]


def _models(models: pl.DataFrame, width: int) -> Iterator[Entry]:
    label = "top models"
    _, *amounts = at_the_point([[""], *([dollars(usage)] for usage in models["total_usage"])], [True])
    widest = max((width_of(amount) for [amount] in amounts), default=0)
    names = [REST if is_rest else shown(name) for name, is_rest in zip(models["model"], rests_of(models), strict=True)]
    for name, [number_text] in zip(names, amounts, strict=True):
        amount = number_text.rjust(widest)
        room = max(width - _LABEL_WIDTH - len(amount) - 1, MIN_NAME_WIDTH)
        yield label, [f"{amount} {shortened(cell(name), room)}"]
        label = ""


def _local_time(period: Period, moment: Any) -> str:
    return cell(period.local(moment)) if moment else "?"
