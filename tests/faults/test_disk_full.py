"""The real command on a disk that is full, over quota, broken or read-only: told in three lines, and nothing is lost.

The long form lets each call fail, and fills a real file system (root only):
``pytest -m long tests/faults/test_disk_full.py``.
"""

import errno
import os
import resource
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from support.commands import without_privileges
from support.faulty_runs import (
    ONE_BY_ONE,
    PUBLISHING,
    STORAGE,
    Fault,
    begun_place,
    calls_of,
    committed,
    complete_state,
    died_place,
    find,
    fresh_place,
    published,
    survives,
    wrong_with,
)

pytestmark = pytest.mark.long

CANNOT_CREATE = 73
FULL, QUOTA, BROKEN, READ_ONLY = errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS
SIZES = 12


@pytest.fixture(scope="module")
def begun(tmp_path_factory, simulation):
    return begun_place(tmp_path_factory.mktemp("full"), simulation.base_url)


@pytest.fixture(scope="module")
def fresh(begun):
    return fresh_place(begun)


@pytest.fixture(scope="module")
def died(begun):
    return died_place(begun)


@pytest.fixture(scope="module")
def complete(begun):
    return complete_state(begun)


@pytest.fixture(scope="module")
def calls(begun):
    return calls_of(begun, *ONE_BY_ONE)


def assert_told(done):
    """In three lines and no others, but for warnings before them."""
    *_, what, cause, fix = ["", "", *done.err.splitlines()]
    assert what.startswith("orusage: "), done.err
    assert cause.startswith("  cause: "), done.err
    assert fix.startswith("  fix:   "), done.err
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err


def fails(case, complete, done, codes):
    """It is told, and survived."""
    if done.code:
        assert_told(done)
    survives(case, complete, done, codes)


# By the shim: from a call on, everything fails

PLACES = {
    "at the lock": ("write", "lock", 0),
    "at the lock, and nothing more": ("create", "copy.duckdb", 0),
    "in the copy": ("write", "copy.duckdb", 0),
    "at the copy's name": ("rename", ".duckdb", 0),
    "at the log": ("create", ".duckdb.wal", 0),
    "in the first commit": ("write", ".duckdb.wal", 0),
    "in a batch": ("write", ".duckdb.wal", 4),
    "at the clone": ("create", "next.duckdb", 0),
    "in the clone": ("write", "next.duckdb", 0),
    "in the clone's log": ("write", "next.duckdb.wal", 0),
    "in a checkpoint": ("write", "next.duckdb", 2),
    "in the header of a checkpoint": ("write", "next.duckdb", -1),
    "at the note": ("create", "publishing", 0),
    "at the rename": ("rename", "orusage.duckdb", 0),
    "at the removal of the work copy": ("unlink", ".duckdb", -1),
}
ERRORS = (FULL, QUOTA, BROKEN, READ_ONLY)


@pytest.mark.parametrize(
    ("where", "error"),
    [(where, ERRORS[n % 4]) for n, where in enumerate(PLACES)],
    ids=[f"{where}, {errno.errorcode[ERRORS[n % 4]]}" for n, where in enumerate(PLACES)],
)
def test_everything_fails_from_then_on(begun, complete, calls, where, error):
    case = begun.case()
    done = case.run(Fault(find(calls, *PLACES[where]), f"full:{error}"), *ONE_BY_ONE)
    fails(case, complete, done, {STORAGE})


def each(place, complete, faults, options, codes):
    wrong = {}
    assert faults
    for fault in faults:
        case = place.case()
        done = case.run(fault, *options)
        try:
            fails(case, complete, done, codes)
        except Exception as error:  # noqa: BLE001  # each failing fault is named
            wrong[f"{fault}, {[c for c in case.calls if c.number == fault.at]}"] = error
    assert not wrong, wrong_with(wrong)


@pytest.mark.parametrize("errors", [(FULL,), (QUOTA, BROKEN, READ_ONLY)], ids=["full", "over quota, broken, read-only"])
@pytest.mark.parametrize("state", ["fresh", "begun", "died"])
def test_everything_fails_from_each_call_on(request, complete, state, errors):
    """Of several errors each call has one."""
    place = request.getfixturevalue(state)
    numbers = [c.number for c in calls_of(place, *ONE_BY_ONE) if c.name != "mkdir" or state == "fresh"]
    faults = [Fault(n, f"full:{errors[n % len(errors)]}") for n in numbers]
    each(place, complete, faults, ONE_BY_ONE, {STORAGE, 0})


@pytest.mark.parametrize("name", ["create", "rename", "unlink", "truncate", "chmod", "chown", "mkdir"])
@pytest.mark.parametrize("state", ["fresh", "begun", "died"])
def test_each_other_call_fails_once(request, complete, state, name):
    place = request.getfixturevalue(state)
    numbers = [c.number for c in calls_of(place, *ONE_BY_ONE) if c.name == name]
    if not numbers:
        pytest.skip(f"a run that begins like this does no {name}")
    each(place, complete, [Fault(n, f"fail:{BROKEN}") for n in numbers], ONE_BY_ONE, {STORAGE, 0})


