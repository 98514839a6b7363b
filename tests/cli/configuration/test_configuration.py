"""Two files make one configuration, of which the project's wins for each key; what is not known is an error."""

import os
import re
from pathlib import Path
from unittest import mock

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cli import app
from ingest.cli.configuration import checks
from ingest.cli.configuration.configuration import combined, load, user_file
from ingest.cli.configuration.toml_file import TomlFile, read_toml
from ingest.cli.global_options import GlobalOptions
from ingest.core.errors import ConfigurationError, Exit

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
COMMANDS = sorted(checks.command_names())
OPTIONS = [((), name, option) for name, option in checks.options_above().items()] + [
    ((command,), name, option) for command in COMMANDS for name, option in checks.options_of(command).items()
]


def parsed_file(text, folder="/etc/orusage"):
    import tomllib
    from decimal import Decimal

    return TomlFile(Path(folder, "orusage.toml"), text, tomllib.loads(text, parse_float=Decimal))


def refused(*texts):
    with pytest.raises(ConfigurationError) as raised:
        combined([parsed_file(text) for text in texts])
    assert raised.value.code == Exit.CONFIGURATION
    return raised.value


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else f'"{value}"'


def good_values(option):
    """Values that an option takes, each as TOML and as on the command line."""
    if option.is_flag:
        return [("true", True)]
    kind = type(option.type).__name__
    values = {
        "Choice": lambda: [(toml(c), c) for c in option.type.choices],
        "IntRange": lambda: [("7", "7")],
        "FloatRange": lambda: [("1.0", "1.0"), ("1", "1")],
        "IntParamType": lambda: [("7", "7")],
        "Duration": lambda: [('"90s"', "90s"), ("45", "45")],
        "Moment": lambda: [('"2026-11-01"', "2026-11-01"), ("2026-11-01", "2026-11-01")],
        "Zone": lambda: [('"Europe/Berlin"', "Europe/Berlin")],
        "Pair": lambda: [('"a=b"', "a=b")],
        "KeylessPath": lambda: [('"x/y"', "/etc/orusage/x/y"), ('"/x"', "/x")],
        "Path": lambda: [('"x/y"', "/etc/orusage/x/y"), ('"/x"', "/x")],
    }.get(kind, lambda: [('"https://openrouter.ai/api/v1"', "https://openrouter.ai/api/v1")])()
    return [(f"[{text}]", [value]) for text, value in values] if option.multiple else values


def bad_values(option):
    wrong = ["[]", "{}", "[[1]]", "nan", '"\\u0000"', "00:00:01"]
    if option.is_flag:
        wrong += ['"true"', "1"]
    elif option.multiple:
        wrong = ['"a"', "1", "true", "[1979-05-27]", "{}"]
    elif type(option.type).__name__ in ("IntRange", "FloatRange", "IntParamType"):
        wrong += ['"7"', "true", "inf"] + ["-1"] * (type(option.type).__name__ != "IntParamType")
    else:
        wrong += ["true", "1.5"]
    return wrong


def text_of(table, name, value):
    return "".join(f"[{t}]\n" for t in table) + f"{name} = {value}\n"


@settings(max_examples=120)
@given(st.data())
def test_each_option_of_each_command_can_be_set_and_means_what_it_means_on_the_command_line(data):
    table, name, option = data.draw(st.sampled_from(OPTIONS))
    value, wanted = data.draw(st.sampled_from(good_values(option)))
    found = combined([parsed_file(text_of(table, name, value))])
    values = (
        found.defaults_of(table[0] if table else "ingest") if table or name in checks.SHARED else found.global_options
    )
    assert values == {name: wanted}
    assert option.type_cast_value(click.Context(click.Command("x")), values[name]) is not None


@settings(max_examples=150)
@given(st.data())
def test_a_value_that_an_option_does_not_take_is_an_error_at_its_place(data):
    table, name, option = data.draw(st.sampled_from(OPTIONS))
    error = refused(text_of(table, name, data.draw(st.sampled_from(bad_values(option)))))
    assert (
        error.what
        == f"/etc/orusage/orusage.toml:{len(table) + 1}:1: the value of {'.'.join((*table, name))} cannot be used"
    )
    assert error.cause


