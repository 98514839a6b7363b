"""What a run shows while it runs: a bar on a terminal, a line now and then elsewhere. All of it on standard error."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ingest.pipeline.progress_text import fields, sentence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.core.clock import Clock
    from ingest.pipeline.progress import ProgressTracker

HEARTBEAT_EVERY = 10.0
"""Seconds."""

log = logging.getLogger("orusage")


@asynccontextmanager
async def shown(tracker: ProgressTracker, clock: Clock, *, bar: bool) -> AsyncIterator[None]:
    """Show a run while the block runs.

    Args:
        tracker: Looks at the run.
        clock: Where time comes from.
        bar: A bar that is redrawn in place, if standard error can do that; otherwise a heartbeat line.
    """
    shower = asyncio.create_task(_draw(tracker, clock) if bar else _beat(tracker, clock))
    try:
        yield
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


async def _draw(tracker: ProgressTracker, clock: Clock) -> None:
    from ingest.cli.progress_bar import console, draw  # whoever draws no bar does not pay for what draws it

    terminal = console()
    await (draw(tracker, clock, terminal) if terminal else _beat(tracker, clock))


async def _beat(tracker: ProgressTracker, clock: Clock) -> None:
    while True:
        await clock.sleep(HEARTBEAT_EVERY)
        snapshot = tracker.look()
        log.info("%s", sentence(snapshot), extra={"fields": fields(snapshot)})
