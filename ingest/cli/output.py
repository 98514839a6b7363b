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

    from ingest.core.errors import OrusageError


def print_error(error: OrusageError) -> int:
    """Print an error as three lines (what, cause, fix) on standard error, without any key; returns its exit code."""
    from ingest.reports.formats import plain

    excerpt = (f"         {line}" for line in error.excerpt)
    lines = (f"orusage: {error.what}", f"  cause: {error.cause}", *excerpt, f"  fix:   {error.fix}")
    _write("".join(plain(mask_secrets(line)) + "\n" for line in lines), sys.stderr)
    return error.code


def print_frame(frame: pl.DataFrame, form: str) -> None:
    """Print rows in one of the formats of `ingest.reports.formats.FORMATS`."""
    from ingest.reports.formats import render

    print_result(render(frame, form))


def print_rows(columns: Sequence[str], batches: Iterable[Sequence[tuple[Any, ...]]], form: str) -> bool:
    """Print all rows at once, for the formats that need them all; returns as `print_batches`."""
    from itertools import chain

    from ingest.reports.formats import FORMATS

    return print_result(FORMATS[form](columns, list(chain.from_iterable(batches))))


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
