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

from ingest.client.request import LIST_GENERATION_CONTENT
from ingest.core.generation_id import READY_AGE
from ingest.core.outcomes import Content, Outcome, Settled
from ingest.fetch.account_requests import AccountRounds
from ingest.fetch.ask import Ask
from ingest.fetch.missing_share import MissingShare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.outcomes import Pending, WorkItem
    from ingest.core.settings import Settings
    from ingest.fetch.account_requests import AccountRequests


INTERRUPTED_PATIENCE = 5.0
"""Seconds that requests in flight have once a signal ends the run. Containers kill it 10 seconds after SIGTERM."""


class Fetcher:
    """Asks for IDs concurrently, each account under its own limiter.

    Args:
        accounts: The accounts, in the order in which they are asked; at least one.
        cancellation: Ends the run; the accounts set it too, when every request would fail the same way.
        settings: The run's settings.
        clock: The run's clock.
    """

    def __init__(
        self, accounts: Sequence[AccountRequests], cancellation: RunCancellation, settings: Settings, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._clock = clock
        self._cancellation = cancellation
        self._admission = asyncio.Lock()
        self._rounds = AccountRounds(accounts, cancellation, clock)

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
            for account in self._accounts:
                account.requests.abandon()

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
            outcome, account = await self._rounds.ask(ask)
        finally:
            ask.admit_next()
        if not isinstance(outcome, Settled):
            return outcome
        if account.name is not None:
            outcome = replace(outcome, account=account.name)
        return await self._with_content(outcome, account) if self._settings.content else outcome

    async def _until_due(self, item: WorkItem) -> None:
        """Wait until the API may know the ID, but never longer than `READY_AGE`, in case our clock is wrong."""
        if item.due_at is not None:
            seconds = (item.due_at - self._clock.now()).total_seconds()
            await self._cancellation.sleep(self._clock, min(seconds, READY_AGE.total_seconds()))

    async def _with_content(self, settled: Settled, account: AccountRequests) -> Outcome:
        """The outcome with its content; if interrupted it is pending, and the next run asks for both again."""
        ask = Ask(settled.item, requests=settled.requests, status=HTTPStatus.OK)
        content: Content | Pending | None = await account.requests.run(
            ask, LIST_GENERATION_CONTENT, account.content.table
        )
        if isinstance(content, Content):
            account.guards.has_fetched = True
            return replace(settled, content=content, requests=ask.requests)
        return content or ask.interrupted()
