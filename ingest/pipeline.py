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
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest import __version__, stops
from ingest.batches import Batches
from ingest.burials import buried_with_care
from ingest.client import AsyncOpenRouter
from ingest.errors import Exit, NoInputError, OrusageError
from ingest.fetch import Fetcher
from ingest.gate import Gate
from ingest.limiter import Learned, RateLimit
from ingest.models import RememberedRate
from ingest.order import in_order
from ingest.retries import RetryConfig
from ingest.scan import expand, require_readable, scan_all
from ingest.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.clock import Clock
    from ingest.halt import Halt
    from ingest.key import ApiKey
    from ingest.models import Chunk, SourceRead, WorkItem
    from ingest.settings import Settings
    from ingest.tally import Tally

log = logging.getLogger("orusage")


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
    with Warehouse(job.warehouse, now, bounded=not job.settings.content) as warehouse:
        if job.settings.content:
            _warn_of_readers(job.warehouse)
        run = _Run(job, warehouse, now)
        try:
            problems = await run.read(chunks)
            await run.fetch()
        except Exception as error:
            run.finish(error.code if isinstance(error, OrusageError) else Exit.UNEXPECTED)
            raise
        overdue, reason = warehouse.count_overdue(job.settings, job.clock.now()), run.stopped_by()
        code = exit_code(job.tally, len(problems), overdue, reason)
        run.finish(code)
    return Result(run.run_id, problems, overdue, reason, code, job.clock.monotonic() - started)


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
        self._host = urlsplit(job.settings.base_url).netloc
        self._rate_limit: float | None = None
        self._batches = Batches(warehouse, self.run_id, job.settings.batch_size, job.clock, job.tally)
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
        job, settings, began = self._job, self._job.settings, self._job.clock.now()
        due = self._warehouse.count_due(settings, began)
        job.tally.due = due if settings.limit is None else min(due, settings.limit)
        if not job.tally.due:
            return
        gate = Gate(self._limit(), job.clock, job.halt, job.tally)
        job.watch(gate)
        async with _client(job) as client:
            fetcher = Fetcher(client, gate, job.halt, settings, job.clock, job.tally, random.random)
            async with (
                _deadline(job, self._now),
                aclosing(fetcher.run(self._items(began))) as outcomes,
                aclosing(buried_with_care(outcomes, job.halt)) as cared_for,
            ):
                await self._batches.store(cared_for)
        self._remember(gate.limit.learned)

    def stopped_by(self) -> OrusageError | None:
        """What ended the run early; be it only its time, while the server let nothing through."""
        halt, tally = self._job.halt, self._job.tally
        refused = tally.throttled + tally.overloaded
        if halt.error or not halt or not refused or self._batches.got_anywhere:
            return halt.error
        return stops.throttled(f"{refused:,} of {tally.requests:,} requests were answered 429, 503 or 529")

    def finish(self, code: int) -> None:
        """Note how the run ended."""
        self._warehouse.finish_run(self.run_id, self._job.tally, code, self._job.clock.now(), self._rate_limit)

    def _limit(self) -> RateLimit:
        """The limiter. It begins with what an earlier run found out of this host, which counts less the older it is."""
        settings, known = self._job.settings, self._warehouse.remembered_rate(self._host)
        log.debug("known of the limit of %s: %s", self._host, known)
        age = self._job.clock.now() - known.learned_at if known else timedelta()
        learned = Learned(known.rate, known.burst).aged(age / timedelta(days=1)) if known else None
        return RateLimit(settings.rate, settings.concurrency, settings.timeout, learned)

    def _remember(self, learned: Learned | None) -> None:
        """Keep the limit this run measured; one that met none leaves what is known of the host as it is."""
        if learned:
            self._rate_limit = learned.rate
            known = RememberedRate(learned.rate, learned.burst, self._job.clock.now())
            self._warehouse.remember_rate(self._host, known, self.run_id)

    def _items(self, began: datetime) -> Iterator[WorkItem]:
        """What was due when fetching began, up to the run's limits, in the order in which it is to be asked."""
        ripe = self._warehouse.ripe(self._job.settings, began)
        young = self._warehouse.young(self._job.settings, began)
        return islice(in_order(ripe, young, self._job.clock.now), self._job.settings.limit)


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


def _nothing_found(sources: int) -> NoInputError:
    return NoInputError(
        "there is nothing to ask",
        cause=f"no generation ID in {sources} sources" if sources else "no source holds text, and nothing is pending",
        fix="name logs that hold IDs such as gen-1753485462-…; `orusage extract FILE` shows what is found",
    )
