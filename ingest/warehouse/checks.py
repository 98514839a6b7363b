"""Checks before publishing: the check views are empty, and the clone holds the rows of the work copy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.errors import OrusageError
from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import open_for_reading, storage_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

log = logging.getLogger("orusage")

_NAMED = 5
"""Violations that a message names."""


class Violation(NamedTuple):
    """A row of a check view."""

    check: str
    day: date | None
    generation_id: str | None
    problem: str

    def __str__(self) -> str:
        where = " of ".join(str(part) for part in (self.generation_id, self.day) if part)
        return f"{self.check}: {f'{where}: ' if where else ''}{self.problem}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a clone must hold.

    Attributes:
        rows: How many rows each table has.
        days: The days written to since the published file was copied; None: unknown, so all are checked.
    """

    rows: Sequence[tuple[str, int]]
    days: frozenset[date] | None


def verify(clone: Path, published: Path, expected: Expected) -> None:
    """Refuse a clone that lacks rows, is older than the published file, or violates a check that held before.

    A violation that the published file has too is logged as a warning.

    Raises:
        OrusageError: it must not be published.
        StorageError: it does not open.
    """
    with storage_errors(clone), open_for_reading(clone) as connection:
        rows = connection.execute(sql_files.query("checks/count_rows")).fetchall()
        found = violations(connection, expected.days)
        [(number,)] = connection.execute(sql_files.query("storage/last_commit")).fetchall()
    if number < _last_commit_of(published):
        raise _not_published("it is older than what is published", f"its last transaction has number {number}")
    if rows != expected.rows:
        differing = [f"{name} {count}" for name, count in set(expected.rows) ^ set(rows)]
        raise _not_published("the clone does not hold what was committed", ", ".join(sorted(differing)))
    if found:
        new = found - _before(published, expected.days)
        for old in sorted(map(str, found - new))[:_NAMED]:
            log.warning("as before this run, %s", old)
        if new:
            raise _not_published("a check failed", "; ".join(sorted(map(str, new))[:_NAMED]))


def violations(connection: duckdb.DuckDBPyConnection, days: frozenset[date] | None = None) -> set[Violation]:
    """The rows of the check views.

    Args:
        connection: An open warehouse.
        days: Only rows of these days, and rows without a day; None: all rows.
    """
    found: set[Violation] = set()
    for view in sql_files.checks():
        name = "checks/all_violations" if days is None else "checks/violations_of_days"
        parameters = {"check": view.relation} if days is None else {"check": view.relation, "days": sorted(days)}
        rows = connection.execute(sql_files.query(name), parameters).fetchall()
        found.update(Violation(view.name, *row) for row in rows)
    return found


def _last_commit_of(published: Path) -> int:
    """The number of the last transaction of the published file; -1 if it has none."""
    if not published.exists():
        return -1
    with storage_errors(published), open_for_reading(published) as connection:
        if "ops.last_commit" not in _relations(connection):
            return -1
        [(number,)] = connection.execute(sql_files.query("storage/last_commit")).fetchall()
    return int(number)


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {relation for relation, *_ in connection.execute(sql_files.query("catalog/list_columns")).fetchall()}


def _before(published: Path, days: frozenset[date] | None) -> set[Violation]:
    """The violations of the published file; none if it lacks a check view."""
    if not published.exists():
        return set()
    with storage_errors(published), open_for_reading(published) as connection:
        if not {view.name for view in sql_files.checks()} <= _relations(connection):
            return set()
        return violations(connection, days)


def _not_published(what: str, cause: str) -> OrusageError:
    return OrusageError(
        f"the warehouse is not published: {what}",
        cause=cause,
        fix="what is published stays as it was, and the work copy is kept; see `orusage doctor`, and report it",
    )
