"""The asynchronous client against real sockets: every call ends as `Ok` or `Err` within its deadline."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import subprocess
import sys
import time
import traceback
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import pytest
from support.logs import new_ids
from support.loopback import (
    CONTENT,
    GENERATION,
    SECRET,
    STATUS_OK,
    drip,
    drip_headers,
    hang,
    headers_of,
    listening,
    recording,
    reset,
    sending,
    whole,
)

from ingest import (
    AsyncOpenRouter,
    BackoffStrategy,
    Err,
    GenerationContentResponse,
    GenerationResponse,
    InternalServerResponseError,
    InvalidRequestError,
    NotFoundResponseError,
    Ok,
    OpenRouterConnectionError,
    OpenRouterDefaultError,
    OpenRouterError,
    PaymentRequiredResponseError,
    RequestAbortedError,
    RequestOptions,
    RequestTimeoutError,
    ResponseError,
    ResponseValidationError,
    RetryConfig,
    TooManyRequestsResponseError,
    generations_get_generation,
    generations_list_generation_content,
)
from ingest.client.body_reader import LARGE, LARGE_AT_ONCE
from ingest.client.errors import BY_STATUS
from ingest.client.request import GET_KEY, MEBIBYTE

ONCE = RetryConfig("none")
SOON = RetryConfig(backoff=BackoffStrategy(initial_interval=1, jitter_ms=0))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Do not use a proxy of the machine that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


def client_of(base_url, **arguments):
    arguments = {"api_key": SECRET, "timeout": 5.0, "retries": ONCE} | arguments
    return AsyncOpenRouter(server_url=base_url, **arguments)


def ask(answer, *, id="gen-1", operation=generations_get_generation, options=None, **arguments):  # noqa: A002
    """One call to a server with this answer. A client that never returns fails the test."""

    async def scenario():
        async with listening(answer) as base_url, client_of(base_url, **arguments) as client:
            return await asyncio.wait_for(operation(client, id=id, options=options), 10)

    return asyncio.run(scenario())


def refusal(answer, **arguments):
    """The error of a call to a server with this answer."""
    result = ask(answer, **arguments)
    assert isinstance(result, Err), result
    return result.error


def requests_of(*, answers=(), operation=generations_get_generation, options=None, **arguments):
    """The bytes that one call sends."""
    requests = []
    ask(recording(requests, *answers), operation=operation, options=options, **arguments)
    return requests


@asynccontextmanager
async def each_sender(name):
    """Arguments for a client with its own transport, or with one of the user's."""
    match name:
        case "default":
            yield {}
        case "own client":
            async with httpx.AsyncClient() as client:
                yield {"client": client}
        case "own transport":
            async with httpx.AsyncHTTPTransport() as transport:
                yield {"transport": transport}


senders = pytest.mark.parametrize("sender", ["default", "own client", "own transport"])


def ask_through(sender, answer, **arguments):
    async def scenario():
        async with (
            each_sender(sender) as how,
            listening(answer) as base_url,
            client_of(base_url, **how, **arguments) as client,
        ):
            return await asyncio.wait_for(generations_get_generation(client, id="gen-1"), 10)

    return asyncio.run(scenario())


# Results


@senders
def test_a_generation_comes_back_as_a_typed_response(sender):
    result = ask_through(sender, sending(whole(GENERATION)))
    assert isinstance(result, Ok)
    assert isinstance(result.value, GenerationResponse)
    assert (result.value.data.id, result.value.data.usage) == ("gen-1", Decimal("0.5"))


def test_its_content_comes_back_as_a_typed_response():
    result = ask(sending(whole(CONTENT)), operation=generations_list_generation_content)
    assert isinstance(result, Ok)
    assert isinstance(result.value, GenerationContentResponse)
    assert (result.value.data.input.prompt, result.value.data.output.completion) == ("Hello?", "Hello!")


def test_the_methods_return_the_value_or_raise_the_error(simulation):
    async def scenario():
        [generation_id] = new_ids(1)
        async with client_of(simulation.base_url) as client:
            metadata = await client.generations.get_generation(id=generation_id)
            content = await client.generations.list_generation_content(id=generation_id)
            assert metadata.data.id == generation_id
            assert content.data.output
        async with client_of(simulation.base_url, api_key="sk-or-broke") as client:
            for operation in (client.generations.get_generation, client.generations.list_generation_content):
                with pytest.raises(PaymentRequiredResponseError, match="Insufficient credits"):
                    await operation(id=generation_id)

    asyncio.run(scenario())


def test_a_key_of_the_wrong_kind_is_refused_only_for_content(simulation):
    async def scenario():
        [generation_id] = new_ids(1)
        async with client_of(simulation.base_url, api_key="sk-or-inference") as client:
            metadata = await generations_get_generation(client, id=generation_id)
            content = await generations_list_generation_content(client, id=generation_id)
            return metadata, content

    metadata, content = asyncio.run(scenario())
    assert isinstance(metadata, Ok)
    assert content.error.status_code == 403


@pytest.mark.parametrize("status", [*BY_STATUS, 408, 409, 418, 422, 503, 504, 520, 599])
def test_each_status_of_the_api_is_its_error(simulation, status):
    async def scenario():
        async with client_of(simulation.base_url, api_key=f"sk-or-status-{status}") as client:
            return [
                (await operation(client, id=new_ids(1)[0])).error
                for operation in (generations_get_generation, generations_list_generation_content)
            ]

    for error in asyncio.run(scenario()):
        assert type(error) is BY_STATUS.get(status, OpenRouterDefaultError)
        assert (error.status_code, error.code) == (status, status)
        assert error.message == str(error) == error.error["message"]
        assert error.body == error.raw_response.text
        assert error.headers["content-type"] == "application/json"


@senders
@pytest.mark.parametrize("status", [204, 301, 304, 400, 404, 429, 500, 529, 599])
def test_any_status_without_a_body_is_an_answer_too(sender, status):
    error = ask_through(sender, sending(b"HTTP/1.1 %d Odd\r\nContent-Length: 0\r\n\r\n" % status)).error
    assert type(error) is (ResponseValidationError if status == 204 else BY_STATUS.get(status, OpenRouterDefaultError))
    assert (error.status_code, error.body, error.error) == (status, "", None)


