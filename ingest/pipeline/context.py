"""What a run works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.client.credentials import ApiKey
    from ingest.core.cancellation import Halt
    from ingest.core.clock import Clock
    from ingest.core.run_stats import Tally
    from ingest.core.settings import Settings
    from ingest.fetch.ratelimit.async_limiter import Gate


@dataclass(frozen=True, slots=True)
class Job:
    """What a run works with.

    Attributes:
        warehouse: The DuckDB file; it comes into being when there is something to store.
        load_key: Finds the API key; called when there is something to ask.
        settings: What was asked for.
        clock: Where time comes from.
        halt: Ends the run early; a signal handler may set it.
        tally: Counts as the run goes.
        watch: Handed the gate when fetching begins, for whoever shows progress.
    """

    warehouse: Path
    load_key: Callable[[], ApiKey]
    settings: Settings
    clock: Clock
    halt: Halt
    tally: Tally
    watch: Callable[[Gate], None]
