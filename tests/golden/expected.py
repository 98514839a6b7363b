"""What every view must show, told from its comments in plain Python: exact fractions, and no SQL.

`VIEWS` has for each view its grain and a function that makes its rows of a `World`. A value is compared as it is, but
for floats, `Near` and `OneOf`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from golden.forecast import forecast
from golden.named import key_columns, key_of, keyed, workspace_name
from golden.reconciled import reconciliation, reconciliation_credits, reconciliation_days, reconciliation_keys
from golden.unusual_days import ACCOUNT, unusual_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from golden.generations import Golden

Row = dict[str, Any]
PICO = Decimal("1e-12")
NOBODYS = Decimal("0.000000000000")


@dataclass(frozen=True)
class Near:
    """Computed with doubles: as near as those can be to the exact value."""

    value: Any
    absolute: Fraction = Fraction(0)


@dataclass(frozen=True)
class OneOf:
    """Any of these."""

    values: frozenset[Any]


@dataclass
class World:
    """What a warehouse was given.

    Attributes:
        generations: The settled ones.
        work: Rows of the ledger: generation_id, state, reason, status, requests, source, position, logged_usage,
            logged_byok_usage.
        reads: Rows of ops.sources: source, position, complete, problem, sightings.
        activity: Rows of ops.activity; the other tables of what OpenRouter told follow, each by its name.
        discovered: Rows of discovered_generations: generation_id, api_key_label.
        discoveries: Sources of ops.discoveries.
        api_keys: Rows of ops.api_keys; of ops.workspaces and ops.people below.
        rates: currency, first day, rate, purchase fee, tax and markup of each rate.
        runs: started_at and exit code of each run.
        now: When everything was fetched, first seen and read.
    """

    generations: Sequence[Golden]
    work: Sequence[Row] = ()
    reads: Sequence[Row] = ()
    activity: Sequence[Row] = ()
    activity_days: Sequence[Row] = ()
    analytics_days: Sequence[Row] = ()
    analytics_keys: Sequence[Row] = ()
    credits: Sequence[Row] = ()
    models: Sequence[Row] = ()
    discovered: Sequence[Row] = ()
    discoveries: Sequence[str] = ()
    api_keys: Sequence[Row] = ()
    workspaces: Sequence[Row] = ()
    people: Sequence[Row] = ()
    rates: Sequence[tuple[Any, ...]] = ()
    runs: Sequence[tuple[datetime, int]] = ()
    now: datetime = datetime(2026, 11, 20, 12)  # noqa: DTZ001  # as the warehouse holds times: UTC without zone

    def created_at(self, golden: Golden) -> datetime | None:
        """When OpenRouter created a record."""
        return time(golden.data, "created_at")

    @cached_property
    def stored(self) -> list[Row]:
        """Every settled ID as a row of generation_facts."""
        facts = [(g, fact(g, self.now)) for g in self.generations]
        return [row | key_of(self, g, row) for g, row in facts]

    @cached_property
    def facts(self) -> list[Row]:
        """The rows of generation_facts: of IDs that brought the same record only one."""
        return [row for row in self.stored if row["generation_id"] not in self.booked_under]

    @cached_property
    def booked_under(self) -> dict[str, str]:
        """Of each ID whose record is booked under another ID: that one."""
        record = {g.id: record_of(g) for g in self.generations}
        ids = defaultdict(list)
        for each, named in record.items():
            ids[named].append(each)
        first = {named: named if named in brought else min(brought) for named, brought in ids.items()}
        return {each: first[named] for each, named in record.items() if each != first[named]}

    @cached_property
    def records(self) -> dict[str, str]:
        """Of each record the ID under which it is booked."""
        return {record_of(g): self.booked_under.get(g.id, g.id) for g in self.generations}

    def called(self, name: str) -> str:
        """The ID that books what a name means: a record's name, or an ID."""
        return self.records.get(name, self.booked_under.get(name, name))

    @cached_property
    def attempts(self) -> list[Row]:
        """The rows of provider_attempts, as far as views read them, and once of each record."""
        return [
            {
                "generation_id": g.id,
                "requested_at": second_of(g.id),
                "attempt": number,
                "provider_name": text(entry, "provider_name"),
                "model_permaslug": text(entry, "model_permaslug"),
                "status": count(entry, "status"),
                "latency": real(entry, "latency"),
            }
            for g in self.generations
            if g.id not in self.booked_under
            for number, entry in enumerate(g.data.get("provider_responses") or (), start=1)
        ]


# What a field of an answer says; one of the wrong type says nothing


