import shutil
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest
from support.faulty_warehouse import fault
from support.warehouses import chunk, write_old_warehouse

from ingest.warehouse import sql_files
from ingest.warehouse.doctor import BAD, NOTICE, OK, examine
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.warehouse.warehouse import Warehouse
warehouse = Warehouse(Path(sys.argv[1]), datetime.now(UTC))
print("held", flush=True)
sys.stdin.read()
"""


def seen(path, state=None):
    return {f.check: f.detail for f in examine(path) if state is None or f.state == state}


def test_a_healthy_warehouse(path):
    before = {p: p.stat() for p in (path, *Workspace(path).directory.path.iterdir())}
    assert seen(path, BAD) == seen(path, NOTICE) == {}
    assert set(seen(path, OK)) == {"orusage", "python", "file", "lock", "space", "schema", "content", "checks"}
    assert f"duckdb {duckdb.__version__}" in seen(path)["python"]
    assert seen(path)["schema"].startswith(str(sql_files.migrations()[-1].number))
    assert {p: p.stat() for p in before} == before


def test_before_the_first_run(tmp_path):
    assert set(seen(tmp_path / "w.duckdb", NOTICE)) == {"file"}
    assert seen(tmp_path / "w.duckdb", BAD) == {}
    assert set(seen(tmp_path / "missing/w.duckdb", BAD)) == {"space"}
    assert list(tmp_path.iterdir()) == []


def test_who_holds_the_lock(path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=-1, stdout=-1) as process:
        process.stdout.readline()
        assert f"process {process.pid} holds" in seen(path, NOTICE)["lock"]
        process.kill()
    assert seen(path, OK)["lock"] == "free"


def test_what_was_left(path):
    warehouse = Warehouse(path, NOW)
    warehouse.add(chunk(["gen-1790274612-3swkjesLaQutYDtDRd8b"]), "run", NOW)
    warehouse.close()
    shutil.copy(path, Workspace(path).directory.path / "quarantine-1-w.duckdb")
    path.with_name("w.duckdb.wal").touch()
    told = seen(path, NOTICE)
    assert set(told) == {"work copy", "quarantine", "stray log"}
    assert "of a run that did not end" in told["work copy"]


@pytest.mark.parametrize("name", ["a generation stored twice", "a pending ID lost", "an attempt stored twice"])
def test_a_fault_is_bad(path, orusage, name):
    with duckdb.connect(path) as connection:
        connection.execute(fault(name)[0])
    assert fault(name)[1] <= {f.detail.partition(":")[0] for f in examine(path) if f.state == BAD}
    done = orusage("-w", path, "doctor", "--format", "json")
    assert done.code == 1
    assert {row["state"] for row in done.json} == {"ok", "bad"}


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_file_that_does_not_open_is_bad(tmp_path, content):
    (tmp_path / "w.duckdb").write_bytes(content * 5000)
    assert set(seen(tmp_path / "w.duckdb", BAD)) == {"file opens"}


def test_a_foreign_file_and_a_newer_one_are_bad_and_an_older_one_is_told(path, tmp_path):
    with duckdb.connect(tmp_path / "theirs.duckdb") as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    assert "not an orusage warehouse" in seen(tmp_path / "theirs.duckdb", BAD)["file opens"]
    older = write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:1])
    assert "older" in seen(older, NOTICE)["schema"]
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ops.migrations VALUES (9999, '9999_future.sql', now())")
    assert "newer orusage" in seen(path, BAD)["file opens"]
