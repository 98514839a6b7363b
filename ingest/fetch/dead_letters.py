"""Outcomes in, outcomes out: nothing is buried before the account and the base URL have proved right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.fetch import stop_errors
from ingest.fetch.answer_policy import CONTENT_FAILED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from ingest.core.cancellation import RunCancellation

FIRST_ANSWERS = 50
"""So many burials before the first settled ID mean that the account or the base URL is wrong."""


async def hold_until_verified(
    outcomes: AsyncIterable[Outcome], cancellation: RunCancellation
) -> AsyncGenerator[Outcome]:
    """Hold burials back until an ID is settled; `FIRST_ANSWERS` of them without one end the run and bury nothing.

    With the wrong account or base URL every ID is refused or not found, and a year of IDs must not die of that.
    """
    held: list[Dead] = []
    trusted = False
    async for outcome in outcomes:
        trusted = trusted or (_proves_the_account(outcome) and not cancellation.error)
        if not trusted and isinstance(outcome, Dead):
            held.append(outcome)
            if len(held) >= FIRST_ANSWERS:
                cancellation.set(stop_errors.wrong_account())
            continue
        if trusted:
            for burial in held:
                yield burial
            held.clear()
        yield outcome
    for burial in held:
        yield _spared(burial) if cancellation.error else burial


def _proves_the_account(outcome: Outcome) -> bool:
    """Whether its metadata could be read, be it stored or not yet."""
    if isinstance(outcome, Pending):
        return outcome.reason == "zero_tokens" or outcome.reason.startswith(CONTENT_FAILED)
    return isinstance(outcome, Settled)


def _spared(burial: Dead) -> Pending:
    return Pending(burial.item, "interrupted", burial.status, None, burial.requests, charged=False)
