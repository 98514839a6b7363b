"""Records with a field that is nested more deeply than decoders go: the rest is kept, and so is the field's text."""

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.client.decode import UnreadableError, decode_content, decode_generation
from ingest.client.deep_json import DEEPEST, is_too_deep, split_list, split_object
from ingest.core.api_records import GenerationResponseData
from ingest.simulator import fake_records

ID = "gen-1763900001-AAAAAAAAAAAAAAAAAAAA"
RECORD = json.loads(json.dumps(fake_records.record(1, ID)))
TRICKY = st.text(st.sampled_from('"\\[]{},: a1é\n'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TRICKY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TRICKY, VALUES, max_size=5), st.sampled_from([None, 1]))
@example({}, None)
def test_an_object_is_split_as_the_decoder_splits_it(value, indent):
    text = json.dumps(value, indent=indent).encode()
    expected = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    assert {n: bytes(r) for n, r in split_object(text).items()} == {n: bytes(r) for n, r in expected.items()}


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]))
@example([], None)
def test_a_list_is_split_as_the_decoder_splits_it(value, indent):
    text = json.dumps(value, indent=indent).encode()
    assert list(map(bytes, split_list(text))) == list(map(bytes, msgspec.json.decode(text, type=list[msgspec.Raw])))


@given(
    st.dictionaries(TRICKY, VALUES, max_size=4),
    st.integers(0, 200),
    st.sampled_from(['"', "[", "]", "}", ",", "x", ""]),
)
def test_what_is_no_object_for_the_decoder_is_none_here(value, place, mark):
    """A character is put in or, for the empty one, taken out."""
    whole = json.dumps(value)
    at = min(place, len(whole) - 1)
    text = (whole[:at] + mark + whole[at + (not mark) :]).encode()
    try:
        expected = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        expected = None
    try:
        found = split_object(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    assert found == expected


DEPTHS = st.sampled_from([DEEPEST + 1, 999, 1001, 5_000, 100_000])
NESTINGS = st.sampled_from([('{"a":', "1", "}"), ("[", "", "]"), ('[{"b":[', '"]"', "]}]"), ('["[",', "1e999", "]")])
FIELDS = st.sampled_from(["unknown", *(set(RECORD) - {"id", "provider_responses"})])


@given(DEPTHS, NESTINGS, FIELDS)
@settings(max_examples=40)
def test_a_deep_field_is_kept_as_text_and_the_rest_of_the_record_as_usual(depth, nesting, name):
    begin, middle, end = nesting
    deep = begin * depth + middle + end * depth
    rest = {field: value for field, value in RECORD.items() if field != name}
    found = decode_generation(b'{"data":' + json.dumps(rest)[:-1].encode() + f',"{name}":{deep}}}}}'.encode()).data
    assert found.extra[name] == deep
    usual = decode_generation(json.dumps({"data": rest}).encode()).data
    for field in set(GenerationResponseData.__struct_fields__) - {"extra_json", name}:
        assert getattr(found, field) == getattr(usual, field)
    assert json.loads(found.to_json())[name] == deep


@pytest.mark.parametrize("depth", [600, 5_000])
def test_a_deep_field_of_an_attempt_or_of_a_prompt_costs_neither(depth):
    deep = "[" * depth + "]" * depth
    body = json.dumps({"data": RECORD | {"provider_responses": [{"status": 200, "odd": "DEEP"}]}}).replace(
        '"DEEP"', deep
    )
    [attempt] = decode_generation(body.encode()).data.provider_responses
    assert (attempt.status, attempt.extra["odd"]) == (200, deep)
    content = decode_content(f'{{"data":{{"input":{{"prompt":{deep}}},"output":{{"completion":"x"}}}}}}'.encode()).data
    assert (content.input.extra["prompt"], content.output.completion) == (deep, "x")


@pytest.mark.parametrize("text", ["[" * 5_000, "[" * 5_000 + "}" * 5_000, "[" * 5_000 + '"', "]" * 5_000])
def test_brackets_that_do_not_match_are_unreadable(text):
    with pytest.raises(UnreadableError):
        decode_generation(b'{"data":{"model":"m","odd":' + text.encode() + b"}}")


def test_brackets_inside_texts_count_for_nothing():
    assert not is_too_deep(json.dumps(["[" * 5_000]).encode())
    assert not is_too_deep(json.dumps([[]] * 5_000).encode())
