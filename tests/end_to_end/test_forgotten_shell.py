"""A ``duckdb`` shell that somebody forgot holds the file: runs store all the same, and only publishing waits."""

import shutil
import subprocess
import sys

import duckdb
import pytest
from support.logs import new_ids

from ingest.core.errors import Exit
from ingest.warehouse.storage.work_directory import WorkDirectory

SHELL = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute(sys.argv[2])
print("open", flush=True)
sys.stdin.read()
"""
DOES_NOTHING, WRITES = "SELECT 1", "CREATE TABLE mine AS SELECT 42 AS answer"


@pytest.fixture
def shell(tmp_path):
    """Opens the file in a process of its own and runs a statement there, until `close` is called."""
    opened = []

    class Shell:
        def __init__(self, statement):
            command = [sys.executable, "-c", SHELL, str(tmp_path / "orusage.duckdb"), statement]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            opened.append(self)
            assert self.process.stdout.readline() == b"open\n"

        def close(self):
            self.process.communicate()

    yield Shell
    for each in opened:
        with each.process:  # closes its pipes
            each.process.kill()


@pytest.fixture
def night(orusage, simulation, tmp_path):
    """Runs a night over a log to which IDs are added."""

    def run(seed, *arguments):
        with (tmp_path / "app.log").open("a") as log:
            log.writelines(f"id={i}\n" for i in (new_ids(5, seed=seed) if seed else []))
        return orusage("ingest", "app.log", "--base-url", simulation.base_url, *arguments)

    return run


def settled(orusage):
    done = orusage("status", "--format", "json")
    assert done.code == Exit.DONE, done.err
    return done.json[0]["settled"], done.err


@pytest.mark.parametrize("statement", [DOES_NOTHING, WRITES])
def test_a_run_stores_and_only_publishing_waits(orusage, night, shell, tmp_path, statement):
    assert night(1).code == Exit.DONE
    held = shell(statement)
    assert settled(orusage)[0] == 5
    assert "published last" in settled(orusage)[1]
    done = night(2)
    assert done.code == Exit.TRY_AGAIN_LATER, done.err
    assert "5 settled" in done.out + done.err
    assert str(held.process.pid) in done.err
    found, said = settled(orusage)
    assert found == 10
    assert "not published yet" in said
    for command in (
        ("report",),
        ("views",),
        ("query", "SELECT count(*) FROM generations"),
        ("ingest", "--dry-run", "app.log"),
    ):
        assert orusage(*command).code == Exit.DONE
    [total] = orusage("query", "SELECT sum(request_count) AS n FROM cost_daily", "--format", "json").json
    assert total == {"n": 10}
    assert night(3).code == Exit.TRY_AGAIN_LATER
    assert settled(orusage)[0] == 15
    held.close()
    if statement == DOES_NOTHING:
        assert orusage("warehouse", "publish").code == Exit.DONE
        assert settled(orusage) == (15, "")


def test_a_quiet_night_has_nothing_to_publish(orusage, night, shell, tmp_path):
    """A log that was only copied to another place on the disk is no news either."""
    assert [night(1).code, night(None).code] == [Exit.DONE] * 2
    shell(DOES_NOTHING)
    assert night(None).code == Exit.DONE
    shutil.copy(tmp_path / "app.log", tmp_path / "copy.log").replace(tmp_path / "app.log")
    assert night(None).code == Exit.DONE
    assert WorkDirectory(tmp_path / "orusage.duckdb").work_copies == []


def test_what_the_shell_has_written_is_kept(orusage, night, shell, tmp_path):
    assert night(1).code == Exit.DONE
    held = shell(WRITES)
    assert night(2).code == Exit.TRY_AGAIN_LATER
    held.close()
    done = night(3)
    assert done.code == Exit.PARTIAL, done.err  # its work copy could not be published
    assert settled(orusage)[0] == 15
    [kept] = [p for p in (tmp_path / "orusage.duckdb.work").glob("quarantine-*.duckdb") if _holds_mine(p)] or [
        tmp_path / "orusage.duckdb"
    ]
    assert _holds_mine(kept)


def _holds_mine(path):
    with duckdb.connect(path, read_only=True) as connection:
        return bool(connection.execute("FROM duckdb_tables() WHERE table_name = 'mine'").fetchall())


@pytest.mark.parametrize("command", [("publish",), ("migrate",), ("compact",), ("forget", "--user", "x")])
def test_maintenance_waits_for_the_shell(orusage, night, shell, command):
    assert night(1).code == Exit.DONE
    held = shell(DOES_NOTHING)
    done = orusage("warehouse", *command)
    assert done.code == Exit.TRY_AGAIN_LATER
    assert str(held.process.pid) in done.err
