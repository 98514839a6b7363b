"""The DuckDB file as a run writes it: schema, ledger and facts.

One transaction per chunk of new IDs and per batch of outcomes; whatever fails inside one rolls back whole. What is
inserted is looked up first, in the range of the batch's own seconds, for there is no key to refuse a duplicate.
Times are UTC without zone.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from ingest import sql
from ingest.checkpoints import Checkpoints
from ingest.errors import ConfigurationError, UnexpectedInputError
from ingest.incoming import find_new, for_each_era, identified, sighted, with_incoming
from ingest.models import (
    Checkpoint,
    Chunk,
    Dead,
    Outcome,
    Pending,
    RememberedRate,
    Settled,
    SourceRead,
    WorkItem,
)
from ingest.normalize import normalize
from ingest.order import RIPE_AGE, ripe_at
from ingest.reader import is_ours
from ingest.settings import EARLIEST, LATEST
from ingest.storage import open_writable, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.settings import Settings
    from ingest.tally import Tally

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
    """A warehouse opened for writing, created or brought up to date if need be; use it as a context manager.

    It uses little memory if `bounded`, which contents of many megabytes do not fit into.

    Raises:
        UnexpectedInputError: the file is no DuckDB file, or no warehouse of ours.
        ConfigurationError: its schema is newer than this program.
        OrusageError: it cannot be opened, see `ingest.storage`.
    """

    def __init__(self, path: Path, now: datetime, *, bounded: bool = True) -> None:
        self.path = path
        self._connection = open_writable(path, bounded=bounded)
        try:
            with storage_errors(path):
                self._migrate(_naive(now))
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _migrate(self, now: datetime | None) -> None:
        if not is_ours(self._connection):
            self._begin_schema()
        applied: dict[int, str] = dict(self._rows("applied_migrations"))
        self._refuse_newer(applied)
        for migration in sql.migrations():
            if migration.number not in applied:
                with self._transaction():
                    self._connection.execute(migration.text)
                    self._run("record_migration", number=migration.number, name=migration.name, now=now)
        if applied.get(0) != sql.views_digest():
            with self._transaction():
                for view in sql.views():
                    self._connection.execute(view.text)
                self._run("forget_views")
                self._run("record_migration", number=0, name=sql.views_digest(), now=now)

    def _begin_schema(self) -> None:
        if self._rows("any_table"):
            raise UnexpectedInputError(
                f"{self.path} is not an orusage warehouse",
                cause="it is a DuckDB file with tables of somebody else",
                fix="name another file with -w; it will be created",
            )
        with self._transaction():
            self._connection.execute(sql.query("create_migrations_table"))

    def _refuse_newer(self, applied: Mapping[int, str]) -> None:
        newest = sql.migrations()[-1].number
        if max(applied, default=0) > newest:
            raise ConfigurationError(
                f"{self.path} was written by a newer orusage",
                cause=f"its schema is number {max(applied)}, this program knows {newest}",
                fix="upgrade orusage; reading (query, views, status) still works",
            )

    # Runs

    def start_run(self, run_id: str, version: str, base_url: str, now: datetime) -> None:
        """Announce a run."""
        self._run("start_run", run_id=run_id, now=_naive(now), version=version, base_url=base_url)

    def finish_run(
        self, run_id: str, tally: Tally, exit_code: int, now: datetime, rate_limit: float | None = None
    ) -> None:
        """Note a run's counts and its end, and the limit it measured, in requests per second; None if it met none."""
        self._run(
            "finish_run",
            run_id=run_id,
            now=_naive(now),
            bytes_read=tally.bytes_read,
            sightings=tally.sightings,
            new_ids=tally.new_ids,
            requests=tally.requests,
            settled=tally.settled,
            pending=tally.pending,
            dead=tally.dead,
            throttled=tally.throttled,
            overloaded=tally.overloaded,
            spend_added=tally.spend,
            waste=tally.waste if tally.requests else None,
            throttled_seconds=tally.held_back,
            request_ms_p50=_ms(tally.request_times.quantile(0.5)),
            request_ms_p95=_ms(tally.request_times.quantile(0.95)),
            rate_limit=rate_limit,
            exit_code=exit_code,
        )

    def remembered_rate(self, host: str) -> RememberedRate | None:
        """The limit last measured at a host."""
        for rate, burst, learned_at in self._rows("remembered_rate", host=host):
            return RememberedRate(rate, burst, learned_at.replace(tzinfo=UTC))
        return None

    def remember_rate(self, host: str, learned: RememberedRate, run_id: str) -> None:
        """Keep the limit a run measured at a host, in place of the one before."""
        with self._transaction():
            self._run("forget_rate", host=host)
            self._run(
                "record_rate",
                host=host,
                rate=learned.rate,
                burst=learned.burst,
                learned_at=_naive(learned.learned_at),
                run_id=run_id,
            )

    # The ledger

    def checkpoints(self) -> Checkpoints:
        """Where reading goes on in each source that was read before."""
        return Checkpoints(Checkpoint(*row) for row in self._rows("checkpoints"))

    def add(self, chunk: Chunk, run_id: str, now: datetime) -> int:
        """Store a chunk: the IDs that are neither in the ledger nor settled, and how far their sources were read.

        Returns:
            How many IDs were new.
        """
        with storage_errors(self.path):
            new = find_new(self._connection, identified(chunk.sightings))
        reads = [r for r in chunk.reads if not r.unchanged or r.checkpoint]
        *slices, last = new.iter_slices(ADDED) if len(new) else [new]
        for some in slices:
            with self._transaction():
                self._add(sighted(some, chunk.sightings), now)
        if len(last) or reads:
            with self._transaction():
                self._add(sighted(last, chunk.sightings), now)
                self._describe(reads, run_id, now)
        return len(new)

    def _add(self, rows: pl.DataFrame, now: datetime) -> None:
        with_incoming(self._connection, rows, sql.query("add_work"), {"now": _naive(now)})

    def _describe(self, reads: Sequence[SourceRead], run_id: str, now: datetime) -> None:
        frame = _described(reads, run_id, now)
        with_incoming(self._connection, frame, sql.query("forget_sources"))
        with_incoming(self._connection, frame, sql.query("record_sources"))

    def count_due(self, settings: Settings, now: datetime) -> int:
        """How many IDs a run that starts now may ask."""
        since, until = _naive(settings.since), _naive(settings.until)
        return int(self._rows("count_due", now=_naive(now), since=since, until=until)[0][0])

    def count_overdue(self, settings: Settings, now: datetime) -> int:
        """How many IDs are still pending though they are past the grace."""
        since, until = _naive(settings.since), _naive(min(settings.until, now - settings.not_found_grace))
        return int(self._rows("count_overdue", since=since, until=until)[0][0])

    def ripe(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """What was due when fetching began and is old enough to be asked at once, newest first."""
        for row in self._claimed("claim_ripe", settings, began, LATEST):
            yield _item(row)

    def young(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """What was due but for its age, with the moment from which it may be asked, the soonest first."""
        for row in self._claimed("claim_young", settings, began, EARLIEST):
            yield _item(row, began)

    def _claimed(self, name: str, settings: Settings, began: datetime, first: datetime) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that claims pages, page by page, from the time `first` on."""
        after_id, after_time = "", _naive(first)
        while rows := self._rows(
            name,
            now=_naive(began),
            since=_naive(settings.since),
            until=_naive(settings.until),
            newest_ripe=_naive(began - RIPE_AGE),
            after_time=after_time,
            after_id=after_id,
            page=PAGE,
        ):
            yield from rows
            after_id, after_time = rows[-1][0], rows[-1][1] or _naive(EARLIEST)

    def has_ids(self) -> bool:
        """Whether any ID was ever seen."""
        return bool(self._rows("has_ids")[0][0])

    # The facts

    def commit(self, outcomes: Sequence[Outcome], run_id: str) -> None:
        """Store a batch: the rows of the settled IDs and the new states of the others, all or nothing."""
        frames = normalize([o for o in outcomes if isinstance(o, Settled)], run_id)
        with self._transaction():
            for_each_era(self._connection, frames.generations, "insert_generations")
            for_each_era(self._connection, frames.provider_attempts, "insert_provider_attempts")
            for_each_era(self._connection, frames.generation_contents, "insert_generation_contents")
            for_each_era(self._connection, frames.generations, "delete_settled_work")
            for_each_era(self._connection, _unsettled(outcomes), "update_work")

    # Plumbing

    def _run(self, name: str, /, **parameters: object) -> None:
        with storage_errors(self.path):
            self._connection.execute(sql.query(name), parameters)

    def _rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        with storage_errors(self.path):
            return self._connection.execute(sql.query(name), parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing. A COMMIT after a failed statement would report success and store nothing."""
        with storage_errors(self.path):
            self._connection.begin()
            try:
                yield
                self._connection.commit()
            except BaseException:
                with suppress(duckdb.Error):  # what a failed commit leaves is no transaction any more
                    self._connection.rollback()
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
    return replace(item, due_at=ripe_at(item.requested_at, began)) if began and item.requested_at else item


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _aware(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time else None


def _naive(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=None) if time else None
