"""The JSON of kept fields."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.log_fields import added, as_json, key_of, replaced

NAMES = st.sampled_from(["a", "b", "a.b", "a.c", "a.b.c", "x.y", "", ".", "ü"])
FIELDS = st.dictionaries(NAMES, st.integers() | st.text(max_size=3) | st.just({"b": 1}), max_size=5)


@given(FIELDS)
def test_each_field_is_found_by_its_name(fields):
    stored = as_json(fields)
    found = json.loads(stored)
    for name, value in fields.items():
        if name not in {each.partition(".")[0] for each in fields if "." in each}:
            assert found[name] == value
        assert key_of(name) in stored


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"a.b": 1}, {"a.b": 1, "a": {"b": 1}}),
        ({"a.b": 1, "a.c": 2}, {"a.b": 1, "a.c": 2, "a": {"b": 1, "c": 2}}),
        ({"a": "x", "a.b": 1}, {"a": "x", "a.b": 1}),
        ({"a": {"b": 2}, "a.b": 1}, {"a": {"b": 2}, "a.b": 1}),
        ({"n": float("inf")}, {"n": "inf"}),
    ],
)
def test_a_name_with_a_point_is_also_nested(fields, stored):
    assert json.loads(as_json(fields)) == stored


@given(FIELDS, FIELDS, st.lists(NAMES))
def test_of_a_line_that_is_read_again_only_the_fields_asked_for_change(old, new, asked):
    new = {name: value for name, value in new.items() if name in asked}
    result = replaced(as_json(old) if old else None, as_json(new) if new else None, asked)
    found = json.loads(result) if result else {}
    for name in NAMES.elements:
        if name in new and "." in name:
            assert found[name] == new[name]
        elif name in old and "." in name and name not in asked:
            assert found[name] == old[name]
        elif name in asked and name not in new and "." in name and old:
            assert name not in found


@given(FIELDS, FIELDS)
def test_another_line_adds_its_fields(old, new):
    result = added(as_json(old) if old else None, as_json(new) if new else None)
    found = json.loads(result) if result else {}
    assert {n for n in {*old, *new} if "." in n} <= found.keys()
    assert all(found[n] == new[n] for n in new if "." in n)
