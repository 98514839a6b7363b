"""Fixtures of tests in several packages: the installed command, the real simulator, a filled warehouse."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from hypothesis import settings
from support import forked_commands
from support.commands import Done, finished
from support.ready_schema import ReadySchema, write_ready_schema
from support.simulated_warehouse import DEAD, RECORDS, write_simulated_warehouse
from support.simulators import running_simulator

from ingest.warehouse import write_session

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Whoever starts the suite in the background has it ignore Ctrl-C, and so would everything that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST_FILES = (
    *("end_to_end/test_readers.py", "end_to_end/test_ingest.py", "end_to_end/test_read_once.py"),
    *("faults/test_never_harmed.py", "faults/test_wal_cut.py", "end_to_end/test_limiter.py"),
)


def pytest_collection_modifyitems(items):
    """Files that take longest begin first, so that no worker is left with one of them in the end."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: ranks.get("/".join(item.path.parts[-2:]), len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def ready_schema(tmp_path_factory):
    """New warehouses copy their schema, here and in forked commands."""
    path = write_ready_schema(tmp_path_factory.mktemp("ready_schema") / "schema.duckdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_session, "migrate", ReadySchema(path).migrate)
        forked_commands.ready_schema = path
        yield


@pytest.fixture
def orusage(tmp_path):
    """Runs the command in a directory of its own."""

    def run(*arguments: object, stdin: bytes | None = None, **variables: str | None) -> Done:
        return finished(*arguments, variables=variables, cwd=tmp_path, input=stdin)

    return run


@pytest.fixture
def simulate():
    """`with simulate("--p500", "0.1") as simulation:`."""
    return running_simulator


@pytest.fixture(scope="module")
def simulation():
    """A simulator without faults."""
    with running_simulator() as simulation:
        yield simulation


@pytest.fixture(scope="session")
def simulated_warehouse(tmp_path_factory):
    """A warehouse with 601 records of the simulator, for reading only."""
    return write_simulated_warehouse(tmp_path_factory.mktemp("simulated") / "w.duckdb", RECORDS, DEAD)


@pytest.fixture
def other_duckdbs():
    """Pythons with other DuckDB versions, named in ORUSAGE_OTHER_DUCKDBS (separated by colons); CI has some."""
    pythons = os.environ.get("ORUSAGE_OTHER_DUCKDBS", "")
    if not pythons:
        pytest.skip("ORUSAGE_OTHER_DUCKDBS names no Python with another DuckDB")

    def runner(python: str):
        def run(code: str) -> str:
            command = [python, "-c", f"import duckdb\n{code}"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

        return run

    return [runner(python) for python in pythons.split(":")]