def text(data: Row, name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None


def record_of(golden: Golden) -> str:
    """The record that an ID brought: the one the answer names, if it names a generation."""
    named = text(golden.data, "id")
    return named if named and named.startswith("gen-") else golden.id


def flag(data: Row, name: str) -> bool | None:
    value = data.get(name)
    return value if isinstance(value, bool) else None


def count(data: Row, name: str) -> int | None:
    """A whole number, however it is written; a count beyond a trillion is none; app_id is one that counts nothing."""
    value = real(data, name)
    is_whole = value is not None and value.denominator == 1
    return int(value) if is_whole and (name == "app_id" or abs(value) <= 10**12) else None


def real(data: Row, name: str) -> Fraction | None:
    value = data.get(name)
    return Fraction(value) if isinstance(value, (int, Fraction)) and not isinstance(value, bool) else None


def money(data: Row, name: str) -> Decimal | None:
    """Whole picodollars, half to even; what has seven digits before the point does not fit its column."""
    value = price(data, name)
    rounded = None if value is None else usd(value)
    return rounded if rounded is not None and abs(rounded) < 10**6 else None


def price(data: Row, name: str) -> Fraction | None:
    """A number, or a text that is nothing but a number."""
    told = text(data, name)
    is_number = told and re.fullmatch(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?", told)
    return Fraction(told) if is_number else real(data, name)


def charge(data: Row) -> Decimal | None:
    """What the answer tells that OpenRouter charged."""
    usage = money(data, "usage")
    return money(data, "total_cost") if usage is None else usage


def usd(value: Fraction) -> Decimal:
    return Decimal(round(value * 10**12)).scaleb(-12)


def time(data: Row, name: str) -> datetime | None:
    try:
        told = datetime.fromisoformat(text(data, name) or "")
    except ValueError:
        return None
    return told.astimezone(UTC).replace(tzinfo=None)


def second_of(generation_id: str) -> datetime | None:
    found = re.search(r"-(\d{10})-", generation_id)
    return datetime.fromtimestamp(int(found[1]), UTC).replace(tzinfo=None) if found else None


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


MONEY = {"usage", "total_cost", "upstream_inference_cost", "cache_discount"}
REALS = {"latency", "generation_time", "moderation_latency"}
FLAGS = {"is_byok", "streamed", "cancelled"}
TEXTS = _names(
    "id api_type model provider_name router service_tier data_region web_search_engine finish_reason "
    "native_finish_reason response_cache_source_id origin http_referer user_agent external_user session_id request_id "
    "upstream_id preset_id workspace_id"
)
COUNTS = _names(
    "tokens_prompt tokens_completion native_tokens_prompt native_tokens_completion native_tokens_completion_images "
    "native_tokens_reasoning native_tokens_cached num_media_prompt num_input_audio_prompt num_media_completion "
    "num_search_results num_fetches app_id"
)
READERS = dict.fromkeys(REALS, real) | dict.fromkeys(FLAGS, flag) | dict.fromkeys(TEXTS, text)
READERS |= dict.fromkeys(COUNTS, count) | {"created_at": time}


def is_held(data: Row, name: str) -> bool:
    """Whether a column holds a field exactly."""
    value = data[name]
    if value is None or name == "provider_responses":
        return True
    if name in MONEY:
        return money(data, name) is not None and Fraction(money(data, name)) == value
    return name in READERS and READERS[name](data, name) is not None


# One generation


def fact(golden: Golden, now: datetime) -> Row:
    d, line = golden.data, golden.line
    requested_at, created_at = second_of(golden.id), time(d, "created_at")
    told = requested_at or created_at
    is_byok, model = flag(d, "is_byok"), text(d, "model")
    upstream = money(d, "upstream_inference_cost")
    credits_usage = charge(d) or NOBODYS
    byok_usage = (upstream or NOBODYS) if is_byok else NOBODYS
    row = {
        "generation_id": golden.id,
        "requested_at": requested_at,
        "requested_day": told.date() if told else None,
        "model": model,
        "model_author": None if model is None else model.split("/", maxsplit=1)[0],
        "total_usage": credits_usage + byok_usage,
        "credits_usage": credits_usage,
        "openrouter_usage": NOBODYS if is_byok else credits_usage,
        "byok_fees": credits_usage if is_byok else NOBODYS,
        "byok_usage": byok_usage,
        "cost_basis": cost_basis(d),
        "cache_discount": money(d, "cache_discount"),
        "is_byok": is_byok,
        "is_response_cache_hit": is_hit(d),
        "status": status(d),
        "is_web_search": any(
            (text(d, "web_search_engine") is not None, count(d, "num_search_results"), count(d, "num_fetches"))
        ),
        "is_measured": is_measured(d),
        "is_priced": is_priced(d),
        "attempts": len(d.get("provider_responses") or ()),
        "source": line.source,
        "source_position": line.position,
        "source_line": line.line,
        "logged_at": line.logged_at and line.logged_at.astimezone(UTC).replace(tzinfo=None),
        "log_fields": line.log_fields,
        "logged_usage": line.logged_usage and Decimal(line.logged_usage),
        "logged_byok_usage": line.logged_byok_usage and Decimal(line.logged_byok_usage),
        "account": None,
        "fetched_at": now,
        "run_id": "run",
    }
    row |= {name: text(d, name) for name in ("provider_name", "api_type", "router", "service_tier", "data_region")}
    row |= {"response_cache_source_id": source_of(d)}
    row |= {name: text(d, name) for name in ("finish_reason", "web_search_engine")}
    row |= {name: text(d, name) for name in ("origin", "external_user", "session_id", "request_id", "workspace_id")}
    row |= {"api_key_id": None if d.get("api_key_id") is None else str(d["api_key_id"])}
    row |= {name: count(d, name) for name in ("native_tokens_prompt", "native_tokens_completion")}
    row |= {name: count(d, name) for name in ("native_tokens_reasoning", "native_tokens_cached", "app_id")}
    row |= {name: count(d, name) for name in ("num_search_results", "num_fetches")}
    row |= {name: flag(d, name) for name in ("streamed", "cancelled")}
    return row | speed(d)


def is_hit(d: Row) -> bool:
    return source_of(d) is not None


def source_of(d: Row) -> str | None:
    """The generation it was copied from; nothing and blanks name none."""
    return (text(d, "response_cache_source_id") or "").strip(" ") or None


def cost_basis(d: Row) -> str:
    if is_hit(d):
        return "response_cache"
    if charge(d) is None:
        return "unknown"
    if flag(d, "is_byok") and money(d, "upstream_inference_cost") is None:
        return "byok_unknown"
    if money(d, "usage") is None:
        return "total_cost"
    if flag(d, "is_byok"):
        return "byok"
    return "credits" if money(d, "usage") else "free"


def is_priced(d: Row) -> bool:
    """Whether a price per token can be told: the whole cost is known, it is no copy, and there are tokens."""
    tokens = sum(count(d, f"native_tokens_{kind}") or 0 for kind in ("prompt", "completion"))
    inference = money(d, "upstream_inference_cost") if flag(d, "is_byok") else NOBODYS
    return not is_hit(d) and None not in (charge(d), inference) and tokens > 0


def status(d: Row) -> str:
    """A generation that no provider answered with 2xx failed, whatever else it says."""
    told = [count(entry, "status") for entry in d.get("provider_responses") or ()]
    told = [status for status in told if status is not None]
    if told and not any(is_success(status) for status in told):
        return "failed"
    if flag(d, "cancelled"):
        return "cancelled"
    named = {"error": "failed", "content_filter": "filtered", "length": "truncated"}
    return named.get(text(d, "finish_reason") or "", "completed")


def is_measured(d: Row) -> bool:
    """A completion that a user waited for to its end."""
    is_completion = text(d, "api_type") in (None, "completions")
    return is_completion and status(d) in ("completed", "truncated") and not is_hit(d)


def speed(d: Row) -> Row:
    """Durations in ms and tokens per second; a hit of the response cache has none, and what is not above 0 is none."""
    tokens = count(d, "native_tokens_completion") or 0
    latency, whole = (None if is_hit(d) else _above_0(real(d, name)) for name in ("latency", "generation_time"))
    streamed = flag(d, "streamed")
    gaps = tokens - 1 if streamed and latency and whole and whole > latency else 0
    return {
        "latency_ms": latency,
        "ttft_ms": latency if streamed else None,
        "duration_ms": max(filter(None, (latency, whole)), default=None),
        "tokens_per_second": tokens * 1000 / whole if tokens and whole else None,
        "inter_token_ms": (whole - latency) / gaps if gaps > 0 else None,
    }


def _above_0(value: Fraction | None) -> Fraction | None:
    return value if value is not None and value > 0 else None


# Helpers


def grouped(rows: Iterable[Row], *names: str) -> list[tuple[Row, list[Row]]]:
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[n] for n in names)].append(row)
    return [(dict(zip(names, key, strict=True)), group) for key, group in groups.items()]


def total(rows: Iterable[Row], name: str) -> Any:
    """A sum of money; nothing is 0."""
    return sum((row[name] for row in rows if row[name] is not None), start=NOBODYS)


def number(rows: Iterable[Row], name: str) -> int:
    """A sum of counts; nothing is 0."""
    return sum(row[name] or 0 for row in rows)


def share(part: Any, whole: Any) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole else None


def known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


QUANTILES = {percent: Fraction(percent, 100) for percent in (5, 10, 50, 90, 95, 99)}
FEWEST = {5: 20, 95: 20, 99: 100}
"""Samples below which these percentiles are not told: no value would lie beyond them."""


def nearest_rank(values: list[Fraction], percent: int) -> Fraction | None:
    if len(values) < FEWEST.get(percent, 1):
        return None
    return sorted(values)[math.ceil(QUANTILES[percent] * len(values)) - 1]


