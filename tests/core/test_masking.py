"""No text shows a key: neither one in use, however it is escaped, nor anything else of a key's form."""

import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.core import masking
from ingest.core.masking import MASK, is_like_a_key, keep_masked, mask_in, mask_secrets

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"

keys_of_form = st.builds(
    "{}{}".format, st.sampled_from(["sk-or-v1-", "sk-or-", "sk-", "sk-proj-"]), st.text(LETTERS + "-_", min_size=8)
)
any_keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=80)
surroundings = st.text(st.sampled_from(" \n\t\"'=:/,;()[]{}<>é\u2028"), max_size=3)


@pytest.fixture(autouse=True)
def no_key_in_use(monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    monkeypatch.setattr(masking, "_in_use", set())


def unicode_escaped(text):
    return "".join(f"\\u{ord(c):04x}" for c in text)


ESCAPES = {
    "plain": str,
    "quoted": quote,
    "quoted whole": lambda text: "".join(f"%{ord(c):02X}" for c in text),
    "quoted twice": lambda text: quote("".join(f"%{ord(c):02x}" for c in text)),
    "json": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "unicode": unicode_escaped,
    "unicode in json": lambda text: json.dumps(unicode_escaped(text))[1:-1],
    "half unicode": lambda text: unicode_escaped(text[:5]) + json.dumps(text[5:])[1:-1],
    "hex": lambda text: "".join(f"\\x{ord(c):02x}" for c in text),
    "repr": lambda text: repr("\n" + text)[1:-1],
    "upper case": lambda text: unicode_escaped(text).replace("\\U", "\\u"),
}
escapes = st.sampled_from(sorted(ESCAPES))


@given(keys_of_form, surroundings, surroundings)
def test_whatever_has_the_form_of_a_key_is_masked(key, left, right):
    masked = mask_secrets(f"{left}{key}{right}")
    assert key not in masked
    assert MASK in masked


@given(any_keys, escapes, surroundings)
def test_a_key_in_use_is_masked_however_it_is_escaped(key, escape, around):
    keep_masked(key)
    escaped = ESCAPES[escape](key)
    masked = mask_secrets(f"x{around}{escaped}{around}y")
    assert escaped not in masked
    assert key not in masked


@given(any_keys, st.sampled_from(["json", "json with slashes", "unicode", "half unicode", "upper case"]))
@example(KEY, "half unicode")
def test_a_body_that_repeats_the_key_is_json_without_it(key, escape):
    escaped = ESCAPES[escape](key)
    note = f'"note": "a\\\\{escaped}, 50 % \\n", "{escaped}": 1'
    masked = json.loads(mask_in(f'{{"data": {{"id": "gen-1", {note}}}}}'.encode(), key))
    assert masked == {"data": {"id": "gen-1", "note": masked["data"]["note"], MASK: 1}}
    assert MASK in masked["data"]["note"]
    assert key not in masked["data"]["note"]


@given(st.binary(max_size=300))
def test_a_body_without_the_key_stays_as_it_is(body):
    assert mask_in(body, KEY) == body
    assert mask_in(body + b"\\u0073k \\\\ %73", KEY) == body + b"\\u0073k \\\\ %73"


@pytest.mark.parametrize(
    "text",
    [
        "disk-usage-of-the-night.log",
        "task-management-system-4711",
        "risk-assessment_2026-11-20",
        "sk-or-…a1b2",
        "export OPENROUTER_API_KEY=sk-or-…, or try",
        "gen-1753485462-AbCdEfGhIj0123456789",
    ],
)
def test_what_is_no_key_stays(text):
    assert mask_secrets(text) == text
    assert not is_like_a_key(text.removeprefix("sk-or"))


@given(keys_of_form, st.sampled_from(["", " ", '"', "Bearer ", "./x"]))
def test_a_key_is_told_from_a_path(key, before):
    assert is_like_a_key(before + key) or before == "./x"
    assert not is_like_a_key("logs/sk-2026-11-20.log")
    assert is_like_a_key(f"logs/{KEY}.log")


def test_the_key_of_the_environment_is_masked(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "neither-form-nor-prefix")
    assert mask_secrets("at Neither-form-nor-prefix.example") == f"at {MASK}.example"
    assert is_like_a_key("s3://bucket/neither-form-nor-prefix/a.log")


def test_a_short_text_is_not_taken_for_a_key(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "test")
    assert mask_secrets("a test") == "a test"
    assert mask_in(b"a test", "test") == b"a test"
