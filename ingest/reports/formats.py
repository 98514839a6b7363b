"""Renders rows as text: table and Markdown for people; JSON, ndjson and CSV for programs.

Text from responses and logs never reaches a terminal as a control character, an escape sequence or a character that
reorders text, a CSV cell never starts like a formula, and a Markdown cell holds no markup. JSON keeps every digit and
character; its times end in Z.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    Renderer = Callable[[Sequence[str], Sequence[tuple[Any, ...]]], str]

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_CSV_SPECIAL = frozenset(',"\r\n')
_IN_ASCII = str.maketrans({"─": "-", "…": "~"})
_FORMULA = re.compile(
    r"[\t\r]|[\x00-\x20\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]*[-=+@\uff0b\uff0d\uff1d\uff20]"
)
"""Text that a spreadsheet may evaluate: some skip blanks, line breaks and invisible characters first, and some read
full-width signs. ``sql/export/cell_for_csv.sql`` has the same expression for exported files."""

_MARKUP = re.compile(r"[&<>`|*~]|\\(?=[!-/:-@\[-`{-~])|(?<=\])[(:\[]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown or HTML read as markup in a cell. A bracket alone and an underscore inside a word are none."""

_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "&#92;"}
"""What is written for some of them; a backslash escapes the others."""

_LARGEST = 2**63
"""From here on an integer is encoded as a decimal, which has any number of digits."""


def render(frame: pl.DataFrame, format_name: str) -> str:
    """Render rows as text that ends with a line break.

    Args:
        frame: The rows.
        format_name: A key of `FORMATS`.
    """
    return FORMATS[format_name](frame.columns, frame.rows())


def streamed(columns: Sequence[str], batches: Iterable[Sequence[tuple[Any, ...]]], format_name: str) -> Iterator[str]:
    """Render rows batch by batch, so that they need not fit into memory.

    Args:
        columns: The names of the columns.
        batches: Batches of rows.
        format_name: A key of `STREAMS`.
    """
    if format_name == "csv":
        yield _csv(columns, [])
    for rows in batches:
        yield STREAMS[format_name](columns, rows)


def plain(text: str) -> str:
    r"""Escape control and format characters (ANSI, U+202E, …) as ``\x1b`` or ``\u202e``, for display on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_visible(c) else ascii(c)[1:-1] for c in text)


def _is_visible(character: str) -> bool:
    return character in " \t" or unicodedata.category(character)[0] not in "CZ"


def cell(value: Any) -> str:
    """Format a value for people: times to the second, USD as `money` does, floats with few digits, NULL as ""."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.3g}" if abs(value) < 1 else f"{value:,.1f}"
        case Decimal():
            return money(value) if value.as_tuple().exponent else str(value)  # a sum of counts is a Decimal, too
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case _:
            return plain(str(value)).replace("\t", "\\t")  # a tab separates columns


def is_number(value: Any) -> bool:
    """Whether a value is aligned to the right."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def money(value: Decimal) -> str:
    """Format USD: to the cent from 100 on, to four places from 0.01 on, below that with two significant digits."""
    if value == 0:
        return "0"
    size = value.adjusted()
    places = 2 if size >= 2 else 4 if size >= -2 else 1 - size  # noqa: PLR2004  # numbers of digits before and after the point
    return f"{value:,.{places}f}"


def _table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Aligned columns with numbers to the right; lines are never wrapped or cut."""
    right = [any(is_number(row[i]) for row in rows) for i in range(len(columns))]
    return aligned(_grid(columns, rows), right)


def aligned(grid: Sequence[Sequence[str]], right: Sequence[bool], *, has_total: bool = False) -> str:
    """Render a grid of text as aligned columns, with a rule below the header and one above the total.

    Args:
        grid: The header, the rows, and the total if there is one.
        right: For each column, whether it is aligned to the right.
        has_total: Whether the last line is a total.
    """
    widths = [max(map(width_of, column)) for column in zip(*grid, strict=True)]
    lines = [_line(cells, widths, right) for cells in grid]
    rule = "  ".join("─" * w for w in widths)
    lines[1:1] = [rule]
    if has_total:
        lines[-1:-1] = [rule]
    return "".join(line.rstrip() + "\n" for line in lines)


def _grid(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[list[str]]:
    return [[cell(name) for name in columns], *([cell(value) for value in row] for row in rows)]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        " " * (w - width_of(c)) + c if r else c + " " * (w - width_of(c))
        for c, w, r in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded)


def in_ascii(text: str) -> str:
    """A table with its rules and ellipses in ASCII."""
    return text.translate(_IN_ASCII)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def markdown(grid: Sequence[Sequence[str]]) -> str:
    """Render a grid of text, header first, as a Markdown table. No cell holds markup or HTML, nor becomes a link."""
    header, *rows = ([_without_markup(c) for c in line] for line in grid)
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _without_markup(text: str) -> str:
    """Escape what would be read as markup."""
    return _MARKUP.sub(lambda found: _REFERENCES.get(found[0], f"\\{found[0]}"), text)


def _markdown(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return markdown(_grid(columns, rows))


def _json(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    objects = [_ENCODER.encode(o).decode() for o in _objects(columns, rows)]
    return "[" + ",\n ".join(objects) + "]\n"


def _ndjson(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return _ENCODER.encode_lines(_objects(columns, rows)).decode()


def _objects(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, map(_encodable, row), strict=True)) for row in rows]


def _encodable(value: Any) -> Any:
    """A value as the encoder takes it: times in UTC, and integers of any size."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return Decimal(value) if type(value) is int and not -_LARGEST <= value < _LARGEST else value


def _csv(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return _csv_rows(columns, [tuple(columns)]) + _csv_rows(columns, rows)


def _csv_rows(_: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return "".join(",".join(map(_csv_cell, row)) + "\n" for row in rows)


def _text_rows(_: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Tab-separated values without a header, for cut and awk."""
    columns = map(_cells, zip(*rows, strict=True))
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""])


def _cells(values: Sequence[Any]) -> Sequence[str]:
    """Format a column; a column of printable ASCII text is returned as it is, which is faster."""
    if set(map(type, values)) == {str}:
        joined = "".join(values)
        return values if joined.isascii() and joined.isprintable() else list(map(cell, values))
    return list(map(str if set(map(type, values)) == {int} else cell, values))


def _csv_cell(value: Any) -> str:
    """Format a value like `orusage export` does: NULL is empty and empty text is quoted, so that they differ.

    An apostrophe precedes text that a spreadsheet would evaluate as a formula; numbers stay numbers.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return format(value, "f")
        case str():
            return _csv_text("'" + value if _FORMULA.match(value) else value)
        case _:
            return str(value)


def _csv_text(text: str) -> str:
    return text if text and _CSV_SPECIAL.isdisjoint(text) else '"' + text.replace('"', '""') + '"'


STREAMS: dict[str, Renderer] = {"text": _text_rows, "ndjson": _ndjson, "csv": _csv_rows}

FORMATS: dict[str, Renderer] = {
    "table": _table,
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "markdown": _markdown,
}
