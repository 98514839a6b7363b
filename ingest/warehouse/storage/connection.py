"""Opening DuckDB files, and the translation of DuckDB's errors."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.core.errors import (
    CannotCreateError,
    ConfigurationError,
    NoInputError,
    OrusageError,
    StorageError,
    TryAgainLaterError,
    UnexpectedInputError,
    UsageError,
)
from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STORAGE_VERSION = "v1.4.0"
"""The storage version of new files. DuckDB 1.4, 1.5 and 2.x read it; older clients refuse DuckDB 2's default."""

BOUNDED: dict[str, Any] = {"memory_limit": "128MB", "threads": 2}
"""DuckDB's limits while a run writes. Without a limit its cache grows with the warehouse, and so does each thread's."""

EXPORTING: dict[str, Any] = {"memory_limit": "400MB", "threads": 1}
"""DuckDB's limits for an export; larger results are sorted on disk. One thread, because two would not add floats in the
same order each time."""

AMBIGUOUS = ("ops", "information_schema", "pg_catalog")
"""Schemas that our SQL names. DuckDB calls a file by its name up to the first point, and takes ``ops.runs`` in a file
called ``ops`` for a relation of either."""

_HOLDER = re.compile(r"held in (\S+).*?\(PID (\d+)\)")
_NO_DUCKDB = re.compile(r"not a valid DuckDB database file|sqlite_scanner|Loading external extensions is disabled")
"""For an SQLite file DuckDB wants an extension, which is neither loaded nor downloaded."""
_FOREIGN_LOG = re.compile(r"WAL (does not match|checkpoint iteration does not match)")
_NO_MEMORY = re.compile(
    r"Out of Memory|Cannot allocate memory|bad_alloc|failed to (pin|allocate|offload)|could not (pin|allocate|offload)",
    re.IGNORECASE,
)
_FROM_OUTSIDE = re.compile(
    r"No space left|quota exceeded|File too large|Input/output error|Permission denied|Read-only file system|"
    rf"Could not set lock|Too many open files|{_NO_MEMORY.pattern}",
    re.IGNORECASE,
)
"""Errors of the machine, not of the file."""
_DAMAGED = re.compile(
    r"Corrupt|checksum|INTERNAL Error|Serialization Error|Could not read (enough bytes|from file)|not enough bytes|"
    r"Failed to load metadata|invalid UTF|database has been invalidated",
    re.IGNORECASE,
)
"""Errors of DuckDB that nothing but a changed byte in the file explains."""


def catalog_of(path: Path) -> str:
    """The name by which DuckDB calls a file when it is opened, in lower case."""
    return path.name.lstrip(".").partition(".")[0].lower()


def refuse_impossible(path: Path) -> None:
    """Refuse a path at which no warehouse can be.

    Raises:
        UsageError: DuckDB would confuse the file's name with a schema.
        UnexpectedInputError: there is something else than a regular file.
        CannotCreateError: its directory does not exist.
    """
    for name in (path, path.resolve()):
        if catalog_of(name) in AMBIGUOUS:
            raise UsageError(
                f"{name} is no name for a warehouse",
                cause=f"DuckDB would call it {catalog_of(name)!r}, as a schema in it is called, and could read no view",
                fix="rename it, or name another file with -w",
            )
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


class DamagedError(StorageError):
    """A database that DuckDB cannot read, and not because of the disk, the memory or access rights."""


class NoMemoryError(StorageError):
    """DuckDB needed more memory than it was allowed, or than there is."""


def open_work(path: Path, *, bounded: bool) -> duckdb.DuckDBPyConnection:
    """Open a file so that commits go into its write-ahead log only; a missing file is created.

    Args:
        path: The file.
        bounded: Limit DuckDB's memory (`BOUNDED`); values of many megabytes do not fit into the limit.

    Raises:
        DamagedError: it does not open.
        OrusageError: as `storage_errors` says.
    """
    config = {"storage_compatibility_version": STORAGE_VERSION, "checkpoint_threshold": "1TB"}
    try:
        connection = duckdb.connect(path.absolute(), config={**config, **_bounds(bounded=bounded)})
    except duckdb.Error as error:
        raise damage(path, error) from error
    connection.execute(sql_files.query("storage/never_checkpoint"))
    return connection


def checkpoint(path: Path, finish: Callable[[duckdb.DuckDBPyConnection], None], *, bounded: bool) -> None:
    """Merge a file's write-ahead log into the file. An interruption can damage this file, and no other.

    Args:
        path: The file.
        finish: Writes derived tables into the open file first.
        bounded: Limit DuckDB's memory.

    Raises:
        OrusageError: as `storage_errors` says.
    """
    with storage_errors(path), duckdb.connect(path.absolute(), config=_bounds(bounded=bounded)) as connection:
        finish(connection)
        connection.execute(sql_files.query("storage/checkpoint"))  # closing would checkpoint too, and hide a failure


def pack(old: Path, new: Path, *, bounded: bool) -> None:
    """Write a database anew, without the space and the content of deleted rows.

    Args:
        old: The database.
        new: The new file, which must be named ``packed.duckdb`` and not exist.
        bounded: Limit DuckDB's memory.

    Raises:
        OrusageError: as `storage_errors` says.
    """
    config = {"storage_compatibility_version": STORAGE_VERSION, **_bounds(bounded=bounded)}
    quoted = str(old.absolute()).replace("'", "''")
    with storage_errors(new), duckdb.connect(new.absolute(), config=config) as connection:
        connection.execute(sql_files.query("storage/pack").replace("$path", quoted))


