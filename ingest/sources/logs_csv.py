"""Reads OpenRouter's Logs CSV, row by row and by the names of its columns, in whatever order and encoding it came."""

from __future__ import annotations

import csv
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.errors import NoInputError, UnexpectedInputError
from ingest.sources.decompress import DecodingError
from ingest.sources.open_file import open_source
from ingest.sources.resume import resume
from ingest.sources.source_names import absolute, error_text, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.sources.readers import Readable

ID_COLUMNS = ("generation_id", "generation", "id")
"""The names of the column of IDs, the surest first."""

REST = "cells_beyond_the_header"
"""The name of what a row has beyond the columns of the header."""

SEPARATORS = ",;\t|"
"""What may separate columns: spreadsheets write their own kinds of CSV."""

LONGEST_LINE = 64 * 1024
"""Characters. A longer first line is no header."""

SHOWN = 8
"""Columns that an error names."""

_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_SEPARATOR_LINE = re.compile(r'"?sep=.?"?\s*', re.IGNORECASE)
_ESCAPED = re.compile(r"[\udc80-\udcff]")


class CsvRow(NamedTuple):
    """A row of a CSV.

    Attributes:
        line: Number of the line where it begins, from 1.
        generation_id: What its column of IDs holds.
        cells: What its other columns hold, by name; no empty ones.
    """

    line: int
    generation_id: str
    cells: dict[str, str]


class LogsCsv:
    """A CSV that is open. Iterate once for its rows.

    Args:
        name: Its name, as it is stored and shown.
        text: Its text.

    Attributes:
        name: Its name.
        columns: Names of its columns, in lower case, with ``_`` for what is no letter or digit.
        problem: Why it was not read to its end; None if it was, or so far.
        recoded: Rows that were not UTF-8 and were read as Windows-1252.

    Raises:
        UnexpectedInputError: No column holds generation IDs.
    """

    def __init__(self, name: str, text: io.TextIOBase) -> None:
        self.name = name
        self.problem: str | None = None
        self.recoded = 0
        self._lines_before, header = _header(text)
        separator, self.columns = _columns(name, header)
        self._id = next(self.columns.index(known) for known in ID_COLUMNS if known in self.columns)
        self._rows = csv.reader(text, delimiter=separator)

    def __iter__(self) -> Iterator[CsvRow]:
        line = self._lines_before + 1
        try:
            for cells in self._rows:
                if any(cell.strip() for cell in cells):
                    yield self._row(line, cells)
                line = self._lines_before + self._rows.line_num + 1
        except (csv.Error, DecodingError, OSError, ValueError) as error:
            self.problem = f"line {line:,}: {error_text(error)}"

    def _row(self, line: int, cells: list[str]) -> CsvRow:
        if _ESCAPED.search("".join(cells)):
            self.recoded += 1
            cells = [_repaired(cell) for cell in cells]
        named = {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell.strip()}
        if rest := [cell for cell in cells[len(self.columns) :] if cell.strip()]:
            named[REST] = "\t".join(rest)
        return CsvRow(line, named.pop(self.columns[self._id], "").strip(), named)


@contextmanager
def open_logs_csv(name: str, now: datetime) -> Iterator[LogsCsv]:
    """Open a CSV; it may be compressed, a URL, or ``-`` for standard input.

    Args:
        name: A path, a URL, or ``-``.
        now: The wall clock.

    Raises:
        NoInputError: It cannot be read.
        UnexpectedInputError: No column holds generation IDs, or it is no text.
    """
    label = label_of(absolute(name))
    try:
        with open_source(name, now) as file:
            raw = _Raw(resume(file, None, None, label).text)
            text = io.TextIOWrapper(io.BufferedReader(raw), "utf-8", "surrogateescape", newline="")
            yield LogsCsv(label, text)
    except DecodingError as error:
        raise _unexpected(label, str(error)) from None
    except (OSError, ValueError) as error:
        raise NoInputError(
            f"{label} cannot be read", cause=error_text(error), fix="name the CSV that OpenRouter's Logs page exports"
        ) from None


class _Raw(io.RawIOBase):
    """Our reader of bytes as Python's text layer wants it."""

    def __init__(self, readable: Readable) -> None:
        self._readable = readable

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a memoryview is what a BufferedReader gives
        return self._readable.readinto(buffer) or 0


def _header(text: io.TextIOBase) -> tuple[int, str]:
    """The line with the names of the columns, and its number. Spreadsheets may write ``sep=;`` before it."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if line.strip("\ufeff \r\n") and not _SEPARATOR_LINE.fullmatch(line.strip("\ufeff")):
            return number, line.strip("\ufeff\r\n")
    return number, ""


def _columns(name: str, header: str) -> tuple[str, tuple[str, ...]]:
    """The separator, and the names of the columns."""
    for separator in SEPARATORS:
        columns = _distinct(next(csv.reader([header], delimiter=separator), []))
        if not set(columns).isdisjoint(ID_COLUMNS):
            return separator, columns
    found = [column for column in _distinct(next(csv.reader([header]), [])) if column]
    shown = f", but {', '.join(found[:SHOWN])}{', …' if len(found) > SHOWN else ''}" if found else ""
    raise _unexpected(name, f"its first line names no column generation_id{shown}" if header else "it is empty")


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names of columns in lower case; a name that stands twice gets a number."""
    columns: list[str] = []
    for place, name in enumerate(names, 1):
        plain = _NO_LETTERS.sub("_", name.lower()).strip("_")[:100]
        columns.append(f"{plain}_{place}" if plain in columns else plain)
    return tuple(columns)


def _repaired(cell: str) -> str:
    data = cell.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _unexpected(name: str, cause: str) -> UnexpectedInputError:
    return UnexpectedInputError(
        f"{name} is not OpenRouter's Logs CSV",
        cause=cause,
        fix="export it from https://openrouter.ai/logs; for any other text with IDs use `orusage ingest FILE`",
    )
