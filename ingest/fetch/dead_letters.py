"""Holds refusals back until the account and the base URL have proved right. Outcomes in, outcomes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from ingest.client import stop_errors
from ingest.core.outcomes import Dead, Outcome, Pending, Settled
from ingest.fetch.answer_policy import CONTENT_FAILED, NOT_FOUND, REFUSAL_REST

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock

MOST_UNVERIFIED = 50
"""So many refusals before the first settled ID mean that the account or the base URL is wrong."""

PENDING_REASONS = {"http_403": "forbidden", "bad_response": "unreadable"}
"""Reasons of dead letters that have another name while the ID is pending."""


async def hold_until_verified(
    outcomes: AsyncIterable[Outcome], cancellation: RunCancellation, clock: Clock
) -> AsyncGenerator[Outcome]:
    """Hold refusals back until metadata was read; `MOST_UNVERIFIED` of them before that end the run.

    Refusals are dead letters, and IDs that were not found past the grace. With the wrong account or base URL every ID
    is refused, and no ID may be given up for that: a run that read no metadata leaves no dead letter. If it ends with
    an error, what it held says nothing about the IDs.
    """
    held: list[Dead | Pending] = []
    verified = False
    async for outcome in outcomes:
        verified = verified or (_proves_the_account(outcome) and not cancellation.error)
        if not verified and _is_refusal(outcome):
            held.append(outcome)
            if len(held) >= MOST_UNVERIFIED:
                cancellation.set(stop_errors.wrong_account())
            continue
        if verified:
            for refusal in held:
                yield refusal
            held.clear()
        yield outcome
    for refusal in held:
        yield _interrupted(refusal) if cancellation.error else _pending(refusal, clock)


def _proves_the_account(outcome: Outcome) -> bool:
    """Whether its metadata was read, even if it is not stored yet."""
    if isinstance(outcome, Pending):
        return outcome.reason == "zero_tokens" or outcome.reason.startswith(CONTENT_FAILED)
    return isinstance(outcome, Settled)


def _is_refusal(outcome: Outcome) -> TypeGuard[Dead | Pending]:
    return isinstance(outcome, Dead) or (isinstance(outcome, Pending) and outcome.reason == NOT_FOUND)


def _interrupted(refusal: Dead | Pending) -> Pending:
    return Pending(refusal.item, "interrupted", refusal.status, None, refusal.requests, charged=False)


def _pending(refusal: Dead | Pending, clock: Clock) -> Pending:
    """The refusal of a run that settled nothing: the ID is asked again later."""
    if isinstance(refusal, Pending):
        return refusal
    reason = PENDING_REASONS.get(refusal.reason, refusal.reason)
    return Pending(refusal.item, reason, refusal.status, clock.now() + REFUSAL_REST, refusal.requests)
