"""What OpenRouter tells of generations apart from their metadata: through its Analytics API, or in its Logs CSV."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

ANALYTICS = "openrouter:analytics"
"""The source of IDs that the Analytics API told."""

MEASURES = (
    "total_usage",
    "credits_usage",
    "byok_usage",
    "byok_fees",
    "usage_web",
    "usage_file",
    "usage_cache",
    "usage_data",
)
"""The fields of money of a `DiscoveredGeneration`, under the names of the Analytics API."""


class DiscoveredGeneration(msgspec.Struct, frozen=True, gc=False):
    """What was told of one generation. What was not told, or cannot be read exactly, is None.

    Attributes:
        generation_id: The ID, in a known form.
        line: Number of its line in the CSV, from 1; None for Analytics.
        api_key_label: Name of the key that was used. Several keys may have one name.
        api_key_hash: The key's hash; only where it is certain.
        request_count: Requests that it counts for.
        total_usage: What it cost in all, in USD.
        credits_usage: What was charged to credits, in USD.
        byok_usage: What the provider charged the account's own key, in USD.
        byok_fees: OpenRouter's fee for the use of the account's own key, in USD.
        usage_web: The part for web search, in USD.
        usage_file: The part for reading files, in USD.
        usage_cache: The part of the prompt cache, in USD; negative if it saved.
        usage_data: The discount for sharing data, in USD; negative.
        extra: JSON object of everything else that was told.
        log_fields: JSON object that is stored with an ID that is new.
    """

    generation_id: str
    line: int | None = None
    api_key_label: str | None = None
    api_key_hash: str | None = None
    request_count: int | None = None
    total_usage: Decimal | None = None
    credits_usage: Decimal | None = None
    byok_usage: Decimal | None = None
    byok_fees: Decimal | None = None
    usage_web: Decimal | None = None
    usage_file: Decimal | None = None
    usage_cache: Decimal | None = None
    usage_data: Decimal | None = None
    extra: str | None = None
    log_fields: str | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one window of Analytics, or some lines of a CSV, told. It is stored in one transaction.

    Attributes:
        source: `ANALYTICS`, or the CSV's path.
        generations: The generations, each once.
        rows: Rows that were told.
        since: Begin of the window, in UTC; None for a CSV.
        until: End of the window, in UTC; None for a CSV.
        rows_without_id: Rows that name no generation ID of a known form.
        usage_without_id: What these rows cost, in USD.
        truncated: Whether the window holds more generations than one answer can tell.
        problem: What was wrong; None if nothing.
        account: Name of the configured account; None if no accounts are configured.
    """

    source: str
    generations: tuple[DiscoveredGeneration, ...]
    rows: int
    since: datetime | None = None
    until: datetime | None = None
    rows_without_id: int = 0
    usage_without_id: Decimal = Decimal(0)
    truncated: bool = False
    problem: str | None = None
    account: str | None = None


def merged_extra(before: str | None, now: str | None) -> str | None:
    """The fields of two JSON objects, exactly as they are written; of two with one name the later one."""
    if before is None or now is None or before == now:
        return before if now is None else now
    return msgspec.json.encode(_decode(before) | _decode(now)).decode()


_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
