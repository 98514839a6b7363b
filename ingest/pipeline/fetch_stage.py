"""The part of a run that sends requests: due IDs → fetch, under the limiter → batches → warehouse."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from ingest.client.accounts import load_keys
from ingest.client.async_client import AsyncOpenRouter
from ingest.client.retry import RetryConfig
from ingest.core.open_files import connections_within_limit
from ingest.core.remembered_rate import RememberedRate
from ingest.fetch.account_requests import AccountRequests
from ingest.fetch.dead_letters import hold_until_verified
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import LearnedLimit, RateController
from ingest.fetch.work_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from datetime import datetime

    from ingest.client.accounts import Account
    from ingest.client.credentials import ApiKey
    from ingest.core.cancellation import RunCancellation
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
        The rate limit that was measured, in requests per second, of all accounts together; None if none was met.

    Raises:
        KeyRefusedError: an account has no key.
        ConfigurationError: two accounts have the same key.
        OrusageError: the warehouse failed.
    """
    context = _within_open_files(context)
    keys = load_keys(context.accounts)
    limiters = _limiters(context, warehouse)
    context.on_fetch_start([limiter for _, limiter in limiters.values()])
    async with AsyncExitStack() as clients:
        accounts: list[AccountRequests] = []
        for account, key in zip(context.accounts, keys, strict=True):
            client = await clients.enter_async_context(_client(context, account, key))
            accounts.append(_requests(context, account, client, *limiters[account]))
        fetcher = Fetcher(accounts, context.cancellation, context.settings, context.clock)
        async with (
            _deadline(context, started),
            aclosing(fetcher.run(_items(context, warehouse))) as outcomes,
            aclosing(hold_until_verified(outcomes, context.cancellation, context.clock)) as cared_for,
        ):
            await batches.store(cared_for)
    return _remember(context, warehouse, limiters, run_id)


_Paced: TypeAlias = "tuple[RunCancellation, AsyncLimiter]"
"""What ends an account's part of a run, and what paces it."""


def _limiters(context: RunContext, warehouse: Warehouse) -> dict[Account, _Paced]:
    """A limiter for each account, since OpenRouter limits each by itself."""
    is_only = len(context.accounts) == 1
    ends = {each: context.cancellation if is_only else context.cancellation.part() for each in context.accounts}
    return {
        account: (end, AsyncLimiter(_limit(context, warehouse, account), context.clock, end, context.stats))
        for account, end in ends.items()
    }


def _requests(
    context: RunContext, account: Account, client: AsyncOpenRouter, cancellation: RunCancellation, limiter: AsyncLimiter
) -> AccountRequests:
    return AccountRequests(
        client,
        limiter,
        cancellation,
        replace(context.settings, base_url=account.base_url),
        context.clock,
        context.stats,
        random.random,
        name=account.name,
        is_only=len(context.accounts) == 1,
    )


def _remember(
    context: RunContext, warehouse: Warehouse, limiters: Mapping[Account, _Paced], run_id: str
) -> float | None:
    """Store the limits that were measured; returns how many requests per second they let through together."""
    rates: list[float] = []
    for account, (_, limiter) in limiters.items():
        if learned := limiter.controller.learned:
            known = RememberedRate(learned.rate, learned.burst, context.clock.now())
            warehouse.remember_rate(_host(account), account.name, known, run_id)
            rates.append(learned.rate)
    return sum(rates) if rates else None


def _host(account: Account) -> str:
    return urlsplit(account.base_url).netloc


def _within_open_files(context: RunContext) -> RunContext:
    """The same run with no more requests in flight than this process may have connections open."""
    wanted = context.settings.concurrency
    permitted = connections_within_limit(wanted)
    if permitted == wanted:
        return context
    log.debug("%d requests in flight instead of %d: the limit of open files (`ulimit -n`) is low", permitted, wanted)
    return replace(context, settings=replace(context.settings, concurrency=permitted))


def _limit(context: RunContext, warehouse: Warehouse, account: Account) -> RateController:
    """The rate controller; it starts from the limit that an earlier run measured for this account, faded with age."""
    settings, host = context.settings, _host(account)
    known = warehouse.remembered_rate(host, account.name)
    log.debug("remembered rate limit of %s: %s", host if account.name is None else f"{account.name} at {host}", known)
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


def _client(context: RunContext, account: Account, key: ApiKey) -> AsyncOpenRouter:
    """The client, without retries of its own: the run's policy decides on them."""
    timeout = context.settings.timeout
    return AsyncOpenRouter(key, server_url=account.base_url, timeout=timeout, retries=RetryConfig("none"))
