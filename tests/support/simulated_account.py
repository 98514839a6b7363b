"""The simulator behind a socket of the test's own event loop, at a moment that the test chooses."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from ingest.client.credentials import ApiKey
from ingest.client.management import ManagementClient
from ingest.simulator.faults import Faults
from ingest.simulator.replies import MANAGEMENT_KEY
from ingest.simulator.server import Simulator
from support.clock import FakeClock
from support.loopback import body_of, headers_of, listening, whole


def answering(simulator, requests=None):
    """Answers of a simulator, for `listening`; notes the request lines."""

    async def answer(request, writer):
        line = request.split(b"\r\n", 1)[0].decode()
        method, target, _ = line.split()
        if requests is not None:
            requests.append(f"{method} {target}")
        headers = [(name.encode(), value.encode()) for name, value in headers_of(request).items()]
        url = urlsplit(target)
        scope = {"type": "http", "method": method, "path": url.path, "query_string": url.query.encode()}
        sent = []

        async def receive():
            return {"type": "http.request", "body": body_of(request), "more_body": False}

        async def send(message):
            sent.append(message)

        await simulator(scope | {"headers": headers}, receive, send)
        start, body = sent
        extra = [b": ".join(h) for h in start["headers"] if h[0] != b"content-length"]
        writer.write(whole(body["body"], *extra, status=start["status"]))
        await writer.drain()

    return answer


def management_key():
    return ApiKey(MANAGEMENT_KEY, "a test")


def asked(ask, *, clock=None, key=management_key, requests=None, **faults):
    """What `ask(client)` returns, with a management client of a simulator with these faults."""
    clock = clock or FakeClock()
    simulator = Simulator(Faults(**faults), clock.now, clock.monotonic)

    async def run():
        async with listening(answering(simulator, requests)) as url, ManagementClient(key, url, clock=clock) as client:
            return await ask(client)

    return asyncio.run(run())
