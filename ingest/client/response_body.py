"""An answer's body as it arrives: inflated if need be, and never larger than it may be."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class UnreadableBodyError(Exception):
    """The body is larger than is accepted, or its compression is unknown or broken."""


class Body:
    """Collects the bytes of one answer.

    The limit holds for what came and for what it inflates to; not even for a moment does a bomb take more.

    Args:
        encoding: The Content-Encoding header; None if there is none.
        largest: Bytes accepted, as they come and inflated.

    Raises:
        UnreadableBodyError: the encoding is neither gzip, deflate nor identity. (None is asked for.)
    """

    def __init__(self, encoding: str | None, largest: int) -> None:
        self._content = bytearray()
        self._came = 0
        self._largest = largest
        self._inflate = _inflater(encoding)

    def __len__(self) -> int:
        return len(self._content)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            UnreadableBodyError: that is too much, or does not inflate.
        """
        self._came += len(chunk)
        if self._inflate and self._inflate.eof and chunk:
            raise UnreadableBodyError("bytes follow its compressed stream")
        self._content += self._inflated(chunk) if self._inflate else chunk
        if max(self._came, len(self._content)) > self._largest:
            raise UnreadableBodyError(f"it is larger than {self._largest:,} bytes")

    def whole(self) -> bytes:
        """All of it.

        Raises:
            UnreadableBodyError: the compressed stream is cut, or more follows it.
        """
        if self._inflate and self._came and not self._inflate.eof:
            raise UnreadableBodyError("its compressed stream is cut")
        if self._inflate and self._inflate.unused_data:
            raise UnreadableBodyError("bytes follow its compressed stream")
        return bytes(self._content)

    def _inflated(self, chunk: bytes) -> bytes:
        room = max(self._largest - len(self._content), 0) + 1  # 0 would mean: as much as it likes
        try:
            return self._inflate.decompress(chunk, room) if self._inflate else chunk
        except zlib.error as error:
            raise UnreadableBodyError(f"its compressed stream is broken: {error}") from None


def _inflater(encoding: str | None) -> zlib._Decompress | None:
    match (encoding or "identity").strip().lower():
        case "identity" | "":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_GZIP_OR_ZLIB)
        case other:
            raise UnreadableBodyError(f"its encoding {other[:40]!a} was not asked for")
