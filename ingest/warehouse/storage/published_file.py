"""The published file, and the locks and write-ahead logs of other programs that open it."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ingest.core.errors import TryAgainLaterError
from ingest.warehouse.storage.connection import open_for_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")


def wal_of(path: Path) -> Path:
    """The path of a DuckDB file's write-ahead log."""
    return path.with_name(f"{path.name}.wal")


def wal_size(path: Path) -> int:
    """Bytes of a file's write-ahead log; 0 if it has none."""
    try:
        return wal_of(path).stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def without_writers(published: Path, lock_wait: LockWait) -> Iterator[BinaryIO | None]:
    """Keep other programs from opening the file for writing while the block runs; readers are not affected.

    A program that has the file open writes to its log by name, and would write into the log of the next file.

    Yields:
        The open file, None if it does not exist. Opening and closing it a second time would drop the lock.

    Raises:
        TryAgainLaterError: another program has it open for writing, for longer than `lock_wait`.
    """
    if not published.exists():
        yield None
        return
    with published.open("rb") as file:
        for _ in lock_wait.tries():
            if _is_shared(file):
                break
        else:
            raise _in_use(published)
        yield file


def has_writer(published: Path) -> bool:
    """Whether another program has the file open for writing."""
    if not published.exists():
        return False
    with published.open("rb") as file:
        return not _is_shared(file)


@contextmanager
def unchanged_while_read(published: Path) -> Iterator[BinaryIO | None]:
    """Read the file also while another program has it open for writing.

    It is then as that program's last checkpoint left it: what was committed since is in the program's own log.

    Yields:
        The open file, None if it does not exist. Other programs cannot open it for writing meanwhile.

    Raises:
        TryAgainLaterError: the other program wrote to the file meanwhile.
    """
    if not published.exists():
        yield None
        return
    with published.open("rb") as file:
        is_quiet, before = _is_shared(file), os.fstat(file.fileno())
        yield file
        after = os.fstat(file.fileno())
    if not is_quiet and (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _in_use(published)


def _is_shared(file: BinaryIO) -> bool:
    """Whether the lock that DuckDB's readers take could be taken."""
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _in_use(published: Path) -> TryAgainLaterError:
    cause = "another program had it open for writing"
    try:
        open_for_reading(published).close()  # DuckDB's own error names the process
    except TryAgainLaterError as error:
        cause = error.cause
    return TryAgainLaterError(
        f"{published} is in use",
        cause=cause,
        fix="close it, and run the same command again, or `orusage warehouse publish`; nothing is lost",
    )


def quarantine(path: Path, directory: Path, now: datetime, why: str) -> Path:
    """Rename a file into the work directory, for inspection, and log a warning; returns its new path."""
    target = quarantine_path(directory, path.name, now)
    path.rename(target)
    log.warning("%s %s; it is kept as %s", path, why, target)
    return target


def quarantine_path(directory: Path, name: str, now: datetime) -> Path:
    """A free name in the work directory: ``quarantine-TIME-NAME``, numbered if it is taken."""
    stem, number = f"quarantine-{now:%Y%m%dT%H%M%SZ}", 1
    target = directory / f"{stem}-{name}"
    while os.path.lexists(target):
        number += 1
        target = directory / f"{stem}-{number}-{name}"
    return target


def quarantine_wal(published: Path, directory: Path, now: datetime) -> None:
    """Quarantine the write-ahead log beside the published file: it would replay into the next file of that name."""
    wal = wal_of(published)
    if os.path.lexists(wal):
        quarantine(wal, directory, now, f"was left by a program that had {published.name} open for writing")
