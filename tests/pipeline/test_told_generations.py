"""Rows as generations: nothing that was told is lost, and money is exact."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.discovered import MEASURES
from ingest.pipeline.discovery_windows import Window
from ingest.pipeline.told_generations import of_csv, of_window
from ingest.sources.logs_csv import CsvRow

ID, OTHER = "gen-1763640000-ABCDEFGHIJ0123456789", "gen-1763640001-ABCDEFGHIJ0123456789"
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
WINDOW = Window(BEGIN, BEGIN + timedelta(seconds=1))

amounts = st.decimals(-99_999, 99_999, places=12)
spelled = st.sampled_from([str, Decimal, "{:f}".format])


def one(row):
    [generation] = of_window(WINDOW, [{"generation_id": ID, **row}]).generations
    return generation


@given(st.dictionaries(st.sampled_from(MEASURES), amounts), st.none() | st.integers(0, 10**6), spelled, st.booleans())
def test_measures_are_the_same_as_numbers_and_as_strings(money, count, spell, as_text):
    row = {name: spell(amount) for name, amount in money.items()}
    row["request_count"] = str(count) if as_text and count is not None else count
    generation = one(row)
    assert {name: getattr(generation, name) for name in MEASURES} == dict.fromkeys(MEASURES) | money
    assert generation.request_count == count
    assert generation.extra is None


junk = st.sampled_from(["free", "", True, [1], {"a": 1}, "1,5", 10**9, Decimal("1e-20"), "0.0000000000001"])


@given(st.dictionaries(st.sampled_from([*MEASURES, "request_count", "new_metric", "usage_upstream"]), junk))
def test_what_a_column_does_not_hold_exactly_is_kept(row):
    generation = one(row)
    extra = json.loads(generation.extra or "{}", parse_float=Decimal)
    for name, value in row.items():
        column = getattr(generation, name, None)
        assert column == value or extra[name] == value or extra[name] == str(value)


@pytest.mark.parametrize(
    ("label", "kept"), [("batch", "batch"), ("", ""), (None, None), (7, "7"), (Decimal("1.5"), "1.5")]
)
def test_a_label_is_text(label, kept):
    assert one({"api_key_id": label}).api_key_label == kept


def test_rows_of_one_id_are_added_up_and_equal_ones_count_once():
    row = {"generation_id": ID, "api_key_id": "a", "total_usage": Decimal("0.1"), "request_count": "1"}
    told = of_window(
        WINDOW, [row, dict(row), row | {"api_key_id": "b", "total_usage": "0.2"}, row | {"generation_id": OTHER}]
    )
    [first, other] = told.generations
    assert (first.total_usage, first.request_count, first.api_key_label) == (Decimal("0.3"), 2, None)
    assert json.loads(first.extra) == {"api_key_id": ["a", "b"]}
    assert (other.total_usage, other.api_key_label) == (Decimal("0.1"), "a")
    assert (told.rows, told.rows_without_id) == (4, 0)


@given(st.lists(st.sampled_from([ID, OTHER, None, "", "gen-x", 7, ID.upper(), f" {ID}"]), max_size=12))
def test_every_row_is_told_or_counted(ids):
    told = of_window(WINDOW, [{"generation_id": each, "total_usage": "0.5"} for each in ids])
    known = [each for each in ids if each in (ID, OTHER)]
    assert [generation.generation_id for generation in told.generations] == list(dict.fromkeys(known))
    assert (told.rows, told.rows_without_id) == (len(ids), len(ids) - len(known))
    assert told.usage_without_id == Decimal("0.5") * told.rows_without_id


COLUMNS = ("generation_id", "cost_total", "byok_usage_inference", "api_key_name", "app_name", "tokens_prompt")


def line(columns=COLUMNS, generation_id=ID, **told):
    return of_csv("/x.csv", columns, [CsvRow(2, generation_id, told)])


def test_a_line_of_the_csv_tells_costs_and_names():
    cells = {
        "cost_total": "0.1",
        "byok_usage_inference": "0.02",
        "api_key_name": "batch",
        "app_name": "A",
        "tokens_prompt": "7",
    }
    [generation] = line(**cells).generations
    assert (generation.line, generation.api_key_label) == (2, "batch")
    assert (generation.credits_usage, generation.byok_usage) == (Decimal("0.1"), Decimal("0.02"))
    assert generation.total_usage == Decimal("0.12")
    assert json.loads(generation.extra) == {"app_name": "A", "tokens_prompt": "7"}
    assert json.loads(generation.log_fields) == {k: v for k, v in cells.items() if k != "tokens_prompt"}


@pytest.mark.parametrize(
    ("columns", "cells", "total"),
    [
        (COLUMNS, {"cost_total": "0.1"}, Decimal("0.1")),
        (COLUMNS, {"cost_total": "0.1", "byok_usage_inference": "much"}, None),
        (COLUMNS, {"byok_usage_inference": "0.1"}, None),
        (("generation_id", "cost_total"), {"cost_total": "0.1"}, None),
        (COLUMNS, {"cost_total": "0,1"}, None),
        (COLUMNS, {}, None),
    ],
)
def test_a_total_is_told_only_where_both_of_its_parts_are_known(columns, cells, total):
    [generation] = line(columns, **cells).generations
    assert generation.total_usage == total
    kept = json.loads(generation.extra or "{}")
    unread = {name: cell for name, cell in cells.items() if cell in ("much", "0,1")}
    assert kept == unread  # what is no amount stays as it came


def test_lines_without_an_id_are_counted_with_their_cost():
    told = line(generation_id="", cost_total="0.1", byok_usage_inference="1")
    assert (told.generations, told.rows, told.rows_without_id) == ((), 1, 1)
    assert told.usage_without_id == Decimal("1.1")
