import logging
import shlex
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.client.credentials import VISIBLE, ApiKey, load_key, load_management_key
from ingest.client.key_kinds import INFERENCE, KINDS, MANAGEMENT
from ingest.core.errors import KeyRefusedError
from ingest.core.masking import MASK, mask_secrets

SECRET = "sk-or-v1-0123456789abcdef0123456789abcdef-a1b2"  # noqa: S105  # not a real key
OTHER = "sk-or-v1-ffffffffffffffffffffffffffffffff-c3d4"


@pytest.fixture(autouse=True)
def no_key_of_the_machine(monkeypatch):
    for kind in KINDS:
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(SECRET + "\n", encoding="utf-8")
    file.chmod(0o600)
    return file


def printing(text):
    """A command line that prints the text."""
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


def test_a_key_shows_its_last_characters_only():
    key = ApiKey(SECRET, "a test")
    assert key.reveal() == SECRET
    assert str(key) == f"{key}" == "sk-or-…a1b2"
    assert repr(key) == "<ApiKey sk-or-…a1b2>"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_no_text_of_a_key_holds_more_than_four_of_its_characters(secret):
    key = ApiKey(secret, "a test")
    assert key.reveal() == secret
    shown = str(key).removeprefix("sk-or-").removeprefix("…")
    assert shown == (secret[-VISIBLE:] if len(secret) >= 16 else "")
    assert str(key) in repr(key)


def test_a_key_has_no_attributes_to_print():
    key = ApiKey(SECRET, "a test")
    assert not hasattr(key, "__dict__")
    assert SECRET not in f"{key!s} {key!r} {key!a} {[key]} {(key,)}"


@pytest.mark.parametrize("secret", ["", " ", "\n", "\t\r\n"])
def test_an_empty_key_is_missing(secret):
    with pytest.raises(KeyRefusedError, match="no API key") as caught:
        ApiKey(secret, "the safe")
    assert (caught.value.code, caught.value.cause) == (77, "the safe holds no key")


def refusal(secret):
    """The error for a value that cannot be a key."""
    with pytest.raises(KeyRefusedError) as caught:
        ApiKey(secret, "the safe")
    return caught.value


@given(st.text(min_size=1))
def test_a_key_is_printable_ascii_or_refused_without_being_repeated(text):
    assume(text.strip())
    if all("!" <= c <= "~" for c in text.strip()):
        assert ApiKey(text, "the safe").reveal() == text.strip()
    else:
        assert str(refusal(text)) == str(refusal("two words"))


@pytest.mark.parametrize("inside", ["\n", "\r\n", " ", "\x00", "\x1b[31m", "é", "\u2028", "“"])
def test_a_key_that_an_http_header_cannot_hold_is_refused(inside):
    error = refusal(f"sk-or-{inside}v1-0123456789abcdef")
    assert "0123456789abcdef" not in str(error)
    assert error.code == 77


def test_white_space_around_a_key_does_not_matter():
    assert ApiKey(f"  {SECRET}\r\n", "a test").reveal() == SECRET


def test_the_file_comes_before_the_command_before_the_environment_before_systemd(key_file, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / INFERENCE.credential).write_text("sk-or-systemd", encoding="utf-8")
    assert load_key().reveal() == "sk-or-systemd"
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-environment")
    assert load_key().reveal() == "sk-or-environment"
    assert load_key(command=printing(OTHER)).reveal() == OTHER
    assert load_key(file=key_file, command=printing(OTHER)).reveal() == SECRET


def test_without_any_key_the_error_names_every_way_to_give_one():
    with pytest.raises(KeyRefusedError) as caught:
        load_key()
    message = str(caught.value)
    assert caught.value.code == 77
    assert all(way in message for way in ("OPENROUTER_API_KEY", "--api-key-file", "--api-key-command", "orusage demo"))


