"""How far a time zone's clocks are ahead of UTC, and when they change: local days without DuckDB's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

STEP = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """A time in which a zone's clocks are equally far ahead.

    Attributes:
        begins: Its first second. UTC.
        ends: The first second after it. UTC.
        seconds: What local time is ahead of UTC; negative in the west.
    """

    begins: datetime
    ends: datetime
    seconds: int

    @property
    def label(self) -> str:
        """As ISO 8601 writes it behind a time: ``Z`` or ``+02:00``."""
        if not self.seconds:
            return "Z"
        hours, minutes = divmod(abs(self.seconds) // 60, 60)
        return f"{'-' if self.seconds < 0 else '+'}{hours:02}:{minutes:02}"


def shifts(zone: ZoneInfo, begins: datetime, ends: datetime) -> list[Shift]:
    """All of them in a period, without a gap.

    Args:
        zone: The zone.
        begins: Aware.
        ends: Aware.
    """
    found: list[Shift] = []
    begin, now = begins, begins
    while now < ends:
        then = min(now + STEP, ends)
        if _ahead(zone, then) != _ahead(zone, now):
            change = _change(zone, now, then)
            found.append(Shift(begin, change, _ahead(zone, begin)))
            begin = change
        now = then
    return [*found, Shift(begin, ends, _ahead(zone, begin))]


def _ahead(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second in between at which the clocks change."""
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if _ahead(zone, middle) == _ahead(zone, before):
            before = middle
        else:
            after = middle
    return after.astimezone(UTC).replace(microsecond=0)
