"""Answers into records: exact, total, and never by guessing a type.

A generation whose fields are all documented and well typed is decoded in one strict pass. Any other answer is decoded
field by field: what fits its field goes there, and everything else stays, as it came, in `extra`. So one odd field
never costs a record, and one odd record never costs a batch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import astuple

from ingest.core.api_records import (
    EXACT,
    EXTRA,
    MONEY_DIGITS,
    MONEY_PLACES,
    Field,
    GenerationContentData,
    GenerationContentResponse,
    GenerationResponse,
    GenerationResponseData,
    Record,
    fields_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Response = TypeVar("Response", GenerationResponse, GenerationContentResponse)
R = TypeVar("R", bound=Record)

LONGEST_NUMBER = 64
"""Characters of a money's JSON text. No price needs more, and arithmetic on a longer one could take for ever."""

MOST_LEARNED = 32
LONGEST_NAME = 64
"""Fields that are not documented and yet known to the fast way, and characters of their names."""

_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}}")

_SURROGATES = re.compile(
    rb"""( \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair, which is well
         | \\[^u]                                                    # another escape, a backslash's among them
         ) | \\u[dD][89a-fA-F][0-9a-fA-F]{2}                         # half of a pair""",
    re.VERBOSE,
)
_NULL = msgspec.Raw(b"null")
_ABSENT = msgspec.Raw(b"")
_NUMBER = re.compile(rb"-?[0-9]")
_STEP = Decimal(1).scaleb(-MONEY_PLACES)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)

Extra = dict[str, msgspec.Raw]


class UnreadableError(Exception):
    """The answer is not what was asked for: no JSON, cut, or of another shape."""


def decode_generation(body: bytes) -> GenerationResponse:
    """Decode the body of a 200 answer to ``GET /generation``.

    Args:
        body: The answer as it came, UTF-8 JSON of the form ``{"data": {…}}``.

    Returns:
        The answer, with nothing lost. (A time is held to the microsecond, a real number as the nearest double.)

    Raises:
        UnreadableError: `body` is not of that form, or names no generation.
    """
    response = _leniently(_decode_generation, body)
    if all(getattr(response.data, name) is None for name in ("id", "model", "created_at", "usage")):
        raise UnreadableError("data holds no generation")
    return response


def decode_content(body: bytes) -> GenerationContentResponse:
    """Decode the body of a 200 answer to ``GET /generation/content``.

    Raises:
        UnreadableError: `body` is not of the form ``{"data": {…}}``, or holds neither input, output nor error.
    """
    response = _leniently(_decode_content, body)
    data = response.data
    if not any((data.input, data.output, data.error)) and data.extra.keys().isdisjoint(("input", "output", "error")):
        raise UnreadableError("data holds no content")
    return response


def error_of(body: bytes) -> dict[str, Any] | None:
    """The ``error`` object of OpenRouter's JSON error answer, or None if `body` is anything else.

    Its documented form is ``{"error": {"code": int, "message": str, "metadata": object|null}}``; clones send the
    code as a string, so no inner type is relied on.
    """
    try:
        return _ERROR_ANSWER.decode(body).error
    except _UNREADABLE:
        return None


class _ErrorAnswer(msgspec.Struct):
    error: dict[str, Any]


_ERROR_ANSWER = msgspec.json.Decoder(_ErrorAnswer)
_ENTRIES = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(Extra)


def _leniently(decode: Callable[[bytes], Response], body: bytes) -> Response:
    """Half of a surrogate pair, which no text can hold, becomes its own escape instead of costing the answer."""
    try:
        try:
            return decode(body)
        except msgspec.DecodeError:
            mended = _SURROGATES.sub(lambda found: found[1] or b"\\" + found[0], body)
            if mended == body:
                raise
            return decode(mended)
    except _UNREADABLE as error:
        raise UnreadableError(str(error)) from None


def _decode_generation(body: bytes) -> GenerationResponse:
    try:
        return _strict.decode(body)
    except _UNREADABLE:
        answer = _FIELDS.decode(body)
        fields = _data_of(answer)
        data = _record(GenerationResponseData, fields)
        _learn(fields)
        return GenerationResponse(data, _sealed(answer))


