"""A source's bytes as they are stored: opened with care, counted, and never more than it had when it was opened."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ingest.sources import remote
from ingest.sources.discovery import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from io import BufferedReader, FileIO

HEAD = 4096
"""Bytes looked at before reading: they tell text from binary data and archives, and are a source's fingerprint."""

LONGEST_MAGIC = 6
SETTLING = 2_000_000_000
"""Nanoseconds. A file that changed so short a time before it was opened may change again and show the same times."""


class Readable(Protocol):
    """What bytes are read from."""

    def readinto(self, view: memoryview, /) -> int | None:
        """Fill the view as far as one read does; 0 at the end."""


class Seekable(Readable, Protocol):
    """What can also be read from another place on."""

    def seek(self, position: int, /) -> int:
        """Go there."""


class Guarded:
    """Reads as far as it goes.

    Attributes:
        error: What ended it; None if it was the end.
    """

    def __init__(self, readable: Readable) -> None:
        self._readable = readable
        self.error: Exception | None = None

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as one read does; 0 at the end, or where reading fails."""
        try:
            return 0 if self.error else self._readable.readinto(view) or 0
        except Exception as error:  # noqa: BLE001  # whoever asks for it raises it
            self.error = error
            return 0


class Peeked:
    """A stream of bytes whose head can be looked at before it is read.

    Attributes:
        head: Its first bytes: `HEAD` of them if `whole`, else what comes first of a stream that may be live.
    """

    def __init__(self, stream: Readable, *, whole: bool, head: bytes = b"") -> None:
        self._stream = stream
        self._broken: Exception | None = None
        self.head = head
        try:
            self._peek(HEAD if whole else LONGEST_MAGIC)
        except Exception as error:  # noqa: BLE001  # what was read before it comes first
            self._broken = error
        self._unread = self.head

    def _peek(self, at_least: int) -> None:
        buffer = memoryview(bytearray(HEAD))
        while len(self.head) < at_least and (count := self._stream.readinto(buffer[len(self.head) :])):
            self.head += buffer[len(self.head) :][:count]

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as one read does; 0 at the end."""
        if self._broken and not self._unread:
            raise self._broken
        if not self._unread:
            return self._stream.readinto(view) or 0
        count = min(len(view), len(self._unread))
        view[:count], self._unread = self._unread[:count], self._unread[count:]
        return count


class Opened(Peeked):
    """An open source.

    Attributes:
        size: Its bytes when it was opened; None for a stream.
        file: Names the file itself, however often it changes and whatever it is called; None for a stream.
        signature: Another one whenever the file has changed; None where that cannot be relied on.
    """

    def __init__(
        self, stream: Seekable, size: int | None, file: str | None, signature: str | None, head: bytes = b""
    ) -> None:
        self._seekable = stream
        self.size, self.file, self.signature = size, file, signature
        self._left = size
        super().__init__(stream, whole=size is not None, head=head)
        if size is not None:
            self.head = self.head[:size]
            self.seek(0)

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as one read does; 0 at the end, which what is appended meanwhile does not move."""
        count = super().readinto(view if self._left is None else view[: self._left])
        if self._left is not None:
            self._left -= count
        return count

    def seek(self, position: int) -> None:
        """Read on at this byte; for a source with a size only."""
        self._seekable.seek(position)
        self._broken = None
        self._unread, self._left = b"", (self.size or 0) - position


@contextmanager
def opened(name: str, now: datetime) -> Iterator[Opened]:
    """Open a source for reading.

    Args:
        name: A path, a URL, or ``-`` for standard input.
        now: The wall clock.

    Raises:
        OSError: it cannot be opened, or is nothing that ends: a device, a FIFO nobody writes to.
    """
    if remote.is_url(name):
        with remote.opened(name) as (stream, size, version):
            yield Opened(stream, size, version and remote.without_secrets(name), version)
    elif name == STDIN:
        stdin = cast("FileIO", cast("BufferedReader", sys.stdin.buffer).raw)
        _refuse_endless(os.fstat(stdin.fileno()), stdin)
        yield Opened(_Patient(stdin), None, None, None)
    else:
        with _file(name) as stream:
            yield _opened_file(stream, name, now)


class _Patient:
    """Waits where there is nothing to read yet: another process may have set our standard input not to."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as one read does; 0 at the end."""
        while (count := self._stream.readinto(view)) is None:
            select.select([self._stream], [], [])
        return count

    def seek(self, position: int) -> int:
        """Go there."""
        return self._stream.seek(position)


def _file(name: str) -> FileIO:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would wait for its writer
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "a socket, not a file") from None
        raise
    try:
        return os.fdopen(descriptor, "rb", buffering=0)
    except OSError:  # a directory
        os.close(descriptor)
        raise


def _opened_file(stream: FileIO, name: str, now: datetime) -> Opened:
    facts = os.fstat(stream.fileno())
    _refuse_endless(facts, stream)
    head = _first_of_fifo(stream, name) if stat.S_ISFIFO(facts.st_mode) else b""
    os.set_blocking(stream.fileno(), True)
    if not (stat.S_ISREG(facts.st_mode) and facts.st_size):  # some files in /proc have no size, and yet content
        return Opened(stream, None, None, None, head)
    file = f"{facts.st_dev}:{facts.st_ino}"
    changed = max(facts.st_mtime_ns, facts.st_ctime_ns)
    has_settled = changed < now.timestamp() * 1e9 - SETTLING
    signature = f"{file}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}" if has_settled else None
    return Opened(stream, facts.st_size, file, signature)


def _refuse_endless(facts: os.stat_result, stream: FileIO) -> None:
    """/dev/zero never ends; /dev/null does at once, and a terminal when its user says so."""
    is_device = stat.S_ISBLK(facts.st_mode) or stat.S_ISCHR(facts.st_mode)
    if is_device and facts.st_rdev != Path(os.devnull).stat().st_rdev and not stream.isatty():
        raise OSError(errno.ENODEV, "a device, not a file")


def _first_of_fifo(stream: FileIO, name: str) -> bytes:
    """What stands in a FIFO already. One that is a file's name may have no writer; a shell's <(…) had one."""
    try:
        head = os.read(stream.fileno(), HEAD)
    except BlockingIOError:
        return b""
    if not head and Path(name).resolve().exists():
        raise OSError(errno.EPIPE, "a FIFO that nobody writes to")
    return head
