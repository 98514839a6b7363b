"""What a run shows while it runs: a bar on a terminal, a line now and then elsewhere. All of it on standard error."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ingest.clock import Clock
    from ingest.limiter import Gate
    from ingest.tally import Tally

REDRAW_EVERY = 0.2
HEARTBEAT_EVERY = 10.0
"""Seconds."""

log = logging.getLogger("orusage")


class Watch:
    """Looks at a run from outside: the tally it keeps and the gate it goes through."""

    def __init__(self, tally: Tally, clock: Clock) -> None:
        self.tally = tally
        self._clock = clock
        self._gate: Gate | None = None
        self._since = clock.monotonic()

    def begin(self, gate: Gate) -> None:
        """Fetching begins."""
        self._gate = gate
        self._since = self._clock.monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether fetching has begun."""
        return self._gate is not None

    def line(self) -> str:
        """Rate, requests in flight, what the server held back, and the pause it asked for."""
        if self._gate is None:
            return "reading sources"
        now = self._clock.monotonic()
        tally, rate = self.tally, self.tally.done / max(now - self._since, 0.001)
        parts = [f"{rate:.0f}/s", f"{self._gate.in_flight} in flight"]
        parts += [f"{tally.throttled} throttled"] if tally.throttled else []
        parts += [f"{tally.overloaded} overloaded"] if tally.overloaded else []
        pause = self._gate.limit.pause(now)
        parts += [f"waiting {pause:.0f} s as the server asked"] if pause >= 1 else []
        return ", ".join(parts)


@asynccontextmanager
async def shown(watch: Watch, clock: Clock, *, bar: bool) -> AsyncIterator[None]:
    """Show a run while the block runs.

    Args:
        watch: What to look at.
        clock: Where time comes from.
        bar: A bar that is redrawn in place; otherwise a heartbeat line.
    """
    shower = asyncio.create_task(_draw_bar(watch, clock) if bar else _beat(watch, clock))
    try:
        yield
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


async def _draw_bar(watch: Watch, clock: Clock) -> None:
    columns = (
        TextColumn("fetching"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[line]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=None, line="")
        while True:
            progress.update(task, completed=watch.tally.done, total=watch.tally.due or None, line=watch.line())
            progress.refresh()
            await clock.sleep(REDRAW_EVERY)


async def _beat(watch: Watch, clock: Clock) -> None:
    while True:
        await clock.sleep(HEARTBEAT_EVERY)
        log.info("%d of %d IDs, %s", watch.tally.done, watch.tally.due, watch.line())