class _Strict:
    """One pass over an answer whose fields are all known and well typed.

    Args:
        learned: Fields that no record has, but that answers were seen to have: they are known too, and kept beside.
    """

    def __init__(self, learned: tuple[str, ...] = ()) -> None:
        self.learned = learned
        known = [f for f in fields_of(GenerationResponseData) if f.name != EXTRA]
        fields: list[tuple[str, Any, Any]] = [_declared(f) for f in known]
        fields += [(f"_{n}", msgspec.Raw, msgspec.field(name=k, default=_ABSENT)) for n, k in enumerate(learned)]
        data = msgspec.defstruct("StrictGeneration", fields, forbid_unknown_fields=True, gc=False)
        answer = msgspec.defstruct("StrictAnswer", [("data", data)], forbid_unknown_fields=True, gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(answer)
        self._width = len(known)
        self._money = [(place, f.name) for place, f in enumerate(known) if _is(f, Decimal)]
        self._times = [place for place, f in enumerate(known) if _is(f, datetime)]

    def decode(self, body: bytes) -> GenerationResponse:
        values = list(astuple(self._decoder.decode(body).data))
        extra = {}
        if self.learned:
            beside = zip(self.learned, values[self._width :], strict=True)
            extra = {name: raw for name, raw in beside if raw is not _ABSENT}
            del values[self._width :]
        for place, name in self._money:
            raw = values[place]
            values[place], is_exact = _money(bytes(raw))
            if not is_exact:
                extra[name] = raw
        for place in self._times:
            values[place] = _utc(values[place])
        values.append(_sealed(extra))
        return GenerationResponse(GenerationResponseData(*values))


def _declared(field: Field) -> tuple[str, Any, Any]:
    # As Decimal, msgspec would take the strings "0.5" and "NaN" for prices: money is read from its own text.
    return (field.name, msgspec.Raw, _NULL) if _is(field, Decimal) else (field.name, field.declared, None)


def _learn(fields: msgspec.Raw) -> None:
    """Know the new fields of an answer from now on: each costs the slow way once, not in every answer."""
    global _strict  # noqa: PLW0603  # what answers look like is the same for everybody
    known = {f.name for f in fields_of(GenerationResponseData)} | {*_strict.learned}
    new = [name for name in _FIELDS.decode(fields) if name not in known and _PLAIN_NAME.fullmatch(name)]
    if new and len(_strict.learned) < MOST_LEARNED:
        _strict = _Strict((*_strict.learned, *new)[:MOST_LEARNED])


def _data_of(answer: Extra) -> msgspec.Raw:
    """Take ``data`` out of an answer."""
    if "data" not in answer:
        raise msgspec.ValidationError("the answer has no data")
    return answer.pop("data")


def _decode_content(body: bytes) -> GenerationContentResponse:
    answer = _FIELDS.decode(body)
    data = _record(GenerationContentData, _data_of(answer))
    return GenerationContentResponse(data, _sealed(answer))


class _RoundedError(Exception):
    """A price has more digits than a record holds."""

    def __init__(self, price: Decimal | None) -> None:
        super().__init__()
        self.price = price


def _record(kind: type[R], raw: msgspec.Raw) -> R:
    """A record read field by field; what does not fit its field, or not exactly, is kept beside."""
    extra = _FIELDS.decode(raw)
    values = {}
    for name, read in _readers(kind).items():
        part = extra.pop(name, _NULL)
        try:
            values[name] = read(part)
        except _RoundedError as rounded:
            values[name], extra[name] = rounded.price, part
        except _UNREADABLE:
            extra[name] = part
    return kind(**values, extra_json=_sealed(extra))


@cache
def _readers(kind: type[Record]) -> dict[str, Callable[[msgspec.Raw], Any]]:
    return {f.name: _reader(f) for f in fields_of(kind) if f.name != EXTRA}


def _reader(field: Field) -> Callable[[msgspec.Raw], Any]:
    """How a field is read: a record, or several, field by field, anything else strictly."""
    inner = get_args(field.type)[0]
    if inner is Decimal:
        return _price
    if inner is datetime:
        return _time
    if get_origin(inner) is tuple:
        entry = partial(_entry, get_args(inner)[0], field.name.removesuffix("s"))
        return lambda raw: None if raw == _NULL else tuple(map(entry, _ENTRIES.decode(raw)))
    if isinstance(inner, type) and issubclass(inner, Record):
        return lambda raw: None if raw == _NULL else _record(inner, raw)
    return msgspec.json.Decoder(field.declared).decode


def _entry(kind: type[R], name: str, raw: msgspec.Raw) -> R:
    """One record of several; one that is no object keeps its place, and what it is, beside."""
    try:
        return _record(kind, raw)
    except _UNREADABLE:
        return kind(extra_json=_sealed({name: raw}))


def _price(raw: msgspec.Raw) -> Decimal | None:
    price, is_exact = _money(bytes(raw))
    if not is_exact:
        raise _RoundedError(price)
    return price


_TIME = msgspec.json.Decoder(datetime | None)


def _time(raw: msgspec.Raw) -> datetime | None:
    return _utc(_TIME.decode(raw))


def _is(field: Field, kind: type) -> bool:
    return get_args(field.type)[:1] == (kind,)


def _sealed(extra: Extra) -> str | None:
    """`extra` as JSON text of its own, so that no record keeps its whole answer in memory."""
    return msgspec.json.encode(extra).decode("utf-8", "replace") if extra else None


@lru_cache(maxsize=1024)  # total_cost is usage again, and many prices are 0
def _money(text: bytes) -> tuple[Decimal | None, bool]:
    """A price from its JSON text, rounded half-even to the warehouse's places, and whether that is exact.

    Returns:
        None and False for what is no number or does not fit the column.
    """
    if text == b"null":
        return None, True
    if not _NUMBER.match(text) or len(text) > LONGEST_NUMBER:
        return None, False
    try:
        price = Decimal(text.decode("ascii"))
        rounded = EXACT.add(price.quantize(_STEP, ROUND_HALF_EVEN, EXACT), 0)
    except InvalidOperation:  # more digits than any price has
        return None, False
    fits = not rounded or rounded.adjusted() < MONEY_DIGITS - MONEY_PLACES
    return (rounded, rounded == price) if fits else (None, False)


def _utc(time: datetime | None) -> datetime | None:
    """A time in UTC; one that came without a zone is UTC already."""
    if time is None or time.tzinfo is UTC:
        return time
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


_strict = _Strict()
