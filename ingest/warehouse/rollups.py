"""Refreshes the pre-aggregated tables for changed days and weeks, so that views need not aggregate all facts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import transaction

if TYPE_CHECKING:
    import duckdb

_SUNDAY = timedelta(days=6)


def refresh(connection: duckdb.DuckDBPyConnection, days: frozenset[date] | None) -> None:
    """Compute the rollups of the changed days and weeks again.

    Args:
        connection: The clone that is to be published, open for writing.
        days: The days (UTC) that were written to; None: unknown, so all are computed again. Rows without a day are
            always computed again.
    """
    weeks = None if days is None else frozenset(day - timedelta(days=day.weekday()) for day in days)
    with transaction(connection):
        connection.execute(sql_files.query("rollups/delete_cost"), {"days": _sorted(days), "all": days is None})
        connection.execute(
            sql_files.query("rollups/insert_cost"), {"days": _sorted(days), "all": days is None} | _range(days)
        )
        connection.execute(sql_files.query("rollups/delete_latency"), {"weeks": _sorted(weeks), "all": weeks is None})
        connection.execute(
            sql_files.query("rollups/insert_latency"),
            {"weeks": _sorted(weeks), "all": weeks is None} | _range(weeks, _SUNDAY),
        )


def _sorted(dates: frozenset[date] | None) -> list[date]:
    return sorted(dates or ())


def _range(dates: frozenset[date] | None, more: timedelta = timedelta()) -> dict[str, date]:
    """The range from the first date to the last plus `more`; everything for None, nothing for no dates."""
    if dates is None:
        return {"low": date.min, "high": date.max}
    if not dates:
        return {"low": date.max, "high": date.min}
    return {"low": min(dates), "high": min(max(dates), date.max - more) + more}
