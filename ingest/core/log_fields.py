"""The JSON of the kept fields of a log line, as the warehouse stores it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELD = "field:"
"""What precedes the name of a kept field where dimensions are named."""


def as_json(fields: Mapping[str, Any]) -> str:
    """JSON that any database accepts. A field ``a.b`` is found by its name and also as b inside a.

    Half a surrogate pair, which is not a character, becomes a question mark; a number beyond all bounds becomes a text.
    """
    nested: dict[str, Any] = dict(fields)
    for name, value in fields.items():
        if "." in name:
            _nest(nested, name.split("."), value)
    try:
        text = json.dumps(nested, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(nested), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def replaced(old: str | None, new: str | None, asked: Sequence[str]) -> str | None:
    """The JSON of a line that was read again: new values of the fields asked for, old values of all others.

    Args:
        old: What was stored of the line.
        new: What is found in it now.
        asked: Names of the fields that were looked for.
    """
    if not old:
        return new
    gone = {*asked, *(name.partition(".")[0] for name in asked if "." in name)}
    fields = {name: value for name, value in json.loads(old).items() if name not in gone}
    fields |= json.loads(new) if new else {}
    return as_json(fields) if fields else None


def added(old: str | None, new: str | None) -> str | None:
    """The JSON of another line of the same ID: its fields, and the old ones that it does not have."""
    return as_json(json.loads(old) | json.loads(new)) if old and new else new or old


def key_of(name: str) -> str:
    """What JSON that holds a field of this name contains."""
    return json.dumps(name, ensure_ascii=False) + ":"


def _nest(fields: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Add a value at a path, where nothing else is in its way."""
    for name in path[:-1]:
        inner = fields.get(name, {})
        if not isinstance(inner, dict):
            return
        fields[name] = fields = dict(inner)  # a copy: the value may be another field's
    fields.setdefault(path[-1], value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return str(value) if value in {float("inf"), float("-inf")} else value
