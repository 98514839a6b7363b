import html
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.named_users import write_named

from ingest.core.errors import UsageError
from ingest.reports.names import named, shown
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.reports.summary_view import printed
from ingest.warehouse.reader import Reader

LOOK_ALIKES = [
    None,
    "",
    "(none)",
    "(other)",
    "(unmapped)",
    "total",
    '"(other)"',
    '""',
    " ",
    " ann",
    "ann",
    "Total",
    "=",
]
"""Users who are hard to tell apart, from each other and from what a table says itself."""

USERS = [user for number, user in enumerate(LOOK_ALIKES, start=1) for _ in range(number)]
"""Each of them with another number of requests."""

REPORTS = ["cost", "cache", "failed", "latency", "errors"]

labels = st.sampled_from(["", "(none)", "(other)", "total", '"', '""', '"(none)"', '"total"', " total", "(none) ", " "])
names = st.one_of(st.none(), labels, st.text(), st.text(st.sampled_from('" \\()noe')))


@given(names)
def test_a_text_stands_for_one_name(name):
    assert named(shown(name)) == name


@given(names, names)
def test_two_names_are_never_shown_alike(one, other):
    assert (shown(one) == shown(other)) == (one == other)


@given(st.text())
def test_no_name_is_shown_like_a_label_or_like_nothing(name):
    assert shown(name).strip() not in ("", "(none)", "(other)", "total")


def test_an_ordinary_name_is_shown_as_it_is():
    for name in ("openai/gpt-5", "Jürgen Müller", "a (b)", 'the "best"', "2026-11-20", "Total"):
        assert shown(name) == name


@pytest.mark.parametrize("text", ['"', '"a', '"a" b', '"\\q"'])
def test_quotes_must_hold_a_json_string(text):
    with pytest.raises(UsageError):
        named(text)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    path = tmp_path_factory.mktemp("names") / "w.duckdb"
    answer = {"finish_reason": "error", "model": "a/b", "provider_responses": [{"provider_name": "A", "status": 500}]}
    good = {"finish_reason": "stop", "cancelled": False, "response_cache_source_id": None, "api_type": "completions"}
    good["provider_responses"] = [*answer["provider_responses"], {"provider_name": "A", "status": 200}]
    answers = [answer | {"external_user": user} for user in USERS]
    answers += [answer | good | {"external_user": user} for user in LOOK_ALIKES]
    write_named(path, [(each, {}) for each in answers])
    with Reader(path) as reader:
        yield reader


def first_cells(found, form):
    """The names in the table below its title, that of the total included."""
    lines = printed(found, form, 1_000).split("\n\n")[1].splitlines()[2:]
    if form == "markdown":
        cells = [re.split(r" \| ", line.removeprefix("| "))[0] for line in lines]
        return [html.unescape(cell.replace("\\", "")) for cell in cells]
    return [re.split(r" {2,}", line)[0] for line in lines if not line.startswith("──")]


@pytest.mark.parametrize("form", ["table", "markdown"])
@pytest.mark.parametrize("top", [None, 3, len(LOOK_ALIKES)])
@pytest.mark.parametrize("name", REPORTS)
def test_a_table_tells_all_names_apart_from_each_other_and_from_its_own_rows(reader, name, top, form):
    found = report(reader, name, Period(), "user", top)
    names = first_cells(found, form)
    assert len(set(names)) == len(names)
    rows = found.rows.filter(~pl.col("is_rest")) if "is_rest" in found.rows.columns else found.rows
    users = rows["external_user"].to_list()
    own = ["(other)"] * (top == 3 and name != "latency") + ["total"] * (name != "latency")
    assert names == [*map(shown, users), *own]


@pytest.mark.parametrize("user", LOOK_ALIKES)
@pytest.mark.parametrize("name", REPORTS)
def test_a_name_is_found_by_a_filter_as_the_table_shows_it(reader, name, user):
    found = report(reader, name, Period(), "user", where=[f"user={shown(user)}"])
    assert found.rows["external_user"].to_list() == [user]


def test_the_row_of_the_rest_is_marked_for_programs(reader):
    rows = report(reader, "cost", Period(), "user,model", 12).rows
    other = rows.filter(external_user="(other)")
    assert sorted(other["is_rest"]) == [False, True]
    assert other.filter("is_rest")["model"].item() == "(other)"


def test_the_summary_quotes_the_names_of_its_models(tmp_path):
    write_named(tmp_path / "w.duckdb", [({"model": model}, {}) for model in (None, "", "(none)")])
    with Reader(tmp_path / "w.duckdb") as reader:
        text = printed(report(reader, "summary", Period()), "table", 80)
    assert {line.split()[-1] for line in text.splitlines()[-3:]} == {"(none)", '""', '"(none)"'}
