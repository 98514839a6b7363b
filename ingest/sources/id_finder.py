"""Finds generation IDs in text: one regular expression, and a check of what stands to the left of an ID."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ingest.core.generation_id import FORMS, LONGEST, OLDEST, latest
from ingest.sources.cut_ids import CUT, cut_in_gen, is_convincing, joined

if TYPE_CHECKING:
    from datetime import datetime

REMEMBERED = 50_000
"""IDs of one source whose repetitions are dropped: a streamed answer repeats its ID in every chunk."""

CONTEXT = 96
"""Bytes before an ID that tell what it follows. The longest escape sequence sets a 24-bit colour on a 24-bit one."""

REACH = 5 * (LONGEST + 1)
"""Bytes from the beginning of an ID to behind the character after it, if each is written as a number and a comma."""

_ID = re.compile(f"(gen-(?:{FORMS}|{CUT}))".encode())
"""It begins with a literal, by which the engine searches. What stands to the left is checked next."""

_WHOLE = re.compile(f"gen-{FORMS}".encode())
_USUAL = len("gen-1753485462-") + 20
"""Characters of an ID without a tag."""

_WORD = re.compile(rb"[0-9A-Za-z]")
_PERCENT = rb"[%=](?:25)*"  # in a URL, or in quoted-printable text; perhaps encoded more than once
_BRACKET = rb"(?:\[|\xc2\x9b|" + _PERCENT + rb"5[Bb]|\\u00[59][bB]|\\x[59][bB])"
_PARAMETER = rb"(?:[0-9;:]|" + _PERCENT + rb"3[ABab])"
_ESCAPED = re.compile(
    rb"(?:"
    + _PERCENT
    + rb"""(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})
      |\\[abefnrtv0]
      |\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[0-7]{3}
      |\#(?:0[0-3][0-7]|177|[23][0-7]{2})  # rsyslog: no printable character
      |\^[A-Z]  # cat -v
      |"""
    + _BRACKET
    + rb"\??"
    + _PARAMETER
    + rb"""*[mKHJ]  # the colour of a terminal, whatever became of its ESC
      |"""
    + _BRACKET
    + rb"\??"
    + _PARAMETER
    + rb"""+[A-Ghlsu]
      |\([AB0]  # the character set of a terminal
      )\Z""",
    re.VERBOSE,
)
"""An escaped character, or an escape sequence, that ends with a letter or digit."""

_PLAIN_HEX = re.compile(rb"=(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])\Z")
"""In quoted-printable text letters and digits are not escaped, so this is a value that ends before an ID."""

_SPELLED = re.compile(rb"103[,\s]+101[,\s]+110[,\s]+45[,\s]")
"""``gen-`` as an array of byte numbers. journald writes messages with control characters so."""

_NUMBERS = re.compile(rb"[0-9]{1,3}(?:[,\s]+[0-9]{1,3}){3,52}")
_NUMBERS_BEFORE = re.compile(rb"(?:[0-9]{1,3}[,\s]+)+\Z")
_LARGEST_BYTE = 255
_DASH = ord("-")


Candidate: TypeAlias = tuple[int, bytes, bytes]
"""The place of an ID, the ID, and the text to the left of it."""


class Window(NamedTuple):
    """A part of a text in a buffer, valid until the next window is taken.

    Attributes:
        buffer: The window's bytes, and, if a long line was cut, some bytes before them.
        begin: Where in the buffer the window begins.
        end: Where in the buffer the next window begins.
        limit: Where in the buffer an ID that begins before `end` may end at the latest.
        offset: Where in the text the buffer begins, in bytes.
        ends_a_line: Whether it ends with a line that is closed. False where a line was cut, where a text ends without a
            newline, or where an ID is cut in its last lines that may continue when the text grows.
    """

    buffer: bytearray
    begin: int
    end: int
    limit: int
    offset: int
    ends_a_line: bool = False


class IdFinder:
    """Finds the IDs of one source. Repetitions close to each other are found once.

    Args:
        now: The wall clock. An ID whose second is years ahead, or before OpenRouter began, is a look-alike.

    Attributes:
        cut: How many IDs were cut at a line end and could not be joined.
        repeats: Whether further lines of the last window have IDs that were found before.
    """

    def __init__(self, now: datetime) -> None:
        self._first, self._last = (b"%d" % int(time.timestamp()) for time in (OLDEST, latest(now)))
        self._first_id, self._last_id = b"gen-%b-" % self._first, b"gen-%b~" % self._last
        self._recent: set[bytes] = set()
        self.cut = 0
        self.repeats = False

    def __call__(self, window: Window) -> tuple[list[str], list[int]]:
        """The new IDs of a window, and where in its buffer each begins, in order.

        A run may find millions of IDs, so the usual case is checked for all IDs of a window at once.
        """
        parts = _ID.split(memoryview(window.buffer)[: window.limit])
        before, found, places = parts[:-1:2], parts[1::2], list(accumulate(map(len, parts)))[:-1:2]
        others = [*_spelled(window), *_cut_in_gen(window)]
        if len(self._recent) >= REMEMBERED:
            self._recent.clear()
        once = set(found)
        self.repeats = False
        if once <= self._recent and not others:
            self.repeats = bool(once)
            return [], []
        is_whole = (window.begin, window.end) == (0, window.limit) and not others
        if not (is_whole and len(once) == len(found) and self._is_plain(once) and not _follows_word(before)):
            candidates = sorted([*zip(places, found, before, strict=True), *others])
            found, places = self._select(candidates, window)
        self._recent.update(found)
        return b"\n".join(found).decode("ascii").split("\n") if found else [], places

    def _is_plain(self, once: set[bytes]) -> bool:
        """Whether all IDs are new, whole, untagged and of a plausible second. Such IDs sort like their seconds."""
        if sum(map(len, once)) != _USUAL * len(once):  # what is longer has a tag, and sorts behind the last ID
            return False
        return self._first_id <= min(once) and max(once) <= self._last_id and once.isdisjoint(self._recent)

    def _select(self, candidates: list[Candidate], window: Window) -> tuple[list[bytes], list[int]]:
        """The IDs that begin in the window, are new and plausible, and are not the end of a longer word."""
        selected: dict[bytes, int] = {}
        for place, text, left in candidates:
            if not self.repeats and (text in self._recent or text in selected):
                self.repeats = text in self._recent or window.buffer.find(b"\n", selected[text], place) >= 0
            is_new = window.begin <= place < window.end and text not in self._recent
            each = self._whole(text, place, window) if is_new and not _ends_a_word(left) else None
            if each and each not in self._recent and self._is_plausible(each):
                selected.setdefault(each, place)
        return list(selected), list(selected.values())

    def _whole(self, text: bytes, place: int, window: Window) -> bytes | None:
        """The ID, joined if a line end cuts it; None if it cannot be joined."""
        if _WHOLE.fullmatch(text):
            return text
        whole = joined(window.buffer, place, text, window.limit)
        self.cut += whole is None and is_convincing(text)
        return whole

    def _is_plausible(self, found: bytes) -> bool:
        """Whether an ID's second is possible. Ten digits compare like numbers. A legacy ID has no second."""
        return found[-21] != _DASH or self._first <= found[-31:-21] <= self._last


