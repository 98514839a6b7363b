import json
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client.billing_values import LARGEST_AMOUNT, LARGEST_COUNT, Fields, day_of
from ingest.client.decode import decode_exactly


def fields_of(text):
    return Fields(decode_exactly(b'{"v": %b}' % text.encode()))


NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=15).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@given(number=NUMBERS, is_text=st.booleans())
def test_an_amount_is_exact_to_twelve_places_and_stays_in_the_rest_if_it_was_rounded(number, is_text):
    fields = fields_of(json.dumps(number) if is_text else number)
    told, amount = Fraction(number), fields.amount("v")
    if abs(told) > LARGEST_AMOUNT:
        assert amount is None
        assert fields.missing == ["v"]
    else:
        assert Fraction(amount) == Fraction(round(told * 10**12), 10**12)
    assert (fields.rest() is None) == (amount is not None and Fraction(amount) == told)


@given(number=NUMBERS, is_text=st.booleans())
def test_a_count_is_a_whole_number_however_it_is_written(number, is_text):
    fields = fields_of(json.dumps(number) if is_text else number)
    is_count = Fraction(number).denominator == 1 and abs(Fraction(number)) <= LARGEST_COUNT
    assert fields.count("v") == (int(Fraction(number)) if is_count else None)
    assert (fields.rest() is None) == is_count


@pytest.mark.parametrize(
    "text", ['"much"', '"$1"', "true", "[1]", '{"a": 1}', '""', '"NaN"', '"1_0"', '"' + "9" * 99 + '"']
)
def test_what_is_no_number_is_missing_and_kept(text):
    for read in (Fields.amount, Fields.count):
        fields = fields_of(text)
        assert read(fields, "v") is None
        assert fields.missing == ["v"]
        assert json.loads(fields.rest()) == {"v": json.loads(text)}


@pytest.mark.parametrize("text", ["null", None])
def test_null_and_nothing_are_missing_and_leave_nothing(text):
    fields = fields_of(text) if text else Fields({})
    assert (fields.amount("v"), fields.text("v"), fields.json("v")) == (None, None, None)
    assert fields.rest() is None
    assert fields.lacks(["v", "w"]) == ["v"]


def test_what_nobody_reads_stays_with_exact_numbers():
    fields = Fields(decode_exactly(b'{"new": {"b": 0.10, "a": 1e400}, "model": 7}'))
    assert fields.text("model") is None
    assert fields.rest() == '{"model":7,"new":{"a":1E+400,"b":0.10}}'


@given(day=st.dates(), tail=st.sampled_from(["", " 00:00:00", "T00:00:00.000Z", "T23:59:59+00:00"]))
def test_a_day_is_read_in_every_spelling(day, tail):
    assert day_of(day.isoformat() + tail) == day


@pytest.mark.parametrize("value", ["2026-02-30", "yesterday", "", "20260221", 20260221, None, "2026-02-21x"])
def test_what_is_no_day_is_none(value):
    assert day_of(value) is None


def test_the_day_is_the_first_that_is_there():
    fields = Fields({"created_at__day": "2026-02-21T00:00:00.000Z", "date__day": None})
    assert fields.day("date__day", "created_at__day") == date(2026, 2, 21)


@pytest.mark.parametrize("text", ["1e400", "1e9999999", "-1e9999999", "1e100000000000000000", "-1e1000000"])
def test_a_number_too_large_for_arithmetic_is_kept_beside_the_fields(text):
    fields = Fields(decode_exactly(f'{{"usage": {text}, "requests": {text}}}'.encode()))
    assert (fields.amount("usage"), fields.count("requests")) == (None, None)
    assert fields.missing == ["usage", "requests"]
    assert fields.rest()
