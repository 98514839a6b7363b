"""Holds dead letters back until the account and the base URL have proved right. Outcomes in, outcomes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.fetch import stop_errors
from ingest.fetch.answer_policy import CONTENT_FAILED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from ingest.core.cancellation import RunCancellation

MOST_UNVERIFIED = 50
"""So many dead letters before the first settled ID mean that the account or the base URL is wrong."""


async def hold_until_verified(
    outcomes: AsyncIterable[Outcome], cancellation: RunCancellation
) -> AsyncGenerator[Outcome]:
    """Hold dead letters back until metadata was read; `MOST_UNVERIFIED` of them before that end the run.

    With the wrong account or base URL every ID is rejected or not found, and no ID may be given up for that: when the
    run ends with an error, the dead letters held are returned as pending.
    """
    held: list[Dead] = []
    verified = False
    async for outcome in outcomes:
        verified = verified or (_proves_the_account(outcome) and not cancellation.error)
        if not verified and isinstance(outcome, Dead):
            held.append(outcome)
            if len(held) >= MOST_UNVERIFIED:
                cancellation.set(stop_errors.wrong_account())
            continue
        if verified:
            for dead in held:
                yield dead
            held.clear()
        yield outcome
    for dead in held:
        yield _still_pending(dead) if cancellation.error else dead


def _proves_the_account(outcome: Outcome) -> bool:
    """Whether its metadata was read, even if it is not stored yet."""
    if isinstance(outcome, Pending):
        return outcome.reason == "zero_tokens" or outcome.reason.startswith(CONTENT_FAILED)
    return isinstance(outcome, Settled)


def _still_pending(dead: Dead) -> Pending:
    return Pending(dead.item, "interrupted", dead.status, None, dead.requests, charged=False)
