"""The billing API: what a management key may ask, and `/key` and `/models`, which need none.

A key is a management key if its text contains `management`; any other one is answered 403 here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.simulator import analytics, billing, listings, replies
from ingest.simulator.account import KEYS, WORKSPACES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ingest.simulator.faults import Faults
    from ingest.simulator.population import Population
    from ingest.simulator.replies import Reply
    from ingest.simulator.traffic import Call

OPEN_TO_ALL = ("/models",)
"""Paths that need no key."""

_INFERENCE_KEY = KEYS[0]
"""The key that every inference key counts as at `/key`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a request asks: its query, its body, and the key."""

    query: Mapping[str, str]
    body: bytes
    key: str

    @property
    def has_management_key(self) -> bool:
        """Whether the key may ask about the account."""
        return "management" in self.key


class Management:
    """Answers the requests of the billing API.

    Args:
        faults: Which faults to produce.
        population: What the account has done.
        now: The wall clock, UTC.
    """

    def __init__(self, faults: Faults, population: Population, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self._population = population
        self._now = now
        self._answers: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "/key"): self._key,
            ("GET", "/models"): lambda r: replies.exact(listings.models(r.query)),
            ("GET", "/activity"): self._activity,
            ("GET", "/credits"): self._credits,
            ("GET", "/analytics/meta"): lambda _: replies.exact({"data": analytics.meta()}),
            ("POST", "/analytics/query"): self._analytics,
            ("GET", "/keys"): self._keys,
            ("GET", "/workspaces"): lambda r: self._list(listings.workspaces, "/workspaces", r),
            ("GET", "/organization/members"): lambda r: self._list(listings.members, "/organization/members", r),
        }

    def answers(self, method: str, path: str) -> bool:
        """Whether this is a request of the billing API."""
        return (method, path) in self._answers

    def answer(self, method: str, path: str, request: Request) -> Reply:
        """The answer of one request that `answers` says yes to."""
        if path not in (*OPEN_TO_ALL, "/key") and not request.has_management_key:
            return replies.error(403)
        if path in self._faults.down:
            return replies.error(503, "Service unavailable")
        try:
            return self._answers[method, path](request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # of the query or the body
            return replies.error(400, str(error) or "Bad request")

    def _key(self, request: Request) -> Reply:
        is_management = request.has_management_key
        calls = [] if is_management else [c for c in self._population.calls() if c.key is _INFERENCE_KEY]
        return replies.exact(
            {"data": replies.key_info(is_management=is_management) | billing.counters(calls, self._now())}
        )

    def _activity(self, request: Request) -> Reply:
        query, days = request.query, self._population.completed_days(billing.ACTIVITY_DAYS)
        if "date" in query:
            day = billing.completed_day(query["date"], self._population)
            if day is None:
                return replies.error(400, "Date must be within the last 30 (completed) UTC days")
            days = day
        if query.get("group_by", "workspace") != "workspace":
            return replies.error(400, "group_by must be workspace")
        if _is_unknown(query.get("api_key_hash"), (k.hash(self._faults.seed) for k in KEYS)):
            return replies.error(404, "API key not found")
        if _is_unknown(query.get("workspace_id"), (w.id for w in WORKSPACES)):
            return replies.error(404, "Workspace not found")
        rows = billing.activity(
            (c for c in self._population.calls(*days) if self._is_asked_for(c, query)),
            self._faults.seed,
            by_workspace="group_by" in query,
            left_out=self._faults.left_out,
        )
        return replies.exact({"data": rows})

    def _is_asked_for(self, call: Call, query: Mapping[str, str]) -> bool:
        if "api_key_hash" in query and query["api_key_hash"] != call.key.hash(self._faults.seed):
            return False
        asked = (query.get("workspace_id", call.workspace.id), query.get("user_id", call.key.creator))
        return asked == (call.workspace.id, call.key.creator)

    def _credits(self, _: Request) -> Reply:
        return replies.exact({"data": billing.credits_of(self._population.calls())})

    def _analytics(self, request: Request) -> Reply:
        query = analytics.Query(json.loads(request.body), self._now(), self._faults.seed)
        return replies.exact({"data": query.answer(self._population, self._faults.row_limit)})

    def _keys(self, request: Request) -> Reply:
        if _is_unknown(request.query.get("workspace_id"), (w.id for w in WORKSPACES)):
            return replies.error(404, "Workspace not found")
        calls, seed = self._population.calls(), self._faults.seed
        rows = listings.keys(request.query, calls, seed, self._now(), endless="/keys" in self._faults.endless)
        return replies.exact({"data": rows})

    def _list(self, listing: Callable[..., dict[str, Any]], path: str, request: Request) -> Reply:
        return replies.exact(listing(request.query, endless=path in self._faults.endless))


def _is_unknown(value: str | None, known: Any) -> bool:
    return value is not None and value not in set(known)
