"""The ledger: which IDs were seen, what became of each, and how far each source was read.

`LedgerReader` answers questions and serves every open warehouse: the published file, a work copy, a dry run's copy in
memory. `Ledger` writes, inside a `WriteSession`. An ID is pending, settled or dead; a settled ID leaves the ledger in
the transaction that stores its facts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ingest.core.generation_id import AHEAD, READY_AGE, ready_at
from ingest.core.log_fields import key_of
from ingest.core.logged_usage import logged_usage_of
from ingest.core.outcomes import PendingIds, WorkItem
from ingest.core.settings import EARLIEST, LATEST
from ingest.core.sightings import Checkpoint
from ingest.warehouse import call_sites, logged_usages, sql_files
from ingest.warehouse.erasure import without_erased
from ingest.warehouse.ledger_frames import (
    earlier_names,
    first_usages,
    source_rows,
    unique_ids,
    unsettled_rows,
    work_rows,
)
from ingest.warehouse.staging import find_new, for_each_era, with_incoming
from ingest.warehouse.times import aware_utc, naive_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import duckdb
    import polars as pl

    from ingest.core.outcomes import Outcome
    from ingest.core.settings import Settings
    from ingest.core.sightings import Chunk, Sighting, SourceRead
    from ingest.warehouse.write_session import WriteSession

ADDED = 120_000
"""IDs added in one transaction: from 122,880 rows on DuckDB would write into the file before the commit."""

ADDED_TEXT = 16 * 2**20
"""Characters of kept fields after which a transaction ends. A commit keeps all of them in DuckDB's limited memory."""

PAGE = 5_000
"""IDs claimed from the ledger at a time, so that memory does not grow with the backlog."""


