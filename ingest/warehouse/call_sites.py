"""Reading logs again: the call sites of known IDs are replaced by what their lines tell now. No ID is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from ingest.core.log_fields import added, replaced
from ingest.core.logged_usage import logged_usage_of
from ingest.core.sightings import Sighting
from ingest.warehouse.ledger_frames import first_usages, unique_ids, with_call_sites
from ingest.warehouse.staging import fetch_each_era, for_each_era
from ingest.warehouse.times import aware_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    import duckdb

    from ingest.core.logged_usage import LoggedUsage
    from ingest.warehouse.write_session import WriteSession

UPDATED = 20_000
"""IDs updated in one transaction, so that DuckDB's memory is bounded."""


class _Known(NamedTuple):
    """An ID of the warehouse with the call site that is stored; the columns of ``find_known``."""

    generation_id: str
    is_settled: bool
    day: date | None
    source: str
    position: int | None
    line: int | None
    logged_at: datetime | None
    log_fields: str | None
    logged_usage: Decimal | None
    logged_byok_usage: Decimal | None


class Changed(NamedTuple):
    """A new call site of a known ID.

    Attributes:
        sighting: The ID with the new call site.
        is_settled: Whether the ID is settled.
        day: The day of its request.
    """

    sighting: Sighting
    is_settled: bool
    day: date | None


class Rereading:
    """Which sightings of a run that reads logs again replace what is stored. Of several the first with fields does.

    Args:
        asked: Names of the fields to keep.
    """

    def __init__(self, asked: Sequence[str]) -> None:
        self._asked = asked
        self._done: set[int] = set()

    def changes(
        self,
        connection: duckdb.DuckDBPyConnection,
        sightings: Sequence[Sighting],
        further: Sequence[tuple[str, LoggedUsage]] = (),
    ) -> list[Changed]:
        """The call sites that differ from those that are stored.

        Args:
            connection: The warehouse.
            sightings: What was read.
            further: What further lines of the same IDs tell that those cost.
        """
        first: dict[str, Sighting] = {}
        usages = first_usages(sightings, further)
        for sighting in sightings:
            before = first.get(sighting.generation_id)
            if sighting.position is not None and (not before or (sighting.log_fields and not before.log_fields)):
                first[sighting.generation_id] = sighting
        left = [s for s in first.values() if hash(s.generation_id) not in self._done]
        known = fetch_each_era(connection, unique_ids(left).drop("place"), "ledger/find_known") if left else []
        self._done.update(hash(s.generation_id) for s in left if s.log_fields)
        changes = (self._change(first[row[0]], _Known(*row), usages.get(row[0])) for row in known)
        return [change for change in changes if change]

    def _change(self, seen: Sighting, known: _Known, usage: LoggedUsage | None) -> Changed | None:
        """What replaces a stored call site: the same place read again, one with fields, or one where none was known.

        A cost that the log tells replaces another in any case.
        """
        logged_at, old_usage = aware_utc(known.logged_at), logged_usage_of(known.logged_usage, known.logged_byok_usage)
        usage = usage or old_usage
        if (seen.source, seen.position) == (known.source, known.position):
            fields = replaced(known.log_fields, seen.log_fields, self._asked)
        elif seen.log_fields or (not known.log_fields and (not known.line or (seen.logged_at and not logged_at))):
            fields = added(known.log_fields, seen.log_fields)
        else:
            seen, fields = Sighting(seen.generation_id, known.source, known.position, known.line), known.log_fields
        new = _with(seen, seen.logged_at or logged_at, fields, usage)
        stored = (known.source, known.position, known.line, logged_at, known.log_fields, old_usage)
        is_same = (new.source, new.position, new.line, new.logged_at, new.log_fields, usage) == stored
        return None if is_same else Changed(new, known.is_settled, known.day)


def store_of_discovered(session: WriteSession, sightings: Sequence[Sighting]) -> None:
    """Store the call sites of IDs that only OpenRouter named so far: `discover` asked before their log was read.

    Args:
        session: Where they are stored.
        sightings: Sightings of known IDs.
    """
    discoveries = {source for (source,) in session.rows("discovery/sources")} if sightings else set()
    if not discoveries:
        return
    first = {s.generation_id: s for s in reversed(sightings)}
    rows = fetch_each_era(session.connection, unique_ids(list(first.values())).drop("place"), "ledger/find_known")
    discovered = [known for known in map(_Known._make, rows) if known.source in discoveries]
    store(session, [_of_discovered(first[known.generation_id], known) for known in discovered])


def _of_discovered(seen: Sighting, known: _Known) -> Changed:
    usage = seen.logged_usage or logged_usage_of(known.logged_usage, known.logged_byok_usage)
    new = _with(seen, seen.logged_at, added(known.log_fields, seen.log_fields), usage)
    return Changed(new, known.is_settled, known.day)


def store(session: WriteSession, changes: Sequence[Changed]) -> None:
    """Store changed call sites, some in each transaction."""
    for begin in range(0, len(changes), UPDATED):
        some = changes[begin : begin + UPDATED]
        with session.transaction():
            for is_settled, query in ((False, "ledger/update_call_sites"), (True, "facts/update_call_sites")):
                sightings = [change.sighting for change in some if change.is_settled == is_settled]
                if sightings:
                    rows = with_call_sites(unique_ids(sightings), sightings, first_usages(sightings))
                    for_each_era(session.connection, rows, query)
            session.mark_changed(pl.Series([change.day for change in some], dtype=pl.Date))


def _with(seen: Sighting, logged_at: datetime | None, fields: str | None, usage: LoggedUsage | None) -> Sighting:
    return Sighting(seen.generation_id, seen.source, seen.position, seen.line, logged_at, fields, usage)
