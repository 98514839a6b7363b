"""Finds in a log line what each generation cost as the program was told: ``usage.cost`` beside the ID.

A cost belongs to an ID only if that is certain: in the innermost object that holds both, no other ID and no other cost
may be meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from ingest.core.logged_usage import LoggedUsage, amount
from ingest.sources.json_documents import DocumentReader
from ingest.sources.json_fields import ID, Node, named_values, own_field
from ingest.sources.line_records import MAX_DEPTH, TextFields, find_records, is_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.sources.line_records import Record

_BY_NAME, _OWN, _BELOW = range(3)
"""How an object holds an ID: as its ``id``, as another value or key, or somewhere inside or within a text."""

_SEVERAL = 2
_MOST_FLAT = 8
"""Flat names of costs in one object; of more none is certain."""

_IN_TEXT = _BELOW + 1
"""How an object holds a cost that stands in a text inside it."""


def read_usages(text: str, records: Mapping[str, Sequence[Record]]) -> dict[str, LoggedUsage]:
    """What a line tells that its generations cost; only what is certain.

    Args:
        text: The line.
        records: What `find_records` finds for the IDs in it.
    """
    if len(records) == 1:
        [(generation_id, found)] = records.items()
        if isinstance(found[0], Node) and (answer := _answer(generation_id, found[0])):
            told = _of_usage(answer["usage"])
            return {generation_id: told} if told else {}
    return _search(text, records) if "cost" in text and "usage" in text else {}


def _answer(generation_id: str, node: Node) -> Mapping[str, Any] | None:
    """The usual case: an answer of OpenRouter as it came, with its usage, and no part of a stream."""
    answer = node.value
    if answer.__class__ is not dict or answer.get("id") != generation_id or answer.get("usage").__class__ is not dict:
        return None
    around = node.parent
    while around:
        if around.value.__class__ is list:
            return None
        around = around.parent
    return answer


def find_usages(line: bytes) -> dict[str, LoggedUsage]:
    """What a line tells that its generations cost, whichever IDs it holds."""
    text = line.decode("utf-8", "replace")
    return read_usages(text, find_records(text, frozenset(ID.findall(text))))


def _search(text: str, records: Mapping[str, Sequence[Record]]) -> dict[str, LoggedUsage]:
    """The costs in all documents of a line; then those of the text around them, if the line has one ID only."""
    ids = frozenset(ID.findall(text))
    told: dict[str, LoggedUsage] = {}
    for document in _documents(record for found in records.values() for record in found):
        told |= _Search(ids).pairs(document)
    if len(ids) == 1:
        for generation_id, found in records.items():
            texts = [record for record in found if isinstance(record, TextFields)]
            if generation_id not in told and (usage := _only(u for t in texts for u in _of_text(t, ids))):
                told[generation_id] = usage
    return {generation_id: told[generation_id] for generation_id in records if generation_id in told}


def _documents(records: Iterable[Record]) -> Iterable[Any]:
    """The document of each record, once."""
    seen: set[int] = set()
    for record in records:
        node = record if isinstance(record, Node) else None
        while node and id(node) not in seen:
            seen.add(id(node))
            if not node.parent:
                yield node.value
            node = node.parent


def _of_text(record: TextFields, ids: frozenset[str]) -> Iterable[LoggedUsage]:
    """The costs that a text tells: those of its fields, else those of its JSON."""
    own = list(_of_fields({**record.fields, **record.named}))
    return own or (usage for document in record.documents for usage in _Search(ids).costs(document))


@dataclass(slots=True)
class _Place:
    """An object or array of a document, and what is found in it.

    Of what stands in the objects inside it two are kept: they are enough to know that there are several, and a document
    may hold a million.

    Attributes:
        outer: The number of what contains it; -1 for the whole document.
        in_text: Whether it is a document inside a text.
        costs: The costs in it that no ID has, by how it holds them.
        ids: The IDs in it that no cost has, by how it holds them.
        every_id: The IDs in it, whether a cost has them or not.
    """

    outer: int
    in_text: bool
    costs: dict[int, set[LoggedUsage]] = field(default_factory=dict)
    ids: dict[int, set[str]] = field(default_factory=dict)
    every_id: set[str] = field(default_factory=set)


class _Search:
    """The search for costs in a document, from its innermost objects outwards.

    Args:
        ids: The IDs that may stand in it.
    """

    def __init__(self, ids: frozenset[str]) -> None:
        self._ids = ids
        self._places: list[_Place] = []
        self._told: dict[str, LoggedUsage] = {}

    def pairs(self, document: Any) -> dict[str, LoggedUsage]:
        """The cost of each ID that certainly has one; of several in one line the last: a stream tells it at its end."""
        self._read(document)
        return self._told

    def costs(self, document: Any) -> set[LoggedUsage]:
        """The costs that no ID in the document has, or two of them."""
        self._read(document)
        outermost = self._places[0].costs
        return outermost[min(outermost)] if outermost else set()

    def _read(self, document: Any) -> None:
        pending = [(document, _Place(-1, in_text=False), MAX_DEPTH)]
        while pending:
            value, place, depth = pending.pop()
            self._places.append(place)
            pending += reversed(self._members(value, place, len(self._places) - 1, depth))
        for place in reversed(self._places):
            self._settle(place)

    def _members(self, value: Any, place: _Place, number: int, depth: int) -> list[tuple[Any, _Place, int]]:
        """Note what an object or array holds itself; returns the objects and arrays in it."""
        fields = value if isinstance(value, dict) else named_values(value)
        if fields:
            place.costs[_OWN] = set(_of_fields(fields))
        inner = []
        for key, member in fields.items() if fields else (("", each) for each in value):
            if key in self._ids:
                place.ids.setdefault(_OWN, set()).add(key)
            below, at = member, depth
            if isinstance(member, str):
                if "gen-" in member:
                    self._note_ids(place, key, member)
                below = _document_in(key, member) if depth and "cost" in member else None
                at = depth - 1
            if isinstance(below, (dict, list)):
                child = _Place(number, in_text=below is not member)
                if key in self._ids:
                    place.ids[_OWN].discard(key)
                    child.ids[_OWN] = {key}
                inner.append((below, child, at))
        return inner

    def _note_ids(self, place: _Place, key: str, text: str) -> None:
        how = _BELOW
        if text in self._ids:
            how = _BY_NAME if key == "id" else _OWN
        place.ids.setdefault(how, set()).update(self._ids.intersection(ID.findall(text)))

    def _settle(self, place: _Place) -> None:
        """Give the one cost of an object to the one ID; what is left is looked at in the object around it."""
        ids = {how: left for how, found in place.ids.items() if (left := found - self._told.keys())}
        costs = {how: found for how, found in place.costs.items() if found}
        place.every_id.update(*place.ids.values())
        if ids and costs:
            how = min(ids)
            usage = _only(costs[min(costs)])
            if usage and len(ids[how]) == 1 and (how < _BELOW or len(place.every_id) == 1):
                self._told[next(iter(ids[how]))] = usage
            ids, costs = {}, {}
        place.costs = costs
        if place.outer >= 0:
            outer = self._places[place.outer]
            _add_two(outer.every_id, place.every_id)
            for left in ids.values():
                _add_two(outer.ids.setdefault(_BELOW, set()), left)
            if costs:
                _add_two(outer.costs.setdefault(_IN_TEXT if place.in_text else _BELOW, set()), costs[min(costs)])


def _add_two(known: set[Any], more: set[Any]) -> None:
    """Add some to a set, at most until it has two more."""
    if len(known) < _SEVERAL:
        known.update(islice(more, _SEVERAL))


def _document_in(key: str, text: str) -> Any:
    """The JSON document that a text is, under a name that loggers use for it."""
    document = text.strip()
    found = DocumentReader(document).at(0) if document[:1] in {"{", "["} and is_read(key, text) else None
    return found[0] if found else None


def _of_fields(fields: Mapping[str, Any]) -> Iterable[LoggedUsage]:
    """The costs that an object tells itself: in its ``usage``, or in flat names that end with ``usage.cost``."""
    flat_keys = [key for key in fields if key == "usage.cost" or key.endswith(".usage.cost")]
    if len(flat_keys) > _MOST_FLAT:
        return
    for key, value in fields.items():
        if key == "usage" or key.endswith(".usage"):
            usage = _opened(value)
            told = _of_usage(usage) if isinstance(usage, dict) else None
        elif key in flat_keys:
            begin = key[: -len("cost")]
            flat = {name.removeprefix(begin): each for name, each in fields.items() if name.startswith(begin)}
            told = _of_usage(flat)
        else:
            continue
        if told:
            yield told


def _opened(usage: Any) -> Any:
    """An object that is written as text, or as attributes, as itself."""
    if isinstance(usage, str) and usage.lstrip()[:1] == "{":
        found = DocumentReader(usage.strip()).at(0)
        return found[0] if found else None
    return named_values(usage) if isinstance(usage, list) else usage


def _of_usage(usage: Mapping[str, Any]) -> LoggedUsage | None:
    cost = amount(usage.get("cost"))
    if cost is None:
        return None
    if usage.get("is_byok") not in (True, "true"):
        return LoggedUsage(cost)
    return LoggedUsage(cost, amount(own_field(usage, "cost_details.upstream_inference_cost")))


def _only(usages: Iterable[LoggedUsage]) -> LoggedUsage | None:
    """The cost if there is one only, perhaps told more than once."""
    different = set(usages)
    return different.pop() if len(different) == 1 else None
