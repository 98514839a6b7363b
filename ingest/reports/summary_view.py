"""`orusage report`'s summary: everything of importance on one screen, as lines of a name and a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.reports.definitions import WIDE
from ingest.reports.formats import cell, markdown, render, width_of
from ingest.reports.terminal_table import (
    NOBODY,
    SHORTEST,
    count,
    document,
    dollars,
    number,
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
    """A name, and values that are never parted."""

FOR_PEOPLE = ("table", "markdown")

LABEL = 13
"""Columns of the names."""

LOST = ("cancelled", "failed", "filtered", "truncated")
"""How requests end that nobody could use as they were meant."""


def printed(report: Report, form: str, width: int) -> str:
    """A report as text, with a line break at its end.

    Args:
        report: Its rows.
        form: One of `ingest.reports.formats.FORMATS`; those for programs have all columns.
        width: Characters of a line of a table.
    """
    if form not in FOR_PEOPLE:
        return render(report.rows, form)
    if report.name == "summary":
        return overview(report, width) if form == "table" else markdown(outline(report))
    return table(report, width) if form == "table" else document(report)


def overview(report: Report, width: int) -> str:
    """The summary as text, in lines of at most so many characters."""
    return "".join(part for label, values in _entries(report, width) for part in _broken(label, values, width))


def outline(report: Report) -> list[list[str]]:
    """The summary as a grid of two columns, with its header."""
    return [["what", "value"], *([label, ", ".join(values)] for label, values in _entries(report, WIDE))]


def _entries(report: Report, width: int) -> Iterator[Entry]:
    facts = report.rows.row(0, named=True)
    yield from _money(facts, report.period)
    yield from _traffic(facts)
    yield from _ledger(facts)
    yield from _models(report.models, width)


def _broken(label: str, values: Sequence[str], width: int) -> Iterator[str]:
    """One entry: its values beside each other as far as they fit, each whole."""
    line = ""
    for value in values:
        joined = f"{line}, {value}" if line else value
        if line and LABEL + width_of(joined) + len(",") > width:
            yield f"{label:<{LABEL}}{line},\n"
            label, joined = "", value
        line = joined
    yield f"{label:<{LABEL}}{line}\n"


def _money(facts: dict[str, Any], period: Period) -> Iterator[Entry]:
    yield "from", [_edge(period, facts["first_at"])]
    yield "to", [_edge(period, facts["last_at"]), period.zone.key]
    yield (
        "spend",
        [
            total_dollars(facts["total_usage"]),
            f"credits {total_dollars(facts['credits_usage'])}",
            f"BYOK fee {total_dollars(facts['byok_fees'])}",
            f"BYOK inference {total_dollars(facts['byok_usage'])}",
        ],
    )
    if facts["unknown_cost_count"]:
        yield "", [f"{count(facts['unknown_cost_count'])} requests told no full cost"]
    yield (
        "saved",
        [
            f"prompt caching {total_dollars(facts['cache_discount'])}",
            f"copied answers {total_dollars(facts['response_cache_saved_usage'])}",
        ],
    )
    yield "lost", [f"{name} {total_dollars(facts[name + '_usage'])}" for name in LOST]


def _traffic(facts: dict[str, Any]) -> Iterator[Entry]:
    yield "requests", [count(facts["request_count"]), *_share("fallbacks", facts["fallback_request_rate"])]
    yield "attempts", [count(facts["attempt_count"]), *_share("errors", facts["error_rate"])]
    yield (
        "tokens",
        [
            f"in {count(facts['tokens_prompt'])}",
            f"of them cached {count(facts['tokens_cached'])}",
            f"out {count(facts['tokens_completion'])}",
            f"of them reasoning {count(facts['tokens_reasoning'])}",
        ],
    )
    if facts["p50_duration_ms"] is not None:
        yield "first token", _percentiles(facts, "ttft_ms")
        yield "whole", [*_percentiles(facts, "duration_ms"), f"{number(facts['p50_throughput'])} tokens/s"]


def _share(name: str, value: float | None) -> list[str]:
    return [] if value is None else [f"{name} {share(value)}"]


def _percentiles(facts: dict[str, Any], name: str) -> list[str]:
    return [f"p50 {number(facts['p50_' + name])} ms", f"p95 {number(facts['p95_' + name])} ms"]


def _ledger(facts: dict[str, Any]) -> Iterator[Entry]:
    states = [f"{count(facts[state])} {state}" for state in ("settled", "pending", "dead")]
    yield "ledger", states
    if facts["newest_settled_at"]:
        yield "newest", [f"{cell(facts['newest_settled_at'])} UTC"]
    if facts["forecast_usage"] is not None:
        yield "forecast", [f"{total_dollars(facts['forecast_usage'])} for {facts['forecast_month']}"]
    yield "anomalies", [count(facts["anomaly_count"])]


def _models(models: pl.DataFrame, width: int) -> Iterator[Entry]:
    label = "top models"
    for name, usage in models.select("model", "total_usage").rows():
        amount = dollars(usage)
        room = max(width - LABEL - len(amount) - 1, SHORTEST)
        yield label, [f"{amount} {shortened(cell(name) or NOBODY, room)}"]
        label = ""


def _edge(period: Period, moment: Any) -> str:
    return cell(period.local(moment)) if moment else "?"
