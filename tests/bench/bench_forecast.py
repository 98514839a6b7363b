"""How far the forecast of a month is off, and how many months its range holds: the view beside simpler rules.

    python tests/bench/bench_forecast.py [HISTORIES]     # 40 of each kind and scatter unless told: about a minute

Simulated accounts from fixed seeds: 90 days, then the 31 days that are forecast. Weekends have 30 to 90 % of the
traffic; days scatter log-normally by 10, 20 and 40 %. Printed: median error of the month's total, and the share of
months within its 80 % range (of the rule before: within the sum of the days' ranges).
"""

import sys
from datetime import date, timedelta
from math import exp
from pathlib import Path
from random import Random
from statistics import mean, median

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.warehouses import schema_in_memory

FIRST, PAST, MONTH = date(2026, 1, 5), 90, 31
SCATTERS = (0.1, 0.2, 0.4)
LEVELS = {
    "steady": lambda _n, _: 1,
    "1 % more every day": lambda _n, _: 1.01,
    "2 % more every day": lambda _n, _: 1.02,
    "1 % less every day": lambda _n, _: 0.99,
    "doubled 7 days ago": lambda n, _: 2 if n == -7 else 1,
    "doubled 14 days ago": lambda n, _: 2 if n == -14 else 1,
    "doubled 21 days ago": lambda n, _: 2 if n == -21 else 1,
    "halved 14 days ago": lambda n, _: 0.5 if n == -14 else 1,
    "drifting by 3 % a day": lambda _n, draw: exp(draw.gauss(0, 0.03)),
}
HISTORY = f"""
WITH history AS (
    SELECT requested_day, isodow(requested_day) AS weekday, CAST(sum(total_usage) AS DOUBLE) AS spent
    FROM ops.cost_rollup
    WHERE requested_day BETWEEN DATE '{FIRST}' + {PAST - 56} AND DATE '{FIRST}' + {PAST - 1}
    GROUP BY ALL
),
coming AS (SELECT isodow(DATE '{FIRST}' + {PAST} + CAST(n AS INTEGER)) AS weekday FROM range({MONTH}) AS days(n))
"""
WEEKDAY_MEANS = f"""{HISTORY},
spread AS (SELECT spent, avg(spent) OVER (PARTITION BY weekday) AS middle FROM history),
levels AS (
    SELECT
        weekday,
        avg(spent) AS level,
        count(*) AS days,
        (SELECT sum(pow(spent - middle, 2)) / 49 FROM spread) AS variance
    FROM history
    GROUP BY weekday
)
SELECT sum(level), sum(greatest(level - reach, 0)), sum(level + reach)
FROM (SELECT *, (1.281552 + 0.846595 / 49 + 0.570902 / 2401) * sqrt(variance * (1 + 1 / days)) AS reach FROM levels)
JOIN coming USING (weekday)
"""
"""The mean of the same weekday of 56 days."""

LAST_14_DAYS = f"""{HISTORY},
indexes AS (SELECT weekday, avg(spent) / (SELECT avg(spent) FROM history) AS index FROM history GROUP BY weekday)
SELECT
    sum(index) * (SELECT avg(spent) FROM history WHERE requested_day >= DATE '{FIRST}' + {PAST - 14}), NULL, NULL
FROM coming
JOIN indexes USING (weekday)
"""
NOW = """
SELECT running_usage, running_low_usage, running_high_usage
FROM cost_forecast
WHERE is_forecast
ORDER BY requested_day DESC
LIMIT 1
"""
RULES = {"mean by weekday (before)": WEEKDAY_MEANS, "last 14 days x weekday": LAST_14_DAYS, "now": NOW}
FILL = """
INSERT INTO ops.cost_rollup (requested_day, total_usage, request_count)
SELECT unnest(CAST($1 AS DATE[])), unnest(CAST($2 AS DOUBLE[])), 1
"""


def history(draw, kind, scatter):
    """Cost of each day, the month that is forecast included."""
    weekend, level, spent = draw.uniform(0.3, 0.9), 100.0, []
    for n in range(PAST + MONTH):
        level *= LEVELS[kind](n - PAST, draw)
        spent.append(level * (weekend if n % 7 >= 5 else 1) * draw.lognormvariate(0, scatter))
    return spent


def forecasts(connection, spent):
    """What each rule expects of the month, and its range; the newest day is the month's first."""
    connection.execute("DELETE FROM ops.cost_rollup")
    days = [FIRST + timedelta(days=n) for n in range(PAST + 1)]
    connection.execute(FILL, [days, spent[: PAST + 1]])
    return {name: connection.execute(sql).fetchone() for name, sql in RULES.items()}


def measure(connection, kind, histories):
    """Of each rule: the errors of the month's totals, and whether the range held them."""
    errors, held = ({name: [] for name in RULES} for _ in range(2))
    for scatter in SCATTERS:
        draw = Random(f"{kind} {scatter}")
        for _ in range(histories):
            spent = history(draw, kind, scatter)
            actual = sum(spent[PAST:])
            for name, (expected, low, high) in forecasts(connection, spent).items():
                errors[name].append(abs(float(expected) / actual - 1))
                held[name] += [] if low is None else [float(low) <= actual <= float(high)]
    return errors, held


def share_of(held):
    return f", {mean(held):.0%} held" if held else ""


def main(histories):
    connection = schema_in_memory()
    held_in_all = {name: [] for name in RULES}
    print(f"{'':22}" + "".join(f"{name:>28}" for name in RULES))
    for kind in LEVELS:
        errors, held = measure(connection, kind, histories)
        cells = [f"{median(errors[name]):.1%} off{share_of(held[name])}" for name in RULES]
        print(f"{kind:22}" + "".join(f"{cell:>28}" for cell in cells))
        for name in RULES:
            held_in_all[name] += held[name]
    print(f"{'all':22}" + "".join(f"{share_of(held_in_all[name]):>28}" for name in RULES))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
