"""Runs a user's synchronous httpx client or transport behind the asynchronous client, each step in a thread."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

import httpx
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class ThreadedTransport(httpx.AsyncBaseTransport):
    """An asynchronous transport over a synchronous function.

    Args:
        send: Sends a request and returns its answer, whose body is not read yet.
    """

    def __init__(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is not read yet."""
        arrived: Future[httpx.Response] = Future()
        try:
            response = await run_sync(self._send_into, arrived, request, abandon_on_cancel=True)
        except BaseException:  # the call is cancelled: an answer that arrives later must not keep its connection
            arrived.add_done_callback(lambda late: late.result().close())
            raise
        if response.is_stream_consumed:  # a hook of the user's client has read it
            return httpx.Response(response.status_code, headers=_without_encoding(response), content=response.content)
        return httpx.Response(response.status_code, headers=response.headers, stream=_ThreadedStream(response))

    def _send_into(self, arrived: Future[httpx.Response], request: httpx.Request) -> httpx.Response:
        response = self._send(request)
        arrived.set_result(response)
        return response


class _ThreadedStream(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._response.iter_raw()
        while chunk := await run_sync(next, chunks, b"", abandon_on_cancel=True):
            yield chunk

    async def aclose(self) -> None:
        await run_sync(self._response.close, abandon_on_cancel=True)


def _without_encoding(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in response.headers.raw if name.lower() != b"content-encoding"]
