"""Answers into records: exact, total, and never by guessing a type.

An answer whose fields are all documented and well typed is decoded in one strict pass. Any other is decoded field
by field: what fits its column goes there, and everything else stays, as it came, in `extra`. So one odd field never
costs a record, and one odd record never costs a batch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ingest.models import Attempt, Generation
from ingest.schema import ATTEMPT_FIELDS, GENERATION_FIELDS, MONEY_DIGITS, MONEY_PLACES, Column, Kind

if TYPE_CHECKING:
    from ingest.models import Cell

LONGEST_NUMBER = 64
"""Characters of a money's JSON text. No price needs more, and arithmetic on a longer one could take for ever."""

_SURROGATES = re.compile(
    rb"""( \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair, which is well
         | \\[^u]                                                    # another escape, a backslash's among them
         ) | \\u[dD][89a-fA-F][0-9a-fA-F]{2}                         # half of a pair""",
    re.VERBOSE,
)
_NULL = msgspec.Raw(b"null")
_NUMBER = re.compile(rb"-?[0-9]")
_STEP = Decimal(1).scaleb(-MONEY_PLACES)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)

_TYPES: dict[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None,
    Kind.REAL: float | None,
    Kind.FLAG: bool | None,
    Kind.TIME: datetime | None,
    # As Decimal, msgspec would take the strings "0.5" and "NaN" for prices: money is read from its own text.
    Kind.MONEY: msgspec.Raw,
}

Extra = dict[str, msgspec.Raw]


class UnreadableError(Exception):
    """The answer is not a generation: no JSON, cut, or of another shape."""


def decode_generation(body: bytes) -> Generation:
    """Decode the body of a 200 answer to ``GET /generation``.

    Args:
        body: The answer as it came, UTF-8 JSON of the form ``{"data": {…}}``.

    Returns:
        The generation, with nothing of ``data`` lost.

    Raises:
        UnreadableError: `body` is not of that form, or names no generation.
    """
    try:
        generation = _decode_leniently(body)
    except _UNREADABLE as error:
        raise UnreadableError(str(error)) from None
    if all(generation[name] is None for name in ("id", "model", "created_at", "usage")):
        raise UnreadableError("data holds no generation")
    return generation


def error_of(body: bytes) -> dict[str, Any] | None:
    """The ``error`` object of OpenRouter's JSON error answer, or None if `body` is anything else.

    Its documented form is ``{"error": {"code": int, "message": str, "metadata": object|null}}``; clones send the
    code as a string, so no inner type is relied on.
    """
    try:
        return _ERROR_ANSWER.decode(body).error
    except _UNREADABLE:
        return None


class _Layout:
    """How one kind of record is decoded: its columns, then a field that is left raw for another layout."""

    def __init__(self, name: str, columns: tuple[Column, ...], raw_field: str | None = None) -> None:
        types = {c.name: _TYPES[c.kind] for c in columns}
        if raw_field:
            types[raw_field] = msgspec.Raw
        fields = [(n, t, _NULL if t is msgspec.Raw else None) for n, t in types.items()]
        self.strict = msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False)
        self._decoders = {n: msgspec.json.Decoder(t) for n, t in types.items()}
        self._money = [(i, c.name) for i, c in enumerate(columns) if c.kind is Kind.MONEY]
        self._times = [i for i, c in enumerate(columns) if c.kind is Kind.TIME]

    def from_strict(self, record: msgspec.Struct) -> tuple[list[Any], Extra]:
        """The values of a record that the strict pass took, and what they do not hold exactly."""
        return self._finish(list(msgspec.structs.astuple(record)), {})

    def from_fields(self, fields: Extra) -> tuple[list[Any], Extra]:
        """The same, each field alone: one that does not fit its column, or has none, is kept beside."""
        values: list[Any] = []
        extra = dict(fields)
        for name, decoder in self._decoders.items():
            raw = extra.pop(name, _NULL)
            try:
                value = decoder.decode(raw)
                values.append(_utc(value) if isinstance(value, datetime) else value)
            except _UNREADABLE:
                values.append(None)
                extra[name] = raw
        return self._finish(values, extra)

    def _finish(self, values: list[Any], extra: Extra) -> tuple[list[Any], Extra]:
        for place, name in self._money:
            raw = values[place]
            values[place], exact = _money(bytes(raw))
            if not exact:
                extra[name] = raw
        for place in self._times:
            values[place] = _utc(values[place])
        return values, extra


