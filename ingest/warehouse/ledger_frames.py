"""Sightings, source reads and unsettled outcomes as polars frames with the columns of the ledger's tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.core.sightings import Sighting
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.core.logged_usage import LoggedUsage
    from ingest.core.sightings import Chunk, SourceRead

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = pl.Datetime("us")
_CALL_SITES = {
    "source": pl.String(),
    "position": pl.Int64(),
    "line": pl.Int64(),
    "logged_at": pl.Duration("us"),
    "log_fields": pl.String(),
    "logged_usage": pl.String(),
    "logged_byok_usage": pl.String(),
}
_USAGES = ("logged_usage", "logged_byok_usage")
_MONEY = pl.Decimal(18, 12)
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


def first_usages(
    sightings: Sequence[Sighting], further: Sequence[tuple[str, LoggedUsage]] = ()
) -> dict[str, LoggedUsage]:
    """The cost of each ID by the first line that tells it.

    Args:
        sightings: Sightings.
        further: What further lines of IDs tell that were found before.
    """
    usages = {s.generation_id: s.logged_usage for s in reversed(sightings) if s.logged_usage}
    for generation_id, usage in further:
        usages.setdefault(generation_id, usage)
    return usages


def with_call_sites(
    ids: pl.DataFrame, sightings: Sequence[Sighting], usages: Mapping[str, LoggedUsage]
) -> pl.DataFrame:
    """IDs with the place, time and kept fields of their first sighting, and what they cost by the log.

    Args:
        ids: Some rows of `unique_ids`.
        sightings: The argument of `unique_ids`.
        usages: The costs that the log tells.
    """
    first = [sightings[place] for place in ids["place"]]
    columns = {
        "source": [s.source for s in first],
        "position": [s.position for s in first],
        "line": [s.line for s in first],
        "logged_at": [s.logged_at and s.logged_at - _EPOCH for s in first],  # polars reads durations six times faster
        "log_fields": [s.log_fields for s in first],
        **_usage_columns([usages.get(s.generation_id) for s in first]),
    }
    time = pl.col("logged_at").cast(pl.Int64()).cast(_TIME)
    sites = pl.DataFrame(columns, _CALL_SITES).with_columns(time, pl.col(_USAGES).cast(_MONEY))
    return ids.drop("place").hstack(sites)


def work_rows(ids: pl.DataFrame, chunk: Chunk, usages: Mapping[str, LoggedUsage]) -> pl.DataFrame:
    """New work items: IDs with their call sites, and the account that the source of each names."""
    rows = with_call_sites(ids, chunk.sightings, usages)
    named = [chunk.accounts.get(source) for source in rows["source"]] if chunk.accounts else [None] * len(rows)
    return rows.with_columns(account=pl.Series(named, dtype=pl.String()))


def usage_rows(usages: Mapping[str, LoggedUsage]) -> pl.DataFrame:
    """One row for each ID of which the log tells the cost."""
    ids = unique_ids([Sighting(i, "", None) for i in usages]).drop("place")
    columns = pl.DataFrame(_usage_columns(list(usages.values())), dict.fromkeys(_USAGES, pl.String()))
    return ids.hstack(columns.cast(_MONEY))


def _usage_columns(usages: Sequence[LoggedUsage | None]) -> dict[str, list[str | None]]:
    """The two columns, as text: polars reads decimals from it six times faster."""
    return {
        "logged_usage": [f"{u.usage:f}" if u else None for u in usages],
        "logged_byok_usage": [f"{u.byok_usage:f}" if u and u.byok_usage is not None else None for u in usages],
    }


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
