"""The tolerant path: decodes a record field by field, and keeps what does not fit its field in `extra`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import msgspec

from ingest.client.json_values import (
    NULL,
    UNREADABLE,
    decode_list,
    decode_object,
    encode_extra,
    in_utc,
    read_money,
    read_whole,
)
from ingest.core.record import EXTRA, Record, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.core.record import Field

R = TypeVar("R", bound=Record)

_decode_time = msgspec.json.Decoder(datetime | None).decode


class _InexactError(Exception):
    """A price has more digits than its field holds, or came as a string."""

    def __init__(self, price: Decimal | None) -> None:
        super().__init__()
        self.price = price


def decode_record(kind: type[R], raw: bytes | msgspec.Raw) -> R:
    """Decode a JSON object as a record. A value that does not fit its field, or not exactly, is kept in `extra`.

    Raises:
        msgspec.DecodeError: `raw` is not a JSON object.
    """
    extra = decode_object(raw)
    values = {}
    for name, read in _readers(kind).items():
        part = extra.pop(name, NULL)
        try:
            values[name] = read(part)
        except _InexactError as inexact:
            values[name], extra[name] = inexact.price, part
        except UNREADABLE:
            extra[name] = part
    return kind(**values, extra_json=encode_extra(extra))


@cache
def _readers(kind: type[Record]) -> dict[str, Callable[[msgspec.Raw], Any]]:
    return {f.name: _reader(f) for f in fields_of(kind) if f.name != EXTRA}


def _reader(field: Field) -> Callable[[msgspec.Raw], Any]:
    """The function that reads a field: records and lists of records field by field, any other type strictly."""
    inner = get_args(field.type)[0]
    if inner is Decimal:
        return _price
    if inner is datetime:
        return _time
    if inner is int or get_args(inner)[:1] == (int,):
        return partial(_whole, msgspec.json.Decoder(field.declared).decode)
    if get_origin(inner) is tuple:
        entry = partial(_entry, get_args(inner)[0], field.name.removesuffix("s"))
        return lambda raw: None if raw == NULL else tuple(map(entry, decode_list(raw)))
    if isinstance(inner, type) and issubclass(inner, Record):
        return lambda raw: None if raw == NULL else decode_record(inner, raw)
    return msgspec.json.Decoder(field.declared).decode


def _entry(kind: type[R], name: str, raw: msgspec.Raw) -> R:
    """One entry of a list. An entry that is not an object becomes an empty record that has its value in `extra`."""
    try:
        return decode_record(kind, raw)
    except UNREADABLE:
        return kind(extra_json=encode_extra({name: raw}))


def _price(raw: msgspec.Raw) -> Decimal | None:
    price, is_exact = read_money(bytes(raw))
    if not is_exact:
        raise _InexactError(price)
    return price


def _whole(decode: Callable[[bytes], int | None], raw: msgspec.Raw) -> int | None:
    try:
        return decode(raw)
    except msgspec.ValidationError:
        return decode(read_whole(bytes(raw)))


def _time(raw: msgspec.Raw) -> datetime | None:
    return in_utc(_decode_time(raw))
