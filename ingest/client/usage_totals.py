"""Analytics' own totals by day, asked without any dimension or by API key, to compare other sums with."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.client.analytics import QUERY, Query, ask
from ingest.client.billing_values import Fields
from ingest.core.billing_records import UsageTotal
from ingest.core.errors import UnexpectedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from ingest.client.management import ManagementClient

METRICS = ("request_count", "credits_usage", "byok_usage")

KEY = "api_key_id"
"""The dimension whose rows carry the labels of API keys."""

_BUCKETS = ("date__day", "created_at__day", "date", "created_at")
"""Fields that may hold the day, depending on Analytics' source of data."""


async def totals_of(client: ManagementClient, days: Sequence[date], *, by_key: bool = False) -> list[UsageTotal]:
    """The totals of consecutive days, one for each day and, if asked by key, label.

    A day that Analytics does not mention had no traffic: without keys, it has a total of 0.

    Args:
        client: The client.
        days: The days, UTC, the oldest first; at most 31.
        by_key: Whether to ask for the totals of each API key.

    Raises:
        UnexpectedInputError: The answer is not understood, or that of one day is cut.
        OrusageError: as `ManagementClient.post`.
    """
    if not days:
        return []
    told = await ask(client, _question(days, by_key=by_key))
    if told.truncated and len(days) > 1:
        middle = len(days) // 2
        first = await totals_of(client, days[:middle], by_key=by_key)
        return first + await totals_of(client, days[middle:], by_key=by_key)
    if told.truncated:
        raise _not_understood(f"its answer for {days[0]} is cut at {len(told.rows):,} rows")
    return list(read_totals(told.rows, days, by_key=by_key))


def _question(days: Sequence[date], *, by_key: bool) -> Query:
    since, until = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1] + timedelta(days=1)))
    return Query(METRICS, [KEY] if by_key else [], since, until, granularity="day")


def read_totals(rows: list[dict[str, Any]], days: Sequence[date], *, by_key: bool) -> Iterator[UsageTotal]:
    """The totals in rows; rows of other days, such as that of an inclusive end, are left out. Raises as `totals_of`."""
    told = set()
    for row in rows:
        fields = Fields(row)
        day = fields.day(*_BUCKETS)
        if day is None:
            raise _not_understood("a row has no day")
        if day in days:
            told.add(day)
            counts = fields.count("request_count"), fields.amount("credits_usage"), fields.amount("byok_usage")
            yield UsageTotal(day, *counts, fields.text(KEY) if by_key else None)
    if not by_key:
        yield from (_nothing(day) for day in days if day not in told)


def _nothing(day: date) -> UsageTotal:
    return UsageTotal(day, 0, Decimal(0), Decimal(0))


def _not_understood(cause: str) -> UnexpectedInputError:
    return UnexpectedInputError(f"{QUERY} is not understood", cause=cause, fix="run the same command again later")
