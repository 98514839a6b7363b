"""Answers with prompt and completion as the texts that are stored: each in its column, and nothing of data lost."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.client.decode import decode_content
from ingest.core.outcomes import Content
from ingest.fetch.content_records import content_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = ("input", "completion", "reasoning", "error", "extra")


def stored(**data) -> Content:
    return content_of(decode_content(json.dumps({"data": data}).encode()), NOW)


def stored_as_came(data: str) -> Content:
    return content_of(decode_content(f'{{"data": {data}}}'.encode()), NOW)


def test_an_answer_is_content_of_status_200_without_a_reason():
    content = stored(output={"completion": "Yes."})
    assert content == Content(200, None, NOW, completion="Yes.")


@pytest.mark.parametrize(
    "given_input",
    [
        {"prompt": "Say yes."},
        {"prompt": ""},
        {"messages": [{"role": "user", "content": "日本 😀"}]},
        {"messages": []},
        {"prompt": "p", "messages": [None, 1.5]},
        {"messages": "odd", "new": None},
        {},
    ],
)
def test_the_input_is_stored_as_the_json_it_was(given_input):
    content = stored(input=given_input, output={})
    assert json.loads(content.input) == given_input
    assert content.extra is None


def test_numbers_in_the_input_that_no_double_holds_are_kept_where_no_field_reads_them():
    text = '{"prompt":"p","seed":123456789012345678901234567890,"top_p":0.10,"far":1e400}'
    assert stored_as_came(f'{{"input": {text}}}').input == text


@pytest.mark.parametrize(
    ("output", "completion", "reasoning"),
    [
        ({"completion": "Yes.", "reasoning": "Hm."}, "Yes.", "Hm."),
        ({"completion": "", "reasoning": ""}, "", ""),
        ({"completion": None, "reasoning": "Hm."}, None, "Hm."),
        ({"completion": '{"a": 1}'}, '{"a": 1}', None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_the_output_is_stored_as_its_two_texts(output, completion, reasoning):
    content = stored(input={"prompt": "p"}, output=output)
    assert (content.completion, content.reasoning, content.extra) == (completion, reasoning, None)


def test_the_error_is_stored_with_the_attempts_before_it():
    error = {
        "status": 502,
        "message": "no",
        "provider_name": None,
        "raw": '{"a": 1}',
        "previous_errors": [{"code": 429, "message": "slow", "provider_name": "One", "raw": None, "region": "eu"}],
        "new": [1],
    }
    content = stored(error=error)
    assert json.loads(content.error) == error
    assert (content.input, content.completion, content.reasoning, content.extra) == (None, None, None, None)


@pytest.mark.parametrize("error", [{}, {"error": None}])
def test_no_error_is_null(error):
    assert stored(output={"completion": "Yes."}, **error).error is None


def test_what_stands_beside_the_parts_is_stored_as_it_came():
    content = stored_as_came('{"output": {}, "cost": 0.10, "far": 1e400, "nothing": null, "a": {"b": [1,  2]}}')
    assert content.extra == '{"cost":0.10,"far":1e400,"nothing":null,"a":{"b": [1,  2]}}'


def test_what_stands_beside_completion_and_reasoning_is_stored_under_output():
    content = stored_as_came('{"output": {"completion": 0.10, "reasoning": "Hm.", "images": ["x"]}, "new": 1}')
    assert (content.completion, content.reasoning) == (None, "Hm.")
    assert json.loads(content.extra) == {"output": {"completion": 0.1, "images": ["x"]}, "new": 1}
    assert '"completion":0.10' in content.extra


@pytest.mark.parametrize("output", ["Yes.", 5, ["Yes."], True])
def test_an_output_that_is_no_object_is_stored_beside(output):
    content = stored(input={"prompt": "p"}, output=output)
    assert (content.completion, content.reasoning) == (None, None)
    assert json.loads(content.extra) == {"output": output}


@pytest.mark.parametrize("part", ["input", "error"])
def test_an_input_or_error_that_is_no_object_is_stored_beside(part):
    content = stored(**{part: "odd", "output": {"completion": "Yes."}})
    assert getattr(content, part) is None
    assert (content.completion, json.loads(content.extra)) == ("Yes.", {part: "odd"})


def test_half_a_surrogate_pair_is_text_that_can_be_stored():
    content = stored_as_came(
        r'{"input": {"prompt": "\ud800"}, "output": {"completion": "a\udfff", "x": "\ud800"}, "y": "\ud800"}'
    )
    assert all(text.encode() for text in (content.input, content.completion, content.extra))
    assert json.loads(content.extra).keys() == {"output", "y"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def objects(*names):
    known = {name: st.none() | st.text(max_size=8) | json_values for name in names}
    return st.builds(
        lambda beside, ours: {**beside, **ours},
        st.dictionaries(st.text(max_size=8) | st.sampled_from(TEXTS), json_values, max_size=2),
        st.fixed_dictionaries({}, optional=known),
    )


def without_nulls(value):
    return {k: v for k, v in value.items() if v is not None}


@settings(max_examples=300)
@given(
    st.builds(
        lambda beside, parts: {**beside, **parts},
        st.dictionaries(st.text(max_size=8), json_values, max_size=2),
        st.fixed_dictionaries(
            {},
            optional={
                "input": objects("prompt", "messages") | json_values,
                "output": objects("completion", "reasoning") | json_values,
                "error": objects("status", "message", "provider_name", "raw") | json_values,
            },
        ),
    )
)
def test_nothing_of_data_is_lost(data):
    assume(any(isinstance(data.get(part), dict) for part in ("input", "output", "error")))
    content = stored(**data)
    extra = json.loads(content.extra or "{}")
    for part in ("input", "error"):
        text, given = getattr(content, part), data.get(part)
        if isinstance(given, dict):
            assert without_nulls(json.loads(text)) == without_nulls(given)
        else:
            assert text is None
            assert extra.get(part) == given
    output = data.get("output")
    if isinstance(output, dict):
        beside = extra.get("output", {})
        texts = {"completion": content.completion, "reasoning": content.reasoning}
        assert without_nulls({**beside, **without_nulls(texts)}) == without_nulls(output)
        assert beside.keys() <= output.keys()
        assert not [name for name, text in texts.items() if text is not None and name in beside]
    else:
        assert (content.completion, content.reasoning, extra.get("output")) == (None, None, output)
    parts = {"input", "output", "error"}
    assert {k: v for k, v in extra.items() if k not in parts} == {k: v for k, v in data.items() if k not in parts}


@pytest.mark.parametrize("name", TEXTS)
def test_its_size_is_that_of_all_its_texts(name):
    assert Content(200, None, NOW).size == 0
    assert Content(200, None, NOW, **{name: "日本"}).size == 2
    assert Content(200, None, NOW, **dict.fromkeys(TEXTS, "four")).size == 4 * len(TEXTS)


def test_the_size_of_an_answer_counts_everything_that_is_stored():
    content = stored(input={"prompt": "p"}, output={"completion": "abc", "reasoning": "de", "x": 1}, error={"raw": "r"})
    assert content.size == sum(len(getattr(content, name)) for name in TEXTS)
    assert all(getattr(content, name) for name in TEXTS)
