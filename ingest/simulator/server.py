"""A loopback OpenRouter: the generation endpoints, with faults on demand, deterministic per seed and ID.

`Simulator` is an ASGI application. It serves ``GET /api/v1/generation``, ``…/generation/content`` and ``…/key``, and
beside the API ``GET /simulator/served``: what it served so far, summed in its own arithmetic. The key may be anything
of the form ``sk-or-…``; one that contains ``invalid`` is answered 401, ``broke`` 402, ``forbidden`` 403, ``inference``
403 where only a management key may look, and ``status-NNN`` whatever status that is.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

from ingest.core.generation_id import is_generation_id, second_of
from ingest.simulator import fake_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Headers = Sequence[tuple[bytes, bytes]]
    Reply = tuple[int, Headers, bytes]

PICODOLLARS = 10**12
DEFAULT_KEY = "sk-or-v1-simulator"

_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_KEY = json.dumps({"data": {"label": "sk-or-v1-sim…", "limit": None, "usage": 0, "is_free_tier": False}}).encode()

_STATUS = re.compile(r"status-([345][0-9]{2})")

MESSAGES = {
    400: "Invalid generation ID",
    401: "Missing Authentication header",
    402: "Insufficient credits. Add more using https://openrouter.ai/credits",
    403: "Only management keys can perform this operation",
    404: "Resource not found",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    524: "Request timed out. Please try again later.",
    529: "Provider returned error",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong. Shares are of requests for `p429`, `p529`, `p500` and `malformed`, of IDs for `p404`.

    Attributes:
        latency: Seconds before each answer.
        rate_limit: Requests per second that are let through; None for no limit.
        burst: Size of the bucket behind that limit, in requests.
        p429: Share of requests answered 429 whatever the limit says.
        p529: Share answered 529.
        p500: Share answered 500, 502 or 524.
        p404: Share of IDs that never exist.
        not_found_for: Seconds after the ID's own second in which it does not exist yet.
        malformed: Share answered with HTML, cut JSON or another shape, under status 200.
        seed: Makes another world of all of it.
    """

    latency: float = 0.0
    rate_limit: float | None = None
    burst: float = 50.0
    p429: float = 0.0
    p529: float = 0.0
    p500: float = 0.0
    p404: float = 0.0
    not_found_for: float = 0.0
    malformed: float = 0.0
    seed: int = 1


