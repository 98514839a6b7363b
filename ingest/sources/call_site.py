"""Reads what a log line tells of each ID in it: the time, the fields to keep, and the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ingest.core.generation_id import second_of
from ingest.core.log_fields import as_json
from ingest.sources.json_fields import Node
from ingest.sources.line_records import TextFields, find_records
from ingest.sources.line_time import call_time_of, line_time_of
from ingest.sources.logged_usage import find_usages, read_usages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ingest.core.logged_usage import LoggedUsage
    from ingest.sources.line_records import Record


CallSite: TypeAlias = "tuple[datetime | None, str | None, LoggedUsage | None]"
"""What a line tells of an ID: its time in UTC, the kept fields as JSON, what it cost; None for each not told."""

NOTHING: CallSite = (None, None, None)


class LineReader(Protocol):
    """Reads lines that hold IDs."""

    def read(self, line: bytes | None, ids: Mapping[str, int]) -> Mapping[str, CallSite]:
        """What the line tells of each ID, of which the byte offset is given."""

    def usages(self, line: bytes) -> Mapping[str, LoggedUsage]:
        """What a further line of IDs that were read before tells that those cost."""


class CallSiteParser:
    """Reads the time, the kept fields and the cost of each ID.

    Args:
        keep: Names of the fields to keep; ``a.b`` is b inside a.

    Attributes:
        kept: For how many IDs each field was found.
        read_ids: IDs in lines, read or too long to be read.
    """

    def __init__(self, keep: Sequence[str] = ()) -> None:
        self._keep = tuple(dict.fromkeys(keep))
        self.kept = dict.fromkeys(self._keep, 0)
        self.read_ids = 0

    def read(self, line: bytes | None, ids: Mapping[str, int]) -> dict[str, CallSite]:
        """What the line tells of each ID.

        Args:
            line: A line, or the lines of one JSON document; None for a line that is too long to be read.
            ids: The IDs in it, each with its byte offset.
        """
        self.read_ids += len(ids)
        if line is None:
            return dict.fromkeys(ids, NOTHING)
        text = line.decode("utf-8", "replace")
        records = find_records(text, ids)
        usages = read_usages(text, records)
        return {
            i: (_time(found, at, second_of(i)), self._fields(found), usages.get(i))
            for i, at in ids.items()
            for found in (records.get(i, []),)
        }

    def usages(self, line: bytes) -> dict[str, LoggedUsage]:
        """What a further line of IDs that were read before tells that those cost."""
        return find_usages(line)

    def _fields(self, records: Sequence[Record]) -> str | None:
        found: dict[str, Any] = {}
        for name in self._keep:
            value = next((v for record in records if (v := record.find(name)) is not None), None)
            if value is not None:
                found[name] = value
                self.kept[name] += 1
        return as_json(found) if found else None


def _time(records: Sequence[Record], at: int, requested_at: datetime | None) -> datetime | None:
    """The time of the innermost object that has one, else that of the text around, else when the call was made."""
    objects = [n.value for r in records if isinstance(r, Node) for n in r.outwards() if isinstance(n.value, dict)]
    if time := line_time_of(objects, requested_at):
        return time
    for text in (r for r in records if isinstance(r, TextFields)):
        if text.times and (time := text.times.near(0 if text.is_inner else at, requested_at)):
            return time
    return call_time_of(objects, requested_at)
