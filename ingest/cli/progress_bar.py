"""The progress bar: drawn on standard error of a terminal, redrawn in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from ingest.pipeline.progress_text import clock_text, rate_text, traffic

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ingest.core.clock import Clock
    from ingest.pipeline.progress import ProgressSnapshot, ProgressTracker

REDRAW_EVERY = 0.2
"""Seconds between two drawings."""


def terminal() -> Console | None:
    """Standard error, if a bar can be drawn there."""
    console = Console(stderr=True)
    return console if console.is_terminal and not console.is_dumb_terminal else None


async def draw(tracker: ProgressTracker, clock: Clock, console: Console) -> None:
    """Draw until cancelled; the bar is then removed."""
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            live.update(render_bar(tracker.snapshot()), refresh=True)
            await clock.sleep(REDRAW_EVERY)


def render_bar(snapshot: ProgressSnapshot) -> RenderableType:
    """A bar, and while fetching a line below it: requests in flight, throttling and pauses.

    On a narrow terminal the line below wraps, so that no count is cut.
    """
    if snapshot.limit is None:
        return _row("reading", ProgressBar(total=None, pulse=True), f"{snapshot.found:,} IDs")
    bar = ProgressBar(total=snapshot.due, completed=snapshot.done)
    row = _row("fetching", bar, f"{snapshot.done:,}/{snapshot.due:,}", *rate_text(snapshot), clock_text(snapshot.eta))
    return Group(row, Text(", ".join(traffic(snapshot, snapshot.limit))))


def _row(label: str, bar: ProgressBar, *texts: str) -> Table:
    row = Table.grid(Column(no_wrap=True), Column(ratio=1), *(Column(no_wrap=True) for _ in texts), padding=(0, 1))
    row.expand = True
    row.add_row(label, bar, *texts)
    return row
