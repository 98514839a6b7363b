"""The job: scan the sources into the ledger, fetch what is due, store it, publish.

`ingest` is the whole of it. Values only go forward, and nothing waits for the network inside a transaction.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.client import stop_errors
from ingest.core.errors import Exit, LibraryFailedError, OrusageError, is_failure_of_library
from ingest.core.version import __version__
from ingest.pipeline.publish_schedule import LARGEST_LOG, LARGEST_LOG_UNBOUNDED, PublishSchedule
from ingest.pipeline.scan_stage import ScanStage
from ingest.pipeline.store_stage import BatchWriter
from ingest.warehouse.storage.lock import LockWait
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.core.outcomes import PendingIds
    from ingest.core.run_stats import RunStats
    from ingest.core.sightings import SourceRead
    from ingest.pipeline.context import RunContext

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        run_id: Its name in ``ops.runs``.
        problems: Sources that were not read, or not to their end.
        overdue: IDs left pending although they are older than the not-found grace.
        error: The error that ended it early; None if it came to its end.
        code: The exit code of the process.
        seconds: How long it took.
        pending: What the ledger leaves to later runs, by reason.
    """

    run_id: str
    problems: tuple[SourceRead, ...]
    overdue: int
    error: OrusageError | None
    code: Exit
    seconds: float
    pending: tuple[PendingIds, ...] = ()


async def ingest(sources: Sequence[str], context: RunContext) -> RunResult:
    """Scan the sources into the ledger, then request every ID that is due.

    Args:
        sources: Files, directories, globs, URLs and ``-``; none: only the due IDs of the ledger.
        context: The parts of the run.

    Returns:
        How it ended. Everything reached is committed, however it ended.

    Raises:
        NoInputError: no source was readable, or there is no ID to work on.
        KeyRefusedError: an ID is due, and there is no key.
        OrusageError: the warehouse failed.
    """
    started, now = context.clock.monotonic(), context.clock.now()
    scan = ScanStage(sources, context, now)
    first_chunks = scan.first_chunks()
    with _open_warehouse(context, now) as warehouse:
        run = _Run(context, warehouse, now)
        with run.recorded_failure():
            problems = await scan.run(first_chunks, warehouse, run.publisher, run.run_id)
            await run.fetch()
        strict, pending = context.settings.strict, warehouse.ledger.pending(context.clock.now())
        overdue, reason = warehouse.ledger.count_overdue(context.settings, context.clock.now()), run.stopped_by()
        unusable = len(problems) + len(warehouse.quarantined)
        run.finish(exit_code(context.stats, unusable, overdue, reason, strict=strict))
        reason = await run.publish(reason)
        code = exit_code(context.stats, unusable, overdue, reason, strict=strict)
    return RunResult(run.run_id, problems, overdue, reason, code, context.clock.monotonic() - started, pending)


def exit_code(
    stats: RunStats, unusable: int, overdue: int, error: OrusageError | None, *, strict: bool = False
) -> Exit:
    """The exit code of a run that was not ended by an exception.

    Args:
        stats: The run's counts.
        unusable: Sources that were not read to their end, and work copies that could not be published.
        overdue: IDs still pending although they are older than the not-found grace.
        error: The error that stopped fetching early; None if it came to its end.
        strict: Whether dead letters that were to be expected count, too.
    """
    if error is not None:
        return Exit(error.code)
    dead = stats.dead if strict else stats.dead - stats.expected_dead
    return Exit.PARTIAL if unusable or overdue or dead else Exit.DONE


def _open_warehouse(context: RunContext, now: datetime) -> Warehouse:
    """The warehouse; with contents its memory is not limited, and a file that others can read is warned about."""
    settings = context.settings
    lock_wait = LockWait(settings.lock_timeout.total_seconds(), is_over=context.cancellation.is_interrupted)
    warehouse = Warehouse(context.warehouse, now, bounded=not settings.content, lock_wait=lock_wait)
    if settings.content:
        _warn_of_readers(context.warehouse)
    return warehouse


def _warn_of_readers(warehouse: Path) -> None:
    if warehouse.exists() and warehouse.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("%s can be read by others than its owner, and will hold prompts: chmod 600 it", warehouse)


class _Run:
    """One run over an open warehouse.

    Attributes:
        run_id: Its name in ``ops.runs``: when it began, UTC.
        publisher: Publishes the warehouse during the run.
    """

    def __init__(self, context: RunContext, warehouse: Warehouse, now: datetime) -> None:
        self.run_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        largest_log = LARGEST_LOG_UNBOUNDED if context.settings.content else LARGEST_LOG
        self.publisher = PublishSchedule(warehouse, context.settings.publish_every, context.clock, largest_log)
        self._context = context
        self._warehouse = warehouse
        self._started = now
        self._rate_limit: float | None = None
        size = context.settings.batch_size
        self._batches = BatchWriter(warehouse, self.publisher, self.run_id, size, context.clock, context.stats)
        warehouse.start_run(self.run_id, __version__, context.settings.base_url, now)

    async def fetch(self) -> None:
        """Request every ID that is due, and commit the outcomes."""
        context, settings, began = self._context, self._context.settings, self._context.clock.now()
        due = self._warehouse.ledger.count_due(settings, began)
        context.stats.ahead = self._warehouse.ledger.count_ahead(began)
        context.stats.due = due if settings.limit is None else min(due, settings.limit)
        if context.stats.due:
            from ingest.pipeline.fetch_stage import fetch_due  # noqa: PLC0415  # a run without due IDs loads no HTTP

            self._rate_limit = await fetch_due(context, self._warehouse, self._batches, self.run_id, self._started)

    def stopped_by(self) -> OrusageError | None:
        """The error that stopped the run or an account's part of it early.

        Also the run's end by ``--max-time`` if the server let nothing through.
        """
        cancellation, stats = self._context.cancellation, self._context.stats
        refused = stats.throttled + stats.overloaded
        if cancellation.error or not cancellation or not refused or self._batches.has_progressed:
            return cancellation.error_of_parts
        return stop_errors.throttled(f"{refused:,} of {stats.requests:,} requests were answered 429, 503 or 529")

    async def publish(self, reason: OrusageError | None) -> OrusageError | None:
        """Publish what was stored.

        Returns:
            What stopped the run: `reason`, or else why it could not be published.
        """
        try:
            await asyncio.to_thread(self._warehouse.publish)
        except OrusageError as error:
            if reason := reason or self.stopped_by():
                log.warning("%s (%s)", error.what, error.cause)
                return reason
            with suppress(OrusageError):
                self.finish(error.code)
            return error
        return reason

    def finish(self, code: int) -> None:
        """Store the run's counts and its exit code."""
        self._warehouse.finish_run(self.run_id, self._context.stats, code, self._context.clock.now(), self._rate_limit)

    @contextmanager
    def recorded_failure(self) -> Iterator[None]:
        """Store the exit code of an exception that leaves the block. A library's panic becomes an error of ours."""
        try:
            yield
        except BaseException as error:
            is_panic = is_failure_of_library(error)
            if not is_panic and not isinstance(error, Exception):
                raise
            with suppress(OrusageError):  # the first failure is the one to report
                self.finish(error.code if isinstance(error, OrusageError) else Exit.UNEXPECTED)
            if is_panic:
                raise LibraryFailedError(error) from error
            raise
