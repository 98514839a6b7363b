"""Refreshes what is derived from facts at each publish: what failed, booked IDs, API keys, and sums of days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import transaction

if TYPE_CHECKING:
    import duckdb


def refresh(connection: duckdb.DuckDBPyConnection, days: frozenset[date] | None) -> None:
    """Mark what failed and the records that several IDs brought; for the changed days tell keys, and add up again.

    Args:
        connection: The clone that is to be published, open for writing.
        days: The days (UTC) that were written to; None: unknown, so all are computed again. Rows without a day are
            always computed again.
    """
    with transaction(connection):
        _mark_failed(connection)
        booked_elsewhere = _book_doubles(connection)
        changed = None if days is None else days | booked_elsewhere
        parameters = {"days": sorted(changed or ()), "all": changed is None}
        connection.execute(sql_files.query("rollups/attribute_keys"), parameters | _range(changed))
        connection.execute(sql_files.query("rollups/delete_cost"), parameters)
        connection.execute(sql_files.query("rollups/insert_cost"), parameters | _range(changed))


def _mark_failed(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark the generations of which all attempts failed, where an earlier version did not store it.

    The migration that adds the column cannot: DuckDB 1.5 refuses to change rows of a table that a transaction altered.
    """
    if connection.execute(sql_files.query("rollups/count_unmarked")).fetchall() != [(0,)]:
        connection.execute(sql_files.query("rollups/mark_failed"))


def _book_doubles(connection: duckdb.DuckDBPyConnection) -> set[date]:
    """Mark which ID books each record that several IDs brought; returns the days of the rows that this changes."""
    found = connection.execute(sql_files.query("rollups/find_doubles")).fetchall()
    if found:
        ids, booked_under, _ = zip(*found, strict=True)
        parameters = {"ids": list(ids), "booked_under": list(booked_under)}
        connection.execute(sql_files.query("rollups/book_doubles"), parameters)
    return {day for *_, day in found if day}


def _range(dates: frozenset[date] | None) -> dict[str, date]:
    """The range from the first date to the last; everything for None, nothing for no dates."""
    if dates is None:
        return {"low": date.min, "high": date.max}
    if not dates:
        return {"low": date.max, "high": date.min}
    return {"low": min(dates), "high": max(dates)}