def test_an_error_answer_that_is_not_json_keeps_its_status_and_body():
    error = refusal(sending(whole(b"<h1>Bad gateway</h1>", b"Content-Type: text/html", b"X-Ray: 7", status=502)))
    assert (error.status_code, error.body, error.message) == (502, "<h1>Bad gateway</h1>", "HTTP 502")
    assert (error.error, error.code, error.metadata, error.headers["x-ray"]) == (None, None, None, "7")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<!DOCTYPE html><title>Just a moment...</title>", id="HTML"),
        pytest.param(GENERATION[:-9], id="JSON cut in the middle"),
        pytest.param(b"{}", id="no data"),
        pytest.param(b'{"data": null}', id="data is null"),
        pytest.param(b'{"data": []}', id="data is a list"),
        pytest.param(b'{"data": {}}', id="data is empty"),
        pytest.param(b'[{"data": {"id": "gen-1"}}]', id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b'{"error": {"code": 1, "message": "odd"}}', id="an error that names no status, under 200"),
        pytest.param(b'{"error": "Not found"}', id="words for an error, under 200"),
        pytest.param(b"\x00\xff" * 100, id="noise"),
    ],
)
@pytest.mark.parametrize("operation", [generations_get_generation, generations_list_generation_content])
def test_a_success_that_cannot_be_read_is_an_error_that_keeps_the_body(operation, body):
    error = refusal(sending(whole(body, b"Content-Type: application/json")), operation=operation)
    assert type(error) is ResponseValidationError
    assert error.status_code == 200
    assert error.raw_response.content == body
    assert error.message.startswith("the answer cannot be read: ")


# Sizes


@senders
@pytest.mark.parametrize("more", [0, 1])
def test_metadata_over_a_mebibyte_is_not_kept(sender, more):
    padding = b" " * (MEBIBYTE - len(GENERATION) + more)
    result = ask_through(sender, sending(whole(GENERATION + padding)))
    if not more:
        assert isinstance(result, Ok)
    else:
        assert type(result.error) is ResponseValidationError
        assert result.error.message == "the answer cannot be read: it is larger than 1,048,576 bytes"
        assert result.error.body == ""


@pytest.mark.parametrize("more", [0, 1])
def test_content_may_have_64_mebibytes_and_no_more(more):
    padding = b" " * (64 * MEBIBYTE - len(CONTENT) + more)
    result = ask(sending(whole(CONTENT + padding)), operation=generations_list_generation_content, timeout=30)
    if not more:
        assert isinstance(result, Ok)
    else:
        assert "larger than 67,108,864 bytes" in result.error.message


@senders
@pytest.mark.parametrize(("status", "kind"), [(200, ResponseValidationError), (500, InternalServerResponseError)])
def test_an_endless_answer_is_abandoned_at_the_size_limit(sender, status, kind):
    async def scenario():
        left = asyncio.Event()

        async def pour(_, writer):
            writer.write(b"HTTP/1.1 %d Odd\r\n\r\n" % status)
            try:
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
            except ConnectionError:
                left.set()

        async with (
            each_sender(sender) as how,
            listening(pour) as base_url,
            client_of(base_url, **how) as client,
        ):
            result = await generations_get_generation(client, id="gen-1")
            await asyncio.wait_for(left.wait(), 5)  # while the client is still open
            return result.error

    error = asyncio.run(scenario())
    assert (type(error), error.status_code, error.body) == (kind, status, "")


@pytest.mark.parametrize("operation", [generations_get_generation, generations_list_generation_content])
def test_a_decompression_bomb_of_300_megabytes_never_takes_more_memory_than_the_limit(operation):
    compress = zlib.compressobj(9, wbits=31)
    zeros = b"0" * 1_000_000
    bomb = b"".join(compress.compress(zeros) for _ in range(300)) + compress.flush()
    assert len(bomb) < MEBIBYTE
    tracemalloc.start()
    try:
        error = refusal(sending(whole(bomb, b"Content-Encoding: gzip")), operation=operation, timeout=30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MEBIBYTE + 3 * (64 * MEBIBYTE if operation is generations_list_generation_content else MEBIBYTE)
    assert type(error) is ResponseValidationError
    assert "larger than" in error.message
    assert error.body == ""


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"GZIP", b"deflate", b"identity", b""])
def test_an_answer_that_is_compressed_without_request_is_read(encoding):
    match encoding.lower():
        case b"gzip" | b"x-gzip":
            body = gzip.compress(GENERATION)
        case b"deflate":
            body = zlib.compress(GENERATION)
        case _:
            body = GENERATION
    assert isinstance(ask(sending(whole(body, b"Content-Encoding: " + encoding))), Ok)


@senders
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param(b"gzip", b"no gzip", id="not compressed as it says"),
        pytest.param(b"gzip", gzip.compress(GENERATION)[:-9], id="cut"),
        pytest.param(b"br", GENERATION, id="not asked for"),
        pytest.param(b"gzip, gzip", gzip.compress(GENERATION), id="twice"),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(200, ResponseValidationError), (404, NotFoundResponseError)])
def test_a_broken_compression_loses_the_body_but_not_the_status(sender, encoding, body, status, kind):
    answer = sending(whole(body, b"Content-Encoding: " + encoding, status=status))
    assert type(ask_through(sender, answer).error) is kind


class Large(httpx.AsyncByteStream):
    """A large answer that counts how many are read beyond `LARGE` at the same time."""

    reading = 0
    most = 0

    async def __aiter__(self):
        yield CONTENT + b" " * LARGE
        Large.reading += 1  # the next chunk was requested, so the body is being read
        Large.most = max(Large.most, Large.reading)
        for _ in range(50):
            await asyncio.sleep(0)
            yield b" "
        Large.reading -= 1

    async def aclose(self):
        pass


class LargeTransport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, _):
        return httpx.Response(200, stream=Large())


def test_few_large_answers_are_read_at_the_same_time():
    async def scenario():
        async with client_of("https://openrouter.invalid", transport=LargeTransport()) as client:
            calls = (generations_list_generation_content(client, id=f"gen-{n}") for n in range(40))
            return await asyncio.gather(*calls)

    Large.reading = Large.most = 0
    assert all(isinstance(result, Ok) for result in asyncio.run(scenario()))
    assert (Large.reading, Large.most) == (0, LARGE_AT_ONCE)


class Lasting(httpx.AsyncByteStream):
    """A large answer that ends only when the test allows it."""

    def __init__(self, seconds):
        self._seconds = seconds

    async def __aiter__(self):
        yield CONTENT + b" " * LARGE
        await asyncio.sleep(self._seconds)

    async def aclose(self):
        pass


def lasting(seconds):
    class LastingTransport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            return httpx.Response(200, stream=Lasting(seconds))

    return LastingTransport()


def test_the_time_a_large_answer_waits_for_others_does_not_count():
    async def scenario():
        async with client_of("https://openrouter.invalid", transport=lasting(0.2), timeout=0.5) as client:
            calls = (generations_list_generation_content(client, id=f"gen-{n}") for n in range(5 * LARGE_AT_ONCE))
            started = time.monotonic()
            return await asyncio.gather(*calls), time.monotonic() - started

    results, seconds = asyncio.run(scenario())
    assert all(isinstance(result, Ok) for result in results)
    assert seconds > 0.9


