"""Reads single fields of billing answers leniently, and notes what is missing and what remains.

Numbers may come as strings. A value that does not fit its field stays in `extra`, so that nothing is lost.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ingest.client.json_values import in_utc
from ingest.core.api_records import EXACT, MONEY_PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

LARGEST_AMOUNT = Decimal(10) ** 15
LARGEST_COUNT = 10**15
"""What is beyond these does not fit a column, or sums of it would not."""

LONGEST_NUMBER = 64
"""Maximum characters of a number that is written as text."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?")
_STEP = Decimal(1).scaleb(-MONEY_PLACES)
_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=str)


class Fields:
    """The fields of one JSON object; each that is read exactly is taken out.

    Args:
        values: The object, as it was decoded: numbers with a point or an exponent are decimals.

    Attributes:
        missing: Names of the fields that were read and not there, or not usable.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._left = dict(values)
        self.missing: list[str] = []

    def text(self, name: str) -> str | None:
        """A text."""
        value = self._left.get(name)
        return self._taken(name, value if isinstance(value, str) else None, is_exact=True)

    def count(self, name: str) -> int | None:
        """A whole number, also one written as text or with a point."""
        number = _number(self._left.get(name))
        is_count = number is not None and _is_within(number, LARGEST_COUNT) and number == int(number)
        return self._taken(name, int(number) if number is not None and is_count else None, is_exact=True)

    def amount(self, name: str) -> Decimal | None:
        """An amount in USD, rounded half-even to the warehouse's decimal places."""
        number = _number(self._left.get(name))
        if number is None or not _is_within(number, LARGEST_AMOUNT):
            return self._taken(name, None, is_exact=False)
        rounded = EXACT.add(number.quantize(_STEP, ROUND_HALF_EVEN, EXACT), 0)
        return self._taken(name, rounded, is_exact=rounded == number)

    def json(self, name: str) -> str | None:
        """Any value as JSON text; None for null."""
        value = self._left.get(name)
        return self._taken(name, None if value is None else json_text(value), is_exact=True)

    def day(self, *names: str) -> date | None:
        """The day of a date or a time, from the first of these fields that has one."""
        for name in names:
            if day := day_of(self._left.get(name)):
                del self._left[name]
                return day
        return None

    def moment(self, name: str) -> datetime | None:
        """A time in UTC; one without a zone is taken as UTC."""
        value = self._left.get(name)
        try:
            time = in_utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
        except ValueError:
            time = None
        return self._taken(name, time, is_exact=True)

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self._left.get(name)
        return self._taken(name, value if isinstance(value, bool) else None, is_exact=True)

    def rest(self) -> str | None:
        """JSON object of the fields that remain; None if there are none."""
        return json_text(self._left) if self._left else None

    def lacks(self, names: Sequence[str]) -> list[str]:
        """Which of these fields were read and not usable."""
        return [name for name in names if name in self.missing]

    def _taken(self, name: str, value: T | None, *, is_exact: bool) -> T | None:
        if value is None:
            self.missing.append(name)
        if (value is not None and is_exact) or self._left.get(name, "") is None:
            self._left.pop(name, None)
        return value


def day_of(value: object) -> date | None:
    """The day that a text begins with: ``2026-02-21``, ``2026-02-21 00:00:00`` or ``2026-02-21T00:00:00Z``."""
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.strptime(found[1], "%Y-%m-%d").date() if found else None  # noqa: DTZ007  # a day has no zone
    except ValueError:  # no day of the calendar
        return None


def json_text(value: object) -> str:
    """JSON text with sorted names and exact numbers."""
    return _ENCODER.encode(value).decode("utf-8", "replace")


def _is_within(number: Decimal, largest: Decimal | int) -> bool:
    return -largest <= number <= largest  # without abs(), which raises for 1e9999999


def _number(value: object) -> Decimal | None:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
            return None
        value = Decimal(text)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    try:
        return Decimal(value) if Decimal(value).is_finite() else None
    except InvalidOperation:
        return None
