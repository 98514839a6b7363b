"""What a run works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.client.credentials import ApiKey
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import Clock
    from ingest.core.run_stats import RunStats
    from ingest.core.settings import Settings
    from ingest.fetch.ratelimit.async_limiter import AsyncLimiter


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run works with.

    Attributes:
        warehouse: The DuckDB file; it comes into being when there is something to store.
        load_key: Finds the API key; called when there is something to ask.
        settings: What was asked for.
        clock: Where time comes from.
        cancellation: Ends the run early; a signal handler may set it.
        stats: Counts as the run goes.
        on_fetch_start: Called with the limiter when fetching begins, to show progress.
    """

    warehouse: Path
    load_key: Callable[[], ApiKey]
    settings: Settings
    clock: Clock
    cancellation: RunCancellation
    stats: RunStats
    on_fetch_start: Callable[[AsyncLimiter], None]