class Rows(Protocol):
    """Runs a named query with its parameters and returns all rows."""

    def __call__(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of ``sql/NAME.sql``."""


class LedgerReader:
    """Read-only queries of the ledger.

    Args:
        rows: Runs a named query on the open warehouse.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def checkpoints(self) -> list[Checkpoint]:
        """How far each source was read by earlier runs."""
        return [Checkpoint(*row) for row in self._rows("ledger/checkpoints")]

    def has_ids(self) -> bool:
        """Whether any ID was ever seen."""
        return bool(self._rows("ledger/has_ids")[0][0])

    def count_without_field(self, name: str) -> int:
        """How many known IDs have no kept field of this name."""
        return int(self._rows("ledger/count_without_field", key=key_of(name))[0][0])

    def count_due(self, settings: Settings, now: datetime) -> int:
        """How many IDs a run that starts now may request."""
        since, until = naive_utc(settings.since), naive_utc(settings.until)
        return int(self._rows("ledger/count_due", now=naive_utc(now), since=since, until=until)[0][0])

    def count_ahead(self, now: datetime) -> int:
        """How many pending IDs lie in the future, by more than clocks usually differ."""
        return int(self._rows("ledger/count_ahead", latest=naive_utc(now + AHEAD))[0][0])

    def count_overdue(self, settings: Settings, now: datetime) -> int:
        """How many IDs are still pending although they are older than the grace, and do not rest as missing."""
        since, until = naive_utc(settings.since), naive_utc(settings.until)
        newest = naive_utc(now - settings.not_found_grace)
        counted = self._rows(
            "ledger/count_overdue", now=naive_utc(now), since=since, until=until, newest_overdue=newest
        )
        return int(counted[0][0])

    def count_revivable(self, reason: str | None, since: datetime, now: datetime) -> dict[str | None, int]:
        """How many IDs are dead or rest until a later time, by reason, the most frequent first.

        Args:
            reason: Only IDs with this reason; None: all.
            since: Only IDs whose own second is not earlier.
            now: The wall clock, UTC.
        """
        return dict(self._rows("ledger/count_revivable", reason=reason, since=naive_utc(since), now=naive_utc(now)))

    def pending(self, now: datetime) -> tuple[PendingIds, ...]:
        """What is pending, by reason, the most frequent first."""
        rows = self._rows("ledger/pending", now=naive_utc(now))
        return tuple(PendingIds(reason, ids, due, aware_utc(at)) for reason, ids, due, at in rows)

    def ready(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """The items that were due when fetching began and are at least `READY_AGE` old, newest first."""
        for row in self._claimed("ledger/claim_ready", settings, began, LATEST):
            yield _item(row)

    def recent(self, settings: Settings, began: datetime) -> Iterator[WorkItem]:
        """The due items that are younger than that, each with `due_at`, the soonest due first."""
        for row in self._claimed("ledger/claim_recent", settings, began, EARLIEST):
            yield _item(row, began)

    def _claimed(self, name: str, settings: Settings, began: datetime, first: datetime) -> Iterator[tuple[Any, ...]]:
        """The rows of a paged query, page by page, starting at the time `first`."""
        after_id, after_time = "", naive_utc(first)
        while rows := self._rows(
            name,
            now=naive_utc(began),
            since=naive_utc(settings.since),
            until=naive_utc(settings.until),
            newest_ready=naive_utc(began - READY_AGE),
            after_time=after_time,
            after_id=after_id,
            page=PAGE,
        ):
            yield from rows
            after_id, after_time = rows[-1][0], rows[-1][1] or naive_utc(EARLIEST)


class Ledger:
    """Writes to the ledger.

    Args:
        session: The write session whose work copy is changed.
    """

    def __init__(self, session: WriteSession) -> None:
        self._session = session

    def add(self, chunk: Chunk, run_id: str, now: datetime) -> int:
        """Store the chunk's new IDs, in slices, and with the last slice how far the chunk's sources were read.

        Returns:
            How many IDs were new.
        """
        reads = reads_to_store(chunk)
        new = unknown_ids(self._session.connection, chunk.sightings)
        added, usages = set(new["generation_id"]), first_usages(chunk.sightings, chunk.usages)
        call_sites.store_of_discovered(self._session, [s for s in chunk.sightings if s.generation_id not in added])
        logged_usages.add(self._session, {i: usages[i] for i in usages.keys() - added})
        *slices, last = _slices(new, chunk.sightings)
        for some in slices:
            self._store(work_rows(some, chunk, usages), now)
        if len(last) or reads:
            self._store(work_rows(last, chunk, usages), now, reads, run_id)
        return len(new)

    def resolve(self, settled: pl.DataFrame, outcomes: Sequence[Outcome]) -> None:
        """Remove the settled IDs and update the states of the others, inside a transaction of the session."""
        for_each_era(self._session.connection, settled, "ledger/delete_settled_work")
        for_each_era(self._session.connection, unsettled_rows(outcomes), "ledger/update_work")

    def revive(self, reason: str | None, since: datetime, now: datetime) -> None:
        """Make the IDs of `LedgerReader.count_revivable` pending and due, inside a transaction of the session."""
        self._session.execute("ledger/revive", reason=reason, since=naive_utc(since), now=naive_utc(now))

    def _store(self, ids: pl.DataFrame, now: datetime, reads: Sequence[SourceRead] = (), run_id: str = "") -> None:
        def write() -> None:
            self.insert(ids, now)
            if reads:
                self._replace_sources(source_rows(reads, run_id, now), earlier_names(reads))

        self._session.store(write, new_ids=len(ids))

    def insert(self, rows: pl.DataFrame, now: datetime) -> None:
        """Add new IDs with their call sites, as `with_call_sites` returns them, inside a transaction of the session."""
        with_incoming(self._session.connection, rows, sql_files.query("ledger/add_work"), {"now": naive_utc(now)})
        self._session.mark_changed(rows["requested_at"].dt.date())

    def _replace_sources(self, rows: pl.DataFrame, earlier: pl.DataFrame) -> None:
        if len(earlier):
            with_incoming(self._session.connection, earlier, sql_files.query("ledger/delete_renamed_sources"))
        with_incoming(self._session.connection, rows, sql_files.query("ledger/delete_sources"))
        with_incoming(self._session.connection, rows, sql_files.query("ledger/insert_sources"))


def _slices(ids: pl.DataFrame, sightings: Sequence[Sighting]) -> Iterator[pl.DataFrame]:
    """IDs in slices that fit into one transaction each; one empty slice if there are none.

    Args:
        ids: Some rows of `unique_ids`.
        sightings: The argument of `unique_ids`.
    """
    begin, text = 0, 0
    for end, place in enumerate(ids["place"]):
        text += len(sightings[place].log_fields or "")
        if text >= ADDED_TEXT or end - begin >= ADDED - 1:
            yield ids[begin : end + 1]
            begin, text = end + 1, 0
    if begin < len(ids) or not len(ids):
        yield ids[begin:]


def reads_to_store(chunk: Chunk) -> list[SourceRead]:
    """The chunk's reads that say more than the ledger already holds."""
    return [read for read in chunk.reads if not read.unchanged or read.checkpoint]


def unknown_ids(connection: duckdb.DuckDBPyConnection, sightings: Sequence[Sighting]) -> pl.DataFrame:
    """The rows of `unique_ids` whose IDs are not in the ledger, not settled and not erased on request."""
    return without_erased(connection, find_new(connection, unique_ids(sightings)))


def are_stored(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> bool:
    """Whether the ledger already holds exactly these `source_rows`: an empty log is not news every night."""
    return with_incoming(connection, rows, sql_files.query("ledger/count_unchanged_sources")) == len(rows)


def _item(row: tuple[Any, ...], began: datetime | None = None) -> WorkItem:
    """A claimed row as an item; with the start of fetching, `due_at` is set to when the ID becomes ready."""
    generation_id, second, source, position, runs, last_status, reason, *site, account, usage, byok_usage = row
    line, logged_at, log_fields = site
    item = WorkItem(
        generation_id,
        aware_utc(second),
        source,
        position,
        runs,
        last_status,
        reason,
        line=line,
        logged_at=aware_utc(logged_at),
        log_fields=log_fields,
        account=account,
        logged_usage=logged_usage_of(usage, byok_usage),
    )
    return replace(item, due_at=ready_at(item.requested_at, began)) if began and item.requested_at else item
