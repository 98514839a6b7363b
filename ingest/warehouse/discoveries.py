"""Stores what OpenRouter told of generations: new IDs into the ledger, details beside them, and what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.core.api_records import MONEY_DIGITS, MONEY_PLACES
from ingest.core.discovered import ANALYTICS, MEASURES, merged_extra
from ingest.core.sightings import Sighting
from ingest.warehouse import sql_files
from ingest.warehouse.erasure import without_erased
from ingest.warehouse.ledger import Ledger, unknown_ids
from ingest.warehouse.ledger_frames import unique_ids, with_call_sites
from ingest.warehouse.staging import for_each_era, rows_of_each_era, with_incoming
from ingest.warehouse.times import aware_utc, naive_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from ingest.core.discovered import DiscoveredGeneration, Discovery
    from ingest.warehouse.ledger import Rows
    from ingest.warehouse.write_session import WriteSession

_MONEY = pl.Decimal(MONEY_DIGITS, MONEY_PLACES)
_TIME = pl.Datetime("us")
_COLUMNS = (
    *("generation_id", "requested_at", "requested_day", "account", "source", "source_line"),
    *("api_key_label", "api_key_hash", "request_count", *MEASURES, "extra", "discovered_at"),
)
"""The columns of ``main.discovered_generations``."""

_ITS_OWN = ("generation_id", "requested_at", "requested_day", "source", "source_line", "extra", "discovered_at")
"""The columns that a later telling does not take from an earlier one where it says nothing itself."""

_TOLD: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "api_key_label": pl.String(),
    "api_key_hash": pl.String(),
    "request_count": pl.Int64(),
    **dict.fromkeys(MEASURES, _MONEY),
    "extra": pl.String(),
}


def asked(rows: Rows, account: str | None) -> list[tuple[datetime, datetime, datetime]]:
    """The windows that Analytics was asked about for an account: begin, end, and when, in UTC."""
    found = rows("discovery/asked_windows", source=ANALYTICS, account=account)
    return [(aware_utc(since), aware_utc(until), aware_utc(at)) for since, until, at in found]


def shared_key_names(rows: Rows, account: str | None) -> dict[str, list[str]]:
    """The names that several keys of an account have, with the hashes of these keys."""
    shared: dict[str, list[str]] = {}
    for name, key_hash in rows("discovery/shared_key_names", account=account):
        shared.setdefault(name, []).append(key_hash)
    return shared


def store(session: WriteSession, discovery: Discovery, run_id: str, now: datetime) -> int:
    """Store what one window or some lines of a CSV told, in one transaction.

    Args:
        session: Where to.
        discovery: What was told.
        run_id: The command that asked.
        now: The wall clock, UTC.

    Returns:
        How many IDs were new.
    """
    sightings = [
        Sighting(g.generation_id, discovery.source, None, g.line, None, g.log_fields) for g in discovery.generations
    ]
    new = unknown_ids(session.connection, sightings)
    told = _changed(session.connection, _told(session.connection, discovery, sightings, now))

    def write() -> None:
        if len(new):
            Ledger(session).insert(_work(new, sightings, discovery), now)
        if len(told):
            for_each_era(session.connection, told, "discovery/delete_told")
            with_incoming(session.connection, told, sql_files.query("discovery/insert_told"))
            session.mark_changed(told["requested_day"])  # their keys are told to the generations of these days
        session.execute("discovery/insert_discovery", **_record(discovery, len(new), run_id, now))

    session.store(write, new_ids=len(new))
    return len(new)


def _told(
    connection: duckdb.DuckDBPyConnection, discovery: Discovery, sightings: Sequence[Sighting], now: datetime
) -> pl.DataFrame:
    """Rows of ``main.discovered_generations``; none for IDs that were erased on request."""
    ids = without_erased(connection, unique_ids(sightings))
    generations: list[DiscoveredGeneration] = [discovery.generations[place] for place in ids["place"]]
    details = {name: [getattr(each, name) for each in generations] for name in _TOLD}
    return (
        ids.drop("place")
        .hstack(pl.DataFrame(details, _TOLD))
        .rename({"line": "source_line"})
        .with_columns(
            requested_day=pl.col("requested_at").cast(pl.Date),
            account=pl.lit(discovery.account, pl.String),
            source=pl.lit(discovery.source),
            discovered_at=pl.lit(naive_utc(now), _TIME),
        )
        .select(_COLUMNS)
    )


def _work(new: pl.DataFrame, sightings: Sequence[Sighting], discovery: Discovery) -> pl.DataFrame:
    """New work items, which the account that told of them is asked for first."""
    return with_call_sites(new, sightings, {}).with_columns(account=pl.lit(discovery.account, pl.String()))


def _changed(connection: duckdb.DuckDBPyConnection, told: pl.DataFrame) -> pl.DataFrame:
    """Rows with what an earlier telling said where this one says nothing; without those that say nothing new."""
    before = rows_of_each_era(connection, told, "discovery/find_told") if len(told) else told
    if before.is_empty():
        return told
    joined = told.join(before, on="generation_id", how="left", suffix="_before", maintain_order="left")
    names = [name for name in told.columns if name not in _ITS_OWN]
    extra = [merged_extra(*pair) for pair in joined.select("extra_before", "extra").iter_rows()]
    merged = joined.with_columns(
        *(pl.coalesce(name, f"{name}_before").alias(name) for name in names),
        discovered_at=pl.coalesce("discovered_at_before", "discovered_at"),
        extra=pl.Series(extra, dtype=pl.String),
    )
    compared = (*names, "source", "source_line", "extra")
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in compared)
    return merged.filter(~is_same).select(told.columns)


def _record(discovery: Discovery, new_ids: int, run_id: str, now: datetime) -> dict[str, Any]:
    return {
        "source": discovery.source,
        "account": discovery.account,
        "since": naive_utc(discovery.since),
        "until": naive_utc(discovery.until),
        "now": naive_utc(now),
        "rows": discovery.rows,
        "rows_without_id": discovery.rows_without_id,
        "usage_without_id": discovery.usage_without_id,
        "new_ids": new_ids,
        "truncated": discovery.truncated,
        "problem": discovery.problem,
        "run_id": run_id,
    }
