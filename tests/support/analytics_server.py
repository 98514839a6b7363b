"""A tiny Analytics API on loopback, with a population of generations that a test chooses."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest.core.generation_id import second_of
from support.loopback import body_of, serving, whole


@dataclass
class Analytics:
    """Answers ``POST /analytics/query`` by the rows of `population` whose IDs lie in the time range.

    Attributes:
        population: Rows by generation ID; what they do not tell is made up.
        limit: Rows that an answer may have at most.
        late: IDs that are not told yet.
        failures: Statuses that the next queries answer, in their order; None: an answer.
        fails_above: A window of more seconds answers 408.
        hangs_after: Queries after which no further one is answered.
        has_hung: Whether one came nevertheless.
        status: What every request is answered, unless 200.
        queries: The bodies of the queries so far.
        metrics: What ``GET /analytics/meta`` lists; None: it answers 404.
    """

    population: dict[str, dict[str, Any]]
    limit: int = 10_000
    late: set[str] = field(default_factory=set)
    failures: list[int | None] = field(default_factory=list)
    fails_above: float = float("inf")
    hangs_after: float = float("inf")
    has_hung: bool = False
    status: int = 200
    warnings: list[str] = field(default_factory=list)
    metrics: list[str] | None = None
    extra_rows: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    queries: list[dict[str, Any]] = field(default_factory=list)

    def serving(self):
        """The base URL, in a context."""
        return serving(self._answer)

    async def _answer(self, request, writer):
        if len(self.queries) >= self.hangs_after:
            self.has_hung = True
            await asyncio.Event().wait()
        writer.write(self.reply(request))
        await writer.drain()

    def reply(self, request: bytes) -> bytes:
        """The answer to one request."""
        if self.status != 200:
            return _failed(self.status)
        if b"/analytics/meta" in request.split(b"\r\n", 1)[0]:
            names = [{"name": name} for name in self.metrics or []]
            return _failed(404) if self.metrics is None else whole(json.dumps({"data": {"metrics": names}}).encode())
        query = json.loads(body_of(request))
        self.queries.append(query)
        failure = self.failures.pop(0) if self.failures else None
        since, until = (datetime.fromisoformat(query["time_range"][name]) for name in ("start", "end"))
        if failure or (until - since).total_seconds() > self.fails_above:
            return _failed(failure or 408)
        return whole(json.dumps(self._told(query, since, until)).encode())

    def _told(self, query, since, until):
        found = [
            {"generation_id": one, "api_key_id": "main", "request_count": "1", "total_usage": 0.25} | row
            for one, row in self.population.items()
            if one not in self.late and since <= (second_of(one) or datetime.min.replace(tzinfo=UTC)) < until
        ]
        limit = min(query["limit"], self.limit)
        rows = [*found[:limit], *self.extra_rows]
        metadata = {"query_time_ms": 3, "row_count": len(rows), "truncated": len(found) > limit}
        answer = {"data": rows, "metadata": metadata if self.metadata is None else self.metadata, "cachedAt": 1}
        return {"data": answer | ({"warnings": self.warnings} if self.warnings else {})}


def _failed(status: int) -> bytes:
    error = {"error": {"code": status, "message": "Only management keys can perform this operation"}}
    return whole(json.dumps(error).encode(), status=status)
