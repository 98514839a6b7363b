"""The installed command in a process of its own: run to its end, interrupted, or under way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.forked_commands import ForkedProcess, may_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = "sk-or-v1-0123456789abcdef-test"

NO_CONFIGURATION = "/nowhere"
"""Where a user's own configuration would be."""


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
    added = {"OPENROUTER_API_KEY": KEY, "XDG_CONFIG_HOME": NO_CONFIGURATION, **variables}
    return kept | {k: v for k, v in added.items() if v is not None}


def finished(*arguments: object, variables: Mapping[str, str | None] | None = None, **options) -> Done:
    """The command, run to its end in an environment with these variables."""
    if may_fork(variables or {}) and options.keys() <= {"cwd", "input"} and options.get("input") is None:
        return _forked(list(map(str, arguments)), environment(**variables or {}), options.get("cwd", "."))
    done = subprocess.run(
        [sys.executable, "-m", "ingest", *map(str, arguments)],
        env=environment(**variables or {}),
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def _forked(arguments: list[str], env: Mapping[str, str], cwd: Path | str) -> Done:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = ForkedProcess(arguments, str(cwd), env, [0, out.fileno(), err.fileno()])
        try:
            code = process.wait()
        finally:
            process.kill()
        return Done(code, *(os.pread(each.fileno(), 10**9, 0).decode() for each in (out, err)))


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


def without_privileges():
    """What takes root's right to write anywhere away; skips the test where root keeps it."""
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root may write anywhere")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


ENOUGH = 60
"""Seconds after which nothing is waited for any more."""

LOCKED = 75


def wait_until(condition, seconds=ENOUGH):
    deadline = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return seen


class Started:
    """A command under way. What it says goes into files, so that it never waits for a reader."""

    def __init__(self, folder, *arguments, umask=-1, **variables):
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # closed at its end
        self._began = time.monotonic()
        self.seconds = None
        env, arguments = environment(**variables), list(map(str, arguments))
        with Path(os.devnull).open("rb") as nothing:
            if may_fork(variables):
                streams = [each.fileno() for each in (nothing, self._out, self._err)]
                self.process = ForkedProcess(arguments, str(folder), env, streams, umask)
            else:
                command = [sys.executable, "-m", "ingest", *arguments]
                streams = {"stdin": nothing, "stdout": self._out, "stderr": self._err}
                self.process = subprocess.Popen(command, cwd=folder, env=env, umask=umask, **streams)

    @property
    def pid(self):
        return self.process.pid

    @property
    def has_ended(self):
        ended = self.process.poll() is not None
        if ended and self.seconds is None:
            self.seconds = time.monotonic() - self._began
        return ended

    def send(self, number):
        self.process.send_signal(number)

    def said(self):
        """What it has said on standard error so far."""
        return os.pread(self._err.fileno(), 10**6, 0).decode()

    def end(self, seconds=ENOUGH):
        wait_until(lambda: self.has_ended, seconds)
        done = Done(self.process.returncode, os.pread(self._out.fileno(), 10**7, 0).decode(), self.said())
        self.close()
        return done

    def kill(self):
        self.process.kill()
        self.process.wait(ENOUGH)
        self.close()

    def close(self):
        self._out.close()
        self._err.close()


def is_waiting_for(run, file):
    """Whether the run has the file open."""
    opened = Path(f"/proc/{run.pid}/fd")
    return any(_target_of(each) == str(file.resolve()) for each in _entries(opened))


def _target_of(descriptor):
    """The file that a descriptor of a process leads to; None if it was closed meanwhile."""
    try:
        return os.path.realpath(descriptor)
    except OSError:
        return None


def _entries(folder):
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def assert_three_lines(err):
    assert "Traceback" not in err
    what, cause, fix = err.strip().splitlines()[-3:]
    assert what.startswith("orusage: ")
    assert cause.startswith("  cause: ")
    assert fix.startswith("  fix:   ")