def interpolated(values: list[Any], q: Fraction) -> Fraction | None:
    if not values:
        return None
    ordered = sorted(map(Fraction, values))
    low = math.floor(q * (len(ordered) - 1))
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (q * (len(ordered) - 1) - low)


# Cost


def costs(rows: list[Row]) -> Row:
    """The measures that all views on cost have."""
    of_status = {s: [r for r in rows if r["status"] == s] for s in ("cancelled", "failed", "truncated", "filtered")}
    priced = [r for r in rows if r["is_priced"]]
    tokens = {kind: number(rows, f"native_tokens_{kind}") for kind in ("prompt", "completion", "reasoning", "cached")}
    priced_tokens = number(priced, "native_tokens_prompt") + number(priced, "native_tokens_completion")
    return {
        "request_count": len(rows),
        **{name: total(rows, name) for name in ("total_usage", "credits_usage", "openrouter_usage", "byok_fees")},
        **{name: total(rows, name) for name in ("byok_usage", "cache_discount")},
        **{f"{s}_usage": total(of_status[s], "total_usage") for s in of_status},
        "web_search_usage": total((r for r in rows if r["is_web_search"]), "total_usage"),
        "response_cache_hits": sum(r["is_response_cache_hit"] for r in rows),
        "unknown_cost_count": sum(r["cost_basis"] in ("unknown", "byok_unknown") for r in rows),
        **{name_of(kind): number for kind, number in tokens.items()},
        "cache_hit_rate": hit_rate(tokens["cached"], tokens["prompt"]),
        "blended_cost_per_million_tokens": share(10**6 * total(priced, "total_usage"), priced_tokens),
    }


def name_of(tokens: str) -> str:
    """The column of a kind of tokens."""
    return f"{tokens}_tokens" if tokens in ("reasoning", "cached") else f"tokens_{tokens}"


def hit_rate(cached: int, prompt: int) -> Fraction | None:
    """Some providers report more cached than prompt tokens."""
    return share(min(cached, prompt), prompt)


def days(rows: list[Row]) -> Row:
    told = known(rows, "requested_day")
    return {"first_day": min(told, default=None), "last_day": max(told, default=None)}


def cost_cells(world: World) -> list[Row]:
    cells = []
    for key, rows in grouped(world.facts, "requested_day", "model", "provider_name"):
        measures = costs(rows)
        del measures["cache_hit_rate"], measures["blended_cost_per_million_tokens"]
        priced = [r for r in rows if r["is_priced"]]
        tokens = number(priced, "native_tokens_prompt") + number(priced, "native_tokens_completion")
        cells.append(key | measures | {"priced_usage": total(priced, "total_usage"), "priced_tokens": tokens})
    return cells


def cost_daily(world: World) -> list[Row]:
    return [key | costs(rows) for key, rows in grouped(world.facts, "requested_day")]


def cost_by(name: str) -> Callable[[World], list[Row]]:
    def rows_of(world: World) -> list[Row]:
        return [key | costs(rows) | days(rows) for key, rows in grouped(world.facts, name)]

    return rows_of


def cost_drift(world: World) -> list[Row]:
    """What was billed against what the log tells, where both are known."""
    both = [r for r in world.facts if r["logged_usage"] is not None and r["cost_basis"] != "unknown"]
    return [key | drift_of(rows) for key, rows in grouped(both, "requested_day", "model", "app_id", "source")]


def drift_of(rows: list[Row]) -> Row:
    drifts = [r["credits_usage"] - r["logged_usage"] for r in rows]
    own = [r for r in rows if r["logged_byok_usage"] is not None and r["cost_basis"] != "byok_unknown"]
    logged = total(rows, "logged_usage")
    return {
        "request_count": len(rows),
        "drifted_count": sum(drift != 0 for drift in drifts),
        "logged_usage": logged,
        "credits_usage": total(rows, "credits_usage"),
        "drift_usage": sum(drifts, start=NOBODYS),
        "drift_share": share(sum(drifts), abs(logged)),
        "largest_drift": max(map(abs, drifts)),
        "byok_request_count": len(own),
        "logged_byok_usage": total(own, "logged_byok_usage"),
        "byok_usage": total(own, "byok_usage"),
        "byok_drift_usage": total(own, "byok_usage") - total(own, "logged_byok_usage"),
    }


def rate_on(world: World, day: date | None, currency: str) -> tuple[Fraction, ...] | None:
    """Rate, purchase fee, tax and markup of a day; None before the first."""
    begun = [rate for rate in world.rates if rate[0] == currency and day and rate[1] <= day]
    return max(begun, key=lambda rate: rate[1])[2:] if begun else None


def loaded(row: Row, parts: tuple[Fraction, ...]) -> Fraction:
    """What a generation really cost: nobody pays a fee to buy what his own key pays for."""
    rate, purchase_fee, tax, markup = parts
    bought = Fraction(row["credits_usage"]) * (1 + purchase_fee) + Fraction(row["byok_usage"])
    return bought * (1 + tax) * (1 + markup) * rate


def loaded_of(world: World, rows: list[Row], currency: str) -> Row:
    found = [(row, rate_on(world, row["requested_day"], currency)) for row in rows]
    rated = [loaded(row, parts) for row, parts in found if parts]
    return {
        "currency": currency,
        "request_count": len(rows),
        "total_usage": total(rows, "total_usage"),
        "unrated_usage": total([row for row, parts in found if not parts], "total_usage"),
        "loaded_cost": Decimal(math.floor(sum(rated) * 10**12 + Fraction(1, 2))).scaleb(-12) if rated else None,
    }


def loaded_by(name: str) -> Callable[[World], list[Row]]:
    def rows_of(world: World) -> list[Row]:
        currencies = {currency for currency, *_ in world.rates}
        groups = grouped(world.facts, name)
        return [key | loaded_of(world, rows, currency) for key, rows in groups for currency in currencies]

    return rows_of


def loaded_daily(world: World) -> list[Row]:
    names = ("rate", "purchase_fee", "tax", "markup")
    rows = loaded_by("requested_day")(world)
    parts = (rate_on(world, row["requested_day"], row["currency"]) or (None,) * len(names) for row in rows)
    exact = ([None if value is None else usd(value) for value in each] for each in parts)
    return [row | dict(zip(names, each, strict=True)) for row, each in zip(rows, exact, strict=True)]


def lost(world: World) -> list[Row]:
    """The IDs that were given up, each with its day."""
    dead = [(w, second_of(w["generation_id"])) for w in world.work if w["state"] == "dead"]
    return [w | {"requested_day": second and second.date()} for w, second in dead]


def logged_only(rows: list[Row]) -> Decimal:
    return total(rows, "logged_usage") + total(rows, "logged_byok_usage")


def cost_of_lost_generations(world: World) -> list[Row]:
    return [
        key
        | {
            "cost_basis": "logged",
            "id_count": len(rows),
            "unknown_cost_count": len(rows) - len(known(rows, "logged_usage")),
            "logged_only_usage": logged_only(rows),
            "logged_usage": total(rows, "logged_usage"),
            "logged_byok_usage": total(rows, "logged_byok_usage"),
        }
        for key, rows in grouped(lost(world), "requested_day", "reason", "source")
    ]


