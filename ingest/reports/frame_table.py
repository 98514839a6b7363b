"""Renders any rows as a table that fits the terminal: text is shortened or folded, numbers never; then columns go."""

from __future__ import annotations

from datetime import date, time
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ingest.reports.formats import aligned, cell, in_ascii, is_number, width_of
from ingest.reports.terminal_table import GAP, MIN_NAME_WIDTH, length, shortened, shrunk, widths_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    Grid = list[list[str]]
    Rows = Sequence[tuple[Any, ...]]

LEAST_FOLDED = 24
"""Characters of a folded column, at least."""

_TIMES = (date, time)
"""Types whose text, like that of numbers, is never shortened. A datetime is a date, too."""


def frame_table(frame: pl.DataFrame, width: int | None, folded: str = "", *, is_ascii: bool = False) -> str:
    """Render a frame as `rows_table` does."""
    return rows_table(frame.columns, frame.rows(), width, folded, is_ascii=is_ascii)


def rows_table(
    columns: Sequence[str], rows: Rows, width: int | None, folded: str = "", *, is_ascii: bool = False
) -> str:
    """Render rows as a table that ends with a line break.

    A single row that does not fit is shown as one line per column. Of several rows as many columns are shown as fit,
    and the others are named below.

    Args:
        columns: The names of the columns.
        rows: The rows.
        width: Characters of a line; None to show everything.
        folded: A column of sentences, which are broken into lines instead of shortened.
        is_ascii: Whether nothing but ASCII can be shown; other characters are escaped.
    """
    text = _laid_out(columns, rows, width, folded, _ascii_cell if is_ascii else cell)
    return in_ascii(text) if is_ascii else text


def _ascii_cell(value: Any) -> str:
    return cell(value).encode("ascii", "backslashreplace").decode("ascii")


def _laid_out(columns: Sequence[str], rows: Rows, width: int | None, folded: str, cell_of: Callable[[Any], str]) -> str:
    grid = [[cell_of(name) for name in columns], *([cell_of(value) for value in row] for row in rows)]
    right = [any(is_number(row[place]) for row in rows) for place in range(len(columns))]
    if width is None or length(widths_of(grid)) <= width:
        return aligned(grid, right)
    if folded in columns:
        grid = _with_folded(grid, list(columns).index(folded), width)
    texts = [n for n in range(len(columns)) if not right[n] and not any(isinstance(row[n], _TIMES) for row in rows)]
    least = [min(w, MIN_NAME_WIDTH) if place in texts else w for place, w in enumerate(widths_of(grid))]
    if length(least) > width and len(rows) == 1:
        return _record(grid, texts, width)
    shown = max(sum(length(least[: n + 1]) <= width for n in range(len(least))), 1)
    part = [line[:shown] for line in grid]
    part = shrunk(part, [place for place in texts if place < shown], width)
    return aligned(part, right[:shown]) + _left_out(grid[0][shown:], width)


def _with_folded(grid: Grid, place: int, width: int) -> Grid:
    """Break the cells of one column into lines, as wide as the other columns leave room for."""
    others = length([w for at, w in enumerate(widths_of(grid)) if at != place]) + GAP
    room = max(width - others, LEAST_FOLDED)
    lines = []
    for row in grid:
        first, *rest = wrap(row[place], room) or [""]
        lines.append([*row[:place], first, *row[place + 1 :]])
        lines += [[""] * place + [text] + [""] * (len(row) - place - 1) for text in rest]
    return lines


def _record(grid: Grid, texts: Sequence[int], width: int) -> str:
    """Render a single row as a line per column; names and text are shortened, numbers and times are not."""
    names, values = grid
    longest = max((width_of(v) for place, v in enumerate(values) if place not in texts), default=0)
    label = min(max(map(width_of, names)), width - GAP - max(longest, MIN_NAME_WIDTH))
    room = width - GAP - label
    lines = (f"{_padded(n, label)}{' ' * GAP}{shortened(v, room)}" for n, v in zip(names, values, strict=True))
    return "".join(line.rstrip() + "\n" for line in lines)


def _padded(name: str, width: int) -> str:
    text = shortened(name, width)
    return text + " " * (width - width_of(text))


def _left_out(names: Sequence[str], width: int) -> str:
    if not names:
        return ""
    count = "1 more column does not fit" if len(names) == 1 else f"{len(names)} more columns do not fit"
    text = f"{count}: {', '.join(names)}"
    return "".join(line + "\n" for line in wrap(text, width))
