import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import a_file, a_manifest

from ingest.core.meaning import unit_of
from ingest.export.manifest import decode, encode, sums_over


def test_a_manifest_survives_encoding_and_decoding():
    manifest = a_manifest(a_file(usage="0.000000000001"))
    assert decode(encode(manifest)) == manifest
    assert json.loads(encode(manifest))["generated_at"] == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "./a", "a/", "a\0b", "..", "a/./b"]
)
def test_a_path_outside_the_directory_invalidates_a_manifest(path):
    text = encode(a_manifest(a_file())).decode()
    assert decode(text.replace('"cost_daily.parquet"', json.dumps(path)).encode()) is None


@pytest.mark.parametrize("change", [("orusage", "another"), ('"version": 1', '"version": 2'), ('"rows"', '"cows"')])
def test_a_manifest_of_another_program_or_version_is_not_decoded(change):
    assert decode(encode(a_manifest(a_file())).decode().replace(*change).encode()) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", b"null"])
def test_other_data_is_not_decoded(data):
    assert decode(data) is None


MONEY = st.decimals(min_value=-(10**15), max_value=10**15, places=12, allow_nan=False)


@given(st.lists(MONEY, max_size=20))
def test_sums_are_exact(values):
    files = [a_file(usage=format(value, "f")) for value in values]
    total = sums_over(files).get("usage", "0")
    assert Decimal(total) == sum(values, Decimal(0))
    assert "E" not in total


def test_units_are_read_from_column_comments():
    assert unit_of("What it cost. Unit: USD.") == "USD"
    assert unit_of("Share. Unit: 0 to 1.") == "0 to 1"
    assert unit_of("A name.") is None
