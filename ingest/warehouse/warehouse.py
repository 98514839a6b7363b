"""The DuckDB file as a run writes it: schema, ledger and facts.

One transaction per chunk of new IDs and per batch of outcomes; whatever fails inside one rolls back whole. What is
inserted is looked up first, in the range of the batch's own seconds, for there is no key to refuse a duplicate.
Times are UTC without zone.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from ingest.core.errors import OrusageError, StorageError
from ingest.core.generation_id import READY_AGE, ready_at
from ingest.core.outcomes import Dead, Outcome, Pending, Settled, WorkItem
from ingest.core.remembered_rate import RememberedRate
from ingest.core.settings import EARLIEST, LATEST
from ingest.core.sightings import Checkpoint, Chunk, SourceRead
from ingest.warehouse import sql_files
from ingest.warehouse.checks import Expected, verify
from ingest.warehouse.erasure import erase, without_erased
from ingest.warehouse.frames import normalize
from ingest.warehouse.migrations import is_current, migrate
from ingest.warehouse.rollups import refresh
from ingest.warehouse.staging import find_new, for_each_era, unique_ids, with_call_sites, with_incoming
from ingest.warehouse.storage.connection import open_for_reading, refuse_impossible, storage_errors, transaction
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.storage.published_file import wal_of, without_writers
from ingest.warehouse.storage.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from ingest.core.run_stats import RunStats
    from ingest.core.settings import Settings
    from ingest.warehouse.erasure import Erased
    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")

_TIME = pl.Datetime("us")
_SOURCES = {
    "source": pl.String(),
    "fingerprint": pl.String(),
    "position": pl.Int64(),
    "size": pl.Int64(),
    "complete": pl.Boolean(),
    "sightings": pl.Int64(),
    "problem": pl.String(),
    "last_read_at": _TIME,
    "run_id": pl.String(),
    "file": pl.String(),
    "signature": pl.String(),
    "covered": pl.Int64(),
    "resume_at": pl.Int64(),
    "line": pl.Int64(),
    "coded": pl.Boolean(),
    "tail": pl.String(),
    "checksum": pl.Int64(),
    "exhausted": pl.Boolean(),
}
_UNSETTLED = {
    "generation_id": pl.String(),
    "requested_at": _TIME,
    "state": pl.String(),
    "requests": pl.Int64(),
    "charged": pl.Boolean(),
    "not_before": _TIME,
    "last_status": pl.Int64(),
    "reason": pl.String(),
}


ADDED = 120_000
"""IDs added in one transaction: from 122,880 rows on DuckDB would write into the file before the commit."""

PAGE = 5_000
"""IDs claimed from the ledger at a time, so that memory does not grow with the backlog."""


class Warehouse:
    """A warehouse that is read as it was published until something is stored, and then written in a private copy.

    It is created or brought up to date if need be. Use it as a context manager: the end publishes what was stored, but
    for an end that nobody expected, a failing disk, or a publish that has just failed; then the work copy waits.

    Args:
        path: The file.
        now: The wall clock, for all that is noted.
        doing: What for; told to whoever waits for the lock.
        bounded: Use little memory, which contents of many megabytes do not fit into.
        lock_wait: How long to wait for a run that writes, or a program that has the published file open for writing.

    Attributes:
        path: The file.
        migrated: The migrations that were applied.

    Raises:
        UnexpectedInputError: the file is no DuckDB file, or no warehouse of ours.
        ConfigurationError: its schema is newer than this program.
        TryAgainLaterError: another run writes to it.
        OrusageError: it cannot be opened, see `ingest.warehouse.storage.connection`.
    """

    def __init__(
        self,
        path: Path,
        now: datetime,
        doing: str = "ingest",
        *,
        bounded: bool = True,
        lock_wait: LockWait = NO_WAIT,
    ) -> None:
        refuse_impossible(path)
        self.path = path
        self._now = now
        self._doing = doing
        self._lock_wait = lock_wait
        self._workspace = Workspace(path, bounded=bounded)
        self._mutex = RLock()
        self._open: duckdb.DuckDBPyConnection | None = None
        self._run_started: dict[str, object] | None = None
        self._is_run_noted = False
        self._days: set[date] | None = set()
        self._publish_failed = False
        self.migrated: list[str] = []
        try:
            self._begin_if_need_be()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        is_worth_it = error is None or (isinstance(error, OrusageError) and not isinstance(error, StorageError))
        try:
            if is_worth_it and not self._publish_failed:
                self.publish()
        except OrusageError as failure:
            if error is None:
                raise
            log.warning("%s (%s)", failure.what, failure.cause)
        finally:
            self.close()

    def close(self) -> None:
        """Leave things as they are, once a publish that is under way is done."""
        with self._mutex:
            self._disconnect()
            self._workspace.unlock()

    def _begin_if_need_be(self) -> None:
        """Write at once where nothing is to be read: no file, a log beside it, an older schema, a run that died."""
        with storage_errors(self.path):
            if self._workspace.exists:
                self._workspace.lock(self._doing, self._now, self._lock_wait)
            with without_writers(self._workspace.published, self._lock_wait):
                pass  # a file that is open for writing cannot be opened for reading either
        is_readable = self.path.exists() and not wal_of(self._workspace.published).exists()
        if self._workspace.work_copies or not is_readable or not is_current(self._connection, self.path):
            self._writable()

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """For reading: the work copy if one is begun, else the published file."""
        if self._open is None:
            self._open = self._opened_work() if self._workspace.work else open_for_reading(self.path)
        return self._open

    def _writable(self) -> duckdb.DuckDBPyConnection:
        """For writing: the work copy."""
        if self._workspace.work is None:
            self._disconnect()
            with storage_errors(self.path):
                self._workspace.lock(self._doing, self._now, self._lock_wait)
                was_left = bool(self._workspace.work_copies)
                self._open = self._opened_work()
                was_current = self._bring_up_to_date(self._open, is_new=not was_left)
                self._days = None if was_left or not was_current else set()
            self._announce()
        return self._connection

    def _bring_up_to_date(self, work: duckdb.DuckDBPyConnection, *, is_new: bool) -> bool:
        """Returns whether there was nothing to do; else what is made of the facts may be defined otherwise now."""
        try:
            was_current = is_current(work, self.path)
            self.migrated += migrate(work, self.path, self._now.replace(tzinfo=None))
        except BaseException:
            self._disconnect()
            if is_new:
                self._workspace.discard()
            raise
        return was_current

    def _opened_work(self) -> duckdb.DuckDBPyConnection:
        with storage_errors(self.path):
            return self._workspace.begin(self._now, self._lock_wait)

    def _disconnect(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    # Publishing

    @property
    def unpublished(self) -> int:
        """Bytes committed since the last publish."""
        return self._workspace.wal_size

    def publish(self, *, packed: bool = False) -> bool:
        """Make what was stored what people read.

        Args:
            packed: Write the file anew, without the space that deleted rows take.

        Returns:
            Whether there was anything to publish.

        Raises:
            OrusageError: it could not be done; nothing that was committed is lost.
        """
        with self._mutex:
            if self._workspace.work is None:
                return False
            self._publish_failed = True
            days = None if self._days is None else frozenset(self._days)
            expected = Expected(self._rows("checks/count_rows"), days)
            self._disconnect()
            finish = partial(refresh, days=days)
            check = partial(verify, published=self._workspace.published, expected=expected)
            with storage_errors(self.path):
                self._workspace.publish(finish, check, self._now, self._lock_wait, packed=packed)
            self._days, self._publish_failed = set(), False
            return True

    # Runs

    def start_run(self, run_id: str, version: str, base_url: str, now: datetime) -> None:
        """Announce a run; it is noted when something is stored, so that a night without news writes nothing."""
        self._run_started = {"run_id": run_id, "now": _naive(now), "version": version, "base_url": base_url}
        if self._workspace.work:
            self._announce()

    def _announce(self) -> None:
        if self._run_started:
            self._run("runs/start_run", **self._run_started)
            self._is_run_noted = True

    def finish_run(
        self, run_id: str, stats: RunStats, exit_code: int, now: datetime, rate_limit: float | None = None
    ) -> None:
        """Note a run's counts and its end, and the limit it measured, in requests per second; None if it met none.

        A run that stored nothing is not noted.
        """
        if not self._is_run_noted:
            return
        self._run(
            "runs/finish_run",
            run_id=run_id,
            now=_naive(now),
            bytes_read=stats.bytes_read,
            sightings=stats.sightings,
            new_ids=stats.new_ids,
            requests=stats.requests,
            settled=stats.settled,
            pending=stats.pending,
            dead=stats.dead,
            throttled=stats.throttled,
            overloaded=stats.overloaded,
            spend_added=stats.spend,
            waste=stats.waste if stats.requests else None,
            throttled_seconds=stats.held_back,
            request_ms_p50=_ms(stats.request_times.quantile(0.5)),
            request_ms_p95=_ms(stats.request_times.quantile(0.95)),
            rate_limit=rate_limit,
            exit_code=exit_code,
        )

    def remembered_rate(self, host: str) -> RememberedRate | None:
        """The limit last measured at a host."""
        for rate, burst, learned_at in self._rows("runs/remembered_rate", host=host):
            return RememberedRate(rate, burst, learned_at.replace(tzinfo=UTC))
        return None

    def remember_rate(self, host: str, learned: RememberedRate, run_id: str) -> None:
        """Keep the limit a run measured at a host, in place of the one before."""
        with self._transaction():
            self._run("runs/delete_rate", host=host)
            self._run(
                "runs/insert_rate",
                host=host,
                rate=learned.rate,
                burst=learned.burst,
                learned_at=_naive(learned.learned_at),
                run_id=run_id,
            )

    # The ledger

    def checkpoints(self) -> list[Checkpoint]:
        """Where reading goes on in each source that was read before."""
        return [Checkpoint(*row) for row in self._rows("ledger/checkpoints")]

    def add(self, chunk: Chunk, run_id: str, now: datetime) -> int:
        """Store a chunk: the IDs that are neither in the ledger nor settled, and how far their sources were read.

        Returns:
            How many IDs were new.
        """
        reads = [r for r in chunk.reads if not r.unchanged or r.checkpoint]
        if not chunk.sightings and self._is_unchanged(_described(reads, run_id, now)):
            return 0
        with self._mutex, storage_errors(self.path):
            work = self._writable()
            new = without_erased(work, find_new(work, unique_ids(chunk.sightings)))
        *slices, last = new.iter_slices(ADDED) if len(new) else [new]
        for some in slices:
            with self._transaction(taken_in=len(some)):
                self._add(with_call_sites(some, chunk.sightings), now)
        if len(last) or reads:
            with self._transaction(taken_in=len(last)):
                self._add(with_call_sites(last, chunk.sightings), now)
                self._describe(reads, run_id, now)
        return len(new)

    def _is_unchanged(self, described: pl.DataFrame) -> bool:
        """Whether this is what the last run said of these sources: an empty file is not news every night."""
        if described.is_empty():
            return True
        with self._mutex, storage_errors(self.path):
            known = with_incoming(self._connection, described, sql_files.query("ledger/count_unchanged_sources"))
        return known == len(described)

    def _add(self, rows: pl.DataFrame, now: datetime) -> None:
        with_incoming(self._connection, rows, sql_files.query("ledger/add_work"), {"now": _naive(now)})
        self._mark_changed(rows["requested_at"].dt.date())

    def _mark_changed(self, days: pl.Series) -> None:
        """Note the days of rows, whose checks are to run and whose rollups are to be made anew before publishing."""
        if self._days is not None:
            self._days.update(days.unique().drop_nulls())

    def _describe(self, reads: Sequence[SourceRead], run_id: str, now: datetime) -> None:
        frame = _described(reads, run_id, now)
        with_incoming(self._connection, frame, sql_files.query("ledger/delete_sources"))
        with_incoming(self._connection, frame, sql_files.query("ledger/insert_sources"))

    def count_due(self, settings: Settings, now: datetime) -> int:
        """How many IDs a run that starts now may ask."""
        since, until = _naive(settings.since), _naive(settings.until)
        return int(self._rows("ledger/count_due", now=_naive(now), since=since, until=until)[0][0])

    def count_overdue(self, settings: Settings, now: datetime) -> int:
        """How many IDs are still pending though they are past the grace."""
        since, until = _naive(settings.since), _naive(min(settings.until, now - settings.not_found_grace))
        return int(self._rows("ledger/count_overdue", since=since, until=until)[0][0])

    def ready(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """What was due when fetching began and is old enough to be asked at once, newest first."""
        for row in self._claimed("ledger/claim_ready", settings, began, LATEST):
            yield _item(row)

    def recent(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """What was due but for its age, with the moment from which it may be asked, the soonest first."""
        for row in self._claimed("ledger/claim_recent", settings, began, EARLIEST):
            yield _item(row, began)

    def _claimed(self, name: str, settings: Settings, began: datetime, first: datetime) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that claims pages, page by page, from the time `first` on."""
        after_id, after_time = "", _naive(first)
        while rows := self._rows(
            name,
            now=_naive(began),
            since=_naive(settings.since),
            until=_naive(settings.until),
            newest_ready=_naive(began - READY_AGE),
            after_time=after_time,
            after_id=after_id,
            page=PAGE,
        ):
            yield from rows
            after_id, after_time = rows[-1][0], rows[-1][1] or _naive(EARLIEST)

    def has_ids(self) -> bool:
        """Whether any ID was ever seen."""
        return bool(self._rows("ledger/has_ids")[0][0])

    # The facts

    def commit(self, outcomes: Sequence[Outcome], run_id: str) -> None:
        """Store a batch: the rows of the settled IDs and the new states of the others, all or nothing."""
        frames = normalize([o for o in outcomes if isinstance(o, Settled)], run_id)
        with self._transaction():
            self._mark_changed(frames.generations["requested_day"])
            for_each_era(self._connection, frames.generations, "facts/insert_generations")
            for_each_era(self._connection, frames.provider_attempts, "facts/insert_provider_attempts")
            for_each_era(self._connection, frames.generation_contents, "facts/insert_generation_contents")
            for_each_era(self._connection, frames.generations, "ledger/delete_settled_work")
            for_each_era(self._connection, _unsettled(outcomes), "ledger/update_work")

    # Upkeep

    def forget(self, before: datetime | None, user: str | None, now: datetime) -> Erased:
        """Erase what is older than `before`, or a user's generations; it is not taken in again.

        What was erased leaves the file when that is published packed.
        """
        with self._transaction():
            self._days = None  # they are of all days
            return erase(self._connection, _naive(before), user, now.replace(tzinfo=None))

    def compact(self) -> None:
        """Publish the file written anew, whether or not anything was stored."""
        self._writable()
        self.publish(packed=True)

    # Plumbing

    def _run(self, name: str, /, **parameters: object) -> None:
        with self._mutex, storage_errors(self.path):
            self._writable().execute(sql_files.query(name), parameters)

    def _rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        with self._mutex, storage_errors(self.path):
            return self._connection.execute(sql_files.query(name), parameters).fetchall()

    @contextmanager
    def _transaction(self, taken_in: int = 0) -> Iterator[None]:
        """All or nothing, on the work copy, with so many IDs taken in.

        A failed COMMIT may have been stored all the same: then the file, opened anew, knows its number.
        """
        with self._mutex, storage_errors(self.path):
            connection, number = self._writable(), None
            self._publish_failed = False  # there is something new to try it with
            try:
                with transaction(connection):
                    yield
                    [(number,)] = connection.execute(
                        sql_files.query("storage/count_commit"), {"taken_in": taken_in}
                    ).fetchall()
            except duckdb.Error:
                if number is None:
                    raise
                self._disconnect()
                if self._rows("storage/last_commit") != [(number,)]:
                    raise


