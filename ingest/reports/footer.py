"""The line below the table of `report top`: what one request, session or user costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.reports.terminal_table import count, dollars

if TYPE_CHECKING:
    from ingest.reports.report import Report

_PLURALS = (
    "request",
    "session",
    "user",
    "app",
    "workspace",
    "model",
    "author",
    "provider",
    "hour",
    "day",
    "week",
    "month",
)
"""Dimensions of which an s makes the plural."""


def footer_of(report: Report) -> str:
    """Return a line such as ``57 users: median $0.1234, p95 $2.3456, dearest $7.8901``; empty for other reports."""
    if report.name != "top" or not (found := report.total.row(0, named=True))["group_count"]:
        return ""
    names = [name for name, column in report.definition.dimensions.items() if column in report.columns]
    noun = names[0] if len(names) == 1 and names[0] in _PLURALS else "value"
    amounts = {"median": "median_group_usage", "p95": "p95_group_usage", "dearest": "max_group_usage"}
    told = [f"{word} {dollars(found[name])}" for word, name in amounts.items() if found[name] is not None]
    return f"{count(found['group_count'])} {noun}{'' if found['group_count'] == 1 else 's'}: {', '.join(told)}"
