"""Readers of bytes: the protocols, a reader with a head to look at first, and one that keeps its error for later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = 4096
"""Bytes at the beginning of a source that tell text from binary data and archives, and that its fingerprint covers."""

LONGEST_MAGIC = 6
"""Bytes at the beginning that tell an archive's format."""

BLOCK = 256 * 1024
"""Bytes that `read_blocks` reads at a time."""


class Readable(Protocol):
    """A source of bytes."""

    def readinto(self, view: memoryview, /) -> int | None:
        """Read up to the view's size; returns the bytes read, 0 at the end."""


class Seekable(Readable, Protocol):
    """A source of bytes that can be read from any place."""

    def seek(self, position: int, /) -> int:
        """Move to a byte."""


class ErrorCapturingReader:
    """Ends at the first error and keeps it, so that what was read before is used first.

    Attributes:
        error: The error that ended reading; None if there was none.
    """

    def __init__(self, readable: Readable) -> None:
        self._readable = readable
        self.error: Exception | None = None

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end or after an error."""
        try:
            return 0 if self.error else self._readable.readinto(view) or 0
        except Exception as error:  # noqa: BLE001  # the caller raises it after using what was read
            self.error = error
            return 0


class PeekableReader:
    """A reader whose first bytes can be looked at before they are read.

    Attributes:
        head: The first bytes: `HEAD` of them if `whole`, else only what arrives first, because a stream may be live.
    """

    def __init__(self, stream: Readable, *, whole: bool, head: bytes = b"") -> None:
        self._stream = stream
        self._error: Exception | None = None
        self.head = head
        try:
            self._peek(HEAD if whole else LONGEST_MAGIC)
        except Exception as error:  # noqa: BLE001  # readinto raises it after the bytes that came before
            self._error = error
        self._unread = self.head

    def _peek(self, at_least: int) -> None:
        buffer = memoryview(bytearray(HEAD))
        while len(self.head) < at_least and (count := self._stream.readinto(buffer[len(self.head) :])):
            self.head += buffer[len(self.head) :][:count]

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        if self._error and not self._unread:
            raise self._error
        if not self._unread:
            return self._stream.readinto(view) or 0
        count = min(len(view), len(self._unread))
        view[:count], self._unread = self._unread[:count], self._unread[count:]
        return count


def read_blocks(readable: Readable, count: int) -> Iterator[bytes]:
    """The next `count` bytes in blocks, or fewer at the end."""
    buffer = memoryview(bytearray(min(count, BLOCK)))
    while count and (read := readable.readinto(buffer[:count])):
        yield bytes(buffer[:read])
        count -= read
