"""The bar that shows a run on a terminal, redrawn in place on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from ingest.pipeline.progress_text import as_on_a_clock, rate, traffic

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ingest.core.clock import Clock
    from ingest.pipeline.progress import ProgressSnapshot, ProgressTracker

REDRAW_EVERY = 0.2
"""Seconds."""


def console() -> Console | None:
    """Standard error, if a bar can be drawn there."""
    found = Console(stderr=True)
    return found if found.is_terminal and not found.is_dumb_terminal else None


async def draw(tracker: ProgressTracker, clock: Clock, on: Console) -> None:
    """Draw until cancelled, which leaves nothing behind."""
    with Live(console=on, transient=True, auto_refresh=False) as live:
        while True:
            live.update(picture(tracker.look()), refresh=True)
            await clock.sleep(REDRAW_EVERY)


def picture(snapshot: ProgressSnapshot) -> RenderableType:
    """A run as a bar, and below it what is under way and what holds it back.

    The line below wraps on a narrow terminal, so that no count is ever cut.
    """
    if snapshot.limit is None:
        return _row("reading", ProgressBar(total=None, pulse=True), f"{snapshot.found:,} IDs")
    bar = ProgressBar(total=snapshot.due, completed=snapshot.done)
    row = _row("fetching", bar, f"{snapshot.done:,}/{snapshot.due:,}", *rate(snapshot), as_on_a_clock(snapshot.eta))
    return Group(row, Text(", ".join(traffic(snapshot, snapshot.limit))))


def _row(label: str, bar: ProgressBar, *texts: str) -> Table:
    row = Table.grid(Column(no_wrap=True), Column(ratio=1), *(Column(no_wrap=True) for _ in texts), padding=(0, 1))
    row.expand = True
    row.add_row(label, bar, *texts)
    return row
