"""The fetch stage: work items in, outcomes out.

`Fetcher.run` keeps a pool of workers. Each takes an ID, asks for its metadata until an answer decides its outcome, and
then for its content if the settings want it.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ingest.client.request import GET_GENERATION, LIST_GENERATION_CONTENT
from ingest.core.generation_id import READY_AGE
from ingest.core.outcomes import Content, Outcome, Settled
from ingest.fetch.ask import Ask
from ingest.fetch.content_steps import ContentSteps
from ingest.fetch.metadata_steps import MetadataSteps
from ingest.fetch.missing_share import MissingShare
from ingest.fetch.request_loop import RequestLoop
from ingest.fetch.run_guards import RunGuards
from ingest.fetch.steps import SharedSteps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from ingest.client.operations import AsyncCaller
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.outcomes import Pending, WorkItem
    from ingest.core.run_stats import RunStats
    from ingest.core.settings import Settings
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter


INTERRUPTED_PATIENCE = 5.0
"""Seconds that requests in flight have once a signal ends the run. Containers kill it 10 seconds after SIGTERM."""


class Fetcher:
    """Asks for IDs concurrently, under one limiter.

    Args:
        client: Sends one request.
        limiter: Paces all requests.
        cancellation: Ends the run; the fetcher sets it too, when every request would fail the same way.
        settings: The run's settings.
        clock: The run's clock.
        stats: Counts requests and answers.
        random: Uniform in 0 … 1, for jitter.
    """

    def __init__(  # the parts of a run, each made at the one place that calls it
        self,
        client: AsyncCaller,
        limiter: AsyncLimiter,
        cancellation: RunCancellation,
        settings: Settings,
        clock: Clock,
        stats: RunStats,
        random: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._cancellation = cancellation
        self._admission = asyncio.Lock()
        self._guards = RunGuards(client, limiter, cancellation, settings, clock, random)
        self._requests = RequestLoop(client, limiter, self._guards, cancellation, clock, stats)
        shared = SharedSteps(self._guards, clock)
        self._metadata = MetadataSteps(shared, self._guards, settings, clock)
        self._content = ContentSteps(shared, self._guards, clock)

    async def run(self, items: Iterator[WorkItem]) -> AsyncGenerator[Outcome]:
        """Ask for every item, `settings.concurrency` at a time; outcomes come in the order they are reached.

        Items are taken one by one as workers become free, and none after the run's end. Every item taken has one
        outcome. A large share of IDs that are not found is logged at the end.
        """
        outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(self._settings.concurrency)
        missing = MissingShare()
        pool = asyncio.create_task(self._run_workers(items, outcomes))
        try:
            while (outcome := await outcomes.get()) is not None:
                missing.count(outcome, self._clock.now())
                yield outcome
            await pool
            if not self._cancellation.error:
                missing.tell()
        finally:
            pool.cancel()
            with suppress(asyncio.CancelledError):
                await pool

    async def _run_workers(self, items: Iterator[WorkItem], outcomes: asyncio.Queue[Outcome | None]) -> None:
        """Run all workers, then put None. Not if cancelled: then nothing reads the queue, and it may be full."""
        patience = asyncio.create_task(self._abandon_after_a_signal())
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._settings.concurrency):
                    workers.create_task(self._work(items, outcomes))
        except BaseExceptionGroup as failures:
            await outcomes.put(None)
            raise failures.exceptions[0] from None
        finally:
            patience.cancel()
        await outcomes.put(None)

    async def _abandon_after_a_signal(self) -> None:
        """Cancel the requests that are still in flight some seconds after a signal; their IDs stay pending."""
        await self._cancellation.sleep(self._clock, math.inf)
        if self._cancellation.is_interrupted():
            await self._clock.sleep(INTERRUPTED_PATIENCE)
            self._requests.abandon()

    async def _work(self, items: Iterator[WorkItem], outcomes: asyncio.Queue[Outcome | None]) -> None:
        while ask := await self._admit(items):
            await outcomes.put(await self._fetch(ask))

    async def _admit(self, items: Iterator[WorkItem]) -> Ask | None:
        """The next ID. Only one new ID at a time waits for its first permit, so retries never wait behind new IDs."""
        await self._admission.acquire()
        item = None if self._cancellation else next(items, None)
        if item is None:
            self._admission.release()
            return None
        return Ask(item, self._admission)

    async def _fetch(self, ask: Ask) -> Outcome:
        try:
            await self._until_due(ask.item)
            outcome: Outcome | None = await self._requests.run(ask, GET_GENERATION, self._metadata.table)
        finally:
            ask.admit_next()
        if outcome is None:
            return self._metadata.interrupted(ask)
        if isinstance(outcome, Settled) and self._settings.content:
            return await self._with_content(outcome)
        return outcome

    async def _until_due(self, item: WorkItem) -> None:
        """Wait until the API may know the ID, but never longer than `READY_AGE`, in case our clock is wrong."""
        if item.due_at is not None:
            seconds = (item.due_at - self._clock.now()).total_seconds()
            await self._cancellation.sleep(self._clock, min(seconds, READY_AGE.total_seconds()))

    async def _with_content(self, settled: Settled) -> Outcome:
        """The outcome with its content; if interrupted it is pending, and the next run asks for both again."""
        ask = Ask(settled.item, requests=settled.requests, status=HTTPStatus.OK)
        content: Content | Pending | None = await self._requests.run(ask, LIST_GENERATION_CONTENT, self._content.table)
        if isinstance(content, Content):
            self._guards.has_fetched = True
            return replace(settled, content=content, requests=ask.requests)
        return content or ask.interrupted()
