"""Outcomes in, commits out: what is stored together, when, and what is counted then."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.core.run_stats import STORED

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.pipeline.publish_schedule import PublishSchedule
    from ingest.warehouse.warehouse import Warehouse

COMMIT_EVERY = 5.0
"""Seconds between commits of what there is, however little: a run may wait for minutes, and be killed while it does."""

LARGEST_BATCH = 64 * 1024 * 1024
"""Characters of content after which a batch is full, so that long prompts do not fill the memory."""


class BatchWriter:
    """Stores the outcomes of a run, and counts what is stored.

    Args:
        warehouse: Where to.
        publisher: Publishes it now and then.
        run_id: The run.
        size: Outcomes that make a batch full.
        clock: Where time comes from.
        stats: Counts what came, and what is stored.

    Attributes:
        got_anywhere: Whether any ask was finished, so that the run was not in vain.
    """

    def __init__(
        self, warehouse: Warehouse, publisher: PublishSchedule, run_id: str, size: int, clock: Clock, stats: RunStats
    ) -> None:
        self.got_anywhere = False
        self._warehouse = warehouse
        self._publisher = publisher
        self._storing = asyncio.Lock()
        self._run_id = run_id
        self._size = size
        self._clock = clock
        self._stats = stats
        self._batch: list[Outcome] = []
        self._content = 0

    async def store(self, outcomes: AsyncIterable[Outcome]) -> None:
        """Commit all outcomes: a full batch at once, and what there is every few seconds and at the end."""
        async with _repeatedly(self._commit, COMMIT_EVERY, self._clock):
            async for outcome in outcomes:
                self._stats.done += 1
                self._batch.append(outcome)
                self._content += outcome.content.size if isinstance(outcome, Settled) and outcome.content else 0
                if len(self._batch) >= self._size or self._content >= LARGEST_BATCH:
                    await self._commit()
        await self._commit()

    async def _commit(self) -> None:
        async with self._storing:
            self._store_batch()
            await self._publisher.publish_if_due()

    def _store_batch(self) -> None:
        batch, self._batch, self._content = self._batch, [], 0
        if batch:
            self._warehouse.commit(batch, self._run_id)
        for outcome in batch:
            _count(outcome, self._stats)
            self.got_anywhere = self.got_anywhere or not isinstance(outcome, Pending) or outcome.charged


@asynccontextmanager
async def _repeatedly(do: Callable[[], Awaitable[None]], seconds: float, clock: Clock) -> AsyncIterator[None]:
    """Do something every so many seconds while the block runs; what fails in it ends the block."""

    async def repeat() -> None:
        while True:
            await clock.sleep(seconds)
            await do()

    try:
        async with asyncio.TaskGroup() as group:
            repeating = group.create_task(repeat())
            yield
            repeating.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__


def _count(outcome: Outcome, stats: RunStats) -> None:
    """Count what is stored. An ID that was still waiting for its turn when the run ended was not asked."""
    match outcome:
        case Settled():
            stats.settled += 1
            stats.spend += outcome.generation.spend
            if outcome.content:
                stats.contents[outcome.content.reason or STORED] += 1
        case Pending():
            stats.pending += outcome.requests > 0
        case Dead():
            stats.dead += 1