@pytest.mark.parametrize("directory", ["", "/nowhere"])
def test_a_credentials_directory_without_the_key_is_no_key(directory, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", directory)
    with pytest.raises(KeyRefusedError, match="no API key"):
        load_key()


def test_an_empty_variable_counts_as_unset(monkeypatch, tmp_path):
    (tmp_path / INFERENCE.credential).write_text(SECRET, encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    assert load_key().reveal() == SECRET


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_key_file_that_others_can_read_is_warned_of(key_file, mode, warned, caplog):
    key_file.chmod(mode)
    with caplog.at_level(logging.WARNING, "orusage"):
        assert load_key(file=key_file).reveal() == SECRET
    assert ("chmod 600" in caplog.text) == warned
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", ["missing", "directory", "binary", "empty"])
def test_a_file_that_holds_no_key_is_an_error_that_names_it(kind, tmp_path):
    file = tmp_path / "key"
    match kind:
        case "directory":
            file.mkdir()
        case "binary":
            file.write_bytes(b"\xff\xfe\x00")
        case "empty":
            file.touch()
    with pytest.raises(KeyRefusedError) as caught:
        load_key(file=file)
    assert str(file) in str(caught.value)


def test_the_command_is_split_like_in_a_shell_but_runs_without_one():
    script = "import sys; print('sk-or-' + '|'.join(sys.argv[1:]))"
    command = shlex.join([sys.executable, "-c", script, "$HOME;ls", "'a", "b'"])
    assert load_key(command=command).reveal() == "sk-or-$HOME;ls|'a|b'"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "   ",
        "no-such-command-anywhere",
        "'unclosed",
        shlex.join([sys.executable, "-c", f"import sys; print({SECRET!r}); sys.exit({SECRET!r})"]),
        shlex.join([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff\\xfe')"]),
    ],
)
def test_a_command_that_fails_is_an_error_that_repeats_nothing_of_it(command):
    with pytest.raises(KeyRefusedError) as caught:
        load_key(command=command)
    assert caught.value.code == 77
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_command_that_prints_nothing_gives_no_key():
    with pytest.raises(KeyRefusedError, match="no API key") as caught:
        load_key(command=printing(""))
    assert caught.value.cause == "--api-key-command holds no key"


def test_a_command_that_prints_several_lines_is_refused_without_repeating_them():
    with pytest.raises(KeyRefusedError, match="cannot be used") as caught:
        load_key(command=printing(f"{SECRET}\n{OTHER}"))
    assert SECRET not in str(caught.value)


def test_the_management_key_is_found_in_the_same_places_under_its_own_names(key_file, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / INFERENCE.credential).write_text(SECRET, encoding="utf-8")
    with pytest.raises(KeyRefusedError, match="no management key") as caught:
        load_management_key()
    assert all(way in str(caught.value) for way in (MANAGEMENT.variable, MANAGEMENT.file_option, MANAGEMENT.page))
    (tmp_path / MANAGEMENT.credential).write_text("sk-or-systemd", encoding="utf-8")
    assert load_management_key().reveal() == "sk-or-systemd"
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "sk-or-environment")
    assert load_management_key().reveal() == "sk-or-environment"
    assert load_management_key(command=printing(OTHER)).reveal() == OTHER
    assert load_management_key(key_file, printing(OTHER)).reveal() == SECRET


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_env_file_of_both_keys_gives_each_its_own(kind, tmp_path):
    load = {INFERENCE: load_key, MANAGEMENT: load_management_key}[kind]
    file = tmp_path / ".env"
    file.touch(0o600)
    file.write_text(f"OPENROUTER_API_KEY={SECRET}\nOPENROUTER_MANAGEMENT_KEY={OTHER}\n", encoding="utf-8")
    assert load(file).reveal() == {INFERENCE: SECRET, MANAGEMENT: OTHER}[kind]
    [other] = set(KINDS) - {kind}
    file.write_text(f"{other.variable}={SECRET}\n", encoding="utf-8")
    with pytest.raises(KeyRefusedError, match=kind.name) as caught:
        load(file)  # a key of the other kind is not taken for it
    assert SECRET not in str(caught.value)
    assert kind.variable in caught.value.cause


@pytest.mark.parametrize("load", [load_key, load_management_key])
@pytest.mark.parametrize(
    "way", [{"file": "sk-or-v1-0123456789abcdef"}, {"command": "no-such-command"}, {"command": "echo"}]
)
def test_errors_name_the_options_of_the_kind(load, way):
    option = {load_key: "--api-key", load_management_key: "--management-key"}[load]
    way = {name: Path(value) if name == "file" else value for name, value in way.items()}
    with pytest.raises(KeyRefusedError) as caught:
        load(**way)
    assert option in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_a_management_key_in_the_environment_is_masked_everywhere(monkeypatch):
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "a-management-key-of-no-form")
    assert mask_secrets("what a-management-key-of-no-form says") == f"what {MASK} says"