def cost_daily_with_lost(world: World) -> list[Row]:
    billed = {key["requested_day"]: rows for key, rows in grouped(world.facts, "requested_day")}
    given_up = {key["requested_day"]: rows for key, rows in grouped(lost(world), "requested_day")}
    found = []
    for day in billed.keys() | given_up.keys():
        ours, theirs = billed.get(day, []), given_up.get(day, [])
        found.append(
            {
                "requested_day": day,
                "request_count": len(ours),
                "total_usage": total(ours, "total_usage"),
                "lost_count": len(theirs),
                "unknown_lost_count": len(theirs) - len(known(theirs, "logged_usage")),
                "logged_only_usage": logged_only(theirs),
                "usage_with_logged_only": total(ours, "total_usage") + logged_only(theirs),
            }
        )
    return found


def cost_by_field(world: World) -> list[Row]:
    """Each field of each line that is no object, with its text."""
    kept = [
        row | {"field": field, "value": value if isinstance(value, str) else json.dumps(value)}
        for row in world.facts
        for field, value in json.loads(row["log_fields"] or "{}").items()
        if not isinstance(value, dict)
    ]
    rates = ("cache_hit_rate", "blended_cost_per_million_tokens")
    return [
        key | {name: value for name, value in costs(rows).items() if name not in rates} | days(rows)
        for key, rows in grouped(kept, "field", "value")
    ]


def cost_by_app(world: World) -> list[Row]:
    groups = grouped(world.facts, "app_id")
    return [key | {"origin": an_origin(rows)} | costs(rows) | days(rows) for key, rows in groups]


def an_origin(rows: list[Row]) -> OneOf:
    """Any URL; only if there is none, what stands for none."""
    seen = frozenset(r["origin"] for r in rows)
    return OneOf(frozenset(filter(None, seen)) or seen)


def cost_by_key(world: World) -> list[Row]:
    rows = [row | keyed(row) for row in world.facts]
    groups = grouped(rows, "of_api_key_hash", "of_api_key_label", "of_api_key_id")
    return [key_columns(world, key) | costs(of_key) | days(of_key) for key, of_key in groups]


def cost_by_request(world: World) -> list[Row]:
    rows = cost_by("request_id")(world)
    return [row | {"generation_count": row.pop("request_count")} for row in rows]


def cost_by_session(world: World) -> list[Row]:
    return [
        key
        | {
            "first_requested_at": min(known(rows, "requested_at"), default=None),
            "last_requested_at": max(known(rows, "requested_at"), default=None),
        }
        | costs(rows)
        | days(rows)
        for key, rows in grouped(world.facts, "session_id")
    ]


# Prices: least squares in exact fractions, solved by elimination

KINDS = ("input", "cached", "output")


def price_sample(row: Row) -> tuple[int, int, int]:
    """Tokens by kind: input that was not cached, cached input, output."""
    prompt, cached, output = (row[f"native_tokens_{kind}"] or 0 for kind in ("prompt", "cached", "completion"))
    cached = max(cached, 0)
    return max(prompt - cached, 0), cached, max(output, 0)


def is_price_sample(row: Row) -> bool:
    is_whole = row["status"] in ("completed", "truncated") and not row["is_web_search"]
    return row["is_priced"] and is_whole and row["total_usage"] >= 0


def eliminated(matrix: list[list[Fraction]]) -> tuple[list[Fraction], Fraction]:
    """The solution of linear equations, and their determinant over the product of the diagonal."""
    rows, diagonal, determinant = [list(row) for row in matrix], Fraction(1), Fraction(1)
    for n, row in enumerate(matrix):
        diagonal *= row[n]
    for n, pivot in enumerate(rows):
        determinant *= pivot[n]
        if not pivot[n]:
            return [], Fraction(0)
        for other in rows:
            if other is not pivot:
                factor = other[n] / pivot[n]
                other[:] = [a - factor * b for a, b in zip(other, pivot, strict=True)]
    return [row[-1] / row[n] for n, row in enumerate(rows)], determinant / diagonal


def solved(samples: list[Row]) -> Row:
    """What a million tokens of each kind cost, and how far single costs are missed."""
    tokens = [price_sample(row) for row in samples]
    usages = [Fraction(row["total_usage"]) for row in samples]
    sums = [sum(column) for column in zip(*tokens, strict=True)]
    there = [n for n, count in enumerate(sums) if count]
    columns = [[Fraction(t[n]) for t in tokens] for n in there]
    dots = [[_dot(a, b) for b in (*columns, usages)] for a in columns]
    prices, independence = eliminated(dots)
    lowest = min((p * sums[n] for p, n in zip(prices, there, strict=True)), default=None) if prices else None
    is_solved = bool(prices) and independence > Fraction(1, 10**6) and lowest >= -sum(usages) / 10**6
    row = {name_of(kind): count for kind, count in zip(KINDS, sums, strict=True)}
    row |= dict.fromkeys(f"{kind}_price" for kind in KINDS)
    if not is_solved:
        return row | {"unexplained_share": None, "is_reliable": False}
    row |= {f"{KINDS[n]}_price": 10**6 * max(price, Fraction(0)) for n, price in zip(there, prices, strict=True)}
    missed = _dot(usages, usages) - sum(p * d[-1] for p, d in zip(prices, dots, strict=True))
    unexplained = math.sqrt(missed / _dot(usages, usages)) if any(usages) else 0.0
    is_reliable = len(samples) >= 30 or (unexplained < 0.001 and len(samples) > len(there))
    return row | {"unexplained_share": unexplained, "is_reliable": is_reliable}


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), start=Fraction(0))


def effective_prices_of(samples: list[Row], period: str) -> list[Row]:
    """Prices per period, model and provider, of rows that have the period; changes; and the cheaper provider."""
    cells = [
        key | {"request_count": len(group), "total_usage": total(group, "total_usage")} | solved(group)
        for key, group in grouped(samples, period, "model", "provider_name")
    ]
    known_prices: dict[Any, Row] = defaultdict(dict)
    rows = []
    for cell in sorted(cells, key=lambda c: c[period]):
        before = known_prices[cell["model"], cell["provider_name"]]
        rows.append(_price_row(cell, before, [c for c in cells if c[period] == cell[period]]))
        if cell["is_reliable"]:
            before |= {kind: cell[f"{kind}_price"] for kind in KINDS if cell[f"{kind}_price"] is not None}
    return rows


def _price_row(cell: Row, before: Row, cells: list[Row]) -> Row:
    both = [kind for kind in KINDS if cell["is_reliable"] and kind in before and cell[name_of(kind)]]
    now, then = (
        sum(cell[name_of(kind)] * prices[kind] for kind in both)
        for prices in ({kind: cell[f"{kind}_price"] for kind in KINDS}, before)
    )
    offers = []
    for other in cells:
        is_other = other["provider_name"] not in (None, cell["provider_name"])
        if is_other and other["is_reliable"] and other["model"] == cell["model"] is not None:
            usage = _usage_at(cell, other)
            if usage is not None and usage < Fraction(99, 100) * Fraction(cell["total_usage"]):
                offers.append((usage, other["provider_name"]))
    usage, cheaper = min(offers, default=(None, None))
    tokens = sum(cell[name_of(kind)] for kind in KINDS)
    prices = {f"{kind}_price": near(cell[f"{kind}_price"]) for kind in KINDS}
    return {
        **{name: value for name, value in cell.items() if name != "is_reliable"},
        **prices,
        "blended_price": Near(10**6 * Fraction(cell["total_usage"]) / tokens),
        "unexplained_share": near(cell["unexplained_share"]),
        "price_change": near(now / then - 1 if then else None),
        "cheaper_provider": cheaper,
        "saveable_usage": None if usage is None else near(Fraction(cell["total_usage"]) - usage),
    }


