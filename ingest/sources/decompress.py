"""Turns a source's bytes into text: decompresses archives, within limits, and tells text from binary data.

Formats are recognised by their first bytes, never by the source's name.
"""

from __future__ import annotations

import bz2
import lzma
import re
import sys
from typing import TYPE_CHECKING, Protocol, cast

from isal.isal_zlib import crc32

from ingest.sources.readers import HEAD, LONGEST_MAGIC, PeekableReader
from ingest.sources.recoding import RecodedText, begins_recoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.sources.open_file import OpenSource

COMPRESSED_BLOCK = 64 * 1024
"""Bytes read from an archive at a time."""

TEXT_BLOCK = 64 * 1024
"""Bytes decompressed at a time. Where an archive is corrupt, up to as many sound bytes before that are lost."""

TRAILER = 64
"""Bytes at the end of an archive that contain its checksum."""

LARGEST_WINDOW = 27
"""Log2 of the window size of a zstd frame, in bytes: 128 MiB, the limit of the zstd command as well."""

LZMA_MEMORY = 128 * 2**20
"""Bytes of memory that an xz archive may need; ``xz -9`` needs 65 MiB."""

ALWAYS_ALLOWED = 64 * 2**20
LARGEST_RATIO = 250
"""The text of an archive may have `ALWAYS_ALLOWED` bytes plus `LARGEST_RATIO` times the archive's size. Logs reach a
ratio of 100, because each ID in them is new."""

_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE = 0.05
_PARQUET = b"PAR1"


class DecodingError(Exception):
    """The text ends before the source does. The message says why, in words for the user."""


class Decompressor(Protocol):
    """The interface that bz2, lzma, isal and zstd share."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether it needs more input to yield text."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes of text."""


def _gzip() -> Decompressor:
    from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor  # noqa: PLC0415  # imported only for archives

    return cast("Decompressor", IgzipDecompressor(flag=DECOMP_GZIP))


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(memlimit=LZMA_MEMORY)


def _zstd() -> Decompressor:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415  # imported only for archives
    else:
        from backports import zstd  # noqa: PLC0415  # imported only for archives

    options = {int(zstd.DecompressionParameter.window_log_max): LARGEST_WINDOW}
    return cast("Decompressor", zstd.ZstdDecompressor(options=options))


_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[], Decompressor]], ...] = (
    (re.compile(rb"\x1f\x8b\x08"), _gzip),
    (re.compile(rb"BZh[1-9]"), bz2.BZ2Decompressor),
    (re.compile(rb"\xfd7zXZ\x00"), _xz),
    (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), _zstd),  # a frame, or a skippable one
)


class StoredBytes:
    """Reads a source's bytes and records them, because a checkpoint covers the bytes as they are stored.

    Args:
        source: The source, where reading begins.
        count: Bytes before that.
        checksum: CRC-32 of them.
        tail: The last of them, `HEAD` at most.

    Attributes:
        count: Bytes read so far, those before the beginning included.
        checksum: CRC-32 of them.
        tail: The last of them, `HEAD` at most.
    """

    def __init__(self, source: OpenSource, count: int = 0, checksum: int = 0, tail: bytes = b"") -> None:
        self._source = source
        self.count = count
        self.checksum = checksum
        self.tail = tail

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        count = self._source.readinto(view)
        self.count += count
        self.checksum = crc32(view[:count], self.checksum)
        self.tail = (self.tail + bytes(view[max(count - HEAD, 0) : count]))[-HEAD:]
        return count


class _DecompressedText:
    """The text of all members of an archive, one after the other."""

    def __init__(self, stored: StoredBytes, magic: re.Pattern[bytes], begin: Callable[[], Decompressor]) -> None:
        self._stored = stored
        self._magic = magic
        self._begin = begin
        self._member = begin()
        self._pieces = _pieces(stored)
        self._rest = b""
        self._length = 0

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end of the last member.

        Raises:
            DecodingError: The archive is truncated, corrupt, a bomb, or needs too much memory.
        """
        while not (data := self._step(min(len(view), TEXT_BLOCK))):
            if self._member.eof and not self._next_member():
                return 0
        view[: len(data)] = data
        self._length += len(data)
        if self._length > ALWAYS_ALLOWED + LARGEST_RATIO * self._stored.count:
            raise DecodingError(f"a bomb: it holds over {LARGEST_RATIO} times its size")
        return len(data)

    def _step(self, at_most: int) -> bytes:
        if self._member.eof:
            return b""
        piece = self._next_piece() if self._member.needs_input else b""
        if piece is None:
            raise DecodingError("truncated: the archive ends in the middle")
        try:
            return self._member.decompress(piece, at_most)
        except Exception as error:  # each format has its own errors
            raise DecodingError(f"corrupt: {error}") from error

    def _next_piece(self) -> bytes | None:
        """The next bytes of the archive; None at its end."""
        piece, self._rest = self._rest, b""
        return piece or next(self._pieces, None)

    def _next_member(self) -> bool:
        """Begin the next member; returns whether there is one. Zeros may pad an archive."""
        self._rest = self._member.unused_data
        rest = b""
        while len(rest) < LONGEST_MAGIC and (piece := self._next_piece()) is not None:
            rest = (rest + piece).lstrip(b"\0")
        if len(rest) >= LONGEST_MAGIC and not self._magic.match(rest):
            raise DecodingError("corrupt: something else follows the archive")
        if rest:
            self._member, self._rest = self._begin(), rest
        return bool(rest)


def _pieces(stored: StoredBytes) -> Iterator[bytes]:
    """The stored bytes in blocks, the end of each byte by byte: a wrong checksum must not lose the text before it."""
    buffer = memoryview(bytearray(COMPRESSED_BLOCK))
    while count := stored.readinto(buffer):
        block = bytes(buffer[:count])
        whole = max(count - TRAILER, 0)
        yield from filter(None, (block[:whole], *(block[n : n + 1] for n in range(whole, count))))


def open_text(source: OpenSource) -> tuple[PeekableReader, StoredBytes | None]:
    """The text of a source.

    Returns:
        The text, and the record of the stored bytes; None if the stored bytes are the text, at least at its beginning.

    Raises:
        DecodingError: Its beginning cannot be decompressed.
    """
    text: PeekableReader = source
    stored = StoredBytes(source)
    form = next((form for form in _FORMATS if form[0].match(source.head)), None)
    if form:
        decompressed = PeekableReader(_DecompressedText(stored, *form), whole=True)
        text = PeekableReader(RecodedText(decompressed), whole=True)
    elif begins_recoded(source.head):
        text = PeekableReader(RecodedText(stored), whole=True)
    return text, None if text is source else stored


def looks_binary(head: bytes) -> bool:
    """Whether a source with this head is not text. A log that was truncated while it was open may begin with NULs."""
    if head.startswith(_PARQUET):
        return True  # compression cuts the IDs in its pages into look-alikes, though much of it is text
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_at_the_end = error.start >= len(head) - 3  # a character that the end of the head cuts
        return not cut_at_the_end and len(_CONTROL.findall(head)) > _CONTROL_SHARE * len(head)
    return False
