"""Writes of the real command that end in the middle, fail, or are never brought to the disk: all of it is recovered.

The control proves that the same faults do harm a file that is checkpointed in place. The long form takes each write
of a run, and each of a run that publishes after each commit: ``pytest -m long tests/faults/test_torn_writes.py``.
"""

import errno
import subprocess
import sys

import duckdb
import pytest
from support.commands import environment
from support.faulty_runs import (
    KILLED,
    ONE_BY_ONE,
    PUBLISHING,
    STORAGE,
    Fault,
    begun_place,
    calls_of,
    complete_state,
    died_place,
    find,
    survives,
    wrong_with,
)

pytestmark = pytest.mark.long

LENGTHS = ("0", "1", "half", "4096", "most", "all")


@pytest.fixture(scope="module")
def begun(tmp_path_factory, simulation):
    return begun_place(tmp_path_factory.mktemp("torn"), simulation.base_url)


@pytest.fixture(scope="module")
def died(begun):
    return died_place(begun)


@pytest.fixture(scope="module")
def complete(begun):
    return complete_state(begun)


@pytest.fixture(scope="module")
def calls(begun):
    return calls_of(begun, *ONE_BY_ONE)


# Some of them

WRITES = {
    "who holds the lock": ("write", "lock"),
    "the copy": ("write", "copy.duckdb"),
    "the header of the log": ("write", ".duckdb.wal", 0),
    "a batch": ("write", ".duckdb.wal", 4),
    "the clone": ("write", "next.duckdb", 0),
    "the clone's log": ("write", "next.duckdb.wal", 0),
    "the mark of a checkpoint": ("write", "next.duckdb.wal", -1),
    "the first block of a checkpoint": ("write", "next.duckdb", 1),
    "the last block of a checkpoint": ("write", "next.duckdb", -2),
    "the header of a checkpoint": ("write", "next.duckdb", -1),
    "the note of the publish": ("write", "publishing"),
}
SYNCS = {
    "the copy": ("fsync", "copy.duckdb"),
    "the working directory": ("fsync", ".work"),
    "a batch": ("fsync", ".duckdb.wal", 4),
    "the clone": ("fsync", "next.duckdb", -1),
    "the note of the publish": ("fsync", "publishing"),
    "the directory of the published file": ("fsync", "/w"),
}


@pytest.mark.parametrize(("write", "length"), [(w, LENGTHS[n % 5]) for n, w in enumerate(WRITES)])
def test_torn_in(begun, complete, calls, write, length):
    case = begun.case()
    done = case.run(Fault(find(calls, *WRITES[write]), f"tear:{length}"), *ONE_BY_ONE)
    survives(case, complete, done, {KILLED})


@pytest.mark.parametrize("write", ["the copy", "a batch", "the clone's log", "the first block of a checkpoint"])
def test_half_written_and_the_disk_is_full_from_then_on(begun, complete, calls, write):
    case = begun.case()
    done = case.run(Fault(find(calls, *WRITES[write]), f"full:{errno.ENOSPC}"), *ONE_BY_ONE)
    survives(case, complete, done, {STORAGE})


@pytest.mark.parametrize("sync", SYNCS)
def test_never_brought_to_the_disk(begun, complete, calls, sync):
    case = begun.case()
    done = case.run(Fault(find(calls, *SYNCS[sync]), f"fail:{errno.EIO}"), *ONE_BY_ONE)
    survives(case, complete, done, {STORAGE})


# All of them


def each(place, complete, faults, options, codes):
    """Every fault, each from the same beginning; all that went wrong is named."""
    wrong = {}
    assert faults
    for fault in faults:
        case = place.case()
        done = case.run(fault, *options)
        try:
            survives(case, complete, done, codes)
        except Exception as error:  # noqa: BLE001  # each failing fault is named
            wrong[f"{fault}, {[c for c in case.calls if c.number == fault.at]}"] = error
    assert not wrong, wrong_with(wrong)


def of(calls, name):
    return [call.number for call in calls if call.name == name]


@pytest.mark.parametrize("length", LENGTHS)
def test_each_write_of_a_run_is_torn(begun, complete, calls, length):
    each(begun, complete, [Fault(n, f"tear:{length}") for n in of(calls, "write")], ONE_BY_ONE, {KILLED})


@pytest.mark.parametrize("length", ["1", "half"])
def test_each_write_of_a_recovery_is_torn(died, complete, length):
    writes = of(calls_of(died, *ONE_BY_ONE), "write")
    each(died, complete, [Fault(n, f"tear:{length}") for n in writes], ONE_BY_ONE, {KILLED})


def test_each_write_of_a_run_that_publishes_after_each_commit_is_torn(begun, complete):
    writes = of(calls_of(begun, *PUBLISHING), "write")
    each(begun, complete, [Fault(n, "tear:half") for n in writes], PUBLISHING, {KILLED})


def test_the_disk_is_full_from_each_write_of_a_run_on(begun, complete, calls):
    each(begun, complete, [Fault(n, f"full:{errno.ENOSPC}") for n in of(calls, "write")], ONE_BY_ONE, {STORAGE})


@pytest.mark.parametrize("options", [ONE_BY_ONE, PUBLISHING], ids=["a run", "a run that publishes each commit"])
def test_each_sync_fails_in(begun, complete, options):
    syncs = of(calls_of(begun, *options), "fsync")
    each(begun, complete, [Fault(n, f"fail:{errno.EIO}") for n in syncs], options, {STORAGE})


# The control

IN_PLACE = """
import duckdb, sys
with duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"}) as connection:
    connection.execute("CHECKPOINT")
"""


def test_the_same_bytes_checkpointed_in_place_do_not_open_again(died, tmp_path):
    [work] = (died.folder / "orusage.duckdb.work").glob("work-*.duckdb")
    file, log = tmp_path / "w" / "plain.duckdb", tmp_path / "w" / "plain.duckdb.wal"
    file.parent.mkdir()
    harmed, torn = [], 0
    for at in range(1, 40):
        file.write_bytes(work.read_bytes())
        log.write_bytes(work.with_name(f"{work.name}.wal").read_bytes())
        variables = {"LD_PRELOAD": str(died.shim), "SHIM_DIR": str(file.parent), "SHIM_ONLY": "write"}
        variables |= {"SHIM_AT": str(at), "SHIM_DO": "tear:4096"}
        done = subprocess.run([sys.executable, "-c", IN_PLACE, file], env=environment(**variables), check=False)
        if done.returncode != KILLED:
            break
        torn += 1
        try:
            duckdb.connect(file).close()
        except duckdb.Error:
            harmed.append(at)
    assert torn >= 3
    assert harmed, "if this file is never harmed, the tests above prove nothing"
