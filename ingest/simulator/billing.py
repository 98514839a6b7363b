"""The answers of the billing API: activity per day and endpoint, credits, and the counters of keys."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.simulator.draws import number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ingest.simulator.population import Population
    from ingest.simulator.traffic import Call

ACTIVITY_DAYS = 30
"""Completed UTC days that activity goes back."""

PURCHASE = 100
"""USD of each purchase of credits."""


def activity(
    calls: Iterable[Call], seed: int, *, by_workspace: bool, left_out: Collection[str]
) -> list[dict[str, Any]]:
    """The rows of `GET /activity`: one per day, model and endpoint, and workspace if asked for, newest day first."""
    groups: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
    for call in calls:
        if call.model not in left_out:
            key = (call.day, call.model, call.provider, call.workspace.id if by_workspace else "")
            groups[key].append(call)
    newest_first = sorted(sorted(groups), key=lambda key: key[0], reverse=True)
    return [_activity_row(groups[key], seed, by_workspace=by_workspace) for key in newest_first]


def _activity_row(calls: list[Call], seed: int, *, by_workspace: bool) -> dict[str, Any]:
    first = calls[0]
    midnight = " 00:00:00" if number(seed, first.day.isoformat(), "date with time") % 4 == 0 else ""
    row = {
        "date": f"{first.day}{midnight}",
        "model": first.listed_model,
        "model_permaslug": first.model,
        "endpoint_id": _endpoint_id(seed, first),
        "provider_name": first.provider,
        "usage": usd(sum(c.usage for c in calls)),
        "byok_usage_inference": usd(sum(c.byok_usage for c in calls)),
        "requests": len(calls),
        "prompt_tokens": sum(c.prompt_tokens for c in calls),
        "completion_tokens": sum(c.completion_tokens for c in calls),
        "reasoning_tokens": sum(c.reasoning_tokens for c in calls),
        "cached_tokens": sum(c.cached_tokens for c in calls),
    }
    return row | {"workspace_id": first.workspace.id} if by_workspace else row


def _endpoint_id(seed: int, call: Call) -> str:
    digits = f"{number(seed, call.model, 'endpoint'):016x}{number(seed, call.provider, 'endpoint'):016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def completed_day(text: str, population: Population) -> tuple[datetime, datetime] | None:
    """The begin and the end of a day that activity still has; None for any other text."""
    first, end = population.completed_days(ACTIVITY_DAYS)
    try:
        begin = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None
    return (begin, begin + timedelta(days=1)) if first <= begin < end else None


def credits_of(calls: Iterable[Call]) -> dict[str, Any]:
    """What was bought and used in the account's lifetime; credits are bought when they run out."""
    used = usd(sum(c.usage for c in calls))
    return {"total_credits": PURCHASE * (int(used) // PURCHASE + 1), "total_usage": used}


def counters(calls: list[Call], now: datetime) -> dict[str, Any]:
    """The counters of a key: ever, and since midnight, since Monday and since the first of the month (UTC)."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = {
        "": datetime.min.replace(tzinfo=UTC),
        "_daily": today,
        "_weekly": today - timedelta(days=today.weekday()),
        "_monthly": today.replace(day=1),
    }
    return dict(_sums(calls, begins))


def _sums(calls: list[Call], begins: dict[str, datetime]) -> Iterator[tuple[str, Decimal]]:
    for suffix, begin in begins.items():
        within = [c for c in calls if c.created_at >= begin]
        yield f"usage{suffix}", usd(sum(c.usage for c in within))
        yield f"byok_usage{suffix}", usd(sum(c.byok_usage for c in within))


def usd(amount: int) -> Decimal:
    """USD 1e-12 in USD, exactly."""
    return Decimal(amount).scaleb(-12)
