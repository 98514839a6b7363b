"""What a run would do, without doing it: sources are read and IDs counted, nothing is stored and nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import duckdb

from ingest.core.run_stats import RunStats
from ingest.core.sightings import Checkpoint
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.read_problems import ReadProblems
from ingest.sources.scanner import scan_all
from ingest.warehouse import sql_files
from ingest.warehouse.erasure import without_erased
from ingest.warehouse.staging import find_new, unique_ids, with_incoming
from ingest.warehouse.storage.connection import is_ours, not_ours, open_for_reading, refuse_impossible, storage_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.core.settings import Settings
    from ingest.core.sightings import Sighting, SourceRead


RATES_SINCE, CHECKPOINTS_SINCE, ERASURES_SINCE = 3, 4, 6
"""The migrations that brought them."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do.

    Attributes:
        stats: What reading the sources came to; `new_ids` are the IDs that are neither settled nor in the ledger.
        problems: Sources that cannot be read, or not to their end.
        requests: IDs that would be asked: those due in the ledger, and the new ones, within the run's bounds.
        rate: Requests per second that the API let through when it was last asked, or the cap; None if unknown.
    """

    stats: RunStats
    problems: tuple[SourceRead, ...]
    requests: int
    rate: float | None

    @property
    def seconds(self) -> float | None:
        """How long asking would take; None while the rate is unknown."""
        return self.requests / self.rate if self.rate else None


def dry_run(sources: Sequence[str], warehouse: Path, settings: Settings, now: datetime) -> DryRun:
    """Read the sources from their checkpoints and compare what is found with the warehouse, which stays as it is.

    Raises:
        NoInputError: no source was readable.
        OrusageError: the warehouse cannot be read.
    """
    refuse_impossible(warehouse)
    expansion, stats = expand_sources(sources), RunStats()
    stats.passed_over = expansion.passed_over
    read_problems = ReadProblems()
    with _Known(warehouse) as known:
        for chunk in scan_all(expansion, now, known.checkpoints()):
            stats.count(chunk)
            stats.new_ids += known.note(chunk.sightings)
            read_problems.add(chunk.finished)
        read_problems.require_readable()
        stats.due, rate = known.count_due(settings, now), known.rate(settings)
    requests = stats.due if settings.limit is None else min(stats.due, settings.limit)
    return DryRun(stats, tuple(read_problems.problems), requests, rate)


class _Known:
    """What a warehouse knows, read only; one that does not exist yet knows nothing. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _opened(path) if path.exists() else _empty()
        self._version = max(number for number, _ in self._rows("catalog/applied_migrations"))
        self._connection.execute(sql_files.query("dry_run/begin"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def checkpoints(self) -> CheckpointIndex:
        """Where reading would go on; nowhere, if the warehouse is of a version without checkpoints."""
        if self._version < CHECKPOINTS_SINCE:
            return CheckpointIndex()
        return CheckpointIndex(Checkpoint(*row) for row in self._rows("ledger/checkpoints"))

    def note(self, sightings: Sequence[Sighting]) -> int:
        """How many of these IDs are new."""
        with storage_errors(self._path):
            new = find_new(self._connection, unique_ids(sightings))
            if self._version >= ERASURES_SINCE:
                new = without_erased(self._connection, new)
            return with_incoming(self._connection, new, sql_files.query("dry_run/add_new"))

    def count_due(self, settings: Settings, now: datetime) -> int:
        """How many IDs would be asked: those that are due, and the new ones."""
        since, until = settings.since.replace(tzinfo=None), settings.until.replace(tzinfo=None)
        [(due,)] = self._rows("ledger/count_due", now=now.replace(tzinfo=None), since=since, until=until)
        [(new,)] = self._rows("dry_run/count_due_new", since=since, until=until)
        return int(due + new)

    def rate(self, settings: Settings) -> float | None:
        """Requests per second to expect; None if nobody knows."""
        host = urlsplit(settings.base_url).netloc
        learned = self._rows("runs/remembered_rate", host=host) if self._version >= RATES_SINCE else []
        rates = [rate for rate, *_ in learned] + [rate for rate in (settings.rate,) if rate]
        return min(rates, default=None)

    def _rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        with storage_errors(self._path):
            return self._connection.execute(sql_files.query(name), parameters).fetchall()


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    """The file; an empty warehouse for one in which nothing was created yet."""
    connection = open_for_reading(path)
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
        connection.execute(migration.text)
        connection.execute(
            sql_files.query("catalog/record_migration"),
            {"number": migration.number, "name": migration.name, "now": None},
        )
    return connection
