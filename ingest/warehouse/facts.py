"""The facts: generations, their provider attempts and, if asked for, their contents. Rows are only ever appended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.warehouse.staging import for_each_era

if TYPE_CHECKING:
    import duckdb

    from ingest.warehouse.frames import Frames


def append(connection: duckdb.DuckDBPyConnection, frames: Frames) -> None:
    """Append the rows whose generation IDs are not stored yet, inside a transaction."""
    for_each_era(connection, frames.generations, "facts/insert_generations")
    for_each_era(connection, frames.provider_attempts, "facts/insert_provider_attempts")
    for_each_era(connection, frames.generation_contents, "facts/insert_generation_contents")
