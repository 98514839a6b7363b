"""Files that somebody else has put into the work directory: links, named pipes, second names, other owners."""

import os

import pytest
from support.warehouses import IDS, NOW, chunk

from ingest.core.errors import CannotCreateError
from ingest.warehouse.doctor import examine
from ingest.warehouse.storage.durable_files import identity_of
from ingest.warehouse.storage.lock import NO_WAIT as AT_ONCE
from ingest.warehouse.storage.lock import Lock, holder, is_held
from ingest.warehouse.storage.work_directory import WorkDirectory
from ingest.warehouse.warehouse import Warehouse

SOMEBODY = 4711
KINDS = ["link", "dangling", "second name", "fifo", "folder"]
NAMES = ["lock", "publishing", "copy.duckdb", "next.duckdb", "packed.duckdb", "work", "next.duckdb.wal", "work.wal"]
VICTIM = b"a file of somebody's\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def warehouse(tmp_path):
    """A warehouse with an empty work directory of this user, and a file beside it that must stay as it is."""
    with Warehouse(tmp_path / "w.duckdb", NOW) as made:
        made.add(chunk(IDS[:2]), "run", NOW)
    (tmp_path / "victim").write_bytes(VICTIM)
    return tmp_path / "w.duckdb"


def plant(kind, path, victim):
    path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling":
        path.symlink_to(victim.with_name("nowhere"))
    elif kind == "second name":
        path.hardlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(VICTIM)
        os.chown(path, SOMEBODY, SOMEBODY)


def planted_name(name, warehouse):
    return name.replace("work", f"work-{identity_of(warehouse)}.duckdb")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [*KINDS, *(["another's"] if os.geteuid() == 0 else [])])
def test_what_is_planted_is_named_and_neither_followed_nor_waited_for(warehouse, kind, name):
    planted = WorkDirectory(warehouse).path / planted_name(name, warehouse)
    plant(kind, planted, warehouse.with_name("victim"))
    with pytest.raises(CannotCreateError) as error, Warehouse(warehouse, NOW) as opened:
        opened.add(chunk(IDS), "run", NOW)
    assert str(planted) in str(error.value)
    assert warehouse.with_name("victim").read_bytes() == VICTIM
    assert not os.path.lexists(warehouse.with_name("nowhere"))
    assert not is_held(planted)
    assert isinstance(holder(planted), str | None)
    assert examine(warehouse)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_of_another_kind_is_refused_by_itself_too(tmp_path, kind):
    (tmp_path / "victim").write_bytes(VICTIM)
    plant(kind, tmp_path / "lock", tmp_path / "victim")
    with pytest.raises(CannotCreateError):
        Lock(tmp_path / "lock").acquire("ingest", NOW, AT_ONCE)
    assert (tmp_path / "victim").read_bytes() == VICTIM


@as_root
def test_a_directory_of_somebody_else_is_refused(warehouse):
    os.chown(WorkDirectory(warehouse).path, SOMEBODY, SOMEBODY)
    with pytest.raises(CannotCreateError, match="cannot be used") as error:
        Warehouse(warehouse, NOW)
    assert f"user {SOMEBODY}" in error.value.cause


@pytest.mark.parametrize("name", ["quarantine-20260101T000000Z-w.duckdb", "set-aside-1", "notes.txt"])
def test_other_names_are_left_alone(warehouse, name):
    kept = WorkDirectory(warehouse).path / name
    kept.symlink_to(warehouse.with_name("victim"))
    with Warehouse(warehouse, NOW) as opened:
        opened.add(chunk(IDS), "run", NOW)
    assert kept.is_symlink()
    assert warehouse.with_name("victim").read_bytes() == VICTIM
