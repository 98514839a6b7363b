"""The simulated OpenRouter: an ASGI application on loopback with faults on demand, the same per seed and ID.

It serves ``GET /api/v1/generation``, ``/api/v1/generation/content`` and ``/api/v1/key``, and outside the API
``GET /simulator/served``: what it has served so far. `replies.key_error` says which keys are refused, and `ownership`
which IDs a key sees.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

from ingest.core.generation_id import is_generation_id, second_of
from ingest.simulator import fake_records, ownership, replies
from ingest.simulator.faults import TokenBucket
from ingest.simulator.spend import as_usd, picodollars

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.simulator.faults import Faults
    from ingest.simulator.replies import Reply

    Send = Callable[[dict[str, Any]], Awaitable[None]]

SHORTEST_WAIT = 0.05
"""Seconds that a 429 asks to wait at least."""


class Simulator:
    """The ASGI application.

    Args:
        faults: Which faults to produce.
        now: The wall clock, UTC.
        monotonic: A monotonic clock in seconds.
    """

    def __init__(
        self,
        faults: Faults,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._now = now
        self._monotonic = monotonic
        self._bucket = TokenBucket(faults.rate_limit, faults.burst, monotonic()) if faults.rate_limit else None
        self._requests: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._served: set[str] = set()

    async def __call__(self, scope: dict[str, Any], _receive: object, send: Send) -> None:
        """Answer one HTTP request; other ASGI events are ignored."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/simulator/served":
            await _send(send, replies.ok(self.served()))
            return
        if self._faults.latency:
            await asyncio.sleep(self._faults.latency)
        reply = self._answer(scope)
        self._statuses[reply.status] += 1
        await _send(send, reply)

    def served(self) -> dict[str, Any]:
        """What was served: answers by status, and the spend in USD of the distinct generations, by UTC day.

        The spend is exact, see `ingest.simulator.spend`.
        """
        days: Counter[str] = Counter()
        for generation_id in self._served:
            record = fake_records.record(self._faults.seed, generation_id)
            day = (second_of(generation_id) or datetime.fromisoformat(record["created_at"])).date()
            days[day.isoformat()] += picodollars(record)
        return {
            "requests": sum(self._statuses.values()),
            "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
            "generations": len(self._served),
            "total_usage": as_usd(days.total()),
            "total_usage_by_day": {day: as_usd(amount) for day, amount in sorted(days.items())},
        }

    def _answer(self, scope: dict[str, Any]) -> Reply:
        path = scope["path"].removeprefix("/api/v1")
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if refused := replies.key_error(authorization, path):
            return refused
        if path == "/key":
            return replies.key_info()
        if path not in ("/generation", replies.CONTENT_PATH):
            return replies.error(404, f"{path} is not simulated")
        generation_id = parse_qs(scope["query_string"].decode("latin-1")).get("id", [""])[0]
        if not is_generation_id(generation_id):
            return replies.error(400)
        self._requests[generation_id] += 1
        failure = self._throttle(generation_id) or self._fail(generation_id)
        if not failure and not ownership.sees(authorization, self._faults.seed, generation_id):
            return replies.error(404, f"Generation {generation_id} not found")
        return failure or self._serve(path, generation_id)

    def _throttle(self, generation_id: str) -> Reply | None:
        wait = self._bucket.take(self._monotonic()) if self._bucket else 0.0
        if not wait and not self._happens(self._faults.p429, generation_id, "429"):
            return None
        variant = self._number(generation_id, "hint") % 4
        return replies.too_many_requests(max(wait, SHORTEST_WAIT), self._now(), variant)

    def _fail(self, generation_id: str) -> Reply | None:
        if self._happens(self._faults.p529, generation_id, "529"):
            return replies.error(529)
        if self._happens(self._faults.p500, generation_id, "500"):
            return replies.error((500, 502, 524)[self._number(generation_id, "which 5xx") % 3])
        if self._happens(self._faults.malformed, generation_id, "malformed"):
            record = fake_records.record(self._faults.seed, generation_id)
            return replies.malformed(record, self._number(generation_id, "malformed how") % 3)
        return None

    def _serve(self, path: str, generation_id: str) -> Reply:
        if self._is_missing(generation_id):
            return replies.error(404, f"Generation {generation_id} not found")
        if path == replies.CONTENT_PATH:
            return replies.ok({"data": fake_records.content(self._faults.seed, generation_id)})
        self._served.add(generation_id)
        return replies.ok({"data": fake_records.record(self._faults.seed, generation_id)})

    def _is_missing(self, generation_id: str) -> bool:
        second = second_of(generation_id)
        if second and (self._now() - second).total_seconds() < self._faults.not_found_for:
            return True
        return _share(fake_records.number(self._faults.seed, generation_id, "404")) < self._faults.p404

    def _happens(self, share: float, generation_id: str, purpose: str) -> bool:
        return share > 0 and _share(self._number(generation_id, purpose)) < share

    def _number(self, generation_id: str, purpose: str) -> int:
        """A number that is the same in every run for the nth request of an ID."""
        return fake_records.number(self._faults.seed, generation_id, f"{purpose}|{self._requests[generation_id]}")


def serve(simulator: Simulator, port: int, ready: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM.

    Args:
        simulator: The application.
        port: TCP port to listen on; 0 picks a free port.
        ready: Called with the base URL when connections are accepted.

    Raises:
        OSError: the port is taken.
    """
    config = uvicorn.Config(simulator, log_level="warning", access_log=False, lifespan="off")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    for stop in (signal.SIGINT, signal.SIGTERM):  # for a signal that arrives before uvicorn has installed its handlers
        signal.signal(stop, lambda *_: setattr(server, "should_exit", True))
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        ready(f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1")
        server.run(sockets=[listener])


async def _send(send: Send, reply: Reply) -> None:
    length = (b"content-length", str(len(reply.body)).encode())
    await send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, length]})
    await send({"type": "http.response.body", "body": reply.body})


def _share(number: int) -> float:
    """A 64-bit number as a share from 0 to 1."""
    return number / 2**64
