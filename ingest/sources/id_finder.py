"""Finds generation IDs in text: one regular expression, and a check of what stands to the left of an ID."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.generation_id import FORMS, LONGEST, OLDEST, latest

if TYPE_CHECKING:
    from datetime import datetime

REMEMBERED = 50_000
"""IDs of one source whose repetitions are dropped: a streamed answer repeats its ID in every chunk."""

CONTEXT = 64
"""Bytes before an ID that tell what it follows. The longest escape sequence sets a 24-bit colour on a 24-bit one."""

REACH = LONGEST + 1
"""Bytes from the beginning of an ID to the character after it."""

_LEFT = (
    r"(?<![0-9A-Za-z]gen-)",  # not the end of a longer word; but an escape sequence may come before:
    r"(?<=%[0-9A-Fa-f]{2}gen-)",  # in a URL: %22gen-
    r"(?<=\\[abefnrtv]gen-)",  # in escaped text: \ngen-
    r"(?<=\\u[0-9A-Fa-f]{4}gen-)|(?<=\\x[0-9A-Fa-f]{2}gen-)|(?<=\\[0-7]{3}gen-)",  # a character escaped by its number
    r"(?<=[0-9;\[][mK]gen-)",  # perhaps the colour of a terminal: _COLOUR checks those, as they may be long
)
_ID = re.compile(f"(gen-(?:{'|'.join(_LEFT)}){FORMS})".encode())
"""It begins with a literal, by which the engine searches; the look-behinds are checked next."""

_COLOUR = re.compile(rb"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;]*[mK]\Z")
_COLOUR_ENDS = (b"m", b"K")
_DASH = ord("-")


class Window(NamedTuple):
    """A part of a text in a buffer, valid until the next window is taken.

    Attributes:
        buffer: The window's bytes, and, if a long line was cut, some bytes before them.
        begin: Where in the buffer the window begins.
        end: Where in the buffer the next window begins.
        limit: Where in the buffer an ID that begins before `end` may end at the latest.
        offset: Where in the text the buffer begins, in bytes.
    """

    buffer: bytearray
    begin: int
    end: int
    limit: int
    offset: int

    @property
    def ends_a_line(self) -> bool:
        """Whether it ends with a line; false where a line was cut, or where a text ends without a newline."""
        return self.end == self.limit and self.buffer[self.end - 1 : self.end] == b"\n"


class IdFinder:
    """Finds the IDs of one source. Repetitions close to each other are found once.

    Args:
        now: The wall clock. An ID whose second is years ahead, or before OpenRouter began, is a look-alike.
    """

    def __init__(self, now: datetime) -> None:
        self._first, self._last = (b"%d" % int(time.timestamp()) for time in (OLDEST, latest(now)))
        self._first_id, self._last_id = b"gen-%b-" % self._first, b"gen-%b~" % self._last
        self._recent: set[bytes] = set()

    def __call__(self, window: Window) -> tuple[list[str], list[int]]:
        """The new IDs of a window, and where in its buffer each begins, in order.

        A run may find millions of IDs, so the usual case is checked for all IDs of a window at once.
        """
        parts = _ID.split(memoryview(window.buffer)[: window.limit])
        before, found, places = parts[:-1:2], parts[1::2], list(accumulate(map(len, parts)))[:-1:2]
        if len(self._recent) >= REMEMBERED:
            self._recent.clear()
        once = set(found)
        if once <= self._recent:
            return [], []
        is_whole = (window.begin, window.end) == (0, window.limit)
        if not (is_whole and len(once) == len(found) and self._is_plain(once) and not _has_colour(before)):
            found, places = self._select(before, found, places, window)
        self._recent.update(found)
        return b"\n".join(found).decode("ascii").split("\n") if found else [], places

    def _is_plain(self, once: set[bytes]) -> bool:
        """Whether all IDs are new, untagged and of a plausible second. Such IDs sort like their seconds."""
        return self._first_id <= min(once) and max(once) <= self._last_id and once.isdisjoint(self._recent)

    def _select(
        self, before: list[bytes], found: list[bytes], places: list[int], window: Window
    ) -> tuple[list[bytes], list[int]]:
        """The IDs that begin in the window, are new and plausible, and are not the end of a longer word."""
        selected: dict[bytes, int] = {}
        for left, each, place in zip(before, found, places, strict=True):
            is_new = window.begin <= place < window.end and each not in self._recent and self._is_plausible(each)
            if is_new and (left[-1:] not in _COLOUR_ENDS or _COLOUR.search(left[-CONTEXT:])):
                selected.setdefault(each, place)
        return list(selected), list(selected.values())

    def _is_plausible(self, found: bytes) -> bool:
        """Whether an ID's second is possible. Ten digits compare like numbers. A legacy ID has no second."""
        return found[-21] != _DASH or self._first <= found[-31:-21] <= self._last


def _has_colour(before: list[bytes]) -> bool:
    """Whether any ID may follow the colour of a terminal."""
    last = b"".join([left[-1:] for left in before])
    return any(end in last for end in _COLOUR_ENDS)
