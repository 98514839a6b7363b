"""The part of a run that asks OpenRouter: due IDs → limiter and fetch → batches → warehouse."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.client.async_client import AsyncOpenRouter
from ingest.client.retry import RetryConfig
from ingest.core.remembered_rate import RememberedRate
from ingest.fetch.dead_letters import buried_with_care
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.ratelimit.async_limiter import Gate
from ingest.fetch.ratelimit.controller import Learned, RateLimit
from ingest.fetch.work_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from ingest.core.outcomes import WorkItem
    from ingest.pipeline.context import Job
    from ingest.pipeline.store_stage import Batches
    from ingest.warehouse.warehouse import Warehouse

log = logging.getLogger("orusage")


async def ask(job: Job, warehouse: Warehouse, batches: Batches, run_id: str, started: datetime) -> float | None:
    """Ask for everything that is due, and commit what comes back.

    Args:
        job: What to work with.
        warehouse: Holds the ledger.
        batches: Store what comes.
        run_id: Stored with the limit that is measured.
        started: When the run began, from which its time is counted.

    Returns:
        The limit that was measured, in requests per second; None if none was met.

    Raises:
        KeyRefusedError: there is no key.
        OrusageError: the warehouse failed.
    """
    host = urlsplit(job.settings.base_url).netloc
    gate = Gate(_limit(job, warehouse, host), job.clock, job.halt, job.tally)
    job.watch(gate)
    async with _client(job) as client:
        fetcher = Fetcher(client, gate, job.halt, job.settings, job.clock, job.tally, random.random)
        async with (
            _deadline(job, started),
            aclosing(fetcher.run(_items(job, warehouse))) as outcomes,
            aclosing(buried_with_care(outcomes, job.halt)) as cared_for,
        ):
            await batches.store(cared_for)
    learned = gate.limit.learned
    if learned:
        known = RememberedRate(learned.rate, learned.burst, job.clock.now())
        warehouse.remember_rate(host, known, run_id)
    return learned.rate if learned else None


def _limit(job: Job, warehouse: Warehouse, host: str) -> RateLimit:
    """The limiter. It begins with what an earlier run found out of this host, which counts less the older it is."""
    settings, known = job.settings, warehouse.remembered_rate(host)
    log.debug("known of the limit of %s: %s", host, known)
    age = job.clock.now() - known.learned_at if known else timedelta()
    learned = Learned(known.rate, known.burst).aged(age / timedelta(days=1)) if known else None
    return RateLimit(settings.rate, settings.concurrency, settings.timeout, learned)


def _items(job: Job, warehouse: Warehouse) -> Iterator[WorkItem]:
    """What is due now, up to the run's limits, in the order in which it is to be asked."""
    began = job.clock.now()
    ripe, young = warehouse.ripe(job.settings, began), warehouse.young(job.settings, began)
    return islice(in_order(ripe, young, job.clock.now), job.settings.limit)


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