@settings(max_examples=150)
@given(st.data())
def test_a_misspelt_key_is_an_error_at_its_place_that_names_the_right_one(data):
    accounts = [(("accounts", "work"), name, None) for name in checks.ACCOUNT]
    table, name, _ = data.draw(st.sampled_from(OPTIONS + accounts).filter(lambda o: len(o[1]) > 4))
    at = data.draw(st.integers(1, len(name) - 2))
    spoilt = data.draw(
        st.sampled_from([name[:at] + name[at + 1 :], name[:at] + "_" + name[at:], name.replace("_", "-")])
    )
    known = {each for where, each, _ in OPTIONS + accounts if where == table}
    if spoilt in known or spoilt in (*checks.API_KEY, *checks.MANAGEMENT_KEY):
        return
    header = f"[{'.'.join(table)}]\n" if table else ""
    error = refused(f"{header}\n  {spoilt} = 1\n")
    assert error.what.startswith(f"/etc/orusage/orusage.toml:{3 if table else 2}:3: {'.'.join((*table, spoilt))} is no")
    assert name in error.cause
    assert error.fix.startswith(("did you mean ", "write "))
    if spoilt == name.replace("_", "-"):
        assert error.fix == f"did you mean {name}?"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("publish_every = '1m'", "write publish_every below [ingest]"),
        ("publish-every = '1m'", "write publish_every below [ingest]"),
        ("[report]\nwarehouse = 'x'", "write warehouse above all tables"),
        ("[ingst]", "did you mean ingest?"),
        ("[acounts.work]", "did you mean accounts?"),
        ("[warehouse]", "correct the value"),
        ("[retry]\nall = true", "give the options of `orusage retry` on the command line"),
        ("[zzz]\nall = true", "remove it; `orusage config init` lists all settings"),
        ("ingest = 1", "write [ingest] and its settings below"),
        ("accounts = []", "write [accounts.NAME]"),
        ("adjustments = 'rates.csv'", "write [adjustments] and its settings below"),
        ("[accounts]\nwork = 'x'", "write [accounts.NAME] and its settings below"),
        ("sources = 'a.log'", "correct the value"),
        ("sources = [1]", "correct the value"),
        ("sources = ['']", "correct the value"),
        ("[[sources]]\naccount = 'work'", 'add path = "…"'),
        ("[[sources]]\npth = 'work'", "did you mean path?"),
        (
            "[ingest]\nbase_url = 'http://example.org'",
            "use https; plain http is accepted for this machine only (127.0.0.1)",
        ),
        ("[accounts.work]\napi_key_env = '$KEY'", "correct the value"),
        ("[accounts.work]\napi_key_file = 3", "correct the value"),
        ("[accounts.work]\napi_key_file = 'a'\napi_key_env = 'B'", "keep one of them"),
        ("api_key_file = 'a'\napi_key_command = 'b'", "keep one of them"),
        ("[accounts.' x']\napi_key_env = 'B'", "correct the value"),
        ("[accounts.\"a\\nb\"]\napi_key_env = 'B'", "correct the value"),
        (
            "[accounts.work]\nbase_url = 'https://openrouter.ai/api/v1'",
            'add api_key_file = "PATH", api_key_command = "COMMAND" or api_key_env = "VARIABLE"',
        ),
        ("[[sources]]\npath = 'a'\naccount = 'wrk'\n[accounts.work]\napi_key_env = 'B'", "did you mean work?"),
        ("[[sources]]\npath = 'a'\naccount = 'work'", "add [accounts.NAME] for it, or remove account here"),
    ],
)
def test_what_to_do(text, fix):
    assert refused(text).fix == fix


# Two files

FLAT = {
    "warehouse": st.sampled_from(["/a", "/b"]),
    "log_format": st.sampled_from(["text", "json"]),
    "verbose": st.booleans(),
    "timeout": st.sampled_from(["10s", "20s"]),
}
INGEST = {"concurrency": st.integers(1, 9), "strict": st.booleans(), "publish_every": st.sampled_from(["1m", "2m"])}
SOURCES = st.none() | st.lists(st.sampled_from(["/l/a", "/l/b"]), max_size=2, unique=True)
PLACES = st.none() | st.tuples(st.sampled_from(checks.API_KEY), st.sampled_from(["A", "B"]))
ACCOUNTS = st.dictionaries(st.sampled_from(["work", "home", "x"]), PLACES, max_size=3)


