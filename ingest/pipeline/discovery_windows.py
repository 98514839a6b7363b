"""The windows of time that are asked for: which were not asked for yet, and how a window with too much is divided."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from ingest.client.analytics import Told

REACH = timedelta(days=31)
"""How far back Analytics tells of single generations."""

MARGIN = timedelta(minutes=1)
"""How much less is asked for, because time goes on until the server reads the question."""

SHORTEST = timedelta(seconds=1)
"""A window of this length is not divided."""


LATE = timedelta(hours=1)
"""A window is asked about again until this time after its end: the newest generations may be told late."""

log = logging.getLogger("orusage")


class Window(NamedTuple):
    """A span of time in whole seconds, UTC: from `since` on, before `until`."""

    since: datetime
    until: datetime

    @property
    def is_divisible(self) -> bool:
        """Whether it is longer than `SHORTEST`."""
        return self.until - self.since > SHORTEST

    def halves(self) -> tuple[Window, Window]:
        """The earlier and the later half; they meet at a whole second."""
        middle = self.since + SHORTEST * ((self.until - self.since) // SHORTEST // 2)
        return Window(self.since, middle), Window(middle, self.until)


def period_to_ask(since: datetime | None, until: datetime | None, now: datetime) -> Window:
    """The period to ask for, in whole seconds, as far as Analytics reaches. A warning says what it does not.

    Args:
        since: Its begin; None: as far back as possible.
        until: Its end; None: now.
        now: The wall clock, UTC.

    Raises:
        UsageError: It is empty, or further back than Analytics reaches.
    """
    earliest, latest = _whole(now - REACH + MARGIN), _whole(now) + SHORTEST
    end = latest if until is None else min(_whole(until), latest)
    if end <= earliest or (since and end <= since):
        raise _empty_period(since, end, earliest)
    if since and since < earliest:
        log.warning(
            "Analytics tells of the last %s days only: IDs from %s on are discovered; for older ones use --csv",
            REACH.days,
            f"{earliest:%Y-%m-%d %H:%M:%S} UTC",
        )
    return Window(max(_whole(since), earliest) if since else earliest, end)


def _empty_period(since: datetime | None, end: datetime, earliest: datetime) -> UsageError:
    if end <= earliest:
        return UsageError(
            "the period is further back than Analytics reaches",
            cause=f"it ends {end:%Y-%m-%d %H:%M:%S} UTC, and single generations are told for {REACH.days} days only",
            fix="export the CSV of it from https://openrouter.ai/logs, and read it by `orusage discover --csv FILE`",
        )
    return UsageError(
        "the period is empty",
        cause=f"--since {since:%Y-%m-%d %H:%M:%S} UTC is not before its end, {end:%Y-%m-%d %H:%M:%S} UTC",
        fix="name an earlier --since or a later --until",
    )


def gaps(window: Window, covered: Iterable[Window]) -> Iterator[Window]:
    """The parts of a window that none of the others covers, in order of time."""
    begin = window.since
    for since, until in sorted(covered):
        if begin < min(since, window.until):
            yield Window(begin, min(since, window.until))
        begin = max(begin, until)
    if begin < window.until:
        yield Window(begin, window.until)


def windows_to_ask(period: Window, asked: Iterable[tuple[datetime, datetime, datetime]]) -> list[Window]:
    """The parts of a period about which everything that was told is not known yet, from where it was first asked about.

    Args:
        period: The period.
        asked: The windows that were asked about: begin, end, and when.
    """
    known = [(Window(since, until), _whole(at - LATE)) for since, until, at in asked]
    begin = min((window.since for window, _ in known), default=period.since)
    covered = [Window(window.since, min(window.until, final)) for window, final in known if window.since < final]
    return list(gaps(Window(max(begin, period.since), period.until), covered))


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


async def told_windows(
    windows: Iterable[Window], ask: Callable[[Window], Awaitable[Told | None]]
) -> AsyncIterator[tuple[Window, Told]]:
    """Ask for windows in their order, and for the halves of each that holds too much.

    Args:
        windows: The windows.
        ask: Returns what a window holds; None if the server could not tell in time.

    Yields:
        Windows that cover the given ones, each with what it holds: everything, unless it is truncated and cannot be
        divided.
    """
    waiting = [*windows][::-1]
    while waiting:
        window = waiting.pop()
        told = await ask(window)
        if told is not None and not (told.truncated and window.is_divisible):
            yield window, told
        else:
            waiting += reversed(window.halves())
