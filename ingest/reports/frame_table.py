"""Renders any rows as a table that fits the terminal: text is shortened or folded, numbers never; then columns go.

A column without any value is left out. Every column that a table lacks is named below it.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ingest.reports.formats import aligned, at_the_point, in_ascii, table_cell, width_of
from ingest.reports.terminal_table import GAP, MIN_NAME_WIDTH, length, shortened, shrunk, widths_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    Grid = list[list[str]]

LEAST_FOLDED = 24
"""Characters of a folded column, at least."""


def frame_table(frame: pl.DataFrame, width: int | None, folded: str = "", *, is_ascii: bool = False) -> str:
    """Render rows as a table that ends with a line break.

    A single row that does not fit is shown as one line per column. Of several rows as many columns are shown as fit.

    Args:
        frame: The rows.
        width: Characters of a line; None to show everything.
        folded: A column of sentences, which are broken into lines instead of shortened.
        is_ascii: Whether nothing but ASCII can be shown; other characters are escaped.
    """
    cell_of = _ascii_cell if is_ascii else table_cell
    empty = [column.name for column in frame if frame.height and column.null_count() == frame.height]
    shown = frame if len(empty) == frame.width else frame.drop(empty)
    names = [cell_of(name) for name in empty if name not in shown.columns]
    text = _laid_out(shown, width, folded, cell_of) + _named(names, ("is empty", "are empty"), width)
    return in_ascii(text) if is_ascii else text


def _ascii_cell(value: Any) -> str:
    return table_cell(value).encode("ascii", "backslashreplace").decode("ascii")


def _laid_out(frame: pl.DataFrame, width: int | None, folded: str, cell_of: Callable[[Any], str]) -> str:
    right = [dtype.is_numeric() for dtype in frame.dtypes]
    rows = ([cell_of(value) for value in row] for row in frame.rows())
    grid = at_the_point([[cell_of(name) for name in frame.columns], *rows], right)
    if width is None or length(widths_of(grid)) <= width:
        return aligned(grid, right)
    if folded in frame.columns:
        grid = _with_folded(grid, frame.columns.index(folded), width)
    texts = [place for place, dtype in enumerate(frame.dtypes) if not dtype.is_numeric() and not dtype.is_temporal()]
    least = [min(w, MIN_NAME_WIDTH) if place in texts else w for place, w in enumerate(widths_of(grid))]
    if length(least) > width and frame.height == 1:
        return _record(grid, texts, width)
    shown = max(sum(length(least[: n + 1]) <= width for n in range(len(least))), 1)
    part = [line[:shown] for line in grid]
    part = shrunk(part, [place for place in texts if place < shown], width)
    return aligned(part, right[:shown]) + _named(grid[0][shown:], ("does not fit", "do not fit"), width)


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


def _named(names: Sequence[str], verbs: tuple[str, str], width: int | None) -> str:
    """The line below a table that names columns which it lacks, and why."""
    if not names:
        return ""
    count = f"1 more column {verbs[0]}" if len(names) == 1 else f"{len(names)} more columns {verbs[1]}"
    text = f"{count}: {', '.join(names)}"
    return "".join(line + "\n" for line in (wrap(text, width) if width else [text]))
