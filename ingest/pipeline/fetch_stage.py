"""The part of a run that sends requests: due IDs → fetch, under the limiter → batches → warehouse."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.client.async_client import AsyncOpenRouter
from ingest.client.retry import RetryConfig
from ingest.core.open_files import connections_within_limit
from ingest.core.remembered_rate import RememberedRate
from ingest.fetch.dead_letters import hold_until_verified
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import LearnedLimit, RateController
from ingest.fetch.work_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from ingest.core.outcomes import WorkItem
    from ingest.pipeline.context import RunContext
    from ingest.pipeline.store_stage import BatchWriter
    from ingest.warehouse.warehouse import Warehouse

log = logging.getLogger("orusage")


async def fetch_due(
    context: RunContext, warehouse: Warehouse, batches: BatchWriter, run_id: str, started: datetime
) -> float | None:
    """Request every ID that is due, and commit the outcomes.

    Args:
        context: The parts of the run.
        warehouse: Holds the ledger.
        batches: Stores the outcomes.
        run_id: The run, stored with the rate limit that is measured.
        started: When the run began; ``--max-time`` counts from it.

    Returns:
        The rate limit that was measured, in requests per second; None if none was met.

    Raises:
        KeyRefusedError: there is no key.
        OrusageError: the warehouse failed.
    """
    context = _within_open_files(context)
    host = urlsplit(context.settings.base_url).netloc
    limiter = AsyncLimiter(_limit(context, warehouse, host), context.clock, context.cancellation, context.stats)
    context.on_fetch_start(limiter)
    async with _client(context) as client:
        fetcher = Fetcher(
            client, limiter, context.cancellation, context.settings, context.clock, context.stats, random.random
        )
        async with (
            _deadline(context, started),
            aclosing(fetcher.run(_items(context, warehouse))) as outcomes,
            aclosing(hold_until_verified(outcomes, context.cancellation, context.clock)) as cared_for,
        ):
            await batches.store(cared_for)
    learned = limiter.controller.learned
    if learned:
        known = RememberedRate(learned.rate, learned.burst, context.clock.now())
        warehouse.remember_rate(host, known, run_id)
    return learned.rate if learned else None


def _within_open_files(context: RunContext) -> RunContext:
    """The same run with no more requests in flight than this process may have connections open."""
    wanted = context.settings.concurrency
    permitted = connections_within_limit(wanted)
    if permitted == wanted:
        return context
    log.debug("%d requests in flight instead of %d: the limit of open files (`ulimit -n`) is low", permitted, wanted)
    return replace(context, settings=replace(context.settings, concurrency=permitted))


def _limit(context: RunContext, warehouse: Warehouse, host: str) -> RateController:
    """The rate controller; it starts from the limit that an earlier run measured at this host, faded with age."""
    settings, known = context.settings, warehouse.remembered_rate(host)
    log.debug("remembered rate limit of %s: %s", host, known)
    age = context.clock.now() - known.learned_at if known else timedelta()
    learned = LearnedLimit(known.rate, known.burst).aged(age / timedelta(days=1)) if known else None
    return RateController(settings.rate, settings.concurrency, settings.timeout, learned)


def _items(context: RunContext, warehouse: Warehouse) -> Iterator[WorkItem]:
    """The due items in the order in which they are requested, at most ``--limit`` of them."""
    began = context.clock.now()
    ready, recent = warehouse.ledger.ready(context.settings, began), warehouse.ledger.recent(context.settings, began)
    return islice(in_order(ready, recent, context.clock.now), context.settings.limit)


@asynccontextmanager
async def _deadline(context: RunContext, started: datetime) -> AsyncIterator[None]:
    """Cancel the run when ``--max-time`` is over."""
    if context.settings.max_time is None:
        yield
        return
    left = context.settings.max_time - (context.clock.now() - started)
    timer = asyncio.create_task(_cancel_after(left.total_seconds(), context))
    try:
        yield
    finally:
        timer.cancel()


async def _cancel_after(seconds: float, context: RunContext) -> None:
    await context.clock.sleep(max(seconds, 0))
    context.cancellation.set()


def _client(context: RunContext) -> AsyncOpenRouter:
    """The client, without retries of its own: the run's policy decides on them."""
    settings = context.settings
    return AsyncOpenRouter(
        context.load_key(), server_url=settings.base_url, timeout=settings.timeout, retries=RetryConfig("none")
    )