def _follows_word(before: list[bytes]) -> bool:
    """Whether any ID may be the end of a longer word."""
    return _WORD.search(b"".join([left[-1:] for left in before])) is not None


def _ends_a_word(left: bytes) -> bool:
    """Whether the text to the left of an ID belongs to the same word."""
    if not _WORD.match(left[-1:]):
        return False
    near = left[-CONTEXT:]
    return not _ESCAPED.search(near) or _PLAIN_HEX.search(near) is not None


def _spelled(window: Window) -> list[Candidate]:
    """The IDs of a window that are written as arrays of byte numbers."""
    spelled = []
    for beginning in _SPELLED.finditer(window.buffer, 0, window.limit):
        place = beginning.start()
        numbers = _NUMBERS.match(window.buffer, place, window.limit)
        found = numbers and _WHOLE.match(_from_numbers(numbers[0]))
        before = bytes(window.buffer[max(place - CONTEXT, 0) : place])
        numbers_before = _NUMBERS_BEFORE.search(before)
        if found and not before[-1:].isdigit():
            spelled.append((place, found[0], _from_numbers(numbers_before[0]) if numbers_before else b""))
    return spelled


def _cut_in_gen(window: Window) -> list[Candidate]:
    """The IDs of a window that a line end cuts within ``gen-``."""
    found = cut_in_gen(window.buffer, window.limit)
    return [(place, whole, bytes(window.buffer[max(place - CONTEXT, 0) : place])) for place, whole in found]


def _from_numbers(text: bytes) -> bytes:
    """The bytes with these numbers; a larger number becomes a space."""
    numbers = map(int, re.findall(rb"[0-9]+", text))
    return bytes(number if number <= _LARGEST_BYTE else ord(" ") for number in numbers)
