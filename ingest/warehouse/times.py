"""Times as the warehouse stores them: TIMESTAMP without a zone, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def naive_utc(time: datetime) -> datetime: ...
@overload
def naive_utc(time: None) -> None: ...
@overload
def naive_utc(time: datetime | None) -> datetime | None: ...
def naive_utc(time: datetime | None) -> datetime | None:
    """A UTC time without its zone, as a column holds it; None stays None."""
    return time.replace(tzinfo=None) if time else None


@overload
def aware_utc(time: datetime) -> datetime: ...
@overload
def aware_utc(time: None) -> None: ...
@overload
def aware_utc(time: datetime | None) -> datetime | None: ...
def aware_utc(time: datetime | None) -> datetime | None:
    """A column's time with zone UTC; None stays None."""
    return time.replace(tzinfo=UTC) if time else None
