"""Collects an answer's body as it arrives: decompressed if necessary, and limited in size."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class UnreadableBodyError(Exception):
    """The body is larger than the limit, or its compression is unknown or broken."""


class Body:
    """Collects the bytes of one answer.

    The limit applies to the bytes received and to the decompressed bytes. It is never exceeded in memory by more than
    one byte and the chunk being added, so a decompression bomb cannot exhaust memory.

    Args:
        encoding: The Content-Encoding header; None if there is none.
        largest: Maximum size in bytes, as received and decompressed.

    Raises:
        UnreadableBodyError: The encoding is not gzip, deflate or identity. (The client requests identity.)
    """

    def __init__(self, encoding: str | None, largest: int) -> None:
        self._content = bytearray()
        self._received = 0
        self._largest = largest
        self._decompressor = _decompressor(encoding)

    def __len__(self) -> int:
        return len(self._content)

    def add(self, chunk: bytes) -> None:
        """Add the next bytes received.

        Raises:
            UnreadableBodyError: The body exceeds the limit, or cannot be decompressed.
        """
        self._received += len(chunk)
        if self._decompressor and self._decompressor.eof and chunk:
            raise UnreadableBodyError("bytes follow its compressed stream")
        self._content += self._decompressed(chunk) if self._decompressor else chunk
        if max(self._received, len(self._content)) > self._largest:
            raise UnreadableBodyError(f"it is larger than {self._largest:,} bytes")

    def whole(self) -> bytes:
        """The complete body, decompressed.

        Raises:
            UnreadableBodyError: The compressed stream is cut, or more bytes follow it.
        """
        if self._decompressor and self._received and not self._decompressor.eof:
            raise UnreadableBodyError("its compressed stream is cut")
        if self._decompressor and self._decompressor.unused_data:
            raise UnreadableBodyError("bytes follow its compressed stream")
        return bytes(self._content)

    def _decompressed(self, chunk: bytes) -> bytes:
        room = max(self._largest - len(self._content), 0) + 1  # 0 would mean no limit
        try:
            return self._decompressor.decompress(chunk, room) if self._decompressor else chunk
        except zlib.error as error:
            raise UnreadableBodyError(f"its compressed stream is broken: {error}") from None


def _decompressor(encoding: str | None) -> zlib._Decompress | None:
    match (encoding or "identity").strip().lower():
        case "identity" | "":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_GZIP_OR_ZLIB)
        case other:
            raise UnreadableBodyError(f"its encoding {other[:40]!a} was not asked for")
