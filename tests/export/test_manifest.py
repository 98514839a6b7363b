import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import a_file, a_manifest

from ingest.export.manifest import decode, encode, sums_over, unit_of


def test_what_is_written_is_read_back():
    manifest = a_manifest(a_file(usage="0.000000000001"))
    assert decode(encode(manifest)) == manifest
    assert json.loads(encode(manifest))["generated_at"] == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "./a", "a/", "a\0b", "..", "a/./b"]
)
def test_a_path_that_leads_elsewhere_makes_it_none_of_ours(path):
    text = encode(a_manifest(a_file())).decode()
    assert decode(text.replace('"cost_daily.parquet"', json.dumps(path)).encode()) is None


@pytest.mark.parametrize("change", [("orusage", "another"), ('"version": 1', '"version": 2'), ('"rows"', '"cows"')])
def test_another_programs_or_a_newer_manifest_is_none_of_ours(change):
    assert decode(encode(a_manifest(a_file())).decode().replace(*change).encode()) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", b"null"])
def test_something_else_is_none_of_ours(data):
    assert decode(data) is None


MONEY = st.decimals(min_value=-(10**15), max_value=10**15, places=12, allow_nan=False)


@given(st.lists(MONEY, max_size=20))
def test_sums_are_exact(values):
    files = [a_file(usage=format(value, "f")) for value in values]
    total = sums_over(files).get("usage", "0")
    assert Decimal(total) == sum(values, Decimal(0))
    assert "E" not in total


def test_units_are_those_the_comments_tell():
    assert unit_of("What it cost. Unit: USD.") == "USD"
    assert unit_of("Share. Unit: 0 to 1.") == "0 to 1"
    assert unit_of("A name.") is None
