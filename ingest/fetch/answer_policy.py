"""What each answer means: one table from status to verdict, and the figures of the policy.

The limiter, the ledger and the exit code all follow from the verdict; nothing else in the project looks at a status.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from ingest.client.errors import (
    OpenRouterConnectionError,
    OpenRouterError,
    RequestTimeoutError,
    ResponseError,
    ResponseValidationError,
)
from ingest.client.result import Err, Ok
from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from ingest.client.request import Result

UNREADABLE_RUNS = 5
FORBIDDEN_RUNS = 3
"""Runs after which an ID that keeps being answered so is buried."""

CONTENT_FAILED = "content_"
"""How the reasons of IDs begin whose metadata could be read, and whose content not yet."""

CONTENT_RUNS = 3
"""Runs after which an ID is settled without its content, where asking for that keeps failing."""

UNREADABLE_REST = timedelta(hours=36)
"""From the second such run in a row on: so that a few bad IDs cannot stop every night's run before the others' turn."""

TRIES = 4
"""Requests for one ID in one run while the server fails."""

BACKOFF_BASE = 0.5
BACKOFF_CAP = 20.0
"""Seconds; the pause before try n is random between 0 and base x 2^(n-1), at most the cap ("full jitter")."""

STOP_AFTER = 10
"""Answers in a row that are unreadable, or redirects, after which the run stops: it is not talking to the API."""

NOT_FOUND_RETRY_AGE = timedelta(minutes=10)
NOT_FOUND_RETRY = 2.0
"""A 404 for an ID younger than this is looked up once more, after so many seconds."""

SOONEST_NEXT = timedelta(minutes=1)
LATEST_NEXT = timedelta(hours=1)


class Verdict(Enum):
    """What an answer says about the ID and about the server."""

    READ = auto()
    """It is what was asked for."""
    UNREADABLE = auto()
    """It is something else: HTML, cut JSON, too large, or an error that is not OpenRouter's."""
    REDIRECT = auto()
    """Never followed: the key does not leave its host."""
    REJECTED = auto()
    """The API refuses this ID for good."""
    KEY_REFUSED = auto()
    """Stop: no ID will fare better."""
    OUT_OF_CREDITS = auto()
    """Stop: no ID will fare better until credits are added."""
    FORBIDDEN = auto()
    """This ID is not ours, or the key is not good: the API's ``/key`` tells."""
    NOT_FOUND = auto()
    """Not there yet, or never: its age tells."""
    THROTTLED = auto()
    """Too fast: everybody slows down and the ID is not charged."""
    OVERLOADED = auto()
    """The server is short of capacity: everybody waits."""
    UNREACHED = auto()
    """There was no connection at all."""
    FAILED = auto()
    """The server or the way to it failed: try again."""


ONLY_AS_JSON = frozenset({Verdict.REJECTED, Verdict.FORBIDDEN, Verdict.NOT_FOUND})
"""Verdicts that count only with OpenRouter's JSON error: a proxy or a firewall says 403 and 404 too."""

VERDICTS: dict[int, Verdict] = {
    401: Verdict.KEY_REFUSED,
    402: Verdict.OUT_OF_CREDITS,
    403: Verdict.FORBIDDEN,
    404: Verdict.NOT_FOUND,
    408: Verdict.FAILED,
    429: Verdict.THROTTLED,
    503: Verdict.OVERLOADED,
    529: Verdict.OVERLOADED,
}

HINTING = frozenset(
    status for status, verdict in VERDICTS.items() if verdict in {Verdict.THROTTLED, Verdict.OVERLOADED}
)
"""Statuses whose hints everybody keeps to."""

ANSWERS: dict[Verdict, Answer] = {
    **dict.fromkeys(Verdict, Answer.TAKEN),
    Verdict.THROTTLED: Answer.THROTTLED,
    Verdict.OVERLOADED: Answer.OVERLOADED,
    Verdict.UNREACHED: Answer.FAILED,
    Verdict.FAILED: Answer.FAILED,
}
"""What each verdict on an answer tells the limiter about the server."""


def answer_of(result: Result[Any], verdict: Verdict) -> Answer:
    """What a result tells the limiter. A 5xx was served at the pace asked: only failures without one say more."""
    if verdict is Verdict.FAILED and isinstance(result, Err) and isinstance(result.error, ResponseError):
        return Answer.TAKEN
    return ANSWERS[verdict]


_BY_CLASS = {3: Verdict.REDIRECT, 4: Verdict.REJECTED, 5: Verdict.FAILED}


def verdict_of(result: Result[Any]) -> Verdict:
    """The verdict on what came of a request."""
    if isinstance(result, Ok):
        return Verdict.READ
    error = result.error
    if isinstance(error, ResponseValidationError):
        return Verdict.UNREADABLE
    if isinstance(error, ResponseError):
        verdict = VERDICTS.get(error.status_code) or _BY_CLASS.get(error.status_code // 100, Verdict.UNREADABLE)
        return Verdict.UNREADABLE if verdict in ONLY_AS_JSON and not error.error else verdict
    if isinstance(error, OpenRouterConnectionError) and not error.connected:
        return Verdict.UNREACHED
    return Verdict.FAILED


def reason_of(error: OpenRouterError) -> str:
    """Why there is no good answer, as a short constant."""
    match error:
        case ResponseError():
            return f"http_{error.status_code}"
        case OpenRouterConnectionError(connected=False):
            return "connect"
        case RequestTimeoutError():
            return "timeout"
        case _:
            return "broken"


def backoff(tries: int, random: float) -> float:
    """Seconds before the next try, after so many failed ones; `random` is uniform in 0 … 1."""
    return random * min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** (tries - 1))


def next_not_found_check(age: timedelta) -> timedelta:
    """After how long an ID of this age that was not found is worth another request."""
    return min(max(age / 2, SOONEST_NEXT), LATEST_NEXT)
