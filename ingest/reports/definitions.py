"""The reports: for each its query, its dimensions, and the columns that a table shows at each terminal width."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ingest.core.errors import UsageError
from ingest.core.suggestions import did_you_mean


class Width(IntEnum):
    """The terminal width from which on a column is shown. Unit: characters."""

    NARROW = 0
    NORMAL = 60
    WIDE = 120


NARROW, NORMAL, WIDE = Width


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of a table.

    Attributes:
        name: Its name in the rows.
        title: Its header in the table.
        kind: How values are formatted: money (USD), count, share (0 to 1, as per cent), number or text.
        min_width: The terminal width from which on it is shown.
        not_by: The dimension's column with which it is not shown, because each row would say the same twice.
    """

    name: str
    title: str
    kind: str
    min_width: Width = NARROW
    not_by: str = ""


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """A report.

    Attributes:
        query: Its query, such as ``reports/cost``.
        columns: The columns of its table, after the dimension.
        dimensions: The values of --by, each with the name of its column in the rows; empty if --by is not supported.
        default_dimension: The dimension if --by is not given.
        rollup_dimensions: The dimensions that a rollup can answer if the period consists of whole days (UTC).
        rollup_is_daily: Whether the rollup holds figures per day; if not, it covers all of history only.
        is_additive: Whether rows can be added up. If so, rows beyond --top become one row, and there is a total.
        has_top: Whether --top is supported.
    """

    query: str
    columns: tuple[ReportColumn, ...]
    dimensions: dict[str, str] = field(default_factory=dict)
    default_dimension: str = ""
    rollup_dimensions: frozenset[str] = frozenset()
    rollup_is_daily: bool = False
    is_additive: bool = True
    has_top: bool = True


_HOURS = {"hour": "requested_hour"}
_DAYS = {"day": "requested_day", "week": "requested_week", "month": "requested_month"}
_CALLERS = {"app": "app_id", "user": "external_user", "session": "session_id", "workspace": "workspace_id"}
_MODELS = {"model": "model", "author": "model_author", "provider": "provider_name"}

REPORTS = {
    "summary": ReportDefinition("reports/summary", (), is_additive=False, has_top=False),
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
        {**_DAYS, **_HOURS, **_MODELS, **_CALLERS, "request": "request_id", "cost_basis": "cost_basis"},
        "day",
        rollup_dimensions=frozenset({*_DAYS, *_MODELS}),
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
        {**_MODELS, **_HOURS, **_DAYS, **_CALLERS, "length": "completion_length"},
        "model",
        rollup_dimensions=frozenset({"model", "provider"}),
        is_additive=False,
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
        {"provider": "provider_name", "model": "model_permaslug", "status": "status", **_HOURS, **_DAYS},
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
        {**_MODELS, **_HOURS, **_DAYS, **_CALLERS},
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
        {"status": "status", **_MODELS, **_HOURS, **_DAYS, **_CALLERS},
        "status",
    ),
    "forecast": ReportDefinition(
        "reports/forecast",
        (
            ReportColumn("requested_day", "day", "text"),
            ReportColumn("low_usage", "low", "money", NORMAL),
            ReportColumn("total_usage", "forecast", "money"),
            ReportColumn("high_usage", "high", "money", NORMAL),
            ReportColumn("running_low_usage", "sum low", "money", WIDE),
            ReportColumn("running_usage", "sum", "money", WIDE),
            ReportColumn("running_high_usage", "sum high", "money", WIDE),
            ReportColumn("history_days", "days known", "count", WIDE),
        ),
        is_additive=False,
        has_top=False,
    ),
    "anomalies": ReportDefinition(
        "reports/anomalies",
        (
            ReportColumn("requested_day", "day", "text"),
            ReportColumn("kind", "kind", "text"),
            ReportColumn("excess_usage", "excess", "money"),
            ReportColumn("total_usage", "total", "money", NORMAL),
            ReportColumn("expected_usage", "expected", "money", NORMAL),
            ReportColumn("score", "score", "number", WIDE),
            ReportColumn("request_count", "requests", "count", WIDE),
            ReportColumn("history_days", "days known", "count", WIDE),
        ),
        {**_MODELS, "app": "app_id", "user": "external_user", "workspace": "workspace_id"},
        "model",
        is_additive=False,
    ),
    "ledger": ReportDefinition(
        "reports/ledger",
        (
            ReportColumn("ids", "IDs", "count"),
            ReportColumn("settled", "settled", "count", not_by="state"),
            ReportColumn("pending", "pending", "count", not_by="state"),
            ReportColumn("dead", "dead", "count", not_by="state"),
            ReportColumn("newest_settled_at", "newest settled (UTC)", "text", WIDE),
            ReportColumn("oldest_pending_at", "oldest pending (UTC)", "text", WIDE),
        ),
        {"state": "state", "reason": "reason", "directory": "directory", "source": "source", **_HOURS, **_DAYS},
        "state",
    ),
}


def definition_of(name: str) -> ReportDefinition:
    """Return the definition of a report.

    Raises:
        UsageError: There is no report of that name.
    """
    if name in REPORTS:
        return REPORTS[name]
    raise UsageError(
        f"there is no report {name!a}",
        cause=f"the reports are {', '.join(REPORTS)}",
        fix=did_you_mean(name, REPORTS, "name one of them"),
    )


def dimension_of(name: str, by: str | None) -> str:
    """Return the dimension of a report: the value of --by, or the default; empty if it has no dimensions.

    Raises:
        UsageError: The report has no such dimension.
    """
    definition = REPORTS[name]
    if by is None or by in definition.dimensions:
        return by or definition.default_dimension
    dimensions = ", ".join(definition.dimensions)
    raise UsageError(
        f"`report {name}` has no dimension {by!a}",
        cause=f"its dimensions are {dimensions}" if dimensions else "its rows cannot be grouped otherwise",
        fix=did_you_mean(by, definition.dimensions, "name one of them" if dimensions else "leave --by out"),
    )