def test_a_large_answer_has_its_deadline_again_after_waiting_and_releases_its_place():
    async def scenario():
        async with client_of("https://openrouter.invalid", transport=lasting(60), timeout=0.1) as client:
            calls = (generations_list_generation_content(client, id=f"gen-{n}") for n in range(3 * LARGE_AT_ONCE))
            return await asyncio.wait_for(asyncio.gather(*calls), 10)

    assert all(type(result.error) is RequestTimeoutError for result in asyncio.run(scenario()))


def test_closing_ends_large_answers_that_are_read_or_wait():
    async def scenario():
        async with client_of("https://openrouter.invalid", transport=lasting(60), timeout=5) as client:
            calls = [
                asyncio.create_task(generations_list_generation_content(client, id=f"gen-{n}"))
                for n in range(2 * LARGE_AT_ONCE)
            ]
            await asyncio.sleep(0.05)
            started = time.monotonic()
            await client.aclose()
            return await asyncio.wait_for(asyncio.gather(*calls), 10), time.monotonic() - started

    results, seconds = asyncio.run(scenario())
    assert all(type(result.error) is RequestAbortedError for result in results)
    assert seconds < 4


class Compressed(httpx.AsyncByteStream):
    """An answer that is small on the wire and large in memory."""

    body = gzip.compress(CONTENT + b" " * 10 * MEBIBYTE)

    async def __aiter__(self):
        yield self.body[:-1]
        for _ in range(50):
            await asyncio.sleep(0)
        yield self.body[-1:]

    async def aclose(self):
        pass


class CompressedTransport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, _):
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Compressed())


def test_few_answers_that_become_large_are_in_memory_at_the_same_time():
    async def scenario():
        async with client_of("https://openrouter.invalid", transport=CompressedTransport(), timeout=30) as client:
            calls = (generations_list_generation_content(client, id=f"gen-{n}") for n in range(6 * LARGE_AT_ONCE))
            return await asyncio.gather(*calls)

    tracemalloc.start()
    try:
        results = asyncio.run(scenario())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(result, Ok) for result in results)
    assert peak < 3 * LARGE_AT_ONCE * 10 * MEBIBYTE  # it would be twice as much if all were in memory


# Deadlines


@senders
@pytest.mark.parametrize("answer", [drip, drip_headers, hang], ids=["drip", "drip of headers", "hang"])
def test_the_deadline_is_for_the_whole_answer(sender, answer):
    started = time.monotonic()
    error = ask_through(sender, answer, timeout=0.3).error
    assert type(error) is RequestTimeoutError
    assert error.message == "no complete answer within 0.3 s"
    assert error.status_code is None
    assert 0.25 < time.monotonic() - started < 3


def test_the_deadline_ends_an_answer_of_one_byte_a_second():
    async def slow(_, writer):
        for byte in whole(GENERATION):
            writer.write(bytes([byte]))
            await asyncio.sleep(1)

    assert type(refusal(slow, timeout=0.3)) is RequestTimeoutError


def test_the_deadline_is_for_each_try():
    async def scenario():
        asked = []

        async def third_time_lucky(request, writer):
            asked.append(time.monotonic())
            if len(asked) < 3:
                await asyncio.Event().wait()
            writer.write(whole(GENERATION))

        async with listening(third_time_lucky) as base_url:
            retries = RetryConfig(backoff=SOON.backoff, retry_connection_errors=True)
            async with client_of(base_url, timeout=0.3, retries=retries) as client:
                return await generations_get_generation(client, id="gen-1"), asked

    result, asked = asyncio.run(scenario())
    assert isinstance(result, Ok)
    assert 0.55 < asked[2] - asked[0] < 5


def test_a_call_may_have_a_deadline_of_its_own():
    started = time.monotonic()
    error = refusal(drip, timeout=60, options=RequestOptions(timeout=0.2))
    assert error.message == "no complete answer within 0.2 s"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_an_invalid_deadline_is_refused(seconds):
    with pytest.raises(InvalidRequestError, match="is not a positive number of seconds"):
        AsyncOpenRouter(SECRET, timeout=seconds)
    assert isinstance(refusal(hang, options=RequestOptions(timeout=seconds)), InvalidRequestError)


@senders
def test_a_cancelled_call_closes_its_connection_on_the_wire(sender):
    async def scenario():
        dripping, closed = asyncio.Event(), asyncio.Event()

        async def drip_until_closed(_, writer):
            writer.write(STATUS_OK + b"Content-Length: 1000000\r\n\r\n")
            try:
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    dripping.set()
                    await asyncio.sleep(0.01)
            except ConnectionError:
                closed.set()

        async with (
            each_sender(sender) as how,
            listening(drip_until_closed) as base_url,
            client_of(base_url, timeout=60, **how) as client,
        ):
            call = asyncio.create_task(generations_get_generation(client, id="gen-1"))
            await dripping.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(closed.wait(), 5)  # while the client is still open

    asyncio.run(scenario())


def test_asyncio_wait_for_ends_a_call():
    async def scenario():
        async with listening(hang) as base_url, client_of(base_url) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(generations_get_generation(client, id="gen-1"), 0.1)

    asyncio.run(scenario())


def test_a_cancelled_wait_for_a_retry_ends_at_once():
    async def scenario():
        requests = []
        busy = recording(requests, whole(b"", b"Retry-After: 60", status=429))
        async with listening(busy) as base_url, client_of(base_url, retries=RetryConfig()) as client:
            call = asyncio.create_task(generations_get_generation(client, id="gen-1"))
            await until(lambda: requests)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(call, 5)
            return len(requests)

    assert asyncio.run(scenario()) == 1


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the network sets no asyncio event
            await asyncio.sleep(0.005)


# Closing


@senders
@pytest.mark.parametrize("answer", [hang, drip, drip_headers], ids=["hang", "drip", "drip of headers"])
def test_closing_ends_a_call_under_way(sender, answer):
    async def scenario():
        asked = asyncio.Event()

        async def noted(request, writer):
            asked.set()
            await answer(request, writer)

        async with (
            each_sender(sender) as how,
            listening(noted) as base_url,
            client_of(base_url, timeout=5, **how) as client,
        ):
            calls = [asyncio.create_task(generations_get_generation(client, id=f"gen-{n}")) for n in range(3)]
            await asked.wait()
            started = time.monotonic()
            await client.aclose()
            results = await asyncio.gather(*calls)
            return results, time.monotonic() - started

    results, seconds = asyncio.run(scenario())
    assert [type(result.error) for result in results] == [RequestAbortedError] * 3
    assert seconds < 4


def test_closing_ends_a_call_that_still_connects():
    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections, but never answers in TLS
            async with client_of(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=5) as client:
                call = asyncio.create_task(generations_get_generation(client, id="gen-1"))
                taken, _ = await asyncio.get_running_loop().run_in_executor(None, silent.accept)
                with taken:
                    started = time.monotonic()
                    await client.aclose()
                    return await call, time.monotonic() - started

    result, seconds = asyncio.run(scenario())
    assert type(result.error) is RequestAbortedError
    assert seconds < 4


