"""Reads counts and money as the management API writes them, numbers or strings, and writes its times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from ingest.client.json_values import read_money

LARGEST_COUNT = 2**63 - 1
"""The largest BIGINT."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
_LONGEST = 64


def count_of(value: object) -> int | None:
    """A count from a number or a string that holds one, such as ``"1200"`` and ``12.0``; None if it is none."""
    number = _number(value)
    if number is None or abs(number) > LARGEST_COUNT or number != number.to_integral_value():
        return None
    return int(number)


def money_of(value: object) -> tuple[Decimal | None, bool]:
    """An amount in USD from a number or a string that holds one.

    Returns:
        The amount, rounded half-even to the warehouse's decimal places, and whether that is all that the value says.
        None and False if it is no amount, or too large.
    """
    number = _number(value)
    return (None, False) if number is None else read_money(str(number).encode())


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    text = str(value).strip()
    return Decimal(text) if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else None


def utc_text(moment: datetime) -> str:
    """A moment as the Analytics API wants it: ISO 8601 in UTC, with seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
