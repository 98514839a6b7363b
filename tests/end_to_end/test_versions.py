"""One warehouse, written in turn by tools with different DuckDBs, and by one after another has died."""

import os
import subprocess
import sys

import duckdb
import pytest
from support.commands import environment
from support.logs import new_ids, write_log

from ingest.warehouse.checks import violations
from ingest.warehouse.storage.workspace import Workspace

IDS = new_ids(40, seed=12)
STORE_AND_DIE = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.scanner import scan_all
from ingest.sources.discovery import expand_sources
from ingest.warehouse.warehouse import Warehouse
now = datetime.now(UTC)
warehouse = Warehouse(Path(sys.argv[1]), now)
known = CheckpointIndex(warehouse.ledger.checkpoints())
for chunk in scan_all(expand_sources([sys.argv[2]]), now, known, CallSiteParser()):
    warehouse.add(chunk, "run", now)
os._exit(9)
"""


@pytest.fixture
def tools():
    """This Python, and one that has the package with another DuckDB, as ORUSAGE_OTHER_DUCKDBS names them."""
    others = filter(None, os.environ.get("ORUSAGE_OTHER_DUCKDBS", "").split(":"))
    has_package = [
        p
        for p in others
        if not subprocess.run([p, "-c", "import ingest.warehouse.warehouse"], check=False, stderr=-1).returncode
    ]
    if not has_package:
        pytest.skip("ORUSAGE_OTHER_DUCKDBS names no Python that has the package with another DuckDB")
    return [sys.executable, has_package[0]]


def ingest(python, path, log, base_url):
    command = [python, "-m", "ingest", "-w", path, "ingest", log, "--base-url", base_url]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def stored(path):
    with duckdb.connect(path, read_only=True) as connection:
        assert violations(connection) == set()
        return sorted(i for (i,) in connection.execute("SELECT generation_id FROM generations").fetchall())


@pytest.mark.parametrize("first", [0, 1])
def test_tools_with_different_duckdbs_take_turns(tools, tmp_path, simulation, first):
    path = tmp_path / "w.duckdb"
    for number in range(4):
        log = write_log(tmp_path / "app.log", IDS[: 10 * number + 10])
        ingest(tools[(first + number) % 2], path, log, simulation.base_url)
        assert stored(path) == sorted(IDS[: 10 * number + 10])


@pytest.mark.parametrize("first", [0, 1])
def test_a_tool_with_another_duckdb_goes_on_after_one_that_died(tools, tmp_path, simulation, first):
    path, died, other = tmp_path / "w.duckdb", tools[first], tools[1 - first]
    ingest(died, path, write_log(tmp_path / "app.log", IDS[:10]), simulation.base_url)
    log = write_log(tmp_path / "app.log", IDS[:30])
    done = subprocess.run([died, "-c", STORE_AND_DIE, path, log], env=environment(), check=False)
    assert (done.returncode, len(Workspace(path).directory.work_copies)) == (9, 1)
    ingest(other, path, write_log(tmp_path / "app.log", IDS), simulation.base_url)
    assert stored(path) == sorted(IDS)
    assert Workspace(path).directory.work_copies == []
