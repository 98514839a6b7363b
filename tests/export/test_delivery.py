"""Kills and failures at every call that changes a file, in a forked child; links; files that no export has written."""

import errno
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from support.manifests import NOW, a_file, a_manifest

from ingest.core.errors import CannotCreateError, Exit, StorageError, TryAgainLaterError
from ingest.export.delivery import open_delivery
from ingest.export.journal import STAGING
from ingest.export.manifest import MANIFEST, File, Manifest, decode, encode

OLD = {"a.parquet": b"old a", "t/d=1/t.parquet": b"old 1", "t/d=2/t.parquet": b"old 2", "same/same.csv": b"same"}
NEW = {"a.parquet": b"new a", "t/d=2/t.parquet": b"new 2", "t/d=3/t.parquet": b"new 3", "same/same.csv": b"same"}
CHANGING = ("replace", "unlink", "mkdir", "rmdir", "fsync", "chmod", "open")


def listed(path, data):
    return File(path=path, partition=None, rows=1, bytes=len(data), sha256=sha256(data).hexdigest(), sums={})


def deliver(directory, contents, kept=()):
    with open_delivery(directory) as delivery:
        for path, data in contents.items():
            if path not in kept:
                delivery.stage(path).write_bytes(data)
        delivery.commit(a_manifest(*(listed(path, data) for path, data in contents.items())))


def found(directory):
    """All visible files, and the manifest."""
    files = {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    visible = {path: data for path, data in files.items() if not path.startswith(STAGING)}
    return visible, decode(visible.pop(MANIFEST, b""))


def holds(directory, contents):
    visible, manifest = found(directory)
    assert visible == contents
    assert {path: file.sha256 for path, file in manifest.files.items()} == {
        path: sha256(data).hexdigest() for path, data in contents.items()
    }
    assert not (directory / STAGING).exists()
    assert {p for p in directory.rglob("*") if p.is_dir()} == {
        parent for path in contents for parent in (directory / path).parents if parent.is_relative_to(directory)
    } - {directory}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Makes syncs instant; the child process only counts them."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def out(tmp_path):
    deliver(tmp_path / "out", OLD)
    return tmp_path / "out"


def test_a_delivery_replaces_adds_and_removes(out):
    holds(out, OLD)
    deliver(out, NEW)
    holds(out, NEW)


def test_an_unchanged_file_is_not_replaced(out):
    before = (out / "same/same.csv").stat()
    deliver(out, NEW)
    after = (out / "same/same.csv").stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)  # reading it changes another time
    assert (out / "a.parquet").stat().st_ino != before.st_ino


def test_a_file_that_was_modified_since_the_last_export_is_replaced(out):
    (out / "same/same.csv").write_bytes(b"SAME")
    deliver(out, NEW)
    holds(out, NEW)


def test_a_file_may_be_kept_without_being_written_again(out):
    deliver(out, OLD | {"a.parquet": b"new a"}, kept=set(OLD) - {"a.parquet"})
    holds(out, OLD | {"a.parquet": b"new a"})


