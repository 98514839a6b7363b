"""The text of a reconciliation: the verdict in two lines, the table, and remarks."""

import json
from datetime import date
from decimal import Decimal

import pytest
from support.warehouses import IDS, NOW, chunk, settled

from ingest.client.activity import read_activity
from ingest.core.billing_records import UsageTotal
from ingest.reports.reconciliation import DIMENSIONS, covered_line, missing_line, reconciliation_of, text_of
from ingest.reports.verdict import Sum, Unlogged, UnsettledIds, Verdict
from ingest.simulator import fake_records
from ingest.warehouse.billing import BillingAnswers
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse

ALL_SETTLED = UnsettledIds()
NONE = Sum(*[Decimal(0)] * 4)


def sum_of(billed, missing=0, excess=0):
    return Sum(Decimal(billed), Decimal(missing), Decimal(excess), Decimal(0))


def verdict(charged=NONE, byok=NONE, requests=0, by_key=(), by_model=(), unsettled=ALL_SETTLED):
    groups = [tuple(Unlogged(label, count, Decimal(1)) for label, count in group) for group in (by_key, by_model)]
    return Verdict(charged, byok, sum_of(999, requests), *groups, unsettled)


@pytest.mark.parametrize(
    ("charged", "byok", "line"),
    [
        (sum_of("412.10", "5.36"), NONE, "98.7 % of $412.10 explained, D."),
        (sum_of("412.10"), NONE, "100.00 % of $412.10 explained, D."),
        (sum_of("412.10", "0.0049"), NONE, "100.00 % of $412.10 explained, D."),
        (sum_of("412.10", "0.0051"), NONE, "99.9 % of $412.10 explained, D."),
        (sum_of(10), sum_of(4, 1), "100.00 % of $10.00 explained (BYOK inference: 75.0 % of $4.00), D."),
        (NONE, NONE, "Nothing was charged to credits, D."),
        (NONE, sum_of(4), "Nothing was charged to credits (BYOK inference: 100.00 % of $4.00), D."),
    ],
)
def test_the_first_line_says_how_much_is_explained(charged, byok, line):
    assert covered_line(verdict(charged, byok), "D") == line


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({}, "Every generation that was billed is known."),
        (
            {"by_key": [("batch", 131), ("production", 12)]},
            "143 generations were never logged, 131 of them with key batch.",
        ),
        (
            {"requests": 143, "by_model": [("a/x", 131), ("a/y", 12)]},
            "143 generations were never logged, 131 of them of model a/x; `orusage discover` names them.",
        ),
        (
            {"requests": 3, "by_key": [(None, 2)], "by_model": [("a/x", 3)]},
            "5 generations were never logged, 2 of them with key (none); `orusage discover` names the rest.",
        ),
        ({"by_key": [("batch", 2)]}, "2 generations were never logged, all of them with key batch."),
        ({"by_key": [("batch", 1)]}, "1 generation was never logged, with key batch."),
        ({"requests": 7}, "7 generations were never logged; `orusage discover` names them."),
        (
            {"requests": 7, "unsettled": UnsettledIds(7, 0, 7)},
            "Every generation is known; 7 generations not settled yet: run `orusage ingest`.",
        ),
    ],
)
def test_the_second_line_says_what_no_log_named(known, line):
    assert missing_line(verdict(**known)) == line


def test_a_name_of_a_key_reaches_neither_a_terminal_nor_markdown_as_it_is():
    line = missing_line(verdict(by_key=[("a\x1b[31m\u202eb", 2)]))
    assert line == "2 generations were never logged, all of them with key a\\x1b[31m\\u202eb."


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A warehouse with a day of simulated generations of which Activity tells three quarters of the models."""
    path = tmp_path_factory.mktemp("reconciled") / "w.duckdb"
    ids = [i for i in IDS if i.startswith("gen-1")]
    days = {}
    for generation_id in ids:
        record = fake_records.record(1, generation_id)
        row = {"model": record["model"], "provider_name": record["provider_name"], "requests": 1}
        row |= {"usage": Decimal(json.dumps(record["usage"])), "model_permaslug": record["model"]}
        days.setdefault(date.fromisoformat(record["created_at"][:10]), []).append(row)
    activity = tuple(read_activity([*rows, *rows[:1]], day) for day, rows in days.items())
    totals = tuple(UsageTotal(day, len(rows) + 1, Decimal(9), Decimal(0)) for day, rows in days.items())
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(ids), "run", NOW)
        warehouse.commit([settled(i) for i in ids], "run")
        warehouse.add_billing(BillingAnswers(activity=activity, totals=totals), NOW)
    return path, min(days), max(days)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_each_dimension_has_a_table_that_adds_up(path, by):
    file, first, last = path
    with Reader(file) as reader:
        found = reconciliation_of(reader, first, last, by)
    rows = found.report.rows
    assert rows.columns[0] == DIMENSIONS[by]
    if by == "key":
        assert "the key of 40 generations is not known: `orusage discover` tells it" in found.notes
    else:
        assert rows["missing_usage"].sum() == rows["billed_usage"].sum() - rows["credits_usage"].sum()
    text = text_of(found, "table", 200)
    assert text.splitlines()[:2] == list(found.lines)
    assert "total" in text
    assert max(map(len, text_of(found, "table", 60).splitlines()[3 : 3 + rows.height])) <= 60
    assert json.loads(text_of(found, "json", 80))[0].keys() == set(rows.columns)
    assert text_of(found, "csv", 80).count("\n") == rows.height + 1
    assert text_of(found, "markdown", 80).count("\n| --- |") == 1


def test_remarks_name_what_analytics_tells_beyond_activity(path):
    file, first, last = path
    with Reader(file) as reader:
        found = reconciliation_of(reader, first, last, "model")
        outside = reconciliation_of(reader, date(2020, 1, 1), date(2020, 1, 9), "model")
    assert [note for note in found.notes if note.startswith("Analytics tells $")]
    assert outside.notes == ("9 of 9 days are not compared: OpenRouter did not tell their totals",)
    assert outside.lines[0] == "Nothing was charged to credits, 1 to 9 January 2020."
