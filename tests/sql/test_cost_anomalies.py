"""Unusual days: the view against the same rules in plain Python over drawn histories, and the cases they are for."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import exp

import pytest
from golden.unusual_days import ACCOUNT, unusual_days
from support.warehouses import schema_in_memory

FIRST = date(2026, 1, 5)
"""A Monday."""

FOUND = (
    "SELECT requested_day, scope, model, kind, expected_usage, score, request_count, history_days FROM cost_anomalies"
)

FILL = """
INSERT INTO ops.cost_rollup (requested_day, model, total_usage, request_count)
SELECT unnest(CAST($1 AS DATE[])), unnest($2), unnest(CAST($3 AS DECIMAL(28, 12)[])), unnest($4)
"""


@pytest.fixture(scope="module")
def connection():
    with schema_in_memory() as connection:
        yield connection


@pytest.fixture
def anomalies(connection):
    """The rows that the view makes of cells: (day, model) → cost and requests."""

    def rows_of(cells, fetched_on=None):
        connection.execute("DELETE FROM ops.cost_rollup")
        connection.execute("DELETE FROM generations")
        rows = [(day, model, Decimal(repr(round(spent, 12))), n) for (day, model), (spent, n) in cells.items()]
        connection.execute(FILL, [list(column) for column in zip(*rows, strict=True)])
        if fetched_on:
            connection.execute("INSERT INTO generations (fetched_at) VALUES (?)", [fetched_on])
        return connection.execute(FOUND + " ORDER BY ALL").fetchall()

    return rows_of


def day_of(n):
    return FIRST + timedelta(days=n)


def poisson(draw, usual):
    if usual > 30:
        return max(0, round(draw.gauss(usual, usual**0.5)))
    count, left = 0, draw.expovariate(1)
    while left < usual:
        count, left = count + 1, left + draw.expovariate(1)
    return count


def steady(days, *, models=4, requests=100, cost=10.0, weekend=1.0, seed=0, growth=0.0, scatter=1.0):  # noqa: PLR0913  # a history is all of these
    """Costs scatter log-normally from request to request; `requests` and `cost` are those of a model's day."""
    draw, cells = random.Random(seed), {}
    for n in range(days):
        usual = requests * (weekend if n % 7 >= 5 else 1) * (1 + growth) ** n
        for model in range(models):
            count = poisson(draw, usual)
            total = sum(draw.lognormvariate(0, scatter) for _ in range(count)) / exp(scatter**2 / 2)
            if count:
                cells[day_of(n), f"m{model}"] = (round(cost * total / requests, 12), count)
    return cells


def changed(cells, factor, days, model=None):
    return {
        (day, name): (spent * factor, n) if day in days and model in (None, name) else (spent, n)
        for (day, name), (spent, n) in cells.items()
    }


# Against plain Python


def drawn(seed):
    """A history in which anything may happen: gaps, weekends, stops, shifts, refunds, sparse and nameless models."""
    draw = random.Random(seed)
    cells = {}
    for model in [*[f"m{n}" for n in range(draw.randint(1, 4))], None]:
        requests = draw.choice([0.3, 3, 12, 60, 500])
        cost, weekend = draw.choice([0.01, 1, 20]), draw.choice([1, 0.5, 0])
        begin, end = sorted(draw.sample(range(100), 2)) if draw.random() < 0.4 else (0, 100)
        shift = draw.randint(0, 100)
        for n in range(begin, end):
            usual = requests * (weekend if n % 7 >= 5 else 1)
            count = int(usual + draw.random()) if usual < 10 else max(0, round(draw.gauss(usual, usual**0.5)))
            odd = draw.choice([0, 3, 10, -1]) if draw.random() < 0.02 else 1
            spent = odd * count * cost * (3 if n >= shift else 1) * draw.lognormvariate(0, 0.3)
            if count:
                cells[day_of(n), model] = (round(spent, 9), count)
    gap = draw.randint(0, 120)
    gone = {day_of(n) for n in range(gap, gap + draw.choice([1, 4, 7, 8, 20]))}
    return {key: value for key, value in cells.items() if key[0] not in gone}


KINDS_SEEN = set()


@pytest.mark.parametrize("seed", range(60))
def test_the_view_follows_the_rules_on_drawn_histories(anomalies, seed):
    cells = drawn(seed)
    expected = {
        (
            r["requested_day"],
            "account" if r["key"] is ACCOUNT else "model",
            None if r["key"] is ACCOUNT else r["key"],
        ): r
        for r in unusual_days(cells)
    }
    found = {row[:3]: row[3:] for row in anomalies(cells)}
    assert found.keys() == expected.keys()
    for key, (kind, usual, score, requests, history) in found.items():
        row = expected[key]
        KINDS_SEEN.add(kind)
        assert (kind, requests, history) == (row["kind"], row["request_count"], row["history_days"])
        assert float(usual) == pytest.approx(row["expected_usage"], rel=1e-9, abs=1e-9)
        assert score == (None if row["score"] is None else pytest.approx(row["score"], rel=1e-6))


def test_the_drawn_histories_hold_every_kind():
    seen = {row["kind"] for seed in range(60) for row in unusual_days(drawn(seed))}
    assert seen == {"up", "down", "new", "stopped"}


# What is no incident

QUIET = {
    "ten requests a day": {"models": 1, "requests": 10},
    "one request every other day": {"models": 1, "requests": 0.5, "cost": 0.1},
    "quiet weekends": {"weekend": 0.3},
    "no traffic at weekends": {"weekend": 0.0},
    "2 % more every day": {"growth": 0.02, "requests": 30},
    "long tails": {"scatter": 1.3},
}


