"""Inspects everything a run depends on, without changing anything."""

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
from ingest.warehouse.storage.connection import DamagedError, open_for_reading, storage_errors
from ingest.warehouse.storage.lock import holder, is_held
from ingest.warehouse.storage.published_file import wal_of, wal_size
from ingest.warehouse.storage.soundness import require_sound
from ingest.warehouse.storage.work_directory import WorkDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK, NOTICE, BAD = "ok", "look", "bad"

DAMAGE = "damage"
"""The check of a finding that part of the file cannot be read."""


class Finding(NamedTuple):
    """One result: what was inspected, its state (``ok``, ``look`` or ``bad``), and a detail."""

    check: str
    state: str
    detail: str


def examine(path: Path) -> list[Finding]:
    """Inspect versions, file, lock, leftovers and free space, every column of every table, and all check views.

    Args:
        path: The warehouse; it need not exist.
    """
    directory = WorkDirectory(path.resolve())
    is_at_work = is_held(directory.lock_file)
    found = [*_versions(), *_file(directory), _lock(directory, is_at_work=is_at_work)]
    return [*found, *_leftovers(directory, is_at_work=is_at_work), _free_space(directory), *_checks(directory)]


def _versions() -> Iterator[Finding]:
    yield Finding("orusage", OK, f"{__version__}, schema {sql_files.migrations()[-1].number}")
    yield Finding("python", OK, f"{platform.python_version()}, duckdb {duckdb.__version__}, polars {pl.__version__}")


def _file(directory: WorkDirectory) -> Iterator[Finding]:
    path = directory.published
    if not path.exists():
        yield Finding("file", NOTICE, f"{path} does not exist yet")
        return
    found = path.stat()
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    yield Finding("file", OK, f"{path}, {found.st_size / 1e6:,.1f} MB, mode {mode}")
    if wal_of(path).exists():
        yield Finding("stray log", NOTICE, f"{wal_of(path)} was left by another program; the next run quarantines it")


def _lock(directory: WorkDirectory, *, is_at_work: bool) -> Finding:
    if is_at_work:
        return Finding("lock", NOTICE, holder(directory.lock_file) or "held")
    return Finding("lock", OK, "free")


def _leftovers(directory: WorkDirectory, *, is_at_work: bool) -> Iterator[Finding]:
    for work in directory.work_copies:
        whose = "of the run that holds the lock" if is_at_work else "of a run that did not end; the next continues it"
        yield Finding(
            "work copy", OK if is_at_work else NOTICE, f"{work}, {wal_size(work) / 1e6:,.1f} MB to publish, {whose}"
        )
    for kept in directory.quarantined:
        yield Finding("quarantine", NOTICE, f"{kept}, {kept.stat().st_size / 1e6:,.1f} MB; inspect it, then remove it")


def _free_space(directory: WorkDirectory) -> Finding:
    parent = directory.published.parent
    if not parent.is_dir():
        return Finding("space", BAD, f"there is no directory {parent}")
    free = shutil.disk_usage(parent).free
    needed = 2 * directory.published.stat().st_size if directory.published.exists() else 0
    state = OK if free >= needed else BAD
    return Finding("space", state, f"{free / 1e6:,.0f} MB are free, two copies of the file take {needed / 1e6:,.1f} MB")


def _checks(directory: WorkDirectory) -> Iterator[Finding]:
    path = directory.published
    if not path.exists():
        return
    try:
        with storage_errors(path), open_for_reading(path) as connection:
            count = require_sound(connection, path)
            yield Finding("content", OK, f"every column of {count} tables was read")
            if not is_current(connection, path):
                yield Finding("schema", NOTICE, "older than this program's; the next run brings it up to date")
                return
            [(number, storage)] = connection.execute(sql_files.query("storage/file_version")).fetchall()
            yield Finding("schema", OK, f"{number}, written for DuckDB {storage}")
            found = sorted(map(str, violations(connection)))
    except DamagedError as error:
        yield Finding(DAMAGE, BAD, f"{error.what}: {error.cause}; {error.fix}")
        return
    except OrusageError as error:
        yield Finding("file opens", BAD, f"{error.what}: {error.cause}")
        return
    for violation in found:
        yield Finding("check", BAD, violation)
    if not found:
        yield Finding("checks", OK, f"{len(sql_files.checks())} check views are empty")
