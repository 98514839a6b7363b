"""New warehouses of the tests copy a schema that was laid out once: 15 ms of CPU time instead of 300.

`tests/warehouse/test_migrations.py` proves that the copy is the same as what the migrations and views make. Commands
in an interpreter of their own, as in the tests of faults, lay out their schema themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from ingest.warehouse import migrations, sql_files
from ingest.warehouse.storage.connection import is_ours

if TYPE_CHECKING:
    from pathlib import Path

lay_out = migrations.migrate
"""The real one."""


def write_ready_schema(path: Path) -> Path:
    """Lay the schema out in a file."""
    with duckdb.connect(path) as connection:
        lay_out(connection, path, datetime(2026, 1, 1))  # noqa: DTZ001  # the warehouse's times have no zone
    return path


class ReadySchema:
    """Stands in for `ingest.warehouse.migrations.migrate`.

    Args:
        path: What `write_ready_schema` wrote.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._made_of = _texts()

    def migrate(self, connection: duckdb.DuckDBPyConnection, path: Path, now: datetime) -> list[str]:
        """Copy the schema into an empty file; bring any other file up to date as ever."""
        is_empty = not is_ours(connection) and not connection.execute(sql_files.query("catalog/any_table")).fetchall()
        if not is_empty or _texts() != self._made_of:
            return lay_out(connection, path, now)
        [(name,)] = connection.execute("SELECT current_database()").fetchall()
        connection.execute(f"ATTACH '{self._path}' AS ready_schema (READ_ONLY)")
        quoted = name.replace('"', '""')
        connection.execute(f'COPY FROM DATABASE ready_schema TO "{quoted}"')
        connection.execute("DETACH ready_schema")
        connection.execute("UPDATE ops.migrations SET applied_at = $now", {"now": now})
        return [migration.name for migration in sql_files.migrations()]


def _texts() -> tuple[object, ...]:
    return (*sql_files.migrations(), sql_files.views_digest())
