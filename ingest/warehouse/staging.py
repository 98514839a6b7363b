"""Frames handed to DuckDB: a query finds the rows under the name ``incoming``."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from ingest.core.sightings import Sighting

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = pl.Datetime("us")
_CALL_SITE_SCHEMA = {
    "source": pl.String(),
    "position": pl.Int64(),
    "line": pl.Int64(),
    "logged_at": pl.Duration("us"),
    "log_fields": pl.String(),
}


def unique_ids(sightings: Sequence[Sighting]) -> pl.DataFrame:
    """Each ID once: its first place among the sightings, and the second inside it, found by its place from the end."""
    frame = pl.DataFrame({"generation_id": [s.generation_id for s in sightings]}, {"generation_id": pl.String()})
    generation_id = pl.col("generation_id")
    digits = pl.when(generation_id.str.slice(-21, 1) == "-").then(generation_id.str.slice(-31, 10))
    return (
        frame.with_row_index("place")
        .unique("generation_id", keep="first", maintain_order=True)
        .with_columns(requested_at=pl.from_epoch(digits.cast(pl.Int64())).cast(_TIME))
    )


def with_call_sites(found: pl.DataFrame, sightings: Sequence[Sighting]) -> pl.DataFrame:
    """IDs with where they were seen.

    Args:
        found: Some rows of `unique_ids`.
        sightings: What `unique_ids` was given.
    """
    seen = [sightings[place] for place in found["place"]]
    columns = {
        "source": [s.source for s in seen],
        "position": [s.position for s in seen],
        "line": [s.line for s in seen],
        "logged_at": [s.logged_at and s.logged_at - _EPOCH for s in seen],  # polars reads that six times faster
        "log_fields": [s.log_fields for s in seen],
    }
    told = pl.DataFrame(columns, _CALL_SITE_SCHEMA).with_columns(pl.col("logged_at").cast(pl.Int64()).cast(_TIME))
    return found.drop("place").hstack(told)


def find_new(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows whose IDs are neither in the ledger nor settled."""
    return rows_of_each_era(connection, frame, "ledger/find_new")


def rows_of_each_era(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """What a query selects of the rows that carry a second, and its legacy variant of those that do not."""
    found = [frame.clear()]
    for rows, query, bounds in _eras(frame, name):
        with _registered(connection, rows):
            found.append(pl.DataFrame(connection.sql(query, params=bounds)))
    return pl.concat(found)


def for_each_era(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, name: str) -> int:
    """Run a query over the rows that carry a second, then its legacy variant over those that do not.

    Returns:
        Rows affected.
    """
    return sum(with_incoming(connection, rows, query, bounds) for rows, query, bounds in _eras(frame, name))


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
    # The bare stream, which is read once: of an object that could be read again DuckDB 1.5 makes a pyarrow dataset if
    # pyarrow is installed, and asks it for comparisons that it has not got for polars' strings.
    connection.register("incoming", frame.__arrow_c_stream__())
    yield
    connection.unregister("incoming")  # after a failure it would only hide the failure
