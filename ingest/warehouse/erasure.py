"""Erasing on request: the facts and ledger rows of chosen IDs, and a record that keeps those IDs out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingest.warehouse import sql_files
from ingest.warehouse.staging import rows_of_each_era

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb
    import polars as pl


_DELETES = (
    "erasure/delete_generations",
    "erasure/delete_provider_attempts",
    "erasure/delete_generation_contents",
    "erasure/delete_work",
)
"""The queries that erase, in the order of the fields of `Erased`."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows erased: generations, their attempts, their contents, and IDs of the ledger."""

    generations: int
    provider_attempts: int
    generation_contents: int
    unsettled: int


def erase(connection: duckdb.DuckDBPyConnection, before: datetime | None, user: str | None, now: datetime) -> Erased:
    """Erase the chosen IDs, inside a transaction.

    Args:
        connection: A work copy.
        before: Choose IDs whose second is earlier, and legacy IDs created earlier; UTC without zone.
        user: Choose the generations of this ``external_user``, if `before` is None.
        now: The wall clock, UTC without zone.
    """
    _choose(connection, before, user)
    connection.execute(sql_files.query("erasure/record_erased_ids"), {"before": before})
    erased = Erased(*(_changed(connection, name) for name in _DELETES))
    connection.execute(sql_files.query("erasure/delete_discovered_generations"))
    connection.execute(sql_files.query("erasure/drop_chosen"))
    connection.execute(sql_files.query("erasure/record_erasure"), {"now": now, "before": before, **asdict(erased)})
    connection.execute(sql_files.query("erasure/release_ids"), {"released": erased.generations + erased.unsettled})
    return erased


def count(connection: duckdb.DuckDBPyConnection, before: datetime | None, user: str | None) -> Erased:
    """What `erase` would erase; the connection may be read-only."""
    _choose(connection, before, user)
    [counts] = connection.execute(sql_files.query("erasure/count_chosen")).fetchall()
    connection.execute(sql_files.query("erasure/drop_chosen"))
    return Erased(*counts)


def _choose(connection: duckdb.DuckDBPyConnection, before: datetime | None, user: str | None) -> None:
    if before:
        connection.execute(sql_files.query("erasure/choose_before"), {"before": before})
    else:
        connection.execute(sql_files.query("erasure/choose_user"), {"user": user})


def without_erased(connection: duckdb.DuckDBPyConnection, ids: pl.DataFrame) -> pl.DataFrame:
    """The rows whose IDs were not erased on request."""
    [(is_needed,)] = connection.execute(sql_files.query("erasure/has_erasures")).fetchall()
    return rows_of_each_era(connection, ids, "erasure/without_erased") if is_needed and len(ids) else ids


def _changed(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    [(count,)] = connection.execute(sql_files.query(name)).fetchall()
    return int(count)
