"""The base of all API records: their fields, their generated docstrings, and how they become JSON again."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import msgspec

if TYPE_CHECKING:
    from ingest.core.meaning import Meaning

EXTRA = "extra_json"
"""The one field of each record that the API does not have: JSON text of every part that no other field holds."""

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record.

    Attributes:
        name: Its name, which is also its name in the answer.
        type: Its Python type.
        meaning: What it means, with its unit.
        declared: Its type as declared, with the limits that msgspec checks.
    """

    name: str
    type: Any
    meaning: Meaning
    declared: Any


class Record(msgspec.Struct, frozen=True, gc=False):
    """A part of an answer. Each field is annotated with its `Meaning`; the docstrings' lists are derived from those."""

    _alternatives: ClassVar[bool] = False
    """Whether at most one field is present at a time. The others are then left out of the JSON instead of null."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        lines = (f"    {f.name} ({_type_name(f.type, cls.__module__)}): {f.meaning}" for f in fields_of(cls))
        cls.__doc__ = "\n".join((cls.__doc__ or "", "", "Attributes:", *lines))

    @property
    def extra(self) -> dict[str, Any]:
        """The answer's parts that no field holds exactly, decoded, by their names; `extra_json` has their JSON text."""
        extra: dict[str, Any] = json.loads(getattr(self, EXTRA) or "{}", parse_int=_integer)
        return extra

    def to_json(self) -> bytes:
        """The record as JSON under the API's names. Prices are exact, and the parts in `extra` are back in place."""
        return _ENCODER.encode(_plain(self))

    def to_dict(self) -> dict[str, Any]:
        """The record as a dict under the API's names: prices as Decimal, times as datetime, records as dicts.

        The parts in `extra` are back in place.
        """
        fields = {name: _as_dicts(getattr(self, name)) for name in self.__struct_fields__ if name != EXTRA}
        if self._alternatives:
            fields = {name: field for name, field in fields.items() if field is not None}
        return fields | self.extra


def fields_of(record: type[Record]) -> tuple[Field, ...]:
    """The fields of a record type, in order."""
    bare, declared = get_type_hints(record), get_type_hints(record, include_extras=True)
    annotated = ((name, *get_args(hint)) for name, hint in declared.items() if get_origin(hint) is Annotated)
    return tuple(Field(name, bare[name], meaning, hint) for name, hint, meaning in annotated)


def _integer(text: str) -> int | Decimal:
    """An integer. Python limits the digits of an int it parses, so that a longer one becomes a Decimal."""
    limit = sys.get_int_max_str_digits()
    return int(text) if not limit or len(text) <= limit else Decimal(text)


def _type_name(kind: Any, module: str) -> str:
    """A type as the docstrings show it: records of the same module without the module's name."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return str(kind).replace(f"{module}.", "")


def _as_dicts(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    return [_as_dicts(v) for v in value] if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    """A field's value, or a whole record, in types that the JSON encoder takes."""
    if isinstance(value, Record):
        fields = {name: _plain(getattr(value, name)) for name in value.__struct_fields__ if name != EXTRA}
        if value._alternatives:  # noqa: SLF001  # a record of this module's own class
            fields = {name: field for name, field in fields.items() if field is not None}
        return fields | msgspec.json.decode(getattr(value, EXTRA) or "{}", type=dict[str, msgspec.Raw])
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return msgspec.Raw((text.rstrip("0").rstrip(".") if "." in text else text).encode())
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