@st.composite
def files(draw):
    flat = {name: draw(values) for name, values in FLAT.items() if draw(st.booleans())}
    of_ingest = {name: draw(values) for name, values in INGEST.items() if draw(st.booleans())}
    sources, accounts = draw(SOURCES), draw(ACCOUNTS)
    lines = [f"{name} = {toml(value)}" for name, value in flat.items()]
    lines += [] if sources is None else [f"sources = {sources}"]
    lines += ["[ingest]", *(f"{name} = {toml(value)}" for name, value in of_ingest.items())]
    for name, place in accounts.items():
        lines.append(f"[accounts.{name}]")
        lines.append('base_url = "https://openrouter.ai/api/v1"' if place is None else f'{place[0]} = "/{place[1]}"')
    text = "\n".join(lines).replace('_env = "/', '_env = "')
    return text, flat, of_ingest, sources, accounts


@settings(max_examples=120)
@given(files(), files())
def test_the_projects_file_wins_for_each_key(project, user):
    if any(not project[4].get(name) and not user[4].get(name) for name in {**project[4], **user[4]}):
        assert "has no key" in refused(project[0], user[0]).what
        return
    found = combined([parsed_file(project[0], "/p"), parsed_file(user[0], "/u")])
    shared = {"timeout"}
    flat = {**user[1], **project[1]}
    assert found.global_options == {name: value for name, value in flat.items() if name not in shared}
    assert found.defaults_of("ingest") == {
        **{name: value for name, value in flat.items() if name in shared},
        **{name: str(v) if type(v) is int else v for name, v in {**user[2], **project[2]}.items()},
    }
    assert found.sources == tuple((user[3] or []) if project[3] is None else project[3])
    assert list(found.accounts) == [*project[4], *(name for name in user[4] if name not in project[4])]
    for name, account in found.accounts.items():
        place = project[4].get(name) or user[4].get(name)
        assert {k: v.lstrip("/") for k, v in account.items() if k in checks.API_KEY} == {place[0]: place[1]}
    for name in flat:
        assert found.file_of((name,)).path.parent == Path("/p" if name in project[1] else "/u")


def test_paths_begin_at_their_file_and_globs_urls_and_standard_input_stay_what_they_are():
    text = (
        'sources = ["logs/**/*.gz", "s3://bucket/x", "-", "~/logs", { path = "b", account = "work" }]\n'
        'warehouse = "w.duckdb"\napi_key_file = "key"\n[accounts.work]\napi_key_file = "../work"\n'
        "[accounts.home]\napi_key_command = 'pass show x'"
    )
    with mock.patch.dict(os.environ, {"HOME": "/h"}):
        found = combined([parsed_file(text)])
    assert found.sources == ("/etc/orusage/logs/**/*.gz", "s3://bucket/x", "-", "/h/logs", "/etc/orusage/b")
    assert found.accounts_of_sources == {"/etc/orusage/b": "work"}
    assert found.accounts == {
        "work": {"api_key_file": "/etc/orusage/../work"},
        "home": {"api_key_command": "pass show x"},
    }
    assert found.global_options == {"warehouse": "/etc/orusage/w.duckdb"}
    assert found.values["api_key_file"] == "/etc/orusage/key"


def test_a_glob_is_one_below_the_folder_of_its_file_whatever_that_is_called():
    found = combined([parsed_file('sources = ["*.log", "a"]', "/srv/[x]")])
    assert found.sources == ("/srv/[[]x]/*.log", "/srv/[x]/a")


def test_the_file_of_rates_is_relative_to_the_file_that_names_it():
    found = combined([parsed_file("sources = ['a']"), parsed_file('[adjustments]\nrates = "rates.csv"\n', "/u")])
    assert found.rates_file == Path("/u/rates.csv")
    assert combined([parsed_file("")]).rates_file is None
    with pytest.raises(ConfigurationError, match=r"orusage\.toml:2:1: adjustments\.rats is no setting") as error:
        combined([parsed_file('[adjustments]\nrats = "rates.csv"\n')])
    assert error.value.fix == "did you mean rates?"


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
def test_the_files_in_the_documentation_can_be_read(text):
    assert combined([parsed_file(text)]).sources


# Which files are read


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "orusage").mkdir(parents=True)
    return tmp_path


def write(path, text):
    path.write_text(text)
    return path


def loaded(folder, named=None):
    return load(named, {"XDG_CONFIG_HOME": str(folder / "home")})


