"""The reports: for each its query, its dimensions, and the columns that a table shows at each terminal width."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ingest.core.errors import UsageError
from ingest.core.log_fields import FIELD
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
        only_by: The dimension's column with which alone it is shown; empty for any.
    """

    name: str
    title: str
    kind: str
    min_width: Width = NARROW
    not_by: str = ""
    only_by: str = ""


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """A report.

    Attributes:
        query: Its query, such as ``reports/cost``.
        columns: The columns of its table, after the dimension.
        dimensions: The names that --by and --where take, each with the name of its column in the rows; empty if the
            report supports neither.
        default_dimension: The dimension if --by is not given; empty if the report has one row.
        by: The dimensions one of which --by takes, where it does not take all of them.
        rollup_dimensions: The dimensions that a rollup can answer if the period consists of whole days (UTC).
        generation_dimensions: Of a report on attempts: the dimensions that are told by the generation.
        is_additive: Whether rows can be added up. If so, rows beyond --top become one row, and there is a total.
        has_top: Whether --top is supported.
        default_top: The number of rows if --top is not given; None for all.
        title: What it shows, for the title of its table; the report's name if empty.
        unit: The unit of its figures, for the title; USD if it is empty and a column is money.
        span: The query for the times of the first and the last request that it can show; empty if its rows lie in the
            future.
    """

    query: str
    columns: tuple[ReportColumn, ...]
    dimensions: dict[str, str] = field(default_factory=dict)
    default_dimension: str = ""
    by: tuple[str, ...] = ()
    rollup_dimensions: frozenset[str] = frozenset()
    generation_dimensions: frozenset[str] = frozenset()
    is_additive: bool = True
    has_top: bool = True
    default_top: int | None = None
    title: str = ""
    unit: str = ""
    span: str = "reports/span"


TEAM = "team"
"""The dimension that the mapping file of --map makes."""

MAX_DIMENSIONS = 3
"""The most dimensions of one report."""

TIME_UNITS = {"hour": "requested_hour", "day": "requested_day", "week": "requested_week", "month": "requested_month"}
"""The dimensions that divide the period, each with its column."""

_CALLERS = {
    "app": "app_id",
    "user": "external_user",
    "session": "session_id",
    "workspace": "workspace_id",
    "key": "api_key_name",
    TEAM: "team",
    "request": "request_id",
}
FACTS = {
    **TIME_UNITS,
    "model": "model",
    "author": "model_author",
    "provider": "provider_name",
    **_CALLERS,
    "cost_basis": "cost_basis",
    "status": "status",
    "length": "completion_length",
}
"""The dimensions of all reports on generations; ``sql/fragments/fact_dimensions.sql`` has their values."""

REPORTS = {
    "summary": ReportDefinition("reports/summary", (), FACTS, is_additive=False, has_top=False, unit="USD"),
    "cost": ReportDefinition(
        "reports/cost",
        (
            ReportColumn("request_count", "requests", "count", not_by="request_id"),
            ReportColumn("request_count", "generations", "count", only_by="request_id"),
            ReportColumn("total_usage", "total", "money"),
            ReportColumn("openrouter_usage", "inference", "money", NORMAL),
            ReportColumn("byok_fees", "BYOK fee", "money", WIDE),
            ReportColumn("byok_usage", "BYOK paid", "money", NORMAL),
            ReportColumn("cache_discount", "saved", "money", NORMAL),
            ReportColumn("tokens_prompt", "tokens in", "count", WIDE),
            ReportColumn("tokens_completion", "tokens out", "count", WIDE),
            ReportColumn("blended_cost_per_million_tokens", "per 1M tokens", "money", WIDE),
        ),
        FACTS,
        "day",
        rollup_dimensions=frozenset({"day", "week", "month", "model", "author", "provider"}),
    ),
    "top": ReportDefinition(
        "reports/top",
        (
            ReportColumn("generation_count", "generations", "count", NORMAL),
            ReportColumn("total_usage", "total", "money"),
            ReportColumn("share_of_usage", "of all", "share", NORMAL),
            ReportColumn("median_usage", "median", "money"),
            ReportColumn("p95_usage", "p95", "money", NORMAL),
            ReportColumn("max_usage", "dearest", "money", NORMAL),
            ReportColumn("dearest_generation_id", "dearest generation", "text", WIDE),
        ),
        FACTS,
        "request",
        default_top=10,
        title="Top cost",
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
            ReportColumn("p5_throughput", "tokens/s p5", "number", WIDE),
            ReportColumn("p50_inter_token_latency", "per token p50", "number", WIDE),
            ReportColumn("streamed_count", "streamed", "count", WIDE),
        ),
        FACTS,
        "model",
        is_additive=False,
        unit="ms",
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
        {"provider": "provider_name", "model": "model", "status": "status", **TIME_UNITS, **_CALLERS},
        "provider",
        generation_dimensions=frozenset({"model", *_CALLERS}),
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
        FACTS,
        "model",
        title="Cache savings",
    ),
    "failed": ReportDefinition(
        "reports/failed",
        (
            ReportColumn("request_count", "requests", "count"),
            ReportColumn("total_usage", "total", "money"),
            ReportColumn("lost_usage", "lost", "money"),
            ReportColumn("share_of_usage", "of all", "share", NORMAL),
            ReportColumn("paid_count", "charged", "count", NORMAL),
            ReportColumn("tokens_completion", "tokens out", "count", NORMAL),
            ReportColumn("cancelled_usage", "cancelled", "money", WIDE),
            ReportColumn("failed_usage", "failed", "money", WIDE),
            ReportColumn("filtered_usage", "filtered", "money", WIDE),
            ReportColumn("truncated_usage", "truncated", "money", WIDE),
        ),
        FACTS,
        "status",
        title="Failed spend",
    ),
    "prices": ReportDefinition(
        "reports/prices",
        (
            ReportColumn("model", "model", "text"),
            ReportColumn("provider_name", "provider", "text", NORMAL),
            ReportColumn("input_price", "1M input", "money"),
            ReportColumn("cached_price", "1M cached", "money", NORMAL),
            ReportColumn("output_price", "1M output", "money", NORMAL),
            ReportColumn("price_change", "change", "share", WIDE),
            ReportColumn("cheaper_provider", "cheaper", "text", WIDE),
            ReportColumn("saveable_usage", "would save", "money", WIDE),
            ReportColumn("total_usage", "paid", "money", WIDE),
            ReportColumn("blended_price", "1M tokens", "money", WIDE),
            ReportColumn("unexplained_share", "unexplained", "share", WIDE),
            ReportColumn("request_count", "requests", "count", WIDE),
        ),
        FACTS,
        "week",
        by=("day", "week", "month"),
        is_additive=False,
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
        title="Cost forecast",
        span="",
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
        {name: column for name, column in FACTS.items() if name not in {*TIME_UNITS, TEAM, "request"}},
        "model",
        by=("model", "author", "provider", "app", "user", "workspace", "key"),
        rollup_dimensions=frozenset({"model", "author", "provider"}),
        is_additive=False,
        title="Cost anomalies",
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
        {"state": "state", "reason": "reason", "directory": "directory", "source": "source", **TIME_UNITS},
        "state",
        title="IDs",
        span="reports/ledger_span",
    ),
}

