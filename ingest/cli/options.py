"""Option types that click lacks (durations, moments, time zones, NAME=VALUE), and options that commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.core.masking import is_like_a_key
from ingest.core.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

FORMATS = ("table", "json", "ndjson", "csv", "markdown")
STREAMED = ("ndjson", "csv")
"""Formats that are printed batch by batch."""

LONGEST_DURATION = timedelta(days=36_500)

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
        """Convert text to a timedelta; a usage error if it is not a duration."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(value.strip().lower())
        if not found:
            self.fail(f"{value!r} is not a duration such as 90s, 15m, 24h or 7d", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2] or "s"]
        if seconds > LONGEST_DURATION.total_seconds():
            self.fail(f"{value!r} is longer than {LONGEST_DURATION.days} days", param, ctx)
        if self._positive and not seconds:
            self.fail("0 is too short", param, ctx)
        return timedelta(seconds=seconds)


class Moment(click.ParamType["datetime"]):
    """A moment: ``2026-11-01``, ``2026-11-01T14:30``, with or without a zone, or ``7d`` for seven days ago.

    Args:
        local: Return a moment without a zone as it is, for a command that has the zone from another option;
            otherwise it is UTC.
    """

    name = "moment"

    def __init__(self, *, local: bool = False) -> None:
        self._local = local

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Convert text to a datetime in UTC, or without a zone if local; a usage error if it is not a moment."""
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
        """Convert a name to a zone; a usage error with a suggestion if the name is unknown."""
        from zoneinfo import ZoneInfo

        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # unknown; a path; a directory
            self.fail(f"there is no time zone {value!r}{_zone_hint(value)}", param, ctx)


def _zone_hint(zone: str) -> str:
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
        """Convert text to name and value; a usage error if the name is missing or not an identifier."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


class KeylessPath(click.Path):
    """A path that is no API key. A file would be created under the key's name, or the key stored as a source."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a path; a usage error if it is a key."""
        if isinstance(value, str) and is_like_a_key(value):
            self.fail("an API key is no path; for a file whose name begins with sk-, write ./ before it", param, ctx)
        return super().convert(value, param, ctx)


class SourceName(click.ParamType["str"]):
    """A source: a path, a glob, a URL or ``-``, but no API key, which would be stored with every ID."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a source; a usage error if it is a key."""
        if is_like_a_key(value):
            self.fail("an API key is no source; for a file whose name begins with sk-, write ./ before it", param, ctx)
        return str(value)


class FieldName(click.ParamType["str"]):
    """A field of log lines; no API key, which would be printed where the field is missing."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name; a usage error if it is a key."""
        if is_like_a_key(value):
            self.fail("an API key is no name of a field", param, ctx)
        return str(value)


DURATION = Duration()
POSITIVE_DURATION = Duration(positive=True)
MOMENT = Moment()
LOCAL_MOMENT = Moment(local=True)
ZONE = Zone()
PAIR = Pair()
FIELD_NAME = FieldName()

PATH = KeylessPath(readable=False, path_type=Path)
"""Click does not check readability: the command does, because the exit code depends on what the file is for."""

SOURCE = SourceName()


def local_moment(text: str) -> datetime:
    """Convert text to a moment as LOCAL_MOMENT does."""
    return LOCAL_MOMENT.convert(text, None, None)


def format_option(*choices: str) -> Callable[[Any], Any]:
    """The option --format; the first choice is the default."""
    kind = click.Choice(choices)
    return click.option("--format", type=kind, default=choices[0], show_default=True, help="How to print rows.")


def api_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the commands that send requests to OpenRouter."""
    for option in reversed(_API_OPTIONS):
        command = option(command)
    return command


def management_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the commands that use the management API."""
    for option in reversed(_MANAGEMENT_OPTIONS):
        command = option(command)
    return command


lock_timeout_option = click.option(
    "--lock-timeout", type=DURATION, default="0s", show_default=True, help="How long to wait for another writer."
)

_BASE_URL_OPTION = click.option(
    "--base-url", envvar="OPENROUTER_BASE_URL", help="URL of the API.  [default: https://openrouter.ai/api/v1]"
)

_API_OPTIONS = (
    click.option(
        "--timeout", type=POSITIVE_DURATION, default="30s", show_default=True, help="Time limit for one whole request."
    ),
    _BASE_URL_OPTION,
    click.option("--api-key-file", type=click.Path(readable=False, path_type=Path), help="File that holds the key."),
    click.option("--api-key-command", help="Command that prints the key."),
)

_MANAGEMENT_OPTIONS = (
    _BASE_URL_OPTION,
    click.option(
        "--management-key-file",
        type=click.Path(readable=False, path_type=Path),
        help="File that holds the management key.",
    ),
    click.option("--management-key-command", help="Command that prints the management key."),
)
