"""Opens a source to read its bytes as they are stored. A file that grows meanwhile ends where it ended at opening."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ingest.sources import remote
from ingest.sources.readers import HEAD, PeekableReader
from ingest.sources.source_names import STDIN, is_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from io import BufferedReader, FileIO

    from ingest.sources.readers import Seekable

SETTLING = 2_000_000_000
"""Nanoseconds. A file that changed so shortly before it was opened may change again and keep the same times."""


class OpenSource(PeekableReader):
    """An open source.

    Attributes:
        size: Its bytes when it was opened; None for a stream.
        file: Identifies the file, whatever its name and content; None for a stream.
        signature: Changes whenever the file does; None if that is not certain.
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
        """Read up to the view's size; returns the bytes read, 0 at the end as of opening."""
        count = super().readinto(view if self._left is None else view[: self._left])
        if self._left is not None:
            self._left -= count
        return count

    def seek(self, position: int) -> None:
        """Continue at this byte; only for a source with a size."""
        self._seekable.seek(position)
        self._error = None
        self._unread, self._left = b"", (self.size or 0) - position


@contextmanager
def open_source(name: str, now: datetime) -> Iterator[OpenSource]:
    """Open a source for reading.

    Args:
        name: A path, a URL, or ``-`` for standard input.
        now: The wall clock.

    Raises:
        OSError: It cannot be opened, or it would never end: a device, or a FIFO that no process writes to.
        ConfigurationError: It is a URL, and a package that reads it is not installed.
    """
    if is_url(name):
        with remote.open_object(name) as (stream, size, version):
            yield OpenSource(stream, size, version and without_secrets(name), version)
    elif name == STDIN:
        stdin = cast("FileIO", cast("BufferedReader", sys.stdin.buffer).raw)
        _refuse_devices(os.fstat(stdin.fileno()), stdin)
        yield OpenSource(_BlockingReader(stdin), None, None, None)
    else:
        with _open_file(name) as stream:
            yield _file_source(stream, name, now)


class _BlockingReader:
    """Waits until there is something to read: another process may have set our standard input to non-blocking."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        while (count := self._stream.readinto(view)) is None:
            select.select([self._stream], [], [])
        return count

    def seek(self, position: int) -> int:
        """Move to a byte."""
        return self._stream.seek(position)


def _open_file(name: str) -> FileIO:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # else a FIFO waits for its writer
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "a socket, not a file") from None
        raise
    try:
        return os.fdopen(descriptor, "rb", buffering=0)
    except OSError:  # a directory
        os.close(descriptor)
        raise


def _file_source(stream: FileIO, name: str, now: datetime) -> OpenSource:
    status = os.fstat(stream.fileno())
    _refuse_devices(status, stream)
    head = _fifo_head(stream, name) if stat.S_ISFIFO(status.st_mode) else b""
    os.set_blocking(stream.fileno(), True)
    if not (stat.S_ISREG(status.st_mode) and status.st_size):  # some files in /proc report size 0 and have content
        return OpenSource(stream, None, None, None, head)
    file = f"{status.st_dev}:{status.st_ino}"
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    has_settled = changed < now.timestamp() * 1e9 - SETTLING
    signature = f"{file}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}" if has_settled else None
    return OpenSource(stream, status.st_size, file, signature)


def _refuse_devices(status: os.stat_result, stream: FileIO) -> None:
    """Refuse devices such as /dev/zero, which never end. /dev/null and a terminal do end."""
    is_device = stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode)
    if is_device and status.st_rdev != Path(os.devnull).stat().st_rdev and not stream.isatty():
        raise OSError(errno.ENODEV, "a device, not a file")


def _fifo_head(stream: FileIO, name: str) -> bytes:
    """What a FIFO holds already. An empty named FIFO may have no writer; that of a shell's ``<(…)`` had one."""
    try:
        head = os.read(stream.fileno(), HEAD)
    except BlockingIOError:
        return b""
    if not head and Path(name).resolve().exists():
        raise OSError(errno.EPIPE, "a FIFO that nobody writes to")
    return head
