"""The spend of served records, in an arithmetic of its own, so that tests can compare the warehouse with it."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

PICODOLLARS = 10**12
"""Per USD."""


def picodollars(record: dict[str, Any]) -> int:
    """What a record cost, in USD 1e-12; each price is rounded half-even from its JSON text."""
    charges = [record["usage"]]
    if record["is_byok"]:
        charges.append(record["upstream_inference_cost"] or 0)
    return sum(map(in_picodollars, charges))


def in_picodollars(amount: float) -> int:
    """An amount of a record in USD 1e-12, rounded half-even from its JSON text."""
    return round(Fraction(json.dumps(amount)) * PICODOLLARS)


def as_usd(amount: int) -> str:
    """Picodollars as decimal text in USD with twelve places."""
    sign, digits = "-" * (amount < 0), f"{abs(amount):013d}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}"
