"""The requests to one account, and the rounds through all accounts of a run in search of the one that knows an ID."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ingest.client.request import GET_GENERATION
from ingest.core.outcomes import Settled
from ingest.fetch.content_steps import ContentSteps
from ingest.fetch.metadata_steps import INCOMPLETE, MetadataSteps, NotHere
from ingest.fetch.request_loop import RequestLoop
from ingest.fetch.run_guards import RunGuards
from ingest.fetch.steps import SharedSteps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.client.operations import AsyncCaller
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.outcomes import Dead, Outcome, Pending, WorkItem
    from ingest.core.run_stats import RunStats
    from ingest.core.settings import Settings
    from ingest.fetch.ask import Ask
    from ingest.fetch.metadata_steps import Answer
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter


class AccountRequests:
    """The requests to one account: under its own limiter, with its own guards.

    Args:
        client: Sends one request.
        limiter: Paces the account's requests.
        cancellation: Ends the account's part of the run, which is the whole run if there is no other account.
        settings: The run's settings, with the account's base URL.
        clock: The run's clock.
        stats: Counts requests and answers.
        random: Uniform in 0 … 1, for jitter.
        name: The account's name; None if no accounts are configured.
        is_only: Whether there is no other account to ask for an ID that this one does not have.

    Attributes:
        name: The account's name.
        guards: What ends the account's part of the run.
        requests: Sends requests.
        metadata: The steps for metadata.
        content: The steps for content.
    """

    def __init__(  # noqa: PLR0913  # the parts of a run, each made at the one place that calls it
        self,
        client: AsyncCaller,
        limiter: AsyncLimiter,
        cancellation: RunCancellation,
        settings: Settings,
        clock: Clock,
        stats: RunStats,
        random: Callable[[], float],
        *,
        name: str | None = None,
        is_only: bool = True,
    ) -> None:
        self.name = name
        self.guards = RunGuards(client, limiter, cancellation, settings, clock, random)
        self.requests = RequestLoop(client, limiter, self.guards, cancellation, clock, stats)
        shared = SharedSteps(self.guards, clock, name)
        self.metadata = MetadataSteps(shared, self.guards, settings, clock, is_only=is_only)
        self.content = ContentSteps(shared, self.guards, clock)

    async def ask(self, ask: Ask) -> Answer:
        """Ask for an ID's metadata until an answer decides its outcome, or says that the account does not have it."""
        outcome: Answer | None = await self.requests.run(ask, GET_GENERATION, self.metadata.table)
        return self.metadata.interrupted(ask) if outcome is None else outcome


class AccountRounds:
    """Asks one account after the other for an ID, until one has it.

    First comes the account that the ID's source names, then the one that had the last ID of the same source, then the
    others in their order. An ID counts as not found when every account answered so; if one gave no such answer, that
    decides.

    Args:
        accounts: The accounts, in the order in which they are asked.
        cancellation: Ends the run.
        clock: The run's clock.
    """

    def __init__(self, accounts: Sequence[AccountRequests], cancellation: RunCancellation, clock: Clock) -> None:
        self._accounts = accounts
        self._cancellation = cancellation
        self._clock = clock
        self._last_had: dict[str, AccountRequests] = {}

    async def ask(self, ask: Ask) -> tuple[Outcome, AccountRequests]:
        """The outcome of an ID, and the account that decided it."""
        if len(self._accounts) == 1:  # as most runs have it, each ID for itself
            only = self._accounts[0]
            return cast("Outcome", await only.ask(ask)), only
        while True:
            step, account = await self._round(ask)
            if not isinstance(step, float):
                return step, account
            await self._cancellation.sleep(self._clock, step)

    async def _round(self, ask: Ask) -> tuple[Outcome | float, AccountRequests]:
        """Ask the accounts in turn; without an outcome, the seconds to wait before the next round."""
        missing: list[NotHere] = []
        undecided: tuple[Pending | Dead, AccountRequests] | None = None
        account = self._accounts[0]
        for account in self._in_order(ask.item):
            ask.turn_to_account()
            answer = await account.ask(ask)
            if isinstance(answer, NotHere):
                missing.append(answer)
            elif isinstance(answer, Settled) or answer.reason == INCOMPLETE:
                self._last_had[ask.item.source] = account
                return answer, account
            else:
                undecided = undecided or (answer, account)
        if undecided:
            outcome, account = undecided
            return replace(outcome, requests=ask.requests), account
        return account.metadata.nowhere(ask, missing), account

    def _in_order(self, item: WorkItem) -> list[AccountRequests]:
        named = [account for account in self._accounts if account.name == item.account]
        last = self._last_had.get(item.source)
        return list(dict.fromkeys([*named, *([last] if last else []), *self._accounts]))
