"""Types of command-line values that click does not have: durations, moments, time zones and NAME=VALUE."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ingest.core.suggestions import closest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

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
    """A moment in UTC: ``2026-11-01``, ``2026-11-01T14:30``, with or without a zone; or ``7d`` for so long ago.

    Args:
        local: Leave one without a zone as it is, for whoever knows the zone.
    """

    name = "moment"

    def __init__(self, *, local: bool = False) -> None:
        self._local = local

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Text to a datetime, aware unless local; a usage error if it is neither date, time nor duration."""
        if isinstance(value, datetime):
            return value
        if _AGO.fullmatch(value.strip().lower()):
            return datetime.now(UTC) - DURATION.convert(value, param, ctx)
        try:
            moment = datetime.fromisoformat(value.strip())
            if not moment.tzinfo:
                return moment if self._local else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date such as 2026-11-01 nor a duration such as 7d", param, ctx)


class Zone(click.ParamType["ZoneInfo"]):
    """A time zone by its IANA name, such as ``Europe/Berlin``."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Text to a zone; a usage error with a suggestion if there is none of that name."""
        from zoneinfo import ZoneInfo  # `--help` needs it not

        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # not found; a path; a directory
            self.fail(f"there is no time zone {value!r}{_meant(value)}", param, ctx)


def _meant(zone: str) -> str:
    from zoneinfo import available_timezones

    known = sorted(available_timezones())
    if not known:
        return ": this machine has no list of them; pip install tzdata"
    wanted = zone.strip().replace(" ", "_").lower()
    same = [name for name in known if wanted in (name.lower(), name.rpartition("/")[2].lower())]
    close = same[0] if same else closest(zone, known)
    return f"; did you mean {close}?" if close else "; write it as in Europe/Berlin"


class Pair(click.ParamType[tuple[str, str]]):
    """``NAME=VALUE``; the value may be empty."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Text to name and value; a usage error if there is no name."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


DURATION = Duration()
POSITIVE_DURATION = Duration(positive=True)
MOMENT = Moment()
LOCAL_MOMENT = Moment(local=True)
ZONE = Zone()
PAIR = Pair()
