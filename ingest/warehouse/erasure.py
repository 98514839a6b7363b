"""Erasing on request: facts, attempts, contents and ledger of some IDs, and that they stay erased."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingest.warehouse import sql_files
from ingest.warehouse.staging import rows_of_each_era

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb
    import polars as pl


FORGET = (
    "erasure/delete_generations",
    "erasure/delete_provider_attempts",
    "erasure/delete_generation_contents",
    "erasure/delete_work",
)
"""The queries that erase, in the order of what is counted."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, in rows: generations, their attempts, their contents, and IDs of the ledger."""

    generations: int
    provider_attempts: int
    generation_contents: int
    unsettled: int


def erase(connection: duckdb.DuckDBPyConnection, before: datetime | None, user: str | None, now: datetime) -> Erased:
    """Erase rows, inside a transaction.

    Args:
        connection: A work copy.
        before: UTC without zone: IDs whose own second is earlier; of legacy IDs, those created earlier.
        user: The ``external_user`` whose generations are meant, if `before` is None.
        now: UTC without zone.
    """
    if before:
        connection.execute(sql_files.query("erasure/choose_before"), {"before": before})
    else:
        connection.execute(sql_files.query("erasure/choose_user"), {"user": user})
    connection.execute(sql_files.query("erasure/record_erased_ids"), {"before": before})
    erased = Erased(*(_changed(connection, name) for name in FORGET))
    connection.execute(sql_files.query("erasure/drop_chosen"))
    connection.execute(sql_files.query("erasure/record_erasure"), {"now": now, "before": before, **asdict(erased)})
    connection.execute(sql_files.query("erasure/release_ids"), {"released": erased.generations + erased.unsettled})
    return erased


def without_erased(connection: duckdb.DuckDBPyConnection, found: pl.DataFrame) -> pl.DataFrame:
    """The rows whose IDs were not erased on request."""
    [(is_needed,)] = connection.execute(sql_files.query("erasure/has_erasures")).fetchall()
    return rows_of_each_era(connection, found, "erasure/without_erased") if is_needed and len(found) else found


def _changed(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    [(count,)] = connection.execute(sql_files.query(name)).fetchall()
    return int(count)
