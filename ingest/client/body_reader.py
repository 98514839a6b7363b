"""Reads the bodies of answers, and limits how many large ones are read at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ingest.client.deadlines import without_waiting_time
from ingest.client.request import MEBIBYTE
from ingest.client.response_body import Body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

LARGE = MEBIBYTE
"""A body with more bytes counts as large."""

LARGE_AT_ONCE = 4
"""Number of large bodies that are read at the same time. This bounds the memory of one client."""


class BodyReader:
    """Reads the bodies of one client's answers."""

    def __init__(self) -> None:
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def read(self, response: httpx.Response, largest: int, deadline: asyncio.Timeout) -> bytes:
        """Read a whole body.

        Args:
            response: An answer whose body is not read yet.
            largest: Maximum size in bytes, as received and decompressed.
            deadline: The request's deadline; it pauses while the body waits for other large ones.

        Raises:
            UnreadableBodyError: The body is larger, or cannot be decompressed.
        """
        if response.is_stream_consumed:  # a hook of the user's client has read it
            return response.content
        encoding = response.headers.get("content-encoding")
        body = Body(encoding, largest)
        chunks = aiter(response.stream)  # type: ignore[arg-type]  # what an asynchronous transport returns
        if encoding and largest > LARGE:  # a small chunk may decompress to a large body
            await self._read_large(chunks, body, deadline)
        async for chunk in chunks:
            body.add(chunk)
            if len(body) > LARGE:
                await self._read_large(chunks, body, deadline)
        return body.whole()

    async def _read_large(self, chunks: AsyncIterator[bytes], body: Body, deadline: asyncio.Timeout) -> None:
        """Read the rest of a body while at most `LARGE_AT_ONCE` others are read."""
        async with without_waiting_time(deadline, self._large):
            async for chunk in chunks:
                body.add(chunk)
