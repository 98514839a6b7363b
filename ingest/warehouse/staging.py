"""Polars frames handed to DuckDB: a query reads the rows from a relation named ``incoming``.

Queries that look rows up are pruned by the seconds of the batch (``$low`` to ``$high``). Legacy IDs carry no second, so
each such query has a second form for them, which looks among the rows without a second only.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb


def find_new(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows whose IDs are neither in the ledger nor settled."""
    return rows_of_each_era(connection, frame, "ledger/find_new")


def rows_of_each_era(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows a query selects from those that carry a second, and its legacy form from those that do not."""
    found = [frame.clear()]
    for rows, query, bounds in _eras(frame, name):
        with _registered(connection, rows):
            found.append(pl.DataFrame(connection.sql(query, params=bounds)))
    return pl.concat(found)


def for_each_era(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, name: str) -> int:
    """Run a query over the rows that carry a second, then its legacy form over those that do not.

    Returns:
        Rows affected.
    """
    return sum(with_incoming(connection, rows, query, bounds) for rows, query, bounds in _eras(frame, name))


def fetch_each_era(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, name: str) -> list[tuple[Any, ...]]:
    """All rows that a query selects for the rows with a second, then those of its legacy form for the others."""
    found: list[tuple[Any, ...]] = []
    for rows, query, bounds in _eras(frame, name):
        with _registered(connection, rows):
            found += connection.execute(query, bounds).fetchall()
    return found


def with_incoming(
    connection: duckdb.DuckDBPyConnection,
    frame: pl.DataFrame,
    query: str,
    parameters: Mapping[str, object] | None = None,
) -> int:
    """Run a query over all rows.

    Returns:
        Rows affected.
    """
    with _registered(connection, frame):
        [(affected,)] = connection.execute(query, parameters or {}).fetchall()
    return int(affected)


def _eras(frame: pl.DataFrame, name: str) -> Iterator[tuple[pl.DataFrame, str, dict[str, Any]]]:
    """The rows with a second and those without, each with its query and the range that prunes its look-ups."""
    dated = frame.filter(pl.col("requested_at").is_not_null())
    legacy = frame.filter(pl.col("requested_at").is_null())
    if not dated.is_empty():
        yield dated, sql_files.query(name), {"low": dated["requested_at"].min(), "high": dated["requested_at"].max()}
    if not legacy.is_empty():
        yield legacy, sql_files.legacy_query(name), {}


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> Iterator[None]:
    # The bare stream can be read once only. From an object that can be read again DuckDB 1.5 makes a pyarrow dataset
    # if pyarrow is installed, and requests comparisons from it that pyarrow lacks for polars' strings.
    connection.register("incoming", frame.__arrow_c_stream__())
    yield
    connection.unregister("incoming")  # not after a failure, which an error here would hide
