"""The simulated OpenRouter: an ASGI application on loopback with faults on demand, the same per seed and ID.

It serves ``GET /api/v1/generation``, ``/api/v1/generation/content`` and the billing API of `management`, and outside
the API ``GET /simulator/served``: what it has served so far, and ``GET /simulator/log?date=YYYY-MM-DD``: the log of a
day's traffic. `replies.key_error` says which keys are refused, and `ownership` which IDs a key sees.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

from ingest.core.generation_id import is_generation_id, second_of
from ingest.simulator import app_log, fake_records, ownership, replies
from ingest.simulator.draws import number, unit_interval
from ingest.simulator.faults import TokenBucket
from ingest.simulator.management import OPEN_TO_ALL, Management, Request
from ingest.simulator.population import Population
from ingest.simulator.spend import as_usd, picodollars
from ingest.simulator.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.simulator.faults import Faults
    from ingest.simulator.replies import Reply

    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Receive = Callable[[], Awaitable[dict[str, Any]]]

TRAFFIC_BEFORE = timedelta(days=60)
"""How long before its start the simulator's traffic begins, unless a day is named."""

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
        since = faults.traffic_since or (now() - TRAFFIC_BEFORE).date()
        self._traffic = Traffic(faults.seed, faults.traffic, since, faults.unlogged)
        population = Population(self._traffic, self._served, lambda i: not self._is_missing(i), faults.seed, now)
        self._management = Management(faults, population, now)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other ASGI events are ignored."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/simulator/"):
            await _send(send, self._own(scope))
            return
        body = await _body(receive) if scope["method"] == "POST" else b""
        if self._faults.latency:
            await asyncio.sleep(self._faults.latency)
        reply = self._answer(scope, body)
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

    def _own(self, scope: dict[str, Any]) -> Reply:
        """What is asked of the simulator itself."""
        query = _query(scope)
        if scope["path"] == "/simulator/served":
            return replies.ok(self.served())
        try:
            day = date.fromisoformat(query["date"])
        except (KeyError, ValueError):
            return replies.error(400, "/simulator/log needs ?date=YYYY-MM-DD")
        return replies.text(app_log.lines(self._faults.seed, self._traffic.logged_ids(day, self._now())))

    def _answer(self, scope: dict[str, Any], body: bytes) -> Reply:
        method, path = scope["method"], scope["path"].removeprefix("/api/v1")
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if path not in OPEN_TO_ALL and (refused := replies.key_error(authorization, path)):
            return refused
        if self._management.answers(method, path):
            request = Request(_query(scope), body, authorization.partition(" ")[2])
            return self._fail_management(path) or self._management.answer(method, path, request)
        if path not in ("/generation", replies.CONTENT_PATH):
            return replies.error(404, f"{path} is not simulated")
        generation_id = _query(scope).get("id", "")
        if not is_generation_id(generation_id):
            return replies.error(400)
        self._requests[generation_id] += 1
        failure = self._throttle(generation_id) or self._fail(generation_id)
        if not failure and not ownership.sees(authorization, self._faults.seed, generation_id):
            return replies.error(404, f"Generation {generation_id} not found")
        return failure or self._serve(path, generation_id)

    def _fail_management(self, path: str) -> Reply | None:
        """The faults of the billing API, whose requests are few and not limited; `/key` has none."""
        if path == "/key":
            return None
        self._requests[path] += 1
        if self._happens(self._faults.p429, path, "429"):
            return replies.too_many_requests(SHORTEST_WAIT, self._now(), self._number(path, "hint") % 4)
        return self._fail(path)

    def _throttle(self, generation_id: str) -> Reply | None:
        wait = self._bucket.take(self._monotonic()) if self._bucket else 0.0
        if not wait and not self._happens(self._faults.p429, generation_id, "429"):
            return None
        variant = self._number(generation_id, "hint") % 4
        return replies.too_many_requests(max(wait, SHORTEST_WAIT), self._now(), variant)

    def _fail(self, subject: str) -> Reply | None:
        """The failure of this request of a generation or a path, if one happens."""
        if self._happens(self._faults.p529, subject, "529"):
            return replies.error(529)
        if self._happens(self._faults.p500, subject, "500"):
            return replies.error((500, 502, 524)[self._number(subject, "which 5xx") % 3])
        if self._happens(self._faults.malformed, subject, "malformed"):
            whole = fake_records.record(self._faults.seed, subject)
            return replies.malformed(whole, self._number(subject, "malformed how") % 3)
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
        return unit_interval(number(self._faults.seed, generation_id, "404")) < self._faults.p404

    def _happens(self, share: float, generation_id: str, purpose: str) -> bool:
        return share > 0 and unit_interval(self._number(generation_id, purpose)) < share

    def _number(self, generation_id: str, purpose: str) -> int:
        """A number that is the same in every run for the nth request of an ID."""
        return number(self._faults.seed, generation_id, f"{purpose}|{self._requests[generation_id]}")


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


async def _body(receive: Receive) -> bytes:
    """The body of a request, whole."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _query(scope: dict[str, Any]) -> dict[str, str]:
    """The parameters of a request; of several of one name the last."""
    return {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
