"""The period of a report: its bounds, its time zone, and the UTC offsets within it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.core.errors import UsageError

UTC_ZONE = ZoneInfo("UTC")
FIRST_OFFSET, LAST_OFFSET = datetime(2023, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""UTC offsets are determined between these only, as no request is older than OpenRouter."""

MIN_TIME, MAX_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class UtcOffsetPeriod:
    """A span of time in which the UTC offset of a time zone is constant.

    Attributes:
        begins: Its first second, UTC.
        ends: The first second after it, UTC.
        seconds: Local time minus UTC, in seconds; negative west of Greenwich.
    """

    begins: datetime
    ends: datetime
    seconds: int

    @property
    def label(self) -> str:
        """The offset as ISO 8601 writes it after a time, such as ``Z`` or ``+02:00``."""
        if not self.seconds:
            return "Z"
        hours, minutes = divmod(abs(self.seconds) // 60, 60)
        return f"{'-' if self.seconds < 0 else '+'}{hours:02}:{minutes:02}"


def utc_offset_periods(zone: ZoneInfo, begins: datetime, ends: datetime) -> list[UtcOffsetPeriod]:
    """Divide a span of time into periods of constant UTC offset, in order and without gaps.

    Args:
        zone: The time zone.
        begins: The first moment, with time zone.
        ends: The first moment after it, with time zone.
    """
    periods: list[UtcOffsetPeriod] = []
    begin, moment = begins, begins
    while moment < ends:
        next_moment = min(moment + _DAY, ends)
        if _utc_offset(zone, next_moment) != _utc_offset(zone, moment):
            transition = _transition(zone, moment, next_moment)
            periods.append(UtcOffsetPeriod(begin, transition, _utc_offset(zone, begin)))
            begin = transition
        moment = next_moment
    return [*periods, UtcOffsetPeriod(begin, ends, _utc_offset(zone, begin))]


def _utc_offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Find by bisection the second at which the UTC offset changes."""
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if _utc_offset(zone, middle) == _utc_offset(zone, before):
            before = middle
        else:
            after = middle
    return after.astimezone(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time whose hours, days, weeks and months are those of a time zone.

    Attributes:
        since: Its first moment, with time zone; None for no lower bound.
        until: The first moment after it, with time zone; None for no upper bound.
        zone: The time zone.
        now: The moment at which it is asked for: what follows it has not happened yet. None if that does not matter.
    """

    since: datetime | None = None
    until: datetime | None = None
    zone: ZoneInfo = UTC_ZONE
    now: datetime | None = None

    @classmethod
    def between(
        cls, since: datetime | None, until: datetime | None, zone: ZoneInfo, now: datetime | None = None
    ) -> Period:
        """Return the period between two moments; a moment without time zone is local time of `zone`.

        Raises:
            UsageError: It ends before it begins, or at the same moment.
        """
        begins, ends = (m.replace(tzinfo=m.tzinfo or zone).astimezone(UTC) if m else None for m in (since, until))
        if begins and ends and ends <= begins:
            raise UsageError(
                "the period is empty",
                cause="--until is not after --since",
                fix="give --until the first moment after the period",
            )
        return cls(begins, ends, zone, now)

    @property
    def is_all(self) -> bool:
        """Whether it has no bounds and so covers all of history."""
        return not (self.since or self.until)

    @property
    def is_whole_days(self) -> bool:
        """Whether it consists of whole UTC days: local time is UTC, and the bounds are midnight."""
        has_offset = any(offset_period.seconds for offset_period in self._offset_periods())
        return not has_offset and all(_is_midnight(bound) for bound in (self.since, self.until) if bound)

    def local(self, moment: datetime) -> datetime:
        """Convert a time from the warehouse, UTC without time zone, into local time."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone)

    def partial(self, unit: str) -> dict[str, str]:
        """Return the hours, days, weeks or months that the period covers in part, each with what it covers of it.

        Args:
            unit: ``hour``, ``day``, ``week`` or ``month``.

        Returns:
            Such as ``{"2026-11-20": "from 19:03", "2026-11-27": "until 07:00"}``, with keys as in the rows of reports.
        """
        marks: dict[str, list[str]] = {}
        is_over = self.until and not (self.now and self.now < self.until)
        end = self.until if is_over else self.now
        for moment, word in ((self.since, "from"), (end, "until" if is_over else "so far")):
            if moment and (partial := _unit_within(moment, self.zone, unit)):
                key, time_text = partial
                marks.setdefault(key, []).append(word if word == "so far" else f"{word} {time_text}")
        return {key: ", ".join(parts) for key, parts in marks.items()}

    def parameters(self) -> dict[str, Any]:
        """Return the parameters for the queries of reports: times are UTC without time zone, days are local."""
        offset_periods = self._offset_periods()
        since, until = _naive(self.since or MIN_TIME), _naive(self.until or MAX_TIME)
        last = self.until and (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return {
            "whole": self.is_all,
            "first_midnight": self._first_midnight(),
            "first_day": self.since.astimezone(self.zone).date() if self.since else date.min,
            "last_day": last or date.max,
            "since": since,
            "until": until,
            "begins": [since, *(_naive(p.begins) for p in offset_periods[1:])],
            "ends": [*(_naive(p.ends) for p in offset_periods[:-1]), until],
            "seconds": [p.seconds for p in offset_periods],
            "labels": [p.label for p in offset_periods],
        }

    def _first_midnight(self) -> date:
        """Return the first local day that begins in the period.

        Of a legacy ID only the day is known; it counts in the period in which that day begins.
        """
        if not self.since:
            return date.min
        begins = self.since.astimezone(self.zone)
        is_midnight = begins.time() == time() or begins.date() == date.max
        return begins.date() if is_midnight else begins.date() + timedelta(days=1)

    def _offset_periods(self) -> list[UtcOffsetPeriod]:
        begins = max(self.since or FIRST_OFFSET, FIRST_OFFSET)
        ends = min(self.until or LAST_OFFSET, LAST_OFFSET)
        return utc_offset_periods(self.zone, begins, max(begins, ends))


def _unit_within(moment: datetime, zone: ZoneInfo, unit: str) -> tuple[str, str] | None:
    """The unit of local time in which a moment lies, and the moment's text; None if it is the unit's first moment."""
    local = moment.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    first, key, text = {
        "hour": (local.replace(minute=0, second=0, microsecond=0), _hour_key(local), f"{local:%H:%M}"),
        "day": (midnight, f"{local:%Y-%m-%d}", f"{local:%H:%M}"),
        "week": (midnight - local.weekday() * _DAY, f"{midnight - local.weekday() * _DAY:%Y-%m-%d}", _day_text(local)),
        "month": (midnight.replace(day=1), f"{local:%Y-%m}", _day_text(local)),
    }[unit]
    return None if first.astimezone(UTC) == moment.astimezone(UTC) else (key, text)


def _hour_key(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    return f"{local:%Y-%m-%dT%H:00}{UtcOffsetPeriod(local, local, int(offset.total_seconds())).label}"


def _day_text(local: datetime) -> str:
    return f"{local:%m-%d}" if local.time() == time.min else f"{local:%m-%d %H:%M}"


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).time() == time.min


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
