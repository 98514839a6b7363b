"""Reads single JSON values without loss: prices, times, and the parts of an answer that no field holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from ingest.core.api_records import EXACT, MONEY_DIGITS, MONEY_PLACES

LONGEST_NUMBER = 64
"""Maximum characters of a price's JSON text. No price needs more, and arithmetic on very long numbers is slow."""

NULL = msgspec.Raw(b"null")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)
"""Raised by msgspec for text that is not JSON, or not of the expected type."""

Extra = dict[str, msgspec.Raw]
"""The fields of a JSON object by name, each as its JSON text."""

decode_object = msgspec.json.Decoder(Extra).decode
"""Splits a JSON object into its fields without decoding their values."""

_NUMBER = re.compile(rb"-?[0-9]")
_STEP = Decimal(1).scaleb(-MONEY_PLACES)


@lru_cache(maxsize=1024)  # total_cost repeats usage, and many prices are 0
def read_money(text: bytes) -> tuple[Decimal | None, bool]:
    """A price in USD from its JSON text, rounded half-even to the warehouse's decimal places.

    Returns:
        The price, and whether it is exact. None and False if the text is not a number or does not fit the column.
    """
    if text == b"null":
        return None, True
    if not _NUMBER.match(text) or len(text) > LONGEST_NUMBER:
        return None, False
    try:
        price = Decimal(text.decode("ascii"))
        rounded = EXACT.add(price.quantize(_STEP, ROUND_HALF_EVEN, EXACT), 0)
    except InvalidOperation:  # more digits than `EXACT` has
        return None, False
    fits = not rounded or rounded.adjusted() < MONEY_DIGITS - MONEY_PLACES
    return (rounded, rounded == price) if fits else (None, False)


def in_utc(time: datetime | None) -> datetime | None:
    """A time in UTC. A time without a zone is taken as UTC."""
    if time is None or time.tzinfo is UTC:
        return time
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def encode_extra(extra: Extra) -> str | None:
    """JSON text of `extra`; None if it is empty. A copy, so that no record keeps its whole answer in memory."""
    return msgspec.json.encode(extra).decode("utf-8", "replace") if extra else None