@pytest.mark.parametrize("kind", QUIET)
def test_ordinary_days_are_not_listed(anomalies, kind):
    """Six histories of 120 days: 24 months, of which fewer than five days are listed: 0.2 a month."""
    found = {(seed, row[0]) for seed in range(6) for row in anomalies(steady(120, seed=seed, **QUIET[kind]))}
    assert len(found) < 5


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_part_of_the_newest_day_is_no_incident(anomalies, share):
    cells = steady(60, models=20, scatter=0.2)
    before = anomalies(cells)
    newest = {key: (v[0] * share, int(v[1] * share)) for key, v in cells.items() if key[0] == day_of(59)}
    assert anomalies(cells | newest) == before


# What is one

LAST, DAY = 80, 60
"""The days of a history, and the place of the day on which something happens."""


def on(rows, day, scope="model"):
    return {(row[2], row[3]) for row in rows if row[0] == day and row[1] == scope}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weekday", range(7))
def test_a_new_model_is_listed_once_beside_the_account(anomalies, seed, weekday):
    cells = steady(LAST, cost=50, seed=seed, scatter=0.5)
    begin = DAY + weekday
    new = {(day_of(n), "new"): (500.0, 40) for n in range(begin, LAST)}
    rows = anomalies(cells | new)
    assert on(rows, day_of(begin)) == {("new", "new")}
    assert on(rows, day_of(begin), "account") == {(None, "up")}
    assert len([row for row in rows if row[2] == "new"]) == 1
    assert len([row for row in rows if row[1] == "account"]) <= 4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("requests", [20, 100, 400])
def test_a_model_that_stops_is_listed(anomalies, seed, requests):
    cells = steady(LAST, requests=requests, seed=seed, weekend=0.5)
    left = {key: value for key, value in cells.items() if key[1] != "m2" or key[0] < day_of(DAY)}
    rows = anomalies(left)
    assert ("m2", "stopped") in on(rows, day_of(DAY))
    assert {row[0] for row in rows if row[2] == "m2" and row[3] == "stopped"} <= {day_of(DAY + n) for n in range(4)}


@pytest.mark.parametrize("seed", range(5))
def test_every_model_up_by_half_is_a_row_of_the_account(anomalies, seed):
    cells = steady(LAST, models=20, seed=seed, weekend=0.5, scatter=0.8)
    assert on(anomalies(changed(cells, 1.5, {day_of(DAY)})), day_of(DAY), "account") == {(None, "up")}


@pytest.mark.parametrize("factor", [3, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_a_lasting_change_of_price_is_usual_after_four_days(anomalies, seed, factor):
    cells = steady(LAST, seed=seed, weekend=0.5, scatter=0.5)
    rows = anomalies(changed(cells, factor, {day_of(n) for n in range(DAY, LAST)}, "m1"))
    listed = {row[0] for row in rows if row[2] == "m1"}
    assert day_of(DAY) in listed
    assert listed <= {day_of(DAY + n) for n in range(4)}


def test_nothing_stands_out_before_day_15_and_a_jump_does_from_then_on(anomalies):
    cells = steady(30, scatter=0.3)
    assert anomalies(changed(cells, 5, {day_of(13)})) == []
    assert on(anomalies(changed(cells, 5, {day_of(14)})), day_of(14), "account") == {(None, "up")}


def test_a_model_of_the_first_days_is_not_new_when_comparing_begins(anomalies):
    cells = steady(40, scatter=0.1) | {(day_of(n), "young"): (20.0, 20) for n in range(5, 40)}
    assert {row[3] for row in anomalies(cells)} <= {"up", "down"}
    assert not [row for row in anomalies(cells) if row[2] == "young"]


def test_a_burst_of_a_sparse_model_is_listed_if_it_is_dear_beside_the_account(anomalies):
    cells = steady(LAST, scatter=0.5) | {(day_of(n), "rare"): (0.2, 1) for n in range(0, LAST, 2)}
    assert on(anomalies(cells | {(day_of(DAY), "rare"): (10.0, 2)}), day_of(DAY)) == {("rare", "up")}
    assert on(anomalies(cells | {(day_of(DAY), "rare"): (2.0, 2)}), day_of(DAY)) == set()


def test_less_than_5_per_cent_of_the_account_never_stands_out(anomalies):
    cells = steady(LAST, scatter=0.1) | {(day_of(n), "small"): (0.1, 50) for n in range(LAST)}
    assert on(anomalies(cells | {(day_of(DAY), "small"): (1.9, 50)}), day_of(DAY)) == set()
    assert on(anomalies(cells | {(day_of(DAY), "small"): (2.6, 50)}), day_of(DAY)) == {("small", "up")}


FAR = [date(2027, 1, 1), date(2031, 6, 1), date(9999, 12, 31)]


@pytest.mark.parametrize("day", FAR)
def test_a_day_that_no_answer_can_be_from_is_not_believed(anomalies, day):
    cells = changed(steady(LAST), 5, {day_of(DAY)})
    fetched_on = datetime.combine(day_of(LAST), datetime.min.time(), UTC).replace(tzinfo=None)
    before = anomalies(cells, fetched_on)
    assert on(before, day_of(DAY), "account") == {(None, "up")}
    assert anomalies(cells | {(day, "m0"): (1.0, 1)}, fetched_on) == before
