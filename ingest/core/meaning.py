"""What a field or column means, with its unit, and the one text form of it that docstrings and COMMENTs use."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNIT = re.compile(r"Unit: ([^.]+)\.")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a field means. Its text form is ``TEXT Unit: UNIT.``, or the text alone without a unit.

    Attributes:
        text: One or more sentences, caveats included.
        unit: USD, ms, tokens, UTC, …; empty for a field without a unit.
    """

    text: str
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text} Unit: {self.unit}." if self.unit else self.text


def unit_of(comment: str) -> str | None:
    """The unit in a comment that has the text form of `Meaning`; None if there is none.

    A view's columns are described in SQL only, so their units can be read only from the warehouse's comments.
    """
    found = _UNIT.search(comment)
    return found[1] if found else None
