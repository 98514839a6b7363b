"""Reads single JSON values without loss: prices, times, and the parts of an answer that no field holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from ingest.client.deep_json import is_too_deep, split_list, split_object
from ingest.core.api_records import EXACT, MONEY_DIGITS, MONEY_PLACES

LONGEST_NUMBER = 64
"""Maximum characters of a price's JSON text. No price needs more, and arithmetic on very long numbers is slow."""

NULL = msgspec.Raw(b"null")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)
"""Raised by msgspec for text that is not JSON, or not of the expected type."""

Extra = dict[str, msgspec.Raw]
"""The fields of a JSON object by name, each as its JSON text."""

_decode_object = msgspec.json.Decoder(Extra).decode
_decode_string = msgspec.json.Decoder(str).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number as JSON writes it."""

_BEGIN_OF_NUMBER = re.compile(rb"-?[0-9]")

_LONGEST_COUNT = 20
"""Maximum digits of an integer that is decoded; a BIGINT has 19."""

_STEP = Decimal(1).scaleb(-MONEY_PLACES)


@lru_cache(maxsize=1024)  # total_cost repeats usage, and many prices are 0
def read_money(text: bytes) -> tuple[Decimal | None, bool]:
    """A price in USD from its JSON text, rounded half-even to the warehouse's decimal places.

    A JSON string that holds nothing but a number is read as that number.

    Returns:
        The price, and whether it says all that the text does: not if it is rounded, or the text is a string. None and
        False if the text is not a number or does not fit the column.
    """
    if text == b"null":
        return None, True
    number = _number_in(text)
    if number is None:
        return None, False
    try:
        price = Decimal(number)
        rounded = EXACT.add(price.quantize(_STEP, ROUND_HALF_EVEN, EXACT), 0)
    except InvalidOperation:  # more digits than `EXACT` has
        return None, False
    fits = not rounded or rounded.adjusted() < MONEY_DIGITS - MONEY_PLACES
    return (rounded, rounded == price and not text.startswith(b'"')) if fits else (None, False)


def _number_in(text: bytes) -> str | None:
    """The number that a JSON text is, or that a JSON string holds; None if it is anything else."""
    if len(text) > LONGEST_NUMBER:
        return None
    if not text.startswith(b'"'):
        return text.decode("ascii") if _BEGIN_OF_NUMBER.match(text) else None
    number = _decode_string(text)
    return number if _NUMBER.fullmatch(number) else None


def read_whole(text: bytes) -> bytes:
    """The digits of a JSON number that is whole but written with a point or an exponent, as ``12.0`` and ``1e3`` are.

    Any other text comes back as it is.
    """
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text.decode("ascii", "replace")):
        return text
    number = Decimal(text.decode("ascii"))
    if number.adjusted() >= _LONGEST_COUNT or number != number.to_integral_value(context=EXACT):
        return text
    return str(int(number)).encode("ascii")


def decode_object(text: bytes | msgspec.Raw) -> Extra:
    """Split a JSON object into its fields without decoding their values, however deeply these are nested.

    Raises:
        msgspec.DecodeError: It is not a JSON object.
    """
    try:
        return _decode_object(text)
    except RecursionError:
        return split_object(bytes(text))


def decode_list(text: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """Split a JSON list into its entries in the same way. Raises as `decode_object`."""
    try:
        return _decode_list(text)
    except RecursionError:
        return split_list(bytes(text))


def in_utc(time: datetime | None) -> datetime | None:
    """A time in UTC. A time without a zone is taken as UTC."""
    if time is None or time.tzinfo is UTC:
        return time
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def encode_extra(extra: Extra) -> str | None:
    """JSON text of `extra`; None if it is empty. A copy, so that no record keeps its whole answer in memory.

    A value that is nested too deeply for programs that read JSON becomes text that holds it.
    """
    if not extra:
        return None
    readable = {name: _as_text(raw) if is_too_deep(bytes(raw)) else raw for name, raw in extra.items()}
    return msgspec.json.encode(readable).decode("utf-8", "replace")


def _as_text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("utf-8", "replace")