def _usage_at(cell: Row, other: Row) -> Fraction | None:
    """What the tokens of a row would have cost at the prices of another; cached ones at most as input."""
    prices = {kind: other[f"{kind}_price"] for kind in KINDS}
    prices["cached"] = prices["input"] if prices["cached"] is None else prices["cached"]
    there = [kind for kind in KINDS if cell[name_of(kind)]]
    if any(prices[kind] is None for kind in there):
        return None
    return sum((cell[name_of(kind)] * prices[kind] / 10**6 for kind in there), start=Fraction(0))


def near(value: Any) -> Near | None:
    """Solved with doubles: six digits are right."""
    return None if value is None else Near(Fraction(value), max(abs(Fraction(value)), Fraction(1)) / 10**6)


def effective_prices(world: World) -> list[Row]:
    samples = [row for row in world.facts if is_price_sample(row) and row["requested_day"]]
    return effective_prices_of(samples, "requested_day")


def cache_savings(world: World) -> list[Row]:
    return [
        key
        | {
            "request_count": len(rows),
            "cached_request_count": sum((r["native_tokens_cached"] or 0) > 0 for r in rows),
            "tokens_prompt": number(rows, "native_tokens_prompt"),
            "cached_tokens": number(rows, "native_tokens_cached"),
            "cache_hit_rate": hit_rate(number(rows, "native_tokens_cached"), number(rows, "native_tokens_prompt")),
            "saved_usage": total((r for r in rows if (r["cache_discount"] or 0) > 0), "cache_discount"),
            "cache_write_usage": -total((r for r in rows if (r["cache_discount"] or 0) < 0), "cache_discount"),
            "cache_discount": total(rows, "cache_discount"),
            "total_usage": total(rows, "total_usage"),
            "usage_without_cache": total(rows, "total_usage") + total(rows, "cache_discount"),
        }
        for key, rows in grouped(world.facts, "model", "provider_name")
        if any(r["native_tokens_cached"] or r["cache_discount"] for r in rows)
    ]


def paid_answer(world: World, row: Row) -> Row | None:
    """The answer that was paid for and that this is a copy of, or a copy of a copy; None if it is not there."""
    there, seen = {r["generation_id"]: r for r in world.facts}, set()
    while row and row["is_response_cache_hit"] and row["generation_id"] not in seen:
        seen.add(row["generation_id"])
        row = there.get(world.called(row["response_cache_source_id"]))
    return None if row and row["is_response_cache_hit"] else row


def response_cache_savings(world: World) -> list[Row]:
    found = []
    for key, hits in grouped((r for r in world.facts if r["is_response_cache_hit"]), "model"):
        paid = [answer for hit in hits if (answer := paid_answer(world, hit))]
        ours = {"hit_count": len(hits), "priced_hit_count": len(paid), "saved_usage": total(paid, "total_usage")}
        found.append(key | ours | {"total_usage": total(hits, "total_usage")})
    return found


def reasoning_share(world: World) -> list[Row]:
    found = []
    for key, rows in grouped((r for r in world.facts if r["native_tokens_completion"]), "model"):
        pairs = [(r["native_tokens_reasoning"] or 0, r["native_tokens_completion"]) for r in rows]
        reasoned = [min(pair) for pair in pairs]
        written = sum(completion for _, completion in pairs)
        found.append(
            key
            | {
                "request_count": len(rows),
                "reasoning_request_count": sum(tokens > 0 for tokens in reasoned),
                "tokens_completion": written,
                "reasoning_tokens": sum(reasoned),
                "reasoning_share": share(sum(reasoned), written),
                "over_count": sum(reasoning > completion for reasoning, completion in pairs),
                "total_usage": total(rows, "total_usage"),
            }
        )
    return found


def web_search_usage(world: World) -> list[Row]:
    return [
        key
        | {
            "request_count": len(rows),
            "search_results": number(rows, "num_search_results"),
            "fetches": number(rows, "num_fetches"),
            "total_usage": total(rows, "total_usage"),
            "usage_per_request": share(total(rows, "total_usage"), len(rows)),
        }
        for key, rows in grouped((r for r in world.facts if r["is_web_search"]), "model", "web_search_engine")
    ]


def failed_spend(world: World) -> list[Row]:
    spent = {(k["model"], k["provider_name"]): total(r, "total_usage") for k, r in _by_model_and_provider(world)}
    broken = (r for r in world.facts if r["status"] != "completed")
    return [
        key
        | {
            "is_lost": key["status"] != "truncated",
            "request_count": len(rows),
            "paid_count": sum(r["total_usage"] > 0 for r in rows),
            "total_usage": total(rows, "total_usage"),
            "tokens_completion": number(rows, "native_tokens_completion"),
            "share_of_usage": share(total(rows, "total_usage"), spent[key["model"], key["provider_name"]]),
        }
        for key, rows in grouped(broken, "model", "provider_name", "status")
    ]


def _by_model_and_provider(world: World) -> list[tuple[Row, list[Row]]]:
    return grouped(world.facts, "model", "provider_name")


DAY = timedelta(days=1)
ROUNDED = Fraction(PICO)


def spent_daily(world: World) -> dict[date, Fraction]:
    dated = grouped((r for r in world.facts if r["requested_day"]), "requested_day")
    return {key["requested_day"]: Fraction(total(rows, "total_usage")) for key, rows in dated}


def cost_forecast(world: World) -> list[Row]:
    spent = spent_daily(world)
    if not spent:
        return []
    newest = max(spent)
    oldest = max(_begin_of_stretch(sorted(spent)), newest - 56 * DAY)
    past = [oldest + n * DAY for n in range((newest - oldest).days)]
    if len(past) < 7:
        return []
    days = forecast([float(spent.get(day, 0)) for day in past])
    about = {"history_days": len(past)}
    history = [
        {"requested_day": day, "is_forecast": False, "total_usage": usd(spent.get(day, Fraction(0)))} for day in past
    ]
    coming = [
        {
            "requested_day": newest + n * DAY,
            "is_forecast": True,
            "total_usage": _dollars(day.expected),
            "low_usage": _dollars(max(day.expected - day.reach, min(day.expected, 0))),
            "high_usage": _dollars(day.expected + day.reach),
            "running_usage": _dollars(day.running),
            "running_low_usage": _dollars(max(day.running - day.running_reach, min(day.running, 0))),
            "running_high_usage": _dollars(day.running + day.running_reach),
        }
        for n, day in enumerate(days)
    ]
    return [dict.fromkeys(RANGES) | row | about for row in history + coming]


RANGES = _names("low_usage high_usage running_usage running_low_usage running_high_usage")


def _dollars(value: float) -> Near:
    return Near(Fraction(value), ROUNDED)


def _begin_of_stretch(days: list[date]) -> date:
    """The first day after the last week without any traffic."""
    begins = [day for before, day in pairwise(days) if (day - before).days > 7]
    return begins[-1] if begins else days[0]


