import os
import pty
import re
import subprocess
import sys

import pytest
from conftest import environment, new_ids, write_log


def run_on_a_terminal(command, directory, **variables):
    """What a person sees: everything the command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    env = environment(COLUMNS="100", TERM="xterm-256color", **variables)
    with subprocess.Popen(command, cwd=directory, env=env, stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux's way of saying that the other side was closed
                break
            if not data:
                break
            seen += data
    os.close(ours)
    return process.returncode, seen.decode()


@pytest.fixture
def command(simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(300))
    with simulate("--rate-limit", "60", "--burst", "20") as simulation:
        yield [sys.executable, "-m", "ingest", "ingest", str(log), "--base-url", simulation.base_url]


def test_a_terminal_gets_a_bar_with_rate_flight_and_throttling(command, tmp_path):
    code, seen = run_on_a_terminal(command, tmp_path)
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert code == 0
    assert re.search(r"fetching .*\d+/300 .*\d+/s, \d+ in flight", seen)
    assert "throttled" in seen
    assert "300 settled" in seen


def test_a_pipe_gets_no_control_characters(command, tmp_path):
    done = subprocess.run(
        [*command, "--progress", "auto"], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\r" not in done.stdout + done.stderr


def test_a_terminal_never_gets_a_logs_control_characters(tmp_path):
    name = "evil\x1b[31m\u202e.log"
    write_log(tmp_path / name, new_ids(1))
    code, seen = run_on_a_terminal([sys.executable, "-m", "ingest", "extract", name, "--format", "csv"], tmp_path)
    assert code == 0
    assert "\x1b[31m" not in seen
    assert "\u202e" not in seen
    assert r"evil\x1b[31m\u202e.log" in seen
