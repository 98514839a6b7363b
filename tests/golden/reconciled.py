"""What the views on the bill must show, told from their comments in plain Python: exact, and without SQL.

Their functions take a `World`, of which they read the facts and what OpenRouter told.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
ZERO = Decimal("0.000000000000")
HALF_A_CENT, NEARLY_NOTHING = Decimal("0.005"), Decimal("0.000001")
TOKENS = {
    "tokens_prompt": ("prompt_tokens", "native_tokens_prompt"),
    "tokens_completion": ("completion_tokens", "native_tokens_completion"),
    "reasoning_tokens": ("reasoning_tokens", "native_tokens_reasoning"),
    "cached_tokens": ("cached_tokens", "native_tokens_cached"),
}


def base_of(name: str) -> str:
    return name.split(":", maxsplit=1)[0]


def canonical(world: Any, day: Any, name: str | None) -> str | None:
    """The canonical slug that a name stands for on a day."""
    if name is None:
        return None
    for each in (name, base_of(name)):
        if found := _canonical(world, day, each):
            return base_of(found)
    return base_of(name)


def _canonical(world: Any, day: Any, name: str) -> str | None:
    of_day = [a for a in world.activity if a["activity_day"] == day and a["model_permaslug"]]
    if any(a["model_permaslug"] == name for a in of_day):
        return name
    if named := [a for a in of_day if a["model"] == name]:
        most = max(a["requests"] or -1 for a in named)
        return min(a["model_permaslug"] for a in named if (a["requests"] or -1) == most)
    listed = {}
    for model in sorted(world.models, key=lambda m: m["fetched_at"]):
        if model["canonical_slug"]:
            listed[model["slug"]] = model["canonical_slug"]
    if name in listed.values():
        return name
    if name in listed:
        return listed[name]
    others = [a for a in world.activity if a["model"] == name and a["model_permaslug"]]
    return max(others, key=lambda a: a["activity_day"])["model_permaslug"] if others else None


def cell_of_activity(world: Any, row: Row) -> tuple[Any, ...]:
    day, slug = row["activity_day"], row["model_permaslug"]
    model = base_of(slug) if slug is not None else canonical(world, day, row["model"])
    return day, model, row["provider_name"]


def cell_of_fact(world: Any, fact: Row, day: Any = None) -> tuple[Any, ...]:
    return day or fact["requested_day"], canonical(world, fact["requested_day"], fact["model"]), fact["provider_name"]


def summed(values: list[Any], start: Any) -> Any:
    """The sum of what is known; None if nothing is."""
    told = [v for v in values if v is not None]
    return sum(told, start=start) if told else None


def created_days(world: Any) -> dict[str, Any]:
    """The day of created_at of each generation of which it is another than that of the ID, and at most a day away."""
    found = {}
    for golden in world.generations:
        fact = next((f for f in world.facts if f["generation_id"] == golden.id), None)
        created = world.created_at(golden)
        if not (fact and fact["requested_at"] and created):
            continue
        is_near = abs(created.replace(tzinfo=UTC) - fact["requested_at"].replace(tzinfo=UTC)) <= timedelta(days=1)
        if is_near and created.date() != fact["requested_day"]:
            found[golden.id] = created.date()
    return found


def told_days(world: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for row in (*world.activity_days, *world.activity):
        day = row["activity_day"]
        found[day] = max(found.get(day, row["fetched_at"]), row["fetched_at"])
    return found


def reconciliation(world: Any) -> list[Row]:
    billed, known, moved = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in world.activity:
        billed[cell_of_activity(world, row)].append(row)
    days = created_days(world)
    for fact in world.facts:
        if not fact["requested_day"]:
            continue
        known[cell_of_fact(world, fact)].append(fact)
        if day := days.get(fact["generation_id"]):
            moved[cell_of_fact(world, fact, day)].append((fact["credits_usage"], 1))
            moved[cell_of_fact(world, fact)].append((-fact["credits_usage"], -1))
    told = told_days(world)
    rows = [
        _both_sides(cell, billed.get(cell, []), known.get(cell, []), moved.get(cell, []), told.get(cell[0]))
        for cell in billed.keys() | known.keys()
    ]
    by_model = defaultdict(list)
    for row in rows:
        by_model[row["requested_day"], row["model"]].append(row)
    for row in rows:
        row["difference"] = _difference(row, by_model[row["requested_day"], row["model"]])
    return rows


def _both_sides(cell: Any, billed: list[Row], known: list[Row], moved: list[Any], told_at: Any) -> Row:
    nothing = told_at is not None and not billed
    usage = ZERO if nothing else summed([b["usage"] for b in billed], ZERO)
    byok = ZERO if nothing else summed([b["byok_usage_inference"] for b in billed], ZERO)
    requests = 0 if nothing else summed([b["requests"] for b in billed], 0)
    ours = sum((f["credits_usage"] for f in known), start=ZERO)
    ours_byok = sum((f["byok_usage"] for f in known), start=ZERO)
    row = {
        "requested_day": cell[0],
        "model": cell[1],
        "provider_name": cell[2],
        "billed_usage": usage,
        "credits_usage": ours,
        "missing_usage": None if usage is None else usage - ours,
        "usage_coverage": Fraction(ours) / Fraction(usage) if usage else None,
        "billed_byok_usage": byok,
        "byok_usage": ours_byok,
        "missing_byok_usage": None if byok is None else byok - ours_byok,
        "billed_requests": requests,
        "request_count": len(known),
        "missing_requests": None if requests is None else requests - len(known),
        "midnight_usage": sum((amount for amount, _ in moved), start=ZERO),
        "midnight_requests": sum(number for _, number in moved),
        "web_search_usage": sum((f["total_usage"] for f in known if f["is_web_search"]), start=ZERO),
        "response_cache_hits": sum(f["is_response_cache_hit"] for f in known),
        "fetched_at": told_at,
    }
    for name, (theirs, own) in TOKENS.items():
        row[f"billed_{name}"] = summed([b[theirs] for b in billed], 0)
        row[name] = sum(f[own] or 0 for f in known)
    return row


def _difference(row: Row, of_model: list[Row]) -> str:
    """The first of the looks that the difference has."""
    lack, requests = row["missing_usage"], row["missing_requests"]
    if lack is None:
        return "not_told"
    amount = summed([r["missing_usage"] for r in of_model], ZERO)
    number = summed([r["missing_requests"] for r in of_model], 0)
    is_only_more = abs(lack) < NEARLY_NOTHING and requests is not None and requests < 0
    looks = {
        "equal": not lack and not requests,
        "rounding": abs(lack) < HALF_A_CENT and not requests,
        "midnight": abs(lack - row["midnight_usage"]) < HALF_A_CENT and requests == row["midnight_requests"],
        "provider": abs(amount) < HALF_A_CENT and number == 0,
        "response_cache": is_only_more and -(requests or 0) == row["response_cache_hits"],
        "fan_out": is_only_more and row["billed_requests"] > 0,
        "web_search": requests == 0 and row["web_search_usage"] > 0,
        "known_more": lack < 0 or (lack == 0 and requests is not None and requests < 0),
        "missing": True,
    }
    return next(look for look, is_so in looks.items() if is_so)


def reconciliation_days(world: Any) -> list[Row]:
    cells, told = reconciliation(world), told_days(world)
    days = {c["requested_day"] for c in cells} | {a["usage_day"] for a in world.analytics_days} | told.keys()
    return [_day(world, cells, told, day) for day in days]


def _day(world: Any, cells: list[Row], told: Any, day: Any) -> Row:
    here = [c for c in cells if c["requested_day"] == day]
    totals = [a for a in world.analytics_days if a["usage_day"] == day]
    row: Row = {"requested_day": day}
    for measure, ours, start in (
        ("usage", "credits_usage", ZERO),
        ("byok_usage", "byok_usage", ZERO),
        ("requests", "request_count", 0),
    ):
        theirs = {"usage": "credits_usage", "byok_usage": "byok_usage", "requests": "request_count"}[measure]
        activity = summed([c[f"billed_{measure}"] for c in here], start) if day in told else None
        activity = start if activity is None and day in told else activity
        analytics = summed([a[theirs] for a in totals], start)
        billed = max((v for v in (activity, analytics) if v is not None), default=None)
        known = sum((c[ours] for c in here), start=start)
        row |= {f"activity_{measure}": activity, f"analytics_{measure}": analytics, f"billed_{measure}": billed}
        row |= {ours: known, f"missing_{measure}": None if billed is None else billed - known}
    billed, both = row["billed_usage"], (row["activity_usage"], row["analytics_usage"])
    times = [a["fetched_at"] for a in totals] + ([max(c["fetched_at"] for c in here)] if here and told.get(day) else [])
    return row | {
        "usage_coverage": Fraction(row["credits_usage"]) / Fraction(billed) if billed else None,
        "unlisted_usage": None if None in both else both[1] - both[0],
        "midnight_usage": sum((c["midnight_usage"] for c in here), start=ZERO),
        "midnight_requests": sum(c["midnight_requests"] for c in here),
        "fetched_at": max(times, default=None),
    }


def reconciliation_keys(world: Any) -> list[Row]:
    theirs, ours = defaultdict(list), defaultdict(list)
    for row in world.analytics_keys:
        theirs[row["usage_day"], row["api_key_label"]].append(row)
    for fact in world.facts:
        if fact["requested_day"]:
            ours[fact["requested_day"], fact["api_key_label"]].append(fact)
    told = {a["usage_day"]: a["fetched_at"] for a in world.analytics_days if a["request_count"] == 0}
    told |= {a["usage_day"]: a["fetched_at"] for a in world.analytics_keys}
    return [_key(world, key, theirs.get(key, []), ours.get(key, []), told) for key in theirs.keys() | ours.keys()]


def _key(world: Any, key: Any, theirs: list[Row], ours: list[Row], told: Any) -> Row:
    nothing = not theirs and key[0] in told
    row: Row = {"requested_day": key[0], "api_key_label": key[1], "fetched_at": told.get(key[0])}
    for measure, own, start in (("usage", "credits_usage", ZERO), ("byok_usage", "byok_usage", ZERO)):
        billed = ZERO if nothing else summed([t[own] for t in theirs], start)
        known = sum((f[own] for f in ours), start=start)
        row |= {f"billed_{measure}": billed, own: known}
        row |= {f"missing_{measure}": None if billed is None else billed - known}
    requests = 0 if nothing else summed([t["request_count"] for t in theirs], 0)
    unlogged = [f for f in ours if f["source"] in world.discoveries]
    return row | {
        "usage_coverage": Fraction(row["credits_usage"]) / Fraction(row["billed_usage"])
        if row["billed_usage"]
        else None,
        "billed_requests": requests,
        "request_count": len(ours),
        "missing_requests": None if requests is None else requests - len(ours),
        "unlogged_requests": len(unlogged),
        "unlogged_usage": sum((f["credits_usage"] for f in unlogged), start=ZERO),
    }


def reconciliation_credits(world: Any) -> list[Row]:
    found = []
    for account in {c["account"] for c in world.credits}:
        told = sorted((c for c in world.credits if c["account"] == account), key=lambda c: c["fetched_at"])
        for before, after in pairwise(told):
            known = [
                f
                for f in world.facts
                if (account is None or f["account"] == account)
                and f["requested_at"]
                and before["fetched_at"] <= f["requested_at"] < after["fetched_at"]
            ]
            billed = after["total_usage"] - before["total_usage"]
            ours = sum((f["credits_usage"] for f in known), start=ZERO)
            found.append(
                {
                    "account": account,
                    "since_at": before["fetched_at"],
                    "until_at": after["fetched_at"],
                    "billed_usage": billed,
                    "credits_usage": ours,
                    "missing_usage": billed - ours,
                    "usage_coverage": Fraction(ours) / Fraction(billed) if billed else None,
                    "request_count": len(known),
                    "balance_usage": after["total_credits"] - after["total_usage"],
                }
            )
    return found