def test_a_named_file_takes_the_place_of_the_projects(folder):
    assert loaded(folder).files == ()
    user = write(folder / "home" / "orusage" / "orusage.toml", 'warehouse = "/user"\nlog_format = "json"')
    write(folder / "orusage.toml", 'warehouse = "/project"')
    named = write(folder / "named.toml", 'warehouse = "/named"')
    assert loaded(folder).global_options == {"warehouse": "/project", "log_format": "json"}
    assert loaded(folder, str(named)).global_options == {"warehouse": "/named", "log_format": "json"}
    assert loaded(folder, str(user)).files == (read_toml(user),)
    with pytest.raises(ConfigurationError, match=r"gone\.toml cannot be read"):
        loaded(folder, "gone.toml")


def test_where_the_users_file_is():
    assert user_file({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/orusage/orusage.toml")
    assert user_file({"XDG_CONFIG_HOME": "x", "HOME": "/h"}) == Path("/h/.config/orusage/orusage.toml")
    assert user_file({}) is None


def test_a_projects_file_that_another_user_can_write_is_not_used_unless_it_is_named(folder):
    file = write(folder / "orusage.toml", 'warehouse = "/project"')
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match=r"\./orusage\.toml is not used"):
        loaded(folder)
    assert loaded(folder, "orusage.toml").global_options == {"warehouse": "/project"}


def test_a_link_that_leads_nowhere_is_an_error(folder):
    (folder / "orusage.toml").symlink_to("gone")
    with pytest.raises(ConfigurationError, match="No such file"):
        loaded(folder)


# Flag > environment > project > user > default

LEVELS = ("flag", "environment", "project", "user")
SETTINGS = {
    "ingest.concurrency": ("--concurrency", "ORUSAGE_INGEST_CONCURRENCY", [11, 12, 13, 14], 256),
    "ingest.publish_every": ("--publish-every", "ORUSAGE_INGEST_PUBLISH_EVERY", ["1m", "2m", "3m", "4m"], "15m"),
    "base_url": (
        "--base-url",
        "OPENROUTER_BASE_URL",
        [f"https://{letter}.example/v1" for letter in "abcd"],
        None,
    ),
    "warehouse": ("--warehouse", "ORUSAGE_WAREHOUSE", ["/a", "/b", "/c", "/d"], None),
    "ingest.strict": ("--strict", "ORUSAGE_INGEST_STRICT", [True, True, False, True], False),
}


def run_parsed(arguments, environ):
    """What the command `ingest` would get: its own parameters and the global options."""
    options, seen = GlobalOptions(), {}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ORUSAGE_", "OPENROUTER_"))}

    def note(self, context):
        seen.update(context.params)

    with (
        mock.patch.dict(os.environ, clean | environ, clear=True),
        mock.patch.object(click.Command, "invoke", note),
        mock.patch("ingest.cli.global_options.set_up_logging_for"),
        mock.patch("ingest.cli.app.set_up_logging_for"),
    ):
        app.orusage.main(arguments, prog_name="orusage", standalone_mode=False, obj=options)
    return seen | {"warehouse": options.warehouse}


@settings(max_examples=60)
@given(st.sampled_from(sorted(SETTINGS)), st.sets(st.sampled_from(LEVELS)), st.booleans())
def test_flag_over_environment_over_project_over_user_over_default(tmp_path_factory, key, given_at, after):
    flag, variable, values, default = SETTINGS[key]
    table, _, name = key.rpartition(".")
    folder, of_level = tmp_path_factory.mktemp("c"), dict(zip(LEVELS, values, strict=True))
    project, user = folder / "project.toml", folder / "orusage" / "orusage.toml"
    user.parent.mkdir()
    for level, file in (("project", project), ("user", user)):
        write(file, text_of([table] * bool(table), name, toml(of_level[level])) if level in given_at else "")
    words = [] if "flag" not in given_at else [flag] if of_level["flag"] is True else [flag, str(of_level["flag"])]
    config = ["--config", str(project)]
    arguments = ["ingest", *words, *config] if after else [*config, "ingest", *words]
    environ = {variable: str(of_level["environment"])} if "environment" in given_at else {}
    found = run_parsed(arguments, environ | {"XDG_CONFIG_HOME": str(folder)})[name]
    expected = next((of_level[level] for level in LEVELS if level in given_at), default)
    duration = click.Context(click.Command("x"))
    if name == "publish_every":
        from ingest.cli.options import DURATION

        expected = DURATION.convert(expected, None, duration)
    assert found == expected


def test_the_demo_reads_no_configuration(folder):
    write(folder / "orusage.toml", "[broken")
    run_parsed(["demo"], {})
    with pytest.raises(ConfigurationError):
        run_parsed(["ingest"], {})
