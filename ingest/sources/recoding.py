"""Recodes UTF-16 and UTF-32 as UTF-8, wherever in a text they begin and end.

Each program appends to a log in its own encoding: PowerShell's ``>>`` adds UTF-16 without a mark to a file in UTF-8.
ASCII characters in UTF-16 and UTF-32 alternate with NULs, by which both are recognised. UTF-8 begins again where an ID
stands in plain bytes.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING

from ingest.core.generation_id import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.sources.readers import Readable

BLOCK = 64 * 1024
"""Bytes recoded at a time."""

HELD = 1024
"""Bytes at the end of a block that wait for the next one, at most: an ID in UTF-8 may begin among them."""

LONGEST_PATTERN = 16
"""Bytes of the longest of `_BEGINS`: four characters of UTF-32."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf_32_le",
    codecs.BOM_UTF32_BE: "utf_32_be",
    codecs.BOM_UTF16_LE: "utf_16_le",
    codecs.BOM_UTF16_BE: "utf_16_be",
}
"""The longer ones first, because one begins with another."""

_UNITS = {"utf_32_le": 4, "utf_32_be": 4, "utf_16_le": 2, "utf_16_be": 2}
_DECODERS: dict[str, Callable[[bytes, str, bool], tuple[str, int]]] = {
    "utf_32_le": codecs.utf_32_le_decode,
    "utf_32_be": codecs.utf_32_be_decode,
    "utf_16_le": codecs.utf_16_le_decode,
    "utf_16_be": codecs.utf_16_be_decode,
}
_NUL = re.compile(rb"\0")
_HINT = re.compile(rb"\0[\t\n\r\x1b -~]\0")
_BEGINS = re.compile(
    rb"(?P<utf_32_le>[\t\r\x1b -~]\0{3}(?:[\t\n\r\x1b -~]\0{3}){3})"  # a newline before a NUL is often that of UTF-8
    rb"|(?P<utf_32_be>(?:\0{3}[\t\n\r\x1b -~]){4})"
    rb"|(?P<utf_16_le>[\t\r\x1b -~]\0(?:[\t\n\r\x1b -~]\0){3})"
    rb"|(?P<utf_16_be>(?:\0[\t\n\r\x1b -~]){4})"
)
_WORDS = re.compile(rb"[ -~]{8}")
_PLAIN_ID = re.compile(f"gen-{FORMS}".encode())
_UNEVEN = "en-".encode("utf-16-le").decode("utf-16-be")
"""What is read of an ID in UTF-16 behind an odd number of other bytes."""


