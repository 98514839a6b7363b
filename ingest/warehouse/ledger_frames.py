"""Sightings, source reads and unsettled outcomes as polars frames with the columns of the ledger's tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.core.sightings import Chunk, Sighting, SourceRead

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = pl.Datetime("us")
_CALL_SITES = {
    "source": pl.String(),
    "position": pl.Int64(),
    "line": pl.Int64(),
    "logged_at": pl.Duration("us"),
    "log_fields": pl.String(),
}
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


def unique_ids(sightings: Sequence[Sighting]) -> pl.DataFrame:
    """Each generation ID once.

    Returns:
        ``place`` (index of its first sighting), ``generation_id`` and ``requested_at`` (the second inside the ID, cut
        out by its distance from the end; NULL for legacy IDs).
    """
    frame = pl.DataFrame({"generation_id": [s.generation_id for s in sightings]}, {"generation_id": pl.String()})
    generation_id = pl.col("generation_id")
    digits = pl.when(generation_id.str.slice(-21, 1) == "-").then(generation_id.str.slice(-31, 10))
    return (
        frame.with_row_index("place")
        .unique("generation_id", keep="first", maintain_order=True)
        .with_columns(requested_at=pl.from_epoch(digits.cast(pl.Int64())).cast(_TIME))
    )


def with_call_sites(ids: pl.DataFrame, sightings: Sequence[Sighting]) -> pl.DataFrame:
    """IDs with the place, time and kept fields of their first sighting.

    Args:
        ids: Some rows of `unique_ids`.
        sightings: The argument of `unique_ids`.
    """
    first = [sightings[place] for place in ids["place"]]
    columns = {
        "source": [s.source for s in first],
        "position": [s.position for s in first],
        "line": [s.line for s in first],
        "logged_at": [s.logged_at and s.logged_at - _EPOCH for s in first],  # polars reads durations six times faster
        "log_fields": [s.log_fields for s in first],
    }
    sites = pl.DataFrame(columns, _CALL_SITES).with_columns(pl.col("logged_at").cast(pl.Int64()).cast(_TIME))
    return ids.drop("place").hstack(sites)


def work_rows(ids: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
    """New work items: IDs with their call sites, and the account that the source of each names."""
    rows = with_call_sites(ids, chunk.sightings)
    named = [chunk.accounts.get(source) for source in rows["source"]] if chunk.accounts else [None] * len(rows)
    return rows.with_columns(account=pl.Series(named, dtype=pl.String()))


def source_rows(reads: Sequence[SourceRead], run_id: str, now: datetime) -> pl.DataFrame:
    """One row of ``ops.sources`` for each source; of several reads of one source the last."""
    rows = [_source_row(read, run_id, now) for read in {r.source: r for r in reads}.values()]
    return pl.DataFrame(rows, _SOURCES, orient="row")


def _source_row(read: SourceRead, run_id: str, now: datetime) -> tuple[Any, ...]:
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
        naive_utc(now),
        run_id,
        *checkpoint,
        c.done if c else None,
    )


def earlier_names(reads: Sequence[SourceRead]) -> pl.DataFrame:
    """The names under which sources were recorded before, and which their new records replace."""
    return pl.DataFrame({"source": [read.replaces for read in reads if read.replaces]}, {"source": pl.String()})


def unsettled_rows(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """One row of new state for each outcome that is pending or dead."""
    rows = [_unsettled_row(outcome) for outcome in outcomes if not isinstance(outcome, Settled)]
    return pl.DataFrame(rows, _UNSETTLED, orient="row")


def _unsettled_row(outcome: Pending | Dead) -> tuple[Any, ...]:
    item = outcome.item
    state, charged, not_before = ("dead", True, None)
    if isinstance(outcome, Pending):
        state, charged, not_before = "pending", outcome.charged, naive_utc(outcome.not_before)
    return (
        item.generation_id,
        naive_utc(item.requested_at),
        state,
        outcome.requests,
        charged,
        not_before,
        outcome.status,
        outcome.reason,
    )