@pytest.mark.parametrize("name", ["create", "rename", "unlink"])
def test_each_other_call_fails_once_in_a_run_that_publishes_after_each_commit(begun, complete, name):
    numbers = [c.number for c in calls_of(begun, *PUBLISHING) if c.name == name]
    each(begun, complete, [Fault(n, f"fail:{BROKEN}") for n in numbers], PUBLISHING, {STORAGE, 0})


# By a limit of the kernel


@pytest.mark.parametrize("share", [n / SIZES for n in range(SIZES)], ids="{:.2f}".format)
@pytest.mark.parametrize("state", ["fresh", "begun"])
def test_files_may_not_grow_beyond(request, complete, state, share):
    if state == "fresh" and round(share * SIZES) % 3:
        pytest.skip("every third suffices")
    place = request.getfixturevalue(state)
    limit = int(share * grown_to(place, complete))
    case = place.case()
    done = case.run(None, *ONE_BY_ONE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    fails(case, complete, done, {STORAGE})


LARGEST = {}


def grown_to(place, complete):
    """The size of the largest file there is in a run."""
    if place.directory not in LARGEST:
        LARGEST[place.directory] = max(c.length for c in calls_of(place, *ONE_BY_ONE) if c.name == "write")
    return LARGEST[place.directory]


# A night on which there is nothing to do


def test_a_night_without_news_on_a_full_disk_harms_nothing(begun):
    case = begun.case()
    assert case.run().code == 0
    assert case.run().code == 0  # by now the log is known to be unchanged
    before = case.warehouse.read_bytes()
    done = case.run(Fault(1, f"full:{FULL}", "write"))
    assert done.code in {0, STORAGE}, done.err
    if done.code:
        assert_told(done)
    assert case.warehouse.read_bytes() == before
    assert case.left() == ["lock"]


# A directory that is not ours to write


@contextmanager
def read_only(*directories):
    for directory in directories:
        directory.chmod(0o500)
    try:
        yield
    finally:
        for directory in directories:
            directory.chmod(0o700)


@pytest.mark.parametrize("state", ["fresh", "begun"])
def test_a_directory_that_is_not_ours_to_write(request, complete, state):
    under, place = without_privileges(), request.getfixturevalue(state)
    case = place.case()
    directories = [case.folder, case.folder / "orusage.duckdb.work"]
    with read_only(*[d for d in directories if d.exists()]):
        done = case.run(under=under)
    fails(case, complete, done, {CANNOT_CREATE})


def test_a_lock_that_is_not_ours_to_open(begun, complete):
    under, case = without_privileges(), begun.case()
    lock = case.folder / "orusage.duckdb.work" / "lock"
    lock.chmod(0o000)
    done = case.run(under=under)
    lock.chmod(0o600)
    fails(case, complete, done, {CANNOT_CREATE})


# A real file system


@contextmanager
def mounted(directory, size):
    """A file system of its own, of so many bytes; skips the test where that is not allowed."""
    options = f"size={size},mode=0700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed: {done.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def remount(directory, options):
    subprocess.run(["mount", "-o", f"remount,{options}", directory], check=True)


@contextmanager
def on_its_own_disk(place, size):
    """A copy of the place whose warehouse is on a disk of that size beyond what it takes."""
    case = place.case()
    kept = case.directory / "kept"
    case.folder.rename(kept)
    case.folder.mkdir()
    taken = sum(-(-path.stat().st_size // 4096) * 4096 for path in kept.rglob("*") if path.is_file())
    with mounted(case.folder, taken + 16384 + size):
        shutil.copytree(kept, case.folder, dirs_exist_ok=True)
        yield case


@pytest.mark.parametrize("size", [n * 512 * 1024 for n in range(SIZES)], ids="{:,} bytes".format)
@pytest.mark.parametrize("state", ["fresh", "begun", "died"])
def test_a_file_system_has_no_more_than(request, complete, state, size):
    if not shutil.which("mount") or os.geteuid():
        pytest.skip("only root may mount")
    with on_its_own_disk(request.getfixturevalue(state), size) as case:
        done = case.run(None, *ONE_BY_ONE)
        before = committed(case)
        remount(case.folder, "size=64m")
        fails(case, complete, done, {STORAGE, 0})
        assert published(case).asked.items() >= before.asked.items()


@pytest.mark.parametrize("state", ["fresh", "begun", "died"])
def test_a_file_system_that_is_mounted_read_only(request, complete, state):
    if not shutil.which("mount") or os.geteuid():
        pytest.skip("only root may mount")
    with on_its_own_disk(request.getfixturevalue(state), 16 * 2**20) as case:
        remount(case.folder, "ro")
        done = case.run(None, *ONE_BY_ONE)
        remount(case.folder, "rw")
        fails(case, complete, done, {STORAGE})
