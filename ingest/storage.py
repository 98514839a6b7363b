"""Opening DuckDB files, and DuckDB's errors as ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from ingest import sql
from ingest.errors import (
    CannotCreateError,
    ConfigurationError,
    NoInputError,
    OrusageError,
    StorageError,
    TryAgainLaterError,
    UnexpectedInputError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORAGE_VERSION = "v1.4.0"
"""Read by DuckDB 1.4, 1.5 and 2.x clients; what DuckDB 2 writes by itself is not."""

BOUNDED: dict[str, Any] = {"memory_limit": "128MB", "threads": 2}
"""What DuckDB may use while a run writes. Left to itself its cache grows with the warehouse; a thread needs its own."""

_HOLDER = re.compile(r"held in (\S+).*?\(PID (\d+)\)")


def open_writable(path: Path, *, bounded: bool) -> duckdb.DuckDBPyConnection:
    """Open a file for writing; it comes into being if it is missing.

    Args:
        path: The file.
        bounded: Use little memory (`BOUNDED`), which suffices for all but values of many megabytes.

    Raises:
        OrusageError: as `storage_errors` has it.
    """
    if path.exists() and not path.is_file():
        raise UnexpectedInputError(
            f"{path} is not a warehouse", cause="it is not a regular file", fix="name another file with -w"
        )
    if not path.parent.is_dir():
        raise CannotCreateError(
            f"{path} cannot be created",
            cause=f"there is no directory {path.parent}",
            fix="create it, or name another file with -w",
        )
    bounds = BOUNDED if bounded else {}
    return _connect(path, {"storage_compatibility_version": STORAGE_VERSION, **bounds}, read_only=False)


def open_for_reading(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file so that no statement can write, reach another file or the network, or load code.

    Raises:
        NoInputError: there is no such file.
        OrusageError: as `storage_errors` has it.
    """
    if not path.exists():
        raise NoInputError(
            f"there is no warehouse {path}",
            cause="nothing was ingested here yet, or it lies elsewhere",
            fix="run `orusage ingest` first, or name the file with -w",
        )
    connection = _connect(path, {"enable_external_access": "false"}, read_only=True)
    connection.execute(sql.query("lock_down"))
    return connection


def _connect(path: Path, config: dict[str, Any], *, read_only: bool) -> duckdb.DuckDBPyConnection:
    with storage_errors(path):
        return duckdb.connect(path.absolute(), read_only=read_only, config=config)  # ":memory:" is a name like any


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what DuckDB raises into three lines and an exit code."""
    try:
        yield
    except duckdb.Error as error:
        raise _ours(path, str(error)) from error


def _ours(path: Path, text: str) -> OrusageError:
    cause = text.partition("\n")[0]
    if "Could not set lock" in text:
        holder = _HOLDER.search(text)
        return TryAgainLaterError(
            f"{path} is in use",
            cause=f"process {holder[2]} ({holder[1]}) has it open" if holder else cause,
            fix="wait for it to end, or close it, and run the same command again",
        )
    if "not a valid DuckDB database file" in text:
        return UnexpectedInputError(
            f"{path} is not a warehouse", cause="it is not a DuckDB file", fix="name another file with -w"
        )
    if "database file with version number" in text:
        return ConfigurationError(f"{path} cannot be read", cause=cause, fix="upgrade the duckdb package")
    if "Permission denied" in text or "Read-only file system" in text:
        return CannotCreateError(
            f"{path} cannot be opened for writing", cause=cause, fix="check its owner and mode, or name another with -w"
        )
    return StorageError(f"{path} failed", cause=cause, fix="check the disk's space and health, then run it again")
