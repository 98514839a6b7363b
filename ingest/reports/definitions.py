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
class Shown:
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
class Family:
    """A report.

    Attributes:
        query: Its query in ``sql/``, such as ``reports/cost``.
        shown: What a table shows after the dimension.
        dimensions: Names for --by, each with the name of its column; empty if its rows are fixed.
        default: The one that is meant if none is named.
        ready: Those whose rollup holds whole days (UTC).
        ready_days: Whether that rollup can be asked for some days, or only for all of history.
        adds_up: Whether rows can be added: beyond --top they become one row, and there is a total.
        takes_top: Whether --top means something.
    """

    query: str
    shown: tuple[Shown, ...]
    dimensions: dict[str, str] = field(default_factory=dict)
    default: str = ""
    ready: frozenset[str] = frozenset()
    ready_days: bool = False
    adds_up: bool = True
    takes_top: bool = True


HOURS = {"hour": "requested_hour"}
DAYS = {"day": "requested_day", "week": "requested_week", "month": "requested_month"}
WHO = {"app": "app_id", "user": "external_user", "session": "session_id", "workspace": "workspace_id"}
WHAT = {"model": "model", "author": "model_author", "provider": "provider_name"}

FAMILIES = {
    "summary": Family("reports/summary", (), adds_up=False, takes_top=False),
    "cost": Family(
        "reports/cost",
        (
            Shown("request_count", "requests", "count"),
            Shown("total_usage", "total", "money"),
            Shown("credits_usage", "credits", "money", NORMAL),
            Shown("byok_fees", "BYOK fee", "money", WIDE),
            Shown("byok_usage", "BYOK paid", "money", NORMAL),
            Shown("cache_discount", "saved", "money", NORMAL),
            Shown("tokens_prompt", "tokens in", "count", WIDE),
            Shown("tokens_completion", "tokens out", "count", WIDE),
            Shown("blended_cost_per_million_tokens", "per 1M tokens", "money", WIDE),
        ),
        {**DAYS, **HOURS, **WHAT, **WHO, "request": "request_id", "cost_basis": "cost_basis"},
        "day",
        ready=frozenset({*DAYS, *WHAT}),
        ready_days=True,
    ),
    "latency": Family(
        "reports/latency",
        (
            Shown("request_count", "requests", "count"),
            Shown("p50_ttft_ms", "ttft p50", "number", NORMAL),
            Shown("p95_ttft_ms", "ttft p95", "number"),
            Shown("p50_duration_ms", "whole p50", "number", NORMAL),
            Shown("p95_duration_ms", "whole p95", "number", NORMAL),
            Shown("p99_duration_ms", "whole p99", "number", WIDE),
            Shown("p50_throughput", "tokens/s", "number", NORMAL),
            Shown("p50_inter_token_latency", "per token p50", "number", WIDE),
            Shown("streamed_count", "streamed", "count", WIDE),
        ),
        {**WHAT, **HOURS, **DAYS, **WHO, "length": "completion_length"},
        "model",
        ready=frozenset({"model", "provider"}),
        adds_up=False,
    ),
    "errors": Family(
        "reports/errors",
        (
            Shown("attempt_count", "attempts", "count"),
            Shown("error_rate", "errors", "share"),
            Shown("fallback_rate", "fallbacks", "share", NORMAL),
            Shown("throttled_count", "429", "count", NORMAL),
            Shown("overloaded_count", "503+529", "count", NORMAL),
            Shown("server_error_count", "other 5xx", "count", NORMAL),
            Shown("other_error_count", "other", "count", WIDE),
            Shown("unknown_count", "unknown", "count", WIDE),
            Shown("failed_ms", "lost ms", "number", WIDE),
        ),
        {"provider": "provider_name", "model": "model_permaslug", "status": "status", **HOURS, **DAYS},
        "provider",
    ),
    "cache": Family(
        "reports/cache",
        (
            Shown("cache_hit_rate", "hit rate", "share", NORMAL),
            Shown("cache_discount", "saved", "money"),
            Shown("cache_write_usage", "of it writes", "money", WIDE),
            Shown("total_usage", "paid", "money", NORMAL),
            Shown("usage_without_cache", "without it", "money", WIDE),
            Shown("response_cache_hits", "copies", "count", NORMAL),
            Shown("response_cache_saved_usage", "saved by copies", "money", WIDE),
            Shown("request_count", "requests", "count", WIDE),
        ),
        {**WHAT, **HOURS, **DAYS, **WHO},
        "model",
    ),
    "failed": Family(
        "reports/failed",
        (
            Shown("request_count", "requests", "count"),
            Shown("total_usage", "lost", "money"),
            Shown("share_of_usage", "of all", "share", NORMAL),
            Shown("paid_count", "charged", "count", NORMAL),
            Shown("tokens_completion", "tokens out", "count", NORMAL),
            Shown("cancelled_usage", "cancelled", "money", WIDE),
            Shown("failed_usage", "failed", "money", WIDE),
            Shown("filtered_usage", "filtered", "money", WIDE),
            Shown("truncated_usage", "truncated", "money", WIDE),
        ),
        {"status": "status", **WHAT, **HOURS, **DAYS, **WHO},
        "status",
    ),
    "forecast": Family(
        "reports/forecast",
        (
            Shown("requested_day", "day", "text"),
            Shown("low_usage", "low", "money", NORMAL),
            Shown("total_usage", "forecast", "money"),
            Shown("high_usage", "high", "money", NORMAL),
            Shown("history_days", "days known", "count", WIDE),
        ),
        adds_up=False,
        takes_top=False,
    ),
    "anomalies": Family(
        "reports/anomalies",
        (
            Shown("requested_day", "day", "text"),
            Shown("model", "model", "text"),
            Shown("excess_usage", "excess", "money"),
            Shown("total_usage", "total", "money", NORMAL),
            Shown("median_usage", "median before", "money", WIDE),
            Shown("score", "score", "number", NORMAL),
            Shown("request_count", "requests", "count", WIDE),
            Shown("history_days", "days known", "count", WIDE),
        ),
        adds_up=False,
    ),
    "ledger": Family(
        "reports/ledger",
        (
            Shown("ids", "IDs", "count", NORMAL),
            Shown("settled", "settled", "count"),
            Shown("pending", "pending", "count"),
            Shown("dead", "dead", "count"),
            Shown("newest_settled_at", "newest settled (UTC)", "text", WIDE),
            Shown("oldest_pending_at", "oldest pending (UTC)", "text", WIDE),
        ),
        {"source": "source", "state": "state", "reason": "reason", **HOURS, **DAYS},
        "source",
    ),
}


def family_of(name: str) -> Family:
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
    family = FAMILIES[name]
    if by is None or by in family.dimensions:
        return by or family.default
    there = ", ".join(family.dimensions)
    raise UsageError(
        f"`report {name}` cannot be had by {by!a}",
        cause=f"there are {there}" if there else "its rows are fixed",
        fix=did_you_mean(by, family.dimensions, "name one of them" if there else "leave --by out"),
    )
