import json
import os
import shutil
from unittest import mock

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import new_ids, write_log
from support.warehouses import IDS, NOW, chunk, settled

from ingest.cli import app
from ingest.cli.global_options import GlobalOptions, log_format_of
from ingest.core.errors import Exit
from ingest.warehouse.warehouse import Warehouse

COMMANDS = {
    ("config", "init"): (),
    ("config", "show"): (),
    ("demo",): (),
    ("discover",): (),
    ("doctor",): (),
    ("export",): ("-o", "out"),
    ("extract",): ("a.log",),
    ("get",): ("gen-1753485462-AbCdEfGhIj0123456789",),
    ("ingest",): ("a.log",),
    ("query",): ("SELECT 1",),
    ("reconcile",): (),
    ("report",): ("cost",),
    ("retry",): (),
    ("simulate",): (),
    ("status",): (),
    ("views",): (),
    ("warehouse", "compact"): (),
    ("warehouse", "forget"): ("--user", "4711"),
    ("warehouse", "migrate"): (),
    ("warehouse", "publish"): (),
    ("warehouse", "rates"): ("rates.csv",),
}
"""Each command with arguments that it accepts."""

GIVEN = (("-w", "other.duckdb"), ("--warehouse=x.duckdb",), ("-q",), ("-v",), ("--log-format", "json"), ("--debug",))

ENVIRONMENT = {
    "ORUSAGE_WAREHOUSE": "env.duckdb",
    "ORUSAGE_QUIET": "1",
    "ORUSAGE_VERBOSE": "1",
    "ORUSAGE_LOG_FORMAT": "json",
}


def leaves(group, path=()):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name)


def parsed(arguments, environ=()):
    """The global options after a command line was parsed; the command itself does not run."""
    options = GlobalOptions()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ORUSAGE_")}
    with (
        mock.patch.dict(os.environ, clean | dict(environ), clear=True),
        mock.patch.object(click.Command, "invoke", return_value=None),
        mock.patch("ingest.cli.global_options.set_up_logging_for"),
        mock.patch("ingest.cli.app.set_up_logging_for"),
    ):
        app.orusage.main(list(arguments), prog_name="orusage", standalone_mode=False, obj=options)
    return {name: getattr(options, name) for name in ("warehouse", "log_level", "log_format", "debug")}


def test_every_command_is_tried_here():
    assert set(leaves(app.orusage)) == set(COMMANDS)


@st.composite
def command_lines(draw):
    """A command, and global options, each of them at some place between the words of the command."""
    path = draw(st.sampled_from(sorted(COMMANDS)))
    given_ones = draw(st.lists(st.sampled_from(GIVEN), max_size=4))
    words = [(word,) for word in path] + ([COMMANDS[path]] if COMMANDS[path] else [])
    places = sorted(draw(st.lists(st.integers(0, len(words)), min_size=len(given_ones), max_size=len(given_ones))))
    line = []
    for at in range(len(words) + 1):
        line += [o for o, place in zip(given_ones, places, strict=True) if place == at]
        line += words[at : at + 1]
    return given_ones, list(path) + list(COMMANDS[path]), [word for words in line for word in words]


@settings(max_examples=300)
@given(command_lines(), st.sets(st.sampled_from(sorted(ENVIRONMENT))))
def test_an_option_means_the_same_wherever_it_stands(drawn, names):
    given_ones, words, line = drawn
    environ = {name: ENVIRONMENT[name] for name in names}
    before = [part for option in given_ones for part in option]
    assert parsed(line, environ) == parsed([*before, *words], environ)


@given(st.sampled_from(sorted(COMMANDS)), st.sampled_from(["before", "after"]))
def test_the_command_line_takes_precedence_over_the_environment(path, place):
    options = ["-w", "given.duckdb", "-q", "--log-format", "text"]
    words = [*path, *COMMANDS[path]]
    found = parsed([*options, *words] if place == "before" else [*words, *options], ENVIRONMENT)
    assert (found["warehouse"], found["log_level"], found["log_format"]) == ("given.duckdb", "warning", "text")


