"""Finding generation IDs in text: one expression, and what may stand to the left of an ID."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.generation_id import FORMS, LONGEST, OLDEST, latest

if TYPE_CHECKING:
    from datetime import datetime

REMEMBERED = 50_000
"""IDs of one source whose repetitions are passed over; a stream repeats its ID on every chunk."""

CONTEXT = 64
"""Bytes before an ID that tell what it is glued to; the longest colour is a 24-bit one on a 24-bit one."""

REACH = LONGEST + 1
"""Bytes from where an ID begins to what stands behind it."""

_LEFT = (
    r"(?<![0-9A-Za-z]gen-)",  # no tail of a longer word; an escape is no part of a word:
    r"(?<=%[0-9A-Fa-f]{2}gen-)",  # URL: %22gen-
    r"(?<=\\[abefnrtv]gen-)",  # escaped text: \ngen-
    r"(?<=\\u[0-9A-Fa-f]{4}gen-)|(?<=\\x[0-9A-Fa-f]{2}gen-)|(?<=\\[0-7]{3}gen-)",  # escaped by number
    r"(?<=[0-9;\[][mK]gen-)",  # a terminal's colour, perhaps: those may be long, and are looked at by themselves
)
_ID = re.compile(f"(gen-(?:{'|'.join(_LEFT)}){FORMS})".encode())
"""It begins with a plain text, which is what the search goes by; what stands before that is looked at next."""

_COLOUR = re.compile(rb"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;]*[mK]\Z")
_COLOUR_ENDS = (b"m", b"K")
_DASH = ord("-")


class Window(NamedTuple):
    """A stretch of text in a buffer; valid until the next window is taken.

    Attributes:
        buffer: Holds it, and a little before it if a long line was cut.
        begin: Where in the buffer what is new begins.
        end: Where the next window begins.
        limit: How far an ID that begins before `end` may reach.
        offset: Where in the text the buffer begins.
    """

    buffer: bytearray
    begin: int
    end: int
    limit: int
    offset: int

    @property
    def ends_a_line(self) -> bool:
        """Whether it ends with a whole line; not so one that is cut, or the last of a text."""
        return self.end == self.limit and self.buffer[self.end - 1 : self.end] == b"\n"


class Finder:
    """Finds the IDs of one source, close repetitions once, and no ID whose second cannot be.

    Args:
        now: The wall clock; an ID whose second lies more than a day ahead is a look-alike.
    """

    def __init__(self, now: datetime) -> None:
        self._first, self._last = (b"%d" % int(time.timestamp()) for time in (OLDEST, latest(now)))
        self._first_id, self._last_id = b"gen-%b-" % self._first, b"gen-%b~" % self._last
        self._recent: set[bytes] = set()

    def __call__(self, window: Window) -> tuple[list[str], list[int]]:
        """Every new ID of a window, and its place in the window's buffer, in order.

        Millions of IDs pass here, so what is done for each is done for all at once where nothing is odd.
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
            found, places = self._chosen(before, found, places, window)
        self._recent.update(found)
        return b"\n".join(found).decode("ascii").split("\n") if found else [], places

    def _is_plain(self, once: set[bytes]) -> bool:
        """Whether all IDs are new, without a tag, and of a second that may be; so they compare like their seconds."""
        return self._first_id <= min(once) and max(once) <= self._last_id and once.isdisjoint(self._recent)

    def _chosen(
        self, before: list[bytes], found: list[bytes], places: list[int], window: Window
    ) -> tuple[list[bytes], list[int]]:
        """Those that begin in the window, are new and no tail of a longer word, and of a second that may be."""
        chosen: dict[bytes, int] = {}
        for left, each, place in zip(before, found, places, strict=True):
            is_new = window.begin <= place < window.end and each not in self._recent and self._is_plausible(each)
            if is_new and (left[-1:] not in _COLOUR_ENDS or _COLOUR.search(left[-CONTEXT:])):
                chosen.setdefault(each, place)
        return list(chosen), list(chosen.values())

    def _is_plausible(self, found: bytes) -> bool:
        """Whether an ID's second may be one: ten digits compare like their number. A legacy ID has none."""
        return found[-21] != _DASH or self._first <= found[-31:-21] <= self._last


def _has_colour(before: list[bytes]) -> bool:
    """Whether what stands before any ID may be a colour."""
    last = b"".join([left[-1:] for left in before])
    return any(end in last for end in _COLOUR_ENDS)
