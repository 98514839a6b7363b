"""Decoding prompts and completions: in every form, nothing of an answer is lost."""

import json

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.long_form import in_two_forms

from ingest.client.decode import UnreadableError, decode_content
from ingest.core.api_records import (
    GenerationContentData,
    GenerationContentDataOutput,
    GenerationContentError,
    GenerationContentErrorAttempt,
    GenerationContentInput,
)
from ingest.core.record import EXTRA, fields_of

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": {"arguments": '{"a": 1.50}'}}]},
]
ERROR = {
    "status": 502,
    "message": "Provider returned error",
    "provider_name": "Two",
    "raw": '{"error": "overloaded"}',
    "previous_errors": [
        {"code": 429, "message": "slow down", "provider_name": "One", "raw": "x"},
        {"code": 503, "message": "busy", "provider_name": None, "raw": None},
    ],
}
OUTPUT = {"completion": "Yes.", "reasoning": "Hm."}
WHOLE = {"input": {"messages": MESSAGES}, "output": OUTPUT, "error": ERROR}


def response_of(data, **envelope):
    return decode_content(json.dumps({"data": data, **envelope}).encode())


def decoded(**data):
    return response_of(data).data


def texts(**data: str):
    """The data of an answer whose parts are given as JSON text."""
    inner = ", ".join(f'"{name}": {text}' for name, text in data.items())
    return decode_content(f'{{"data": {{{inner}}}}}'.encode()).data


