"""A key is in no output and no file, wherever it is given by mistake and whatever a server does with it."""

import io
import json
import logging
import os
import random
import sys

import click
import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commands import Done, finished
from support.logs import new_ids, write_log
from support.loopback import serving, whole

from ingest.cli.app import COMMANDS, load_command
from ingest.cli.app import orusage as group
from ingest.cli.main import main
from ingest.core import masking
from ingest.core.errors import Exit

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"

keys = st.text(LETTERS + "_-", min_size=24, max_size=64).map("sk-or-v1-{}".format)
forms = st.sampled_from(
    [
        "{}",
        "{}",
        "{}",
        "./{}",
        "x/{}.log",
        "{}.duckdb",
        "https://{}/v1",
        "https://u:{}@host/",
        "x={}",
        "Bearer {}",
        "'{}'",
    ]
)
NEEDED = {
    "ingest": ("a.log",),
    "get": ("gen-1",),
    "extract": ("a.log",),
    "query": ("SELECT 1",),
    "export": ("-o", "out", "generations"),
}
"""Arguments beside which a command runs."""


def places():
    """Every place for a value on every command line: the arguments, with None for the value."""
    yield (None,)
    for option in group.params:
        yield from values_of(option, (), ("status",))
    for name in COMMANDS:
        yield from places_of(load_command(name), (name,))


def places_of(command, path):
    for inner in getattr(command, "commands", {}).values():
        yield from places_of(inner, (*path, inner.name))
    needed = (*path, *NEEDED.get(path[0], ()))
    yield (*path, None)
    yield (*needed, None)
    for option in command.params:
        yield from values_of(option, needed, ())


def values_of(option, before, after):
    if isinstance(option, click.Option) and not option.is_flag:
        yield from ((*before, name, None, *after) for name in option.opts)


PLACES = sorted(set(places()), key=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, simulation):
    folder = tmp_path_factory.mktemp("keys")
    write_log(folder / "a.log", new_ids(3))
    assert finished("ingest", "a.log", variables={"OPENROUTER_BASE_URL": simulation.base_url}, cwd=folder).code == 0
    return folder


def assert_nowhere(key, done, folder):
    assert key not in done.out
    assert key not in done.err
    for path in folder.rglob("*"):
        assert key not in path.name
        assert path.is_dir() or key.encode() not in path.read_bytes()


def test_every_command_has_places():
    assert {place[0] for place in PLACES} >= COMMANDS.keys()
    assert len(PLACES) > 70


def in_this_process(arguments, variables, folder):
    """The command as a call of its `main`, which is much faster than a process."""
    log, out, err, umask = logging.getLogger("orusage"), Stream(), Stream(), os.umask(0o077)
    with pytest.MonkeyPatch.context() as patch:
        names = ("OPENROUTER_API_KEY", "OPENROUTER_MANAGEMENT_KEY", "OPENROUTER_BASE_URL", "CREDENTIALS_DIRECTORY")
        for name in names:
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        for name, value in (("argv", ["orusage", *arguments]), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, value)
        patch.setattr(masking, "_in_use", set())
        patch.chdir(folder)
        code = main()
    log.handlers.clear()
    log.setLevel(logging.NOTSET)
    os.umask(umask)
    return Done(code, out.text, err.text)


class Stream(io.TextIOWrapper):
    """A standard stream in memory."""

    def __init__(self):
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    @property
    def text(self):
        return self.buffer.getvalue().decode()


def given_in(place, key, form, in_use, simulation):
    arguments = [form.format(key) if each is None else each for each in place]
    given_keys = dict.fromkeys(("OPENROUTER_API_KEY", "OPENROUTER_MANAGEMENT_KEY"), key if in_use else KEY)
    return arguments, {"OPENROUTER_BASE_URL": simulation.base_url, **given_keys}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(map(str, place)))
@given(key=keys, form=forms, in_use=st.booleans(), debug=st.booleans())
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_key_given_in_a_wrong_place_is_neither_shown_nor_stored(place, key, form, in_use, debug, folder, simulation):
    arguments, variables = given_in(place, key, form, in_use, simulation)
    done = in_this_process([*["--debug"] * debug, *arguments], variables, folder)
    assert_nowhere(key, done, folder)
    assert done.code == 0 or "  fix:   " in done.err or done.code == Exit.PARTIAL
    assert debug or "Traceback" not in done.err


@pytest.mark.parametrize("place", random.Random(15).sample(PLACES, 12), ids=lambda place: " ".join(map(str, place)))
def test_a_process_shows_and_stores_no_key_either(place, folder, simulation):
    key = f"sk-or-v1-{''.join(random.Random(str(place)).choices(LETTERS, k=48))}"
    arguments, variables = given_in(place, key, "{}", in_use=True, simulation=simulation)
    done = finished(*arguments, variables=variables, cwd=folder)
    assert_nowhere(key, done, folder)
    assert done.code == 0 or "  fix:   " in done.err


def repeating(key, escape):
    """A server that repeats the Authorization header in every text of its answers, escaped in one of these ways."""
    text = f"Bearer {key}"
    shown = {
        "plain": text,
        "unicode": "".join(f"\\u{ord(c):04X}" for c in text),
        "some": text[:9] + "".join(f"\\u{ord(c):04x}" for c in text[9:20]) + text[20:],
        "in json": json.dumps(json.dumps({"authorization": text}))[1:-1],
        "percent": "".join(f"%{ord(c):02x}" for c in text),
    }[escape]

    async def answer(request, writer):
        generation_id = request.partition(b"id=")[2].partition(b" ")[0].decode()
        fields = f'"id": "{generation_id}", "usage": 0.5, "model": "a/{shown}", "{shown}": "{shown}"'
        fields += f', "provider_responses": [{{"provider_name": "{shown}", "more": ["{shown}"]}}]'
        writer.write(whole(f'{{"data": {{{fields}}}, "debug": {{"headers": ["{shown}"]}}}}'.encode()))
        await writer.drain()

    return answer


@pytest.mark.parametrize("escape", ["plain", "unicode", "some", "in json", "percent"])
def test_a_server_that_repeats_the_key_cannot_have_it_stored(escape, tmp_path):
    key = f"sk-or-v1-{''.join(random.Random(escape).choices(LETTERS, k=48))}"
    write_log(tmp_path / "a.log", new_ids(5))
    with serving(repeating(key, escape)) as base_url:
        variables = {"OPENROUTER_BASE_URL": base_url, "OPENROUTER_API_KEY": key}
        done = [
            finished(*command, variables=variables, cwd=tmp_path)
            for command in (
                ("-v", "ingest", "a.log"),
                ("get", new_ids(1)[0]),
                ("export", "-o", "csv", "--format", "csv", "generations", "provider_attempts"),
                ("export", "-o", "parquet", "generations", "provider_attempts"),
                ("query", "SELECT COLUMNS(*)::VARCHAR FROM generations", "--format", "json"),
            )
        ]
    assert [each.code for each in done] == [0] * 5
    for each in done:
        assert_nowhere(key, each, tmp_path)
    with duckdb.connect(str(tmp_path / "orusage.duckdb"), read_only=True) as warehouse:
        stored = str(warehouse.sql("FROM generations").fetchall()) + str(
            warehouse.sql("FROM provider_attempts").fetchall()
        )
    assert key not in stored
    assert "[masked]" in stored
