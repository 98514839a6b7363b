"""What the end-to-end tests share: the installed command, the real simulator, and IDs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import string
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Whoever starts the suite in the background has it ignore Ctrl-C, and so would everything that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

KEY = "sk-or-v1-0123456789abcdef-test"
SOME_DAY = datetime(2026, 10, 1, tzinfo=UTC)
ALPHABET = string.ascii_letters + string.digits


def long(*values):
    """A parameter of the long form only: `pytest -m long`."""
    return pytest.param(*values, marks=pytest.mark.long)


def in_two_forms(*decorators, short: int, long_form: int):
    """A property of Hypothesis, given by these decorators, with so many examples, and with more in the long form."""

    def decorate(function):
        @pytest.mark.parametrize("examples", [short, long(long_form)])
        def proof(examples, tmp_path_factory):
            test = function
            for decorator in reversed(decorators):
                test = decorator(test)
            wants_folders = "tmp_path_factory" in signature(function).parameters
            settings(max_examples=examples)(test)(**{"tmp_path_factory": tmp_path_factory} if wants_folders else {})

        proof.__name__ = proof.__qualname__ = function.__name__
        proof.__module__ = function.__module__
        return proof

    return decorate


@dataclass
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def environment(**variables: str | None) -> dict[str, str]:
    """The machine's environment without what a user's own settings would change, and with a key."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENROUTER_", "ORUSAGE_", "CREDENTIALS_"))}
    added = {"OPENROUTER_API_KEY": KEY, **variables}
    return kept | {k: v for k, v in added.items() if v is not None}


def finished(*arguments: object, variables: Mapping[str, str | None] | None = None, **options) -> Done:
    """The command, run to its end in an environment with these variables."""
    done = subprocess.run(
        [sys.executable, "-m", "ingest", *map(str, arguments)],
        env=environment(**variables or {}),
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def interrupted(*arguments: object, cwd: Path, begun: Callable[[int], bool], cpu_seconds: float) -> Done:
    """The command, until Ctrl-C: once it has begun (which its PID tells) and used so much CPU since."""
    command = [sys.executable, "-m", "ingest", *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: begun(process.pid))
        before = _cpu_seconds(process.pid)
        wait_for(lambda: _cpu_seconds(process.pid) >= before + cpu_seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()  # or a failure would wait for it
        process.wait()
    return Done(process.returncode, "", err)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def orusage(tmp_path):
    """Runs the command in a directory of its own."""

    def run(*arguments: object, stdin: bytes | None = None, **variables: str | None) -> Done:
        return finished(*arguments, variables=variables, cwd=tmp_path, input=stdin)

    return run


@dataclass
class Simulation:
    """A simulator in a process of its own."""

    base_url: str

    def served(self):
        with urllib.request.urlopen(self.base_url.replace("/api/v1", "/simulator/served"), timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_simulator(*options: str):
    command = [sys.executable, "-m", "ingest", "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            yield Simulation(process.stdout.readline().split()[-1])
        finally:
            process.terminate()
            assert process.wait(10) == 0


@pytest.fixture
def simulate():
    """`with simulate("--p500", "0.1") as simulation:`."""
    return running_simulator


@pytest.fixture(scope="module")
def simulation():
    """A simulator without faults."""
    with running_simulator() as simulation:
        yield simulation


def without_privileges():
    """What takes root's right to write anywhere away; skips the test where root keeps it."""
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root may write anywhere")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def new_ids(count: int, seed: int = 1, *, age: timedelta | None = None, span: timedelta = timedelta(days=10)):
    """IDs of today's form, spread over `span`: the same for the same seed, or, with an age, at least so old now."""
    draw = random.Random(seed)
    newest = SOME_DAY if age is None else datetime.now(UTC) - age
    seconds = [int((newest - draw.random() * span).timestamp()) for _ in range(count)]
    return [f"gen-{second}-{''.join(draw.choices(ALPHABET, k=20))}" for second in seconds]


def write_log(path: Path, ids) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'{{"level": "info", "response": {{"id": "{i}"}}}}\n' for i in ids), encoding="utf-8")
    return path


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
