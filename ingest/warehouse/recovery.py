"""Takes the IDs over from a work copy that was quarantined: those of standard input are nowhere else."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from ingest.core.errors import OrusageError
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse import sql_files
from ingest.warehouse.ledger import Ledger
from ingest.warehouse.storage.connection import open_for_reading
from ingest.warehouse.times import aware_utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ingest.warehouse.write_session import WriteSession

CHUNK = 100_000
"""IDs that are held in memory at a time."""

log = logging.getLogger("orusage")


def recover_ids(session: WriteSession, copies: list[Path], now: datetime) -> None:
    """Add the IDs of quarantined work copies that the ledger lacks. Settled ones are requested again, too.

    A copy that cannot be read to its end costs no error: the log says that its IDs of standard input may be lost.

    Args:
        session: Where they are added.
        copies: The quarantined files.
        now: The wall clock, UTC.
    """
    for copy in copies:
        count = sum(Ledger(session).add(Chunk(sightings, (), 0, 0), "", now) for sightings in _sightings(copy))
        log.warning("%s: %s IDs that the warehouse lacked were taken over from it", copy, f"{count:,}")


def _sightings(copy: Path) -> Iterator[tuple[Sighting, ...]]:
    """The IDs of a work copy with their call sites, as far as it can be read."""
    try:
        with closing(open_for_reading(copy)) as connection:
            rows = connection.execute(sql_files.query("ledger/all_sightings"))
            while batch := rows.fetchmany(CHUNK):
                yield tuple(_sighting(*row) for row in batch)
    except (OrusageError, duckdb.Error) as error:
        log.warning(
            "%s cannot be read to its end (%s): its other IDs are found again where their sources still are, not those "
            "of standard input",
            copy,
            str(error).partition("\n")[0],
        )


def _sighting(
    generation_id: str,
    source: str,
    position: int | None,
    line: int | None,
    logged_at: datetime | None,
    log_fields: str | None,
) -> Sighting:
    return Sighting(generation_id, source, position, line, aware_utc(logged_at), log_fields)
