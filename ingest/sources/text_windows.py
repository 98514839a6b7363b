"""Cuts text into windows of limited size. A window ends with a line, unless the line is longer than a window.

A line in which an ID is cut begins the next window, which may hold the rest of the ID.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal.isal_zlib import crc32

from ingest.sources.cut_ids import end_of_closed_lines
from ingest.sources.id_finder import CONTEXT, REACH, Window
from ingest.sources.readers import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sources.readers import Readable

SIZE = 512 * 1024
"""Bytes of text in memory at a time. A longer line is cut."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The end of a line in a text, where a later run may continue.

    Attributes:
        position: Bytes of text before it.
        line: Lines before it; 0 if lines are not counted.
        checksum: CRC-32 of the text before it.
        tail: The last bytes before it, `HEAD` at most.
    """

    position: int = 0
    line: int = 0
    checksum: int = 0
    tail: bytes = b""


class TextWindows:
    """The windows of a text; iterate once. The next window overwrites the one before.

    Args:
        text: The text that follows `begin`.
        begin: Where reading begins.
        left: At most how many bytes follow, so that a short text takes little memory; None if unknown.
        counts_lines: Whether to count lines.

    Attributes:
        resume_at: The end of the last line that was searched.
        position: Bytes of text up to the end of the last window that was searched.
    """

    def __init__(self, text: Readable, begin: ResumePoint, left: int | None = None, *, counts_lines: bool) -> None:
        self._text = text
        self._size = SIZE if left is None else min(SIZE, left + 1)
        self._counts_lines = counts_lines
        self.resume_at = begin
        self._checksum, self._tail = begin.checksum, begin.tail
        self.position = begin.position

    def __iter__(self) -> Iterator[Window]:
        buffer = bytearray(self._size)
        view = memoryview(buffer)
        begin = filled = 0
        while count := self._text.readinto(view[filled:]):
            filled += count
            line_end = buffer.rfind(b"\n", begin, filled) + 1
            closed = end_of_closed_lines(buffer, begin, line_end) if line_end else begin
            if closed == begin and filled < self._size:
                continue
            line_end = closed if closed > begin else line_end
            end, limit = (line_end, line_end) if line_end else (filled - REACH, filled)
            window = Window(buffer, begin, end, limit, self.position - begin, ends_a_line=line_end > 0)
            yield window
            self._advance(view, window)
            kept = line_end or window.end - CONTEXT
            begin = window.end - kept
            view[: filled - kept] = view[kept:filled]
            filled -= kept
        if filled > begin:
            yield Window(buffer, begin, filled, filled, self.position - begin)
            self.position += filled - begin

    def _advance(self, view: memoryview, window: Window) -> None:
        """Move the position, and the resume point if the window ends a line, to the end of a window."""
        new = view[window.begin : window.end]
        self.position += len(new)
        self._checksum = crc32(new, self._checksum)
        self._tail = (self._tail + bytes(new[-HEAD:]))[-HEAD:]
        if window.ends_a_line:
            lines = window.buffer.count(b"\n", window.begin, window.end) if self._counts_lines else 0
            self.resume_at = ResumePoint(self.position, self.resume_at.line + lines, self._checksum, self._tail)