def cost_anomalies(world: World) -> list[Row]:
    return [
        {
            "requested_day": row["requested_day"],
            "scope": "account" if row["key"] is ACCOUNT else "model",
            "model": None if row["key"] is ACCOUNT else row["key"],
            "kind": row["kind"],
            "total_usage": usd(row["exact"]),
            "expected_usage": Near(Fraction(row["expected_usage"]), ROUNDED),
            "excess_usage": Near(row["exact"] - Fraction(row["expected_usage"]), ROUNDED),
            "score": row["score"],
            "request_count": row["request_count"],
            "history_days": row["history_days"],
        }
        for row in anomalies_by(world, "model")
    ]


def anomalies_by(world: World, name: str) -> list[Row]:
    """The unusual days of the account and of each value of a column, with their exact cost."""
    dated = grouped((r for r in world.facts if r["requested_day"]), "requested_day", name)
    cells = {
        (key["requested_day"], key[name]): (Fraction(total(rows, "total_usage")), len(rows)) for key, rows in dated
    }
    spent = spent_daily(world)
    return [
        row | {"exact": spent[day] if key is ACCOUNT else cells.get((day, key), (Fraction(0), 0))[0]}
        for row in unusual_days(cells)
        for day, key in [(row["requested_day"], row["key"])]
    ]


# Latency

METRICS = {
    "latency": ("latency_ms", "latency_count", "latency"),
    "ttft": ("ttft_ms", "streamed_count", "ttft_ms"),
    "duration": ("duration_ms", "duration_count", "duration_ms"),
    "throughput": ("tokens_per_second", "throughput_count", "throughput"),
    "inter_token": ("inter_token_ms", "inter_token_count", "inter_token_latency"),
}
"""Of each metric: the column of the facts, the column of its sample's size, and the end of its percentiles' names."""

TAIL, SLOW_SIDE_IS_LOW = (50, 90, 95, 99), (50, 10, 5)


def measured(world: World) -> list[Row]:
    return [r for r in world.facts if r["is_measured"]]


def percentiles(rows: list[Row], names: Iterable[str]) -> Row:
    found = {}
    for name in names:
        column, sample, ending = METRICS[name]
        values = known(rows, column)
        found[sample] = len(values)
        for percent in SLOW_SIDE_IS_LOW if name == "throughput" else TAIL:
            found[f"p{percent}_{ending}"] = nearest_rank(values, percent)
    return found


def latency_by(name: str) -> Callable[[World], list[Row]]:
    def rows_of(world: World) -> list[Row]:
        groups = grouped(measured(world), name)
        return [key | {"request_count": len(r)} | percentiles(r, METRICS) for key, r in groups]

    return rows_of


def latency_hourly(world: World) -> list[Row]:
    dated = [r for r in measured(world) if r["requested_at"]]
    hours = [r | {"requested_hour": r["requested_at"].replace(minute=0, second=0)} for r in dated]
    groups = grouped(hours, "requested_hour")
    return [key | {"request_count": len(r)} | percentiles(r, METRICS) for key, r in groups]


LENGTHS = [1, 11, 101, 301, 1001, 3001, 10001, None]


def throughput_by_length(world: World) -> list[Row]:
    found = []
    for low, above in pairwise(LENGTHS):
        rows = [r for r in measured(world) if low <= (r["native_tokens_completion"] or 0) < (above or math.inf)]
        if rows:
            key = {"tokens_from": low, "tokens_to": above and above - 1, "request_count": len(rows)}
            found.append(key | percentiles(rows, ("duration", "throughput", "inter_token")))
    return found


# Providers


def is_success(status: int | None) -> bool:
    return status is not None and 200 <= status <= 299


def kinds(attempts: list[Row]) -> Counter[str]:
    """How attempts ended; each counts for one kind."""

    def kind(status: int | None) -> str:
        if status is None:
            return "unknown"
        if is_success(status):
            return "success"
        named = {429: "throttled", 503: "overloaded", 529: "overloaded"}
        return named.get(status, "server_error" if status >= 500 else "other_error")

    return Counter(kind(a["status"]) for a in attempts)


def provider_reliability(world: World) -> list[Row]:
    found = []
    for key, attempts in grouped(world.attempts, "provider_name"):
        ended = kinds(attempts)
        lost = [a["latency"] for a in attempts if a["status"] is not None and not is_success(a["status"])]
        found.append(
            key
            | {
                "attempt_count": len(attempts),
                "success_count": ended["success"],
                "throttled_count": ended["throttled"],
                "server_error_count": ended["server_error"] + ended["overloaded"],
                "other_error_count": ended["other_error"],
                "unknown_count": ended["unknown"],
                "fallback_count": sum(a["attempt"] > 1 for a in attempts),
                "success_rate": share(ended["success"], len(attempts) - ended["unknown"]),
                "p50_failed_latency_ms": nearest_rank([v for v in lost if v is not None], 50),
            }
        )
    return found


def error_rates(world: World) -> list[Row]:
    attempts = [a | {"requested_day": a["requested_at"] and a["requested_at"].date()} for a in world.attempts]
    found = []
    for key, group in grouped(attempts, "requested_day", "provider_name"):
        ended = kinds(group)
        names = ("success", "throttled", "overloaded", "server_error", "other_error", "unknown")
        answered = len(group) - ended["unknown"]
        later = sum(a["attempt"] > 1 for a in group)
        found.append(
            key
            | {"attempt_count": len(group), "fallback_count": later}
            | {f"{name}_count": ended[name] for name in names}
            | {"error_rate": share(answered - ended["success"], answered), "fallback_rate": share(later, len(group))}
        )
    return found


def fallbacks(world: World) -> list[Row]:
    facts = {r["generation_id"]: r for r in world.stored}
    found = []
    for key, attempts in grouped(world.attempts, "generation_id"):
        failed = [a for a in attempts if not is_success(a["status"])]
        lost = known(failed, "latency")
        about = facts[key["generation_id"]]
        if len(attempts) > 1:
            found.append(
                {name: about[name] for name in ("generation_id", "requested_at", "model", "duration_ms", "status")}
                | {
                    "total_usage": about["total_usage"],
                    "first_provider": attempts[0]["provider_name"],
                    "last_provider": attempts[-1]["provider_name"],
                    "attempt_count": len(attempts),
                    "failed_count": len(failed),
                    "statuses": " > ".join("?" if a["status"] is None else str(a["status"]) for a in attempts),
                    "failed_ms": sum(lost, start=Fraction(0)) if lost else None,
                }
            )
    return found


def provider_switches(world: World) -> list[Row]:
    turns = [
        r
        for r in world.facts
        if None not in (r["session_id"], r["requested_at"], r["provider_name"]) and not r["is_response_cache_hit"]
    ]
    turns.sort(key=lambda r: (r["requested_at"], r["generation_id"]))
    pairs = (pair for _, rows in grouped(turns, "session_id", "model") for pair in pairwise(rows))
    return [_switch(*pair) for pair in pairs if pair[0]["provider_name"] != pair[1]["provider_name"]]


