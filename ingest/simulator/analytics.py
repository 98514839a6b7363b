"""The answers of Analytics: rows of the population by up to two dimensions, with the oddities of the real one.

Rows carry names where filters take IDs; some rows have their counts as strings; the bucket's key has two spellings;
components that were not used are null; and an answer that is cut says `truncated`, which is all there is of pages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.simulator.account import member
from ingest.simulator.billing import usd
from ingest.simulator.draws import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ingest.simulator.population import Population
    from ingest.simulator.traffic import Call

DEFAULT_LIMIT, HIGHEST_LIMIT = 1000, 10_000
LONGEST = {365: timedelta(days=365), 31: timedelta(days=31)}
MOST_DIMENSIONS, MOST_FILTERS = 2, 20
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)")
_COUNTRIES = ("DE", "US", "JP", "BR")


class BadQueryError(ValueError):
    """A query that Analytics refuses with 400."""


class Metric(NamedTuple):
    """A measure: what one call adds to it (None: nothing of that kind), in USD 1e-12 if it is money."""

    of: Callable[[Call], int | None]
    is_money: bool = False
    days: int = 365


class Dimension(NamedTuple):
    """What rows stand for: the identity by which calls are grouped and filtered, and the fields that rows show."""

    identity: Callable[[Call], Any]
    fields: Callable[[Call], dict[str, Any]]
    days: int = 365


METRICS = {
    "request_count": Metric(lambda _: 1),
    "tokens_total": Metric(lambda c: c.prompt_tokens + c.completion_tokens),
    "tokens_prompt": Metric(lambda c: c.prompt_tokens),
    "tokens_completion": Metric(lambda c: c.completion_tokens),
    "reasoning_tokens": Metric(lambda c: c.reasoning_tokens),
    "cached_tokens": Metric(lambda c: c.cached_tokens),
    "byok_request_count": Metric(lambda c: int(c.is_byok)),
    "total_usage": Metric(lambda c: c.usage + c.byok_usage, is_money=True),
    "byok_usage": Metric(lambda c: c.byok_usage, is_money=True),
    "credits_usage": Metric(lambda c: c.usage, is_money=True),
    "usage_upstream": Metric(lambda c: c.upstream, is_money=True),
    "usage_cache": Metric(lambda c: c.cache, is_money=True),
    "usage_data": Metric(lambda _: None, is_money=True),
    "usage_web": Metric(lambda c: c.web, is_money=True),
    "openrouter_usage": Metric(lambda c: 0 if c.is_byok else c.usage, is_money=True, days=31),
    "byok_fees": Metric(lambda c: c.usage if c.is_byok else 0, is_money=True, days=31),
    "usage_file": Metric(lambda _: None, is_money=True, days=31),
    "response_cached_count": Metric(lambda c: int(c.is_response_cached), days=31),
}


def _plain(name: str, value: Callable[[Call], Any], days: int) -> Dimension:
    return Dimension(value, lambda c: {name: value(c)}, days)


DIMENSIONS = {
    "model": _plain("model", lambda c: c.model, 365),
    "variant": _plain("variant", lambda c: "free" if c.model.endswith(":free") else "standard", 365),
    "api_key_id": Dimension(lambda c: c.key.number, lambda c: {"api_key_id": c.key.name}),
    "user": Dimension(lambda c: c.key.creator, lambda c: _user(c.key.creator)),
    "workspace": Dimension(lambda c: c.workspace.id, lambda c: {"workspace": c.workspace.name}),
    "app": Dimension(lambda c: c.app_id, lambda c: {"app": c.origin or None}),
    "generation_id": _plain("generation_id", lambda c: c.generation_id, 31),
    "provider": _plain("provider", lambda c: c.provider, 31),
    "origin": _plain("origin", lambda c: c.origin, 31),
    "country": _plain("country", lambda c: _COUNTRIES[number(0, c.generation_id, "country") % 4], 31),
    "finish_reason": _plain("finish_reason", lambda c: c.finish_reason, 31),
    "external_user": _plain("external_user", lambda c: c.external_user, 31),
}

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "neq": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
}

_GRANULARITIES = ("minute", "hour", "day", "week", "month")


def meta() -> dict[str, Any]:
    """What `GET /analytics/meta` lists."""
    metrics = [
        {
            "name": n,
            "display_label": _title(n),
            "is_rate": False,
            "display_format": "currency" if m.is_money else "number",
        }
        for n, m in METRICS.items()
    ]
    operators = [{"name": o, "value_type": "array" if o.endswith("in") else "scalar"} for o in OPERATORS]
    dimensions, granularities = _named(DIMENSIONS), _named(_GRANULARITIES)
    return {"metrics": metrics, "dimensions": dimensions, "operators": operators, "granularities": granularities}


def _named(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "display_label": _title(name)} for name in names]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


class Query:
    """A checked query.

    Args:
        body: The body of the request.
        now: The wall clock, UTC.
        seed: Decides which rows have their counts as strings, and the hashes of keys.

    Raises:
        BadQueryError: Analytics would refuse it.
    """

    def __init__(self, body: Any, now: datetime, seed: int) -> None:
        if not isinstance(body, dict):
            raise BadQueryError("the body is no object")
        if unknown := body.keys() - set(_FIELDS):
            raise BadQueryError(f"not simulated: {', '.join(sorted(unknown))}")
        self._seed = seed
        self._metrics = _known(body.get("metrics"), METRICS, "metric")
        self._dimensions = _known(body.get("dimensions", []), DIMENSIONS, "dimension")
        self._granularity = body.get("granularity")
        self._filters = [self._filter(f) for f in body.get("filters", [])]
        self._limit = body.get("limit", DEFAULT_LIMIT)
        self._order = body.get("order_by")
        self._check(body)
        self._begin, self._end = self._range(body.get("time_range"), now)

    def _check(self, body: dict[str, Any]) -> None:
        if not self._metrics:
            raise BadQueryError("metrics: at least one is required")
        if len(self._dimensions) > MOST_DIMENSIONS or len(body.get("filters", [])) > MOST_FILTERS:
            raise BadQueryError("dimensions: at most 2; filters: at most 20")
        if self._granularity not in (None, *_GRANULARITIES):
            raise BadQueryError("granularity: unknown")
        if not isinstance(self._limit, int) or not 1 <= self._limit <= HIGHEST_LIMIT:
            raise BadQueryError("limit: must be from 1 to 10000")
        if self._order and self._order.get("field") not in {*self._metrics, *self._dimensions, "request_count", "date"}:
            raise BadQueryError("order_by: neither a requested metric nor a requested dimension")

    def _range(self, told: Any, now: datetime) -> tuple[datetime, datetime]:
        """The moments of `time_range`; the last week without it."""
        if told is None:
            return now - timedelta(days=7), now
        begin, end = (_moment(told.get(name)) for name in ("start", "end"))
        days = min(m.days for m in (*self._metrics.values(), *self._dimensions.values()))
        if end < begin or end - begin > LONGEST[days]:
            raise BadQueryError(f"time_range: must be forward, and {days} days at most")
        return max(begin, now - LONGEST[days]), end

    def _filter(self, told: dict[str, Any]) -> Callable[[Call], bool]:
        dimension, compare = DIMENSIONS.get(told["field"]), OPERATORS.get(told["operator"])
        if dimension is None or compare is None:
            raise BadQueryError(f"filters: {told['field']} {told['operator']} is not known")
        if told["field"] != "api_key_id":
            return lambda call: compare(dimension.identity(call), told["value"])
        wanted = told["value"] if isinstance(told["value"], list) else [told["value"]]
        negated = told["operator"] in ("neq", "not_in")
        return lambda call: any(self._names_key(w, call) for w in wanted) is not negated

    def _names_key(self, wanted: Any, call: Call) -> bool:
        return str(wanted) in (str(call.key.number), call.key.hash(self._seed))

    def answer(self, population: Population, row_limit: int) -> dict[str, Any]:
        """The `data` of the answer."""
        calls = (c for c in population.calls(self._begin, self._end) if all(f(c) for f in self._filters))
        groups: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
        for call in calls:
            groups[(self._bucket(call.created_at), *(d.identity(call) for d in self._dimensions.values()))].append(call)
        rows = self._ordered([self._row(bucket, group) for (bucket, *_), group in groups.items()])
        limit = min(self._limit, row_limit)
        metadata = {"query_time_ms": 12, "row_count": min(len(rows), limit), "truncated": len(rows) > limit}
        return {"data": rows[:limit], "metadata": metadata}

    def _ordered(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows in the order asked for; by their buckets without one."""
        order = self._order or {"field": "date", "direction": "asc"}
        field = (
            next((k for row in rows for k in row if "__" in k), None) if order["field"] == "date" else order["field"]
        )
        if field is None:
            return rows
        as_number = order["field"] in METRICS
        return sorted(
            rows,
            key=lambda row: Decimal(row[field] or 0) if as_number else str(row[field]),
            reverse=order.get("direction") == "desc",
        )

    def _bucket(self, moment: datetime) -> str | None:
        """The begin of the bucket: a time for all sources but that of long ranges, which has dates by the day."""
        if self._granularity is None:
            return None
        begin = _begin_of_bucket(moment, self._granularity)
        if self._is_long_source() and self._granularity not in ("minute", "hour"):
            return begin.date().isoformat()
        return begin.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _is_long_source(self) -> bool:
        return all(part.days == 365 for part in (*self._metrics.values(), *self._dimensions.values()))  # noqa: PLR2004

    def _row(self, bucket: str | None, calls: list[Call]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        if bucket is not None:
            row[f"{'date' if self._is_long_source() else 'created_at'}__{self._granularity}"] = bucket
        for dimension in self._dimensions.values():
            row |= dimension.fields(calls[0])
        as_text = number(self._seed, repr(row), "counts as strings") % 2 == 0
        for name, metric in self._metrics.items():
            row[name] = _total(metric, calls, as_text=as_text)
        return row


_FIELDS = ("metrics", "dimensions", "filters", "granularity", "time_range", "order_by", "limit")


def _known(names: Any, table: dict[str, Any], what: str) -> dict[str, Any]:
    if not isinstance(names, list) or any(name not in table for name in names):
        raise BadQueryError(f"{what}s: not a list of known names")
    return {name: table[name] for name in names}


def _moment(text: Any) -> datetime:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise BadQueryError("time_range: start and end must be ISO 8601 in UTC, with seconds")
    return datetime.fromisoformat(text)


def _begin_of_bucket(moment: datetime, granularity: str) -> datetime:
    minute = moment.replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    return {
        "minute": minute,
        "hour": minute.replace(minute=0),
        "day": day,
        "week": day - timedelta(days=(day.weekday() + 1) % 7),  # weeks begin on Sundays
        "month": day.replace(day=1),
    }[granularity]


def _user(creator: str) -> dict[str, str | None]:
    """Two fields, and never the ID; both are null for somebody who is no member any more."""
    found = member(creator)
    return {"user": found.name if found else None, "user_email": found.email if found else None}


def _total(metric: Metric, calls: Sequence[Call], *, as_text: bool) -> Any:
    told = [value for value in map(metric.of, calls) if value is not None]
    if not told:
        return None
    if metric.is_money:
        return usd(sum(told))
    return str(sum(told)) if as_text else sum(told)
