"""What each answer means: one table from HTTP status to verdict, and the figures of the policy.

The limiter, the ledger and the exit code all follow from the verdict; no other module reads a status.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from ingest.client.backoff import exponential
from ingest.client.errors import (
    OpenRouterConnectionError,
    OpenRouterError,
    RequestTimeoutError,
    ResponseError,
    ResponseValidationError,
)
from ingest.client.result import Err, Ok
from ingest.client.retry_after import asks_for_retry, retry_after_seconds
from ingest.fetch.ratelimit.controller import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.client.request import Result

UNREADABLE_RUNS = 5
FORBIDDEN_RUNS = 3
NOT_FOUND_RUNS = 2
"""Runs in a row with this answer after which an ID is given up."""

NOT_FOUND = "not_found"
"""Reason of an ID that was not found past the grace: pending after the first such run, dead after the last."""

REFUSAL_REST = timedelta(hours=12)
"""Pause after a refusal that may become final, so that the runs above are as many nights, however often runs start."""

CONTENT_FAILED = "content_"
"""Prefix of the reason of an ID whose metadata could be read, and whose content not yet."""

CONTENT_RUNS = 3
"""Runs in a row after which an ID whose content cannot be read is settled without it."""

UNREADABLE_REST = timedelta(hours=36)
"""Pause from the second unreadable run in a row on, so that a few bad IDs do not stop every run before other IDs are
asked."""

TRIES = 4
"""Requests for one ID in one run while the server fails, the first included."""

BACKOFF_BASE = 0.5
BACKOFF_CAP = 20.0
"""Seconds; the pause after n failures is random between 0 and base x 2^(n-1), at most the cap ("full jitter")."""

NOT_FOUND_RETRY_AGE = timedelta(minutes=10)
NOT_FOUND_RETRY = 2.0
"""An ID younger than this that is not found is asked once more, after so many seconds."""

SOONEST_NEXT = timedelta(minutes=1)
LATEST_NEXT = timedelta(hours=1)
"""Shortest and longest time until an ID that was not found may be asked again."""


class Verdict(Enum):
    """What an answer says about the ID and about the server."""

    READ = auto()
    """The record that was asked for."""
    UNREADABLE = auto()
    """Something else: HTML, truncated JSON, too large, or an error that is not OpenRouter's."""
    REDIRECT = auto()
    """A redirect. It is never followed, so that the key does not leave its host."""
    REJECTED = auto()
    """The API rejects this ID, and says nothing of a later try."""
    KEY_REFUSED = auto()
    """Stop: no other ID would succeed."""
    OUT_OF_CREDITS = auto()
    """Stop: no ID would succeed until credits are added."""
    FORBIDDEN = auto()
    """The ID belongs to another account, or the key is not good; ``GET /key`` decides which."""
    NOT_FOUND = auto()
    """Not recorded yet, or never; the ID's age decides which."""
    THROTTLED = auto()
    """Too fast: all requests slow down, and it does not count as a failure of the ID."""
    OVERLOADED = auto()
    """The server is short of capacity: all requests wait."""
    UNREACHED = auto()
    """No connection could be made."""
    FAILED = auto()
    """The server or the network failed, or the API asks for a later try: retry."""


ONLY_AS_JSON = frozenset({Verdict.REJECTED, Verdict.FORBIDDEN, Verdict.NOT_FOUND})
"""Verdicts that may give an ID up. They need OpenRouter's JSON error in the body, because a proxy or a firewall answers
403 and 404 too, and no ``Retry-After``."""

VERDICTS: dict[int, Verdict] = {
    401: Verdict.KEY_REFUSED,
    402: Verdict.OUT_OF_CREDITS,
    403: Verdict.FORBIDDEN,
    404: Verdict.NOT_FOUND,
    408: Verdict.FAILED,
    409: Verdict.FAILED,
    421: Verdict.FAILED,
    423: Verdict.FAILED,
    425: Verdict.FAILED,
    429: Verdict.THROTTLED,
    503: Verdict.OVERLOADED,
    529: Verdict.OVERLOADED,
}

HINTING = frozenset(
    status for status, verdict in VERDICTS.items() if verdict in {Verdict.THROTTLED, Verdict.OVERLOADED}
)
"""Statuses whose hint, such as ``Retry-After``, holds all requests."""

ANSWERS: dict[Verdict, Answer] = {
    **dict.fromkeys(Verdict, Answer.TAKEN),
    Verdict.THROTTLED: Answer.THROTTLED,
    Verdict.OVERLOADED: Answer.OVERLOADED,
    Verdict.UNREACHED: Answer.FAILED,
    Verdict.FAILED: Answer.FAILED,
}
"""What each verdict tells the limiter about the server."""


def answer_of(result: Result[Any], verdict: Verdict) -> Answer:
    """What a result tells the limiter. A 5xx counts as taken, since the server answered; no answer counts as failed."""
    if verdict is Verdict.FAILED and isinstance(result, Err) and isinstance(result.error, ResponseError):
        return Answer.TAKEN
    return ANSWERS[verdict]


_BY_CLASS = {3: Verdict.REDIRECT, 4: Verdict.REJECTED, 5: Verdict.FAILED}


def verdict_of(result: Result[Any]) -> Verdict:
    """The verdict on the result of a request."""
    if isinstance(result, Ok):
        return Verdict.READ
    error = result.error
    if isinstance(error, ResponseValidationError):
        return Verdict.UNREADABLE
    if isinstance(error, ResponseError):
        return _verdict_on(error)
    if isinstance(error, (OpenRouterConnectionError, RequestTimeoutError)) and not error.connected:
        return Verdict.UNREACHED
    return Verdict.FAILED


def _verdict_on(error: ResponseError) -> Verdict:
    verdict = VERDICTS.get(error.status_code) or _BY_CLASS.get(error.status_code // 100, Verdict.UNREADABLE)
    if verdict not in ONLY_AS_JSON:
        return verdict
    if asks_for_retry(error.headers, error.error):
        return Verdict.FAILED
    return verdict if error.error else Verdict.UNREADABLE


def hint_of(error: OpenRouterError, now: datetime) -> float | None:
    """Seconds that the server asks to wait; None if it names none. `now` is the wall clock, UTC."""
    return retry_after_seconds(error.headers, error.error, now) if isinstance(error, ResponseError) else None


def reason_of(error: OpenRouterError) -> str:
    """Why a request failed, as a short constant such as ``http_500`` or ``timeout``."""
    match error:
        case ResponseError():
            return f"http_{error.status_code}"
        case OpenRouterConnectionError(connected=False) | RequestTimeoutError(connected=False):
            return "connect"
        case RequestTimeoutError():
            return "timeout"
        case _:
            return "broken"


def backoff(tries: int, random: float) -> float:
    """Seconds before the next try, after so many failed ones; `random` is uniform in 0 … 1."""
    return random * exponential(tries, BACKOFF_BASE, 2.0, BACKOFF_CAP)


def next_not_found_check(age: timedelta) -> timedelta:
    """Time until an ID of this age that was not found may be asked again: half its age, within limits."""
    return min(max(age / 2, SOONEST_NEXT), LATEST_NEXT)
