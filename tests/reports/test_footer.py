"""The line below `report top`, and the defaults of that report."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import new_ids
from support.simulated_warehouse import write_simulated_warehouse

from ingest.reports.definitions import REPORTS
from ingest.reports.footer import footer_of
from ingest.reports.period import Period
from ingest.reports.report import Report, report
from ingest.reports.summary_view import printed
from ingest.reports.terminal_table import dollars
from ingest.simulator import fake_records
from ingest.warehouse.reader import Reader

IDS = new_ids(300, seed=5, span=timedelta(days=2))


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    records = {i: fake_records.record(1, i) for i in IDS}
    with Reader(write_simulated_warehouse(tmp_path_factory.mktemp("top") / "w.duckdb", records, [])) as reader:
        yield reader


def made(column, **told):
    total = pl.DataFrame([told], {"group_count": pl.Int64()} | dict.fromkeys(list(told)[1:], pl.Decimal(28, 12)))
    return Report("top", Period(), pl.DataFrame(), total, pl.DataFrame(), columns=column)


amounts = st.decimals(0, 10**6, places=12)


@given(st.integers(1, 10**9), amounts, st.one_of(st.none(), amounts), amounts)
def test_the_line_tells_count_median_tail_and_dearest(count, median, tail, most):
    told = {"median_group_usage": median, "p95_group_usage": tail, "max_group_usage": most}
    line = footer_of(made(("external_user",), group_count=count, **told))
    p95 = "" if tail is None else f"p95 {dollars(tail)}, "
    noun = "user" if count == 1 else "users"
    assert line == f"{count:,} {noun}: median {dollars(median)}, {p95}dearest {dollars(most)}"


@pytest.mark.parametrize(
    ("columns", "noun"),
    [
        (("request_id",), "requests"),
        (("session_id",), "sessions"),
        (("requested_day",), "days"),
        (("cost_basis",), "values"),
        (("external_user", "model"), "values"),
    ],
)
def test_the_line_names_what_is_counted(columns, noun):
    amount = dict.fromkeys(("median_group_usage", "p95_group_usage", "max_group_usage"), Decimal(1))
    assert footer_of(made(columns, group_count=1234, **amount)).startswith(f"1,234 {noun}: ")


def test_it_stands_below_the_table_and_only_there(reader):
    found = report(reader, "top", Period(), "user")
    line = footer_of(found)
    assert printed(found, "table", 1000).endswith(f"\n\n{line}\n")
    assert printed(found, "markdown", 80).endswith(f"|\n\n{line}\n")
    assert all(line not in printed(found, form, 80) for form in ("json", "csv", "ndjson"))
    assert not footer_of(report(reader, "cost", Period(), "user"))
    assert not footer_of(report(reader, "top", Period(datetime(2030, 1, 1, tzinfo=UTC))))


def test_ten_requests_are_shown_unless_top_says_otherwise(reader):
    found = report(reader, "top", Period())
    assert found.columns == ("request_id",)
    assert found.rows.height == REPORTS["top"].default_top + 1
    assert found.rows["request_id"].to_list()[-1] == "(other)"
    assert report(reader, "top", Period(), top=3).rows.height == 4


def test_the_id_of_the_dearest_generation_is_never_cut(reader):
    found = report(reader, "top", Period(), "request")
    for width in (120, 140, 200):
        text = printed(found, "table", width)
        ids = found.rows["dearest_generation_id"].to_list()
        assert all(i in text for i in ids) or "dearest generation" not in text
    assert "dearest generation" in printed(found, "table", 200)
