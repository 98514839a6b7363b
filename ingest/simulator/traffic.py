"""The traffic of the simulated account: which generations it made on each day, and which of them no log names.

A function of seed and day, so that nothing is stored, and two simulators of one seed agree. Each call is a record of
`fake_records`, with the key and the workspace that `/generation` does not tell, and its money in USD 1e-12, so that
sums over any grouping are exact.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from ingest.core.generation_id import second_of
from ingest.simulator.account import key_of, workspace_of
from ingest.simulator.draws import number, unit_interval
from ingest.simulator.fake_records import record
from ingest.simulator.models import ALL_MODELS
from ingest.simulator.spend import in_picodollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.simulator.account import Key, Workspace

_ALPHABET = string.ascii_letters + string.digits
_SECONDS = 86_400
_SAME_SECOND, _EMBEDDINGS = 0.1, 0.05
"""Shares of the calls that fall into the second of the call before, and that are embeddings."""

_WEB_SEARCH = 20_000_000_000
"""Price of a web search, in USD 1e-12; it is inside the usage."""

_LISTED = {m.slug: m.listed_slug for m in ALL_MODELS}


@dataclass(frozen=True, slots=True)
class Call:
    """What the billing API knows of one generation. Money is in USD 1e-12."""

    generation_id: str
    created_at: datetime
    model: str
    provider: str
    key: Key
    workspace: Workspace
    app_id: int | None
    origin: str
    external_user: str | None
    finish_reason: str | None
    is_byok: bool
    is_response_cached: bool
    usage: int
    byok_usage: int
    upstream: int
    cache: int | None
    web: int | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int

    @property
    def day(self) -> date:
        """The UTC day on which it was made."""
        return self.created_at.date()

    @property
    def listed_model(self) -> str:
        """The slug of its model in lists, beside the permaslug that is `model`."""
        return _LISTED[self.model]


def call_of(seed: int, generation_id: str) -> Call:
    """The call behind a generation, whether traffic made it or not."""
    data = record(seed, generation_id)
    workspace = workspace_of(data)
    return Call(
        generation_id,
        datetime.fromisoformat(data["created_at"]),
        data["model"],
        data["provider_name"],
        key_of(seed, generation_id, workspace),
        workspace,
        data["app_id"],
        data["origin"],
        data["external_user"],
        data["finish_reason"],
        is_byok=data["is_byok"],
        is_response_cached=data["response_cache_source_id"] is not None,
        **_money(data),
        **_tokens(data),
    )


def _money(data: dict[str, Any]) -> dict[str, Any]:
    usage, upstream = in_picodollars(data["usage"]), in_picodollars(data["upstream_inference_cost"] or 0)
    saved = data["cache_discount"]
    return {
        "usage": usage,
        "byok_usage": upstream if data["is_byok"] else 0,
        "upstream": upstream,
        "cache": None if saved is None else -in_picodollars(saved),
        "web": min(_WEB_SEARCH, usage) if data["num_search_results"] else None,
    }


def _tokens(data: dict[str, Any]) -> dict[str, int]:
    return {
        "prompt_tokens": data["native_tokens_prompt"],
        "completion_tokens": data["native_tokens_completion"],
        "reasoning_tokens": data["native_tokens_reasoning"],
        "cached_tokens": data["native_tokens_cached"],
    }


class Traffic:
    """The generations that the account makes by itself.

    Args:
        seed: Selects the generations.
        per_day: How many it makes on each day.
        since: The first day with traffic.
        unlogged: Share of them that no log names.
    """

    def __init__(self, seed: int, per_day: int, since: date, unlogged: float = 0.0) -> None:
        self._seed = seed
        self._per_day = per_day
        self._unlogged = unlogged
        self.since = since
        self.calls_of = lru_cache(maxsize=None)(self._calls_of)
        self._set_of = lru_cache(maxsize=None)(lambda day: frozenset(self.ids_of(day)))

    def ids_of(self, day: date) -> list[str]:
        """The IDs of a day, in the order of their seconds."""
        if not self._per_day or day < self.since:
            return []
        draw = Random(number(self._seed, day.isoformat(), "traffic"))  # noqa: S311  # no secret
        begin = int(datetime.combine(day, time(), UTC).timestamp())
        ids, second = [], begin
        for _ in range(self._per_day):
            second = second if draw.random() < _SAME_SECOND else begin + draw.randrange(_SECONDS)
            tag = "emb-" if draw.random() < _EMBEDDINGS else ""
            ids.append(f"gen-{tag}{second}-{''.join(draw.choices(_ALPHABET, k=20))}")
        return sorted(ids, key=lambda i: (second_of(i), i))

    def logged_ids(self, day: date, now: datetime) -> list[str]:
        """The IDs of a day that logs name by now."""
        second = now.replace(microsecond=0)
        return [i for i in self.ids_of(day) if self.is_logged(i) and (second_of(i) or second) <= second]

    def has(self, generation_id: str) -> bool:
        """Whether it is of this traffic."""
        second = second_of(generation_id)
        return second is not None and generation_id in self._set_of(second.date())

    def is_logged(self, generation_id: str) -> bool:
        """Whether a log names it; otherwise the client went away before it read the ID."""
        return unit_interval(number(self._seed, generation_id, "unlogged")) >= self._unlogged

    def days(self, first: date, last: date) -> Iterator[date]:
        """The days with traffic from the first to the last, both included."""
        day = max(first, self.since)
        while self._per_day and day <= last:
            yield day
            day += timedelta(days=1)

    def _calls_of(self, day: date) -> tuple[Call, ...]:
        return tuple(call_of(self._seed, i) for i in self.ids_of(day))
