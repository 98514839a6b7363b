"""Every state in which a run can have left its directory has one way on, which nobody has to look for."""

import logging
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from support.logs import new_ids
from support.warehouses import chunk, settled

from ingest.core.errors import OrusageError, StorageError, TryAgainLaterError
from ingest.warehouse.checks import violations
from ingest.warehouse.storage import publication
from ingest.warehouse.storage.durable_files import NOWHERE, identity_of
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(40, seed=3)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    with Warehouse(folder / "w.duckdb", NOW) as warehouse:
        store(warehouse, IDS[:10])
    return folder


@pytest.fixture
def path(filled, tmp_path):
    """A warehouse with the first ten IDs settled."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return tmp_path / "w.duckdb"


def store(warehouse, ids):
    warehouse.add(chunk(ids), "run", NOW)
    warehouse.commit([settled(i) for i in ids], "run")


def died(path, ids):
    """A run that stored IDs and published nothing; returns its work copy."""
    warehouse = Warehouse(path, NOW)
    store(warehouse, ids)
    warehouse.close()
    [work] = Workspace(path).directory.work_copies
    return work


def stored(path):
    with duckdb.connect(path, read_only=True) as connection:
        assert violations(connection) == set()
        return sorted(i for (i,) in connection.execute("SELECT generation_id FROM generations").fetchall())


def next_run(path, ids=()):
    with Warehouse(path, NOW) as warehouse:
        if ids:
            store(warehouse, ids)


def left_in(path):
    return sorted(p.name for p in Workspace(path).directory.path.iterdir())


def test_what_was_stored_is_seen_when_it_is_published_and_not_before(path):
    with Warehouse(path, NOW) as warehouse:
        store(warehouse, IDS[10:20])
        assert stored(path) == sorted(IDS[:10])
        assert warehouse.publish()
        assert stored(path) == sorted(IDS[:20])
        assert not warehouse.publish()
        store(warehouse, IDS[20:30])
    assert stored(path) == sorted(IDS[:30])
    assert left_in(path) == ["lock"]


def test_reading_copies_and_changes_nothing(path):
    shutil.rmtree(Workspace(path).directory.path)
    before = identity_of(path), path.read_bytes()
    with Warehouse(path, NOW) as warehouse:
        warehouse.start_run("quiet", "0", "https://x", NOW)
        assert warehouse.ledger.has_ids()
        assert warehouse.add(chunk([]), "quiet", NOW) == 0
        warehouse.ledger.checkpoints()
    assert (identity_of(path), path.read_bytes()) == before
    assert not Workspace(path).directory.exists


def test_the_work_copy_is_private_and_its_file_never_changes(path):
    os.umask(0o022)
    warehouse = Warehouse(path, NOW)
    store(warehouse, IDS[10:12])
    [work] = Workspace(path).directory.work_copies
    base = work.read_bytes()
    for first in range(12, 40, 7):
        store(warehouse, IDS[first : first + 7])
    assert work.read_bytes() == base == path.read_bytes()
    assert stat.S_IMODE(work.parent.stat().st_mode) == 0o700
    warehouse.close()
    assert work.read_bytes() == base


def test_a_run_that_died_is_gone_on_from(path):
    died(path, IDS[10:20])
    assert stored(path) == sorted(IDS[:10])
    next_run(path, IDS[20:25])
    assert stored(path) == sorted(IDS[:25])
    assert left_in(path) == ["lock"]


def test_a_first_run_that_died_is_gone_on_from(tmp_path):
    path = tmp_path / "w.duckdb"
    work = died(path, IDS[:10])
    assert NOWHERE in work.name
    assert Workspace(path).holds_anything
    next_run(path)
    assert stored(path) == sorted(IDS[:10])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_that_dies_again_and_again_loses_nothing(path):
    for first in range(10, 40, 10):
        died(path, IDS[first : first + 10])
    next_run(path)
    assert stored(path) == sorted(IDS)


@pytest.mark.parametrize("unfinished", ["copy.duckdb", "next.duckdb", "packed.duckdb"])
@pytest.mark.parametrize("has_log", [True, False])
def test_unfinished_copies_are_worth_nothing(path, unfinished, has_log):
    work = died(path, IDS[10:20])
    (work.parent / unfinished).write_bytes(work.read_bytes()[:5000])
    if has_log:
        (work.parent / f"{unfinished}.wal").write_bytes(b"half a log")
    (work.parent / f"{work.name}.tmp").mkdir()
    next_run(path)
    assert stored(path) == sorted(IDS[:20])
    assert left_in(path) == ["lock"]


def test_a_log_without_its_file_is_never_replayed(path):
    work = died(path, IDS[10:20])
    work.unlink()
    next_run(path, IDS[20:25])
    assert stored(path) == sorted([*IDS[:10], *IDS[20:25]])
    assert left_in(path) == ["lock"]


@pytest.mark.parametrize("stage", ["renamed", "file removed", "log removed"])
def test_what_was_published_is_not_published_again(path, stage, caplog):
    work = died(path, IDS[10:20])
    copies = {p: p.read_bytes() for p in work.parent.iterdir() if p.name.startswith("work-")}
    noted = []
    original = publication._write_marker
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publication, "_write_marker", lambda d, i: (noted.append(i), original(d, i)))
        next_run(path)
    assert noted == [identity_of(path)]
    (work.parent / "publishing").write_text(noted[0])
    for copy, content in copies.items():
        if stage == "renamed" or (stage == "file removed" and copy.suffix == ".wal"):
            copy.write_bytes(content)
    next_run(path, IDS[20:25])
    assert stored(path) == sorted(IDS[:25])
    assert left_in(path) == ["lock"]
    assert caplog.text == ""


@pytest.mark.parametrize("note", ["", "0123", "f" * 16])
def test_a_note_of_a_publish_that_did_not_happen_changes_nothing(path, note):
    work = died(path, IDS[10:20])
    (work.parent / "publishing").write_text(note)
    next_run(path)
    assert stored(path) == sorted(IDS[:20])
    assert left_in(path) == ["lock"]


@pytest.mark.parametrize("how", ["copied over", "moved over"])
def test_after_a_backup_was_restored_a_run_goes_on_from_that(path, tmp_path, how, caplog):
    backup = tmp_path / "backup"
    shutil.copy2(path, backup)
    next_run(path, IDS[10:20])
    work = died(path, IDS[20:30])
    wal = work.with_name(f"{work.name}.wal").read_bytes()
    if how == "copied over":
        shutil.copy(backup, path)
    else:
        backup.replace(path)
    with caplog.at_level(logging.WARNING, "orusage"):
        next_run(path, IDS[30:35])
    assert stored(path) == sorted([*IDS[:10], *IDS[30:35]])
    assert "does not descend from w.duckdb as it is now" in caplog.text
    lock, kept, kept_wal = sorted(Workspace(path).directory.path.iterdir())
    assert (lock.name, kept_wal.name, kept_wal.read_bytes()) == ("lock", f"{kept.name}.wal", wal)
    assert str(kept) in caplog.text
    with duckdb.connect(kept) as connection:
        assert connection.execute("SELECT count(*) FROM generations").fetchall() == [(30,)]


def test_a_backup_of_the_very_same_state_changes_nothing(path, tmp_path, caplog):
    shutil.copy2(path, tmp_path / "backup")
    died(path, IDS[10:20])
    (tmp_path / "backup").replace(path)
    next_run(path)
    assert stored(path) == sorted(IDS[:20])
    assert caplog.text == ""


@pytest.mark.parametrize("damage", ["no database", "no byte", "no table", "torn header", "garbled log"])
def test_a_work_copy_that_does_not_open_is_set_aside(path, damage, caplog):
    work = died(path, IDS[10:20])
    match damage:
        case "no database":
            work.write_bytes(b"x" * 20_000)
        case "no byte":
            work.write_bytes(b"")
        case "no table":
            for left in (work, work.with_name(f"{work.name}.wal")):
                left.unlink()
            duckdb.connect(work).close()
        case "torn header":
            with work.open("r+b") as file:
                file.seek(4096)
                file.write(b"\xff" * 8192)
        case "garbled log":
            work.with_name(f"{work.name}.wal").write_bytes(b"\xff" * 4096)
    with caplog.at_level(logging.WARNING, "orusage"):
        next_run(path, IDS[20:25])
    assert stored(path) == sorted([*IDS[:10], *IDS[20:25]])
    if damage == "garbled log":
        return  # DuckDB takes it for the end of the log: what is left is the published state, which is gone on from
    assert ("is empty" if damage == "no table" else "does not open") in caplog.text
    assert len([n for n in left_in(path) if n.startswith("quarantine")]) == 1 + (damage != "no table")
    next_run(path, IDS[10:20])
    assert stored(path) == sorted(IDS[:25])


def test_a_crash_between_setting_log_and_file_aside_loses_neither(path, tmp_path):
    shutil.copy2(path, tmp_path / "backup")
    next_run(path, IDS[10:20])
    work = died(path, IDS[20:30])
    (tmp_path / "backup").replace(path)
    work.with_name(f"{work.name}.wal").rename(work.parent / "quarantine-1-work.wal")
    next_run(path)
    assert stored(path) == sorted(IDS[:10])
    assert len([n for n in left_in(path) if n.startswith("quarantine")]) == 2


def test_a_published_file_that_somebody_changed_meanwhile_is_kept(path, caplog):
    warehouse = Warehouse(path, NOW)
    store(warehouse, IDS[10:20])
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS answer")
    with caplog.at_level(logging.WARNING, "orusage"):
        warehouse.publish()
    warehouse.close()
    assert stored(path) == sorted(IDS[:20])
    [kept] = [p for p in Workspace(path).directory.path.iterdir() if p.name.startswith("quarantine")]
    assert f"was changed by another program; that state is kept as {kept}" in caplog.text
    with duckdb.connect(kept, read_only=True) as connection:
        assert connection.execute("FROM mine").fetchall() == [(42,)]


def leave_a_log(path):
    """What a program leaves that had the file open for writing and was killed."""
    code = "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE t (a INT)'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, path], check=False)
    return path.with_name(f"{path.name}.wal").read_bytes()


@pytest.mark.parametrize("kind", ["garbage", "of this state", "of an earlier state"])
@pytest.mark.parametrize("comes", ["before the run", "while it writes"])
def test_a_log_that_somebody_left_beside_the_published_file_is_moved_aside(path, caplog, kind, comes):
    wal = path.with_name("w.duckdb.wal")
    left = b"left by somebody"
    if kind != "garbage":
        left = leave_a_log(path)
        wal.unlink()
    if kind == "of an earlier state":
        next_run(path, IDS[30:35])
    with caplog.at_level(logging.WARNING, "orusage"):
        if comes == "before the run":
            wal.write_bytes(left)
            next_run(path, IDS[10:20])
        else:
            with Warehouse(path, NOW) as warehouse:
                store(warehouse, IDS[10:20])
                wal.write_bytes(left)
    assert stored(path) == sorted([*IDS[:20], *(IDS[30:35] if kind == "of an earlier state" else [])])
    [kept] = [p for p in Workspace(path).directory.path.iterdir() if p.name.startswith("quarantine")]
    assert kept.read_bytes() == left
    assert str(kept) in caplog.text


def test_whoever_reads_is_told_of_a_log_that_does_not_fit(path, orusage):
    left = leave_a_log(path)
    path.with_name("w.duckdb.wal").unlink()
    next_run(path, IDS[10:20])
    path.with_name("w.duckdb.wal").write_bytes(left)
    done = orusage("-w", path, "status")
    assert (done.code, "orusage warehouse publish" in done.err) == (74, True)
    assert orusage("-w", path, "warehouse", "publish").code == 0
    assert orusage("-w", path, "status", "--format", "json").json[0]["settled"] == 20


def test_while_a_first_run_has_published_nothing_readers_are_told_so(tmp_path, orusage):
    died(tmp_path / "w.duckdb", IDS[:10])
    done = orusage("-w", tmp_path / "w.duckdb", "status")
    assert (done.code, "the first run has published nothing yet" in done.err) == (66, True)


def test_a_link_to_the_warehouse_stays_one(path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.duckdb"
    link.symlink_to("../w.duckdb")
    next_run(link, IDS[10:20])
    assert link.is_symlink()
    assert stored(path) == sorted(IDS[:20])
    assert [p.name for p in link.parent.iterdir()] == ["link.duckdb"]


def test_two_names_of_one_warehouse_are_one(path, tmp_path):
    link = tmp_path / "link.duckdb"
    link.symlink_to(path)
    warehouse = Warehouse(path, NOW)
    store(warehouse, IDS[10:12])
    with pytest.raises(TryAgainLaterError):
        Warehouse(link, NOW)
    warehouse.close()


@pytest.mark.parametrize("room", [0, 1])
def test_without_room_for_a_copy_and_its_clone_nothing_is_begun(path, monkeypatch, room):
    copies = [path.stat().st_size] * room

    def statvfs(_):
        return os.statvfs_result((1, 1, 1, 1, copies.pop() if copies else 1, 1, 1, 1, 0, 255))

    monkeypatch.setattr("ingest.warehouse.storage.durable_files._shares_extents", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", statvfs)
    with Warehouse(path, NOW) as warehouse, pytest.raises(StorageError, match="no room"):
        store(warehouse, IDS[10:20])
    assert left_in(path) == ["lock"], "what did not fit takes no space"
    monkeypatch.undo()
    next_run(path, IDS[10:20])
    assert stored(path) == sorted(IDS[:20])


def test_a_publish_that_failed_is_done_by_the_next_run(path, monkeypatch):
    def fail(*_, **__):
        raise StorageError("the disk is full", cause="a test", fix="none")

    with Warehouse(path, NOW) as warehouse:
        store(warehouse, IDS[10:20])
        monkeypatch.setattr("ingest.warehouse.storage.publication.checkpoint", fail)
        with pytest.raises(StorageError):
            warehouse.publish()
        assert stored(path) == sorted(IDS[:10])
        assert not [name for name in left_in(path) if name.startswith("next")], "what failed takes no space"
        monkeypatch.undo()
        store(warehouse, IDS[20:25])
    assert stored(path) == sorted(IDS[:25])


def test_a_run_that_ends_badly_publishes_what_it_stored_unless_the_disk_fails(path):
    for number, (error, is_published) in enumerate(
        [(TryAgainLaterError, True), (StorageError, False), (ZeroDivisionError, False)], start=1
    ):
        ids = IDS[10 * number : 10 * number + 10]
        raised = error("x", cause="x", fix="x") if issubclass(error, OrusageError) else error()
        with pytest.raises(error), Warehouse(path, NOW) as warehouse:  # noqa: PT012  # it is to end within
            store(warehouse, ids)
            raise raised
        assert (ids[0] in stored(path)) == is_published
    next_run(path)
    assert stored(path) == sorted(IDS)


def test_a_lock_is_held_as_long_as_something_is_written(path):
    warehouse = Warehouse(path, NOW)
    with pytest.raises(TryAgainLaterError):
        Warehouse(path, NOW + timedelta(hours=1))
    warehouse.close()
    Warehouse(path, NOW).close()


def test_a_foreign_file_and_its_log_are_left_alone(tmp_path):
    path = tmp_path / "theirs.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    before = path.read_bytes()
    path.with_name("theirs.duckdb.wal").write_bytes(b"their log")
    with pytest.raises(OrusageError):
        Warehouse(path, NOW)
    assert path.read_bytes() == before
    assert path.with_name("theirs.duckdb.wal").read_bytes() == b"their log"
    assert Workspace(path).directory.work_copies == []


def test_locking_twice_is_locking_once(path):
    space = Workspace(path)
    space.lock("ingest", NOW, NO_WAIT)
    space.lock("ingest", NOW, NO_WAIT)
    space.unlock()
    with Warehouse(path, NOW):
        pass
