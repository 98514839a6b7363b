"""The parts of one run, put together by the command line and used by every stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ingest.client.accounts import Account
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
        accounts: At least one account, in the order in which they are asked. Their keys are loaded when an ID is due.
        settings: The options of the run.
        clock: The wall clock and the monotonic clock.
        cancellation: Ends the run early; a signal handler may set it.
        stats: Counts as the run goes.
        on_fetch_start: Called with the limiters when fetching begins, to show progress.
        accounts_of_sources: The account that an argument in SOURCES names, for those that do.
    """

    warehouse: Path
    accounts: tuple[Account, ...]
    settings: Settings
    clock: Clock
    cancellation: RunCancellation
    stats: RunStats
    on_fetch_start: Callable[[Sequence[AsyncLimiter]], None]
    accounts_of_sources: Mapping[str, str] = field(default_factory=dict)
