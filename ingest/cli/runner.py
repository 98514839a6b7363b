"""Runs the pipeline in an event loop, ends it on a signal, and shows its progress."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingest.cli.progress_display import progress_shown
from ingest.core import open_files
from ingest.core.cancellation import RunCancellation
from ingest.core.clock import SystemClock
from ingest.core.errors import InterruptedRunError
from ingest.core.run_stats import RunStats
from ingest.pipeline.context import RunContext
from ingest.pipeline.progress import ProgressTracker
from ingest.pipeline.run import RunResult, ingest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from ingest.client.accounts import Account
    from ingest.core.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    sources: Sequence[str],
    warehouse: Path,
    accounts: Sequence[Account],
    settings: Settings,
    *,
    bar: bool,
    accounts_of_sources: Mapping[str, str] = MappingProxyType({}),
) -> tuple[RunResult, RunStats]:
    """Run the pipeline to its end, or until the first SIGINT or SIGTERM.

    Args:
        sources: Files, directories, globs, URLs and ``-``.
        warehouse: The DuckDB file.
        accounts: The accounts, in the order in which they are asked; their keys are loaded if there is an ID to fetch.
        settings: The run's settings.
        bar: Show a bar instead of heartbeat lines.
        accounts_of_sources: The account that one of `sources` names, for those that do.

    Returns:
        The result and the counts.

    Raises:
        OrusageError: as `ingest.pipeline.run.ingest`; InterruptedRunError for a signal while sources are read.
    """
    return asyncio.run(_run(sources, warehouse, tuple(accounts), settings, accounts_of_sources, bar=bar))


async def _run(
    sources: Sequence[str],
    warehouse: Path,
    accounts: tuple[Account, ...],
    settings: Settings,
    accounts_of_sources: Mapping[str, str],
    *,
    bar: bool,
) -> tuple[RunResult, RunStats]:
    open_files.raise_limit(settings.concurrency)
    clock, cancellation, stats = SystemClock(), RunCancellation(), RunStats()
    tracker = ProgressTracker(stats, clock)
    context = RunContext(warehouse, accounts, settings, clock, cancellation, stats, tracker.begin, accounts_of_sources)
    with _ended_by_signals(cancellation, tracker):
        async with progress_shown(tracker, clock, bar=bar):
            return await ingest(sources, context), stats


@contextmanager
def _ended_by_signals(cancellation: RunCancellation, tracker: ProgressTracker) -> Iterator[None]:
    """End the run on the first signal; a second one kills the process.

    While the run fetches, requests in flight are finished and stored. Before that there are none, and it ends at once.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        error = InterruptedRunError(number)
        cancellation.set(error)
        if not tracker.has_begun:
            raise error
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop, which may be waiting

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield
    except RuntimeError:
        if isinstance(cancellation.error, InterruptedRunError):  # which DuckDB 1.5 turned into a RuntimeError
            raise cancellation.error from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
