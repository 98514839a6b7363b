"""The directory beside a warehouse in which a run works: a private copy, and what becomes the next published file.

The file that people query is never written in place: a kill, or a torn write, during a checkpoint can make a DuckDB
file unreadable. A run commits into the write-ahead log of a private copy, whose file is never checkpointed. To publish,
copy and log are cloned, the clone is checkpointed, verified, and renamed over the published file.

In ``<warehouse>.work/`` lie::

    lock                    held while somebody works here
    work-<identity>.duckdb  the work copy; named for the state of the published file it was copied from
    copy.duckdb             a work copy that is being made
    next.duckdb             the clone that is being published
    packed.duckdb           the same, written anew
    publishing              its identity, written before the rename: tells whether that was done
    quarantine-…             what could not be used; kept
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from ingest.core.errors import StorageError
from ingest.warehouse.storage.connection import DamagedError, checkpoint, is_ours, open_work, pack
from ingest.warehouse.storage.durable_files import (
    NOWHERE,
    copy,
    identity,
    identity_of,
    make_private,
    require_space,
    sync,
    take_over_access,
)
from ingest.warehouse.storage.lock import Lock
from ingest.warehouse.storage.published_file import (
    quarantine,
    quarantine_path,
    quarantine_wal,
    wal_of,
    wal_size,
    without_writers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")


class Workspace:
    """Where a run works on a warehouse.

    Args:
        published: The warehouse.
        bounded: Whether DuckDB is to use little memory.

    Attributes:
        published: The file people query, links resolved.
        directory: Where the work is done.
        work: The work copy; None unless one was begun here.
    """

    def __init__(self, published: Path, *, bounded: bool = True) -> None:
        self.published = published.resolve()
        self.directory = self.published.with_name(f"{self.published.name}.work")
        self.work: Path | None = None
        self._lock = Lock(self.lock_file)
        self._bounded = bounded
        self._is_locked = False

    @property
    def exists(self) -> bool:
        """Whether anybody ever worked here."""
        return os.path.lexists(self.directory)

    @property
    def holds_anything(self) -> bool:
        """Whether there is a warehouse: a published file, or what a first run that died has left."""
        return self.published.exists() or bool(self.work_copies)

    @property
    def work_copies(self) -> list[Path]:
        """The work copies that lie here: one at most, of a run that did not end."""
        return sorted(self.directory.glob("work-*.duckdb"))

    @property
    def quarantined(self) -> list[Path]:
        """What was kept for somebody to look at."""
        return sorted(self.directory.glob("quarantine-*"))

    @property
    def lock_file(self) -> Path:
        """What is locked while somebody works here."""
        return self.directory / "lock"

    @property
    def wal_size(self) -> int:
        """Bytes committed since the work copy was begun."""
        return wal_size(self.work) if self.work else 0

    @property
    def _note_of_publishing(self) -> Path:
        return self.directory / "publishing"

    def lock(self, doing: str, now: datetime, lock_wait: LockWait) -> None:
        """Keep everybody else out, and tidy up what a run that died has left.

        Raises:
            TryAgainLaterError: somebody works here.
            CannotCreateError: the directory cannot be made or is none of ours.
        """
        if not self._is_locked:
            make_private(self.directory)
            self._lock.acquire(doing, now, lock_wait)
            self._is_locked = True
            self._tidy()

    def unlock(self) -> None:
        """Let others in."""
        self._lock.release()
        self._is_locked = False

    # Beginning

    def begin(self, now: datetime, lock_wait: LockWait) -> duckdb.DuckDBPyConnection:
        """Open the work copy: the one that is at work, that of a run that died, or a new one.

        Raises:
            OrusageError: there is no room, the published file is open for writing, or opening failed.
        """
        if self.work:
            return open_work(self.work, bounded=self._bounded)
        resumed = self._resume(now)
        if resumed:
            return resumed
        self.work = self._copy_published(lock_wait)
        return open_work(self.work, bounded=self._bounded)

    def _resume(self, now: datetime) -> duckdb.DuckDBPyConnection | None:
        """The work copy of a run that died, if it descends from the published file as that is now, and opens."""
        for left in self.work_copies:
            if left != self._work_copy_of(identity_of(self.published)):
                self._give_up(left, now, f"does not descend from {self.published.name} as it is now")
                continue
            try:
                connection = open_work(left, bounded=self._bounded)
            except DamagedError as error:
                self._give_up(left, now, f"does not open ({error.cause})")
                continue
            if is_ours(connection) or not self.published.exists():
                self.work = left
                return connection
            connection.close()
            self._give_up(left, now, "is empty")
        return None

    def _give_up(self, left: Path, now: datetime, why: str) -> None:
        """Keep a work copy for somebody to look at. Its log goes first: alone, that would be taken for junk."""
        if wal_of(left).exists():
            target = quarantine_path(self.directory, left.name, now)
            wal_of(left).rename(wal_of(target))
        quarantine(left, self.directory, now, f"{why}, so its IDs are found and asked for again")
        sync(self.directory)

    def _copy_published(self, lock_wait: LockWait) -> Path:
        fresh = self.directory / "copy.duckdb"
        with self._removed_on_failure(fresh), without_writers(self.published, lock_wait) as published:
            work = self._work_copy_of(identity(published) if published else NOWHERE)
            if published:
                if copy(published, fresh):
                    require_space(self.directory, fresh.stat().st_size)  # else the run could not publish
            else:
                open_work(fresh, bounded=self._bounded).close()
            sync(fresh)
        fresh.rename(work)
        sync(self.directory)
        return work

    def _work_copy_of(self, identity: str) -> Path:
        return self.directory / f"work-{identity}.duckdb"

    def discard(self) -> None:
        """Remove a work copy into which nothing was committed."""
        if self.work:
            self._remove(self.work)
            self.work = None

    # Publishing

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
            finish: Writes into the clone, given open, what is made of what was committed.
            verify: Raises if the clone it is given is not fit to be published.
            now: The wall clock.
            lock_wait: How long to wait for somebody who has the published file open for writing.
            packed: Write the clone anew, without the space that deleted rows take.

        Raises:
            OrusageError: it could not be done; the work copy is kept, and the next run, or the next try, goes on.
        """
        if self.work:
            with without_writers(self.published, lock_wait):
                quarantine_wal(self.published, self.directory, now)  # with a foreign one, nobody could read it
            with self._removed_on_failure(clone := self.directory / "next.duckdb"):
                self._clone(self.work, clone, finish, packed=packed)
                verify(clone)
                self._replace(clone, self.work, now, lock_wait)
            published, self.work = self.work, None  # whatever happens now
            self._remove(published)
            self._note_of_publishing.unlink()

    def _clone(
        self, work: Path, clone: Path, finish: Callable[[duckdb.DuckDBPyConnection], None], *, packed: bool
    ) -> None:
        require_space(self.directory, wal_size(work))
        for old, new in ((work, clone), (wal_of(work), wal_of(clone))):
            if old.exists():
                with old.open("rb") as file:
                    copy(file, new)
        checkpoint(clone, finish, bounded=self._bounded)
        if packed:
            with self._removed_on_failure(fresh := self.directory / "packed.duckdb"):
                pack(clone, fresh, bounded=self._bounded)
                fresh.replace(clone)
        if wal_of(clone).exists():
            raise StorageError(
                f"{self.published} could not be published",
                cause=f"{wal_of(clone)} is still there after a checkpoint",
                fix="run the same command again; what was committed is safe",
            )

    def _replace(self, clone: Path, work: Path, now: datetime, lock_wait: LockWait) -> None:
        if self.published.exists():
            take_over_access(self.published, clone)
        else:
            clone.chmod(0o600)
        sync(clone)
        self._note(identity_of(clone))
        with without_writers(self.published, lock_wait) as published:
            quarantine_wal(self.published, self.directory, now)
            if published and work != self._work_copy_of(identity(published)):
                self._keep_replaced(published, now)
            clone.replace(self.published)
            quarantine_wal(self.published, self.directory, now)
        sync(self.published.parent)

    def _keep_replaced(self, published: BinaryIO, now: datetime) -> None:
        """Somebody else changed the published file since it was copied: it is replaced, but not lost."""
        kept = quarantine_path(self.directory, self.published.name, now)
        copy(published, kept)
        sync(kept)
        log.warning("%s was changed by another program; what it was then is kept as %s", self.published, kept)

    def _note(self, identity: str) -> None:
        with self._note_of_publishing.open("w", encoding="ascii") as file:
            file.write(identity)
            file.flush()
            os.fsync(file.fileno())
        sync(self.directory)

    # Tidying up

    def _tidy(self) -> None:
        """Remove what is worth nothing: unfinished copies, logs without their file, and what was published."""
        for name in ("copy.duckdb", "next.duckdb", "packed.duckdb"):
            self._remove(self.directory / name)
        for wal in self.directory.glob("work-*.duckdb.wal"):
            if not wal.with_suffix("").exists():
                wal.unlink()
        for spilled in self.directory.glob("*.tmp"):
            shutil.rmtree(spilled, ignore_errors=True)
        note = self._note_of_publishing
        if note.exists():
            if note.read_text(encoding="ascii") == identity_of(self.published):
                sync(self.published.parent)  # its new name is on the disk before what it came from is gone
                for work in self.work_copies:
                    self._remove(work)
            note.unlink()

    @contextmanager
    def _removed_on_failure(self, unfinished: Path) -> Iterator[None]:
        """What does not come to be whole is not to fill the disk until the next run."""
        self._remove(unfinished)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                self._remove(unfinished)
            raise

    def _remove(self, database: Path) -> None:
        """Remove a database. Its log goes last: a file without its log would be an older state."""
        database.unlink(missing_ok=True)
        if wal_of(database).exists():
            sync(self.directory)
            wal_of(database).unlink()
        shutil.rmtree(database.with_name(f"{database.name}.tmp"), ignore_errors=True)
