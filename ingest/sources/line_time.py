"""The time that a log line or a record in it tells, if it is certain and fits the ID."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ingest.sources.json_documents import LongNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

TIME_WITHIN = 1024
"""Bytes at the beginning of a text, and at least so many before an ID, that are searched for the text's time."""

EARLIEST_WITHOUT_ZONE, LATEST_WITHOUT_ZONE = timedelta(minutes=-1), timedelta(minutes=14)
"""A time without zone counts as UTC if it is so far from the ID's second: zones differ by quarters of an hour."""

FARTHEST = timedelta(days=2)
"""A time further than this from the ID's second is not that of its line: it says when something expires, or began."""

_TIME = re.compile(
    r"""(?P<iso>\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?P<zone>Z|[ ]?[+-]\d\d:?\d\d|[ ]UTC)?)
      | (?P<access>\d\d/[A-Z][a-z][a-z]/20\d\d:\d\d:\d\d:\d\d[ ][+-]\d{4})
      | "(?:time|ts|timestamp|@timestamp|created|created_at)"\s*:\s*"?(?P<unix>1[6-9]\d{8}(?:\.\d{1,9}|\d{3})?)\b""",
    re.VERBOSE | re.ASCII,
)
_LONGEST_TIME = len('"@timestamp" : "1753485462.123456789"') + 8
_UNIX = re.compile(r"1[6-9]\d{8}(?:\.\d{1,9}|\d{3})?", re.ASCII)
_NANOSECONDS = re.compile(r"(1[6-9]\d{8})(\d{6})\d{3}", re.ASCII)

_OF_THE_LINE = ("timestamp", "@timestamp", "time", "ts", "datetime", "date", "asctime")
_OF_THE_CALL = ("created", "created_at")
_IN_NANOSECONDS = ("timeUnixNano", "startTimeUnixNano", "observedTimeUnixNano")
_LIKE_A_TIME = re.compile(r"time|date|stamp|_at$|At$|_ts$")
_OF_LATER = re.compile(r"expir|until|valid|deadline|reset|due|next", re.IGNORECASE)


class TextTimes:
    """The times in a text. Each part of it is searched once, however many IDs it holds.

    Args:
        text: The text.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._of_blocks: dict[int, list[tuple[int, datetime]]] = {}

    def near(self, at: int, requested_at: datetime | None) -> datetime | None:
        """The first certain time in UTC at the beginning, or shortly before byte `at`, that fits an ID's second."""
        last = max(at, 0) // TIME_WITHIN
        blocks = (0, *range(max(last - 1, 1), last + 1))
        found = (time for n in blocks for begin, time in self._of_block(n) if not n or begin < at)
        return next((t for each in found if (t := _fitting(each, requested_at))), None)

    def _of_block(self, number: int) -> list[tuple[int, datetime]]:
        if number not in self._of_blocks:
            begin = number * TIME_WITHIN
            text = self._text[begin : begin + TIME_WITHIN + _LONGEST_TIME].decode("latin-1")
            found = ((begin + match.start(), _parsed(match)) for match in _TIME.finditer(text))
            self._of_blocks[number] = [(at, t) for at, t in found if t and at < begin + TIME_WITHIN]
        return self._of_blocks[number]


def line_time_of(objects: Sequence[Mapping[str, Any]], requested_at: datetime | None) -> datetime | None:
    """The line's time of the innermost object that has one, under a usual name, else under one that sounds like it."""
    return _first(objects, _usual, requested_at) or _first(objects, _sounding, requested_at)


def call_time_of(objects: Sequence[Mapping[str, Any]], requested_at: datetime | None) -> datetime | None:
    """The time at which the innermost object says that it was created: that of the call, if the line has no time."""
    return _first(objects, _created, requested_at)


def _first(
    objects: Sequence[Mapping[str, Any]],
    times: Callable[[Mapping[str, Any]], Iterable[datetime | None]],
    requested_at: datetime | None,
) -> datetime | None:
    for each in objects:
        for time in times(each):
            if fitting := _fitting(time, requested_at):
                return fitting
    return None


def _usual(record: Mapping[str, Any]) -> Iterator[datetime | None]:
    for name in _OF_THE_LINE:
        if name in record:
            value = record[name]
            yield from map(_of_value, value.values() if isinstance(value, dict) else (value,))
    for name in _IN_NANOSECONDS:
        if name in record:
            yield _of_nanoseconds(record[name])


def _sounding(record: Mapping[str, Any]) -> list[datetime | None]:
    return [_of_text(value) for name, value in record.items() if isinstance(value, str) and _sounds_like_a_time(name)]


def _created(record: Mapping[str, Any]) -> list[datetime | None]:
    return [_of_value(record[name]) for name in _OF_THE_CALL if name in record]


@lru_cache(1000)
def _sounds_like_a_time(name: str) -> bool:
    return bool(_LIKE_A_TIME.search(name)) and not _OF_LATER.search(name) and name not in _OF_THE_CALL


def _of_value(value: Any) -> datetime | None:
    """The time of a value under a usual name: a text, or a Unix time in seconds or milliseconds."""
    text = value if isinstance(value, str) else str(value) if type(value) in {int, float, LongNumber} else ""
    return _of_unix(text) if _UNIX.fullmatch(text) else _of_text(text)


def _of_text(text: str) -> datetime | None:
    match = _TIME.match(text)
    return _parsed(match) if match else None


def _of_nanoseconds(value: Any) -> datetime | None:
    match = _NANOSECONDS.fullmatch(str(value))
    return datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=int(match[2])) if match else None


def _of_unix(text: str) -> datetime:
    seconds = float(text) / (1000 if "." not in text and len(text) > len("1753485462") else 1)
    return datetime.fromtimestamp(seconds, UTC)


def _fitting(time: datetime | None, requested_at: datetime | None) -> datetime | None:
    """The time in UTC if that is certain: it has a zone, or must be UTC because it is near the ID's second."""
    if time is None:
        return None
    is_certain = time.tzinfo is not None
    try:
        time = time.astimezone(UTC) if is_certain else time.replace(tzinfo=UTC)
    except OverflowError:
        return None
    if requested_at is None:
        return time if is_certain else None
    apart = time - requested_at
    is_near = abs(apart) <= FARTHEST if is_certain else EARLIEST_WITHOUT_ZONE <= apart <= LATEST_WITHOUT_ZONE
    return time if is_near else None


def _parsed(match: re.Match[str]) -> datetime | None:
    kind = match.lastgroup or ""
    text = match[kind]
    try:
        if kind == "unix":
            return _of_unix(text)
        if kind == "access":
            return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
        return _of_iso(text)
    except (ValueError, OverflowError):
        return None


def _of_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(_in_iso(text))


def _in_iso(text: str) -> str:
    """The time as Python 3.11 reads it: three or six digits after a point, and no space before the zone."""
    date, time = text[:11], text[11:].replace(",", ".").replace(" UTC", "Z").replace(" ", "")
    return date + re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), time)