_GENERATION = _Layout("StrictGeneration", GENERATION_FIELDS, raw_field="provider_responses")
_ATTEMPT = _Layout("StrictAttempt", ATTEMPT_FIELDS)


class _LooseAnswer(msgspec.Struct):
    data: Extra


class _ErrorAnswer(msgspec.Struct):
    error: dict[str, Any]


_STRICT_ANSWER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("StrictAnswer", [("data", _GENERATION.strict)])
)
_LOOSE_ANSWER = msgspec.json.Decoder(_LooseAnswer)
_ERROR_ANSWER = msgspec.json.Decoder(_ErrorAnswer)
_STRICT_ATTEMPTS = msgspec.json.Decoder(list[_ATTEMPT.strict] | None)  # type: ignore[name-defined]  # a class made at run time
_ENTRIES = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(Extra)


def _decode_leniently(body: bytes) -> Generation:
    """Half of a surrogate pair, which no text can hold, becomes its own escape instead of costing the answer."""
    try:
        return _decode(body)
    except msgspec.DecodeError:
        mended = _SURROGATES.sub(lambda found: found[1] or b"\\" + found[0], body)
        if mended == body:
            raise
        return _decode(mended)


def _decode(body: bytes) -> Generation:
    try:
        values, extra = _GENERATION.from_strict(_STRICT_ANSWER.decode(body).data)
    except _UNREADABLE:
        values, extra = _GENERATION.from_fields(_LOOSE_ANSWER.decode(body).data)
    responses = values.pop()
    attempts = _attempts(responses)
    if attempts is None:
        extra["provider_responses"] = responses
    return Generation(tuple(values), attempts or (), _sealed(extra))


def _attempts(responses: msgspec.Raw) -> tuple[Attempt, ...] | None:
    """The entries of ``provider_responses``; None if it is something else than a list or null."""
    try:
        records = _STRICT_ATTEMPTS.decode(responses) or ()
        return tuple(_attempt(*_ATTEMPT.from_strict(r)) for r in records)
    except _UNREADABLE:
        pass
    try:
        return tuple(_odd_attempt(entry) for entry in _ENTRIES.decode(responses))
    except _UNREADABLE:
        return None


def _odd_attempt(entry: msgspec.Raw) -> Attempt:
    try:
        fields = _FIELDS.decode(entry)
    except _UNREADABLE:
        fields = {"provider_response": entry}
    return _attempt(*_ATTEMPT.from_fields(fields))


def _attempt(values: list[Cell], extra: Extra) -> Attempt:
    return Attempt(tuple(values), _sealed(extra))


def _sealed(extra: Extra) -> str | None:
    """`extra` as JSON text of its own, so that no record keeps its whole answer in memory."""
    return msgspec.json.encode(extra).decode("utf-8", "replace") if extra else None


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
        rounded = price.quantize(_STEP, ROUND_HALF_EVEN) + 0
    except InvalidOperation:  # more digits than any price has
        return None, False
    fits = not rounded or rounded.adjusted() < MONEY_DIGITS - MONEY_PLACES
    return (rounded, rounded == price) if fits else (None, False)


def _utc(time: datetime | None) -> datetime | None:
    """A time in UTC without its zone; one that came without a zone is UTC already."""
    return time.astimezone(UTC).replace(tzinfo=None) if time is not None and time.tzinfo else time
