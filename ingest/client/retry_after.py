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

EPOCH_UNITS = (1.0, 1e-3, 1e-6, 1e-9)
"""Units in which servers state an epoch time, in seconds."""

HINTS = {"retry-after-ms": 1e-3, "retry-after": 1.0, "x-ratelimit-reset": 1.0}
"""The headers in their order, and the unit of their numbers if these are seconds to wait."""


def retry_after_seconds(headers: Mapping[str, str], error: Mapping[str, Any] | None, now: datetime) -> float | None:
    """How long the server asks us to wait, in seconds from 0 to `LONGEST_HINT`; None if it does not say.

    The first readable value of `HINTS` counts, in the headers and then in ``error.metadata.headers``. Servers disagree
    about what a number means, so each is read in every way: as a time to wait, and as an epoch time in each of
    `EPOCH_UNITS`. The reading whose moment is nearest to now counts. A date is an HTTP date or ISO 8601.

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


def asks_for_retry(headers: Mapping[str, str], error: Mapping[str, Any] | None) -> bool:
    """Whether the answer says that the request may succeed later: it has a ``Retry-After``, readable or not."""
    return any(
        name in where for where in (headers, _inner_headers(error)) for name in ("retry-after-ms", "retry-after")
    )


def _hints(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    for name, unit in HINTS.items():
        readings = list(_readings(headers.get(name), unit, now))
        if readings:
            yield min(max(min(readings, key=abs), 0.0), LONGEST_HINT)


def _readings(text: str | None, unit: float, now: datetime) -> Iterator[float]:
    """Seconds from now to each moment that a header's value may mean; none if it cannot be read."""
    number = _number(text)
    if number is not None:
        yield number * unit
        yield from (number * epoch_unit - now.timestamp() for epoch_unit in EPOCH_UNITS)
    elif date := http_date(text) or _iso_date(text):
        yield (date - now).total_seconds()


def _inner_headers(error: Mapping[str, Any] | None) -> dict[str, str]:
    metadata = error.get("metadata") if error else None
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    return {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}


def _number(text: str | None) -> float | None:
    if text is None or not text.isascii() or "_" in text:  # float() accepts these forms, HTTP does not
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _iso_date(text: str | None) -> datetime | None:
    """A date and time in ISO 8601 as a time in UTC; None if the text is nothing else."""
    if text is None or "T" not in text.upper():
        return None
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def http_date(text: str | None) -> datetime | None:
    """An HTTP date as a time in UTC; None if the text is not a date."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
