"""The schema of an open file: whether it is current, and the migrations that make it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.core.errors import ConfigurationError, UnexpectedInputError
from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import is_ours, transaction

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import duckdb


def is_current(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether an open file has this program's schema and views.

    Raises:
        UnexpectedInputError: the file holds tables of another program.
        ConfigurationError: its schema is newer than this program.
    """
    if not is_ours(connection):
        if connection.execute(sql_files.query("catalog/any_table")).fetchall():
            raise UnexpectedInputError(
                f"{path} is not an orusage warehouse",
                cause="it is a DuckDB file with tables of another program",
                fix="name another file with -w; it will be created",
            )
        return False
    applied = _applied(connection)
    _refuse_newer(applied, path)
    return applied.get(0) == sql_files.views_digest() and all(m.number in applied for m in sql_files.migrations())


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, now: datetime) -> list[str]:
    """Bring an open file up to date. Each migration, and the set of views, is one transaction.

    Args:
        connection: The file.
        path: The file, as errors name it.
        now: The wall clock, UTC without zone.

    Returns:
        The names of the migrations that were applied.

    Raises:
        UnexpectedInputError: the file holds tables of another program.
        ConfigurationError: its schema is newer than this program.
    """
    if is_current(connection, path):
        return []
    if not is_ours(connection):
        with transaction(connection):
            connection.execute(sql_files.query("catalog/create_migrations_table"))
    applied, done = _applied(connection), []
    for migration in sql_files.migrations():
        if migration.number not in applied:
            with transaction(connection):
                connection.execute(migration.text)
                _record(connection, migration.number, migration.name, now)
            done.append(migration.name)
    if applied.get(0) != sql_files.views_digest():
        with transaction(connection):
            for view in sql_files.views():
                connection.execute(view.text)
            connection.execute(sql_files.query("catalog/delete_views_digest"))
            _record(connection, 0, sql_files.views_digest(), now)
    return done


def _applied(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    return dict(connection.execute(sql_files.query("catalog/applied_migrations")).fetchall())


def _record(connection: duckdb.DuckDBPyConnection, number: int, name: str, now: datetime) -> None:
    connection.execute(sql_files.query("catalog/record_migration"), {"number": number, "name": name, "now": now})


def _refuse_newer(applied: dict[int, str], path: Path) -> None:
    newest = sql_files.migrations()[-1].number
    if max(applied, default=0) > newest:
        raise ConfigurationError(
            f"{path} was written by a newer orusage",
            cause=f"its schema is number {max(applied)}, this program knows {newest}",
            fix="upgrade orusage; reading (query, views, status) still works",
        )