def test_an_export_that_is_not_committed_changes_nothing(tmp_path, out):
    for directory in (out, tmp_path / "fresh"):
        with pytest.raises(ZeroDivisionError), open_delivery(directory) as delivery:
            delivery.stage("a.parquet").write_bytes(b"x" * (1 // 0))
    holds(out, OLD)
    assert not (tmp_path / "fresh").exists()


def child(directory, number, end):
    """Deliver in a process of its own, in which the call of this number ends as `end` says; returns how it ended."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    calls = 0

    def counted(real):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == number or (end != "kill" and calls > number):
                if end == "kill":
                    os._exit(9)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return call

    for name in CHANGING:
        setattr(os, name, counted(getattr(os, name)))
    try:
        deliver(directory, NEW)
        os._exit(0)
    except StorageError:
        os._exit(74)
    except BaseException:  # noqa: BLE001  # a child never returns into the test
        os._exit(1)


@pytest.mark.parametrize(("end", "code"), [("kill", 9), ("disk full from then on", Exit.STORAGE)])
def test_an_end_at_any_call_leaves_whole_files_and_the_next_delivery_is_complete(tmp_path, out, end, code):
    for number in range(1, 200):
        case = tmp_path / str(number)
        shutil.copytree(out, case)
        ended = child(case, number, end)
        assert_whole(case)
        deliver(case, NEW)
        holds(case, NEW)
        if ended == 0:
            break
        assert ended == code, f"at call {number}"
    assert number > 30


def assert_whole(case):
    visible, manifest = found(case)
    if not (case / STAGING / MANIFEST).exists() and manifest.files.keys() == OLD.keys():
        assert visible == OLD
    for path, data in visible.items():
        assert data in {OLD.get(path), NEW.get(path)}
    assert visible.keys() >= OLD.keys() & NEW.keys()


def test_a_commit_of_a_killed_export_is_completed_by_the_next_even_if_that_fails(out):
    number = 1
    while (out / STAGING / MANIFEST).exists() is False:
        number += 1
        assert child(out, number, "kill") == 9
    with pytest.raises(ZeroDivisionError), open_delivery(out):
        raise ZeroDivisionError
    holds(out, NEW)


def test_a_directory_can_be_held_once(out):
    with open_delivery(out), pytest.raises(TryAgainLaterError), open_delivery(out):
        pass


# Files that no export has written


def refused(directory, contents=NEW):
    before = sorted(directory.rglob("*"))
    with pytest.raises(CannotCreateError) as caught:
        deliver(directory, contents)
    assert sorted(directory.rglob("*")) == before
    return caught.value


def test_a_directory_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    assert "thesis.doc" in refused(tmp_path).cause


def test_hidden_files_are_ignored(tmp_path):
    (tmp_path / ".gitignore").write_text("*")
    deliver(tmp_path, NEW)
    assert (tmp_path / ".gitignore").read_text() == "*"


@pytest.mark.parametrize("data", [b"{}", b"", encode(a_manifest(a_file("victim"))).replace(b"victim", b"../victim")])
def test_a_foreign_manifest_is_refused(tmp_path, data):
    (tmp_path / MANIFEST).write_bytes(data)
    refused(tmp_path)


DELIVER = """
import sys
from pathlib import Path
from ingest.core.errors import CannotCreateError
from ingest.export.delivery import open_delivery
try:
    with open_delivery(Path(sys.argv[1])):
        pass
except CannotCreateError as error:
    print(error.cause)
"""


@pytest.mark.parametrize("place", [MANIFEST, f"{STAGING}/{MANIFEST}"])
@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "link to a fifo"])
def test_a_manifest_that_is_no_file_is_refused_and_not_waited_for(tmp_path, place, kind):
    path = tmp_path / "out" / place
    path.parent.mkdir(parents=True)
    if "fifo" in kind:
        fifo = tmp_path / "fifo" if kind.startswith("link") else path
        os.mkfifo(fifo)
    if kind == "directory":
        path.mkdir()
    elif kind != "fifo":
        path.symlink_to("/dev/zero" if kind == "device" else fifo)
    command = [sys.executable, "-c", DELIVER, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "it is not the manifest of an export, or it is from a newer version\n"


@pytest.mark.parametrize("path", ["new.parquet", "t/d=3/t.parquet"])
def test_a_file_that_no_manifest_names_is_not_replaced(out, path):
    (out / path).parent.mkdir(exist_ok=True)
    (out / path).write_text("mine")
    refused(out, NEW | {path: b"x"})
    assert (out / path).read_text() == "mine"


def test_a_folder_that_no_manifest_names_is_not_written_to(out):
    (out / "mine").mkdir()
    (out / "mine" / "x.parquet").write_text("mine")
    refused(out, NEW | {"mine/d=1/mine.parquet": b"x"})


def test_other_files_beside_exported_ones_are_kept(out):
    (out / "t/d=1/notes.txt").write_text("mine")
    (out / "notes.txt").write_text("mine")
    deliver(out, NEW)
    assert (out / "t/d=1/notes.txt").read_text() == (out / "notes.txt").read_text() == "mine"
    assert not (out / "t/d=1/t.parquet").exists()


@pytest.mark.parametrize("path", ["a.parquet", "t", "t/d=2", MANIFEST, STAGING, "t/d=3"])
def test_links_are_not_followed(tmp_path, out, path):
    victim = tmp_path / "victim"
    if (out / path).is_dir() or path in (STAGING, "t/d=3"):
        if (out / path).exists():
            (out / path).rename(victim)
        else:
            victim.mkdir()
    else:
        (out / path).rename(victim)
    (out / path).symlink_to(victim)
    before = sorted(victim.rglob("*")) if victim.is_dir() else victim.read_bytes()
    refused(out)
    assert (sorted(victim.rglob("*")) if victim.is_dir() else victim.read_bytes()) == before


def test_stale_files_behind_a_link_are_not_removed(tmp_path, out):
    (out / "t/d=1").rename(tmp_path / "victim")
    (out / "t/d=1").symlink_to(tmp_path / "victim")
    with pytest.raises(CannotCreateError):
        deliver(out, NEW)
    assert (tmp_path / "victim" / "t.parquet").read_bytes() == b"old 1"


@pytest.mark.parametrize("kind", ["link", "file", "no parent"])
def test_a_path_that_cannot_be_a_directory_is_refused(tmp_path, kind):
    path = tmp_path / "out"
    if kind == "link":
        (tmp_path / "real").mkdir()
        path.symlink_to(tmp_path / "real")
    elif kind == "file":
        path.write_text("mine")
    else:
        path = path / "deeper"
    with pytest.raises(CannotCreateError), open_delivery(path):
        pass


def test_two_partitions_with_the_same_file_name_are_refused(out):
    with open_delivery(out) as delivery:
        delivery.stage("t/d=3/t.parquet").write_bytes(b"x")
        with pytest.raises(CannotCreateError, match="twice"):
            delivery.stage("t/d=3/t.parquet")


# Access rights


def test_access_rights_are_those_of_the_earlier_export_and_private_at_first(tmp_path):
    old_mask = os.umask(0o077)
    try:
        deliver(tmp_path / "out", OLD)
        assert {p.stat().st_mode & 0o777 for p in (tmp_path / "out").rglob("*")} == {0o600, 0o700}
        for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
            path.chmod(0o750 if path.is_dir() else 0o640)
        deliver(tmp_path / "out", NEW)
    finally:
        os.umask(old_mask)
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "out").rglob("*")} == {0o640, 0o750}


def test_a_manifest_holds_the_time_of_the_export(out):
    assert found(out)[1].generated_at == NOW
    assert isinstance(found(out)[1], Manifest)


# Planted files

VICTIM = b"a file of somebody's"
ELSEWHERE = ["a.parquet", "t/d=1/t.parquet", "t/d=2/t.parquet", "u/v/w.csv"]


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/d=1").mkdir()
    for name in ("t.parquet", "d=1/t.parquet", "a.parquet", "manifest.json"):
        (tmp_path / "outside" / name).write_bytes(VICTIM)
    return tmp_path / "outside"


def is_untouched(outside):
    files = [p for p in outside.rglob("*") if p.is_file()]
    return len(files) == 4 and all(p.read_bytes() == VICTIM for p in files)


def plant_journal(out, contents, *, mode=0o700):
    """A committed journal with its staged files, as an export leaves it that was killed while it renamed."""
    staging = out / STAGING
    for path, data in contents.items():
        (staging / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (staging / "files" / path).write_bytes(data)
    (staging / MANIFEST).write_bytes(encode(a_manifest(*(listed(p, d) for p, d in contents.items()))))
    staging.chmod(mode)


@pytest.mark.parametrize("path", ELSEWHERE)
@pytest.mark.parametrize("linked", ["out", "staged"])
def test_a_journal_moves_nothing_through_a_link(out, outside, path, linked):
    """Each folder of a file in turn is a link: in the directory, and among the staged files."""
    for folder in [*map(str, Path(path).parents)][:-1]:
        shutil.rmtree(out / STAGING, ignore_errors=True)
        plant_journal(out, {path: b"planted"})
        place = (out if linked == "out" else out / STAGING / "files") / folder
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(outside)
        with suppress(CannotCreateError):  # unless the file is not there, so that nothing is moved
            deliver(out, NEW)
        assert is_untouched(outside)
        assert b"planted" not in found(out)[0].values()
        if place.is_symlink():
            place.unlink()


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_only_a_regular_file_is_moved_into_place(out, outside, kind):
    plant_journal(out, {"a.parquet": b"planted"})
    planted = out / STAGING / "files/a.parquet"
    planted.unlink()
    {"link": lambda: planted.symlink_to(outside / "a.parquet"), "fifo": lambda: os.mkfifo(planted),
     "folder": planted.mkdir}[kind]()  # fmt: skip
    with pytest.raises(CannotCreateError):
        deliver(out, NEW)
    assert (out / "a.parquet").read_bytes() == OLD["a.parquet"]
    assert is_untouched(outside)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_staging_directory_that_others_may_write_to_is_refused(out, mode):
    plant_journal(out, NEW, mode=mode)
    with pytest.raises(CannotCreateError, match="was not written by an export"):
        deliver(out, NEW)
    assert found(out)[0] == OLD


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_staging_directory_of_somebody_else_is_refused(out):
    plant_journal(out, NEW)
    os.chown(out / STAGING, 4711, 4711)
    with pytest.raises(CannotCreateError, match="was not written by an export"):
        deliver(out, NEW)
    assert found(out)[0] == OLD


def test_a_journal_of_this_user_is_completed(out):
    plant_journal(out, NEW)
    with open_delivery(out):
        pass
    holds(out, NEW)


@pytest.mark.parametrize("place", [MANIFEST, f"{STAGING}/{MANIFEST}"])
@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "folder", "large"])
def test_a_manifest_that_is_no_file_is_named_and_not_waited_for(out, outside, place, kind):
    if place != MANIFEST:
        plant_journal(out, NEW)
    (out / place).unlink()
    if kind == "fifo":
        os.mkfifo(out / place)
    elif kind == "folder":
        (out / place).mkdir()
    elif kind == "large":
        with (out / place).open("wb") as file:
            file.truncate(2**33)
    else:
        (out / place).symlink_to(outside / ("manifest.json" if kind == "link" else "nowhere"))
    with pytest.raises(CannotCreateError) as error:
        deliver(out, NEW)
    assert str(out / place) in error.value.what
    assert is_untouched(outside)
