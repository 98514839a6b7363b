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
    from collections.abc import Callable

    from ingest.sources.open_file import OpenSource
    from ingest.sources.readers import Readable

COMPRESSED_BLOCK = 64 * 1024
"""Bytes read from an archive at a time."""

TEXT_BLOCK = 64 * 1024
"""Bytes decompressed at a time. Where an archive is corrupt, up to as many sound bytes before that are lost."""

FIRST_PIECE = 512
"""Bytes of an archive that a member is given first. Members may be tiny, and what one leaves over is copied."""

MANY_MEMBERS = 10_000
SMALLEST_MEMBER = 16
"""Bytes. An archive of more than `MANY_MEMBERS` members may not have smaller ones on average: no text fits into them,
and beginning each takes time."""

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
_DUCKDB = re.compile(rb"(?s:.{8})DUCK[\x00-\xff]{2}\x00\x00")


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


def deflate_decompressor() -> Decompressor:
    """For deflate without the header of gzip."""
    from isal.igzip_lib import DECOMP_DEFLATE, IgzipDecompressor  # noqa: PLC0415  # imported only for archives

    return cast("Decompressor", IgzipDecompressor(flag=DECOMP_DEFLATE))


def bz2_decompressor() -> Decompressor:
    """For bzip2."""
    return bz2.BZ2Decompressor()


def xz_decompressor() -> Decompressor:
    """For xz."""
    return lzma.LZMADecompressor(memlimit=LZMA_MEMORY)


