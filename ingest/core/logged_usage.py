"""What a program believed that a generation cost: OpenRouter's own words, as its log line repeats them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from typing import Any

import msgspec

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_LONGEST = 100
_PICODOLLAR = Decimal("1e-12")
_LIMIT = 1_000_000
_USUAL = 999_999.0


class LoggedUsage(msgspec.Struct, frozen=True, gc=False):
    """The cost that a log line tells of a generation.

    Attributes:
        usage: What OpenRouter charged: the line's ``usage.cost``. Unit: USD.
        byok_usage: What the provider charged to the own key: ``usage.cost_details.upstream_inference_cost``; None if
            the line does not say ``is_byok``, or not how much. Unit: USD.
    """

    usage: Decimal
    byok_usage: Decimal | None = None


def amount(value: Any) -> Decimal | None:
    """An amount in whole picodollars, rounded half to even; None for what is none, or does not fit its column.

    Args:
        value: A number of any type, or a text that is nothing but a number.
    """
    if value.__class__ is float and -_USUAL < value < _USUAL:
        return Decimal(repr(value)).quantize(_PICODOLLAR, ROUND_HALF_EVEN)
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        text = getattr(value, "text", None) or str(value)
    else:
        return None
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    try:
        rounded = Decimal(text).quantize(_PICODOLLAR, ROUND_HALF_EVEN)
    except DecimalException:  # beyond 28 digits
        return None
    return rounded if -_LIMIT < rounded < _LIMIT else None


def logged_usage_of(usage: Decimal | None, byok_usage: Decimal | None) -> LoggedUsage | None:
    """What two columns of the warehouse hold; None if the log told no cost."""
    return None if usage is None else LoggedUsage(usage, byok_usage)
