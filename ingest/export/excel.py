"""Writes rows as an Excel workbook with one sheet, in constant memory. Text is never stored as a formula or a link."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ingest.core.errors import CannotCreateError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MAX_ROWS = 1_048_576
"""Rows of a sheet, including the header."""

MAX_TEXT = 32_767
"""Characters of a cell."""

_OPTIONS = {
    "constant_memory": True,
    "nan_inf_to_errors": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""The creation time in the file; constant, so that the same rows produce the same bytes."""


def require_excel() -> None:
    """Check that Excel files can be written, before any work is done.

    Raises:
        ConfigurationError: The extra ``excel`` is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise ConfigurationError(
            "Excel files cannot be written",
            cause="they need the extra `excel`",
            fix='pip install "orusage[excel]", or choose another --format',
        )


def require_room(name: str, rows: int) -> None:
    """Check that a relation fits into a sheet.

    Args:
        name: The relation's name, for the message.
        rows: The number of rows, without the header.

    Raises:
        CannotCreateError: It does not fit.
    """
    if rows >= MAX_ROWS:
        raise CannotCreateError(
            f"{name} does not fit into an Excel sheet",
            cause=f"it has {rows:,} rows, a sheet holds {MAX_ROWS - 1:,} and a header",
            fix="export it as Parquet or CSV, or fewer rows with --since",
        )


def write_workbook(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a workbook.

    Args:
        path: A new file; temporary files are written to the same directory.
        columns: The header.
        rows: Text, numbers, booleans, dates, and times in UTC; None is an empty cell.

    Raises:
        CannotCreateError: A text is longer than a cell can hold.
        OSError: The disk is full or failing.
    """
    from xlsxwriter import Workbook  # noqa: PLC0415  # an optional dependency
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415  # an optional dependency

    book = Workbook(path, _OPTIONS | {"tmpdir": str(path.parent)})
    try:
        try:
            _fill(book, columns, rows)
        finally:
            book.close()  # also after an error, to close its temporary files
    except FileCreateError as error:
        raise error.args[0] from None  # the OSError that xlsxwriter wrapped


def _fill(book: Workbook, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    book.set_properties({"created": _CREATED})
    formats: dict[type, Any] = {date: book.add_format({"num_format": "yyyy-mm-dd"})}
    formats[datetime] = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    write = _writers(sheet, formats)
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name)
    for number, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if value is not None:
                write[type(value)](number, place, value)


def _writers(sheet: Worksheet, formats: dict[type, Any]) -> dict[type, Callable[[int, int, Any], object]]:
    def text(row: int, column: int, value: str) -> None:
        if sheet.write_string(row, column, value):
            raise CannotCreateError(
                "a text does not fit into an Excel cell",
                cause=f"a text in row {row} has {len(value):,} characters, a cell holds {MAX_TEXT:,}",
                fix="export it as Parquet or CSV",
            )

    return {
        str: text,
        int: sheet.write_number,
        float: sheet.write_number,
        bool: sheet.write_boolean,
        date: lambda row, column, value: sheet.write_datetime(row, column, value, formats[date]),
        datetime: lambda row, column, value: sheet.write_datetime(row, column, value, formats[datetime]),
    }
