"""How long a server asks a client to wait, in every form that OpenRouter and its proxies send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_HINT = 300.0
"""Seconds. A longer hint is cut to this."""

AGREEMENT = timedelta(seconds=2)
"""Two clocks agree if their difference is not more than this."""

_MILLISECONDS_FROM = 1e11
"""An epoch time from this value on is in milliseconds."""


def retry_after_seconds(headers: Mapping[str, str], error: Mapping[str, Any] | None, now: datetime) -> float | None:
    """How long the server asks us to wait, in seconds from 0 to `LONGEST_HINT`; None if it does not say.

    The first readable value of these counts: ``retry-after-ms``, ``Retry-After`` (seconds or a date) and
    ``X-RateLimit-Reset`` (epoch time in seconds or, as OpenRouter sends it, in milliseconds), in the headers and then
    in ``error.metadata.headers``.

    Points in time are compared with our clock if it agrees with the answer's ``Date``, and else with that ``Date``.
    Our clock is preferred because a ``Date`` has whole seconds only.

    Args:
        headers: The answer's headers, with names in lower case.
        error: The answer's error object.
        now: Our wall clock, in UTC.
    """
    date = http_date(headers.get("date"))
    if date and abs(now - date) > AGREEMENT:
        now = date
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
    if text is None or not text.isascii() or "_" in text:  # float() accepts these forms, HTTP does not
        return None
    try:
        number = float(text) * scale
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _until_date(text: str | None, now: datetime) -> float | None:
    date = http_date(text)
    return (date - now).total_seconds() if date else None


def _until_epoch(text: str | None, now: datetime) -> float | None:
    epoch = _number(text)
    if not epoch:
        return None
    return (epoch / 1000 if epoch > _MILLISECONDS_FROM else epoch) - now.timestamp()


def http_date(text: str | None) -> datetime | None:
    """An HTTP date as a time in UTC; None if the text is not a date."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