def test_closing_ends_a_call_that_waits_for_a_retry():
    async def scenario():
        requests = []
        busy = recording(requests, whole(b"", b"Retry-After: 60", status=429))
        async with listening(busy) as base_url, client_of(base_url, retries=RetryConfig()) as client:
            call = asyncio.create_task(generations_get_generation(client, id="gen-1"))
            await until(lambda: requests)
            started = time.monotonic()
            await client.aclose()
            return await call, time.monotonic() - started, len(requests)

    result, seconds, requests = asyncio.run(scenario())
    assert type(result.error) is RequestAbortedError
    assert (seconds < 4, requests) == (True, 1)


@pytest.mark.parametrize("used", [False, True])
def test_a_closed_client_sends_nothing_more_and_may_be_closed_again(used):
    async def scenario():
        requests = []
        async with listening(recording(requests)) as base_url:
            client = client_of(base_url)
            async with client:
                if used:
                    await client.generations.get_generation(id="gen-1")
            await client.aclose()
            with pytest.raises(RequestAbortedError, match="the client is closed"):
                await client.generations.get_generation(id="gen-1")
        return len(requests)

    assert asyncio.run(scenario()) == used


def test_as_a_context_manager_the_client_is_itself_and_closes_on_an_error_too():
    async def scenario():
        client = client_of("http://127.0.0.1:1")
        assert await client.__aenter__() is client
        with pytest.raises(ZeroDivisionError):
            await fail_inside(client)
        assert isinstance((await generations_get_generation(client, id="gen-1")).error, RequestAbortedError)

    asyncio.run(scenario())


async def fail_inside(client):
    async with client:
        raise ZeroDivisionError


def test_connections_are_used_again():
    connections = []

    async def scenario():
        async def connected(reader, writer):
            connections.append(writer)
            for _ in range(3):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(STATUS_OK + b"Content-Length: %d\r\n\r\n" % len(GENERATION) + GENERATION)
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server, client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            return [await generations_get_generation(client, id=f"gen-{n}") for n in range(3)]

    assert all(isinstance(result, Ok) for result in asyncio.run(scenario()))
    assert len(connections) == 1


def test_many_calls_share_one_client(simulation):
    ids = new_ids(200)

    async def scenario():
        async with client_of(simulation.base_url) as client:
            return await asyncio.gather(*(generations_get_generation(client, id=i) for i in ids))

    assert [result.value.data.id for result in asyncio.run(scenario())] == ids


# Broken connections


@senders
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reset, id="reset"),
        pytest.param(sending(), id="closed without a word"),
        pytest.param(sending(STATUS_OK[:9]), id="cut in the status line"),
        pytest.param(sending(STATUS_OK + b"Content-Le"), id="cut in the headers"),
        pytest.param(sending(STATUS_OK + b"Content-Length: 100\r\n\r\nhalf"), id="cut in the body"),
        pytest.param(sending(STATUS_OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), id="cut in a chunk"),
        pytest.param(sending(STATUS_OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), id="no chunk size"),
        pytest.param(sending(STATUS_OK + b"Content-Length: soon\r\n\r\n"), id="no length"),
        pytest.param(sending(STATUS_OK + b"X: " + b"x" * 200_000 + b"\r\n\r\n"), id="endless header"),
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
        pytest.param(sending(b"\x00\xff" * 100), id="noise"),
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_a_broken_connection(sender, answer):
    error = ask_through(sender, answer).error
    assert type(error) is OpenRouterConnectionError
    assert error.connected
    assert error.message
    assert error.status_code is None


