"""The job: sources → sightings → ledger → fetch → batches → warehouse.

`ingest` is the whole of it, and the functions below are its steps, in order. Values only go forward, and nothing
waits for the network inside a transaction.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from ingest.core.errors import Exit, NoInputError, OrusageError
from ingest.core.version import __version__
from ingest.fetch import stop_errors
from ingest.pipeline.publish_schedule import PublishSchedule
from ingest.pipeline.store_stage import BatchWriter
from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.read_problems import ReadProblems, list_problems, require_readable
from ingest.sources.scanner import scan_all
from ingest.warehouse.storage.lock import LockWait
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.core.run_stats import RunStats
    from ingest.core.sightings import Chunk, SourceRead
    from ingest.pipeline.context import RunContext

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        run_id: Its name in ``ops.runs``.
        problems: Sources that were not read, or not to their end.
        overdue: IDs left pending though they are past the grace.
        error: What ended it early; None if it came to its end.
        code: What the process should say.
        seconds: How long it took.
    """

    run_id: str
    problems: tuple[SourceRead, ...]
    overdue: int
    error: OrusageError | None
    code: Exit
    seconds: float


async def ingest(sources: Sequence[str], context: RunContext) -> RunResult:
    """Read the sources into the ledger, then ask for everything that is due.

    Args:
        sources: Files, directories, globs and ``-``; none: only what is due in the ledger.
        context: What to work with.

    Returns:
        How it ended. Whatever was reached is committed, however that was.

    Raises:
        NoInputError: no source was readable, or there is nothing at all to work on.
        KeyRefusedError: there is something to ask, and no key.
        OrusageError: the warehouse failed.
    """
    started, now = context.clock.monotonic(), context.clock.now()
    expansion, call_sites = expand_sources(sources), CallSiteParser(context.settings.keep_fields)
    context.stats.passed_over = expansion.passed_over
    is_new = not Workspace(context.warehouse).holds_anything
    found = _worth_storing(scan_all(expansion, now, CheckpointIndex(), call_sites)) if is_new else None
    lock_wait = LockWait(context.settings.lock_timeout.total_seconds(), is_over=context.cancellation.is_interrupted)
    with Warehouse(context.warehouse, now, bounded=not context.settings.content, lock_wait=lock_wait) as warehouse:
        if context.settings.content:
            _warn_of_readers(context.warehouse)
        run = _Run(context, warehouse, now)
        try:
            known = CheckpointIndex(warehouse.checkpoints())
            problems = await run.read(found or scan_all(expansion, now, known, call_sites))
            context.stats.kept_fields = call_sites.kept
            await run.fetch()
        except Exception as error:
            with suppress(OrusageError):  # the first failure is told
                run.finish(error.code if isinstance(error, OrusageError) else Exit.UNEXPECTED)
            raise
        overdue, reason = warehouse.count_overdue(context.settings, context.clock.now()), run.stopped_by()
        run.finish(exit_code(context.stats, len(problems), overdue, reason))
        reason = await run.publish(reason)
        code = exit_code(context.stats, len(problems), overdue, reason)
    return RunResult(run.run_id, problems, overdue, reason, code, context.clock.monotonic() - started)


def exit_code(stats: RunStats, problems: int, overdue: int, error: OrusageError | None) -> Exit:
    """What a run that came to its end says: an error that ended it early, else whether anything is left undone."""
    if error is not None:
        return Exit(error.code)
    return Exit.PARTIAL if problems or overdue or stats.dead else Exit.DONE


def _warn_of_readers(warehouse: Path) -> None:
    if warehouse.exists() and warehouse.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("%s can be read by others than its owner, and will hold prompts: chmod 600 it", warehouse)


def _worth_storing(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, once it is clear that a warehouse is worth creating: an ID was found."""
    seen: list[Chunk] = []
    for chunk in chunks:
        seen.append(chunk)
        if chunk.sightings:
            return chain(seen, chunks)
    reads = [read for chunk in seen for read in chunk.finished]
    require_readable(reads)
    raise _nothing_found(len(reads), [read for read in reads if read.problem and not read.passed_over])


def _without_passed_over(chunk: Chunk) -> Chunk:
    return replace(chunk, reads=tuple(r for r in chunk.reads if not r.passed_over))


class _Run:
    """One run over an open warehouse."""

    def __init__(self, context: RunContext, warehouse: Warehouse, now: datetime) -> None:
        self.run_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self._context = context
        self._warehouse = warehouse
        self._started = now
        self._rate_limit: float | None = None
        self._publisher = PublishSchedule(warehouse, context.settings.publish_every, context.clock)
        size = context.settings.batch_size
        self._batches = BatchWriter(warehouse, self._publisher, self.run_id, size, context.clock, context.stats)
        warehouse.start_run(self.run_id, __version__, context.settings.base_url, now)

    async def read(self, chunks: Iterator[Chunk]) -> tuple[SourceRead, ...]:
        """Store what the sources hold; returns those that were not read to their end."""
        stats, read_problems = self._context.stats, ReadProblems()
        for chunk in chunks:
            await asyncio.sleep(0)  # whoever shows progress gets a turn
            stats.new_ids += self._warehouse.add(_without_passed_over(chunk), self.run_id, self._context.clock.now())
            stats.count(chunk)
            await self._publisher.publish_if_due()
            for read in chunk.finished:
                log.debug("%s %a: %d bytes", "unchanged" if read.unchanged else "read", read.source, read.bytes_read)
            read_problems.add(chunk.finished)
        read_problems.require_readable()
        if not stats.sightings and not self._warehouse.has_ids():
            raise _nothing_found(stats.sources, read_problems.problems)
        return tuple(read_problems.problems)

    async def fetch(self) -> None:
        """Ask for everything that is due, and commit what comes back."""
        context, settings, began = self._context, self._context.settings, self._context.clock.now()
        due = self._warehouse.count_due(settings, began)
        context.stats.due = due if settings.limit is None else min(due, settings.limit)
        if context.stats.due:
            from ingest.pipeline.fetch_stage import fetch_due  # noqa: PLC0415  # a night without IDs does not pay for the HTTP stack

            self._rate_limit = await fetch_due(context, self._warehouse, self._batches, self.run_id, self._started)

    def stopped_by(self) -> OrusageError | None:
        """What ended the run early; be it only its time, while the server let nothing through."""
        cancellation, stats = self._context.cancellation, self._context.stats
        refused = stats.throttled + stats.overloaded
        if cancellation.error or not cancellation or not refused or self._batches.got_anywhere:
            return cancellation.error
        return stop_errors.throttled(f"{refused:,} of {stats.requests:,} requests were answered 429, 503 or 529")

    async def publish(self, reason: OrusageError | None) -> OrusageError | None:
        """Publish what was stored; returns what ended the run: the reason before, or why it could not be published."""
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
        """Note how the run ended."""
        self._warehouse.finish_run(self.run_id, self._context.stats, code, self._context.clock.now(), self._rate_limit)


def _nothing_found(sources: int, problems: Sequence[SourceRead]) -> NoInputError:
    cause = "no source holds text, and nothing is pending"
    if sources:
        cause = f"no generation ID in {sources:,} {'source' if sources == 1 else 'sources'}"
    return NoInputError(
        "there is nothing to ask",
        cause=f"{cause}; {len(problems):,} not read, or not to the end: {list_problems(problems)}"
        if problems
        else cause,
        fix="name logs that hold IDs such as gen-1753485462-…; `orusage extract FILE` shows what is found",
    )
