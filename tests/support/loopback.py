"""Servers on 127.0.0.1 that answer exactly what a test says, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager

from anyio.from_thread import start_blocking_portal

SECRET = "sk-or-v1-0123456789abcdef0123456789abcdef-test"  # noqa: S105  # nobody's
STATUS_OK = b"HTTP/1.1 200 OK\r\n"
GENERATION = b'{"data": {"id": "gen-1", "usage": 0.5}}'
CONTENT = b'{"data": {"input": {"prompt": "Hello?"}, "output": {"completion": "Hello!"}}}'


@asynccontextmanager
async def listening(answer, ssl=None):
    """A server that hands each request to `answer(request, writer)`, one a connection, and then closes it."""
    tasks = set()

    async def connected(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(headers_of(head).get("content-length", 0)))
            await answer(head + body, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            return  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if ssl else 'http'}://127.0.0.1:{port}/api/v1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def serving(answer, ssl=None):
    """The same in a thread of its own, for tests without an event loop."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(listening(answer, ssl)) as base_url:
        yield base_url


def whole(body, *headers, status=200):
    """An answer in one piece, after which the connection is closed."""
    lines = [b"HTTP/1.1 %d Odd" % status, *headers, b"Content-Length: %d" % len(body), b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def sending(*parts):
    """Answers with these bytes, whatever is asked."""

    async def answer(_, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def recording(requests, *answers):
    """Notes each request and gives these answers in turn, the last one from then on."""
    remaining = list(answers or [whole(GENERATION)])

    async def answer(request, writer):
        requests.append(request)
        writer.write(remaining.pop(0) if len(remaining) > 1 else remaining[0])
        await writer.drain()

    return answer


async def hang(_, __):
    """Never answers."""
    await asyncio.Event().wait()


async def reset(_, writer):
    """Breaks the connection."""
    writer.transport.abort()


async def drip(_, writer):
    """Sends a byte of the body now and then, for ever."""
    writer.write(STATUS_OK + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_headers(_, writer):
    """Sends one header after the other, for ever."""
    writer.write(STATUS_OK)
    while True:
        writer.write(b"X-More: yes\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


def headers_of(request):
    """The request's headers, names in lower case."""
    lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def body_of(request):
    """The request's body."""
    return request.partition(b"\r\n\r\n")[2]