def typed(value) -> str:
    """JSON in which 1, 1.0 and true differ, and the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


# The documented forms


@pytest.mark.parametrize("prompt", ["Say yes.", "", "日本 😀\n\x00", "x" * 100_000])
def test_the_input_of_a_text_completion_is_its_prompt(prompt):
    data = decoded(input={"prompt": prompt}, output=OUTPUT)
    assert data.input == GenerationContentInput(prompt=prompt)
    assert (data.input.messages, data.extra_json) == (None, None)


@pytest.mark.parametrize("messages", [MESSAGES, [], [{}], [None, 5, "odd"], [{"n": [1, 1.5, True, None, -(2**70)]}]])
def test_the_input_of_a_chat_is_its_messages_as_they_were_sent(messages):
    data = decoded(input={"messages": messages}, output=OUTPUT)
    assert data.input.prompt is None
    assert typed(data.input.messages) == typed(messages)
    assert json.loads(data.input.to_json()) == {"messages": messages}


def test_the_two_forms_of_input_exclude_each_other_in_json_again():
    for given_input in ({"prompt": "p"}, {"messages": []}, {"prompt": "p", "messages": [1]}, {}, {"new": None}):
        assert json.loads(decoded(input=given_input).input.to_json()) == given_input


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OUTPUT, GenerationContentDataOutput("Yes.", "Hm.")),
        ({"completion": "", "reasoning": None}, GenerationContentDataOutput("")),
        ({"completion": None, "reasoning": "Hm."}, GenerationContentDataOutput(None, "Hm.")),
        ({"completion": "Yes."}, GenerationContentDataOutput("Yes.")),
        ({}, GenerationContentDataOutput()),
    ],
)
def test_the_output_is_completion_and_reasoning(output, expected):
    data = decoded(output=output)
    assert data == GenerationContentData(output=expected)


def test_an_error_comes_with_the_attempts_before_it_in_order():
    assert decoded(input={"prompt": "p"}, error=ERROR) == GenerationContentData(
        input=GenerationContentInput(prompt="p"),
        error=GenerationContentError(
            502,
            "Provider returned error",
            "Two",
            '{"error": "overloaded"}',
            (
                GenerationContentErrorAttempt(429, "slow down", "One", "x"),
                GenerationContentErrorAttempt(503, "busy"),
            ),
        ),
    )


@pytest.mark.parametrize(("previous", "expected"), [({}, None), ({"previous_errors": None}, None)])
def test_an_error_may_say_nothing_of_earlier_attempts(previous, expected):
    error = decoded(error={"status": 500, **previous}).error
    assert (error.status, error.previous_errors, error.extra_json) == (500, expected, None)


def test_no_earlier_attempts_is_not_unknown():
    assert decoded(error={"previous_errors": []}).error == GenerationContentError(previous_errors=())


@pytest.mark.parametrize("error", [{}, {"error": None}])
def test_no_error_is_none(error):
    assert decoded(output=OUTPUT, **error) == GenerationContentData(output=GenerationContentDataOutput("Yes.", "Hm."))


@pytest.mark.parametrize("name", WHOLE)
def test_any_one_part_is_content(name):
    data = decoded(**{name: WHOLE[name]})
    assert {n for n in WHOLE if getattr(data, n) is not None} == {name}
    assert data.extra_json is None
    assert getattr(decoded(**{name: {}}), name) is not None


# Invalid values


@pytest.mark.parametrize(
    ("part", "name", "text"),
    [
        ("input", "prompt", "5"),
        ("input", "prompt", '["a"]'),
        ("input", "messages", '"hello"'),
        ("input", "messages", '{"role": "user"}'),
        ("input", "messages", "[1e400]"),
        ("output", "completion", "0.10"),
        ("output", "completion", '{"text": "Yes."}'),
        ("output", "reasoning", '[{"type": "reasoning.text"}]'),
        ("output", "reasoning", "true"),
        ("error", "status", '"502"'),
        ("error", "status", "502.5"),
        ("error", "status", "1e400"),
        ("error", "status", "9" * 5000),
        ("error", "message", '{"text": "no"}'),
        ("error", "provider_name", "[]"),
        ("error", "raw", '{"a": 1.50}'),
        ("error", "previous_errors", "{}"),
        ("error", "previous_errors", '"none"'),
        ("error", "previous_errors", "0"),
    ],
)
def test_a_value_of_another_type_is_kept_in_extra_and_loses_no_other_field(part, name, text):
    other = {"input": "messages", "output": "reasoning", "error": "message"}[part]
    healthy = {"messages": "[7]", "prompt": '"p"', "reasoning": '"r"', "completion": '"c"', "message": '"m"'}
    other = other if other != name else {"messages": "prompt", "reasoning": "completion", "message": "raw"}[other]
    sound = healthy.get(other, '"raw"')
    record = getattr(texts(**{part: f'{{"{name}": {text}, "{other}": {sound}}}'}), part)
    assert getattr(record, name) is None
    assert record.extra_json == f'{{"{name}":{text}}}'
    assert getattr(record, other) == json.loads(sound)


@pytest.mark.parametrize(("part", "other"), [("input", "output"), ("output", "error"), ("error", "input")])
@pytest.mark.parametrize("text", ["5", '"text"', "[]", '[{"a": 1}]', "true", "1e400"])
def test_a_part_that_is_not_an_object_is_kept_in_extra_and_loses_no_other_field(part, other, text):
    data = texts(**{part: text, other: json.dumps(WHOLE[other])})
    assert getattr(data, part) is None
    assert data.extra_json == f'{{"{part}":{text}}}'
    assert getattr(data, other) == getattr(decoded(**WHOLE), other)


def test_invalid_earlier_attempts_keep_their_place_and_their_values():
    entries = '[{"code": 429, "region": "eu"}, null, 7, "x", [1], {"code": "429", "raw": "r"}, {}]'
    attempts = texts(error=f'{{"previous_errors": {entries}}}').error.previous_errors
    assert [a.code for a in attempts] == [429, *[None] * 6]
    assert [a.extra_json for a in attempts] == [
        '{"region":"eu"}',
        '{"previous_error":null}',
        '{"previous_error":7}',
        '{"previous_error":"x"}',
        '{"previous_error":[1]}',
        '{"code":"429"}',
        None,
    ]
    assert attempts[5].raw == "r"


def test_unknown_keys_are_kept_at_every_level():
    said = json.loads(json.dumps(WHOLE))
    said["error"]["previous_errors"][1]["a"] = 1
    for level, record in enumerate((said["error"], said["output"], said["input"], said), start=2):
        record |= {"a": level, "nothing": None, EXTRA: "mine"}
    response = response_of(said, a=6, nothing=None, extra_json={"b": 0.5})
    data = response.data
    assert data.error.previous_errors[1].extra == {"a": 1}
    for level, record in enumerate((data.error, data.output, data.input, data), start=2):
        assert record.extra == {"a": level, "nothing": None, EXTRA: "mine"}
    assert response.extra == {"a": 6, "nothing": None, EXTRA: {"b": 0.5}}
    assert json.loads(response.to_json()) == {"data": said, "a": 6, "nothing": None, EXTRA: {"b": 0.5}}


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"a\ud83db", r"\ud800\u0041", r"\ude00\ud83d"])
@pytest.mark.parametrize("place", ["prompt", "message", "completion", "raw", "unknown", "key", "envelope"])
def test_half_a_surrogate_pair_affects_nothing_else(escape, place):
    said = {p: escape if p == place else "fine 😀" for p in ("prompt", "completion", "raw", "unknown", "envelope")}
    message = escape if place == "message" else r"fine \ud83d\ude00"
    given_input = f'"messages": [{{"content": "{message}"}}], "prompt": "{said["prompt"]}"'
    key = escape if place == "key" else "key"
    body = f"""{{"data": {{"input": {{{given_input}}},
        "output": {{"completion": "{said["completion"]}", "reasoning": "fine"}},
        "error": {{"raw": "{said["raw"]}", "previous_errors": [{{"code": 429}}]}},
        "unknown": "{said["unknown"]}", "{key}": 1}}, "user_id": "{said["envelope"]}"}}"""
    response = decode_content(body.encode())
    data = response.data
    held = {
        "prompt": data.input.prompt,
        "message": data.input.messages[0]["content"],
        "completion": data.output.completion,
        "raw": data.error.raw,
        "unknown": data.extra["unknown"],
        "envelope": response.extra["user_id"],
    }
    assert {p for p, text in held.items() if text == "fine 😀"} == held.keys() - {place}
    assert all("\\u" in text for p, text in held.items() if p == place)
    assert ("key" in data.extra) == (place != "key")
    assert (data.output.reasoning, data.error.previous_errors[0].code) == ("fine", 429)
    assert json.loads(response.to_json())["data"]["output"]["reasoning"] == "fine"


def test_bytes_that_are_not_utf_8_affect_only_their_field():
    body = json.dumps({"data": {"input": {"prompt": "ABC"}, "output": OUTPUT}}).encode().replace(b"ABC", b"\xff\xfe")
    data = decode_content(body).data
    assert (data.input.prompt, list(data.input.extra)) == (None, ["prompt"])
    assert data.output.completion == "Yes."


# Nothing is lost


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.text(max_size=8) | st.sampled_from([EXTRA, "prompt", "status", "data", "input", "previous_error"])


def objects(**known):
    """Objects whose known fields are absent, valid or invalid, with some unknown fields."""
    parts = {name: values | json_values for name, values in known.items()}
    return st.builds(
        lambda beside, ours: {**beside, **ours},
        st.dictionaries(names, json_values, max_size=2),
        st.fixed_dictionaries({}, optional=parts),
    )


some_text = st.none() | st.text(max_size=8)
inputs = objects(prompt=some_text, messages=st.lists(json_values, max_size=3))
outputs = objects(completion=some_text, reasoning=some_text)
attempts = objects(code=st.integers(), message=some_text, provider_name=some_text, raw=some_text)
errors = objects(
    status=st.integers(),
    message=some_text,
    provider_name=some_text,
    raw=some_text,
    previous_errors=st.lists(attempts | json_values, max_size=3),
)


def filled(value, record):
    """An object with null for each absent key of its record."""
    return dict.fromkeys(keys_of(record)) | value if isinstance(value, dict) else value


def keys_of(record):
    return [field.name for field in fields_of(record) if field.name != EXTRA]


def an_attempt(value):
    return filled(value if isinstance(value, dict) else {"previous_error": value}, GenerationContentErrorAttempt)


def an_error(value):
    value = filled(value, GenerationContentError)
    if isinstance(value, dict) and isinstance(value["previous_errors"], list):
        return value | {"previous_errors": [an_attempt(entry) for entry in value["previous_errors"]]}
    return value


def an_input(value):
    """An input with only the alternative that is present."""
    known = keys_of(GenerationContentInput)
    return {k: v for k, v in value.items() if v is not None or k not in known} if isinstance(value, dict) else value


def as_encoded(data):
    encoded = filled(data, GenerationContentData)
    return encoded | {
        "input": an_input(encoded["input"]),
        "output": filled(encoded["output"], GenerationContentDataOutput),
        "error": an_error(encoded["error"]),
    }


@in_two_forms(
    given(objects(input=inputs, output=outputs, error=errors), st.dictionaries(names, json_values, max_size=2)),
    example(WHOLE, {}),
    short=80,
    long_form=1500,
)
def test_nothing_of_an_answer_is_lost(data, envelope):
    assume(any(isinstance(data.get(part), dict) for part in WHOLE))
    response = response_of(data, **(envelope := {k: v for k, v in envelope.items() if k != "data"}))
    encoded = json.loads(response.to_json())
    assert typed(encoded) == typed({"data": as_encoded(data), **envelope})
    assert decode_content(response.to_json()).to_json() == response.to_json()


@in_two_forms(given(objects(input=inputs, output=outputs, error=errors)), short=50, long_form=800)
def test_a_value_that_its_field_holds_is_not_kept_in_extra_too(data):
    assume(any(isinstance(data.get(part), dict) for part in WHOLE))
    read = decoded(**data)
    records = [read, *(r for r in (read.input, read.output, read.error) if r)]
    records += (read.error and read.error.previous_errors) or ()
    for record in records:
        assert [name for name in record.extra if name in keys_of(type(record)) and getattr(record, name)] == []


# Answers without content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"5",
        b"{}",
        b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": "text"}',
        b'{"data": 5}',
        b'{"data": {}}',
        b'{"data": {"input": null, "output": null, "error": null}}',
        b'{"data": {"id": "gen-1", "usage": 0.5}}',
        b'{"data": {"messages": [], "completion": "Yes."}}',
        b'{"error": {"code": 404, "message": "Generation not found"}}',
        b'{"input": {"prompt": "p"}, "output": {"completion": "c"}}',
        b'{"data": {"output": {"completion": "c"}}} and more',
        b'{"data": {"output": {"completion": NaN}}}',
        b'{"data": {"output": {"completion": "c", "reasoning": tru}}}',
        b'{"data": {"input": {"messages": ' + b"[" * 100_000 + b"]" * 99_999 + b"}}}",
        b'{"data": {"error": {"previous_errors": ' + b'[{"a":' * 50_000 + b"1" + b"}]" * 49_999 + b"}}}",
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b"\x00\xff\xfe",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_an_answer_that_holds_no_content_is_unreadable(body):
    with pytest.raises(UnreadableError):
        decode_content(body)


def test_a_cut_answer_is_unreadable_wherever_it_is_cut():
    body = json.dumps({"data": WHOLE | {"new": "日本"}, "user_id": "u"}, ensure_ascii=False).encode()
    assert decode_content(body).data.extra == {"new": "日本"}
    for cut in range(len(body)):
        with pytest.raises(UnreadableError):
            decode_content(body[:cut])


@settings(max_examples=300)
@given(st.binary(max_size=60) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_other_body_is_unreadable_and_does_not_crash(body):
    assume(b'"data"' not in body)
    with pytest.raises(UnreadableError):
        decode_content(body)


@pytest.mark.parametrize("text", ['{"output": "Yes."}', '{"input": "What?"}', '{"error": "late"}'])
def test_content_of_another_shape_is_kept_in_extra(text):
    data = decode_content(f'{{"data": {text}}}'.encode()).data
    assert data.extra == json.loads(text)
