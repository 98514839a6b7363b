"""Text in windows of bounded size that end with a line, however long lines are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal.isal_zlib import crc32

from ingest.sources.id_finder import CONTEXT, REACH, Window
from ingest.sources.open_file import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sources.open_file import Readable

SIZE = 512 * 1024
"""Bytes of text held at a time; a longer line is cut."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a line in a text: where the next reading may begin.

    Attributes:
        position: Bytes of text before it.
        line: Lines before it; 0 where nobody counts.
        checksum: CRC-32 of the text before it.
        tail: The last bytes before it, `HEAD` at most.
    """

    position: int = 0
    line: int = 0
    checksum: int = 0
    tail: bytes = b""


class Windows:
    """The windows of a text, from a mark on.

    Args:
        text: The text from there on.
        mark: The end of a line in it.
        left: Bytes to come at most, so that a short text takes little memory; None if unknown.
        counts_lines: Whether marks tell lines.

    Attributes:
        mark: The end of the last line that lies in the windows taken so far.
        position: Bytes of text taken so far.
    """

    def __init__(self, text: Readable, mark: Mark, left: int | None = None, *, counts_lines: bool) -> None:
        self._text = text
        self._size = SIZE if left is None else min(SIZE, left + 1)
        self._counts_lines = counts_lines
        self.mark = mark
        self._checksum, self._tail = mark.checksum, mark.tail
        self.position = mark.position

    def __iter__(self) -> Iterator[Window]:
        buffer = bytearray(self._size)
        view = memoryview(buffer)
        begin = filled = 0
        while count := self._text.readinto(view[filled:]):
            line_end = buffer.rfind(b"\n", filled, filled + count) + 1
            filled += count
            if not line_end and filled < self._size:
                continue
            window = Window(buffer, begin, line_end or filled - REACH, line_end or filled, self.position - begin)
            yield window
            self._pass(view, window, is_line=line_end > 0)
            kept = line_end or window.end - CONTEXT
            begin = window.end - kept
            view[: filled - kept] = view[kept:filled]
            filled -= kept
        if filled > begin:
            yield Window(buffer, begin, filled, filled, self.position - begin)
            self.position += filled - begin

    def _pass(self, view: memoryview, window: Window, *, is_line: bool) -> None:
        """Take a window into account."""
        new = view[window.begin : window.end]
        self.position += len(new)
        self._checksum = crc32(new, self._checksum)
        self._tail = (self._tail + bytes(new[-HEAD:]))[-HEAD:]
        if is_line:
            lines = window.buffer.count(b"\n", window.begin, window.end) if self._counts_lines else 0
            self.mark = Mark(self.position, self.mark.line + lines, self._checksum, self._tail)
