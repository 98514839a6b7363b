"""Renders reports as tables that fit the terminal: narrow ones show fewer columns and shorten names, never numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.core.log_fields import FIELD
from ingest.reports.definitions import NARROW, NORMAL, TEAM, WIDE, ReportColumn
from ingest.reports.formats import aligned, at_the_point, cell, money, width_of
from ingest.reports.names import NO_NAME, REST, TOTAL, UNMAPPED, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from ingest.reports.report import Report

MIN_NAME_WIDTH = 10
"""The width to which names are shortened at most, in characters."""

GAP = 2
"""Characters between two columns."""

_ONE_DOLLAR = 1
_WHOLE_FROM = 100


def table(report: Report, width: int) -> str:
    """Render a report as a table of at most `width` characters, or wider if its numbers alone are."""
    for level in (WIDE, NORMAL, NARROW):
        columns = _columns(report, level)
        right = [column.kind != "text" for column in columns]
        grid = at_the_point(_grid(report, columns), right)
        if level == NARROW or (level <= width and _fits(grid, columns, width)):
            break
    return aligned(_fitted(grid, columns, width), right, has_total=bool(report.total.height))


def document(report: Report) -> list[list[str]]:
    """Return the grid of a report for Markdown, with the columns of the widest table."""
    return _grid(report, _columns(report, WIDE))


def dollars(amount: Decimal | float | None) -> str:
    """Format an amount in USD, with at least two significant digits."""
    if amount is None:
        return ""
    text = money(Decimal(repr(amount)) if isinstance(amount, float) else amount)
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def total_dollars(amount: Decimal | None) -> str:
    """Format a total in USD: to the cent from one dollar on."""
    if amount is None or abs(amount) < _ONE_DOLLAR:
        return dollars(amount)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def amount(value: Decimal | None) -> str:
    """Format an amount of any currency: with two places from one unit on."""
    if value is None:
        return ""
    return money(value) if abs(value) < _ONE_DOLLAR else f"{value:,.2f}"


def count(value: int | None) -> str:
    """Format an integer with thousands separators."""
    return "" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """Format a share between 0 and 1 as per cent."""
    return "" if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """Format a measured value: without decimal places from 100 on."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else cell(value)


_FORMATTERS: dict[str, Callable[[Any], str]] = {
    "money": dollars,
    "amount": amount,
    "count": count,
    "share": share,
    "number": number,
    "text": cell,
}


def _columns(report: Report, level: int) -> list[ReportColumn]:
    """Return the columns for a terminal width, the dimensions first; a measure without any value is left out."""
    defined = report.definition.columns
    fitting = (column for column in defined if column.min_width <= level and column.not_by not in report.columns)
    asked = (column for column in fitting if column.only_by in {"", *report.columns})
    measures = [column for column in asked if not _is_empty(report, column)]
    return [*(ReportColumn(name, _title(name), "text") for name in report.columns), *measures]


def _is_empty(report: Report, column: ReportColumn) -> bool:
    frames = (frame for frame in (report.rows, report.total) if column.name in frame.columns)
    return report.rows.height > 0 and all(frame[column.name].null_count() == frame.height for frame in frames)


def _title(column: str) -> str:
    if column.startswith(FIELD):
        return cell(column)
    return column.removeprefix("requested_").removesuffix("_name").replace("_", " ")


def _grid(report: Report, columns: Sequence[ReportColumn]) -> list[list[str]]:
    """Return header, rows and total as text."""
    names = [column.name for column in columns]
    rows = [
        [
            _marked(_text(column, value, is_rest and column.name in report.columns), column, value, report)
            for column, value in zip(columns, row, strict=True)
        ]
        for row, is_rest in zip(report.rows.select(names).rows(), rests_of(report.rows), strict=True)
    ]
    return [[column.title for column in columns], *rows, *_total(report.total, columns)]


def _marked(text: str, column: ReportColumn, value: Any, report: Report) -> str:
    """The text, with what the period covers of an hour, day, week or month that it covers in part."""
    mark = report.partial.get(column.name, {}).get(value)
    return f"{text} ({mark})" if mark else text


def rests_of(rows: pl.DataFrame) -> Sequence[bool]:
    """Tell of each row whether it is the sum of those beyond --top."""
    return rows["is_rest"].to_list() if "is_rest" in rows.columns else [False] * rows.height


def _text(column: ReportColumn, value: Any, is_rest: bool) -> str:  # noqa: FBT001  # one of three parts of a cell
    if column.kind == "text" and not column.name.endswith("_at") and isinstance(value, str | None):
        return REST if is_rest else cell(shown(value, UNMAPPED if column.name == TEAM else NO_NAME))
    return _FORMATTERS[column.kind](value)


def _total(total: pl.DataFrame, columns: Sequence[ReportColumn]) -> list[list[str]]:
    if total.is_empty():
        return []
    values = total.row(0, named=True)
    return [[TOTAL, *(_total_text(column, values.get(column.name)) for column in columns[1:])]]


def _total_text(column: ReportColumn, value: Any) -> str:
    is_sum = column.kind == "money" and isinstance(value, Decimal)
    return total_dollars(value) if is_sum else _FORMATTERS[column.kind](value)


def _fitted(grid: list[list[str]], columns: Sequence[ReportColumn], width: int) -> list[list[str]]:
    """Shorten names, the longest first, until lines are no longer than the width."""
    return shrunk(grid, [place for place, column in enumerate(columns) if _is_name(column)], width)


def shrunk(grid: list[list[str]], names: Sequence[int], width: int) -> list[list[str]]:
    """Shorten the columns at some places, the longest first, until lines are no longer than the width."""
    widths = widths_of(grid)
    while names and length(widths) > width:
        longest = max(names, key=widths.__getitem__)
        if widths[longest] <= MIN_NAME_WIDTH:
            break
        widths[longest] -= 1
    return [[shortened(text, widths[place]) for place, text in enumerate(line)] for line in grid]


def _fits(grid: list[list[str]], columns: Sequence[ReportColumn], width: int) -> bool:
    least = (min(w, MIN_NAME_WIDTH) if _is_name(c) else w for w, c in zip(widths_of(grid), columns, strict=True))
    return length(list(least)) <= width


def length(widths: Sequence[int]) -> int:
    """The length of a line of columns of these widths."""
    return sum(widths) + GAP * (len(widths) - 1)


def widths_of(grid: list[list[str]]) -> list[int]:
    """The width of each column."""
    return [max(map(width_of, column)) for column in zip(*grid, strict=True)]


def _is_name(column: ReportColumn) -> bool:
    """Whether values may be shortened: not numbers, days, times and the IDs of generations."""
    is_whole = column.name.startswith("requested_") or column.name.endswith(("_at", "generation_id"))
    return column.kind == "text" and not is_whole


def shortened(text: str, width: int) -> str:
    """Shorten text to at most `width` columns of a terminal, by replacing its middle with an ellipsis."""
    if width_of(text) <= width:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while width_of(head) + 1 + width_of(tail) > width:
        if width_of(head) > width_of(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"
