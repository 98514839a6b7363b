"""The warehouse of one run: the published file for reading, and a write session from the first thing worth storing.

Reading begins with the published file. The first call that stores something opens a `WriteSession`, whose work copy is
read from then on, until it is published. Times are UTC.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from ingest.core.errors import OrusageError, StorageError
from ingest.core.outcomes import Settled
from ingest.warehouse import call_sites, discoveries, erasure, facts, run_log, sql_files
from ingest.warehouse.billing import BillingStore
from ingest.warehouse.frames import normalize
from ingest.warehouse.ledger import Ledger, LedgerReader, are_stored, reads_to_store, unknown_ids
from ingest.warehouse.ledger_frames import source_rows
from ingest.warehouse.migrations import is_current
from ingest.warehouse.names import NameStore
from ingest.warehouse.recovery import recover_ids
from ingest.warehouse.storage.connection import open_for_reading, refuse_impossible, storage_errors
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.storage.publication import refuse_mount_point
from ingest.warehouse.storage.published_file import has_writer, wal_of
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.times import naive_utc
from ingest.warehouse.write_session import WriteSession

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.core.discovered import Discovery
    from ingest.core.name_records import Names
    from ingest.core.outcomes import Outcome
    from ingest.core.remembered_rate import RememberedRate
    from ingest.core.run_stats import RunStats
    from ingest.core.sightings import Chunk, Sighting
    from ingest.warehouse.billing import BillingAnswers
    from ingest.warehouse.call_sites import Rereading
    from ingest.warehouse.erasure import Erased
    from ingest.warehouse.frames import Frames
    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")


class Warehouse:
    """A warehouse as a run uses it. A context manager: leaving it publishes what was stored.

    It does not publish after an unexpected error, after a disk error, or right after a publish that failed; the work
    copy is then kept for the next run. The file is created, or its schema brought up to date, when that is needed.

    Args:
        path: The file.
        now: The wall clock, UTC; noted with everything that is stored.
        purpose: The command, such as ``ingest``; shown to a run that waits for the lock.
        bounded: Limit DuckDB's memory; contents of many megabytes do not fit into the limit.
        lock_wait: How long to wait for another run, and before publishing for a program that writes to the file.

    Attributes:
        path: The file.
        migrated: Names of the migrations that were applied.
        quarantined: Work copies of earlier runs that could not be published; their IDs were taken over.
        ledger: Read-only queries of the ledger.

    Raises:
        UnexpectedInputError: the file is no DuckDB file, or no warehouse of ours.
        ConfigurationError: its schema is newer than this program.
        CannotCreateError: the file is a mount point, so that no other can be renamed over it.
        TryAgainLaterError: another run holds the lock.
        OrusageError: the file cannot be opened, as `storage_errors` says.
    """

    def __init__(
        self,
        path: Path,
        now: datetime,
        purpose: str = "ingest",
        *,
        bounded: bool = True,
        lock_wait: LockWait = NO_WAIT,
    ) -> None:
        refuse_impossible(path)
        self.path = path
        self.migrated: list[str] = []
        self.quarantined: list[Path] = []
        self.ledger = LedgerReader(lambda name, /, **parameters: self._rows(name, **parameters))
        self._now = now
        self._purpose = purpose
        self._lock_wait = lock_wait
        self._workspace = Workspace(path, bounded=bounded)
        refuse_mount_point(self._workspace.published)
        self._mutex = RLock()
        self._published: duckdb.DuckDBPyConnection | None = None
        self._session: WriteSession | None = None
        self._only_reads = False
        self._run_log = run_log.RunLog()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        is_worth_publishing = error is None or (isinstance(error, OrusageError) and not isinstance(error, StorageError))
        has_failed = self._session is not None and self._session.publish_failed
        try:
            if is_worth_publishing and not has_failed:
                self.publish()
        except OrusageError as failure:
            if error is None:
                raise
            log.warning("%s (%s)", failure.what, failure.cause)
        finally:
            self.close()

    def close(self) -> None:
        """Close without publishing. A publish that is under way ends first."""
        with self._mutex:
            self._close_published()
            if self._session:
                self._session.close()
            self._workspace.unlock()

    # Opening

    def _open(self) -> None:
        """Open a write session at once where the published file cannot serve.

        It is missing or has an older schema, a log lies beside it, another program has it open for writing, or a run
        that did not end left a work copy.
        """
        with storage_errors(self.path):
            if self._workspace.directory.exists:
                self._lock()
            has_leftover = bool(self._workspace.directory.work_copies)
            is_in_use = has_writer(self._workspace.published)
        if is_in_use:
            log.warning("%s is open for writing in another program; nothing is published until it is closed", self.path)
        is_readable = self.path.exists() and not wal_of(self._workspace.published).exists() and not is_in_use
        if has_leftover or not is_readable or not is_current(self._connection, self.path):
            self._begin_session()
            self._only_reads = is_in_use and not has_leftover and not self.migrated

    def _lock(self) -> None:
        self._workspace.lock(self._purpose, self._now, self._lock_wait)

    def _begin_session(self) -> WriteSession:
        self._close_published()
        with storage_errors(self.path):
            self._lock()
            session = WriteSession(self._workspace, self.path, self._now, self._lock_wait)
            self._session = session
            self.migrated += session.migrated
            self.quarantined += self._workspace.quarantined
            recover_ids(session, self._workspace.quarantined, self._now)
            self._run_log.store(session)
        return session

    def _close_published(self) -> None:
        if self._published is not None:
            self._published.close()
            self._published = None

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The work copy of the write session, else the published file, open read-only."""
        if self._session:
            return self._session.connection
        if self._published is None:
            self._published = open_for_reading(self.path)
        return self._published

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._mutex, storage_errors(self.path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[WriteSession]:
        with self._mutex, storage_errors(self.path):
            session = self._session or self._begin_session()
            if self._only_reads:
                self._only_reads = False
                self._run_log.store(session)
            yield session

    def _rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return connection.execute(sql_files.query(name), parameters).fetchall()

    # Storing

    def start_run(self, run_id: str, version: str, base_url: str, now: datetime) -> None:
        """Announce a run. Its record is stored together with the first thing it stores."""
        self._run_log.start(run_id, version, base_url, now)
        if self._session and not self._only_reads:
            with self._writing() as session:
                self._run_log.store(session)

    def finish_run(
        self, run_id: str, stats: RunStats, exit_code: int, now: datetime, rate_limit: float | None = None
    ) -> None:
        """Store a run's counts and its end, as `run_log.finish_run`; nothing for a run that stored nothing."""
        if self._run_log.is_stored:
            with self._writing() as session:
                run_log.finish_run(session, run_id, stats, exit_code, now, rate_limit)

    def remembered_rate(self, host: str, account: str | None) -> RememberedRate | None:
        """The rate limit last measured at a host for an account; None if none was."""
        return run_log.remembered_rate(self._rows, host, account)

    def remember_rate(self, host: str, account: str | None, learned: RememberedRate, run_id: str) -> None:
        """Store the rate limit a run measured at a host for an account, in place of the one before."""
        with self._writing() as session:
            run_log.remember_rate(session, host, account, learned, run_id)

    def add(self, chunk: Chunk, run_id: str, now: datetime) -> int:
        """Store a chunk: the IDs that are neither in the ledger nor settled, and how far their sources were read.

        Returns:
            How many IDs were new.
        """
        if not chunk.sightings and (self._can_wait(chunk) or self._holds(chunk, run_id, now)):
            return 0
        with self._writing() as session:
            return Ledger(session).add(chunk, run_id, now)

    def has_new(self, sightings: Sequence[Sighting]) -> bool:
        """Whether any of these IDs is neither in the ledger, nor settled, nor erased on request."""
        with self._reading() as connection:
            return not unknown_ids(connection, sightings).is_empty()

    def read_again(self, rereading: Rereading, sightings: Sequence[Sighting]) -> int:
        """Replace the call sites of known IDs by those that were read again.

        Returns:
            How many IDs have another call site now.
        """
        with self._reading() as connection:
            changes = rereading.changes(connection, sightings)
        if changes:
            with self._writing() as session:
                call_sites.store(session, changes)
        return len(changes)

    def _can_wait(self, chunk: Chunk) -> bool:
        """Whether only names or times of sources changed, which is not worth waiting for a program that writes."""
        return self._only_reads and all(read.unchanged for read in chunk.reads)

    def _holds(self, chunk: Chunk, run_id: str, now: datetime) -> bool:
        """Whether the ledger holds what the chunk says of its sources already, so that nothing is to be stored."""
        rows = source_rows(reads_to_store(chunk), run_id, now)
        if rows.is_empty():
            return True
        with self._reading() as connection:
            return are_stored(connection, rows)

    def asked_windows(self, account: str | None) -> list[tuple[datetime, datetime, datetime]]:
        """The windows that Analytics was asked about, as `discoveries.asked`."""
        return discoveries.asked(self._rows, account)

    def shared_key_names(self, account: str | None) -> dict[str, list[str]]:
        """The names that several keys of an account have, with the hashes of these keys."""
        return discoveries.shared_key_names(self._rows, account)

    def add_discovery(self, discovery: Discovery, run_id: str, now: datetime) -> int:
        """Store what Analytics or a CSV told, in one transaction; returns how many IDs were new."""
        with self._writing() as session:
            return discoveries.store(session, discovery, run_id, now)

    def commit(self, outcomes: Sequence[Outcome], run_id: str) -> None:
        """Store a batch in one transaction: the facts of the settled IDs and the new states of the others."""
        frames = normalize([outcome for outcome in outcomes if isinstance(outcome, Settled)], run_id)
        with self._writing() as session:
            session.store(partial(_append, session, frames, outcomes))

    def add_billing(self, answers: BillingAnswers, now: datetime, account: str | None = None) -> None:
        """Store what OpenRouter's billing endpoints told, see `BillingStore.add`."""
        with self._writing() as session:
            BillingStore(session, now, account).add(answers)

    def add_names(self, names: Names, now: datetime, account: str | None = None) -> None:
        """Store the names of API keys, workspaces and people, see `NameStore.add`."""
        with self._writing() as session:
            NameStore(session, now, account).add(names)

    def revive(self, reason: str | None, since: datetime, now: datetime) -> dict[str | None, int]:
        """Make dead and resting IDs due for the next run; returns how many by reason, as `count_revivable`."""
        revived = self.ledger.count_revivable(reason, since, now)
        if revived:
            with self._writing() as session, session.transaction():
                Ledger(session).revive(reason, since, now)
        return revived

    def forget(self, before: datetime | None, user: str | None, now: datetime) -> Erased:
        """Erase what is older than `before`, or a user's generations; those IDs are never added again.

        The erased rows leave the file when it is published packed, as `compact` does.
        """
        with self._writing() as session, session.transaction():
            session.mark_all_changed()
            return erasure.erase(session.connection, naive_utc(before), user, naive_utc(now))

    def count_forgettable(self, before: datetime | None, user: str | None) -> Erased:
        """What `forget` would erase."""
        with self._reading() as connection:
            return erasure.count(connection, naive_utc(before), user)

    # Publishing

    @property
    def unpublished(self) -> int:
        """Bytes committed since the last publish."""
        return self._workspace.wal_size

    def publish(self, *, packed: bool = False) -> bool:
        """Make everything stored visible to readers.

        Args:
            packed: Write the file anew, without the space that deleted rows take.

        Returns:
            Whether there was anything to publish.

        Raises:
            OrusageError: it could not be done; nothing that was committed is lost.
        """
        with self._mutex, storage_errors(self.path):
            if self._session is None or self._has_only_read():
                return False
            try:
                self._session.publish(packed=packed)
            finally:
                if self._workspace.work is None:  # published, even if tidying up failed afterwards
                    self._session = None
            return True

    def _has_only_read(self) -> bool:
        """Whether the work copy only stood in for a published file that another program is writing to; removes it."""
        if not (self._session and self._only_reads):
            return False
        self._session.close()
        self._session = None
        self._workspace.discard()
        return True

    def compact(self) -> None:
        """Publish the file written anew, even if nothing was stored."""
        with self._writing():
            self.publish(packed=True)


def _append(session: WriteSession, frames: Frames, outcomes: Sequence[Outcome]) -> None:
    session.mark_changed(frames.generations["requested_day"])
    facts.append(session.connection, frames)
    Ledger(session).resolve(frames.generations, outcomes)
