"""Discovery: which generations OpenRouter knows of, by its Analytics API, into the ledger.

Analytics is asked for windows of time, oldest first. What one window tells is stored in one transaction, with a record
that it was asked, so that a run that is ended loses nothing and the next one goes on where it ended.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from ingest.client import analytics
from ingest.core.discovered import MEASURES
from ingest.core.errors import OrusageError, StorageError
from ingest.pipeline.certain_keys import certain_hashes
from ingest.pipeline.discovery_run import DiscoveryResult, DiscoveryWriter, open_warehouse
from ingest.pipeline.discovery_windows import period_to_ask, told_windows, windows_to_ask
from ingest.pipeline.told_generations import of_window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from ingest.client.analytics import Told
    from ingest.client.management import ManagementClient
    from ingest.pipeline.discovery_run import DiscoveryContext
    from ingest.pipeline.discovery_windows import Window

    Hashes = Callable[[Window, Told], Awaitable[dict[str, str]]]

DIMENSIONS = ("generation_id", "api_key_id")

METRICS = ("request_count", *MEASURES)
"""What is asked of each generation and has a column of its own."""

MORE_METRICS = (
    *("usage_upstream", "usage_web_fetch"),
    *("tokens_prompt", "tokens_completion", "reasoning_tokens", "cached_tokens"),
)
"""What is asked besides, and kept in `extra`."""


async def discover(
    client: ManagementClient, context: DiscoveryContext, since: datetime | None, until: datetime | None
) -> DiscoveryResult:
    """Ask Analytics for all generations of a period, and store what it tells.

    Args:
        client: The client, not entered yet.
        context: The parts of the discovery.
        since: Begin of the period; None: what was not asked about yet, from where it was first asked about.
        until: End of the period; None: now.

    Returns:
        What was stored, also if an error ended it early.

    Raises:
        UsageError: The period is empty, or further back than Analytics reaches.
        OrusageError: Nothing could be asked, or the warehouse failed.
    """
    now, started = context.clock.now(), context.clock.monotonic()
    period = period_to_ask(since, until, now)
    result = DiscoveryResult()
    async with client:
        metrics = await analytics.known_metrics(client, METRICS, MORE_METRICS)
        with open_warehouse(context, now) as warehouse:
            windows = [period] if since else windows_to_ask(period, warehouse.asked_windows(context.account))
            writer = DiscoveryWriter(warehouse, context, now, result)
            told = told_windows(windows, partial(_ask, client, metrics))
            hashes = partial(certain_hashes, client, shared=warehouse.shared_key_names(context.account))
            try:
                await _store_told(told, hashes, writer, context.account)
            except asyncio.CancelledError:
                warehouse.publish()
                raise
            except StorageError:
                raise
            except OrusageError as error:
                result.error = error
    result.seconds = context.clock.monotonic() - started
    return result


async def _store_told(
    told: AsyncIterator[tuple[Window, Told]], hashes: Hashes, writer: DiscoveryWriter, account: str | None
) -> None:
    async for window, answer in told:
        certain = await hashes(window, answer)
        writer.store(of_window(window, answer.rows, truncated=answer.truncated, account=account, hashes=certain))
        await writer.publish_if_due()


async def _ask(client: ManagementClient, metrics: Sequence[str], window: Window) -> Told | None:
    """What a window holds. Only one that can be divided is given up because it takes the server too long."""
    query = analytics.Query(metrics, DIMENSIONS, *window)
    if window.is_divisible:
        return await analytics.ask_unless_too_much(client, query)
    return await analytics.ask(client, query)
