"""The work directory in use by one process: locked, with at most one work copy, from which it publishes.

The published file is never written in place. A run commits into the write-ahead log of a private work copy, whose file
is never checkpointed, and publishes a verified clone of it by renaming.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ingest.warehouse.storage import publication
from ingest.warehouse.storage.connection import NoMemoryError, open_work
from ingest.warehouse.storage.lock import Lock
from ingest.warehouse.storage.published_file import quarantine_wal, wal_size, without_writers
from ingest.warehouse.storage.work_copy import new_work_copy, open_leftover
from ingest.warehouse.storage.work_directory import WorkDirectory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")


class Workspace:
    """The work directory of a warehouse, as one process uses it.

    Args:
        warehouse: The warehouse; links are resolved.
        bounded: Limit DuckDB's memory, until something does not fit into the limit.

    Attributes:
        directory: The names inside the work directory.
        work: The work copy; None until `begin`, and again after `publish`.
        quarantined: Work copies of an earlier run that the last `begin` could not use, under their new names.
    """

    def __init__(self, warehouse: Path, *, bounded: bool = True) -> None:
        self.directory = WorkDirectory(warehouse.resolve())
        self.work: Path | None = None
        self.quarantined: list[Path] = []
        self._lock = Lock(self.directory.lock_file)
        self._bounded = bounded
        self._is_locked = False

    @property
    def published(self) -> Path:
        """The file that people query, links resolved."""
        return self.directory.published

    @property
    def holds_anything(self) -> bool:
        """Whether there is a warehouse: a published file, or the work copy of a first run that did not end."""
        return self.published.exists() or bool(self.directory.work_copies)

    @property
    def wal_size(self) -> int:
        """Bytes committed to the work copy."""
        return wal_size(self.work) if self.work else 0

    def lock(self, purpose: str, now: datetime, lock_wait: LockWait) -> None:
        """Lock out other runs, and clean up after a run that did not end.

        Raises:
            TryAgainLaterError: another run holds the lock.
            CannotCreateError: the directory cannot be created, is something else, or holds files of somebody else.
        """
        if not self._is_locked:
            self.directory.prepare()
            self._lock.acquire(purpose, now, lock_wait)
            self._is_locked = True
            self.directory.remove_leftovers()
            publication.finish_interrupted(self.directory)

    def unlock(self) -> None:
        """Release the lock."""
        self._lock.release()
        self._is_locked = False

    def begin(self, now: datetime) -> duckdb.DuckDBPyConnection:
        """Open the work copy: the current one, that of a run that did not end, or a new one.

        Raises:
            OrusageError: there is no room, another program wrote to the published file meanwhile, or opening failed.
        """
        try:
            return self._begin(now)
        except NoMemoryError as error:  # its log is replayed into memory
            if not self.lift_bounds(error):
                raise
            return self._begin(now)

    def _begin(self, now: datetime) -> duckdb.DuckDBPyConnection:
        if self.work is None:
            leftover = open_leftover(self.directory, now, bounded=self._bounded)
            self.quarantined = leftover.quarantined
            if leftover.opened:
                self.work, connection = leftover.opened
                return connection
            self.work = new_work_copy(self.directory, bounded=self._bounded)
        return open_work(self.work, bounded=self._bounded)

    def lift_bounds(self, error: Exception) -> bool:
        """Let DuckDB take the memory that it needs, from the next opening on; False if it was allowed to already."""
        if self._bounded:
            log.info("DuckDB's memory is no longer limited for this run: %s", str(error).partition("\n")[0])
        was_bounded, self._bounded = self._bounded, False
        return was_bounded

    def discard(self) -> None:
        """Remove a work copy into which nothing was committed."""
        if self.work:
            self.directory.remove(self.work)
            self.work = None

    def publish(
        self,
        finish: Callable[[duckdb.DuckDBPyConnection], None],
        verify: Callable[[Path], None],
        now: datetime,
        lock_wait: LockWait,
        *,
        packed: bool,
    ) -> None:
        """Make the closed work copy the published file, and remove it.

        Args:
            finish: Writes derived tables into the open clone.
            verify: Raises if the clone must not be published.
            now: The wall clock, UTC.
            lock_wait: How long to wait for a program that has the published file open for writing.
            packed: Write the clone anew, without the space that deleted rows take.

        Raises:
            OrusageError: it could not be done. The work copy is kept; the next run or the next try continues with it.
        """
        if self.work:
            with without_writers(self.published, lock_wait):
                quarantine_wal(self.published, self.directory.path, now)  # with a foreign log nobody could read it
            with self.directory.removed_on_failure(clone := self.directory.path / "next.duckdb"):
                self._make_clone(self.work, clone, finish, packed=packed)
                verify(clone)
                publication.replace_published(self.directory, clone, self.work, now, lock_wait)
            published, self.work = self.work, None  # even if removing it fails
            self.directory.remove(published)
            self.directory.publish_marker.unlink()

    def _make_clone(
        self, work: Path, clone: Path, finish: Callable[[duckdb.DuckDBPyConnection], None], *, packed: bool
    ) -> None:
        try:
            publication.make_clone(self.directory, work, clone, finish, bounded=self._bounded, packed=packed)
        except NoMemoryError as error:
            if not self.lift_bounds(error):
                raise
            self.directory.remove(clone)
            publication.make_clone(self.directory, work, clone, finish, bounded=False, packed=packed)
