"""The reports there are: what each counts, by which dimensions, and what a table of it shows on which width."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ingest.core.errors import UsageError
from ingest.core.suggestions import did_you_mean


class Width(IntEnum):
    """From how wide a terminal on a column is shown. Unit: characters."""

    NARROW = 0
    NORMAL = 60
    WIDE = 120


NARROW, NORMAL, WIDE = Width


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of a table.

    Attributes:
        name: Its name in the data.
        title: What stands above it.
        kind: How its values are written: money, count, share, number or text.
        width: From how wide a terminal on it is shown.
    """

    name: str
    title: str
    kind: str
    width: Width = NARROW


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """A report.

    Attributes:
        query: Its query in ``sql/``, such as ``reports/cost``.
        shown: What a table shows after the dimension.
        dimensions: Names for --by, each with the name of its column; empty if its rows are fixed.
        default: The one that is meant if none is named.
        rollup_dimensions: Those whose rollup holds whole days (UTC).
        rollup_is_daily: Whether that rollup can be asked for some days, or only for all of history.
        adds_up: Whether rows can be added: beyond --top they become one row, and there is a total.
        takes_top: Whether --top means something.
    """

    query: str
    shown: tuple[ReportColumn, ...]
    dimensions: dict[str, str] = field(default_factory=dict)
    default: str = ""
    rollup_dimensions: frozenset[str] = frozenset()
    rollup_is_daily: bool = False
    adds_up: bool = True
    takes_top: bool = True


HOURS = {"hour": "requested_hour"}
DAYS = {"day": "requested_day", "week": "requested_week", "month": "requested_month"}
WHO = {"app": "app_id", "user": "external_user", "session": "session_id", "workspace": "workspace_id"}
WHAT = {"model": "model", "author": "model_author", "provider": "provider_name"}

