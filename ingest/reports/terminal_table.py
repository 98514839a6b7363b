"""Tables of reports that fit a terminal: columns by its width, numbers whole, long names shortened."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.reports.definitions import FAMILIES, NARROW, NORMAL, WIDE, ReportColumn
from ingest.reports.formats import aligned, cell, markdown, money, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from ingest.reports.report import Report

SHORTEST = 10
"""Characters of a name that are always shown."""

GAP = 2
DOLLAR = 1
NOBODY = "(none)"


def table(report: Report, width: int) -> str:
    """A report as a table with lines of at most so many characters, unless its numbers alone are wider."""
    for level in (WIDE, NORMAL, NARROW):
        columns = _columns(report, level)
        grid = _grid(report, columns)
        if level == NARROW or (level <= width and _fits(grid, columns, width)):
            break
    right = [column.kind != "text" for column in columns]
    return aligned(_fitted(grid, columns, width), right, has_total=bool(report.total.height))


def document(report: Report) -> str:
    """A report as a Markdown table with the columns of the widest table."""
    return markdown(_grid(report, _columns(report, WIDE)))


def dollars(amount: Decimal | float | None) -> str:
    """An amount of USD: small ones with two significant digits at least."""
    if amount is None:
        return ""
    text = money(Decimal(repr(amount)) if isinstance(amount, float) else amount)
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def total_dollars(amount: Decimal | None) -> str:
    """A total of USD: to the cent from a dollar on."""
    if amount is None or abs(amount) < DOLLAR:
        return dollars(amount)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def count(value: int | None) -> str:
    """A number of things."""
    return "" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """A part of 1 as per cent."""
    return "" if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A measured value: whole from 100 on."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else cell(value)  # noqa: PLR2004


WRITERS: dict[str, Callable[[Any], str]] = {
    "money": dollars,
    "count": count,
    "share": share,
    "number": number,
    "text": cell,
}


def _columns(report: Report, level: int) -> list[ReportColumn]:
    first = report.rows.columns[0]
    shown = [column for column in FAMILIES[report.name].shown if column.width <= level]
    return (
        shown if FAMILIES[report.name].shown[0].name == first else [ReportColumn(first, _title(first), "text"), *shown]
    )


def _title(column: str) -> str:
    return column.removeprefix("requested_").removesuffix("_name").replace("_", " ")


def _grid(report: Report, columns: Sequence[ReportColumn]) -> list[list[str]]:
    """Header, rows and total as text."""
    names = [column.name for column in columns]
    rows = [
        [_text(column, value) for column, value in zip(columns, row, strict=True)]
        for row in report.rows.select(names).rows()
    ]
    return [[column.title for column in columns], *rows, *_total(report.total, columns)]


def _text(column: ReportColumn, value: Any) -> str:
    is_unnamed = column.kind == "text" and value in {None, ""} and not column.name.endswith("_at")
    return NOBODY if is_unnamed else WRITERS[column.kind](value)


def _total(total: pl.DataFrame, columns: Sequence[ReportColumn]) -> list[list[str]]:
    if total.is_empty():
        return []
    known = total.row(0, named=True)
    return [["total", *(_total_text(column, known.get(column.name)) for column in columns[1:])]]


def _total_text(column: ReportColumn, value: Any) -> str:
    is_sum = column.kind == "money" and isinstance(value, Decimal)
    return total_dollars(value) if is_sum else WRITERS[column.kind](value)


def _fitted(grid: list[list[str]], columns: Sequence[ReportColumn], width: int) -> list[list[str]]:
    """The same with names shortened until lines are no longer than the width, the longest first."""
    widths = _widths(grid)
    names = [place for place, column in enumerate(columns) if _is_name(column)]
    while names and _length(widths) > width:
        longest = max(names, key=widths.__getitem__)
        if widths[longest] <= SHORTEST:
            break
        widths[longest] -= 1
    return [[shortened(text, widths[place]) for place, text in enumerate(line)] for line in grid]


def _fits(grid: list[list[str]], columns: Sequence[ReportColumn], width: int) -> bool:
    least = (min(w, SHORTEST) if _is_name(c) else w for w, c in zip(_widths(grid), columns, strict=True))
    return _length(list(least)) <= width


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _widths(grid: list[list[str]]) -> list[int]:
    return [max(map(width_of, column)) for column in zip(*grid, strict=True)]


def _is_name(column: ReportColumn) -> bool:
    """Whether its values may be shortened: not numbers, days and times."""
    return column.kind == "text" and not column.name.startswith("requested_") and not column.name.endswith("_at")


def shortened(text: str, width: int) -> str:
    """A text of at most so many columns of a terminal: both ends, and … for what is left out between them."""
    if width_of(text) <= width:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while width_of(head) + 1 + width_of(tail) > width:
        if width_of(head) > width_of(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"
