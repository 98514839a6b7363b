"""What is written can be read: values, the settings in force, and the file to begin with."""

import re
import tomllib
from datetime import date, datetime, time
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cli.configuration import checks
from ingest.cli.configuration.configuration import combined
from ingest.cli.configuration.toml_file import TomlFile
from ingest.cli.configuration.toml_text import as_toml, dotted, template
from ingest.core.errors import Exit

NAMES = st.text(max_size=6)
SCALARS = (
    st.text(max_size=8)
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.decimals(-1000, 1000, places=2)
    | st.dates(date(1970, 1, 1))
    | st.datetimes(datetime(1970, 1, 1))  # noqa: DTZ001  # TOML has them too
    | st.times()
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3), max_leaves=8)


@settings(max_examples=150)
@given(st.lists(NAMES, min_size=1, max_size=3), VALUES)
def test_a_value_is_read_as_it_was_written(keys, value):
    read = tomllib.loads(f"{dotted(tuple(keys))} = {as_toml(value)}", parse_float=Decimal)
    for key in keys:
        read = read[key]
    assert read == value
    assert type(read) is type(value) or isinstance(value, (date, time))


def without_comments(text):
    """The template with every setting set: the lines that are settings or tables."""
    lines = (line.removeprefix("# ") for line in text.splitlines())
    kept = [line for line in lines if re.match(r"[a-z_0-9]+ = |\[[a-z.]+\]$", line)]
    return "\n".join(
        line for line in kept if not line.startswith(("api_key_command", 'management_key_command = "pass show o'))
    )


def test_the_file_to_begin_with_has_every_setting_and_each_can_be_set(tmp_path):
    text = without_comments(template())
    file = TomlFile(tmp_path / "orusage.toml", text, tomllib.loads(text, parse_float=Decimal))
    combined([file])
    assert {*checks.options_above(), "api_key_file", "management_key_file", *checks.TABLES} <= file.values.keys()
    for command in checks.command_names():
        assert file.values[command].keys() == checks.options_of(command).keys()
    assert tomllib.loads(template()) == {}


def test_the_settings_in_force_and_where_they_come_from(orusage, tmp_path):
    (tmp_path / "orusage.toml").write_text(
        'warehouse = "usage.duckdb"\nsources = ["a"]\n\n[ingest]\nrate = 2.50\nconcurrency = 7\n'
        '[accounts."at home"]\napi_key_env = "HOME_KEY"\n'
    )
    (tmp_path / "orusage").mkdir()
    (tmp_path / "orusage" / "orusage.toml").write_text('warehouse = "/x"\ntimeout = "9s"\n[ingest]\nstrict = true\n')
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "ORUSAGE_INGEST_CONCURRENCY": "9"}
    done = orusage("config", "show", "--origin", **variables)
    assert done.code == 0
    user = f"{tmp_path}/orusage/orusage.toml"
    assert done.out.splitlines() == [
        'warehouse = "usage.duckdb"  # orusage.toml:1:1',
        'sources = ["a"]  # orusage.toml:2:1',
        "ingest.rate = 2.50  # orusage.toml:5:1",
        f"ingest.strict = true  # {user}:4:1",
        'accounts."at home".api_key_env = "HOME_KEY"  # orusage.toml:8:1',
        f'timeout = "9s"  # {user}:2:1',
        'ingest.concurrency = "9"  # ORUSAGE_INGEST_CONCURRENCY',
    ]
    assert tomllib.loads(orusage("config", "show", **variables).out)["ingest"]["concurrency"] == "9"


def test_a_file_is_written_once(orusage, tmp_path):
    assert orusage("config", "init").code == 0
    path = tmp_path / "orusage.toml"
    assert path.read_text() == template()
    assert path.stat().st_mode & 0o777 == 0o600
    again = orusage("config", "init")
    assert (again.code, path.read_text()) == (Exit.CANNOT_CREATE, template())
    path.write_text("[broken")
    assert orusage("config", "show").code == Exit.CONFIGURATION
    assert orusage("--config", "other.toml", "config", "init").code == 0
    assert (tmp_path / "other.toml").read_text() == template()
