"""What cannot be read is an error at its place, and no key that stands in a file is repeated."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loopback import SECRET

from ingest.cli.configuration.toml_file import LARGEST, read_toml
from ingest.core.errors import ConfigurationError, Exit
from ingest.core.masking import mask_secrets

WHOLE = """\
warehouse = "usage.duckdb"  # here
sources = ["a.log", { path = 'b.log', account = "work" }]

[ingest]
publish_every = \"\"\"15m\"\"\"
rate = 2.50
keep_field = [
  "feature",
]

[accounts."at home"]
api_key_env = "HOME_KEY"
"""


def written(folder, content):
    path = folder / "orusage.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(folder, content):
    with pytest.raises(ConfigurationError) as raised:
        read_toml(written(folder, content))
    assert raised.value.code == Exit.CONFIGURATION
    return raised.value


def test_numbers_are_exact_and_windows_line_ends_and_a_byte_order_mark_are_no_matter(tmp_path):
    file = read_toml(written(tmp_path, b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()))
    assert str(file.values["ingest"]["rate"]) == "2.50"
    assert file.place(("ingest", "rate")) == f"{file.path}:6:1"
    assert file.place(("sources", 1, "account")) == f"{file.path}:2:39"
    assert file.place(("accounts", "at home", "nothing")) == f"{file.path}:11:11"
    assert file.place(("nothing",)) == f"{file.path}:1:1"


@settings(max_examples=150)
@given(st.integers(0, len(WHOLE)), st.sampled_from(["", "=", "]", "[[", '"', "\x00", "\n= 1", "{", "é"]))
def test_a_text_cut_and_spoilt_anywhere_is_read_or_is_an_error_at_a_place(tmp_path_factory, cut, added):
    path = written(tmp_path_factory.mktemp("c", numbered=True), WHOLE[:cut] + added)
    try:
        read_toml(path)
    except ConfigurationError as error:
        found = error
    else:
        return
    name, line, column = found.what.split(": ")[0].rsplit(":", 2)
    assert name == str(path)
    assert 1 <= int(line) <= (WHOLE[:cut] + added).count("\n") + 1
    assert int(column) >= 1
    assert found.cause
    assert found.fix


@pytest.mark.parametrize(
    ("content", "place", "cause"),
    [
        ("a = 1\nb = é\n", ":2:5", "invalid value"),
        ("a = 1\na = 2\n", ":2:6", "cannot overwrite a value"),
        ("[a]\nb = 1\n[a]\n", ":3:3", "cannot declare ('a',) twice"),
        ("a = [1,\n\n", ":1:", None),
        (b"a = 1\nb = '\xff'\n", ":2:6", "it is not UTF-8"),
        ("a = 1\n".encode("utf-16"), ":1:1", "it is not UTF-8"),
        ("a = " + "[" * 5000 + "]" * 5000, "", "its arrays or tables are nested too deeply"),
        ("a = " + "9" * 5000, "", None),
        (b"#" * (LARGEST + 1), "", "it is larger than 1 MiB"),
    ],
)
def test_the_place_and_the_cause_are_told(tmp_path, content, place, cause):
    error = problem(tmp_path, content)
    assert f"orusage.toml{place}" in error.what
    assert cause is None or error.cause.startswith(cause)


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "gone.toml", tmp_path / "a\0b"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_toml(path)


PLACES = (
    f'api_key = "{SECRET}"',
    f"[ingest]\napi_key = '{SECRET}'",
    '[accounts.work]\napi_key = "not a key at all"',
    '[accounts.work]\nmanagement_key = "x"',
    f'[accounts.work]\napi_key_file = "{SECRET}"',
    f'[accounts.work]\nanything = ["a", {{ b = "{SECRET}" }}]',
    f'[accounts."{SECRET}"]\napi_key_env = "X"',
    f'sources = ["{SECRET}"]',
    f'[adjustments]\nnote = "{SECRET}"',
    f'[accounts.work]\napi_key_command = "echo {SECRET}"',
)


@pytest.mark.parametrize("content", PLACES)
def test_a_key_in_the_file_is_refused_with_advice_and_never_repeated(tmp_path, content):
    error = problem(tmp_path, content)
    assert error.what.endswith("a key may not stand in the configuration")
    kind = "management_key" if "management" in content else "api_key"
    assert f"{kind}_file" in error.fix
    assert SECRET not in str(error)


def test_a_key_in_a_file_that_is_no_toml_is_not_repeated(tmp_path):
    error = problem(tmp_path, f"[accounts.work]\napi_key = {SECRET}\n")
    assert SECRET not in str(error)
    assert mask_secrets(str(error)) == str(error)