def lzma_decompressor(properties: bytes) -> Decompressor:
    """For LZMA without a header.

    Args:
        properties: The coder's parameters, as zip stores them: one byte of settings and the size of the dictionary.

    Raises:
        DecodingError: They are corrupt, or decompressing needs too much memory.
    """
    settings, dictionary = properties[:1], int.from_bytes(properties[1:5], "little")
    if len(properties) != 5 or settings >= b"\xe1":  # noqa: PLR2004  # as LZMA defines them
        raise DecodingError("corrupt: its LZMA properties are not valid")
    if dictionary > LZMA_MEMORY:
        raise DecodingError("corrupt: Memory usage limit exceeded")
    context_bits, rest = settings[0] % 9, settings[0] // 9
    coder = {"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary, 4096)}
    return lzma.LZMADecompressor(
        lzma.FORMAT_RAW, filters=[{**coder, "lc": context_bits, "lp": rest % 5, "pb": rest // 5}]
    )


def zstd_decompressor() -> Decompressor:
    """For zstd."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415  # imported only for archives
    else:
        from backports import zstd  # noqa: PLC0415  # imported only for archives

    options = {int(zstd.DecompressionParameter.window_log_max): LARGEST_WINDOW}
    return cast("Decompressor", zstd.ZstdDecompressor(options=options))


_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|" + _SKIPPED.pattern)
_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[], Decompressor]], ...] = (
    (re.compile(rb"\x1f\x8b\x08"), _gzip),
    (re.compile(rb"BZh[1-9]"), bz2_decompressor),
    (re.compile(rb"\xfd7zXZ\x00"), xz_decompressor),
    (_ZSTD, zstd_decompressor),
)


_ZIP = re.compile(rb"PK\x03\x04|PK\x05\x06")
_CLOSED: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (_ZIP, "a zip archive inside another or in a stream"),
    (re.compile(rb"PK\x07\x08"), "a part of a zip archive"),
    (re.compile(rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18"), "an lz4 archive"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "a 7z archive"),
    (re.compile(rb"Rar!\x1a\x07"), "a rar archive"),
    (re.compile(rb"\x1f[\x9d\xa0]"), "an archive of compress"),
    (re.compile(rb"\x89LZO\x00"), "an lzop archive"),
    (re.compile(rb"LZIP\x01"), "an lzip archive"),
    (re.compile(rb"\x5d\x00\x00[\x00-\xff]{2}[\x00\xff]"), "an lzma archive"),
    (re.compile(rb"\xff\x06\x00\x00sN"), "a snappy archive"),
)
"""Formats that are recognised and not read."""


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

    def __init__(self, source: PeekableReader, count: int = 0, checksum: int = 0, tail: bytes = b"") -> None:
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


class _Pieces:
    """The stored bytes of an archive, taken in pieces."""

    def __init__(self, stored: Readable) -> None:
        self._stored = stored
        self._buffer = memoryview(bytearray(COMPRESSED_BLOCK))
        self._block = b""
        self._at = 0

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer at the end of the archive. They are not taken."""
        while len(self._block) - self._at < count and (read := self._stored.readinto(self._buffer)):
            self._block, self._at = self._block[self._at :] + self._buffer[:read], 0
        return self._block[self._at : self._at + count]

    def take(self, at_most: int) -> bytes:
        """The next piece; empty at the end of the archive.

        The end of each block comes byte by byte: a wrong checksum must not lose the text before it.
        """
        self.peek(1)
        whole = len(self._block) - TRAILER - self._at
        piece = self._block[self._at : self._at + max(min(at_most, whole), 1)]
        self._at += len(piece)
        return piece

    def give_back(self, count: int) -> None:
        """Undo taking the last bytes of the last piece."""
        self._at -= count

    def skip(self, count: int) -> bool:
        """Skip bytes; returns whether there are as many."""
        while count and self.peek(1):
            step = min(count, len(self._block) - self._at)
            self._at, count = self._at + step, count - step
        return not count

    def skip_zeros(self) -> None:
        """Skip what pads an archive."""
        while self.peek(1) == b"\0":
            self._at = len(self._block) - len(self._block[self._at :].lstrip(b"\0"))


class _DecompressedText:
    """The text of all members of an archive, one after the other."""

    def __init__(self, stored: StoredBytes, magic: re.Pattern[bytes], begin: Callable[[], Decompressor]) -> None:
        self._stored = stored
        self._magic = magic
        self._begin = begin
        self._pieces = _Pieces(stored)
        self._member: Decompressor | None = None
        self._members = 0
        self._piece = FIRST_PIECE
        self._length = 0

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end of the last member.

        Raises:
            DecodingError: The archive is truncated, corrupt, a bomb, or needs too much memory.
        """
        data = b""
        while not data:
            if not self._member or self._member.eof:
                self._member = self._next_member()
            if not self._member:
                return 0
            data = self._step(self._member, min(len(view), TEXT_BLOCK))
        view[: len(data)] = data
        self._length += len(data)
        if self._length > ALWAYS_ALLOWED + LARGEST_RATIO * self._stored.count:
            raise DecodingError(f"a bomb: it holds over {LARGEST_RATIO} times its size")
        return len(data)

    def _step(self, member: Decompressor, at_most: int) -> bytes:
        """Some text of a member. What it did not need of the last piece, which is short at first, is given back."""
        piece = b""
        if member.needs_input:
            piece, self._piece = self._pieces.take(self._piece), min(2 * self._piece, COMPRESSED_BLOCK)
            if not piece:
                raise DecodingError("truncated: the archive ends in the middle")
        try:
            data = member.decompress(piece, at_most)
        except Exception as error:  # each format has its own errors
            raise DecodingError(f"corrupt: {error}") from error
        if member.eof:
            self._pieces.give_back(len(member.unused_data))
        return data

    def _next_member(self) -> Decompressor | None:
        """Begin the next member; None if there is none. Zeros may pad an archive."""
        self._pieces.skip_zeros()
        while _SKIPPED.match(self._pieces.peek(LONGEST_MAGIC)) and self._magic is _ZSTD:
            self._skip_frame()
        magic = self._pieces.peek(LONGEST_MAGIC)
        if len(magic) == LONGEST_MAGIC and not self._magic.match(magic):
            raise DecodingError("corrupt: something else follows the archive")
        self._members += bool(magic)
        if self._members > MANY_MEMBERS and self._stored.count < SMALLEST_MEMBER * self._members:
            raise DecodingError(f"a bomb: over {MANY_MEMBERS:,} parts of under {SMALLEST_MEMBER} bytes")
        self._piece = FIRST_PIECE
        return self._begin() if magic else None

    def _skip_frame(self) -> None:
        """Skip a zstd frame that holds no text: its magic number, the length of the rest, and the rest."""
        header = self._pieces.peek(8)
        if len(header) < 8 or not self._pieces.skip(8 + int.from_bytes(header[4:], "little")):  # noqa: PLR2004
            raise DecodingError("truncated: the archive ends in the middle")
        self._pieces.skip_zeros()


class _ClosedFormat:
    """The content of an archive in a format that is not read: an error, once its bytes are on record."""

    def __init__(self, stored: Readable, name: str) -> None:
        self._stored = stored
        self._name = name

    def readinto(self, view: memoryview) -> int:
        """Read nothing.

        Raises:
            DecodingError: Always, with the name of the format.
        """
        while self._stored.readinto(view):
            pass
        raise DecodingError(f"cannot be read: {self._name}; decompress it first")


class _ParquetFile:
    """The content of a Parquet file, of which nothing is read: an error if it holds IDs, once its bytes are on record.

    Compression cuts the IDs in its pages into look-alikes, though much of it is text.
    """

    def __init__(self, stored: Readable) -> None:
        self._stored = stored

    def readinto(self, view: memoryview) -> int:
        """Read nothing.

        Raises:
            DecodingError: It holds ``gen-``.
        """
        last, found = b"", False
        while count := self._stored.readinto(view):
            block = last + view[:count]
            last, found = block[-3:], found or b"gen-" in block
        if found:
            raise DecodingError("cannot be read: a Parquet file; export its IDs as text first")
        return 0


class _DatabaseFile:
    """The content of a DuckDB file, such as our own warehouse: none."""

    def readinto(self, _: memoryview) -> int:
        """Read nothing."""
        return 0


def open_text(source: OpenSource) -> tuple[PeekableReader, StoredBytes | None]:
    """The text of a source. What cannot be read ends it with a `DecodingError`.

    Returns:
        The text, and the record of the stored bytes; None if the stored bytes are the text, at least at its beginning.
    """
    stored = StoredBytes(source)
    if _ZIP.match(source.head) and source.size is not None:
        from ingest.sources.zip_text import ZipText  # noqa: PLC0415  # imported only for zip archives

        content = ZipText(source, source.size, stored, lambda member: _text_of(member, StoredBytes(member))[0])
        return PeekableReader(content, whole=True), stored
    text, is_decoded = _text_of(source, stored)
    return text, stored if is_decoded else None


def _text_of(source: PeekableReader, stored: StoredBytes) -> tuple[PeekableReader, bool]:
    """The text of a source that is read through `stored`, and whether it differs from the stored bytes."""
    if decoded := _decoded(source.head, stored):
        return PeekableReader(RecodedText(PeekableReader(decoded, whole=True)), whole=True), True
    if begins_recoded(source.head):
        return PeekableReader(RecodedText(stored), whole=True), True
    return source, False


def _decoded(head: bytes, stored: StoredBytes) -> Readable | None:
    """The content of an archive with this head; None if the stored bytes are no archive."""
    if name := next((name for magic, name in _CLOSED if magic.match(head)), None):
        return _ClosedFormat(stored, name)
    if head.startswith(_PARQUET):
        return _ParquetFile(stored)
    if _DUCKDB.match(head):
        return _DatabaseFile()
    form = next((form for form in _FORMATS if form[0].match(head)), None)
    return _DecompressedText(stored, *form) if form else None


def is_table(head: bytes) -> bool:
    """Whether a source with this head is a table of a format that is not read."""
    return head.startswith(_PARQUET) or _DUCKDB.match(head) is not None


def looks_binary(head: bytes) -> bool:
    """Whether a source with this head is not text. A log that was truncated while it was open may begin with NULs."""
    if is_table(head):
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_at_the_end = error.start >= len(head) - 3  # a character that the end of the head cuts
        return not cut_at_the_end and len(_CONTROL.findall(head)) > _CONTROL_SHARE * len(head)
    return False
