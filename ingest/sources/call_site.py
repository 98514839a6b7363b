"""Reads the log line around an ID: its time, and the fields to keep."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.sources.id_finder import Window

LONGEST_LINE = 256 * 1024
"""Bytes. A longer line is not the record of one call, so neither time nor fields are read from it."""

TIME_WITHIN = 1024
"""Bytes at the beginning of a line, and before an ID, that are searched for the line's time."""

EARLIEST_WITHOUT_ZONE, LATEST_WITHOUT_ZONE = timedelta(minutes=-1), timedelta(minutes=14)
"""A time without zone counts as UTC if it is so far from the ID's second: zones differ by quarters of an hour."""

MAX_DEPTH = 4
"""Levels of JSON texts inside JSON texts that are read: Docker's json-file driver stores a JSON line as text."""

_TIME = re.compile(
    rb"""(?P<iso>\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?P<zone>Z|[ ]?[+-]\d\d:?\d\d|[ ]UTC)?)
       | (?P<access>\d\d/[A-Z][a-z][a-z]/20\d\d:\d\d:\d\d:\d\d[ ][+-]\d{4})
       | "(?:time|ts|timestamp|@timestamp|created|created_at)"\s*:\s*"?(?P<unix>1[6-9]\d{8}(?:\.\d{1,9}|\d{3})?)\b""",
    re.VERBOSE,
)


def _number(text: str) -> float | str:
    """A number, or its text if no float holds it: Python would write ``Infinity``, which is no JSON."""
    value = float(text)
    return value if math.isfinite(value) else text


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=lambda _: None)
"""Python's own decoder takes and writes NaN, which is no JSON."""


class CallSiteParser:
    """Parses lines.

    Args:
        keep: Names of the fields to keep; ``a.b`` is b inside a.

    Attributes:
        kept: How often each field was found.
    """

    def __init__(self, keep: Sequence[str] = ()) -> None:
        self._keep = tuple(dict.fromkeys(keep))
        self._logfmt = {name: _logfmt(name) for name in self._keep}
        self.kept = dict.fromkeys(self._keep, 0)

    def read(self, line: bytes, at: int, requested_at: datetime | None) -> tuple[datetime | None, str | None]:
        """The line's time in UTC, and its kept fields as JSON, for the ID at byte `at`; None if it has none."""
        return logged_at(line, at, requested_at), self._fields(line, at) if self._keep else None

    def _fields(self, line: bytes, at: int) -> str | None:
        text = line.decode("utf-8", "replace")
        id_beginning = line[at : at + 24].decode("utf-8", "replace")
        found: dict[str, Any] = {}
        for record in _records(text, id_beginning, MAX_DEPTH):
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
    """Finds the lines of the IDs of one window.

    Args:
        window: The window.
        before: Lines of the text before it.
        parser: Parses the lines.
    """

    def __init__(self, window: Window, before: int, parser: CallSiteParser) -> None:
        self._window = window
        self._number = before + 1
        self._counted = window.begin
        self._parser = parser

    def at(self, at: int, requested_at: datetime | None) -> tuple[int, datetime | None, str | None]:
        """Number, time and kept fields of the line at byte `at` of the buffer. Call in ascending order of `at`."""
        self._number += self._window.buffer.count(b"\n", self._counted, at)
        self._counted = at
        begin, end = self._bounds(at)
        if begin is None or end is None or end - begin > LONGEST_LINE:
            return self._number, None, None
        line = bytes(self._window.buffer[begin:end])
        return self._number, *self._parser.read(line, at - begin, requested_at)

    def _bounds(self, at: int) -> tuple[int | None, int | None]:
        """Where the line begins and ends in the buffer; None if that is more than `LONGEST_LINE` away."""
        buffer, limit = self._window.buffer, self._window.limit
        first, last = max(at - LONGEST_LINE, 0), min(at + LONGEST_LINE, limit)
        begin, end = buffer.rfind(b"\n", first, at) + 1, buffer.find(b"\n", at, last)
        is_cut = not begin and (first or self._window.begin)
        return None if is_cut else begin, (limit if last == limit else None) if end < 0 else end


def logged_at(line: bytes, at: int, requested_at: datetime | None) -> datetime | None:
    """The line's time in UTC if that is certain: it has a zone, or must be UTC because it is near the ID's second."""
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
    is_utc = requested_at is not None and EARLIEST_WITHOUT_ZONE <= time - requested_at <= LATEST_WITHOUT_ZONE
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
    """The time as Python 3.11 reads it: three or six digits after a point, and no space before the zone."""
    date, time = text[:11], text[11:].replace(",", ".").replace(" UTC", "Z").replace(" ", "")
    return date + re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), time)


def _records(text: str, id_beginning: str, depth: int) -> Iterator[dict[str, Any] | str]:
    """The records that contain the ID, outermost first: a JSON object, those inside its texts, or plain text."""
    before, brace, _ = text.partition("{")
    record = _json_object(text, len(before)) if brace else None
    if record is None or before.strip():
        yield text if record is None else before
    if record is not None:
        yield record
        for value in _texts(record.values()):
            if id_beginning in value and depth:
                yield from _records(value, id_beginning, depth - 1)


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
        return _DECODER.decode(value)
    except ValueError:
        return value[1:-1]


def _as_json(fields: dict[str, Any]) -> str:
    """JSON that any database accepts: half a surrogate pair, which is not a character, becomes a question mark."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
