"""What a run shows while it runs: a bar on a terminal, a line now and then elsewhere. All of it on standard error."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.console import RenderableType

    from ingest.clock import Clock
    from ingest.limiter import LimitState
    from ingest.watch import Sight, Watch

REDRAW_EVERY = 0.2
HEARTBEAT_EVERY = 10.0
"""Seconds."""

MINUTE = 60
"""Seconds, as an hour has minutes."""

SLOW = 10.0
"""IDs per second; a lower rate is shown with a decimal."""

REASONS = {
    "asked": "as the server asked",
    "throttled": "throttled",
    "overloaded": "the server is overloaded",
    "silent": "no answers",
}
"""Why a limiter pauses, in words."""

log = logging.getLogger("orusage")


@asynccontextmanager
async def shown(watch: Watch, clock: Clock, *, bar: bool) -> AsyncIterator[None]:
    """Show a run while the block runs.

    Args:
        watch: Looks at the run.
        clock: Where time comes from.
        bar: A bar that is redrawn in place, if standard error can do that; otherwise a heartbeat line.
    """
    console = Console(stderr=True)
    is_drawn = bar and console.is_terminal and not console.is_dumb_terminal
    shower = asyncio.create_task(_draw(watch, clock, console) if is_drawn else _beat(watch, clock))
    try:
        yield
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


async def _draw(watch: Watch, clock: Clock, console: Console) -> None:
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            live.update(picture(watch.look()), refresh=True)
            await clock.sleep(REDRAW_EVERY)


async def _beat(watch: Watch, clock: Clock) -> None:
    while True:
        await clock.sleep(HEARTBEAT_EVERY)
        sight = watch.look()
        log.info("%s", sentence(sight), extra={"fields": fields(sight)})


def picture(sight: Sight) -> RenderableType:
    """A run as a bar, and below it what is under way and what holds it back.

    The line below wraps on a narrow terminal, so that no count is ever cut.
    """
    if sight.limit is None:
        return _row("reading", ProgressBar(total=None, pulse=True), f"{sight.found:,} IDs")
    bar = ProgressBar(total=sight.due, completed=sight.done)
    row = _row("fetching", bar, f"{sight.done:,}/{sight.due:,}", *_rate(sight), _as_on_a_clock(sight.eta))
    return Group(row, Text(", ".join(_traffic(sight, sight.limit))))


def _row(label: str, bar: ProgressBar, *texts: str) -> Table:
    row = Table.grid(Column(no_wrap=True), Column(ratio=1), *(Column(no_wrap=True) for _ in texts), padding=(0, 1))
    row.expand = True
    row.add_row(label, bar, *texts)
    return row


def sentence(sight: Sight) -> str:
    """A run as one line of a log."""
    if sight.limit is None:
        return f"reading sources, {sight.found:,} IDs so far"
    left = [] if sight.eta is None else [f"{_in_words(sight.eta)} left"]
    return ", ".join([f"{sight.done:,} of {sight.due:,} IDs", *_rate(sight), *_traffic(sight, sight.limit), *left])


def fields(sight: Sight) -> dict[str, Any]:
    """A run for programs: rates are per second, times in seconds; None is unknown, or there is none."""
    limit = sight.limit
    return {
        "done": sight.done,
        "due": sight.due,
        "rate": _rounded(sight.rate),
        "limit_rate": _rounded(limit.rate) if limit else None,
        "phase": limit.phase if limit else "reading",
        "in_flight": limit.in_flight if limit else 0,
        "throttled": sight.throttled,
        "overloaded": sight.overloaded,
        "pause_seconds": _rounded(limit.pause) if limit else 0.0,
        "pause_reason": limit.reason if limit else None,
        "eta_seconds": _rounded(sight.eta),
    }


def _traffic(sight: Sight, limit: LimitState) -> list[str]:
    """Requests under way, what the server turned away, and the pause."""
    parts = [f"{limit.in_flight:,} in flight"]
    parts += [f"{sight.throttled:,} throttled"] if sight.throttled else []
    parts += [f"{sight.overloaded:,} overloaded"] if sight.overloaded else []
    if sight.resumes_at:
        why = f": {REASONS[limit.reason]}" if limit.reason else ""
        parts.append(f"paused {limit.pause:.0f} s until {sight.resumes_at:%H:%M:%S} UTC{why}")
    elif limit.phase == "searching":
        parts.append("searching for the rate")
    return parts


def _rate(sight: Sight) -> list[str]:
    if sight.rate is None:
        return []
    return [f"{sight.rate:,.0f}/s" if sight.rate >= SLOW else f"{sight.rate:.1f}/s"]


def _as_on_a_clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, second = divmod(round(seconds), MINUTE)
    hour, minute = divmod(minutes, MINUTE)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"


def _in_words(seconds: float) -> str:
    """To the second below two minutes, else to the minute."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    hour, minute = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hour} h {minute} min" if hour else f"{minute} min"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