@senders
@pytest.mark.parametrize(
    "headers",
    [
        b"Location: http://[::1\r\n",
        b"Location: http://\xff\xfe/\r\n",
        b"Location: javascript:alert(1)\r\n",
        b"Location: \r\n",
        b"Set-Cookie: \xff=\xfe; Expires=never; Domain=..\r\n",
        b"Content-Type: text/html; charset=nonsense\r\n",
        b"Content-Type: text/html; charset=hex\r\n",
        b"Content-Type: text/html; charset=rot13\r\n",
        b"X-Odd: \xc3\x28\r\n",
        b"Retry-After: \xd9\xa3\r\n",
    ],
)
@pytest.mark.parametrize("status", [200, 302, 429])
def test_odd_headers_raise_nothing(sender, headers, status):
    answer = sending(b"HTTP/1.1 %d Odd\r\n" % status + headers + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
    error = ask_through(sender, answer).error
    if isinstance(error, ResponseError):
        assert (error.status_code, error.body) == (status, "{}")
        assert dict(error.headers)


@senders
def test_a_refused_connection_is_not_connected(sender):
    async def scenario():
        with socket.socket() as bound:  # bound but not listening: the port is reserved, and connecting fails
            bound.bind(("127.0.0.1", 0))
            base_url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            async with each_sender(sender) as how, client_of(base_url, **how) as client:
                return await generations_get_generation(client, id="gen-1")

    error = asyncio.run(scenario()).error
    assert type(error) is OpenRouterConnectionError
    assert not error.connected


@senders
def test_a_host_without_an_address_is_not_connected(sender):
    async def scenario():
        async with each_sender(sender) as how, client_of("https://openrouter.invalid/api/v1", **how) as client:
            return await generations_get_generation(client, id="gen-1")

    error = asyncio.run(scenario()).error
    assert type(error) is OpenRouterConnectionError
    assert not error.connected


@senders
def test_a_server_without_tls_is_not_connected(sender):
    async def scenario():
        async def connected(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, each_sender(sender) as how, client_of(base_url, **how) as client:
            return await generations_get_generation(client, id="gen-1")

    error = asyncio.run(scenario()).error
    assert type(error) is OpenRouterConnectionError
    assert not error.connected


# Redirects


@pytest.mark.parametrize("own", [False, True], ids=["default", "own client that would follow"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_never_reaches_the_other_host(status, own):
    async def scenario():
        elsewhere, here = [], []
        async with listening(recording(elsewhere)) as other_url:
            location = b"Location: " + other_url.encode()
            async with (
                listening(recording(here, whole(b"", location, status=status))) as base_url,
                httpx.AsyncClient(follow_redirects=True) as following,
                client_of(base_url, **({"client": following} if own else {})) as client,
            ):
                return await generations_get_generation(client, id="gen-1"), here, elsewhere

    result, here, elsewhere = asyncio.run(scenario())
    assert type(result.error) is OpenRouterDefaultError
    assert result.error.status_code == status
    assert len(here) == 1
    assert elsewhere == []


# The request


def test_a_request_is_one_get_with_the_id_in_its_query():
    [request] = requests_of()
    assert request.startswith(b"GET /api/v1/generation?id=gen-1 HTTP/1.1\r\n")
    [request] = requests_of(operation=generations_list_generation_content, answers=[whole(CONTENT)])
    assert request.startswith(b"GET /api/v1/generation/content?id=gen-1 HTTP/1.1\r\n")


def test_a_request_has_user_agent_and_accept_headers():
    [request] = requests_of()
    headers = headers_of(request)
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("orusage/")
    assert not headers.keys() & {"http-referer", "x-openrouter-title", "x-openrouter-categories", "cookie"}
    assert headers_of(requests_of(user_agent="mine/2")[0])["user-agent"] == "mine/2"


def test_an_app_is_named_in_the_headers_openrouter_counts_by():
    [request] = requests_of(http_referer="https://example.com/", app_title="My app", app_categories="cli-agent,ide")
    headers = headers_of(request)
    assert headers["http-referer"] == "https://example.com/"
    assert headers["x-openrouter-title"] == "My app"
    assert headers["x-openrouter-categories"] == "cli-agent,ide"


@pytest.mark.parametrize("name", ["http_referer", "app_title", "app_categories", "user_agent"])
@pytest.mark.parametrize("value", ["two\nlines", "with\r\nX-Evil: 1", "Zoë", "nul\x00"])
def test_a_header_that_cannot_be_sent_is_refused_before_the_first_call(name, value):
    with pytest.raises(InvalidRequestError, match="printable ASCII"):
        AsyncOpenRouter(SECRET, **{name: value})


def test_a_call_may_add_headers_or_change_them():
    options = RequestOptions(headers={"X-Trace": "7", "http-referer": "https://other.example/", "USER-AGENT": "me"})
    [request] = requests_of(http_referer="https://example.com/", options=options)
    headers = headers_of(request)
    assert headers["x-trace"] == "7"
    assert headers["http-referer"] == "https://other.example/"
    assert headers["user-agent"] == "me"
    assert request.lower().count(b"http-referer:") == request.lower().count(b"user-agent:") == 1
    assert headers["authorization"] == f"Bearer {SECRET}"


def test_what_one_call_adds_is_not_in_the_next():
    async def scenario():
        requests = []
        async with listening(recording(requests)) as base_url, client_of(base_url) as client:
            options = RequestOptions(headers={"X-Trace": "7"}, params={"a": "1"}, cookies={"c": "2"})
            await generations_get_generation(client, id="gen-1", options=options)
            await generations_get_generation(client, id="gen-2")
        return requests

    first, second = asyncio.run(scenario())
    assert headers_of(first)["x-trace"] == "7"
    assert not headers_of(second).keys() & {"x-trace", "cookie"}
    assert second.startswith(b"GET /api/v1/generation?id=gen-2 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "headers",
    [{"X-Evil": "1\r\nX-More: 2"}, {"X-Evil\r\nX-More": "1"}, {"": "1"}, {"X-É": "1"}, {"X-Name": "é"}, {"X: Y": "1"}],
)
def test_headers_that_cannot_be_sent_are_refused(headers):
    error = refusal(hang, options=RequestOptions(headers=headers))
    assert type(error) is InvalidRequestError


def test_the_value_of_a_header_that_is_refused_is_not_repeated():
    error = refusal(hang, options=RequestOptions(headers={"X-Secret": "hush\n"}))
    assert "hush" not in str(error)
    assert "X-Secret" in str(error)


def test_a_call_may_add_parameters_but_not_another_id():
    [request] = requests_of(options=RequestOptions(params={"verbose": "yes & no", "id": "gen-2"}))
    target = request.split(b" ")[1].decode()
    assert dict(httpx.URL(target).params) == {"verbose": "yes & no", "id": "gen-1"}
    assert target.count("id=") == 1


def test_a_call_may_send_cookies():
    [request] = requests_of(options=RequestOptions(cookies={"session": "abc"}))
    assert headers_of(request)["cookie"] == "session=abc"


@pytest.mark.parametrize("cookies", [{"a": "b\r\nX-Evil: 1"}, {"a": "é"}, {"a\r\nX-Evil": "1"}, {"a": "\x00"}])
def test_cookies_that_cannot_be_sent_are_refused(cookies):
    error = refusal(recording([]), options=RequestOptions(cookies=cookies))
    assert type(error) is InvalidRequestError


def test_cookies_of_an_answer_are_not_sent_back():
    requests = []

    async def scenario():
        answer = whole(GENERATION, b"Set-Cookie: tracking=1; Path=/")
        async with listening(recording(requests, answer)) as base_url:
            named = base_url.replace("127.0.0.1", "localhost")  # cookies are never sent back to a bare address
            async with client_of(named) as client:
                for _ in range(2):
                    await client.generations.get_generation(id="gen-1")

    asyncio.run(scenario())
    assert len(requests) == 2
    assert b"tracking" not in requests[1]


class Noting(httpx.AsyncBaseTransport):
    """Records each request's extensions and sends it to real sockets."""

    def __init__(self):
        self.extensions = []
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        self.extensions.append(request.extensions)
        return await self._inner.handle_async_request(request)

    async def aclose(self):
        await self._inner.aclose()


def test_a_call_may_add_extensions_of_httpx_and_has_its_timeouts():
    async def scenario():
        async with (
            listening(sending(whole(GENERATION))) as base_url,
            Noting() as noting,
            client_of(base_url, transport=noting, timeout=8) as client,
        ):
            await client.generations.get_generation(id="gen-1")
            await client.generations.get_generation(id="gen-1", options=RequestOptions(timeout=90))
            await client.generations.get_generation(id="gen-1", options=RequestOptions(extensions={"mine": 1}))
            return noting.extensions

    plain, patient, extended = asyncio.run(scenario())
    assert plain["timeout"] == {"connect": 4, "read": 8, "write": 8, "pool": 8}
    assert patient["timeout"] == {"connect": 10, "read": 90, "write": 90, "pool": 90}
    assert extended["mine"] == 1
    assert extended["timeout"] == plain["timeout"]


def test_a_call_may_go_to_another_server():
    async def scenario():
        here, there = [], []
        async with (
            listening(recording(here)) as base_url,
            listening(recording(there)) as other_url,
            client_of(base_url) as client,
        ):
            await client.generations.get_generation(id="gen-1", options=RequestOptions(server_url=other_url + "/"))
        return here, there

    here, [request] = asyncio.run(scenario())
    assert here == []
    assert request.startswith(b"GET /api/v1/generation?id=gen-1 ")


@pytest.mark.parametrize(
    "url",
    [
        "http://openrouter.ai/api/v1",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "https://user:password@openrouter.ai",
        "https://openrouter.ai/api?x=",
        "https://openrouter.ai/\r\n",
        "openrouter.ai",
        "https://",
        "",
    ],
)
def test_a_server_url_that_is_invalid_or_would_expose_the_key_is_refused(url):
    with pytest.raises(InvalidRequestError):
        AsyncOpenRouter(SECRET, server_url=url)
    assert type(refusal(hang, options=RequestOptions(server_url=url))) is InvalidRequestError


@pytest.mark.parametrize(
    "generation_id",
    [
        "",
        " ",
        "gen-1 ",
        "gen-1\n",
        "gen-1&id=gen-2",
        "gen-1#x",
        "gen-é",
        "../key",
        "gen-1/../../key",
        "gen-1\r\nX-Evil: 1",
        "gen-1%00",
        "gen-1?x",
        "g" * 201,
        pytest.param("g" * 10_000_000, id="10 MB"),
        None,
        7,
        b"gen-1",
    ],
)
@pytest.mark.parametrize("operation", [generations_get_generation, generations_list_generation_content])
def test_an_invalid_id_is_refused_and_nothing_is_sent(operation, generation_id):
    requests = []
    error = refusal(recording(requests), id=generation_id, operation=operation)
    assert type(error) is InvalidRequestError
    assert len(str(error)) < 300
    assert str(error).isprintable()
    assert requests == []


@pytest.mark.parametrize("generation_id", ["gen-1761000000-AbC", "gen-img-1-x", "chatcmpl~1.2_3", "g" * 200])
def test_an_id_goes_into_the_query_as_it_is(generation_id):
    [request] = requests_of(id=generation_id)
    assert request.startswith(b"GET /api/v1/generation?id=" + generation_id.encode() + b" HTTP/1.1\r\n")


# Retries


def test_a_client_retries_by_default():
    async def scenario():
        requests = []
        busy = whole(b"", b"retry-after-ms: 1", status=429)
        failed = whole(b"", b"retry-after-ms: 1", status=503)
        async with (
            listening(recording(requests, busy, failed, whole(GENERATION))) as base_url,
            AsyncOpenRouter(SECRET, server_url=base_url) as client,
        ):
            return await generations_get_generation(client, id="gen-1"), requests

    result, requests = asyncio.run(scenario())
    assert isinstance(result, Ok)
    assert len(requests) == 3
    assert len(set(requests)) == 1


def test_a_call_may_have_retries_of_its_own():
    async def scenario():
        requests = []
        failed = recording(requests, whole(b"", status=500), whole(b"", status=404), whole(GENERATION))
        async with listening(failed) as base_url, client_of(base_url, retries=SOON) as client:
            once = await generations_get_generation(client, id="gen-1", options=RequestOptions(retries=ONCE))
            codes = RequestOptions(retry_codes=["404"])
            other = await generations_get_generation(client, id="gen-1", options=codes)
        return once, other, len(requests)

    once, other, requests = asyncio.run(scenario())
    assert type(once.error) is InternalServerResponseError
    assert isinstance(other, Ok)
    assert requests == 3


def test_a_call_that_names_no_status_to_retry_is_tried_once():
    requests = requests_of(
        answers=[whole(b"", status=500), whole(GENERATION)], retries=SOON, options=RequestOptions(retry_codes=())
    )
    assert len(requests) == 1


def test_the_answer_to_the_last_try_is_the_result():
    brief = RetryConfig(backoff=BackoffStrategy(initial_interval=1, max_elapsed_time=50, jitter_ms=0, exponent=1))
    answers = [whole(b"", status=500), whole(b"", b"Retry-After: 1", status=429)]
    assert type(refusal(recording([], *answers), retries=brief)) is TooManyRequestsResponseError


# The key


def test_the_key_goes_into_one_header_and_nowhere_else(caplog):
    requests = []

    async def scenario():
        async with listening(recording(requests)) as base_url, client_of(base_url) as client:
            await generations_get_generation(client, id="gen-1")
            await client.call(GET_KEY, {})

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    for request, path in zip(requests, (b"/generation?id=gen-1", b"/key"), strict=True):
        assert request.startswith(b"GET /api/v1" + path + b" HTTP/1.1\r\n")
        assert headers_of(request)["authorization"] == f"Bearer {SECRET}"
        assert request.count(SECRET.encode()) == 1
    assert SECRET not in caplog.text


@senders
@pytest.mark.parametrize("answer", [sending(whole(b"{}")), sending(whole(b"{}", status=401)), reset, hang])
def test_the_key_shows_in_no_text_of_client_error_or_traceback(sender, answer, caplog):
    async def scenario():
        async with (
            each_sender(sender) as how,
            listening(answer) as base_url,
            client_of(base_url, timeout=0.3, **how) as client,
        ):
            with pytest.raises(OpenRouterError) as caught:
                await client.generations.get_generation(id="gen-1")
            return client, caught.value

    with caplog.at_level(logging.DEBUG):
        client, error = asyncio.run(scenario())
    seen = [client, client.generations, error, vars(error), *error.args, "".join(traceback.format_exception(error))]
    seen += [getattr(error, attribute, None) for attribute in ("raw_response", "headers")]
    for each in seen:
        assert SECRET not in f"{each} {each!r}"
    if isinstance(error, ResponseError):
        assert "authorization" not in error.raw_response.request.headers
    assert SECRET not in caplog.text


def test_a_traceback_with_the_values_of_all_variables_does_not_show_the_key():
    async def scenario():
        async with client_of("http://127.0.0.1:1") as client:
            with pytest.raises(OpenRouterConnectionError) as caught:
                await client.generations.get_generation(id="gen-1")
            return caught.value

    error = asyncio.run(scenario())
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert SECRET not in "".join(line for line in shown.format() if "test_client.py" not in line)


def test_a_function_given_as_key_is_called_once_per_call():
    async def scenario():
        requests, asked = [], []

        def key():
            asked.append(1)
            return f"sk-or-key-{len(asked)}\n"

        failed = whole(b"", status=500)
        answer = recording(requests, failed, failed, whole(GENERATION))
        async with listening(answer) as base_url, client_of(base_url, api_key=key, retries=SOON) as client:
            assert asked == []
            for _ in range(2):
                await client.generations.get_generation(id="gen-1")
        return [headers_of(request)["authorization"] for request in requests]

    assert asyncio.run(scenario()) == ["Bearer sk-or-key-1"] * 3 + ["Bearer sk-or-key-2"]


def test_the_key_comes_from_the_environment_when_none_is_given(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-from-the-environment")
    [request] = requests_of(api_key=None)
    assert headers_of(request)["authorization"] == "Bearer sk-or-from-the-environment"


def test_a_missing_key_is_an_error_of_the_first_call(monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    error = refusal(hang, api_key=None)
    assert type(error) is InvalidRequestError
    assert "OPENROUTER_API_KEY is not set" in str(error)


@pytest.mark.parametrize("key", ["", " \n", "sk-or-two\nlines", "sk-or-\r\nX-Evil: 1", "sk-or-é", "sk or", "sk\x00"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(monkeypatch, key):
    with pytest.raises(InvalidRequestError) as caught:
        AsyncOpenRouter(key)
    errors = [caught.value, refusal(hang, api_key=lambda: key)]
    if "\x00" not in key:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
        monkeypatch.setenv("OPENROUTER_API_KEY", key)
        errors.append(refusal(hang, api_key=None))
    for error in errors:
        assert type(error) is InvalidRequestError
        shown = "".join(traceback.format_exception(error))
        assert not key.strip() or repr(key)[1:-1] not in shown.replace(repr(__file__), "")


# The user's own client or transport


@pytest.mark.parametrize("kind", ["client", "transport"])
def test_a_users_own_client_or_transport_is_used_and_not_closed(kind):
    class Counting(httpx.AsyncHTTPTransport):
        requests = closed = 0

        async def handle_async_request(self, request):
            self.requests += 1
            return await super().handle_async_request(request)

        async def aclose(self):
            self.closed += 1
            await super().aclose()

    async def scenario():
        async with listening(sending(whole(GENERATION))) as base_url:
            transport = Counting()
            own = httpx.AsyncClient(transport=transport) if kind == "client" else transport
            async with own:
                for _ in range(2):
                    async with client_of(base_url, **{kind: own}) as client:
                        assert isinstance(await generations_get_generation(client, id="gen-1"), Ok)
                assert (transport.requests, transport.closed) == (2, 0)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["client", "transport"])
@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"content": GENERATION}, Ok),
        ({"json": {"data": {"id": "gen-1"}}}, Ok),
        ({"content": gzip.compress(GENERATION), "headers": {"Content-Encoding": "gzip"}}, Ok),
        ({"status_code": 404, "json": {"error": {"code": 404, "message": "none"}}}, NotFoundResponseError),
        ({"text": "<html>"}, ResponseValidationError),
    ],
)
def test_a_mock_of_httpx_may_answer(kind, response, outcome):
    async def scenario():
        transport = httpx.MockTransport(lambda _: httpx.Response(**{"status_code": 200} | response))
        how = {"transport": transport} if kind == "transport" else {"client": httpx.AsyncClient(transport=transport)}
        async with client_of("https://openrouter.invalid", **how) as client:
            return await generations_get_generation(client, id="gen-1")

    result = asyncio.run(scenario())
    assert type(result if outcome is Ok else result.error) is outcome


def test_a_hook_of_a_users_own_client_may_read_the_body():
    async def scenario():
        bodies = []

        async def read(response):
            bodies.append(await response.aread())

        async with (
            listening(sending(whole(gzip.compress(GENERATION), b"Content-Encoding: gzip"))) as base_url,
            httpx.AsyncClient(event_hooks={"response": [read]}) as own,
            client_of(base_url, client=own) as client,
        ):
            return await generations_get_generation(client, id="gen-1"), bodies

    result, bodies = asyncio.run(scenario())
    assert isinstance(result, Ok)
    assert bodies == [GENERATION]


def test_an_unread_answer_of_a_users_own_client_returns_its_connection_to_the_pool():
    async def scenario():
        async with (
            listening(sending(whole(b" " * 2 * MEBIBYTE))) as base_url,
            httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as own,
            client_of(base_url, client=own) as client,
        ):
            return [await generations_get_generation(client, id="gen-1") for _ in range(3)]

    assert [type(result.error) for result in asyncio.run(scenario())] == [ResponseValidationError] * 3


# Proxies


def test_https_goes_through_the_proxy_of_the_environment(monkeypatch):
    proxied, error = through_proxy(monkeypatch, "http://{}")
    assert proxied.startswith(b"CONNECT openrouter.invalid:443 HTTP/1.1\r\n")
    assert SECRET.encode() not in proxied
    assert type(error) is OpenRouterConnectionError
    assert not error.connected


def test_a_proxy_may_want_a_password(monkeypatch):
    proxied, error = through_proxy(monkeypatch, "http://user:pass@{}")
    assert headers_of(proxied)["proxy-authorization"] == "Basic dXNlcjpwYXNz"
    assert "pass" not in str(error)


def test_a_proxy_may_be_named_without_a_scheme(monkeypatch):
    proxied, _ = through_proxy(monkeypatch, "{}")
    assert proxied.startswith(b"CONNECT openrouter.invalid:443 ")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_any_of_the_usual_variables_names_the_proxy(monkeypatch, variable):
    proxied, _ = through_proxy(monkeypatch, "http://{}", variable)
    assert proxied.startswith(b"CONNECT openrouter.invalid:443 ")


def through_proxy(monkeypatch, url, variable="HTTPS_PROXY"):
    """What a proxy receives of a call to OpenRouter, and the error of the call when the proxy refuses."""

    async def scenario():
        requests = []
        async with listening(recording(requests, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")) as proxy_url:
            monkeypatch.delenv("NO_PROXY")
            monkeypatch.setenv(variable, url.format(proxy_url.split("/")[2]))
            async with client_of("https://openrouter.invalid/api/v1") as client:
                result = await generations_get_generation(client, id="gen-1")
        [request] = requests
        return request, result.error

    return asyncio.run(scenario())


@pytest.mark.parametrize("proxy", ["junk", "socks4://127.0.0.1:9", "http://[::1", "://", "http://127.0.0.1:99999"])
def test_an_invalid_proxy_is_an_error_and_is_not_bypassed(monkeypatch, proxy):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    async def scenario():
        async with client_of("https://openrouter.invalid") as client:
            return await generations_get_generation(client, id="gen-1")

    error = asyncio.run(scenario()).error
    assert isinstance(error, (OpenRouterConnectionError, InvalidRequestError))
    assert "openrouter.invalid" not in str(error)


def test_http_to_loopback_goes_through_no_proxy(monkeypatch):
    async def scenario():
        proxied, requests = [], []
        async with listening(recording(proxied)) as proxy_url, listening(recording(requests)) as base_url:
            monkeypatch.delenv("NO_PROXY")
            for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(variable, proxy_url)
            async with client_of(base_url) as client:
                assert isinstance(await generations_get_generation(client, id="gen-1"), Ok)
        return len(proxied), len(requests)

    assert asyncio.run(scenario()) == (0, 1)


@pytest.mark.parametrize("exempt", ["*", "openrouter.invalid", ".invalid", "other.example, openrouter.invalid"])
def test_a_host_may_be_exempt_from_the_proxy(monkeypatch, exempt):
    async def scenario():
        proxied = []
        async with listening(recording(proxied)) as proxy_url:
            monkeypatch.setenv("HTTPS_PROXY", proxy_url)
            monkeypatch.setenv("NO_PROXY", exempt)
            async with client_of("https://openrouter.invalid") as client:
                error = (await generations_get_generation(client, id="gen-1")).error
        assert not error.connected
        return len(proxied)

    assert asyncio.run(scenario()) == 0


# Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An untrusted certificate authority, and its certificate for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("certificates")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=A test"]
    signs = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    try:
        run_in(directory, *new, *subject, *signs, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
        options = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
        constraint = ["-addext", "basicConstraints=critical,CA:FALSE"]
        run_in(directory, *new, *subject, *options, *constraint, "-keyout", "leaf.key", "-out", "leaf.pem")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl that makes certificates")
    return directory


def run_in(directory, *command):
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=30)


CALL_WITH_TLS = """
import asyncio, ssl, sys
sys.path.insert(0, {tests!r})
from support.loopback import GENERATION, SECRET, listening, recording, whole
from ingest import AsyncOpenRouter, Err, generations_get_generation

async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("leaf.pem", "leaf.key")
    requests = []
    async with listening(recording(requests), context) as base_url:
        async with AsyncOpenRouter(SECRET, server_url=base_url, timeout=5) as client:
            result = await generations_get_generation(client, id="gen-1")
    if isinstance(result, Err):
        print(type(result.error).__name__, result.error.connected, len(requests), result.error)
    else:
        print("Ok", result.value.data.id, len(requests))

asyncio.run(main())
"""


def result_over_tls(directory, **variables):
    """The result of a call in a new process, because the trusted certificates are read only once."""
    kept = {k: v for k, v in os.environ.items() if k not in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", CALL_WITH_TLS.format(tests=str(Path(__file__).parents[1]))],
        cwd=directory,
        env=kept | {"NO_PROXY": "*"} | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_a_certificate_that_does_not_verify_is_not_connected(certificates):
    shown = result_over_tls(certificates)
    assert shown.startswith("OpenRouterConnectionError False 0 ")
    assert "CERTIFICATE_VERIFY_FAILED" in shown


def test_a_certificate_named_by_ssl_cert_file_is_trusted(certificates):
    assert result_over_tls(certificates, SSL_CERT_FILE="ca.pem") == "Ok gen-1 1"


# Event loops


def test_a_client_may_be_used_in_one_event_loop_after_the_other(simulation):
    client = client_of(simulation.base_url)

    async def calls(count):
        return await asyncio.gather(*(generations_get_generation(client, id=i) for i in new_ids(count)))

    for count in (1, 20, 3):
        assert all(result.ok for result in asyncio.run(calls(count)))
    asyncio.run(client.aclose())
    [closed] = asyncio.run(calls(1))
    assert isinstance(closed.error, RequestAbortedError)


def test_a_client_in_two_event_loops_at_once_says_why_it_does_not_work(simulation):
    client, [generation_id] = client_of(simulation.base_url), new_ids(1)
    loops = [asyncio.new_event_loop() for _ in range(2)]
    results = [loop.run_until_complete(generations_get_generation(client, id=generation_id)) for loop in loops]
    assert results[0].ok
    assert type(results[1].error) is InvalidRequestError
    assert "another event loop" in str(results[1].error)
    loops[0].run_until_complete(client.aclose())
    for loop in loops:
        loop.close()


def test_a_client_that_is_never_closed_leaves_no_connection_open():
    code = f"""
import asyncio, gc, sys, warnings
warnings.simplefilter("error")
sys.unraisablehook = lambda unraisable: print(unraisable.exc_value)
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.loopback import GENERATION, listening, recording, whole
from ingest import AsyncOpenRouter, generations_get_generation

answer = whole(GENERATION).replace(b"Connection: close", b"Keep: alive")

async def main():
    async with listening(recording([], answer)) as base_url:
        client = AsyncOpenRouter("sk-or-v1-0123456789", server_url=base_url)
        return (await generations_get_generation(client, id="gen-1")).ok

print(asyncio.run(main()))
gc.collect()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")


# Settings of the environment, and words for people who have no command line


@pytest.mark.parametrize("given", [None, "argument"])
def test_the_url_comes_from_the_environment_if_none_is_given(given, monkeypatch):
    requests = []

    async def scenario():
        async with listening(recording(requests)) as base_url:
            monkeypatch.setenv("OPENROUTER_BASE_URL", "http://127.0.0.1:1" if given else base_url + "/")
            async with client_of(base_url if given else None) as client:
                return await generations_get_generation(client, id="gen-1")

    assert asyncio.run(scenario()).ok
    assert requests[0].startswith(b"GET /api/v1/generation?id=gen-1 ")


def test_an_empty_variable_is_openrouters_own_url(monkeypatch):
    monkeypatch.setenv("OPENROUTER_BASE_URL", "")
    client = client_of(None)
    call = client.prepare(GET_KEY, {})
    assert str(call.request.url) == "https://openrouter.ai/api/v1/key"


@pytest.mark.parametrize("url", ["ftp://x", "http://openrouter.ai", f"https://x/{SECRET}", "https://u:p4ssw0rd@host"])
def test_a_wrong_url_of_the_environment_is_refused_without_its_secrets(url, monkeypatch):
    monkeypatch.setenv("OPENROUTER_BASE_URL", url)
    with pytest.raises(InvalidRequestError) as caught:
        client_of(None)
    assert SECRET not in str(caught.value)
    assert "p4ssw0rd" not in str(caught.value)


def test_no_error_of_the_client_speaks_of_options_of_a_command(monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    error = refusal(hang, api_key=None)
    assert str(error) == "no API key: OPENROUTER_API_KEY is not set, and api_key= was not given"
    for argument in ("", None, 7, "two words"):
        assert "--" not in str(refusal(hang, api_key=partial(dict.get, {"key": argument}, "key")))


@pytest.mark.parametrize("key", [SECRET, f"Bearer {SECRET}", "sk-or-anything", "sk-"])
def test_a_key_given_as_an_id_is_neither_sent_nor_shown(key):
    requests = []
    error = refusal(recording(requests), id=key)
    assert type(error) is InvalidRequestError
    assert (key in str(error), requests) == (False, [])


def test_an_error_of_connecting_that_comes_after_the_deadline_is_the_timeouts():
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise httpx.ConnectError("the attempt was given up") from None

    result = asyncio.run(
        generations_get_generation(client_of("http://127.0.0.1:1", transport=Slow(), timeout=0.05), id="gen-1")
    )
    assert type(result.error) is RequestTimeoutError


def test_results_say_whether_they_are_ok(simulation):
    good = ask(sending(whole(GENERATION)))
    bad = ask(sending(whole(b"", status=404)))
    assert (good.ok, bad.ok) == (True, False)
    assert good.value.to_dict()["data"]["id"] == "gen-1"


def test_an_answer_that_repeats_the_key_is_decoded_without_it():
    escaped = "".join(f"\\u{ord(c):04x}" for c in SECRET)
    body = f'{{"data": {{"id": "gen-1", "model": "{SECRET}", "x": "{escaped}"}}}}'.encode()
    value = ask(sending(whole(body))).value
    assert SECRET not in str(value.to_dict())
    assert value.data.model == "[masked]"
    assert value.data.extra == {"x": "[masked]"}