COMPARISONS = {
    "cost": ReportDefinition(
        "reports/comparison",
        (
            ReportColumn("request_count", "requests", "count", WIDE),
            ReportColumn("earlier_usage", "before", "money", WIDE),
            ReportColumn("total_usage", "total", "money"),
            ReportColumn("change_usage", "change", "money"),
            ReportColumn("change_share", "in %", "share"),
            ReportColumn("volume_usage", "by volume", "money", NORMAL),
            ReportColumn("mix_usage", "by mix", "money", NORMAL),
            ReportColumn("price_usage", "by price", "money", NORMAL),
        ),
        {name: column for name, column in FACTS.items() if name not in TIME_UNITS},
        "model",
        title="Change of cost",
    ),
}
"""What --compare makes of a report."""


def compared_definition_of(name: str) -> ReportDefinition:
    """Return the definition of a report for --compare.

    Raises:
        UsageError: There is no report of that name, or it does not support --compare.
    """
    definition_of(name)
    if name in COMPARISONS:
        return COMPARISONS[name]
    raise UsageError(
        f"`report {name}` does not support --compare",
        cause=f"only {', '.join(COMPARISONS)} does",
        fix="write `orusage report cost --compare …`, or leave --compare out",
    )


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


def dimensions_of(name: str, definition: ReportDefinition, by: str | None) -> tuple[str, ...]:
    """Return the dimensions by which a report groups: those of --by, or the default.

    Args:
        name: The report.
        definition: Its definition.
        by: Names of dimensions, separated by commas; None if --by is not given.

    Raises:
        UsageError: The report has no such dimension, or they are too many.
    """
    if by is None:
        return (definition.default_dimension,) if definition.default_dimension else ()
    if not definition.default_dimension:
        raise UsageError(
            f"`report {name}` has no dimension {by!a}",
            cause="its rows cannot be grouped otherwise",
            fix="leave --by out",
        )
    names = tuple(dict.fromkeys(require_dimension(name, definition, part.strip()) for part in by.split(",")))
    if definition.by and (len(names) > 1 or names[0] not in definition.by):
        raise UsageError(
            f"`report {name}` cannot be grouped by {', '.join(names)}",
            cause=f"--by takes one of {', '.join(definition.by)} here",
            fix="take one of them, and --where for the other dimensions",
        )
    if len(names) > MAX_DIMENSIONS:
        raise UsageError(
            f"--by names {len(names)} dimensions",
            cause=f"a report has at most {MAX_DIMENSIONS}",
            fix="leave some out, or keep to one of their values with --where",
        )
    return names


def require_dimension(report: str, definition: ReportDefinition, name: str) -> str:
    """Return the name of a report's dimension.

    Raises:
        UsageError: The report has no such dimension.
    """
    dimensions = definition.dimensions
    if name in dimensions or (dimensions and name.startswith(FIELD)):
        return name
    listed = f"its dimensions are {', '.join(dimensions)}, and {FIELD}NAME for a kept field"
    raise UsageError(
        f"`report {report}` has no dimension {name!a}",
        cause=listed if dimensions else "its rows cannot be selected",
        fix=did_you_mean(name, dimensions, "name one of them" if dimensions else "leave --where out"),
    )


def column_of(report: str, dimension: str) -> str:
    """Return the column with the values of a report's dimension; that of a field has the dimension's name."""
    return REPORTS[report].dimensions.get(dimension, dimension)
