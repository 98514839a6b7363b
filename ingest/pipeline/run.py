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
from ingest.pipeline.publish_schedule import Publisher
from ingest.pipeline.store_stage import Batches
from ingest.sources.call_site import CallSites
from ingest.sources.checkpoints import Checkpoints
from ingest.sources.discovery import Readings, expand, named, require_readable
from ingest.sources.scanner import scan_all
from ingest.warehouse.storage.lock import Patience
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.core.run_stats import Tally
    from ingest.core.sightings import Chunk, SourceRead
    from ingest.pipeline.context import Job

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class Result:
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


async def ingest(sources: Sequence[str], job: Job) -> Result:
    """Read the sources into the ledger, then ask for everything that is due.

    Args:
        sources: Files, directories, globs and ``-``; none: only what is due in the ledger.
        job: What to work with.

    Returns:
        How it ended. Whatever was reached is committed, however that was.

    Raises:
        NoInputError: no source was readable, or there is nothing at all to work on.
        KeyRefusedError: there is something to ask, and no key.
        OrusageError: the warehouse failed.
    """
    started, now = job.clock.monotonic(), job.clock.now()
    expansion, call_sites = expand(sources), CallSites(job.settings.keep_fields)
    job.tally.passed_over = expansion.passed_over
    is_new = not Workspace(job.warehouse).holds_anything
    found = _worth_storing(scan_all(expansion, now, Checkpoints(), call_sites)) if is_new else None
    patience = Patience(job.settings.lock_timeout.total_seconds(), is_over=job.halt.is_interrupted)
    with Warehouse(job.warehouse, now, bounded=not job.settings.content, patience=patience) as warehouse:
        if job.settings.content:
            _warn_of_readers(job.warehouse)
        run = _Run(job, warehouse, now)
        try:
            known = Checkpoints(warehouse.checkpoints())
            problems = await run.read(found or scan_all(expansion, now, known, call_sites))
            job.tally.kept_fields = call_sites.kept
            await run.fetch()
        except Exception as error:
            with suppress(OrusageError):  # the first failure is told
                run.finish(error.code if isinstance(error, OrusageError) else Exit.UNEXPECTED)
            raise
        overdue, reason = warehouse.count_overdue(job.settings, job.clock.now()), run.stopped_by()
        run.finish(exit_code(job.tally, len(problems), overdue, reason))
        reason = await run.publish(reason)
        code = exit_code(job.tally, len(problems), overdue, reason)
    return Result(run.run_id, problems, overdue, reason, code, job.clock.monotonic() - started)


def exit_code(tally: Tally, problems: int, overdue: int, error: OrusageError | None) -> Exit:
    """What a run that came to its end says: an error that ended it early, else whether anything is left undone."""
    if error is not None:
        return Exit(error.code)
    return Exit.PARTIAL if problems or overdue or tally.dead else Exit.DONE


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

    def __init__(self, job: Job, warehouse: Warehouse, now: datetime) -> None:
        self.run_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self._job = job
        self._warehouse = warehouse
        self._started = now
        self._rate_limit: float | None = None
        self._publisher = Publisher(warehouse, job.settings.publish_every, job.clock)
        size = job.settings.batch_size
        self._batches = Batches(warehouse, self._publisher, self.run_id, size, job.clock, job.tally)
        warehouse.start_run(self.run_id, __version__, job.settings.base_url, now)

    async def read(self, chunks: Iterator[Chunk]) -> tuple[SourceRead, ...]:
        """Store what the sources hold; returns those that were not read to their end."""
        tally, readings = self._job.tally, Readings()
        for chunk in chunks:
            await asyncio.sleep(0)  # whoever shows progress gets a turn
            tally.new_ids += self._warehouse.add(_without_passed_over(chunk), self.run_id, self._job.clock.now())
            tally.count(chunk)
            await self._publisher.publish_if_due()
            for read in chunk.finished:
                log.debug("%s %a: %d bytes", "unchanged" if read.unchanged else "read", read.source, read.bytes_read)
            readings.note(chunk.finished)
        readings.require_readable()
        if not tally.sightings and not self._warehouse.has_ids():
            raise _nothing_found(tally.sources, readings.problems)
        return tuple(readings.problems)

    async def fetch(self) -> None:
        """Ask for everything that is due, and commit what comes back."""
        job, settings, began = self._job, self._job.settings, self._job.clock.now()
        due = self._warehouse.count_due(settings, began)
        job.tally.due = due if settings.limit is None else min(due, settings.limit)
        if job.tally.due:
            from ingest.pipeline.fetch_stage import ask  # noqa: PLC0415  # a night without IDs does not pay for the HTTP stack

            self._rate_limit = await ask(job, self._warehouse, self._batches, self.run_id, self._started)

    def stopped_by(self) -> OrusageError | None:
        """What ended the run early; be it only its time, while the server let nothing through."""
        halt, tally = self._job.halt, self._job.tally
        refused = tally.throttled + tally.overloaded
        if halt.error or not halt or not refused or self._batches.got_anywhere:
            return halt.error
        return stop_errors.throttled(f"{refused:,} of {tally.requests:,} requests were answered 429, 503 or 529")

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
        self._warehouse.finish_run(self.run_id, self._job.tally, code, self._job.clock.now(), self._rate_limit)


def _nothing_found(sources: int, problems: Sequence[SourceRead]) -> NoInputError:
    cause = "no source holds text, and nothing is pending"
    if sources:
        cause = f"no generation ID in {sources:,} {'source' if sources == 1 else 'sources'}"
    return NoInputError(
        "there is nothing to ask",
        cause=f"{cause}; {len(problems):,} not read, or not to the end: {named(problems)}" if problems else cause,
        fix="name logs that hold IDs such as gen-1753485462-…; `orusage extract FILE` shows what is found",
    )
