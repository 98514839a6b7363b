"""The job: sources → sightings → ledger → fetch → batches → warehouse.

`ingest` is the whole of it, and the functions below are its steps, in order. Values only go forward, and nothing
waits for the network inside a transaction.
"""

from __future__ import annotations

import asyncio
import logging
import random
import stat
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from ingest import __version__
from ingest.burials import buried_with_care
from ingest.client import AsyncOpenRouter
from ingest.errors import Exit, NoInputError, OrusageError
from ingest.fetch import Fetcher
from ingest.limiter import Gate, RateLimit
from ingest.models import Dead, Pending, Settled
from ingest.retries import RetryConfig
from ingest.scan import expand, require_readable, scan_all
from ingest.tally import STORED
from ingest.warehouse import Page, Warehouse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.clock import Clock
    from ingest.halt import Halt
    from ingest.key import ApiKey
    from ingest.models import Chunk, Outcome, SourceRead, WorkItem
    from ingest.settings import Settings
    from ingest.tally import Tally

log = logging.getLogger("orusage")

PAGE = 5_000
"""IDs claimed from the ledger at a time, so that memory does not grow with the backlog."""

COMMIT_EVERY = 5.0
"""Seconds after which a batch is committed though it is not full."""

LARGEST_BATCH = 64 * 1024 * 1024
"""Characters of content after which it is, so that long prompts do not fill the memory."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run works with.

    Attributes:
        warehouse: The DuckDB file; it comes into being when there is something to store.
        load_key: Finds the API key; called when there is something to ask.
        settings: What was asked for.
        clock: Where time comes from.
        halt: Ends the run early; a signal handler may set it.
        tally: Counts as the run goes.
        watch: Handed the gate when fetching begins, for whoever shows progress.
    """

    warehouse: Path
    load_key: Callable[[], ApiKey]
    settings: Settings
    clock: Clock
    halt: Halt
    tally: Tally
    watch: Callable[[Gate], None]


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
    expansion = expand(sources)
    job.tally.passed_over = expansion.passed_over
    chunks = _worth_storing(scan_all(expansion, now), job.warehouse)
    with Warehouse(job.warehouse, now) as warehouse:
        if job.settings.content:
            _warn_of_readers(job.warehouse)
        run = _Run(job, warehouse, now)
        try:
            problems = await run.read(chunks)
            await run.fetch()
        except Exception as error:
            run.finish(error.code if isinstance(error, OrusageError) else Exit.UNEXPECTED)
            raise
        overdue = warehouse.count_overdue(job.settings, job.clock.now())
        code = exit_code(job.tally, len(problems), overdue, job.halt.error)
        run.finish(code)
    return Result(run.run_id, problems, overdue, job.halt.error, code, job.clock.monotonic() - started)


def exit_code(tally: Tally, problems: int, overdue: int, error: OrusageError | None) -> Exit:
    """What a run that came to its end says: an error that ended it early, else whether anything is left undone."""
    if error is not None:
        return Exit(error.code)
    return Exit.PARTIAL if problems or overdue or tally.dead else Exit.DONE


def _warn_of_readers(warehouse: Path) -> None:
    if warehouse.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("%s can be read by others than its owner, and will hold prompts: chmod 600 it", warehouse)


def _worth_storing(chunks: Iterator[Chunk], warehouse: Path) -> Iterator[Chunk]:
    """The same chunks, once it is clear that a warehouse is worth creating: there is one, or an ID was found."""
    seen: list[Chunk] = []
    for chunk in chunks:
        seen.append(chunk)
        if chunk.sightings:
            return chain(seen, chunks)
    reads = [c.read for c in seen if c.read]
    require_readable(reads)
    if not warehouse.exists():
        raise _nothing_found(len(reads))
    return iter(seen)


