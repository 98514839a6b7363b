"""Printing of results and errors: control characters, closed pipes, masked keys."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ingest.core.masking import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    import polars as pl

    from ingest.cli.global_options import GlobalOptions
    from ingest.core.errors import OrusageError

RULE = "─"


def print_error(error: OrusageError, log_format: str, traceback: str = "") -> int:
    """Print an error on standard error: what, cause and fix as three lines, or as fields of one line of JSON.

    Args:
        error: The error.
        log_format: ``text`` or ``json``.
        traceback: Where it was raised, to be shown with it; may be empty.

    Returns:
        Its exit code.
    """
    text = _error_as_json(error, traceback) if log_format == "json" else traceback + _error_as_text(error)
    _write(text, sys.stderr)
    return error.code


def _error_as_text(error: OrusageError) -> str:
    from ingest.reports.formats import plain

    excerpt = (f"         {line}" for line in error.excerpt)
    lines = (f"orusage: {error.what}", f"  cause: {error.cause}", *excerpt, f"  fix:   {error.fix}")
    return "".join(plain(mask_secrets(line)) + "\n" for line in lines)


def _error_as_json(error: OrusageError, traceback: str) -> str:
    from ingest.cli.logs import error_line

    fields = {"what": error.what, "cause": error.cause, "fix": error.fix, "code": int(error.code)}
    optional = {"excerpt": error.excerpt, "traceback": traceback}
    return error_line(error.what, fields | {name: value for name, value in optional.items() if value}) + "\n"


def print_frame(frame: pl.DataFrame, form: str, folded: str = "") -> None:
    """Print rows in one of the formats of `ingest.reports.formats.FORMATS`; a table fits the terminal.

    Args:
        frame: The rows.
        form: The format.
        folded: A column of sentences, which a table breaks into lines instead of shortening them.
    """
    _print_all(frame.columns, frame.rows(), form, folded)


def print_table(text: str) -> None:
    """Print a table to standard output, with rules of ASCII where nothing else can be shown."""
    from ingest.reports.formats import in_ascii

    print_result(text if _shows_unicode() else in_ascii(text))


def terminal_width() -> int | None:
    """Characters of a line of standard output: what COLUMNS says, or the terminal; None where there is neither."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):  # not a terminal; no descriptor
        return None


def _shows_unicode() -> bool:
    """Whether the encoding of standard output, and of the locale unless the user chose another, has a rule."""
    import locale

    is_chosen = os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1"
    try:
        for encoding in (sys.stdout.encoding, *([] if is_chosen else [locale.getencoding()])):
            RULE.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def print_rows(columns: Sequence[str], batches: Iterable[Sequence[tuple[Any, ...]]], form: str) -> bool:
    """Print all rows at once, for the formats that need them all; returns as `print_batches`."""
    from itertools import chain

    return _print_all(columns, list(chain.from_iterable(batches)), form)


def _print_all(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], form: str, folded: str = "") -> bool:
    from ingest.reports.formats import FORMATS
    from ingest.reports.frame_table import rows_table

    if form == "table":
        return print_result(rows_table(columns, rows, terminal_width(), folded, is_ascii=not _shows_unicode()))
    return print_result(FORMATS[form](columns, rows))


def print_batches(columns: Sequence[str], batches: Iterable[Sequence[tuple[Any, ...]]], form: str) -> bool:
    """Print rows batch by batch, so that they are never all in memory.

    Returns:
        False if the reader closed the pipe before the end.
    """
    from ingest.reports.formats import streamed

    return all(print_result(text) for text in streamed(columns, batches, form))


def print_result(text: str) -> bool:
    """Print to standard output; on a terminal, control characters are escaped.

    Returns:
        False if the reader has closed the pipe.
    """
    from ingest.reports.formats import plain

    if sys.stdout.isatty():
        text = "\n".join(plain(line) for line in text.split("\n"))
    return _write(text, sys.stdout)


def print_unless_quiet(options: GlobalOptions, text: str) -> None:
    """Print that a command did what it should, unless ``--quiet`` was given."""
    if not options.is_quiet:
        print_result(text)


def _write(text: str, stream: TextIO) -> bool:
    """Write; after a broken pipe the stream leads to /dev/null, so that the exit code stays that of the command.

    So does standard error once it cannot be written: a full disk there must not change how the command ends.
    """
    try:
        click.echo(text, file=stream, nl=False)
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and stream is not sys.stderr:
            raise
        lead_nowhere(stream)
        return False
    return True


def lead_nowhere(stream: TextIO) -> None:
    """Let a stream that cannot be written lead to /dev/null, so that closing it does not fail either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
