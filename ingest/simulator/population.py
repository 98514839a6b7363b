"""All generations that the billing API counts at a moment: the account's traffic, and whatever else was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from ingest.simulator.traffic import call_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ingest.simulator.traffic import Call, Traffic

OLDEST = datetime(2023, 1, 1, tzinfo=UTC)


class Population:
    """What the account has done so far.

    Args:
        traffic: What it does by itself.
        served: IDs of the generations that were asked for, and answered.
        exists: Whether `/generation` knows an ID by now.
        seed: Selects the records.
        now: The wall clock, UTC.
    """

    def __init__(
        self,
        traffic: Traffic,
        served: Collection[str],
        exists: Callable[[str], bool],
        seed: int,
        now: Callable[[], datetime],
    ) -> None:
        self._traffic = traffic
        self._served = served
        self._exists = exists
        self._call_of = lru_cache(maxsize=None)(partial(call_of, seed))
        self._now = now

    def calls(self, begin: datetime = OLDEST, end: datetime | None = None) -> Iterator[Call]:
        """The calls from a moment to before another, and none from the future."""
        end = min(end or self._now(), self._now())
        for day in self._traffic.days(begin.date(), end.date()):
            yield from (c for c in self._traffic.calls_of(day) if self._counts(c, begin, end))
        for call in map(self._call_of, sorted(self._served)):
            if self._counts(call, begin, end) and not self._traffic.has(call.generation_id):
                yield call

    def _counts(self, call: Call, begin: datetime, end: datetime) -> bool:
        return begin <= call.created_at < end and self._exists(call.generation_id)

    def newest_day(self) -> datetime:
        """The begin of the current UTC day."""
        return self._now().replace(hour=0, minute=0, second=0, microsecond=0)

    def completed_days(self, count: int) -> tuple[datetime, datetime]:
        """The begin and the end of the last completed UTC days."""
        return self.newest_day() - timedelta(days=count), self.newest_day()