def _switch(before: Row, row: Row) -> Row:
    had, has = before["native_tokens_cached"], row["native_tokens_cached"]
    return {name: row[name] for name in ("generation_id", "requested_at", "session_id", "model", "total_usage")} | {
        "from_provider": before["provider_name"],
        "to_provider": row["provider_name"],
        "previous_generation_id": before["generation_id"],
        "cached_tokens_before": had,
        "cached_tokens": has,
        "tokens_prompt": row["native_tokens_prompt"],
        "lost_prompt_cache": bool(had) and not has,
        "was_fallback": row["attempts"] > 1,
    }


# Interchange


def openrouter_traces(world: World) -> list[Row]:
    contents = {g.id: g.line.content or {} for g in world.generations}
    return [_trace(r, contents[r["generation_id"]]) for r in world.facts]


def _trace(row: Row, content: Row) -> Row:
    has_failed, day = row["status"] == "failed", row["requested_day"]
    same = ("model", "provider_name", "session_id", "duration_ms", "finish_reason")
    return {name.upper(): row[name] for name in same} | {
        "TIMESTAMP": row["requested_at"] or (day and datetime(day.year, day.month, day.day)),  # noqa: DTZ001
        "TRACE_ID": row["generation_id"] if row["request_id"] is None else row["request_id"],
        "SPAN_ID": row["generation_id"],
        "SPAN_TYPE": "GENERATION",
        "STATUS": "error" if has_failed else "ok",
        "LEVEL": "ERROR" if has_failed else "DEFAULT",
        "USER_ID": row["external_user"],
        "PROMPT_TOKENS": row["native_tokens_prompt"],
        "COMPLETION_TOKENS": row["native_tokens_completion"],
        "TOTAL_TOKENS": (row["native_tokens_prompt"] or 0) + (row["native_tokens_completion"] or 0),
        "TOTAL_COST": row["total_usage"],
        "INPUT": content.get("input"),
        "OUTPUT": content.get("completion"),
        "METADATA": row["log_fields"],
        "API_KEY_NAME": row["api_key_label"],
        "ATTRIBUTES": None,
        "MODEL_PARAMETERS": None,
    }


CHARGES = {
    "inference": "Inference paid from OpenRouter credits",
    "byok fee": "OpenRouter fee for inference on your own provider key",
    "byok inference": "Inference on your own provider key, estimated at market rates",
}


def charges_of(row: Row) -> list[Row]:
    """What is charged for a generation, by whom: BYOK gives two, of which OpenRouter bills the fee only."""
    fee = {"cost": row["credits_usage"], "billed": row["credits_usage"]}
    if not row["is_byok"]:
        return [row | fee | {"charge": "inference"}]
    inference = {"charge": "byok inference", "cost": row["byok_usage"], "billed": NOBODYS}
    return [row | fee | {"charge": "byok fee"}, row | inference]


def named(value: str | None, otherwise: str | None = None) -> str | None:
    """A name as it is; none and blanks are no name."""
    return value if value is not None and value.strip(" ") else otherwise


def focus_cost_and_usage(world: World) -> list[Row]:
    charges = [
        charge
        | {
            "charged_day": row["requested_day"] or row["fetched_at"].date(),
            "workspace": named(row["workspace_id"]),
            "end_user": named(row["external_user"]),
            "sku": named(row["model"], "unknown"),
            "provider": named(row["provider_name"]),
        }
        for row in world.facts
        for charge in charges_of(row)
    ]
    keys = ("charged_day", "workspace", "api_key_name", "app_id", "end_user", "sku", "provider", "charge")
    return [_focus(world, key, rows) for key, rows in grouped(charges, *keys)]


def _focus(world: World, key: Row, rows: list[Row]) -> Row:
    is_own, is_fee = (key["charge"] == charge for charge in ("byok inference", "byok fee"))
    issuer = key["provider"] or "unknown" if is_own else "OpenRouter"
    kinds = {"Input": "prompt", "Output": "completion", "Cached": "cached", "Reasoning": "reasoning"}
    tokens = {f"x_{kind}Tokens": number(rows, f"native_tokens_{name}") for kind, name in kinds.items()}
    quantity = float(len(rows) if is_fee else tokens["x_InputTokens"] + tokens["x_OutputTokens"])
    return {
        "BilledCost": total(rows, "billed"),
        **dict.fromkeys(("ContractedCost", "EffectiveCost", "ListCost"), total(rows, "cost")),
        "BillingAccountId": f"byok/{issuer}" if is_own else "openrouter",
        "BillingAccountName": f"Own account at {issuer}" if is_own else "OpenRouter account",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        **dict.fromkeys(("ChargeClass", "CommitmentDiscountStatus", "InvoiceId")),
        "ChargeDescription": CHARGES[key["charge"]],
        "ChargeFrequency": "Usage-Based",
        **_periods(key["charged_day"]),
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), quantity),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), "Requests" if is_fee else "Tokens"),
        **dict.fromkeys(("InvoiceIssuerName", "ProviderName"), issuer),
        "PublisherName": key["sku"].split("/", maxsplit=1)[0].strip(" ") or "unknown",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": f"{issuer} inference" if is_own else "OpenRouter",
        "ServiceSubcategory": "Generative AI",
        "SkuId": key["sku"],
        "SkuMeter": "BYOK Requests" if is_fee else "Inference Tokens",
        "SkuPriceDetails": {"x_InferenceProvider": key["provider"]},
        "SkuPriceId": "".join(
            (key["sku"], f"@{key['provider']}" if key["provider"] else "", "#byok-fee" if is_fee else "")
        ),
        "SubAccountId": key["workspace"],
        "SubAccountName": workspace_name(world, key["workspace"]),
        "Tags": {"app_id": key["app_id"], "external_user": key["end_user"], "api_key": key["api_key_name"]},
        "x_Charge": key["charge"],
        "x_Generations": len(rows),
        "x_InferenceProvider": key["provider"],
        "x_ApiKeyName": key["api_key_name"],
        "x_AppId": key["app_id"],
        "x_ExternalUser": key["end_user"],
        **(dict.fromkeys(tokens) if is_fee else tokens),
    }


def _periods(day: date) -> Row:
    names = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # UTC without zone
    next_month = (start.replace(day=1) + timedelta(days=31)).replace(day=1)
    return dict(zip(names, (start, start + DAY, start.replace(day=1), next_month), strict=True))


# Ledger


def coverage(world: World) -> list[Row]:
    states = Counter((g.line.source, "settled") for g in world.generations)
    states.update((w["source"], w["state"]) for w in world.work)
    reads = {r["source"]: r for r in world.reads}
    found = []
    for source in {source for source, _ in states} | set(reads):
        read = reads.get(source, {})
        ours = {state: states[source, state] for state in ("settled", "pending", "dead")}
        found.append(
            {"source": source, "first_seen_ids": sum(ours.values()), "bytes_read": read.get("position")}
            | {name: read.get(name) for name in ("complete", "problem", "sightings")}
            | {"last_read_at": world.now if read else None}
            | ours
        )
    return found


def dead_letters(world: World) -> list[Row]:
    return [
        {name: w[name] for name in ("generation_id", "reason", "requests", "source", "position")}
        | {"last_status": w["status"], "requested_at": second_of(w["generation_id"])}
        | {"first_seen_at": world.now, "runs": 1}
        for w in world.work
        if w["state"] == "dead"
    ]