class RecodedText:
    """A text as UTF-8, without the byte order mark at its beginning.

    Args:
        source: The text as it is stored.
        head: Its first bytes, if they are known.

    Attributes:
        head: The first bytes.
        recodes: Whether any of the text so far was not UTF-8.
    """

    def __init__(self, source: Readable, head: bytes = b"") -> None:
        self._source = source
        self.head = head
        self._buffer: memoryview | None = None
        self._encoding: str | None = None
        self._held = self._unread = b""
        self._is_beginning, self._mark = True, 0
        self.recodes = False

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        while not self._unread:
            if self._encoding or self._held or len(view) < BLOCK:  # what is recoded must not depend on the view
                data = self._block()
                if not (self._encoding or self._held or self._concerns(data)):
                    self._unread = data
                    break
            else:
                count = self._source.readinto(view) or 0
                if not self._concerns(view[:count]):
                    return count
                data = bytes(view[:count])
            is_last = not data
            self._unread = b"".join(self._recoded(self._held + data, is_last=is_last))
            if is_last:
                break
        count = min(len(view), len(self._unread))
        view[:count], self._unread = self._unread[:count], self._unread[count:]
        return count

    def _block(self) -> bytes:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(BLOCK))
        return bytes(self._buffer[: self._source.readinto(self._buffer)])

    def _concerns(self, block: memoryview | bytes) -> bool:
        """Whether a block behind UTF-8 may hold something else."""
        is_first, self._is_beginning = self._is_beginning, False
        if is_first and (mark := _mark_of(bytes(block[:8]))):
            self._encoding, self.recodes = _MARKS[mark], True
            self._mark = len(mark)
        return self._mark > 0 or _NUL.search(block) is not None

    def _recoded(self, data: bytes, *, is_last: bool) -> Iterator[bytes]:
        """The data as UTF-8, but for an end that waits for what follows."""
        self._held = b""
        data, self._mark = data[self._mark :], 0
        while data:
            step = self._decode if self._encoding else self._pass
            text, data = step(data, is_last=is_last)
            yield text
            if self._held:
                return

    def _pass(self, data: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """What is UTF-8, and what is not."""
        begin = self._find_begin(data)
        if begin is not None:
            return data[:begin], data[begin:]
        end = data[-LONGEST_PATTERN + 1 :]
        kept = 0 if is_last or b"\0" not in end or not end.strip(b"\0") else len(end)
        self._held = data[len(data) - kept :]
        return data[: len(data) - kept], b""

    def _find_begin(self, data: bytes) -> int | None:
        """Where another encoding begins, and sets it: at the beginning of its line, if the bytes before it fit."""
        hint = _HINT.search(data)
        found = hint and _BEGINS.search(data, max(hint.start() - LONGEST_PATTERN, 0))
        if not found:
            return None
        encoding, begin = found.lastgroup or "", found.start()
        unit, line = _UNITS[encoding], data.rfind(b"\n", 0, begin) + 1
        if begin == line == 1:  # a newline at the beginning, whose NULs follow
            encoding, line, begin = encoding.replace("be", "le"), 0, 0
        if encoding.endswith("le") and line and data.startswith(bytes(unit - 1), line, begin):
            line += unit - 1  # the rest of the newline
        if (begin - line) % unit:  # perhaps it is a byte order with the NULs of the characters before or behind
            if encoding.endswith("be") and (begin - line) % unit == 1:
                encoding, begin = encoding.replace("be", "le"), begin + unit - 1
            elif encoding.endswith("le") and (begin - line) % unit == unit - 1 and not _WORDS.search(data, line, begin):
                encoding, begin = encoding.replace("le", "be"), begin + 1
        self._encoding, self.recodes = encoding, True
        before = data[line:begin]
        is_whole_line = len(before) % unit == 0 and before.strip(b"\0") and not _PLAIN_ID.search(before)
        return line if is_whole_line else begin

    def _decode(self, data: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """What is in the current encoding as UTF-8, and what is in another."""
        encoding = self._encoding or ""
        plain = _PLAIN_ID.search(data)
        run = len(data) - data.rfind(b"\0") - 1
        end = len(data) - (run if run <= HELD and not is_last else 0)
        if plain:
            end = data.rfind(b"\0", 0, plain.start()) + 1
        text, used = _DECODERS[encoding](data[:end], "replace", plain is not None)
        if _UNITS[encoding] == 2 and (uneven := text.find(_UNEVEN)) >= 0:  # noqa: PLR2004  # UTF-16
            return self._realigned(text, uneven, data)
        if plain:
            self._encoding = None
            return _as_utf_8(text), data[end:]
        self._held = data[used:]
        return _as_utf_8(text), b""

    def _realigned(self, text: str, uneven: int, data: bytes) -> tuple[bytes, bytes]:
        """The text before the place from which all is a byte off, and the data from there, a byte earlier or later."""
        encoding = self._encoding or ""
        while uneven and not ord(text[uneven - 1]) & 0xFF:
            uneven -= 1
        offset = len(text[:uneven].encode(encoding, "surrogatepass"))
        offset += -1 if encoding == "utf_16_le" and uneven else 1
        return _as_utf_8(text[:uneven]), data[offset:]


def _as_utf_8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _mark_of(head: bytes) -> bytes:
    """The byte order mark at the beginning. UTF-16 may also begin with a NUL, like the mark of UTF-32."""
    is_short = head.startswith(codecs.BOM_UTF32_LE) and not re.match(rb"(?!\0)[\0-\xff]{2}[\0-\x10]\0", head[4:])
    return codecs.BOM_UTF16_LE if is_short else next((mark for mark in _MARKS if head.startswith(mark)), b"")


def recoded_head(head: bytes) -> bytes:
    """The head of a text as UTF-8."""
    reader, view = RecodedText(io.BytesIO(head)), memoryview(bytearray(2 * len(head)))
    return b"".join(bytes(view[:count]) for count in iter(lambda: reader.readinto(view), 0))


def begins_recoded(head: bytes) -> bool:
    """Whether a text with this head begins in UTF-16 or UTF-32."""
    if _mark_of(head):
        return True
    found = _BEGINS.search(head)
    return found is not None and not _PLAIN_ID.search(head, 0, found.start())
