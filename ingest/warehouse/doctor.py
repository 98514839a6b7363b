"""A look at everything a run depends on, without changing anything."""

from __future__ import annotations

import platform
import shutil
import stat
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import polars as pl

from ingest.core.errors import OrusageError
from ingest.core.version import __version__
from ingest.warehouse import sql_files
from ingest.warehouse.checks import violations
from ingest.warehouse.migrations import is_current
from ingest.warehouse.storage.connection import open_for_reading, storage_errors
from ingest.warehouse.storage.lock import holder, is_held
from ingest.warehouse.storage.published_file import wal_of, wal_size
from ingest.warehouse.storage.work_directory import WorkDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK, TOLD, BAD = "ok", "look", "bad"


class Finding(NamedTuple):
    """What was looked at, how it is (``ok``, ``look`` or ``bad``), and what was seen."""

    check: str
    state: str
    detail: str


def examine(path: Path) -> list[Finding]:
    """Versions, file, lock, leftovers and space, and all check views over the whole file.

    Args:
        path: The warehouse; it need not exist.
    """
    space = WorkDirectory(path.resolve())
    is_at_work = is_held(space.lock_file)
    found = [*_versions(), *_file(space), _lock(space, is_at_work=is_at_work)]
    return [*found, *_leftovers(space, is_at_work=is_at_work), _room(space), *_checks(space)]


def _versions() -> Iterator[Finding]:
    yield Finding("orusage", OK, f"{__version__}, schema {sql_files.migrations()[-1].number}")
    yield Finding("python", OK, f"{platform.python_version()}, duckdb {duckdb.__version__}, polars {pl.__version__}")


def _file(space: WorkDirectory) -> Iterator[Finding]:
    path = space.published
    if not path.exists():
        yield Finding("file", TOLD, f"{path} does not exist yet")
        return
    found = path.stat()
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    yield Finding("file", OK, f"{path}, {found.st_size / 1e6:,.1f} MB, mode {mode}")
    if wal_of(path).exists():
        yield Finding("stray log", TOLD, f"{wal_of(path)} was left by another program; the next run moves it aside")


def _lock(space: WorkDirectory, *, is_at_work: bool) -> Finding:
    if is_at_work:
        return Finding("lock", TOLD, holder(space.lock_file) or "held")
    return Finding("lock", OK, "free")


def _leftovers(space: WorkDirectory, *, is_at_work: bool) -> Iterator[Finding]:
    for work in space.work_copies:
        whose = "of the run that holds the lock" if is_at_work else "of a run that died; the next run goes on from it"
        yield Finding(
            "work copy", OK if is_at_work else TOLD, f"{work}, {wal_size(work) / 1e6:,.1f} MB to publish, {whose}"
        )
    for kept in space.quarantined:
        yield Finding(
            "quarantine", TOLD, f"{kept}, {kept.stat().st_size / 1e6:,.1f} MB; remove it when it was looked at"
        )


def _room(space: WorkDirectory) -> Finding:
    directory = space.published.parent
    if not directory.is_dir():
        return Finding("space", BAD, f"there is no directory {directory}")
    free = shutil.disk_usage(directory).free
    needed = 2 * space.published.stat().st_size if space.published.exists() else 0
    state = OK if free >= needed else BAD
    return Finding("space", state, f"{free / 1e6:,.0f} MB are free, two copies of the file take {needed / 1e6:,.1f} MB")


def _checks(space: WorkDirectory) -> Iterator[Finding]:
    path = space.published
    if not path.exists():
        return
    try:
        with storage_errors(path), open_for_reading(path) as connection:
            if not is_current(connection, path):
                yield Finding("schema", TOLD, "older than this program's; the next run brings it up to date")
                return
            [(number, storage)] = connection.execute(sql_files.query("storage/file_version")).fetchall()
            yield Finding("schema", OK, f"{number}, written for DuckDB {storage}")
            found = sorted(map(str, violations(connection)))
    except OrusageError as error:
        yield Finding("file opens", BAD, f"{error.what}: {error.cause}")
        return
    for violation in found:
        yield Finding("check", BAD, violation)
    if not found:
        yield Finding("checks", OK, f"{len(sql_files.checks())} check views are empty")
