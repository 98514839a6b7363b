"""What discoveries have in common, wherever IDs come from: their parts, their counts, and how they store."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.core.errors import Exit, OrusageError
from ingest.pipeline.publish_schedule import PublishSchedule
from ingest.warehouse.storage.lock import LockWait
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.discovered import Discovery

PUBLISH_EVERY = timedelta(minutes=15)
"""How often a long discovery publishes what is stored."""

PROGRESS_EVERY = 10.0
"""Seconds between two lines on the progress."""

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class DiscoveryContext:
    """The parts of one discovery.

    Attributes:
        warehouse: The DuckDB file.
        clock: The wall clock and the monotonic clock.
        cancellation: Set by a signal; a wait for another writer ends then.
        lock_timeout: How long to wait for another writer.
        account: Name of the configured account; None if no accounts are configured.
    """

    warehouse: Path
    clock: Clock
    cancellation: RunCancellation
    lock_timeout: timedelta = timedelta()
    account: str | None = None


@dataclass
class DiscoveryResult:
    """What was asked and told, as far as it is stored.

    Attributes:
        asked: Windows that were asked about, or CSV files read.
        since: Begin of the first window.
        until: End of the last window.
        rows: Rows told.
        generations: Generations told; one that two windows tell counts twice.
        new_ids: IDs that were neither in the ledger nor settled.
        rows_without_id: Rows without a generation ID of a known form.
        usage_without_id: What those rows cost, in USD.
        incomplete: Seconds that hold more generations than one answer tells.
        problems: What could not be read.
        error: What ended it early; None if it came to its end.
        seconds: How long it took.
    """

    asked: int = 0
    since: datetime | None = None
    until: datetime | None = None
    rows: int = 0
    generations: int = 0
    new_ids: int = 0
    rows_without_id: int = 0
    usage_without_id: Decimal = Decimal()
    incomplete: list[datetime] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: OrusageError | None = None
    seconds: float = 0.0

    @property
    def code(self) -> Exit:
        """The exit code of the process."""
        if self.error:
            return Exit(self.error.code)
        return Exit.PARTIAL if self.incomplete or self.problems else Exit.DONE

    def count(self, discovery: Discovery, new_ids: int) -> None:
        """Count what was stored."""
        self.asked += 1
        self.since = self.since or discovery.since
        self.until = discovery.until or self.until
        self.rows += discovery.rows
        self.generations += len(discovery.generations)
        self.new_ids += new_ids
        self.rows_without_id += discovery.rows_without_id
        self.usage_without_id += discovery.usage_without_id
        if discovery.truncated and discovery.since:
            self.incomplete.append(discovery.since)


def open_warehouse(context: DiscoveryContext, now: datetime) -> Warehouse:
    """The warehouse, as a discovery writes to it."""
    lock_wait = LockWait(context.lock_timeout.total_seconds(), is_over=context.cancellation.is_interrupted)
    return Warehouse(context.warehouse, now, "discover", lock_wait=lock_wait)


class DiscoveryWriter:
    """Stores what is told, counts it, logs the progress, and publishes now and then.

    Args:
        warehouse: Where to.
        context: The parts of the discovery.
        now: When the command began, UTC.
        result: Counts what is stored.
    """

    def __init__(self, warehouse: Warehouse, context: DiscoveryContext, now: datetime, result: DiscoveryResult) -> None:
        self._warehouse = warehouse
        self._clock = context.clock
        self._run_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self._result = result
        self._publisher = PublishSchedule(warehouse, PUBLISH_EVERY, context.clock)
        self._logged = context.clock.monotonic()

    def store(self, discovery: Discovery) -> None:
        """Store what was told, in one transaction."""
        new_ids = self._warehouse.add_discovery(discovery, self._run_id, self._clock.now())
        self._result.count(discovery, new_ids)
        if self._clock.monotonic() - self._logged >= PROGRESS_EVERY:
            self._logged = self._clock.monotonic()
            told, new, until = self._result.generations, self._result.new_ids, self._result.until
            place = f"up to {until:%Y-%m-%d %H:%M:%S} UTC: " if until else ""
            log.info("%s%s generations told, %s new", place, f"{told:,}", f"{new:,}")

    async def publish_if_due(self) -> None:
        """Publish if that was long ago, as `PublishSchedule`."""
        await self._publisher.publish_if_due()
