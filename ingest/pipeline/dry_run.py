"""A dry run: the sources are read and their IDs counted; nothing is stored and nothing is requested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.core.run_stats import RunStats
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.read_problems import ReadProblems
from ingest.sources.scanner import scan_all
from ingest.warehouse.ledger_snapshot import LedgerSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.client.accounts import Account
    from ingest.core.settings import Settings
    from ingest.core.sightings import SourceRead


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do.

    Attributes:
        stats: The counts of reading; `new_ids` are the IDs that are neither settled nor in the ledger.
        problems: Sources that cannot be read, or not to their end.
        requests: IDs that would be requested: the due ones of the ledger and the new ones, within the run's limits.
        rate: Expected requests per second: the rate limit measured last, at most the cap; None if neither is known.
    """

    stats: RunStats
    problems: tuple[SourceRead, ...]
    requests: int
    rate: float | None

    @property
    def seconds(self) -> float | None:
        """How long the requests would take, in seconds; None while the rate is unknown."""
        return self.requests / self.rate if self.rate else None


def dry_run(
    sources: Sequence[str], warehouse: Path, settings: Settings, now: datetime, accounts: Sequence[Account] = ()
) -> DryRun:
    """Read the sources from their checkpoints and compare their IDs with the warehouse, which is not changed.

    Args:
        sources: Files, directories, globs, URLs and ``-``.
        warehouse: The DuckDB file; it need not exist.
        settings: What the run would be given.
        now: The wall clock, UTC.
        accounts: The accounts that the run would ask; none: one without a name.

    Raises:
        NoInputError: no source was readable.
        OrusageError: the warehouse cannot be read.
    """
    with LedgerSnapshot(warehouse) as ledger:
        known = [] if settings.reread else ledger.checkpoints()
        stats, problems = _read(sources, ledger, CheckpointIndex(known), now)
        stats.due, stats.ahead = ledger.count_due(settings, now), ledger.count_ahead(now)
        asked = [(each.base_url, each.name) for each in accounts] or [(settings.base_url, None)]
        measured = [ledger.remembered_rate(urlsplit(url).netloc, name) for url, name in asked]
    requests = stats.due if settings.limit is None else min(stats.due, settings.limit)
    rate = min((rate for rate in (sum(filter(None, measured)), settings.rate) if rate), default=None)
    return DryRun(stats, problems, requests, rate)


def _read(
    sources: Sequence[str], ledger: LedgerSnapshot, known: CheckpointIndex, now: datetime
) -> tuple[RunStats, tuple[SourceRead, ...]]:
    stats, read_problems, expansion = RunStats(), ReadProblems(), expand_sources(sources, as_absolute=True)
    stats.passed_over = expansion.passed_over
    for chunk in scan_all(expansion, now, known):
        stats.count(chunk)
        stats.new_ids += ledger.note(chunk.sightings)
        read_problems.add(chunk.finished)
    read_problems.require_readable()
    return stats, tuple(read_problems.problems)