FAMILIES = {
    "summary": ReportDefinition("reports/summary", (), adds_up=False, takes_top=False),
    "cost": ReportDefinition(
        "reports/cost",
        (
            ReportColumn("request_count", "requests", "count"),
            ReportColumn("total_usage", "total", "money"),
            ReportColumn("credits_usage", "credits", "money", NORMAL),
            ReportColumn("byok_fees", "BYOK fee", "money", WIDE),
            ReportColumn("byok_usage", "BYOK paid", "money", NORMAL),
            ReportColumn("cache_discount", "saved", "money", NORMAL),
            ReportColumn("tokens_prompt", "tokens in", "count", WIDE),
            ReportColumn("tokens_completion", "tokens out", "count", WIDE),
            ReportColumn("blended_cost_per_million_tokens", "per 1M tokens", "money", WIDE),
        ),
        {**DAYS, **HOURS, **WHAT, **WHO, "request": "request_id", "cost_basis": "cost_basis"},
        "day",
        rollup_dimensions=frozenset({*DAYS, *WHAT}),
        rollup_is_daily=True,
    ),
    "latency": ReportDefinition(
        "reports/latency",
        (
            ReportColumn("request_count", "requests", "count"),
            ReportColumn("p50_ttft_ms", "ttft p50", "number", NORMAL),
            ReportColumn("p95_ttft_ms", "ttft p95", "number"),
            ReportColumn("p50_duration_ms", "whole p50", "number", NORMAL),
            ReportColumn("p95_duration_ms", "whole p95", "number", NORMAL),
            ReportColumn("p99_duration_ms", "whole p99", "number", WIDE),
            ReportColumn("p50_throughput", "tokens/s", "number", NORMAL),
            ReportColumn("p50_inter_token_latency", "per token p50", "number", WIDE),
            ReportColumn("streamed_count", "streamed", "count", WIDE),
        ),
        {**WHAT, **HOURS, **DAYS, **WHO, "length": "completion_length"},
        "model",
        rollup_dimensions=frozenset({"model", "provider"}),
        adds_up=False,
    ),
    "errors": ReportDefinition(
        "reports/errors",
        (
            ReportColumn("attempt_count", "attempts", "count"),
            ReportColumn("error_rate", "errors", "share"),
            ReportColumn("fallback_rate", "fallbacks", "share", NORMAL),
            ReportColumn("throttled_count", "429", "count", NORMAL),
            ReportColumn("overloaded_count", "503+529", "count", NORMAL),
            ReportColumn("server_error_count", "other 5xx", "count", NORMAL),
            ReportColumn("other_error_count", "other", "count", WIDE),
            ReportColumn("unknown_count", "unknown", "count", WIDE),
            ReportColumn("failed_ms", "lost ms", "number", WIDE),
        ),
        {"provider": "provider_name", "model": "model_permaslug", "status": "status", **HOURS, **DAYS},
        "provider",
    ),
    "cache": ReportDefinition(
        "reports/cache",
        (
            ReportColumn("cache_hit_rate", "hit rate", "share", NORMAL),
            ReportColumn("cache_discount", "saved", "money"),
            ReportColumn("cache_write_usage", "of it writes", "money", WIDE),
            ReportColumn("total_usage", "paid", "money", NORMAL),
            ReportColumn("usage_without_cache", "without it", "money", WIDE),
            ReportColumn("response_cache_hits", "copies", "count", NORMAL),
            ReportColumn("response_cache_saved_usage", "saved by copies", "money", WIDE),
            ReportColumn("request_count", "requests", "count", WIDE),
        ),
        {**WHAT, **HOURS, **DAYS, **WHO},
        "model",
    ),
    "failed": ReportDefinition(
        "reports/failed",
        (
            ReportColumn("request_count", "requests", "count"),
            ReportColumn("total_usage", "lost", "money"),
            ReportColumn("share_of_usage", "of all", "share", NORMAL),
            ReportColumn("paid_count", "charged", "count", NORMAL),
            ReportColumn("tokens_completion", "tokens out", "count", NORMAL),
            ReportColumn("cancelled_usage", "cancelled", "money", WIDE),
            ReportColumn("failed_usage", "failed", "money", WIDE),
            ReportColumn("filtered_usage", "filtered", "money", WIDE),
            ReportColumn("truncated_usage", "truncated", "money", WIDE),
        ),
        {"status": "status", **WHAT, **HOURS, **DAYS, **WHO},
        "status",
    ),
    "forecast": ReportDefinition(
        "reports/forecast",
        (
            ReportColumn("requested_day", "day", "text"),
            ReportColumn("low_usage", "low", "money", NORMAL),
            ReportColumn("total_usage", "forecast", "money"),
            ReportColumn("high_usage", "high", "money", NORMAL),
            ReportColumn("history_days", "days known", "count", WIDE),
        ),
        adds_up=False,
        takes_top=False,
    ),
    "anomalies": ReportDefinition(
        "reports/anomalies",
        (
            ReportColumn("requested_day", "day", "text"),
            ReportColumn("model", "model", "text"),
            ReportColumn("excess_usage", "excess", "money"),
            ReportColumn("total_usage", "total", "money", NORMAL),
            ReportColumn("median_usage", "median before", "money", WIDE),
            ReportColumn("score", "score", "number", NORMAL),
            ReportColumn("request_count", "requests", "count", WIDE),
            ReportColumn("history_days", "days known", "count", WIDE),
        ),
        adds_up=False,
    ),
    "ledger": ReportDefinition(
        "reports/ledger",
        (
            ReportColumn("ids", "IDs", "count", NORMAL),
            ReportColumn("settled", "settled", "count"),
            ReportColumn("pending", "pending", "count"),
            ReportColumn("dead", "dead", "count"),
            ReportColumn("newest_settled_at", "newest settled (UTC)", "text", WIDE),
            ReportColumn("oldest_pending_at", "oldest pending (UTC)", "text", WIDE),
        ),
        {"source": "source", "state": "state", "reason": "reason", **HOURS, **DAYS},
        "source",
    ),
}


def definition_of(name: str) -> ReportDefinition:
    """The report of a name.

    Raises:
        UsageError: there is none.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    names = ", ".join(FAMILIES)
    raise UsageError(
        f"there is no report {name!a}", cause=f"there are {names}", fix=did_you_mean(name, FAMILIES, "name one of them")
    )


def dimension_of(name: str, by: str | None) -> str:
    """The dimension that is meant, by --by or by default; empty where rows are fixed.

    Raises:
        UsageError: the report has no such dimension.
    """
    definition = FAMILIES[name]
    if by is None or by in definition.dimensions:
        return by or definition.default
    there = ", ".join(definition.dimensions)
    raise UsageError(
        f"`report {name}` cannot be had by {by!a}",
        cause=f"there are {there}" if there else "its rows are fixed",
        fix=did_you_mean(by, definition.dimensions, "name one of them" if there else "leave --by out"),
    )
