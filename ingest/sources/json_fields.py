"""Finds the JSON objects that contain an ID, and looks fields up in them: innermost first, never in a sibling."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.core.generation_id import FORMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

ID = re.compile(f"gen-{FORMS}")

_OTLP_VALUES = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")


class Node:
    """An object or array of a document, with what it is inside of.

    Args:
        value: The object or array.
        parent: What contains it; None for the whole document.
        key: Its name there; that of the array for an array's element.
    """

    __slots__ = ("_found", "key", "parent", "value")

    def __init__(self, value: Any, parent: Node | None = None, key: str = "") -> None:
        self.value, self.parent, self.key = value, parent, key
        self._found: dict[str, Any] = {}

    def find(self, name: str) -> Any:
        """The field of the innermost object that has it, from here outwards; None if there is none."""
        passed, value = [], None
        for node in self.outwards():
            if name in node._found:  # noqa: SLF001  # another node of the same class
                value = node._found[name]  # noqa: SLF001
                break
            passed.append(node)
            if (value := own_field(node.value, name)) is not None:
                break
        for node in passed:
            node._found[name] = value  # noqa: SLF001
        return value

    def outwards(self) -> Iterator[Node]:
        """This one, what contains it, and so on."""
        node: Node | None = self
        while node:
            yield node
            node = node.parent


@dataclass(slots=True)
class Hits:
    """Where IDs stand in a document.

    Attributes:
        own: The object or array of each ID that is a value, or a key, of its own.
        in_text: The object or array of each other ID, with the text that the ID is part of, and the text's key.
    """

    own: dict[str, Node] = field(default_factory=dict)
    in_text: dict[str, tuple[Node, str, str]] = field(default_factory=dict)


def find_ids(document: Any, wanted: Collection[str]) -> Hits:
    """Where the wanted IDs stand in a document: the first place of each, a value of its own before a part of a text."""
    hits, root = Hits(), Node(document)
    pending = [(root, _members(root))]
    while pending and len(hits.own) < len(wanted):
        node, members = pending[-1]
        for key, value in members:
            if isinstance(value, (dict, list)):
                child = Node(value, node, key)
                if "gen-" in key and key in wanted:
                    hits.own.setdefault(key, child)
                pending.append((child, _members(child)))
                break
            if "gen-" in key and key in wanted:
                hits.own.setdefault(key, node)
            if isinstance(value, str) and "gen-" in value:
                _note(hits, wanted, node, key, value)
        else:
            pending.pop()
    return hits


def _members(node: Node) -> Iterator[tuple[str, Any]]:
    if isinstance(node.value, dict):
        return iter(node.value.items())
    return ((node.key if not node.key.startswith("gen-") else "", value) for value in node.value)


def _note(hits: Hits, wanted: Collection[str], node: Node, key: str, text: str) -> None:
    if text in wanted:
        hits.own.setdefault(text, node)
        return
    for found in ID.findall(text):
        if found in wanted:
            hits.in_text.setdefault(found, (node, key, text))


def own_field(value: Any, name: str) -> Any:
    """A field of this object, or of the attributes that belong to it; None if it has none."""
    found = _at_path(value, name) if isinstance(value, dict) else None
    return _at_path(attributes_of(value), name) if found is None else found


def attributes_of(value: Any) -> Mapping[str, Any]:
    """The attributes of OpenTelemetry that belong to an object, or that a list is made of.

    They are a list of ``{"key": …, "value": …}``, in the object itself, its resource or its scope.
    """
    if isinstance(value, list):
        return named_values(value)
    found: dict[str, Any] = {}
    for owner in (value.get("scope"), value.get("resource")):
        if isinstance(owner, dict) and isinstance(listed := owner.get("attributes"), list):
            found = {**named_values(listed), **found}
    for name in ("tags", "attributes"):
        if isinstance(listed := value.get(name), list):
            found = {**found, **named_values(listed)}
    return found


def _at_path(record: Any, name: str) -> Any:
    """The value called so, or the one at this path: ``a.b`` is b inside a."""
    if isinstance(record, list):
        record = named_values(record)
    if not isinstance(record, dict):
        return None
    found, at = record.get(name), name.find(".")
    while found is None and at >= 0:
        if name[:at] in record:
            found = _at_path(record[name[:at]], name[at + 1 :])
        at = name.find(".", at + 1)
    return found


def named_values(listed: list[Any]) -> Mapping[str, Any]:
    """The names and values of a list of ``{"key": …, "value": …}``; empty for any other list."""
    if not (listed and isinstance(listed[0], dict) and {"key", "value"} <= listed[0].keys()):
        return {}
    pairs = [e for e in listed if isinstance(e, dict) and isinstance(e.get("key"), str)]
    return {pair["key"]: _unwrapped(pair.get("value")) for pair in pairs}


def _unwrapped(value: Any) -> Any:
    """A value of OpenTelemetry's JSON, such as ``{"stringValue": "acme"}``, as itself; any other value as it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(kind, inner)] = value.items()
    if kind == "intValue" and isinstance(inner, str) and re.fullmatch(r"-?\d{1,20}", inner, re.ASCII):
        return int(inner)
    if kind in _OTLP_VALUES:
        return inner
    values = inner.get("values") if isinstance(inner, dict) else None
    if kind == "arrayValue" and isinstance(values, list):
        return [_unwrapped(each) for each in values]
    return dict(named_values(values)) if kind == "kvlistValue" and isinstance(values, list) else value
