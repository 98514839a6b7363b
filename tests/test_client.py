"""The client against real sockets: whatever a server does, one of two values comes back, and in time."""

import asyncio
import gzip
import logging
import socket
import time
import traceback
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.client import LARGEST_ANSWER, Answer, Failure, OpenRouterClient
from ingest.key import ApiKey

SECRET = "sk-or-v1-0123456789abcdef0123456789abcdef-test"  # noqa: S105  # nobody's
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """A proxy of the machine that runs the tests has no business between them and loopback."""
    monkeypatch.setenv("NO_PROXY", "*")


@asynccontextmanager
async def listening(answer):
    """A server that hands each request to `answer(request, writer)` and then closes the connection."""
    tasks = set()

    async def connected(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            return  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def client_of(base_url, limit=5.0):
    key = ApiKey(SECRET, "a test")
    return OpenRouterClient(key, base_url, concurrency=2, timeout=limit, user_agent="orusage/test")


def ask(answer, generation_id="gen-1", limit=5.0):
    """One request to a server that answers so; a client that waits for ever fails."""

    async def scenario():
        async with listening(answer) as base_url, client_of(base_url, limit) as client:
            return await asyncio.wait_for(client.generation(generation_id), limit + 5)

    return asyncio.run(scenario())


def sending(*parts):
    async def answer(_, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def whole(body, *headers):
    return OK + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_an_answer_is_status_headers_in_lower_case_and_body():
    reply = ask(sending(whole(b'{"data": {}}', b"X-RateLimit-Reset: 12", b"Date: Fri, 20 Nov 2026 12:00:00 GMT")))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body, reply.oversized) == (200, b'{"data": {}}', False)
    assert reply.headers["x-ratelimit-reset"] == "12"
    assert reply.headers["date"] == "Fri, 20 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize("status", [204, 301, 400, 401, 404, 429, 500, 529, 599])
def test_any_status_is_an_answer(status):
    reply = ask(sending(b"HTTP/1.1 %d Odd\r\nContent-Length: 0\r\n\r\n" % status))
    assert (reply.status, reply.body) == (status, b"")


@pytest.mark.parametrize(("size", "oversized"), [(LARGEST_ANSWER, False), (LARGEST_ANSWER + 1, True)])
def test_an_answer_over_the_limit_is_not_kept(size, oversized):
    reply = ask(sending(whole(b"x" * size)))
    assert (reply.status, reply.oversized, len(reply.body)) == (200, oversized, 0 if oversized else size)


def test_an_answer_without_end_is_left_at_the_limit():
    async def pour(_, writer):
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    reply = ask(pour)
    assert (reply.oversized, reply.body) == (True, b"")


def test_the_limit_is_on_what_a_compressed_answer_becomes():
    bomb = gzip.compress(b"x" * 20 * LARGEST_ANSWER)
    assert len(bomb) < LARGEST_ANSWER
    reply = ask(sending(whole(bomb, b"Content-Encoding: gzip")))
    assert (reply.oversized, reply.body) == (True, b"")


def test_a_server_that_drips_is_ended_by_the_deadline_for_the_whole_answer():
    async def drip(_, writer):
        writer.write(OK + b"Content-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = time.monotonic()
    reply = ask(drip, limit=0.3)
    assert reply == Failure("timeout", "no whole answer within 0.3 s")
    assert 0.25 < time.monotonic() - started < 3


def test_a_server_that_says_nothing_is_ended_by_the_deadline():
    async def hang(_, __):
        await asyncio.Event().wait()

    assert ask(hang, limit=0.2) == Failure("timeout", "no whole answer within 0.2 s")


def test_a_server_that_drips_its_headers_is_ended_too():
    async def drip(_, writer):
        writer.write(OK)
        while True:
            writer.write(b"X-More: yes\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert ask(drip, limit=0.2).reason == "timeout"


async def reset(_, writer):
    writer.transport.abort()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reset, id="reset"),
        pytest.param(sending(), id="closed without a word"),
        pytest.param(sending(OK[:9]), id="cut in the status line"),
        pytest.param(sending(OK + b"Content-Le"), id="cut in the headers"),
        pytest.param(sending(OK + b"Content-Length: 100\r\n\r\nhalf"), id="cut in the body"),
        pytest.param(sending(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), id="cut in a chunk"),
        pytest.param(sending(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), id="no chunk size"),
        pytest.param(sending(OK + b"Content-Length: soon\r\n\r\n"), id="no length"),
        pytest.param(sending(OK + b"X: " + b"x" * 200_000 + b"\r\n\r\n"), id="endless header"),
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
        pytest.param(sending(b"\x00\xff" * 100), id="noise"),
        pytest.param(sending(whole(b"no gzip", b"Content-Encoding: gzip")), id="not compressed as it says"),
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_broken(answer):
    reply = ask(answer)
    assert isinstance(reply, Failure)
    assert reply.reason == "broken"
    assert reply.detail


@pytest.mark.parametrize(
    "headers",
    [
        b"Location: http://[::1\r\n",
        b"Location: http://\xff\xfe/\r\n",
        b"Location: javascript:alert(1)\r\n",
        b"Location: \r\n",
        b"Set-Cookie: \xff=\xfe; Expires=never; Domain=..\r\n",
        b"Content-Type: text/html; charset=nonsense\r\n",
        b"X-Odd: \xc3\x28\r\n",
    ],
)
@pytest.mark.parametrize("status", [200, 302])
def test_odd_headers_raise_nothing(headers, status):
    reply = ask(sending(b"HTTP/1.1 %d Odd\r\n" % status + headers + b"Content-Length: 2\r\n\r\n{}"))
    assert isinstance(reply, (Answer, Failure))


def test_a_refused_connection_is_no_connection():
    async def scenario():
        with socket.socket() as bound:  # bound but not listening: nobody else gets the port, and connecting fails
            bound.bind(("127.0.0.1", 0))
            async with client_of(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
                return await client.generation("gen-1"), await client.key()

    for reply in asyncio.run(scenario()):
        assert isinstance(reply, Failure)
        assert reply.reason == "connect"


def test_a_server_without_the_promised_tls_is_no_connection():
    async def scenario():
        async def connected(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server, client_of(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            return await client.generation("gen-1")

    reply = asyncio.run(scenario())
    assert isinstance(reply, Failure)
    assert reply.reason == "connect"


def recording(requests):
    async def answer(request, writer):
        requests.append(request)
        writer.write(whole(b"{}", b"Connection: close"))
        await writer.drain()

    return answer


@pytest.mark.parametrize("generation_id", ["gen-1", "gen-a b&c=d?e#f/../%00", "gen-é\r\nX-Evil: 1", "gen-1&id=gen-2"])
def test_an_id_is_one_percent_encoded_value_of_the_query(generation_id):
    requests = []
    ask(recording(requests), generation_id)
    [request] = requests
    method, target, version = request.partition(b"\r\n")[0].decode("ascii").split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert urlsplit(target).path == "/api/v1/generation"
    assert parse_qs(urlsplit(target).query, strict_parsing=True) == {"id": [generation_id]}
    assert b"\r\nX-Evil" not in request


def test_the_key_goes_into_one_header_and_nowhere_else(caplog):
    requests = []

    async def scenario():
        async with listening(recording(requests)) as base_url, client_of(base_url) as client:
            await client.generation("gen-1")
            await client.key()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    for request, path in zip(requests, (b"/generation?id=gen-1", b"/key"), strict=True):
        assert request.startswith(b"GET /api/v1" + path + b" HTTP/1.1\r\n")
        assert f"authorization: bearer {SECRET}\r\n" in request.decode().lower()
        assert request.count(SECRET.encode()) == 1
        assert b"orusage/test" in request
    assert SECRET not in caplog.text


def test_the_key_shows_in_no_text_of_client_answer_or_failure():
    async def scenario():
        async with listening(sending(whole(b"{}"))) as base_url, client_of(base_url) as client:
            seen = [client, client._client, await client.generation("gen-1")]
        async with listening(reset) as base_url, client_of(base_url) as client:
            seen.append(await client.generation("gen-1"))
        async with client_of("http://127.0.0.1:1") as client:
            seen.append(await client.key())
        return seen

    for each in asyncio.run(scenario()):
        assert SECRET not in f"{each} {each!r}"


def test_the_key_shows_in_no_traceback_of_a_client_that_is_misused():
    async def scenario():
        client = client_of("http://127.0.0.1:1")
        async with client:
            pass
        await client.generation("gen-1")

    with pytest.raises(RuntimeError) as caught:
        asyncio.run(scenario())
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_connections_are_used_again():
    connections = []

    async def scenario():
        async def connected(reader, writer):
            connections.append(writer)
            for _ in range(3):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(whole(b"{}"))
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server, client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            return [await client.generation(f"gen-{n}") for n in range(3)]

    assert [reply.status for reply in asyncio.run(scenario())] == [200] * 3
    assert len(connections) == 1