class _Run:
    """One run over an open warehouse."""

    def __init__(self, job: Job, warehouse: Warehouse, now: datetime) -> None:
        self.run_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self._job = job
        self._warehouse = warehouse
        self._now = now
        warehouse.start_run(self.run_id, __version__, job.settings.base_url, now)

    async def read(self, chunks: Iterator[Chunk]) -> tuple[SourceRead, ...]:
        """Store what the sources hold; returns those that were not read to their end."""
        tally = self._job.tally
        problems: list[SourceRead] = []
        for chunk in chunks:
            await asyncio.sleep(0)  # whoever shows progress gets a turn
            if chunk.read and chunk.read.passed_over:
                tally.passed_over += 1
                continue
            tally.new_ids += self._warehouse.add(chunk, self.run_id, self._job.clock.now())
            tally.sightings += len(chunk.sightings)
            if chunk.read:
                log.debug("read %a: %d bytes, %d IDs", chunk.read.source, chunk.read.bytes_read, chunk.read.sightings)
                tally.sources += 1
                tally.bytes_read += chunk.read.bytes_read
                problems += [chunk.read] if chunk.read.problem else []
        if not self._warehouse.has_ids():
            raise _nothing_found(tally.sources)
        return tuple(problems)

    async def fetch(self) -> None:
        """Ask for everything that is due, and commit what comes back."""
        job, settings = self._job, self._job.settings
        due = self._warehouse.count_due(settings, self._now)
        job.tally.due = due if settings.limit is None else min(due, settings.limit)
        if not job.tally.due:
            return
        gate = Gate(RateLimit(settings.rate), job.clock, job.halt)
        job.watch(gate)
        async with _client(job) as client:
            fetcher = Fetcher(client, gate, job.halt, settings, job.clock, job.tally, random.random)
            async with (
                _deadline(job, self._now),
                aclosing(fetcher.run(self._items())) as outcomes,
                aclosing(buried_with_care(outcomes, job.halt)) as cared_for,
                aclosing(self._batches(cared_for)) as batches,
            ):
                async for batch in batches:
                    self._warehouse.commit(batch, self.run_id)
                    for outcome in batch:
                        _count(outcome, job.tally)

    def finish(self, code: int) -> None:
        """Note how the run ended."""
        self._warehouse.finish_run(self.run_id, self._job.tally, code, self._job.clock.now())

    def _items(self) -> Iterator[WorkItem]:
        """What was due when the run began, newest first, page by page, up to the run's limits."""
        return islice(self._due(), self._job.settings.limit)

    def _due(self) -> Iterator[WorkItem]:
        page = Page()
        while items := self._warehouse.claim_due(self._job.settings, self._now, page, PAGE):
            yield from items
            page = Page.behind(items[-1])

    async def _batches(self, outcomes: AsyncIterable[Outcome]) -> AsyncGenerator[list[Outcome]]:
        clock = self._job.clock
        batch: list[Outcome] = []
        began, size = clock.monotonic(), 0
        async for outcome in outcomes:
            self._job.tally.done += 1
            batch.append(outcome)
            size += outcome.content.size if isinstance(outcome, Settled) and outcome.content else 0
            is_full = len(batch) >= self._job.settings.batch_size or size >= LARGEST_BATCH
            if is_full or clock.monotonic() - began >= COMMIT_EVERY:
                yield batch
                batch, began, size = [], clock.monotonic(), 0
        if batch:
            yield batch


@asynccontextmanager
async def _deadline(job: Job, started: datetime) -> AsyncIterator[None]:
    """Halt the run when its time is up."""
    if job.settings.max_time is None:
        yield
        return
    left = job.settings.max_time - (job.clock.now() - started)
    timer = asyncio.create_task(_halt_after(left.total_seconds(), job))
    try:
        yield
    finally:
        timer.cancel()


async def _halt_after(seconds: float, job: Job) -> None:
    await job.clock.sleep(max(seconds, 0))
    job.halt.set()


def _client(job: Job) -> AsyncOpenRouter:
    """Without retries of its own: the run's policy decides."""
    settings = job.settings
    return AsyncOpenRouter(
        job.load_key(), server_url=settings.base_url, timeout=settings.timeout, retries=RetryConfig("none")
    )


def _count(outcome: Outcome, tally: Tally) -> None:
    """Count what is stored. An ID that was still waiting for its turn when the run ended was not asked."""
    match outcome:
        case Settled():
            tally.settled += 1
            tally.spend += outcome.generation.spend
            if outcome.content:
                tally.contents[outcome.content.reason or STORED] += 1
        case Pending():
            tally.pending += outcome.requests > 0
        case Dead():
            tally.dead += 1


def _nothing_found(sources: int) -> NoInputError:
    return NoInputError(
        "there is nothing to ask",
        cause=f"no generation ID in {sources} sources" if sources else "no source holds text, and nothing is pending",
        fix="name logs that hold IDs such as gen-1753485462-…; `orusage extract FILE` shows what is found",
    )
