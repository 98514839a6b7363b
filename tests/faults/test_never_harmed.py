"""The real command, killed, torn and starved at every call that changes a file: nothing lost, nothing doubled.

A sample; every call there is, and more kinds of harm, are in the long form, ``pytest -m long``: the files
``test_killed``, ``test_torn_writes`` and ``test_disk_full``.
"""

import errno
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest
from support.commands import environment
from support.fault_shim import KILLED, Fault, Place, build, is_of_publish, survives
from support.logs import new_ids

IDS = new_ids(24, seed=11)
STORAGE = 74
LENGTHS = ("0", "1", "half", "4096", "most", "all")
AT_ONCE = 2
"""So many faulty runs are under way together."""
FULL = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS]


@pytest.fixture(scope="module")
def begun(tmp_path_factory, simulation):
    """A warehouse with half of the IDs, published, and a log with all of them."""
    directory = tmp_path_factory.mktemp("never-harmed")
    place = Place(directory / "begun", build(directory), simulation.base_url)
    place.append(IDS[:12])
    assert place.run().code == 0
    place.append(IDS[12:])
    return place


@pytest.fixture(scope="module")
def fresh(begun):
    """The same before the first run."""
    place = begun.like(begun.directory.parent / "fresh")
    for path in place.folder.iterdir():
        subprocess.run(["rm", "-r", path], check=True)
    return place


@pytest.fixture(scope="module")
def died(begun):
    """The same after a run that was killed before its publish: with a work copy that waits."""
    place = begun.like(begun.directory.parent / "died")
    first = next(c.number for c in calls_of(begun) if c.path.endswith("next.duckdb") and c.name == "write")
    assert place.run(Fault(first, "kill")).code == KILLED
    return place


@pytest.fixture(scope="module")
def complete(begun):
    """What there is in the end, by a run to which nothing happens."""
    place = begun.like(begun.directory.parent / "complete")
    assert place.run().code == 0
    assert set(place.stored()) == set(IDS)
    return place.stored()


CALLS = {}


def calls_of(place):
    """What a run that begins like this place changes, if nothing happens to it."""
    if place.directory not in CALLS:
        clean = place.like(place.directory.parent / "clean")
        assert clean.run().code == 0
        CALLS[place.directory] = clean.calls
    return CALLS[place.directory]


def check(place, complete, faults, codes):
    """Every fault, each from the same beginning; all that went wrong is told."""

    def told(number, fault):
        case = place.like(place.directory.parent / f"{place.directory.name}-{number}")
        problem = survives(case, complete, case.run(fault), codes)
        return f"{fault} ({case.calls_file}): {problem}" if problem else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [each for each in pool.map(told, range(len(faults)), faults) if each]
    assert not wrong, "\n".join(wrong)


def spread(items, count):
    """So many of them, the first and the last among them."""
    items = list(items)
    return [items[i * (len(items) - 1) // max(count - 1, 1)] for i in range(min(count, len(items)))]


# Killed


def test_killed_at_some_calls(begun, complete):
    calls = calls_of(begun)
    publish = [c.number for c in calls if is_of_publish(c)]
    others = [c.number for c in calls if not is_of_publish(c)]
    check(begun, complete, [Fault(n, "kill") for n in spread(publish, 4) + spread(others, 1)], {KILLED})


def test_killed_in_a_first_run_and_in_a_recovery(fresh, died, complete):
    for place in (fresh, died):
        numbers = spread([c.number for c in calls_of(place)], 2)
        check(place, complete, [Fault(n, "kill") for n in numbers], {KILLED})


# Torn


def torn(place, lengths):
    writes = [c for c in calls_of(place) if c.name == "write" and is_of_publish(c)]
    return [Fault(c.number, f"tear:{length}") for c in writes for length in lengths]


def test_some_writes_of_a_publish_are_torn(begun, complete):
    check(begun, complete, spread(torn(begun, LENGTHS), 4), {KILLED})


IN_PLACE = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], config={"storage_compatibility_version": "v1.4.0"})
connection.execute("INSERT INTO t SELECT range, 'some text' FROM range(5000)")
connection.execute("CHECKPOINT")
"""


def test_the_same_does_harm_a_file_that_is_written_in_place(begun, tmp_path):
    folder, harmed = tmp_path / "w", False
    folder.mkdir()
    file = folder / "plain.duckdb"
    for number in range(1, 30):
        file.unlink(missing_ok=True)
        (folder / "plain.duckdb.wal").unlink(missing_ok=True)
        with duckdb.connect(file, config={"storage_compatibility_version": "v1.4.0"}) as connection:
            connection.execute("CREATE TABLE t AS SELECT range AS n, 'text' AS s FROM range(5000)")
        variables = {"LD_PRELOAD": str(begun.shim), "SHIM_DIR": str(folder), "SHIM_ONLY": "write"}
        variables |= {"SHIM_AT": str(number), "SHIM_DO": "tear:4096"}
        done = subprocess.run([sys.executable, "-c", IN_PLACE, file], env=environment(**variables), check=False)
        if done.returncode != KILLED:
            break
        try:
            duckdb.connect(file).close()
        except duckdb.Error:
            harmed = True
            break
    assert harmed, "if this file is never harmed, the tests above prove nothing"


# Full


def failing(place, name, errors, do="fail"):
    count = sum(c.name == name for c in calls_of(place))
    return [Fault(number, f"{do}:{error}", name) for number in range(1, count + 1) for error in errors]


def test_some_writes_and_syncs_fail(begun, complete):
    faults = spread(failing(begun, "write", FULL, "full"), 3) + spread(failing(begun, "fsync", [errno.EIO]), 2)
    check(begun, complete, faults, {STORAGE})


def test_a_failure_is_told_in_three_lines(begun):
    case = begun.like(begun.directory.parent / "case")
    done = case.run(Fault(20, f"full:{errno.ENOSPC}", "write"))
    *_, what, cause, fix = done.err.splitlines()
    assert done.code == STORAGE
    assert what.startswith("orusage: ")
    assert "No space left on device" in cause
    assert fix.startswith("  fix:   ")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("state", ["fresh", "begun"])
def test_files_may_not_grow_beyond_a_limit(request, complete, state):
    place = request.getfixturevalue(state)
    largest = max(p.stat().st_size for p in begun_files(place, complete))
    wrong = []
    for limit in spread([largest * n // 12 for n in range(12)], 3 if state == "begun" else 2):
        case = place.like(place.directory.parent / "case")
        done = case.run(preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        problem = survives(case, complete, done, {STORAGE, 0})
        if problem:
            wrong.append(f"{limit} bytes: {problem}")
    assert not wrong, "\n".join(wrong)


def begun_files(place, complete):
    clean = place.like(place.directory.parent / "clean")
    assert clean.run().code == 0
    return [p for p in clean.folder.rglob("*") if p.is_file()]


# A log that is cut


def test_a_work_copy_whose_log_was_cut_is_gone_on_from(died, complete):
    for share in (0.1, 0.999):
        case = died.like(died.directory.parent / "case")
        [wal] = (case.folder / "orusage.duckdb.work").glob("*.wal")
        os.truncate(wal, int(wal.stat().st_size * share))
        assert case.run().code == 0
        assert case.stored() == complete
