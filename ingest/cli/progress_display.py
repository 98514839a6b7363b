"""Progress of a run on standard error: a bar on a terminal, otherwise a log line every few seconds."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ingest.pipeline.progress_text import fields, sentence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.core.clock import Clock
    from ingest.pipeline.progress import ProgressTracker

HEARTBEAT_EVERY = 10.0
"""Seconds between two log lines."""

log = logging.getLogger("orusage")


def wants_bar(progress: str, log_format: str) -> bool:
    """Whether to try a bar.

    Args:
        progress: ``bar``, ``plain``, or ``auto``: a bar if standard error is a terminal and shows an ordinary text log.
        log_format: ``text`` or ``json``.
    """
    if progress == "auto":
        return sys.stderr.isatty() and log_format == "text" and log.isEnabledFor(logging.INFO)
    return progress == "bar"


@asynccontextmanager
async def progress_shown(tracker: ProgressTracker, clock: Clock, *, bar: bool) -> AsyncIterator[None]:
    """Show the progress of a run while the block runs.

    Args:
        tracker: Takes the snapshots.
        clock: Times the display.
        bar: Draw a bar that is redrawn in place, if standard error supports it; otherwise log heartbeat lines.
    """
    display = asyncio.create_task(_draw_bar(tracker, clock) if bar else _log_heartbeats(tracker, clock))
    try:
        yield
    finally:
        display.cancel()
        await asyncio.gather(display, return_exceptions=True)


async def _draw_bar(tracker: ProgressTracker, clock: Clock) -> None:
    from ingest.cli.progress_bar import draw, terminal  # rich is loaded only for a bar

    console = terminal()
    await (draw(tracker, clock, console) if console else _log_heartbeats(tracker, clock))


async def _log_heartbeats(tracker: ProgressTracker, clock: Clock) -> None:
    while True:
        await clock.sleep(HEARTBEAT_EVERY)
        snapshot = tracker.snapshot()
        log.info("%s", sentence(snapshot), extra={"fields": fields(snapshot)})
