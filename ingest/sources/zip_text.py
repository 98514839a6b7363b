"""Reads zip archives: the texts of all members, one after the other, as ``unzip -p`` prints them.

The archive's directory is read in blocks and each member is decompressed in pieces, so that memory does not grow with
members or sizes. A member that cannot be read is named at the end and costs only itself.
"""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from isal.isal_zlib import crc32

from ingest.sources.decompress import (
    ALWAYS_ALLOWED,
    COMPRESSED_BLOCK,
    LARGEST_RATIO,
    TEXT_BLOCK,
    DecodingError,
    Decompressor,
    bz2_decompressor,
    deflate_decompressor,
    lzma_decompressor,
    xz_decompressor,
    zstd_decompressor,
)
from ingest.sources.readers import ErrorCapturingReader, PeekableReader, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.sources.decompress import StoredBytes
    from ingest.sources.readers import Readable, Seekable

LISTED = 3
"""Members with a problem that are named; an archive may have 100,000."""

_END, _END_64, _LOCATOR_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_ENTRY, _LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_DIRECTORY_BLOCK = 1024 * 1024
_NOT_HERE = 0xFFFFFFFF
_ENCRYPTED = 0x1
_STORED, _LZMA = 0, 14
_METHODS: dict[int, Callable[[], Decompressor]] = {
    8: deflate_decompressor,
    12: bz2_decompressor,
    20: zstd_decompressor,
    93: zstd_decompressor,
    95: xz_decompressor,
}


class _Member(NamedTuple):
    """What the directory says of a member: name, flags, method, CRC-32, bytes as stored, and where its header is."""

    name: bytes
    flags: int
    method: int
    checksum: int
    stored: int
    header_at: int


class ZipText:
    """The text of a zip archive.

    Args:
        source: The archive.
        size: Its bytes.
        stored: Records the archive's bytes. They are read once from the beginning, for the checksum.
        text_of: The text of a member's content, which may be an archive or UTF-16.
    """

    def __init__(
        self, source: Seekable, size: int, stored: StoredBytes, text_of: Callable[[PeekableReader], Readable]
    ) -> None:
        self._source = source
        self._size = size
        self._stored = stored
        self._text_of = text_of
        self._problems: list[str] = []
        self._count = 0
        self._blocks = self._read()
        self._unread = memoryview(b"")

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end of the last member.

        Raises:
            DecodingError: The archive is corrupt or a bomb, or some members cannot be read.
        """
        if not self._unread:
            self._unread = memoryview(next(self._blocks, b""))
        count = min(len(view), len(self._unread))
        view[:count], self._unread = self._unread[:count], self._unread[count:]
        return count

    def _read(self) -> Iterator[bytes]:
        for _ in read_blocks(self._stored, self._size):
            pass
        length = packed = 0
        for member in _members(self._source, self._size):
            packed += member.stored
            if packed > self._size:
                raise DecodingError("a bomb: its members overlap")
            for block in self._text_and_name(member):
                yield block
                length += len(block)
                if length > ALWAYS_ALLOWED + LARGEST_RATIO * self._size:
                    raise DecodingError(f"a bomb: it holds over {LARGEST_RATIO} times its size")
        if self._problems:
            raise DecodingError(self._summary())

    def _text_and_name(self, member: _Member) -> Iterator[bytes]:
        """A member's text, and its name as a line if it may hold an ID. What the text lacks is noted as a problem."""
        self._count += 1
        last = b"\n"
        try:
            for block in self._text(member):
                yield block
                last = block[-1:]
        except (DecodingError, OSError) as error:
            self._problems.append(f"{member.name.decode('utf-8', 'backslashreplace')}: {error}")
        if last != b"\n":
            yield b"\n"  # a line of one member does not go on in the next
        if b"gen-" in member.name:
            yield member.name.replace(b"\n", b" ") + b"\n"

    def _text(self, member: _Member) -> Iterator[bytes]:
        if member.name.endswith(b"/") and not member.stored:
            return
        content = _content(self._source, member)
        text = ErrorCapturingReader(self._text_of(PeekableReader(content, whole=True)))
        while block := b"".join(islice(read_blocks(text, TEXT_BLOCK), 1)):
            yield block
        if text.error:
            raise text.error

    def _summary(self) -> str:
        listed = "; ".join(self._problems[:LISTED])
        more = "; …" if len(self._problems) > LISTED else ""
        return f"{len(self._problems):,} of {self._count:,} members cannot be read: {listed}{more}"


class _Part:
    """A part of the archive. Others read elsewhere in between, so each read begins by moving."""

    def __init__(self, source: Seekable, begin: int, size: int) -> None:
        self._source = source
        self._at = begin
        self._end = begin + size

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        self._source.seek(self._at)
        count = self._source.readinto(view[: self._end - self._at]) or 0
        self._at += count
        return count


