"""Outcomes in, commits out: which outcomes are stored in one batch, when, and what is counted for them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.core.run_stats import NOT_FOUND, STORED

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.pipeline.publish_schedule import PublishSchedule
    from ingest.warehouse.warehouse import Warehouse

COMMIT_EVERY = 5.0
"""Seconds after which an incomplete batch is committed too: a run may wait for minutes, and be killed meanwhile."""

LARGEST_BATCH = 16 * 1024 * 1024
"""Characters of text after which a batch is committed, so that long prompts, kept fields and unknown fields of answers
fill neither the memory nor DuckDB's share of it."""

USUAL_ATTEMPTS, ATTEMPT = 20, 200
"""Attempts of providers that count for nothing, and characters that each further one counts for."""

USUAL_EXTRA = 1_000
"""Characters of a generation's unknown fields that count for nothing."""


class BatchWriter:
    """Collects outcomes into batches, commits each batch, and counts what was stored.

    Args:
        warehouse: Where to.
        publisher: Publishes the warehouse during the run.
        run_id: The run.
        size: Outcomes in a full batch.
        clock: The clock of the run.
        stats: Counts the outcomes, and what was stored.

    Attributes:
        has_progressed: Whether any outcome was more than an interruption.
    """

    def __init__(
        self, warehouse: Warehouse, publisher: PublishSchedule, run_id: str, size: int, clock: Clock, stats: RunStats
    ) -> None:
        self.has_progressed = False
        self._warehouse = warehouse
        self._publisher = publisher
        self._storing = asyncio.Lock()
        self._run_id = run_id
        self._size = size
        self._clock = clock
        self._stats = stats
        self._batch: list[Outcome] = []
        self._text = 0

    async def store(self, outcomes: AsyncIterable[Outcome]) -> None:
        """Commit all outcomes: full batches at once, an incomplete one every `COMMIT_EVERY` seconds and at the end."""
        async with _repeatedly(self._commit, COMMIT_EVERY, self._clock):
            async for outcome in outcomes:
                self._stats.done += 1
                self._batch.append(outcome)
                self._text += _text_of(outcome) if isinstance(outcome, Settled) else 0
                if len(self._batch) >= self._size or self._text >= LARGEST_BATCH:
                    await self._commit()
        await self._commit()

    async def _commit(self) -> None:
        async with self._storing:
            self._store_batch()
            await self._publisher.publish_if_due()

    def _store_batch(self) -> None:
        batch, self._batch, self._text = self._batch, [], 0
        if batch:
            self._warehouse.commit(batch, self._run_id)
        for outcome in batch:
            _count(outcome, self._stats)
            self.has_progressed = self.has_progressed or not isinstance(outcome, Pending) or outcome.charged


def _text_of(outcome: Settled) -> int:
    """Characters of an outcome's texts without a usual size: content, kept fields, unknown fields, many attempts."""
    attempts = outcome.generation.provider_responses or ()
    text = sum(len(attempt.extra_json or "") for attempt in attempts) + ATTEMPT * max(len(attempts) - USUAL_ATTEMPTS, 0)
    text += max(len(outcome.generation.extra_json or "") - USUAL_EXTRA, 0) + len(outcome.item.log_fields or "")
    return text + (outcome.content.size if outcome.content else 0)


@asynccontextmanager
async def _repeatedly(do: Callable[[], Awaitable[None]], seconds: float, clock: Clock) -> AsyncIterator[None]:
    """Call `do` every so many seconds while the block runs; its exception ends the block."""

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
    """Count a stored outcome. An ID that still waited for a permit when the run ended was not requested."""
    match outcome:
        case Settled():
            stats.settled += 1
            if outcome.account is not None:
                stats.settled_by[outcome.account] += 1
            stats.spend += outcome.generation.spend
            if outcome.content:
                stats.contents[outcome.content.reason or STORED] += 1
        case Pending():
            stats.pending += outcome.requests > 0
        case Dead():
            stats.dead += 1
            stats.expected_dead += outcome.reason == NOT_FOUND
