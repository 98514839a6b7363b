"""Activity: what was used of each model, endpoint and workspace on one of the last 30 completed days (UTC)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.core.billing_records import ActivityDay, ActivityRow
from ingest.core.errors import UnexpectedInputError

if TYPE_CHECKING:
    from datetime import date, datetime

    from ingest.client.management import ManagementClient

PATH = "/activity"

DAYS = 30
"""Completed days that Activity knows."""

EXPECTED = (
    "model",
    "model_permaslug",
    "provider_name",
    "usage",
    "byok_usage_inference",
    "requests",
    "prompt_tokens",
    "completion_tokens",
)
"""Fields that every row should have; the others are not told in all cases."""


def completed_days(now: datetime) -> list[date]:
    """The days that Activity knows, the oldest first: never today's."""
    return [now.date() - timedelta(days=back) for back in range(DAYS, 0, -1)]


async def activity_of(client: ManagementClient, day: date) -> ActivityDay:
    """What was used on a day.

    Args:
        client: The client.
        day: A completed day, UTC.

    Raises:
        UnexpectedInputError: The answer is no list of rows.
        OrusageError: as `ManagementClient.get`.
    """
    answer = await client.get(PATH, {"date": day.isoformat(), "group_by": "workspace"})
    return read_activity(answer.data, day)


def read_activity(data: Any, day: date) -> ActivityDay:
    """The rows of an answer that are of the day, or tell no day. Raises as `activity_of`."""
    if not isinstance(data, list):
        raise UnexpectedInputError(
            f"{PATH} is not understood", cause="its data is no list of rows", fix="run the same command again later"
        )
    rows, missing, ignored = [], Counter[str](), 0
    for values in data:
        fields = Fields(values) if isinstance(values, dict) else None
        if fields is None or (fields.day("date") or day) != day:
            ignored += 1
            continue
        rows.append(_row(fields))
        missing.update(fields.lacks(EXPECTED))
    return ActivityDay(day, tuple(rows), dict(missing), ignored)


def _row(fields: Fields) -> ActivityRow:
    return ActivityRow(
        model=fields.text("model"),
        model_permaslug=fields.text("model_permaslug"),
        endpoint_id=fields.text("endpoint_id"),
        provider_name=fields.text("provider_name"),
        workspace_id=fields.text("workspace_id"),
        usage=fields.amount("usage"),
        byok_usage_inference=fields.amount("byok_usage_inference"),
        requests=fields.count("requests"),
        prompt_tokens=fields.count("prompt_tokens"),
        completion_tokens=fields.count("completion_tokens"),
        reasoning_tokens=fields.count("reasoning_tokens"),
        cached_tokens=fields.count("cached_tokens"),
        extra=fields.rest(),
    )
