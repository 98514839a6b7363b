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
    from ingest.pipeline.progress import Watch

HEARTBEAT_EVERY = 10.0
"""Seconds."""

log = logging.getLogger("orusage")


@asynccontextmanager
async def shown(watch: Watch, clock: Clock, *, bar: bool) -> AsyncIterator[None]:
    """Show a run while the block runs.

    Args:
        watch: Looks at the run.
        clock: Where time comes from.
        bar: A bar that is redrawn in place, if standard error can do that; otherwise a heartbeat line.
    """
    shower = asyncio.create_task(_draw(watch, clock) if bar else _beat(watch, clock))
    try:
        yield
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


async def _draw(watch: Watch, clock: Clock) -> None:
    from ingest.cli.progress_bar import console, draw  # whoever draws no bar does not pay for what draws it

    terminal = console()
    await (draw(watch, clock, terminal) if terminal else _beat(watch, clock))


async def _beat(watch: Watch, clock: Clock) -> None:
    while True:
        await clock.sleep(HEARTBEAT_EVERY)
        sight = watch.look()
        log.info("%s", sentence(sight), extra={"fields": fields(sight)})
