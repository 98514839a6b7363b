"""'Did you mean …?' suggestions for unknown names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most similar to this one; None if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415  # needed after a typing error only

    close = get_close_matches(name, list(known), n=1)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The fix for an unknown name: a suggestion if one is similar, else `otherwise`."""
    close = closest(name, known)
    return f"did you mean {close}?" if close else otherwise
