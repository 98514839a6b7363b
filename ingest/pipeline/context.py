"""The parts of one run, put together by the command line and used by every stage."""

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
    """The parts of one run.

    Attributes:
        warehouse: The DuckDB file; it is created when there is something to store.
        load_key: Returns the API key; called when an ID is due.
        settings: The options of the run.
        clock: The wall clock and the monotonic clock.
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