def freshness(world: World) -> list[Row]:
    states = Counter(w["state"] for w in world.work)
    waiting = [second_of(w["generation_id"]) for w in world.work if w["state"] == "pending"]
    last_run_at, last_exit_code = max(world.runs, default=(None, None))
    return [
        {
            "settled": len(world.generations),
            "pending": states["pending"],
            "dead": states["dead"],
            "newest_settled_at": max(known(world.stored, "requested_at"), default=None),
            "oldest_pending_at": min(filter(None, waiting), default=None),
            "last_fetched_at": world.now if world.generations else None,
            "last_run_at": last_run_at,
            "last_exit_code": last_exit_code,
        }
    ]


FAR_OFF = timedelta(days=1)


def oddities(golden: Golden) -> set[str]:
    """What an answer has that it should not have."""
    d = golden.data
    usage, charged, upstream = money(d, "usage"), charge(d), money(d, "upstream_inference_cost")
    second, created = second_of(golden.id), time(d, "created_at")
    prompt, cached = count(d, "native_tokens_prompt"), count(d, "native_tokens_cached")
    completion, reasoning = count(d, "native_tokens_completion"), count(d, "native_tokens_reasoning")
    latency, whole = real(d, "latency"), real(d, "generation_time")
    is_own = bool(flag(d, "is_byok"))
    has = {
        "other_id": text(d, "id") not in (None, golden.id),
        "without_usage": charged is None and not is_hit(d),
        "total_cost_without_usage": usage is None and charged is not None,
        "byok_without_upstream": is_own and upstream is None and not is_hit(d),
        "upstream_without_byok": not is_own and bool(upstream),
        "usage_is_not_total_cost": None not in (usage, money(d, "total_cost")) and usage != money(d, "total_cost"),
        "negative_usage": (charged or 0) < 0,
        "reasoning_over_completion": None not in (reasoning, completion) and reasoning > completion,
        "cached_over_prompt": None not in (cached, prompt) and cached > prompt,
        "charged_without_tokens": (charged or 0) > 0 and not prompt and not completion,
        "cached_answer_charged": is_hit(d) and (bool(charged) or (is_own and bool(upstream))),
        "latency_over_generation_time": bool(latency) and (whole or 0) > 0 and latency > whole,
        "without_day": second is None and created is None,
        "created_on_another_day": None not in (second, created) and abs(created - second) > FAR_OFF,
        "with_unknown_fields": not all(is_held(d, name) for name in d),
    }
    return {oddity for oddity, is_so in has.items() if is_so} | {""}


ODDITIES = _names(
    "other_id same_record without_usage total_cost_without_usage byok_without_upstream upstream_without_byok "
    "usage_is_not_total_cost negative_usage "
    "reasoning_over_completion cached_over_prompt charged_without_tokens cached_answer_charged "
    "latency_over_generation_time without_day created_on_another_day with_unknown_fields"
)
ANYTHING = object()


def data_quality(world: World) -> list[Row]:
    having = {name: [g.id for g in world.generations if name in oddities(g)] for name in ODDITIES}
    having["same_record"] = list(world.booked_under)
    return [
        {
            "oddity": name,
            "meaning": ANYTHING,
            "generations": len(ids),
            "example_id": OneOf(frozenset(ids) or frozenset([None])),
        }
        for name, ids in having.items()
    ]


def nothing(_: World) -> list[Row]:
    return []


FOCUS_GRAIN = "ChargePeriodStart SubAccountId x_ApiKeyName x_AppId x_ExternalUser SkuId x_InferenceProvider x_Charge"
VIEWS: dict[str, tuple[str, Callable[[World], list[Row]]]] = {
    "main.generation_facts": ("generation_id", lambda world: world.facts),
    "ops.cost_cells": ("requested_day model provider_name", cost_cells),
    "main.cost_daily": ("requested_day", cost_daily),
    "main.cost_by_model": ("model", cost_by("model")),
    "main.cost_by_provider": ("provider_name", cost_by("provider_name")),
    "main.cost_by_app": ("app_id", cost_by_app),
    "main.cost_by_field": ("field value", cost_by_field),
    "main.cost_by_user": ("external_user", cost_by("external_user")),
    "main.cost_by_session": ("session_id", cost_by_session),
    "main.cost_by_request": ("request_id", cost_by_request),
    "main.cost_by_workspace": ("workspace_id", cost_by("workspace_id")),
    "main.cost_by_key": ("api_key_hash api_key_label api_key_id", cost_by_key),
    "main.cost_byok_vs_credits": ("cost_basis", cost_by("cost_basis")),
    "main.cost_drift": ("requested_day model app_id source", cost_drift),
    "main.cost_of_lost_generations": ("requested_day reason source", cost_of_lost_generations),
    "main.cost_daily_with_lost": ("requested_day", cost_daily_with_lost),
    "main.loaded_cost_daily": ("requested_day currency", loaded_daily),
    "main.loaded_cost_by_model": ("model currency", loaded_by("model")),
    "main.loaded_cost_by_app": ("app_id currency", loaded_by("app_id")),
    "main.loaded_cost_by_user": ("external_user currency", loaded_by("external_user")),
    "main.effective_prices": ("requested_day model provider_name", effective_prices),
    "main.cache_savings": ("model provider_name", cache_savings),
    "main.response_cache_savings": ("model", response_cache_savings),
    "main.reasoning_share": ("model", reasoning_share),
    "main.web_search_usage": ("model web_search_engine", web_search_usage),
    "main.failed_spend": ("model provider_name status", failed_spend),
    "main.cost_forecast": ("requested_day", cost_forecast),
    "main.cost_anomalies": ("requested_day scope model", cost_anomalies),
    "main.latency_by_model": ("model", latency_by("model")),
    "main.latency_by_provider": ("provider_name", latency_by("provider_name")),
    "main.latency_hourly": ("requested_hour", latency_hourly),
    "main.throughput_by_length": ("tokens_from", throughput_by_length),
    "main.provider_reliability": ("provider_name", provider_reliability),
    "main.error_rates": ("requested_day provider_name", error_rates),
    "main.fallbacks": ("generation_id", fallbacks),
    "main.provider_switches": ("generation_id", provider_switches),
    "main.openrouter_traces": ("SPAN_ID", openrouter_traces),
    "main.focus_cost_and_usage": (FOCUS_GRAIN, focus_cost_and_usage),
    "ops.coverage": ("source", coverage),
    "ops.dead_letters": ("generation_id", dead_letters),
    "ops.freshness": ("", freshness),
    "ops.reconciliation": ("requested_day model provider_name", reconciliation),
    "ops.reconciliation_days": ("requested_day", reconciliation_days),
    "ops.reconciliation_keys": ("requested_day api_key_label", reconciliation_keys),
    "ops.reconciliation_credits": ("account until_at", reconciliation_credits),
    "ops.data_quality": ("oddity", data_quality),
    "main.check_generation_id_unique": ("requested_day generation_id", nothing),
    "main.check_every_id_accounted_for": ("requested_day generation_id", nothing),
    "main.check_attempts_belong": ("requested_day generation_id", nothing),
    "main.check_rollups_agree": ("requested_day generation_id", nothing),
}