class TokenBucket:
    """Lets `rate` requests per second through, and `burst` at once.

    Args:
        rate: Tokens per second.
        burst: Tokens it can hold, and begins with.
        now: Seconds of a monotonic clock.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take a token; returns 0, or the seconds until there will be one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Simulator:
    """The ASGI application.

    Args:
        faults: What goes wrong.
        now: The wall clock.
        monotonic: Seconds that only go forward.
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
        self._asked: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._served: set[str] = set()

    async def __call__(self, scope: dict[str, Any], _receive: object, send: Send) -> None:
        """Serve one request (or the server's own start and stop, which need nothing)."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/simulator/served":
            await _send(send, 200, [_JSON], json.dumps(self.served()).encode())
            return
        if self._faults.latency:
            await asyncio.sleep(self._faults.latency)
        status, headers, body = self._answer(scope)
        self._statuses[status] += 1
        await _send(send, status, headers, body)

    def served(self) -> dict[str, Any]:
        """What was served: answers by status, and for the distinct generations their spend per day in USD.

        Spend is summed in whole picodollars (USD 1e-12), each price rounded half-even from its JSON text.
        """
        days: Counter[str] = Counter()
        for generation_id in self._served:
            data = fake_records.record(self._faults.seed, generation_id)
            day = (second_of(generation_id) or datetime.fromisoformat(data["created_at"])).date()
            days[day.isoformat()] += _picodollars(data)
        return {
            "requests": sum(self._statuses.values()),
            "statuses": {str(k): v for k, v in sorted(self._statuses.items())},
            "generations": len(self._served),
            "total_usage": _usd(days.total()),
            "total_usage_by_day": {day: _usd(sum_) for day, sum_ in sorted(days.items())},
        }

    def _answer(self, scope: dict[str, Any]) -> Reply:
        path = scope["path"].removeprefix("/api/v1")
        refused = _refuse_key(dict(scope["headers"]).get(b"authorization", b"").decode("latin-1"), path)
        if refused:
            return _error(refused)
        if path == "/key":
            return 200, [_JSON], _KEY
        if path not in ("/generation", "/generation/content"):
            return _error(404, f"{path} is not simulated")
        generation_id = parse_qs(scope["query_string"].decode("latin-1")).get("id", [""])[0]
        if not is_generation_id(generation_id):
            return _error(400)
        return self._throttle(generation_id) or self._fail(generation_id) or self._serve(path, generation_id)

    def _throttle(self, generation_id: str) -> Reply | None:
        self._asked[generation_id] += 1
        wait = self._bucket.take(self._monotonic()) if self._bucket else 0.0
        if not wait and not self._happens(self._faults.p429, generation_id, "429"):
            return None
        return self._too_many(max(wait, 0.05), generation_id)

    def _too_many(self, wait: float, generation_id: str) -> Reply:
        """With a hint as header, with OpenRouter's own headers, with them inside the body, or with none."""
        reset = str(int((self._now() + timedelta(seconds=wait)).timestamp() * 1000))
        limits = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        match self._number(generation_id, "hint") % 4:
            case 0:
                return _error(429, headers=[(b"retry-after", str(int(wait) + 1).encode())])
            case 1:
                return _error(429, headers=[(k.lower().encode(), v.encode()) for k, v in limits.items()])
            case 2:
                return _error(429, metadata={"headers": limits})
            case _:
                return _error(429)

    def _fail(self, generation_id: str) -> Reply | None:
        if self._happens(self._faults.p529, generation_id, "529"):
            return _error(529)
        if self._happens(self._faults.p500, generation_id, "500"):
            return _error((500, 502, 524)[self._number(generation_id, "which 5xx") % 3])
        if self._happens(self._faults.malformed, generation_id, "malformed"):
            return self._malformed(generation_id)
        return None

    def _malformed(self, generation_id: str) -> Reply:
        whole = json.dumps({"data": fake_records.record(self._faults.seed, generation_id)}).encode()
        match self._number(generation_id, "malformed how") % 3:
            case 0:
                return 200, [_HTML], b"<!DOCTYPE html><title>Just a moment...</title>"
            case 1:
                return 200, [_JSON], whole[: len(whole) // 2]
            case _:
                return 200, [_JSON], b'{"data": null}'

    def _serve(self, path: str, generation_id: str) -> Reply:
        if self._is_missing(generation_id):
            return _error(404, f"Generation {generation_id} not found")
        if path == "/generation/content":
            data = fake_records.content(self._faults.seed, generation_id)
        else:
            data = fake_records.record(self._faults.seed, generation_id)
            self._served.add(generation_id)
        return 200, [_JSON], json.dumps({"data": data}).encode()

    def _is_missing(self, generation_id: str) -> bool:
        second = second_of(generation_id)
        if second and (self._now() - second).total_seconds() < self._faults.not_found_for:
            return True
        return _share(fake_records.number(self._faults.seed, generation_id, "404")) < self._faults.p404

    def _happens(self, share: float, generation_id: str, what: str) -> bool:
        return share > 0 and _share(self._number(generation_id, what)) < share

    def _number(self, generation_id: str, what: str) -> int:
        """The same for the same request of an ID: its first, its second and so on."""
        return fake_records.number(self._faults.seed, generation_id, f"{what}|{self._asked[generation_id]}")


def serve(simulator: Simulator, port: int, ready: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM, then end cleanly.

    Args:
        simulator: The application.
        port: Where to listen; 0 picks a free port.
        ready: Called with the base URL as soon as connections are accepted.

    Raises:
        OSError: the port is taken.
    """
    config = uvicorn.Config(simulator, log_level="warning", access_log=False, lifespan="off")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    for stop in (signal.SIGINT, signal.SIGTERM):  # for one that comes before the server has its own handlers
        signal.signal(stop, lambda *_: setattr(server, "should_exit", True))
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        ready(f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1")
        server.run(sockets=[listener])


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _error(
    status: int, message: str | None = None, *, headers: Headers = (), metadata: dict[str, Any] | None = None
) -> Reply:
    error = {"code": status, "message": message or MESSAGES.get(status, "Provider returned error")}
    if metadata:
        error["metadata"] = metadata
    return status, [_JSON, *headers], json.dumps({"error": error}).encode()


def _refuse_key(authorization: str, path: str) -> int | None:
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or not key.startswith("sk-or-") or "invalid" in key:
        return 401
    if "broke" in key:
        return 402
    if "forbidden" in key or ("inference" in key and path == "/generation/content"):
        return 403
    told = _STATUS.search(key)
    return int(told[1]) if told else None


def _share(number: int) -> float:
    return number / 2**64


def _picodollars(data: dict[str, Any]) -> int:
    charges = [data["usage"]]
    if data["is_byok"]:
        charges.append(data["upstream_inference_cost"] or 0)
    return sum(round(Fraction(json.dumps(charge)) * PICODOLLARS) for charge in charges)


def _usd(picodollars: int) -> str:
    sign, digits = "-" * (picodollars < 0), f"{abs(picodollars):013d}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}"