def test_only_the_names_of_the_options_before_the_command_are_read_from_the_environment():
    names = {"ORUSAGE_STATUS_WAREHOUSE": "x", "ORUSAGE_STATUS_QUIET": "1", "ORUSAGE_STATUS_DEBUG": "1"}
    assert parsed(["status"], names) == parsed(["status"])


def test_contradicting_options():
    assert parsed(["-q", "status", "-v"])["log_level"] == "warning"
    assert parsed(["-v", "status", "-q"])["log_level"] == "warning"
    assert parsed(["status", "-v"], {"ORUSAGE_QUIET": "1"})["log_level"] == "debug"
    assert parsed(["-w", "a", "status", "-w", "b"])["warehouse"] == "b"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS], "run")
    return path


@pytest.fixture
def filled(tmp_path, written):
    shutil.copy(written, tmp_path / "other.duckdb")
    write_log(tmp_path / "a.log", new_ids(3))


READING = sorted(path for path in COMMANDS if path[0] in ("doctor", "extract", "query", "report", "status", "views"))


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("options", [("-w", "other.duckdb"), ("-w", "gone.duckdb", "--log-format", "json"), ("-v",)])
def test_a_command_does_the_same_with_an_option_before_and_after(orusage, filled, path, options):
    words = (*path, *COMMANDS[path])
    before, after = orusage(*options, *words), orusage(*words, *options)
    assert before.code == after.code
    assert before.out == after.out or path == ("doctor",)  # it tells how much space is free at that moment
    assert [without_time(line) for line in before.err.splitlines()] == [
        without_time(line) for line in after.err.splitlines()
    ]


def without_time(line):
    return {k: v for k, v in json.loads(line).items() if k != "time"} if line.startswith("{") else line


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_the_help_of_each_command_names_the_options_in_one_line(orusage, path):
    lines = [line for line in orusage(*path, "--help", COLUMNS="100").out.splitlines() if "--log-format" in line]
    assert [line.strip() for line in lines] == [
        "Also takes --config, -w, -q, -v, --log-format and --debug: see `orusage -h`."
    ]


FAILURES = (
    (("extract", "gone.log"), Exit.NO_INPUT),
    (("status",), Exit.NO_INPUT),
    (("status", "--bogus"), Exit.USAGE),
    (("bogus",), Exit.USAGE),
    (("query", "SELEC 1", "-w", "other.duckdb"), Exit.USAGE),
    (("ingest", "a.log", "--rate", "x"), Exit.USAGE),
    (("ingest", "a.log", "--base-url", "http://example.org"), Exit.CONFIGURATION),
    (("ingest", "a.log", "--base-url", "http://127.0.0.1:9/api/v1", "--summary", "json"), Exit.UNREACHABLE),
)


@pytest.mark.parametrize(("words", "code"), FAILURES)
@pytest.mark.parametrize("place", ["before", "after", "equals sign", "environment"])
def test_the_last_error_is_one_line_of_json_too(orusage, filled, words, code, place):
    line = {
        "before": ("--log-format", "json", *words),
        "after": (*words, "--log-format", "json"),
        "equals sign": (*words, "--log-format=json"),
        "environment": words,
    }
    done = orusage(*line[place], **{"ORUSAGE_LOG_FORMAT": "json"} if place == "environment" else {})
    lines = [json.loads(each) for each in done.err.splitlines()]
    assert done.code == code
    assert lines[-1].items() >= {"level": "error", "message": lines[-1]["what"], "code": code}.items()
    assert all(lines[-1][part] for part in ("time", "cause", "fix"))


def test_the_traceback_is_a_field_of_the_line(orusage):
    [line] = orusage("status", "--debug", "--log-format", "json").err.splitlines()
    assert json.loads(line)["traceback"].startswith("Traceback")


@pytest.mark.parametrize(
    ("arguments", "log_format"),
    [
        (["status"], "text"),
        (["--log-format", "json"], "json"),
        (["--log-format=json", "--log-format", "text"], "text"),
        (["--log-format"], "text"),
        (["--log-format", "xml"], "text"),
        (["query", "--", "--log-format", "json"], "text"),
    ],
)
def test_the_log_format_of_a_command_line_that_click_cannot_read(arguments, log_format, monkeypatch):
    monkeypatch.delenv("ORUSAGE_LOG_FORMAT", raising=False)
    assert log_format_of(arguments) == log_format
