"""Key files as people have them: read, or refused with a reason that repeats nothing of them."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client.key_text import LARGEST, NoKeyError, decode_key_text, key_in

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
OTHER = "sk-or-v1-ffffffffffffffffffffffffffffffff"

keys = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=12, max_size=80).map(
    lambda rest: f"sk-or-v1-{rest}"
)
quotes = st.sampled_from(["{}", '"{}"', "'{}'", "`{}`", "\u201c{}\u201d", "\u2018{}\u2019", ' "{}" ', "' {} '"])
names = st.sampled_from(
    [
        *("{}", "OPENROUTER_API_KEY={}", "export OPENROUTER_API_KEY={}", "OPENROUTER_API_KEY = {}"),
        *("OPENROUTER_API_KEY: {}", "  - OPENROUTER_API_KEY={}", '"OPENROUTER_API_KEY": {},', "openrouter_api_key={}"),
        *("$env:OPENROUTER_API_KEY = {}", "setx OPENROUTER_API_KEY {}", "setenv OPENROUTER_API_KEY {}"),
        *("set OPENROUTER_API_KEY={}", "declare -x OPENROUTER_API_KEY={};", "export OPENROUTER_API_KEY={} # mine"),
        *("API_KEY={}", "key: {}", "Authorization: Bearer {}", "Bearer {}", "OPENROUTER_API_KEY=Bearer {}"),
    ]
)
others = st.sampled_from(
    ["", "   ", "\t", "# a comment", "#OPENROUTER_API_KEY=sk-or-v1-an-old-one-0123", "; note", "[main]"]
)
breaks = st.sampled_from(["\n", "\r\n", "\r"])
layouts = st.tuples(st.lists(others, max_size=4), st.lists(others, max_size=4), breaks, st.booleans())
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])


@given(keys, quotes, names, layouts, encodings)
def test_a_key_is_found_however_it_is_written(key, quote, name, layout, encoding):
    before, after, line_break, ends = layout
    text = line_break.join([*before, name.format(quote.format(key)), *after]) + line_break * ends
    if not text[:4].isascii():  # UTF-16 without a mark is recognised by ASCII characters
        encoding = "utf-8"
    assert key_in(decode_key_text(text.encode(encoding))) == key


@given(keys, keys, names, names, breaks)
def test_a_text_with_two_keys_is_refused_and_not_repeated(first, second, name, other_name, line_break):
    text = line_break.join((name.format(first), other_name.format(second)))
    sets = ["OPENROUTER_API_KEY" in each.upper() for each in (name, other_name)]
    if first == second:
        assert key_in(text) == first
    elif sets[0] != sets[1]:  # the variable's own line counts
        assert key_in(text) == (first if sets[0] else second)
    else:
        with pytest.raises(NoKeyError) as refused:
            key_in(text)
        assert first not in str(refused.value)
        assert second not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{KEY}\n{OTHER}", "2 lines"),
        (f"{KEY[:20]}\n{KEY[20:]}", "2 lines"),
        (f"my key:\n{KEY}", "2 lines"),
        (f"OPENROUTER_API_KEY={KEY}\nOPENROUTER_API_KEY={OTHER}", "2 different values"),
        ("OPENAI_API_KEY=sk-proj-0123456789", "does not set OPENROUTER_API_KEY"),
        ("DATABASE_URL=postgres://u:p@h/d\nDEBUG=1", "does not set OPENROUTER_API_KEY"),
        (json.dumps({"keys": [KEY, OTHER]}, indent=1), "2 lines that may be the key"),
        (json.dumps({"OPENROUTER_API_KEY": [KEY, OTHER]}), "2 different values"),
    ],
)
def test_the_reason_is_told(text, reason):
    with pytest.raises(NoKeyError, match=reason) as refused:
        key_in(text)
    assert "sk-" not in str(refused.value).removesuffix("begins with sk-or-")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment", "OPENROUTER_API_KEY=", 'export OPENROUTER_API_KEY=""']
)
def test_a_text_without_a_value_is_no_key(text):
    assert key_in(text) == ""


def test_among_other_variables_the_one_of_openrouter_counts():
    env = f'# prod\nOPENAI_API_KEY=sk-proj-0123456789abcdef\nOPENROUTER_API_KEY="{KEY}"  # billing\nDEBUG=1\n'
    assert key_in(env) == KEY
    assert key_in(json.dumps({"OPENAI_API_KEY": OTHER, "OPENROUTER_API_KEY": KEY})) == KEY
    assert key_in(json.dumps({"llm": {"openrouter": [{"key": KEY}], "openai": "sk-proj-0123456789"}}, indent=1)) == KEY
    assert key_in(f"OPENAI_API_KEY=sk-proj-0123456789\nLLM_KEY={KEY}") == KEY


@pytest.mark.parametrize("key", ["dGVzdC1rZXk=", "abc==", "plainkey0123456789", "sk-or-a=b", "sk-a:b"])
def test_a_key_of_another_form_is_taken_as_it_is(key):
    assert key_in(f"{key}\n") == key


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\0" * 100, b"\x80abc", b"PK\x03\x04\0\0", b"x" * (LARGEST + 1)])
def test_what_is_no_text_is_refused(data):
    with pytest.raises(NoKeyError):
        decode_key_text(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with suppress(NoKeyError):
        key_in(decode_key_text(data))
