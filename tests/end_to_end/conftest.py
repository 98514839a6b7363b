"""Fixtures of the tests that run several commands at once."""

import pytest
from support.commands import Started
from support.simulators import stoppable_simulator


@pytest.fixture
def start(tmp_path):
    """Starts the command in a directory of its own; what is still under way when the test ends is killed."""
    started = []

    def begin(*arguments, folder=tmp_path, **options):
        started.append(Started(folder, *arguments, **options))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.kill()
        each.close()


@pytest.fixture
def server():
    with stoppable_simulator() as simulation:
        yield simulation


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "orusage.duckdb"


@pytest.fixture
def ingest(start, server):
    """Starts `ingest` with these arguments against the simulator."""

    def begin(*arguments, **options):
        return start("ingest", *arguments, "--base-url", server.base_url, "--summary", "json", **options)

    return begin
