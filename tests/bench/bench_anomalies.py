"""False alarms of the anomalies on ordinary days, and how many injected excesses they find: beside the earlier rules.

    python tests/bench/bench_anomalies.py [ACCOUNTS]     # 25 unless told: about a minute

Simulated accounts of 20 models over 300 days, from fixed seeds. Traffic falls off from model to model by a power law;
costs of requests are log-normal (sigma 0.8 to 1.4), weekends have 20 to 90 % of the traffic, and days scatter by 5 %
together and by 8 % for each model. An excess is a share of the account's cost of that day, put on one model drawn at
random (or on all in proportion), once in 30 days. It is found if any row of that day is above what was expected.
"""

import sys
from datetime import date, timedelta
from math import exp, log
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.warehouses import schema_in_memory

FIRST = date(2026, 1, 5)
DAYS, MODELS, EVERY, BEGIN = 300, 20, 30, 60
GOALS = {0.25: 0.93, 0.5: 0.98, 1.0: 0.99}
FALSE_ALARMS_A_MONTH = 0.4
SCENARIOS = {
    "500 to 20,000 requests a day": {},
    "the same, growing by 1 % a day": {"growth": 0.01},
    "the same, excess on all models alike": {"on_all": True},
    "100 to 500 requests a day": {"least": 100, "most": 500},
}
EARLIER = """
WITH daily AS (
    SELECT requested_day, model, sum(total_usage) AS total_usage FROM ops.cost_rollup GROUP BY ALL
),
compared AS (
    SELECT
        daily.*,
        before.total_usage AS usage_before,
        median(before.total_usage) OVER (PARTITION BY daily.requested_day, daily.model) AS median_usage
    FROM daily
    JOIN daily AS before
        ON before.model IS NOT DISTINCT FROM daily.model
        AND before.requested_day < daily.requested_day
        AND before.requested_day >= daily.requested_day - 28
),
scored AS (
    SELECT
        requested_day,
        total_usage - median_usage AS excess_usage,
        count(*) AS history_days,
        greatest(
            1.4826 * CAST(median(abs(usage_before - median_usage)) AS DOUBLE),
            0.05 * CAST(median_usage AS DOUBLE),
            0.000001
        ) AS deviation
    FROM compared
    GROUP BY requested_day, model, total_usage, median_usage
)
SELECT requested_day, excess_usage > 0 FROM scored WHERE history_days >= 7 AND abs(excess_usage) > 3.5 * deviation
"""
"""A model's day against the median of its 28 days before, 3.5 median absolute deviations and 5 % off."""

RULES = {"before": EARLIER, "now": "SELECT requested_day, excess_usage > 0 FROM cost_anomalies"}
FILL = """
INSERT INTO ops.cost_rollup (requested_day, model, total_usage, request_count)
SELECT unnest(CAST($1 AS DATE[])), unnest($2), unnest(CAST($3 AS DOUBLE[])), unnest($4)
"""


def account(draw, least=500, most=20_000, growth=0.0):
    """Cost and requests by day and model of one account."""
    shares = [1 / (n + 1) ** draw.uniform(0.8, 1.3) for n in range(MODELS)]
    requests = exp(draw.uniform(log(least), log(most))) / sum(shares)
    prices = [(exp(draw.gauss(-5, 1)), draw.uniform(0.8, 1.4)) for _ in shares]
    weekend = draw.uniform(0.2, 0.9)
    cells = {}
    for day in range(DAYS):
        level = requests * (weekend if day % 7 >= 5 else 1) * (1 + growth) ** day * exp(draw.gauss(0, 0.05))
        for model, (share, (price, sigma)) in enumerate(zip(shares, prices, strict=True)):
            if count := poisson(draw, level * share * exp(draw.gauss(0, 0.08))):
                cells[day, model] = (price * total(draw, count, sigma), count)
    return cells


def poisson(draw, usual):
    if usual > 30:
        return max(0, round(draw.gauss(usual, usual**0.5)))
    count, left = 0, draw.expovariate(1)
    while left < usual:
        count, left = count + 1, left + draw.expovariate(1)
    return count


def total(draw, count, sigma):
    """The sum of log-normal costs; of more than 30 one draw of the log-normal with the sum's mean and variance."""
    if count <= 30:
        return sum(draw.lognormvariate(0, sigma) for _ in range(count))
    spread = log(1 + (exp(sigma**2) - 1) / count)
    return draw.lognormvariate(log(count) + sigma**2 / 2 - spread / 2, spread**0.5)


def injected(draw, cells, share, *, on_all):
    """The same account with an excess once in 30 days, and those days."""
    spent = [sum(cells.get((day, model), (0, 0))[0] for model in range(MODELS)) for day in range(DAYS)]
    days = range(BEGIN + draw.randrange(EVERY), DAYS - 1, EVERY)
    changed = dict(cells)
    for day in days:
        chosen = draw.randrange(MODELS)
        for model in range(MODELS):
            cost, count = cells.get((day, model), (0, 0))
            more = share * (cost if on_all else spent[day] * (model == chosen))
            if more:
                changed[day, model] = (cost + more, count)
    return changed, {FIRST + timedelta(days=day) for day in days}


def listed(connection, cells):
    """For each rule the days that it lists, each with whether it is above what was expected, a row for a row."""
    connection.execute("DELETE FROM ops.cost_rollup")
    rows = [(FIRST + timedelta(days=day), f"m{model}", cost, n) for (day, model), (cost, n) in cells.items()]
    connection.execute(FILL, [list(column) for column in zip(*rows, strict=True)])
    return {name: connection.execute(sql).fetchall() for name, sql in RULES.items()}


def measure(connection, accounts, *, on_all=False, **kind):
    """False alarms a month of each rule, and the share of excesses of each size that it finds."""
    rows = dict.fromkeys(RULES, 0)
    found = {(name, share): [] for name in RULES for share in GOALS}
    for seed in range(accounts):
        cells = account(Random(seed), **kind)
        for name, days in listed(connection, cells).items():
            rows[name] += len(days)
        for share in GOALS:
            changed, days = injected(Random(seed), cells, share, on_all=on_all)
            for name, told in listed(connection, changed).items():
                above = {day for day, is_above in told if is_above}
                found[name, share] += [day in above for day in days]
    false = {name: n / accounts / DAYS * 30 for name, n in rows.items()}
    return false, {key: sum(hits) / len(hits) for key, hits in found.items()}


def main(accounts):
    print(f"{accounts} accounts of {MODELS} models over {DAYS} days; found: +25 / +50 / +100 % of a day's cost")
    print(f"goals: {FALSE_ALARMS_A_MONTH} false alarms a month; {' / '.join(f'{g:.0%}' for g in GOALS.values())} found")
    for title, kind in SCENARIOS.items():
        false, found = measure(schema_in_memory(), accounts, **kind)
        print(title)
        for name in RULES:
            shares = " / ".join(f"{found[name, share]:.1%}" for share in GOALS)
            print(f"  {name:6}  {false[name]:5.2f} rows a month without any excess;  {shares} found")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
