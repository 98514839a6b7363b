"""What each answer means: one table from status to verdict, and how long a server asks us to wait.

The limiter, the ledger and the exit code all follow from the verdict; nothing else in the project looks at a status.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_HINT = 300.0
"""Seconds; a server that asks for more is asked again after this."""

UNREADABLE_RUNS = 5
FORBIDDEN_RUNS = 3
"""Runs after which an ID that keeps being answered so is buried."""

UNREADABLE_REST = timedelta(hours=36)
"""From the second such run in a row on: so that a few bad IDs cannot stop every night's run before the others' turn."""

TRIES = 4
"""Requests for one ID in one run while the server fails."""

BACKOFF_BASE = 0.5
BACKOFF_CAP = 20.0
"""Seconds; the pause before try n is random between 0 and base x 2^(n-1), at most the cap ("full jitter")."""

STOP_AFTER = 10
"""Answers in a row that are unreadable, or redirects, after which the run stops: it is not talking to the API."""

YOUNG = timedelta(minutes=10)
SECOND_LOOK = 2.0
"""A 404 for an ID younger than this is looked up once more, after so many seconds."""

SOONEST_NEXT = timedelta(minutes=1)
LATEST_NEXT = timedelta(hours=1)

_MILLISECONDS_FROM = 1e11


class Verdict(Enum):
    """What an answer says about the ID and about the server."""

    READ = auto()
    """Decode it."""
    REDIRECT = auto()
    """Never followed: the key does not leave its host."""
    BURY = auto()
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
    FAILED = auto()
    """The server or the way to it failed: try again."""


ONLY_AS_JSON = frozenset({Verdict.BURY, Verdict.FORBIDDEN, Verdict.NOT_FOUND})
"""Verdicts that count only with OpenRouter's JSON error: a proxy or a firewall says 403 and 404 too."""

VERDICTS: dict[int, Verdict] = {
    200: Verdict.READ,
    401: Verdict.KEY_REFUSED,
    402: Verdict.OUT_OF_CREDITS,
    403: Verdict.FORBIDDEN,
    404: Verdict.NOT_FOUND,
    408: Verdict.FAILED,
    429: Verdict.THROTTLED,
    503: Verdict.OVERLOADED,
    529: Verdict.OVERLOADED,
}

_BY_CLASS = {3: Verdict.REDIRECT, 4: Verdict.BURY, 5: Verdict.FAILED}


def verdict_of(status: int) -> Verdict:
    """The verdict on any status: from the table, else from its class; other successes have to be readable too."""
    return VERDICTS.get(status) or _BY_CLASS.get(status // 100, Verdict.READ)


def wait_hint(headers: Mapping[str, str], error: Mapping[str, Any] | None, now: datetime) -> float | None:
    """How long the server asks us to wait, in seconds from 0 to `LONGEST_HINT`; None if it does not say.

    In this order: ``retry-after-ms``, ``Retry-After`` (seconds or a date), ``X-RateLimit-Reset`` (epoch seconds or,
    as OpenRouter sends it, milliseconds), first in the headers and then in ``error.metadata.headers``. What makes no
    sense is passed over.

    Args:
        headers: The answer's headers, names in lower case.
        error: The answer's error object.
        now: The wall clock, for hints that name a moment.
    """
    for seconds in _hints(headers, now):
        return seconds
    return next(_hints(_inner_headers(error), now), None)


def _hints(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    candidates = (
        _number(headers.get("retry-after-ms"), scale=0.001),
        _number(headers.get("retry-after")),
        _until_date(headers.get("retry-after"), now),
        _until_epoch(headers.get("x-ratelimit-reset"), now),
    )
    return (min(max(c, 0.0), LONGEST_HINT) for c in candidates if c is not None)


def _inner_headers(error: Mapping[str, Any] | None) -> dict[str, str]:
    metadata = error.get("metadata") if error else None
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    return {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}


def _number(text: str | None, scale: float = 1.0) -> float | None:
    try:
        number = float(text or "nan") * scale
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _until_date(text: str | None, now: datetime) -> float | None:
    moment = http_date(text)
    return (moment - now).total_seconds() if moment else None


def _until_epoch(text: str | None, now: datetime) -> float | None:
    epoch = _number(text)
    if not epoch:
        return None
    return (epoch / 1000 if epoch > _MILLISECONDS_FROM else epoch) - now.timestamp()


def http_date(text: str | None) -> datetime | None:
    """The moment an HTTP date names, in UTC; None if it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backoff(tries: int, random: float) -> float:
    """Seconds before the next try, after so many failed ones; `random` is uniform in 0 … 1."""
    return random * min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** (tries - 1))


def next_look(age: timedelta) -> timedelta:
    """After how long an ID of this age that was not found is worth another request."""
    return min(max(age / 2, SOONEST_NEXT), LATEST_NEXT)
