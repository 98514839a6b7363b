"""The verdict against plain Python, over drawn models and days."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reports.verdict import Sum, UnsettledIds, Verdict, share_text, verdict_of

MONEY = pl.Decimal(38, 12)
FIRST = date(2026, 11, 1)
MEASURES = {
    "usage": ("credits_usage", MONEY),
    "byok_usage": ("byok_usage", MONEY),
    "requests": ("request_count", pl.Int64),
}
UNLOGGED = {"api_key_label": pl.String, "ids": pl.Int64, "unsettled": pl.Int64, "usage": MONEY}


def models_frame(rows):
    """Rows of (model, missing usage, missing requests, usage and requests near midnight)."""
    schema = {"model": pl.String, "missing_usage": MONEY, "missing_requests": pl.Int64, "missing_byok_usage": MONEY}
    schema |= {"midnight_usage": MONEY, "midnight_requests": pl.Int64}
    columns = list(zip(*rows, strict=True)) or [()] * 5
    values = dict(
        zip(("model", "missing_usage", "missing_requests", "midnight_usage", "midnight_requests"), columns, strict=True)
    )
    values["missing_byok_usage"] = [Decimal(0)] * len(rows)
    return pl.DataFrame(values, schema_overrides=schema).select(*schema)


def days_frame(rows):
    """Rows of (Activity's usage, Analytics' usage, ours), one a day, or None; requests are as many as cents."""
    values = {"requested_day": [FIRST + timedelta(days=n) for n in range(len(rows))]}
    schema = {"requested_day": pl.Date}
    for measure, (ours, dtype) in MEASURES.items():
        factor = {"usage": 1, "byok_usage": 0, "requests": 100}[measure]
        for place, name in enumerate((f"activity_{measure}", f"analytics_{measure}", ours)):
            told = [None if row[place] is None else row[place] * factor for row in rows]
            values[name] = told if dtype is MONEY else [None if t is None else int(t) for t in told]
            schema[name] = dtype
    return pl.DataFrame(values, schema_overrides=schema)


def unlogged_frame(*rows):
    return pl.DataFrame(list(rows), schema=UNLOGGED, orient="row")


def cents(low=-300, high=300):
    return st.integers(low, high).map(lambda n: Decimal(n) / 100)


MODELS = st.lists(st.tuples(cents(), st.integers(-9, 9), cents(-50, 50), st.integers(-3, 3)), max_size=6)
ANSWERED = st.lists(st.tuples(cents(0), cents(0), cents(0)), max_size=5)
ALONE = st.lists(st.tuples(cents(0), cents(0)), max_size=3)


@given(models=MODELS, answered=ANSWERED, alone=ALONE)
def test_what_is_explained_and_what_is_not_add_up(models, answered, alone):
    """A lack beyond midnight is missing whatever another model has too much; only what Activity left out makes up."""
    rows = [(f"m{n}", *model) for n, model in enumerate(models)]
    days = [*answered, *((None, analytics, ours) for analytics, ours in alone)]
    found = verdict_of(models_frame(rows), days_frame(days), unlogged_frame(), UnsettledIds()).credits
    lacks = [max(lack - max(near, 0), 0) for _, lack, _, near, _ in rows if lack > 0]
    excesses = [max(-lack - max(-near, 0), 0) for _, lack, _, near, _ in rows if lack < 0]
    beyond = sum((analytics - ours for analytics, ours in alone), start=Decimal(0))
    lacks, excesses = [*lacks, max(beyond, 0)], [*excesses, max(-beyond, 0)]
    left_out = max(sum((analytics - activity for activity, analytics, _ in answered), start=Decimal(0)), 0)
    assert found.missing == sum(lacks) + max(left_out - sum(excesses), 0)
    assert found.excess == max(sum(excesses) - left_out, 0)
    assert found.unlisted == left_out
    told = sum((activity for activity, *_ in answered), start=Decimal(0)) + sum((a for a, _ in alone), start=Decimal(0))
    assert found.billed == told + left_out == found.explained + found.missing


@given(amounts=st.lists(cents(0, 500), min_size=1, max_size=6))
def test_what_is_all_known_is_explained_to_the_last_cent(amounts):
    rows = [(f"m{n}", Decimal(0), 0, Decimal(0), 0) for n in range(len(amounts))]
    found = verdict_of(models_frame(rows), days_frame([(a, a, a) for a in amounts]), unlogged_frame(), UnsettledIds())
    assert found.coverage == (1 if sum(amounts) else None)
    assert found.unlogged == 0
    assert not found.is_below(Decimal(1))


@given(moved=cents(1, 300), number=st.integers(1, 9))
def test_what_lies_around_midnight_at_either_end_is_neither_missing_nor_too_much(moved, number):
    rows = [("first", moved, number, moved, number), ("last", -moved, -number, -moved, -number)]
    found = verdict_of(
        models_frame(rows), days_frame([(Decimal(9), None, Decimal(9))]), unlogged_frame(), UnsettledIds()
    )
    assert (found.credits.missing, found.credits.excess, found.unlogged) == (0, 0, 0)


def test_a_model_that_activity_leaves_out_is_explained_where_analytics_counts_it():
    """It once did: what is ingested of the model is as much as Analytics tells beyond Activity."""
    rows = [("listed", Decimal(0), 0, Decimal(0), 0), ("left out", Decimal(-3), -300, Decimal(0), 0)]
    days = days_frame([(Decimal(7), Decimal(10), Decimal(10))])
    found = verdict_of(models_frame(rows), days, unlogged_frame(), UnsettledIds())
    assert found.credits == Sum(Decimal(10), Decimal(0), Decimal(0), Decimal(3))
    assert found.coverage == 1
    unknown = verdict_of(
        models_frame(rows[:1]), days_frame([(Decimal(7), Decimal(10), Decimal(7))]), unlogged_frame(), UnsettledIds()
    )
    assert unknown.coverage == Decimal("0.7")
    assert unknown.unlogged == 300


def test_without_activity_the_totals_of_analytics_are_compared():
    days = days_frame([(None, Decimal(4), Decimal(3)), (None, Decimal(6), Decimal(6)), (None, None, Decimal(5))])
    found = verdict_of(models_frame([]), days, unlogged_frame(), UnsettledIds())
    assert (found.credits.billed, found.credits.missing, found.coverage) == (10, 1, Decimal("0.9"))


@given(
    lack=st.integers(0, 20),
    discovered=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=3),
    pending=st.integers(0, 20),
)
def test_each_generation_that_no_log_named_counts_once(lack, discovered, pending):
    """Those that OpenRouter named are missing until they are settled; IDs of logs that wait are not unlogged."""
    told = [(f"key {n}", ids, min(unsettled, ids), Decimal(1)) for n, (ids, unsettled) in enumerate(discovered)]
    waiting = sum(unsettled for _, _, unsettled, _ in told)
    rows = [("m", Decimal(lack + waiting + pending), lack + waiting + pending, Decimal(0), 0)]
    days = days_frame([(Decimal(100), None, Decimal(0))])
    unsettled = UnsettledIds(pending + waiting, 0, pending + waiting)
    found = verdict_of(models_frame(rows), days, unlogged_frame(*told), unsettled)
    assert found.unlogged == lack + sum(ids for _, ids, _, _ in told)


@pytest.mark.parametrize(
    ("coverage", "text"),
    [
        ("1", "100.00 %"),
        ("0.99999", "99.9 %"),
        ("0.9874", "98.7 %"),
        ("0.9876", "98.8 %"),
        ("0", "0.0 %"),
        ("0.5", "50.0 %"),
    ],
)
def test_only_what_is_whole_reads_as_the_whole(coverage, text):
    assert share_text(Decimal(coverage)) == text


@pytest.mark.parametrize(
    ("charged", "byok", "share", "is_below"),
    [
        (("100", "1"), ("0", "0"), "0.99", False),
        (("100", "1.01"), ("0", "0"), "0.99", True),
        (("100", "0"), ("10", "1"), "0.95", True),
        (("100", "0.004"), ("0", "0"), "1", False),
        (("0", "0"), ("0", "0"), "1", False),
        (("0", "2"), ("0", "0"), "0.5", True),
        (("-1", "0"), ("0", "0"), "0.5", False),
        (("1", "3"), ("0", "0"), "0", False),
    ],
)
def test_the_smaller_coverage_of_credits_and_byok_counts(charged, byok, share, is_below):
    sums = (Sum(*map(Decimal, amounts), Decimal(0), Decimal(0)) for amounts in (charged, byok))
    verdict = Verdict(*sums, Sum(*[Decimal(0)] * 4), (), (), UnsettledIds())
    assert verdict.is_below(Decimal(share)) is is_below
