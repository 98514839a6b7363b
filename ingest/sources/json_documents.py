"""Decodes JSON that stands somewhere in a text, in time and memory that no text can drive up."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MOST_VALUES = 2_000_000
"""Strings, brackets, colons and commas. A text with more is not decoded: each takes up to 70 bytes of memory."""

_BEGINNING = re.compile(r'\{\s*+["}]|\[\s*+[\[{"\]\-0-9tfn]')
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[{\[:,]', re.DOTALL)
_ATTEMPTS = 200
_EXACT = 16
"""Characters of a number that any float holds exactly, as far as it is written: up to 15 digits and a point."""


class LongNumber(float):
    """A number with more digits than any float holds, and its text.

    Attributes:
        text: The number as it is written.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _number(text: str) -> float | str:
    """A number, or its text if no float holds it: Python would write ``Infinity``, which is not JSON."""
    value = float(text)
    if not math.isfinite(value):
        return text
    return value if len(text) <= _EXACT else LongNumber(text)


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=lambda _: None)  # Python reads NaN, which is not JSON


class DocumentReader:
    """Decodes the JSON in one text.

    Each attempt that fails costs time, so there is a limit to them: text with brackets of other kinds has few.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._attempts = _ATTEMPTS
        self._left = 4 * len(text)

    def at(self, begin: int) -> tuple[Any, int] | None:
        """The object or array that begins here, and where it ends; None if there is none."""
        if self._left < 0 or not self._attempts or not _BEGINNING.match(self._text, begin):
            return None
        try:
            return _DECODER.raw_decode(self._text, begin)
        except json.JSONDecodeError as error:
            self._left -= error.pos - begin
        except (ValueError, RecursionError):  # a number of thousands of digits, or brackets a thousand deep
            self._left -= len(self._text)
        self._attempts -= 1
        return None


def is_too_large(text: str) -> bool:
    """Whether a text holds more than `MOST_VALUES`. What stands within strings does not count."""
    if len(text) <= MOST_VALUES or sum(map(text.count, '"{[:,')) <= MOST_VALUES:
        return False
    return any(number >= MOST_VALUES for number, _ in enumerate(_TOKEN.finditer(text)))
