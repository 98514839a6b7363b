"""Which days stand out by their cost, told from the rules in plain Python: day by day, without windows or SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from statistics import mean, median
from typing import Any

Cells = dict[tuple[date, Any], tuple[float, int]]
"""Cost and requests by day and key."""

ACCOUNT = object()
"""The key of the account's total."""

DAY = timedelta(days=1)


@dataclass
class Series:
    """The days of a key, from its first on, without a gap.

    Attributes:
        key: The key.
        days: The days.
        spent: The cost of each. Unit: USD.
        requests: The requests of each.
        index: The weekday index of each day.
        off: How far each day was from what was expected, as a share of the level; None if nothing was.
    """

    key: Any
    days: list[date]
    spent: list[float]
    requests: list[int]
    index: list[float] = field(default_factory=list)
    off: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        for n in range(len(self.days)):
            self.index.append(self._weekday_index(n))
            level = self.level(n)
            share = abs(self.spent[n] / level - self.index[n]) if level and level > 0 and self.index[n] >= 0.1 else None
            self.off.append(share)

    def same_weekday(self, n: int) -> list[int]:
        """The places of the last eight such weekdays, among the days that there are."""
        return [m for m in range(n) if self.days[m].weekday() == self.days[n].weekday()][-8:]

    def _weekday_index(self, n: int) -> float:
        shares = self.shares_of_week(n)
        return median(shares) if len(shares) >= 3 else 1

    def shares_of_week(self, n: int) -> list[float]:
        """The last such weekdays, each by the mean of its week."""
        weeks = {m: self.spent[m - 6 : m + 1] for m in self.same_weekday(n) if m >= 6}
        return [self.spent[m] / mean(week) for m, week in weeks.items() if mean(week)]

    def level(self, n: int) -> float | None:
        """The median of the seven days before, each divided by its weekday index."""
        week = [self.spent[m] / self.index[m] for m in range(max(n - 7, 0), n) if self.index[m] >= 0.1]
        return median(week) if week else None

    def deviation(self, n: int) -> float | None:
        """One robust standard deviation; None with fewer than ten differences."""
        level, off = self.level(n), [o for o in self.off[max(n - 56, 0) : n] if o is not None]
        return level * max(upper_quartile(off) / 1.15, 0.01) if level is not None and len(off) >= 10 else None

    def is_start(self, n: int) -> bool:
        """Whether it has the first request in 28 days."""
        return bool(self.requests[n] and not sum(self.requests[max(n - 28, 0) : n]))


def upper_quartile(values: list[float]) -> float:
    """Interpolated."""
    place = 0.75 * (len(values) - 1)
    low, high = (sorted(values)[whole(place)] for whole in (math.floor, math.ceil))
    return low + (high - low) * (place - math.floor(place))


def unusual_days(cells: Cells) -> list[dict[str, Any]]:
    """The days that stand out: requested_day, key (`ACCOUNT` for the total), kind and the figures."""
    days = _calendar({day for day, _ in cells})
    account = _series(ACCOUNT, days, _totals(cells))
    floor = {day: 0.05 * median(account.spent[n - 28 if n > 28 else 0 : n]) for n, day in enumerate(days) if n >= 14}
    requests = {day: median(account.requests[n - 28 if n > 28 else 0 : n]) for n, day in enumerate(days) if n >= 14}
    found = []
    for series in [account, *_keys(cells, days, floor)]:
        for n, day in enumerate(series.days):
            if floor.get(day, 0) > 0 and (row := _judged(series, n, floor, requests[day])):
                found.append({"requested_day": day, "key": series.key, **row})
    return found


def _calendar(days: set[date]) -> list[date]:
    """The days before the newest, without gaps of more than a week."""
    known = sorted(days)
    filled = [
        before + n * DAY
        for before, after in pairwise(known)
        for n in range((after - before).days)
        if not n or (after - before).days <= 7
    ]
    return [day for day in filled if day < known[-1]]


def _totals(cells: Cells) -> dict[date, tuple[float, int]]:
    totals: dict[date, tuple[float, int]] = {}
    for (day, _), (spent, requests) in cells.items():
        before = totals.get(day, (0, 0))
        totals[day] = before[0] + spent, before[1] + requests
    return totals


def _series(key: Any, days: list[date], own: dict[date, tuple[float, int]]) -> Series:
    values = [own.get(day, (0, 0)) for day in days if day >= min(own)]
    since = [day for day in days if day >= min(own)]
    return Series(key, since, [float(spent) for spent, _ in values], [requests for _, requests in values])


def _keys(cells: Cells, days: list[date], floor: dict[date, float]) -> list[Series]:
    """The series of each key that reached half the floor once."""
    found = []
    for key in {key for _, key in cells}:
        own = {day: value for (day, k), value in cells.items() if k == key}
        if any(day in floor and spent > 0 and spent >= floor[day] / 2 for day, (spent, _) in own.items()):
            found.append(_series(key, days, own))
    return found


def _judged(series: Series, n: int, floor: dict[date, float], account_requests: float) -> dict[str, Any] | None:
    spent, requests, least = series.spent[n], series.requests[n], floor[series.days[n]]
    before = slice(max(n - 56, 0), n)
    told = {"total_usage": spent, "request_count": requests, "history_days": min(n, 56)}
    if series.key is not ACCOUNT and max(requests, account_requests) >= 10 and _is_new(series, n, floor):
        return told | {"kind": "new", "expected_usage": 0, "score": None}
    if n < 14:
        return None
    usual = median(series.requests[before])
    if kind := _kind(series, n, usual, least):
        expected = series.level(n) * series.index[n]
        return told | {
            "kind": kind,
            "expected_usage": expected,
            "score": (spent - expected) / series.deviation(n),
        }
    usually = mean(series.spent[before])
    is_regular = usual >= 10 and (series.level(n) or 0) > 0
    is_record = spent > 2 * max(series.spent[before]) and spent - usually >= 2 * least
    if series.key is not ACCOUNT and not is_regular and account_requests >= 10 and is_record:
        return told | {"kind": "up", "expected_usage": usually, "score": None}
    return None


def _is_new(series: Series, n: int, floor: dict[date, float]) -> bool:
    """Whether it is the first day past the floor, in the 14 days after the first request in 28."""
    starts = [m for m in range(n + 1) if series.is_start(m) and series.days[m] in floor]
    if not starts or (series.days[n] - series.days[starts[-1]]).days >= 14:
        return False
    past = [m for m in range(starts[-1], n + 1) if series.spent[m] >= floor[series.days[m]]]
    return past == [n]


def _kind(series: Series, n: int, usual: float, least: float) -> str | None:
    level, deviation, spent = series.level(n), series.deviation(n), series.spent[n]
    if not level or level < 0 or deviation is None or max(usual, series.requests[n]) < 10:
        return None
    excess = spent - level * series.index[n]
    same = [series.spent[m] for m in series.same_weekday(n)]
    is_indexed = len(series.shares_of_week(n)) >= 3
    if abs(excess) < least or (not is_indexed and min(same) <= spent <= max(same)):
        return None
    if not series.requests[n] and usual >= 10 and min(series.requests[m] for m in series.same_weekday(n)):
        return "stopped"
    sure = (3.3 if series.key is ACCOUNT else 4) * deviation * (1 if is_indexed else 2)
    if excess > sure * (1 + 3 / math.sqrt(max(usual, 1))):
        return "up"
    return "down" if -excess > sure else None
