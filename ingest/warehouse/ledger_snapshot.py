"""The ledger as a dry run sees it: read only, and able to count the IDs that a run would add."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import duckdb

from ingest.core.generation_id import AHEAD
from ingest.warehouse import run_log, sql_files
from ingest.warehouse.erasure import without_erased
from ingest.warehouse.ledger import LedgerReader
from ingest.warehouse.ledger_frames import unique_ids
from ingest.warehouse.newest_state import open_newest
from ingest.warehouse.staging import find_new, with_incoming
from ingest.warehouse.storage.connection import is_ours, not_ours, refuse_impossible, storage_errors
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.core.settings import Settings
    from ingest.core.sightings import Checkpoint, Sighting

CHECKPOINTS_SINCE, ERASURES_SINCE, ACCOUNTS_SINCE = 4, 6, 14
"""Numbers of the migrations that added them: a dry run also reads a warehouse of an older schema."""


class LedgerSnapshot:
    """The ledger of a warehouse, read only; empty if the warehouse does not exist yet. A context manager.

    Args:
        path: The file.

    Raises:
        UnexpectedInputError: it is no DuckDB file, or no warehouse of ours.
        OrusageError: it cannot be opened, as `storage_errors` says.
    """

    def __init__(self, path: Path) -> None:
        refuse_impossible(path)
        self._path = path
        self._until_closed = ExitStack()
        self._connection = _open(path, self._until_closed) if path.exists() else _empty()
        self._ledger = LedgerReader(self._rows)
        self._version = max(number for number, _ in self._rows("catalog/applied_migrations"))
        self._connection.execute(sql_files.query("dry_run/begin"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._until_closed.close()

    def checkpoints(self) -> list[Checkpoint]:
        """How far each source was read by earlier runs."""
        return self._ledger.checkpoints() if self._version >= CHECKPOINTS_SINCE else []

    def note(self, sightings: Sequence[Sighting]) -> int:
        """Remember the IDs that a run would add; returns how many of these are new."""
        with storage_errors(self._path):
            new = find_new(self._connection, unique_ids(sightings))
            if self._version >= ERASURES_SINCE:
                new = without_erased(self._connection, new)
            return with_incoming(self._connection, new, sql_files.query("dry_run/add_new"))

    def count_due(self, settings: Settings, now: datetime) -> int:
        """How many IDs a run would request: the due ones of the ledger, and the noted ones."""
        since, until = naive_utc(settings.since), naive_utc(settings.until)
        [(new,)] = self._rows("dry_run/count_due_new", since=since, until=until)
        return self._ledger.count_due(settings, now) + int(new)

    def count_ahead(self, now: datetime) -> int:
        """How many IDs lie in the future: the pending ones of the ledger, and the noted ones."""
        [(new,)] = self._rows("dry_run/count_ahead_new", latest=naive_utc(now + AHEAD))
        return self._ledger.count_ahead(now) + int(new)

    def remembered_rate(self, host: str, account: str | None) -> float | None:
        """The rate limit last measured at a host for an account, in requests per second; None if none was."""
        known = run_log.remembered_rate(self._rows, host, account) if self._version >= ACCOUNTS_SINCE else None
        return known.rate if known else None

    def _rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        with storage_errors(self._path):
            return self._connection.execute(sql_files.query(name), parameters).fetchall()


def _open(path: Path, until_closed: ExitStack) -> duckdb.DuckDBPyConnection:
    """The file; an empty ledger in memory for a file without any table."""
    connection = open_newest(path, until_closed)
    if is_ours(connection) and connection.execute(sql_files.query("catalog/applied_migrations")).fetchall():
        return connection
    is_foreign = not is_ours(connection) and connection.execute(sql_files.query("catalog/any_table")).fetchall()
    connection.close()
    if is_foreign:
        raise not_ours(path)
    return _empty()


def _empty() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(sql_files.query("catalog/create_migrations_table"))
    for migration in sql_files.migrations():
        applied = {"number": migration.number, "name": migration.name, "now": None}
        connection.execute(migration.text)
        connection.execute(sql_files.query("catalog/record_migration"), applied)
    return connection
