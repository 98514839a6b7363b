"""The published file, and what other people's programs do to it: locks they hold and write-ahead logs they leave."""

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
    """Where DuckDB keeps a file's write-ahead log."""
    return path.with_name(f"{path.name}.wal")


def wal_size(path: Path) -> int:
    """Bytes of a file's write-ahead log; 0 if it has none."""
    try:
        return wal_of(path).stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def without_writers(published: Path, lock_wait: LockWait) -> Iterator[BinaryIO | None]:
    """Keep everybody from opening the file for writing while the block runs; readers come and go.

    The value is the open file, None if there is none: to open and close it once more would drop the lock.

    A session that has it open finds its write-ahead log by name: it would write into the log of the next file.

    Raises:
        TryAgainLaterError: somebody has it open for writing, for longer than we wait.
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


def _is_shared(file: BinaryIO) -> bool:
    """Take the lock that DuckDB's readers take."""
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _in_use(published: Path) -> TryAgainLaterError:
    try:
        open_for_reading(published).close()  # DuckDB's own error tells who it is
    except TryAgainLaterError as error:
        return error
    return TryAgainLaterError(
        f"{published} is in use",
        cause="another program had it open for writing",
        fix="close it, and run the same command again; nothing is lost",
    )


def quarantine(path: Path, directory: Path, now: datetime, why: str) -> Path:
    """Move a file out of the way, for somebody to look at, and say so; returns where to."""
    target = quarantine_path(directory, path.name, now)
    path.rename(target)
    log.warning("%s %s; it is kept as %s", path, why, target)
    return target


def quarantine_path(directory: Path, name: str, now: datetime) -> Path:
    """A name in a directory that is free: quarantine, when, and what it was called."""
    stem, number = f"quarantine-{now:%Y%m%dT%H%M%SZ}", 1
    target = directory / f"{stem}-{name}"
    while os.path.lexists(target):
        number += 1
        target = directory / f"{stem}-{number}-{name}"
    return target


def quarantine_wal(published: Path, directory: Path, now: datetime) -> None:
    """Move the write-ahead log beside the published file away: it would replay into the next file of that name."""
    wal = wal_of(published)
    if os.path.lexists(wal):
        quarantine(wal, directory, now, f"was left by a program that had {published.name} open for writing")
