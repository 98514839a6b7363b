"""Counts which fields the lines with IDs have: the names that can be kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ingest.sources.call_site import NOTHING
from ingest.sources.json_fields import Node, attributes_of
from ingest.sources.line_records import find_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.core.logged_usage import LoggedUsage
    from ingest.sources.call_site import CallSite
    from ingest.sources.line_records import Record

DEEPEST = 4
"""Parts of a name such as ``a.b.c.d`` at most."""

MOST_NAMES = 1_000
"""Names that are counted, and names of one object: some logs have names that are data."""


class FieldNames:
    """Reads lines and counts their fields.

    Attributes:
        counts: For how many IDs each name would find a field.
        read_ids: IDs in lines.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.read_ids = 0

    def read(self, line: bytes | None, ids: Mapping[str, int]) -> dict[str, CallSite]:
        """Count the fields of the IDs in a line; returns neither times nor fields."""
        self.read_ids += len(ids)
        records = find_records(line.decode("utf-8", "replace"), ids) if line else {}
        for found in records.values():
            names = {name for record in found for name in _names(record)}
            self.counts.update(n for n in names if n in self.counts or len(self.counts) < MOST_NAMES)
        return dict.fromkeys(ids, NOTHING)

    def usages(self, _: bytes) -> dict[str, LoggedUsage]:
        """Nothing: a further line of an ID does not count."""
        return {}


def _names(record: Record) -> Iterator[str]:
    if not isinstance(record, Node):
        yield from record.fields
        return
    for node in record.outwards():
        yield from attributes_of(node.value)
        if isinstance(node.value, dict):
            left = MOST_NAMES
            for name in _paths(node.value, DEEPEST):
                yield name
                left -= 1
                if not left:
                    break


def _paths(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict) and depth > 1:
            yield from (f"{name}.{path}" for path in _paths(inner, depth - 1))
        elif inner is not None and not isinstance(inner, (dict, list)):
            yield name
