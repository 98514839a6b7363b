"""What a log line tells of an ID in it: the line's own time, and the fields that were to be kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.sources.id_finder import Window

LONGEST_LINE = 256 * 1024
"""Bytes. A longer line is no record of one call, so it tells neither time nor fields."""

TIME_WITHIN = 1024
"""Bytes from a line's beginning, and before an ID, in which the line's time is looked for."""

OLDEST_ZONE_FREE, YOUNGEST_ZONE_FREE = timedelta(minutes=-1), timedelta(minutes=14)
"""How far a time without zone may lie from the ID's second to be taken for UTC: zones differ by quarters of an hour."""

DEEPEST = 4
"""Strings within strings that are opened: docker's json-file holds a JSON line as text."""

_TIME = re.compile(
    rb"""(?P<iso>\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?P<zone>Z|[ ]?[+-]\d\d:?\d\d|[ ]UTC)?)
       | (?P<access>\d\d/[A-Z][a-z][a-z]/20\d\d:\d\d:\d\d:\d\d[ ][+-]\d{4})
       | "(?:time|ts|timestamp|@timestamp|created|created_at)"\s*:\s*"?(?P<unix>1[6-9]\d{8}(?:\.\d{1,9}|\d{3})?)\b""",
    re.VERBOSE,
)
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # NaN is no JSON, though Python writes it


class CallSiteParser:
    """Reads lines for what they tell.

    Args:
        keep: Names of the fields to keep; ``a.b`` is b inside a.

    Attributes:
        kept: How often each was found.
    """

    def __init__(self, keep: Sequence[str] = ()) -> None:
        self._keep = tuple(dict.fromkeys(keep))
        self._logfmt = {name: _logfmt(name) for name in self._keep}
        self.kept = dict.fromkeys(self._keep, 0)

    def read(self, line: bytes, at: int, requested_at: datetime | None) -> tuple[datetime | None, str | None]:
        """What a line tells of the ID at byte `at` in it: its time in UTC, and its kept fields as JSON."""
        return logged_at(line, at, requested_at), self._fields(line, at) if self._keep else None

    def _fields(self, line: bytes, at: int) -> str | None:
        text = line.decode("utf-8", "replace")
        needle = line[at : at + 24].decode("utf-8", "replace")
        found: dict[str, Any] = {}
        for record in _records(text, needle, DEEPEST):
            for name in self._keep:
                if name not in found and (value := self._value(record, name)) is not None:
                    found[name] = value
        for name in found:
            self.kept[name] += 1
        return _as_json({n: found[n] for n in self._keep if n in found}) if found else None

    def _value(self, record: dict[str, Any] | str, name: str) -> Any:
        if isinstance(record, str):
            match = self._logfmt[name].search(record)
            return match and _unquoted(match[1])
        return record[name] if name in record else _at_path(record, name.split("."))


class LineIndex:
    """The lines of one window; asked for one ID after the other, in order.

    Args:
        window: The window.
        before: Lines of the text before it.
        sites: Reads them.
    """

    def __init__(self, window: Window, before: int, sites: CallSiteParser) -> None:
        self._window = window
        self._number = before + 1
        self._counted = window.begin
        self._sites = sites

    def at(self, at: int, requested_at: datetime | None) -> tuple[int, datetime | None, str | None]:
        """The number of the line in which the ID at byte `at` of the buffer stands, and what that line tells."""
        self._number += self._window.buffer.count(b"\n", self._counted, at)
        self._counted = at
        begin, end = self._bounds(at)
        if begin is None or end is None or end - begin > LONGEST_LINE:
            return self._number, None, None
        line = bytes(self._window.buffer[begin:end])
        return self._number, *self._sites.read(line, at - begin, requested_at)

    def _bounds(self, at: int) -> tuple[int | None, int | None]:
        """Where the line begins and ends in the buffer; None where that is too far away."""
        buffer, limit = self._window.buffer, self._window.limit
        first, last = max(at - LONGEST_LINE, 0), min(at + LONGEST_LINE, limit)
        begin, end = buffer.rfind(b"\n", first, at) + 1, buffer.find(b"\n", at, last)
        is_cut = not begin and (first or self._window.begin)
        return None if is_cut else begin, (limit if last == limit else None) if end < 0 else end


def logged_at(line: bytes, at: int, requested_at: datetime | None) -> datetime | None:
    """The line's own time if it is obvious: one with a zone, or one that must be UTC beside the ID's second."""
    match = _TIME.search(line, 0, TIME_WITHIN) or _TIME.search(line, max(at - TIME_WITHIN, 0), at)
    if not match:
        return None
    try:
        time = _parsed(match)
    except (ValueError, OverflowError):
        return None
    if time.tzinfo:
        return time.astimezone(UTC)
    time = time.replace(tzinfo=UTC)
    is_utc = requested_at is not None and OLDEST_ZONE_FREE <= time - requested_at <= YOUNGEST_ZONE_FREE
    return time if is_utc else None


def _parsed(match: re.Match[bytes]) -> datetime:
    kind = match.lastgroup or ""
    text = match[kind].decode()
    if kind == "access":
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
    if kind == "unix":
        seconds = float(text) / (1000 if "." not in text and len(text) > len("1753485462") else 1)
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(_in_iso(text))


def _in_iso(text: str) -> str:
    """Python 3.11 reads three or six digits of a second, behind a point, and no space before the zone."""
    date, time = text[:11], text[11:].replace(",", ".").replace(" UTC", "Z").replace(" ", "")
    return date + re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), time)


def _records(text: str, needle: str, depth: int) -> Iterator[dict[str, Any] | str]:
    """The records in which the ID stands, outermost first: a JSON object, one within its texts, or plain text."""
    before, brace, _ = text.partition("{")
    record = _json_object(text, len(before)) if brace else None
    if record is None or before.strip():
        yield text if record is None else before
    if record is not None:
        yield record
        for value in _texts(record.values()):
            if needle in value and depth:
                yield from _records(value, needle, depth - 1)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _json_object(text: str, at: int) -> dict[str, Any] | None:
    try:
        value, _ = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _at_path(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def _logfmt(name: str) -> re.Pattern[str]:
    return re.compile(rf'(?<![\w.]){re.escape(name)}=("(?:[^"\\]|\\.)*"|[^\s",;&]+)')


def _unquoted(value: str) -> Any:
    if not value.startswith('"'):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value[1:-1]


def _as_json(fields: dict[str, Any]) -> str:
    """As text that any database takes: half a surrogate pair, which is no character, becomes a question mark."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
