"""One ingest run as a process: the event loop, the signals that end it, and what it shows meanwhile."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.cli.progress_display import shown
from ingest.core.cancellation import RunCancellation
from ingest.core.clock import SystemClock
from ingest.core.errors import InterruptedRunError
from ingest.core.run_stats import RunStats
from ingest.pipeline.context import RunContext
from ingest.pipeline.progress import ProgressTracker
from ingest.pipeline.run import RunResult, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from ingest.client.credentials import ApiKey
    from ingest.core.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    sources: Sequence[str], warehouse: Path, load_key: Callable[[], ApiKey], settings: Settings, *, bar: bool
) -> tuple[RunResult, RunStats]:
    """Run the job to its end, or to the first SIGINT or SIGTERM.

    Args:
        sources: Files, directories, globs and ``-``.
        warehouse: The DuckDB file.
        load_key: Finds the API key.
        settings: What was asked for.
        bar: Show a bar instead of heartbeat lines.

    Returns:
        How it ended, and what it counted.

    Raises:
        OrusageError: as `ingest.pipeline.run.ingest`; InterruptedRunError if a signal came while sources were read.
    """
    return asyncio.run(_run(sources, warehouse, load_key, settings, bar=bar))


async def _run(
    sources: Sequence[str], warehouse: Path, load_key: Callable[[], ApiKey], settings: Settings, *, bar: bool
) -> tuple[RunResult, RunStats]:
    clock, cancellation, stats = SystemClock(), RunCancellation(), RunStats()
    tracker = ProgressTracker(stats, clock)
    context = RunContext(warehouse, load_key, settings, clock, cancellation, stats, tracker.begin)
    with _ended_by_signals(cancellation, tracker):
        async with shown(tracker, clock, bar=bar):
            return await ingest(sources, context), stats


@contextmanager
def _ended_by_signals(cancellation: RunCancellation, tracker: ProgressTracker) -> Iterator[None]:
    """While fetching, the first signal lets the run finish what is under way; before, nothing is, and it ends at once.

    A second signal kills it, as it would any process.
    """
    loop = asyncio.get_running_loop()

    def end(number: int, _: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        error = InterruptedRunError(number)
        cancellation.set(error)
        if not tracker.has_begun:
            raise error
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop, which may be asleep

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    except RuntimeError:
        if isinstance(
            cancellation.error, InterruptedRunError
        ):  # DuckDB 1.5 makes a RuntimeError of what a handler raises
            raise cancellation.error from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
