"""What somebody may have meant who typed a name that there is none of."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one; None if none does."""
    close = get_close_matches(name, list(known), n=1)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown name: the closest one there is, else what to do instead."""
    close = closest(name, known)
    return f"did you mean {close}?" if close else otherwise