class _Content:
    """The content of a member, checked against its checksum."""

    def __init__(self, part: _Part, member: _Member, decompressor: Decompressor | None) -> None:
        self._part = part
        self._member = member
        self._decompressor = decompressor
        self._buffer = memoryview(bytearray(COMPRESSED_BLOCK))
        self._checksum = 0

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end.

        Raises:
            DecodingError: The member is truncated or corrupt.
        """
        count = self._decompress(view, self._decompressor) if self._decompressor else self._part.readinto(view)
        self._checksum = crc32(view[:count], self._checksum)
        if not count and self._checksum != self._member.checksum:
            raise DecodingError("corrupt: its checksum differs")
        return count

    def _decompress(self, view: memoryview, decompressor: Decompressor) -> int:
        data = b""
        while not data and not decompressor.eof:
            piece = b""
            if decompressor.needs_input and not (piece := bytes(self._buffer[: self._part.readinto(self._buffer)])):
                raise DecodingError("truncated: it ends in the middle")
            try:
                data = decompressor.decompress(piece, min(len(view), TEXT_BLOCK))
            except Exception as error:  # each format has its own errors
                raise DecodingError(f"corrupt: {error}") from error
        view[: len(data)] = data
        return len(data)


def _content(source: Seekable, member: _Member) -> _Content:
    """The content of a member.

    Raises:
        DecodingError: It is encrypted, or stored by a method that is not known.
    """
    if member.flags & _ENCRYPTED:
        raise DecodingError("encrypted; decrypt it first")
    header = _exactly(source, member.header_at, _LOCAL.size)
    signature, *_, name_length, extra_length = _LOCAL.unpack(header)
    if signature != b"PK\3\4":
        raise DecodingError("corrupt: it is not where the directory says")
    begin, size = member.header_at + len(header) + name_length + extra_length, member.stored
    if member.method == _LZMA:  # version, length of the properties, properties
        length = int.from_bytes(_exactly(source, begin, 4)[2:], "little")
        properties = _exactly(source, begin + 4, length)
        part = _Part(source, begin + 4 + length, size - 4 - length)
        return _Content(part, member, lzma_decompressor(properties))
    if member.method != _STORED and member.method not in _METHODS:
        raise DecodingError(f"compressed by method {member.method}; decompress it first")
    begin_member = _METHODS.get(member.method)
    return _Content(_Part(source, begin, size), member, begin_member() if begin_member else None)


def _members(source: Seekable, size: int) -> Iterator[_Member]:
    """The entries of the archive's directory, in its order.

    Raises:
        DecodingError: The archive has no directory, or it is corrupt.
    """
    begin, length, before = _directory(source, size)
    part, block, at = _Part(source, begin, length), b"", 0
    while True:
        if len(block) - at < _ENTRY.size + 3 * _LONGEST_COMMENT:
            block, at = block[at:] + b"".join(read_blocks(part, _DIRECTORY_BLOCK)), 0
        if at == len(block):
            return
        if len(block) - at < _ENTRY.size or not block.startswith(b"PK\1\2", at):
            raise DecodingError("corrupt: its directory is damaged")
        *_, header_at = entry = _ENTRY.unpack_from(block, at)
        flags, method, checksum, stored, whole, *lengths = (*entry[3:5], *entry[7:13])
        name_at, at = at + _ENTRY.size, at + _ENTRY.size + sum(lengths)
        name, extra = block[name_at : name_at + lengths[0]], block[name_at + lengths[0] : at - lengths[2]]
        if _NOT_HERE in {stored, whole, header_at}:
            stored, header_at = _in_zip64(extra, whole, stored, header_at)
        yield _Member(name, flags, method, checksum, stored, before + header_at)


def _in_zip64(extra: bytes, whole: int, stored: int, header_at: int) -> tuple[int, int]:
    """Stored bytes and place of a member over 4 GiB, from the extra field that holds those that do not fit."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            values = iter(struct.unpack_from(f"<{min(length, 24) // 8}Q", extra.ljust(at + 28, b"\0"), at + 4))
            _, stored, header_at = (next(values, n) if n == _NOT_HERE else n for n in (whole, stored, header_at))
            break
        at += 4 + length
    return stored, header_at


def _directory(source: Seekable, size: int) -> tuple[int, int, int]:
    """Where the directory begins, its length, and how many bytes stand before the archive."""
    begin = max(size - _END.size - _LONGEST_COMMENT, 0)
    tail = _exactly(source, begin, size - begin)
    at = tail.rfind(b"PK\5\6", 0, len(tail) - _END.size + 4)
    if at < 0:
        raise DecodingError("truncated: it has no directory at its end")
    *_, length, offset, _ = _END.unpack_from(tail, at)
    end = begin + at
    locator = _exactly(source, end - _LOCATOR_64.size, _LOCATOR_64.size) if end >= _LOCATOR_64.size else b""
    if locator.startswith(b"PK\6\7"):
        end -= _LOCATOR_64.size + _END_64.size
        *_, length, offset = _END_64.unpack(_exactly(source, end, _END_64.size))
    before = end - length - offset
    if before < 0:
        raise DecodingError("truncated: its directory is not where it says")
    return end - length, length, before


def _exactly(source: Seekable, at: int, count: int) -> bytes:
    """These bytes of the archive.

    Raises:
        DecodingError: It has not as many.
    """
    data = b"".join(read_blocks(_Part(source, at, count), count)) if at >= 0 else b""
    if len(data) < count:
        raise DecodingError("truncated: it ends in the middle")
    return data
