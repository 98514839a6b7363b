"""Runs of the fetcher against a scripted server on loopback, in virtual time, or against a scripted client."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from itertools import count, pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx

from ingest.client.async_client import AsyncOpenRouter
from ingest.client.credentials import ApiKey
from ingest.client.request import GET_GENERATION, GET_KEY, LIST_GENERATION_CONTENT, RequestBuilder
from ingest.client.result import Ok
from ingest.client.retry import RetryConfig
from ingest.core.cancellation import RunCancellation
from ingest.core.outcomes import Settled, WorkItem
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.fetch.account_requests import AccountRequests
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import RateController
from support.clock import NOON, FakeClock

if TYPE_CHECKING:
    from ingest.core.outcomes import Outcome

KEY = ApiKey("sk-or-v1-0123456789abcdef-test", "a test")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
METADATA, CONTENT = GET_GENERATION.path, LIST_GENERATION_CONTENT.path
HTML = b"<!doctype html><title>Sign in</title>"
ERROR = b'{"error": {"code": 1, "message": "no"}}'

numbers = count(1)


def item(age=2 * DAY, **state):
    """A work item whose ID is of this age; None for a legacy one."""
    tail = f"{next(numbers):020d}"
    if age is None:
        return WorkItem(f"gen-aA{tail}00", None, "app.log", 0, **state)
    moment = (NOON - age).replace(microsecond=0)
    return WorkItem(f"gen-{moment.timestamp():.0f}-{tail}", moment, "app.log", 0, **state)


def items(number, age=2 * DAY):
    return [item(age) for _ in range(number)]


# The scripted server's answers.

HANGS = "the server takes the request and does not answer"
RESETS = "the server resets the connection"
ENOUGH = 2000
"""Requests after which the server gives up, so that a run without end fails instead of hanging."""


def reply(status, body=b"", date=NOON, **headers):
    """A raw HTTP response; the server's clock stands at `date`."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    if date:
        lines.append(f"Date: {date if isinstance(date, str) else format_datetime(date, usegmt=True)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def generation_body(generation_id, **fields):
    record = {"id": generation_id, "model": "a/b", "usage": 0.25, "native_tokens_prompt": 3} | fields
    return json.dumps({"data": record}).encode()


def generation(generation_id, **fields):
    return reply(200, generation_body(generation_id, **fields))


def content_body(generation_id, **fields):
    data = {"input": {"prompt": f"about {generation_id}"}, "output": {"completion": "yes", "reasoning": None}}
    return json.dumps({"data": data | fields}).encode()


def content(generation_id, **fields):
    return reply(200, content_body(generation_id, **fields))


def error(status, date=NOON, **headers):
    return reply(status, json.dumps({"error": {"code": status, "message": "no"}}).encode(), date, **headers)


def cut(generation_id):
    return generation(generation_id).replace(b"Content-Length: ", b"Connection: close\r\nContent-Length: 9")


def good(path, generation_id, _nth):
    return content(generation_id) if path == CONTENT else generation(generation_id)


def always(answer):
    return lambda _path, _id, _nth: answer


def first(answer, times=1):
    """This answer so often for each ID, then its generation."""
    return lambda _path, generation_id, nth: answer if nth <= times else generation(generation_id)


class Server:
    """A tiny HTTP server that answers what its script says.

    The script takes the path behind the base URL, the ID, and the number of this request for both; it may be
    asynchronous. What it returns is sent as it is.
    """

    def __init__(self, script, clock):
        self._script = script
        self._clock = clock
        self._connections = set()
        self._counts = Counter()
        self.requests = []
        self.times = []

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1"
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader, writer):
        self._connections.add(asyncio.current_task())
        try:
            while await self._serve(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            return  # a handler that ends cancelled is reported as an error
        finally:
            writer.close()

    async def _serve(self, reader, writer):
        target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        path = urlsplit(target).path.removeprefix("/api/v1")
        generation_id = parse_qs(urlsplit(target).query).get("id", [None])[0]
        self._counts[path, generation_id] += 1
        self.requests.append((path, generation_id))
        self.times.append(self._clock.elapsed)
        answer = self._script(path, generation_id, self._counts[path, generation_id])
        if inspect.isawaitable(answer):
            answer = await answer
        if len(self.requests) > ENOUGH:
            answer = RESETS
        if answer is HANGS:
            await asyncio.Event().wait()
        if answer is RESETS:
            writer.transport.abort()
            return False
        writer.write(answer)
        await writer.drain()
        return b"Connection: close" not in answer


class Timeless:
    """The real client, whose requests take no virtual time."""

    def __init__(self, client, clock):
        self._client = client
        self._clock = clock

    async def call(self, operation, params):
        with self._clock.held():
            return await self._client.call(operation, params)


# What the real client would return, without a server.

_REQUESTS = RequestBuilder(KEY, {}, "https://api.test/v1", 5.0, RetryConfig("none"))
_OPERATIONS = {METADATA: GET_GENERATION, CONTENT: LIST_GENERATION_CONTENT}


def read(status, body=b"", headers=None, path=METADATA):
    """What the client returns for an answer."""
    return _call(path).read(httpx.Response(status, headers=headers), body)


def oversized(status, path=METADATA):
    """What it returns for an answer that is too large to be read."""
    return _call(path).unreadable(httpx.Response(status), "it is too large")


def readable_answer(path, generation_id):
    body = content_body(generation_id) if path == CONTENT else generation_body(generation_id)
    return read(200, body, path=path)


def _call(path):
    return _REQUESTS.prepare(_OPERATIONS[path], {"id": "gen-1"}, None)


class StandIn:
    """A client without a server: a script takes path and ID and returns what the client would. The key is good."""

    def __init__(self, script):
        self._script = script

    async def call(self, operation, params):
        if operation is GET_KEY:
            return Ok(None)
        answer = self._script(operation.path, params["id"])
        return await answer if inspect.isawaitable(answer) else answer


# One run of the fetcher.


@dataclass
class Run:
    """How a run went."""

    outcomes: list[Outcome]
    cancellation: RunCancellation
    stats: RunStats
    controller: RateController
    clock: FakeClock
    server: Server | None
    taken: list[WorkItem]

    @property
    def outcome(self):
        [outcome] = self.outcomes
        return outcome

    @property
    def gaps(self):
        """Seconds between the requests."""
        return [later - earlier for earlier, later in pairwise(self.server.times)]


def nothing_taken_after(cancellation, work, taken):
    for each in work:
        assert not cancellation
        taken.append(each)
        yield each


def only_fetcher(client, limiter, cancellation, options, clock, stats, random):
    """A fetcher for one account."""
    account = AccountRequests(client, limiter, cancellation, options, clock, stats, random)
    return Fetcher([account], cancellation, options, clock)


async def drained(client, work, clock, cancellation, options, random=1.0, server=None):
    stats, taken, outcomes = RunStats(), [], []
    limiter = AsyncLimiter(
        RateController(options.rate, options.concurrency, options.timeout), clock, cancellation, stats
    )
    fetcher = only_fetcher(client, limiter, cancellation, options, clock, stats, lambda: random)
    async for outcome in fetcher.run(nothing_taken_after(cancellation, work, taken)):
        outcomes.append(outcome)
        stats.settled += isinstance(outcome, Settled)
    assert limiter.state().in_flight == 0
    assert Counter(o.item.generation_id for o in outcomes) == Counter(t.generation_id for t in taken)
    assert stats.requests == sum(o.requests for o in outcomes)
    return Run(outcomes, cancellation, stats, limiter.controller, clock, server, taken)


@asynccontextmanager
async def connected(options):
    async with AsyncOpenRouter(
        KEY,
        server_url=options.base_url,
        timeout=options.timeout,
        retries=RetryConfig("none"),
        user_agent="orusage/test",
    ) as client:
        yield client


def fetch(script, work, *, clock=None, cancellation=None, random=1.0, **options):
    """Fetch the items from a server that follows the script."""

    async def scenario():
        time, end = (
            clock or FakeClock(),
            RunCancellation() if cancellation is None else cancellation,
        )  # a cancellation that is not set is false
        async with Server(script, time).running() as server:
            chosen = Settings(**{"base_url": server.base_url, "concurrency": 1, "timeout": 5.0} | options)
            async with connected(chosen) as client:
                return await drained(Timeless(client, time), work, time, end, chosen, random, server)

    return asyncio.run(scenario())


def stand_in(script, work, clock, cancellation=None, **options):
    """Fetch the items from a scripted client."""
    end = RunCancellation() if cancellation is None else cancellation
    return asyncio.run(drained(StandIn(script), work, clock, end, Settings(**options)))


def stop(run):
    """What ended the run: the error's class and its exit code."""
    return type(run.cancellation.error), run.cancellation.error and int(run.cancellation.error.code)
