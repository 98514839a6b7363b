"""Stores the names behind IDs: the API keys, workspaces and people of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from ingest.core.name_records import ListedKey, ListedWorkspace, Person
from ingest.warehouse import sql_files
from ingest.warehouse.billing import frame_of
from ingest.warehouse.staging import with_incoming
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.name_records import Names
    from ingest.warehouse.write_session import WriteSession


class _Queries(NamedTuple):
    """The queries that replace the rows of one table by those that were told."""

    delete: str
    insert: str
    mark_left: str


_WORKSPACES = _Queries("names/delete_workspaces", "names/insert_workspaces", "names/mark_left_workspaces")
_KEYS = _Queries("names/delete_api_keys", "names/insert_api_keys", "names/mark_left_api_keys")
_PEOPLE = _Queries("names/delete_people", "names/insert_people", "names/mark_left_people")


class NameStore:
    """Writes to the tables of names.

    Args:
        session: The write session whose work copy is changed.
        now: When OpenRouter was asked, UTC.
        account: The configured account whose key was used; None if none is configured.
    """

    def __init__(self, session: WriteSession, now: datetime, account: str | None = None) -> None:
        self._session = session
        self._account = account
        self._now = naive_utc(now)

    def add(self, names: Names) -> None:
        """Store all names in one transaction. What left its list stays, marked as such.

        The days of generations whose key is told or named otherwise now are noted as changed.
        """
        with self._session.transaction():
            before = self._keys()
            if names.workspaces is None or not names.keys_are_whole:
                self._session.execute("names/mark_keys_incomplete", account=self._account)
            if names.workspaces is not None:
                self._replace(_WORKSPACES, frame_of(ListedWorkspace, names.workspaces), is_whole=True)
            if names.keys is not None:
                self._replace(_KEYS, frame_of(ListedKey, names.keys), is_whole=names.keys_are_whole)
            if names.people is not None:
                self._replace(_PEOPLE, frame_of(Person, names.people), is_whole=True)
            self._mark_changed(before, self._keys())

    def _replace(self, queries: _Queries, rows: pl.DataFrame, *, is_whole: bool) -> None:
        account, connection = {"account": self._account}, self._session.connection
        with_incoming(connection, rows, sql_files.query(queries.delete), account)
        with_incoming(connection, rows, sql_files.query(queries.insert), account | {"now": self._now})
        if is_whole:
            self._session.execute(queries.mark_left, account=self._account, now=self._now)

    def _keys(self) -> set[tuple[Any, ...]]:
        return set(self._session.rows("names/known_keys", account=self._account))

    def _mark_changed(self, before: set[tuple[Any, ...]], after: set[tuple[Any, ...]]) -> None:
        """Note the days of the generations whose keys are told otherwise than before."""
        changed = before ^ after
        if changed:
            hashes = sorted({key[0] for key in changed})
            names = sorted({name for key in changed for name in key[1:3] if name is not None})
            days = self._session.rows("names/days_of_keys", account=self._account, hashes=hashes, names=names)
            self._session.mark_changed(pl.Series([day for (day,) in days], dtype=pl.Date))
