"""Changed bytes: what `doctor` finds, and how a run goes on after a work copy was damaged."""

import random
import shutil
from datetime import UTC, datetime

import duckdb
import pytest
from support.logs import new_ids
from support.warehouses import chunk, content, settled

from ingest.core.errors import StorageError
from ingest.warehouse.doctor import DAMAGE, examine
from ingest.warehouse.storage.connection import DamagedError
from ingest.warehouse.storage.soundness import require_sound_file
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(900, seed=3)
HEADERS, BLOCK, FLIPS = 12_288, 262_144, 60


def store(path, ids):
    warehouse = Warehouse(path, NOW)
    warehouse.add(chunk(ids), "run", NOW)
    warehouse.commit([settled(i, content(i)) for i in ids], "run")
    return warehouse


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "w.duckdb"
    with store(path, IDS[:600]):
        pass
    return path


@pytest.fixture(scope="module")
def left(filled, tmp_path_factory):
    """A published file and the work copy of a run that died."""
    folder = shutil.copytree(filled.parent, tmp_path_factory.mktemp("left"), dirs_exist_ok=True)
    store(folder / "w.duckdb", IDS[600:]).close()
    return folder


def flip(path, at, bit):
    with path.open("r+b") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def free_blocks(path):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute("SELECT free_blocks FROM pragma_database_size()").fetchall()[0][0]


def test_every_changed_byte_of_a_used_block_is_found(filled, tmp_path):
    drawn, path, unseen = random.Random(7), tmp_path / "w.duckdb", set()
    for _ in range(FLIPS):
        shutil.copy(filled, path)
        at = drawn.randrange(HEADERS, path.stat().st_size)
        flip(path, at, drawn.randrange(8))
        try:
            require_sound_file(path)
        except DamagedError:
            continue
        unseen.add((at - HEADERS) // BLOCK)
    assert len(unseen) <= free_blocks(filled), "only blocks that hold nothing may differ"


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_file_is_found(filled, tmp_path, seed, orusage):
    path = tmp_path / "w.duckdb"
    shutil.copy(filled, path)
    with path.open("r+b") as file:
        file.truncate(random.Random(seed).randrange(HEADERS, path.stat().st_size))
    assert DAMAGE in {finding.check for finding in examine(path)}
    assert orusage("-w", path, "doctor").code == 74


@pytest.mark.parametrize("seed", range(10))
def test_after_a_byte_of_the_work_copy_was_changed_the_next_run_goes_on(left, tmp_path, seed, caplog):
    folder = shutil.copytree(left, tmp_path / "x")
    path, drawn = folder / "w.duckdb", random.Random(seed)
    [work] = Workspace(path).directory.work_copies
    flip(work, drawn.randrange(work.stat().st_size), drawn.randrange(8))
    with store(path, IDS[600:]):
        pass
    require_sound_file(path)
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM generations").fetchall() == [(900,)]
    assert ("quarantine" in caplog.text) == bool(Workspace(path).directory.quarantined)


def test_where_the_published_file_is_damaged_too_it_is_named_and_no_copy_is_put_aside(left, tmp_path):
    folder = shutil.copytree(left, tmp_path / "x")
    path = folder / "w.duckdb"
    [work] = Workspace(path).directory.work_copies
    at = next(a for a in range(HEADERS + 5000, path.stat().st_size, BLOCK) if is_used(path, a, tmp_path / "probe"))
    for damaged in (path, work):
        flip(damaged, at, 1)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"w\.duckdb.* is damaged"):
            Warehouse(path, NOW)
    assert Workspace(path).directory.quarantined == []


def is_used(path, at, probe):
    shutil.copy(path, probe)
    flip(probe, at, 1)
    try:
        with duckdb.connect(probe, read_only=True):
            pass
        require_sound_file(probe)
    except DamagedError:
        return True
    except duckdb.Error:
        return False
    return False
