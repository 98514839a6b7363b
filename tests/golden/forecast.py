"""The forecast, told from its rules in plain Python: lists of days, without windows or SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, median, pvariance, variance
from typing import NamedTuple


class Coming(NamedTuple):
    """What is expected of a coming day, and of all coming days up to it, and how far their 80 % ranges reach."""

    expected: float
    reach: float
    running: float
    running_reach: float


@dataclass(frozen=True)
class Fit:
    """What a history says of the days to come; variances are relative to the level."""

    level: float
    scatter: float
    level_variance: float
    freedom: int
    days: int
    index: tuple[float, ...] = (1.0,) * 7
    index_variance: float = 0.0
    drift: float = 0.0
    growth: float = 0.0
    growth_variance: float = 0.0


class Weeks(NamedTuple):
    """Whole weeks, the newest first: their mean days, the weekdays' indexes and the variance of a day's share."""

    means: list[float]
    index: tuple[float, ...]
    scatter: float


def t_90(freedom: int) -> float:
    """The 90 % quantile of Student's t, to a thousandth from 6 degrees of freedom on."""
    return 1.281552 + 0.846595 / freedom + 0.570902 / freedom**2


def forecast(spent: list[float], coming: int = 31) -> list[Coming]:
    """The coming days after a history; the first weekday of the indexes is that of the first coming day."""
    fit = fitted(spent)
    return [day_of(fit, n) for n in range(1, coming + 1)]


def fitted(spent: list[float]) -> Fit:
    """The fit to a history of 7 to 56 days, the oldest first."""
    count = len(spent) // 7
    if count >= 2:
        weeks = _weeks([spent[len(spent) - 7 * (n + 1) : len(spent) - 7 * n] for n in range(count)])
        if mean(weeks.means) > 0:
            return _of_weeks(weeks)
    level = mean(spent)
    scatter = variance(spent) / level**2 if level else 0
    return Fit(level, scatter, scatter / len(spent), len(spent) - 1, len(spent))


def day_of(fit: Fit, n: int) -> Coming:
    """The day of this number, from 1, after the history."""
    factors = [math.exp(fit.growth * sum(0.99**k for k in range(1, m))) for m in range(1, n + 1)]
    shares = [factor * fit.index[place % 7] for place, factor in enumerate(factors)]
    half = fit.days / 2

    def unsure(days: float, drifted: float) -> float:
        return fit.level_variance + fit.drift * (1 + drifted) + fit.growth_variance * (half + days) ** 2

    of_day = fit.scatter * (1 + fit.index_variance) * factors[-1] ** 2 + shares[-1] ** 2 * unsure(n, n / 7)
    of_sum = fit.scatter * sum(f * f for f in factors) + sum(shares) ** 2 * unsure(n / 2, n / 21)
    t = t_90(fit.freedom) * abs(fit.level)
    return Coming(fit.level * shares[-1], t * math.sqrt(of_day), fit.level * sum(shares), t * math.sqrt(of_sum))


def _weeks(weeks: list[list[float]]) -> Weeks:
    limited = _limited(weeks)
    shares = [[day / mean(week) for day in week] for week in limited if mean(week) > 0]
    index = tuple(mean(column) for column in zip(*shares, strict=True)) if shares else (1.0,) * 7
    squares = sum((share - usual) ** 2 for week in shares for share, usual in zip(week, index, strict=True))
    return Weeks([mean(week) for week in limited], index, squares / (6 * len(weeks) - 6))


def _limited(weeks: list[list[float]]) -> list[list[float]]:
    """The weeks with no day far above the median of its fortnight."""
    sums = [mean(week) for week in weeks]
    rough = []
    for weekday in range(7):
        shares = [week[weekday] / usual for week, usual in zip(weeks, sums, strict=True) if usual > 0]
        rough.append(max(median(shares), 0.1) if shares else 0.1)
    found: list[list[float]] = []
    for first in range(0, len(weeks), 2):
        fortnight = weeks[first : first + 2]
        even = [day / index for week in fortnight for day, index in zip(week, rough, strict=True)]
        middle = median(even)
        most = middle + max(6 * median([abs(value - middle) for value in even]), middle / 2) if middle > 0 else math.inf
        found += [[min(day, most * index) for day, index in zip(week, rough, strict=True)] for week in fortnight]
    return found


def _of_weeks(weeks: Weeks) -> Fit:
    count, scatter, whole = len(weeks.means), weeks.scatter, mean(weeks.means)
    plain = Fit(
        whole, scatter, scatter / 7 / count, 6 * count - 6, 7 * count, index=weeks.index, index_variance=1 / count
    )
    if count < 4 or min(weeks.means) <= 0:
        return plain
    heights = [math.log(value) for value in weeks.means]
    step = min(range(1, count), key=lambda cut: _step_squares(heights, cut))
    if _line(heights)[1] < 1.2 * _step_squares(heights, step):
        return _grown(plain, heights)
    return _stepped(plain, weeks.means, step, _step_squares(heights, step) / (count - 3))


def _step_squares(heights: list[float], cut: int) -> float:
    return pvariance(heights[:cut]) * cut + pvariance(heights[cut:]) * (len(heights) - cut)


def _line(heights: list[float]) -> tuple[float, float, float]:
    """Slope per day of the line of least squares, the squares it leaves, and the sum of squares of the days."""
    days = [-7 * n for n in range(len(heights))]
    from_days, from_heights = ([value - mean(values) for value in values] for values in (days, heights))
    leverage = sum(d * d for d in from_days)
    slope = sum(d * h for d, h in zip(from_days, from_heights, strict=True)) / leverage
    left = sum((h - slope * d) ** 2 for d, h in zip(from_days, from_heights, strict=True))
    return slope, left, leverage


def _grown(plain: Fit, heights: list[float]) -> Fit:
    slope, left, leverage = _line(heights)
    noise, around = plain.scatter / 7, left / (len(heights) - 2)
    doubt = max(noise, around) / leverage
    growth = min(max(slope**3 / (slope**2 + 2 * doubt) if slope else 0, -0.03), 0.03)
    return Fit(
        math.exp(mean(heights) + growth * (plain.days + 1) / 2),
        plain.scatter,
        plain.level_variance,
        plain.freedom,
        plain.days,
        plain.index,
        plain.index_variance,
        2 * max(around - 0.75 * noise, 0),
        growth,
        doubt,
    )


def _stepped(plain: Fit, means: list[float], cut: int, around: float) -> Fit:
    recent, older, noise = mean(means[:cut]), mean(means[cut:]), plain.scatter / 7
    difference = ((recent - older) / plain.level) ** 2
    doubt = 4 * plain.scatter * (1 / (7 * cut) + 1 / (plain.days - 7 * cut))
    weight = difference / (difference + doubt) if difference + doubt else 1
    return Fit(
        plain.level + weight * (recent - plain.level),
        plain.scatter,
        weight**2 * max(noise, around) / cut + (1 - weight**2) * plain.scatter / plain.days,
        plain.freedom,
        plain.days,
        plain.index,
        plain.index_variance,
        2 * max(around - 0.75 * noise, 0),
    )