def _described(reads: Sequence[SourceRead], run_id: str, now: datetime) -> pl.DataFrame:
    rows = [_described_row(read, run_id, now) for read in {r.source: r for r in reads}.values()]
    return pl.DataFrame(rows, _SOURCES, orient="row")


def _described_row(read: SourceRead, run_id: str, now: datetime) -> tuple[Any, ...]:
    c = read.checkpoint
    checkpoint: tuple[Any, ...] = (None,) * 8
    if c:
        checkpoint = (c.file, c.signature, c.stored, c.position, c.line, c.coded, c.tail, c.checksum)
    return (
        read.source,
        c.fingerprint if c else None,
        read.position,
        read.size,
        read.complete,
        read.sightings,
        c.problem if c else read.problem,
        _naive(now),
        run_id,
        *checkpoint,
        c.done if c else None,
    )


def _unsettled(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    rows = [_unsettled_row(o) for o in outcomes if not isinstance(o, Settled)]
    return pl.DataFrame(rows, _UNSETTLED, orient="row")


def _unsettled_row(outcome: Pending | Dead) -> tuple[Any, ...]:
    item = outcome.item
    state, charged, not_before = ("dead", True, None)
    if isinstance(outcome, Pending):
        state, charged, not_before = "pending", outcome.charged, _naive(outcome.not_before)
    return (
        item.generation_id,
        _naive(item.requested_at),
        state,
        outcome.requests,
        charged,
        not_before,
        outcome.status,
        outcome.reason,
    )


def _item(row: tuple[Any, ...], began: datetime | None = None) -> WorkItem:
    """A claimed row; with the moment when fetching began, as one that is to wait until it is ripe."""
    generation_id, second, source, position, runs, last_status, reason, line, logged_at, log_fields = row
    item = WorkItem(
        generation_id,
        _aware(second),
        source,
        position,
        runs,
        last_status,
        reason,
        line=line,
        logged_at=_aware(logged_at),
        log_fields=log_fields,
    )
    return replace(item, due_at=ready_at(item.requested_at, began)) if began and item.requested_at else item


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _aware(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time else None


def _naive(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=None) if time else None
