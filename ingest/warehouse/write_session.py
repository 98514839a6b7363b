"""One write session: a private work copy, from its first transaction until it is published or left for the next run."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.warehouse import sql_files
from ingest.warehouse.checks import Expected, verify
from ingest.warehouse.migrations import is_current, migrate
from ingest.warehouse.rollups import refresh
from ingest.warehouse.storage.connection import is_out_of_memory, storage_errors, transaction
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime
    from pathlib import Path

    import polars as pl

    from ingest.warehouse.storage.lock import LockWait
    from ingest.warehouse.storage.workspace import Workspace


class WriteSession:
    """A work copy that is written to. Nothing of it is visible to readers before `publish`.

    The copy is new, or the one that a run left which did not end; its schema is brought up to date.

    Args:
        workspace: The directory of the work copy; it must be locked.
        path: The warehouse, as errors name it.
        now: The wall clock, UTC.
        lock_wait: How long to wait for a program that has the published file open for writing.

    Attributes:
        migrated: Names of the migrations that were applied.
        publish_failed: Whether the last `publish` failed and nothing was stored since.

    Raises:
        UnexpectedInputError: the file is no DuckDB file, or no warehouse of ours.
        ConfigurationError: its schema is newer than this program.
        OrusageError: it cannot be opened, as `storage_errors` says.
    """

    def __init__(self, workspace: Workspace, path: Path, now: datetime, lock_wait: LockWait) -> None:
        self._workspace = workspace
        self._path = path
        self._now = now
        self._lock_wait = lock_wait
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._days: set[date] | None = set()
        self.publish_failed = False
        is_new = not workspace.directory.work_copies
        work = self.connection
        try:
            was_current = is_current(work, path)
            self.migrated = migrate(work, path, naive_utc(now))
        except BaseException:
            self.close()
            if is_new:
                workspace.discard()
            raise
        if not (is_new and was_current):
            self.mark_all_changed()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open work copy; it is opened again after a `publish` that failed."""
        if self._connection is None:
            with storage_errors(self._path):
                self._connection = self._workspace.begin(self._now)
        return self._connection

    def close(self) -> None:
        """Close the work copy. What was committed stays in it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # Reading and writing

    def rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a named query."""
        return self.connection.execute(sql_files.query(name), parameters).fetchall()

    def execute(self, name: str, /, **parameters: object) -> None:
        """Run a named query."""
        self.connection.execute(sql_files.query(name), parameters)

    def store(self, write: Callable[[], None], new_ids: int = 0) -> None:
        """Run `write` in a transaction; once more, without limit, if DuckDB's memory does not suffice for it."""
        try:
            with self.transaction(new_ids):
                write()
        except duckdb.Error as error:
            if not is_out_of_memory(error) or not self._workspace.lift_bounds(error):
                raise
            self.close()
            with self.transaction(new_ids):
                write()

    @contextmanager
    def transaction(self, new_ids: int = 0) -> Iterator[None]:
        """All or nothing.

        A COMMIT that fails may have stored its transaction nevertheless. Each transaction therefore writes its number;
        after a failed COMMIT the file is opened again, and the number in it tells.

        Args:
            new_ids: How many IDs the transaction adds to the ledger.
        """
        number = None
        self.publish_failed = False  # there is something new to publish
        try:
            with transaction(self.connection):
                yield
                [(number,)] = self.rows("storage/count_commit", taken_in=new_ids)
        except duckdb.Error:
            if number is None:
                raise
            self.close()
            if self.rows("storage/last_commit") != [(number,)]:
                raise

    # Publishing

    def mark_changed(self, days: pl.Series) -> None:
        """Note the days of written rows: before publishing, their checks run and their rollups are computed again."""
        if self._days is not None:
            self._days.update(days.unique().drop_nulls())

    def mark_all_changed(self) -> None:
        """Note that rows of unknown days were written: all checks run and all rollups are computed again."""
        self._days = None

    def publish(self, *, packed: bool = False) -> None:
        """Verify a clone of the work copy and rename it over the published file. This ends the session.

        Args:
            packed: Write the file anew, without the space that deleted rows take.

        Raises:
            OrusageError: it could not be done. The session goes on, and nothing that was committed is lost.
        """
        self.publish_failed = True
        days = None if self._days is None else frozenset(self._days)
        expected = Expected(self.rows("checks/count_rows"), days)
        self.close()
        finish = partial(refresh, days=days)
        check = partial(verify, published=self._workspace.published, expected=expected)
        self._workspace.publish(finish, check, self._now, self._lock_wait, packed=packed)