def open_for_reading(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file read-only, so that no statement can write, reach another file or the network, or load code.

    Raises:
        NoInputError: there is no such file.
        UnexpectedInputError: it is not a regular file.
        OrusageError: as `storage_errors` says.
    """
    _require(path)
    config: dict[str, Any] = {"enable_external_access": "false"}
    with storage_errors(path):
        connection = duckdb.connect(path.absolute(), read_only=True, config=config)  # ":memory:" is a name like any
    connection.execute(sql_files.query("storage/lock_down"))
    return connection


def open_for_exporting(path: Path, directory: Path, *, bounded: bool = True) -> duckdb.DuckDBPyConnection:
    """The same, but COPY may write below one directory. Data that does not fit into memory is spilled there too.

    Args:
        path: The file.
        directory: The directory.
        bounded: Limit DuckDB's memory (`EXPORTING`); rows of many megabytes do not fit into the limit.

    Raises:
        NoInputError: there is no such file.
        UnexpectedInputError: it is not a regular file.
        OrusageError: as `storage_errors` says.
    """
    _require(path)
    directory = directory.absolute()
    limits = EXPORTING if bounded else {"threads": EXPORTING["threads"]}
    config = {**limits, "temp_directory": str(directory / "spilled"), "autoload_known_extensions": "false"}
    with storage_errors(path):
        connection = duckdb.connect(path.absolute(), read_only=True, config=config)
    quoted = str(directory).replace("'", "''")
    connection.execute(sql_files.query("storage/allow_writing").replace("$path", quoted))
    connection.execute(sql_files.query("storage/lock_down"))
    return connection


def _require(path: Path) -> None:
    refuse_impossible(path)
    if not path.exists():
        raise no_warehouse(path)


def no_warehouse(path: Path) -> NoInputError:
    """The error for a warehouse that does not exist, or is not published yet."""
    if path.with_name(f"{path.name}.work").exists():
        cause = "the first run has published nothing yet"
        fix = "wait for it; if it died, run `orusage warehouse publish`, or the same command again"
    else:
        cause = "nothing was ingested here yet, or it lies elsewhere"
        fix = "run `orusage ingest` first, or name the file with -w"
    return NoInputError(f"there is no warehouse {path}", cause=cause, fix=fix)


def _bounds(*, bounded: bool) -> dict[str, Any]:
    return BOUNDED if bounded else {}


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing. Rolls back on every exception: a COMMIT after a failed statement stores nothing, silently."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a failed commit leaves no transaction
            connection.rollback()
        raise


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Translate the errors of DuckDB and the operating system into errors with three lines and an exit code."""
    try:
        yield
    except duckdb.Error as error:
        raise _translate_error(path, str(error)) from error
    except OSError as error:
        raise _translate_error(path, f"{error.strerror or error}: {error.filename or path}") from error


def _translate_error(path: Path, text: str) -> OrusageError:  # noqa: PLR0911  # one return per kind of error
    cause = text.partition("\n")[0]
    if "Could not set lock" in text:
        holder = _HOLDER.search(text)
        return TryAgainLaterError(
            f"{path} is in use",
            cause=f"process {holder[2]} ({holder[1]}) has it open" if holder else cause,
            fix="wait for it to end, or close it, and run the same command again",
        )
    if _NO_DUCKDB.search(text):
        return UnexpectedInputError(
            f"{path} is not a warehouse", cause="it is not a DuckDB file", fix="name another file with -w"
        )
    if "database file with version number" in text:
        return ConfigurationError(f"{path} cannot be read", cause=cause, fix="upgrade the duckdb package")
    if _FOREIGN_LOG.search(text):
        return StorageError(
            f"{path} cannot be read with the log beside it",
            cause=f"{path}.wal was left by a program that had an earlier state open for writing",
            fix="run `orusage warehouse publish`: it moves the log aside and keeps it",
        )
    if _NO_MEMORY.search(text):
        return NoMemoryError(
            f"{path}: there is not enough memory",
            cause=cause,
            fix="free some memory, or raise the limit of the process",
        )
    if _DAMAGED.search(text) and not _FROM_OUTSIDE.search(text):
        return _damaged(path, text)
    if "Permission denied" in text:
        return CannotCreateError(
            f"{path} cannot be opened", cause=cause, fix="check its owner and mode, or name another with -w"
        )
    return StorageError(f"{path} failed", cause=cause, fix="check the disk's space and health, then run it again")


def damage(path: Path, error: duckdb.Error) -> OrusageError:
    """The error for a statement that must succeed on every sound file: damage, unless the machine is the cause."""
    is_from_outside = _FROM_OUTSIDE.search(str(error))
    return _translate_error(path, str(error)) if is_from_outside else _damaged(path, str(error))


def is_damage(error: duckdb.Error) -> bool:
    """Whether a user's own statement failed because the file is damaged."""
    return _DAMAGED.search(str(error)) is not None and not _FROM_OUTSIDE.search(str(error))


def _damaged(path: Path, text: str) -> DamagedError:
    return DamagedError(
        f"{path} is damaged",
        cause=text.partition("\n")[0],
        fix="restore it from a copy; `orusage doctor` reads all of it and says what can be read",
    )


def is_out_of_memory(error: duckdb.Error) -> bool:
    """Whether a statement failed for want of memory."""
    return _NO_MEMORY.search(str(error)) is not None


def is_ours(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the open file is a warehouse of ours."""
    [(found,)] = connection.execute(sql_files.query("catalog/has_migrations_table")).fetchall()
    return bool(found)


def not_ours(path: Path) -> UnexpectedInputError:
    """The error for a DuckDB file of another program."""
    return UnexpectedInputError(
        f"{path} is not an orusage warehouse",
        cause="it is a DuckDB file without the table of applied migrations",
        fix="name another file with -w",
    )
