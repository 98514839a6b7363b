"""What a terminal of 80 columns, a pipe and an ASCII terminal get, from the command itself."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
from support.commands import environment
from support.warehouses import IDS, NOW, chunk, settled

from ingest.reports.formats import width_of
from ingest.warehouse.warehouse import Warehouse

COMMANDS = (
    *(("status",), ("status", "--runs"), ("views",), ("views", "generations"), ("doctor",)),
    *(("query", "--view", "generations"), ("query", "SELECT * FROM generation_facts LIMIT 1")),
    *(("report",), ("report", "cost"), ("report", "latency"), ("report", "ledger"), ("report", "errors")),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tables")
    with Warehouse(directory / "orusage.duckdb", NOW) as warehouse:
        for run in ("run 1", "run 2"):
            warehouse.start_run(run, "1.0", "https://openrouter.ai/api/v1", NOW)
        warehouse.add(chunk(IDS), "run 1", NOW)
        warehouse.commit([settled(i) for i in IDS[:30]], "run 1")
    return directory


def on_terminal(directory, columns, *words, **variables):
    """What the command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {k: v for k, v in environment(**variables).items() if k not in ("COLUMNS", "LINES")}
    with subprocess.Popen([sys.executable, "-m", "ingest", *words], cwd=directory, stdout=theirs, env=variables):
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 65536):
                written += block
        except OSError:  # the terminal is closed
            pass
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_wraps_on_a_terminal_of_80_columns(directory, words):
    text = on_terminal(directory, 80, *words)
    assert text
    assert max(map(width_of, text.splitlines())) <= 80


@pytest.mark.parametrize("words", [("views",), ("report", "ledger"), ("query", "--view", "generations")], ids=" ".join)
def test_an_ascii_terminal_gets_ascii_rules(directory, words):
    text = on_terminal(directory, 80, *words, LC_ALL="C")
    assert "---" in text
    assert text.isascii()
    assert "───" in on_terminal(directory, 80, *words, LC_ALL="C.UTF-8")
    assert "───" in on_terminal(directory, 80, *words, LC_ALL="C", PYTHONIOENCODING="utf-8")


def test_a_pipe_gets_all_columns(directory):
    def piped(*words):
        command = [sys.executable, "-m", "ingest", *words]
        variables = {k: v for k, v in environment().items() if k != "COLUMNS"}
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True, env=variables)
        return done.stdout.splitlines()

    shown = piped("query", "--view", "generations")
    empty = shown[-1].partition("more columns are empty: ")[2]
    assert len(shown[0].split()) + len(empty.split(", ")) > 50
    assert len(piped("query", "FROM generations")[0].split()) > 50
    assert piped("status", "--runs")[0].split()[0] == "run_id"
    title, _, header, *_ = piped("report", "cost")
    assert title.startswith("Cost by day, ")
    assert header.split()[-1] == "tokens"
