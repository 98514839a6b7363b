"""A report's period: bounds, time zone, and the offsets from UTC within it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.core.errors import UsageError

UTC_ZONE = ZoneInfo("UTC")
BEGINNING, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No request is older than OpenRouter: clocks are looked at in between only."""

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

STEP = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class UtcOffsetPeriod:
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


def utc_offset_periods(zone: ZoneInfo, begins: datetime, ends: datetime) -> list[UtcOffsetPeriod]:
    """All of them in a period, without a gap.

    Args:
        zone: The zone.
        begins: Aware.
        ends: Aware.
    """
    found: list[UtcOffsetPeriod] = []
    begin, now = begins, begins
    while now < ends:
        then = min(now + STEP, ends)
        if _ahead(zone, then) != _ahead(zone, now):
            change = _change(zone, now, then)
            found.append(UtcOffsetPeriod(begin, change, _ahead(zone, begin)))
            begin = change
        now = then
    return [*found, UtcOffsetPeriod(begin, ends, _ahead(zone, begin))]


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


@dataclass(frozen=True, slots=True)
class Period:
    """A time, as the clocks of a zone count it.

    Attributes:
        since: Its first moment, aware; None for all there is.
        until: The first moment after it, aware; None for all there is.
        zone: Whose days, weeks and hours.
    """

    since: datetime | None = None
    until: datetime | None = None
    zone: ZoneInfo = UTC_ZONE

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> Period:
        """The period between two moments; those without a zone are the zone's own.

        Raises:
            UsageError: it ends before it begins.
        """
        begins, ends = (m.replace(tzinfo=m.tzinfo or zone).astimezone(UTC) if m else None for m in (since, until))
        if begins and ends and ends <= begins:
            raise UsageError(
                "the period is empty",
                cause="--until is not after --since",
                fix="--until names the first moment after it",
            )
        return cls(begins, ends, zone)

    @property
    def is_all(self) -> bool:
        """Whether it has no bounds."""
        return not (self.since or self.until)

    @property
    def is_whole_days(self) -> bool:
        """Whether it begins and ends with a day of UTC, and counts by those."""
        bounds = (moment for moment in (self.since, self.until) if moment)
        return not any(offset_period.seconds for offset_period in self._offset_periods()) and all(
            _is_midnight(m) for m in bounds
        )

    def local(self, moment: datetime) -> datetime:
        """A moment of the warehouse, UTC without zone, as the zone's clocks show it."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone)

    def parameters(self) -> dict[str, Any]:
        """What the queries know of it; times are UTC without zone, days the zone's own."""
        parts = self._offset_periods()
        since, until = _naive(self.since or FIRST), _naive(self.until or LAST)
        last = self.until and (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return {
            "whole": self.is_all,
            "first_midnight": self._first_midnight(),
            "first_day": self.since.astimezone(self.zone).date() if self.since else date.min,
            "last_day": last or date.max,
            "since": since,
            "until": until,
            "begins": [since, *(_naive(part.begins) for part in parts[1:])],
            "ends": [*(_naive(part.ends) for part in parts[:-1]), until],
            "seconds": [p.seconds for p in parts],
            "labels": [p.label for p in parts],
        }

    def _first_midnight(self) -> date:
        """The first day that begins in it: where requests are counted of which only the day is known."""
        if not self.since:
            return date.min
        begins = self.since.astimezone(self.zone)
        is_midnight = begins.time() == time() or begins.date() == date.max
        return begins.date() if is_midnight else begins.date() + timedelta(days=1)

    def _offset_periods(self) -> list[UtcOffsetPeriod]:
        begins, ends = max(self.since or BEGINNING, BEGINNING), min(self.until or END, END)
        return utc_offset_periods(self.zone, begins, max(begins, ends))


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).time() == time.min


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
