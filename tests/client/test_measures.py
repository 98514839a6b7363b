"""Counts, money and times in every spelling of the management API."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client.measures import count_of, money_of, utc_text


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from([str, int, Decimal, "{}.0".format, " {} ".format]))
def test_a_count_is_the_same_as_a_number_and_as_a_string(number, spelled):
    assert count_of(spelled(number)) == number


@pytest.mark.parametrize(
    "value", [None, True, "", "many", 1.5, Decimal("1.5"), "1.5", 2**63, "1e400", "NaN", [], "9" * 99]
)
def test_what_is_no_count_is_none(value):
    assert count_of(value) is None


@given(st.decimals(-99_999, 99_999, places=12), st.sampled_from([str, Decimal, "{:f}".format]))
def test_money_is_exact_as_a_number_and_as_a_string(amount, spelled):
    assert money_of(spelled(amount)) == (amount, True)


@given(st.decimals(-99, 99, places=15, allow_nan=False))
def test_money_with_more_places_is_rounded_and_says_so(amount):
    found, is_exact = money_of(str(amount))
    assert abs(found - amount) <= Decimal("5e-13")
    assert is_exact == (found == amount)


@pytest.mark.parametrize("value", [None, True, "", "free", "$1", "1,5", "NaN", "Infinity", {}, 10**6, "1e400"])
def test_what_is_no_amount_is_none(value):
    assert money_of(value) == (None, False)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001  # drawn without a zone
def test_a_moment_is_written_with_seconds_in_utc(moment):
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    assert datetime.fromisoformat(utc_text(moment)) == moment
    assert utc_text(moment).endswith("Z")
