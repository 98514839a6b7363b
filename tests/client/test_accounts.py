"""The keys of configured accounts: each from its one place, and no two alike."""

import os
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loopback import SECRET

from ingest.client.accounts import Account, load_account_key, load_keys
from ingest.client.credentials import ApiKey
from ingest.client.key_kinds import INFERENCE, MANAGEMENT
from ingest.client.key_sources import KeyPlace
from ingest.core.base_url import BASE_URL
from ingest.core.errors import ConfigurationError, KeyRefusedError
from ingest.core.masking import mask_secrets


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three places, each with the key."""
    file = tmp_path / "key"
    file.write_text(f"OPENROUTER_API_KEY={SECRET}\n")
    file.chmod(0o600)
    monkeypatch.setenv("WORK_KEY", SECRET)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-another-key-of-nobody")
    return [KeyPlace(file=file), KeyPlace(command=f"cat {file}"), KeyPlace(variable="WORK_KEY")]


def test_a_key_comes_from_its_place_and_is_masked_from_then_on(places):
    for place in places:
        assert load_account_key("work", place, INFERENCE).reveal() == SECRET
    assert mask_secrets(f"x {SECRET} y") == "x [masked] y"


@pytest.mark.parametrize(
    ("place", "what", "cause", "fix"),
    [
        (
            KeyPlace(variable="NOT_SET"),
            "no API key (account work)",
            "NOT_SET is not set",
            "correct [accounts.work] in the configuration",
        ),
        (
            KeyPlace(command="false"),
            "the key command failed (account work)",
            "it ended with exit code 1 (api_key_command)",
            "run the command by hand: it must print the key and exit 0",
        ),
        (
            KeyPlace(variable="TWO_LINES"),
            "the API key cannot be used (account work)",
            "TWO_LINES: it has 2 lines that may be the key",
            "keep only the key there, or one line OPENROUTER_API_KEY=sk-or-…",
        ),
    ],
)
def test_without_a_key_the_error_names_the_account_and_looks_nowhere_else(places, place, what, cause, fix):
    with mock.patch.dict(os.environ, {"TWO_LINES": "one\ntwo"}), pytest.raises(KeyRefusedError) as raised:
        load_account_key("work", place, INFERENCE)
    assert (raised.value.what, raised.value.cause, raised.value.fix) == (what, cause, fix)


def test_a_management_key_has_names_of_its_own(places):
    with pytest.raises(KeyRefusedError) as raised:
        load_account_key("work", KeyPlace(command="false"), MANAGEMENT)
    assert raised.value.cause.endswith("(management_key_command)")


@settings(max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_two_accounts_with_one_key_are_an_error_that_repeats_no_key(numbers):
    keys = [f"sk-or-v1-{number:032d}" for number in numbers]
    accounts = [
        Account(f"account {place}", lambda key=key: ApiKey(key, "a test"), BASE_URL) for place, key in enumerate(keys)
    ]
    if len(set(keys)) == len(keys):
        assert [key.reveal() for key in load_keys(accounts)] == keys
        return
    with pytest.raises(ConfigurationError) as raised:
        load_keys(accounts)
    assert not any(key in str(raised.value) for key in keys)
    first, second = (int(word) for word in raised.value.what.split() if word.isdigit())
    assert (first < second, numbers[first]) == (True, numbers[second])
