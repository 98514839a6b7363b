"""Types of command-line values that click does not have: durations and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

LONGEST = timedelta(days=36_500)

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?")
_AGO = re.compile(r"\d+(?:\.\d+)?(?:ms|s|m|h|d|w)")


class Duration(click.ParamType["timedelta"]):
    """A duration such as ``500ms``, ``90s``, ``15m``, ``24h`` or ``7d``; a bare number is seconds.

    Args:
        positive: Refuse 0.
    """

    name = "duration"

    def __init__(self, *, positive: bool = False) -> None:
        self._positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Text to timedelta; a usage error if it is none."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(value.strip().lower())
        if not found:
            self.fail(f"{value!r} is not a duration such as 90s, 15m, 24h or 7d", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2] or "s"]
        if seconds > LONGEST.total_seconds():
            self.fail(f"{value!r} is longer than {LONGEST.days} days", param, ctx)
        if self._positive and not seconds:
            self.fail("0 is too short", param, ctx)
        return timedelta(seconds=seconds)


class Moment(click.ParamType["datetime"]):
    """A moment in UTC: ``2026-11-01``, ``2026-11-01T14:30``, with or without a zone; or ``7d`` for so long ago."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Text to an aware datetime; a usage error if it is neither date, time nor duration."""
        if isinstance(value, datetime):
            return value
        if _AGO.fullmatch(value.strip().lower()):
            return datetime.now(UTC) - DURATION.convert(value, param, ctx)
        try:
            moment = datetime.fromisoformat(value.strip())
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date such as 2026-11-01 nor a duration such as 7d", param, ctx)


DURATION = Duration()
POSITIVE_DURATION = Duration(positive=True)
MOMENT = Moment()
