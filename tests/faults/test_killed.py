"""The real command, killed at every call that changes a file, in a run, in its publishes, and in its recoveries.

Judged by `fault_shim.survives`. The short form kills at named points; the long one, some 450 kills:
``pytest -m long tests/faults/test_killed.py``.
"""

import errno
import random
import subprocess
import time

import duckdb
import pytest
from support.faulty_runs import (
    BEFORE,
    IDS,
    KILLED,
    ONE_BY_ONE,
    PUBLISHING,
    STORAGE,
    Fault,
    begun_place,
    calls_of,
    committed,
    complete_state,
    died_place,
    ends_within_publish,
    find,
    fresh_place,
    published,
    survives,
    wrong_with,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def begun(tmp_path_factory, simulation):
    return begun_place(tmp_path_factory.mktemp("killed"), simulation.base_url)


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


@pytest.fixture(scope="module")
def calls_of_recovery(died):
    return calls_of(died, *ONE_BY_ONE)


# Named points

POINTS = {
    "the directory is there": ("mkdir", ".work"),
    "a copy is begun": ("create", "copy.duckdb"),
    "the copy has its name": ("rename", ".duckdb", 0),
    "the log is there": ("create", ".duckdb.wal"),
    "the first commit is on the disk": ("fsync", ".duckdb.wal", 0),
    "the found IDs are on the disk": ("fsync", ".duckdb.wal", 1),
    "a batch is on the disk": ("fsync", ".duckdb.wal", 4),
    "the clone is begun": ("create", "next.duckdb"),
    "the clone has its bytes": ("create", "next.duckdb.wal"),
    "a checkpoint writes": ("write", "next.duckdb", 1),
    "a checkpoint writes its header": ("write", "next.duckdb", -1),
    "a checkpoint removes its log": ("unlink", "next.duckdb.wal", -1),
    "the clone is verified": ("chmod", "next.duckdb"),
    "the clone is on the disk": ("fsync", "next.duckdb", -1),
    "the publish is noted": ("write", "publishing"),
    "the clone is renamed": ("rename", "orusage.duckdb"),
    "the rename is on the disk": ("fsync", "/w", -1),
    "the work copy is removed": ("unlink", ".duckdb", -1),
    "the work copy's log is removed": ("unlink", ".duckdb.wal", -1),
    "the note is removed": ("unlink", "publishing"),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_just_before(begun, complete, calls, point):
    case = begun.case()
    done = case.run(Fault(find(calls, *POINTS[point]), "kill"), *ONE_BY_ONE)
    survives(case, complete, done, {KILLED})


@pytest.mark.parametrize("point", ["the clone has its bytes", "a checkpoint writes its header", "the clone is renamed"])
def test_a_recovery_is_killed_just_before(died, complete, calls_of_recovery, point):
    case, before = died.case(), committed(died)
    done = case.run(Fault(find(calls_of_recovery, *POINTS[point]), "kill"), *ONE_BY_ONE)
    assert committed(case).asked.items() >= before.asked.items()
    survives(case, complete, done, {KILLED})


# Order


def test_nothing_takes_a_name_that_readers_see_before_it_is_on_the_disk(calls):
    def of(name, ending):
        return [find(calls, name, ending, n) for n in range(sum(c[1] == name and c[3].endswith(ending) for c in calls))]

    assert of("write", "copy.duckdb")[-1] < of("fsync", "copy.duckdb")[-1] < of("rename", ".duckdb")[0]
    [renamed] = of("rename", "/w/orusage.duckdb")
    last = max(of("write", "next.duckdb") + of("chmod", "next.duckdb"))
    assert last < max(of("fsync", "next.duckdb")) < renamed
    assert of("write", "publishing")[-1] < of("fsync", "publishing")[-1] < of("fsync", ".work")[-2] < renamed
    assert renamed < of("fsync", "/w")[-1] < of("unlink", ".duckdb")[-1] < of("fsync", ".work")[-1]
    assert of("fsync", ".work")[-1] < of("unlink", ".duckdb.wal")[-1] < of("unlink", "publishing")[-1]


@pytest.mark.parametrize("do", ["kill", f"fail:{errno.EIO}"], ids=["killed before it", "it fails"])
def test_a_rename_that_was_not_brought_to_the_disk_is_so_before_the_work_copy_is_removed(begun, calls, do):
    case = begun.case()
    assert case.run(Fault(find(calls, "fsync", "/w"), do), *ONE_BY_ONE).code in {KILLED, STORAGE}
    work = case.work.name
    assert case.run().code == 0
    assert find(case.calls, "fsync", "/w") < find(case.calls, "unlink", work)


def test_the_file_that_readers_see_is_only_ever_renamed(calls, calls_of_recovery):
    for call in [*calls, *calls_of_recovery]:
        if "/w/orusage.duckdb" in call.path and "/w/orusage.duckdb.work" not in call.path:
            assert call.name == "rename"


# All of them


def killed_at_each(place, complete, options, numbers):
    """Kill a run at each of these calls; returns the calls of each killed run."""
    wrong, runs, settled = {}, [], 0
    for at in numbers:
        case = place.case()
        done = case.run(Fault(at, "kill"), *options)
        runs.append(case.calls)
        try:
            before = survives(case, complete, done, {KILLED})
            assert len(before.usage) >= settled, "a later kill left an earlier state"
            settled = len(before.usage)
        except Exception as error:  # noqa: BLE001  # each failing kill is named
            wrong[f"killed at call {at}, {runs[-1][-1:]}"] = error
    assert not wrong, wrong_with(wrong)
    return runs


@pytest.mark.parametrize(
    ("state", "options", "kills", "in_publishes"),
    [("begun", PUBLISHING, 230, 150), ("fresh", ONE_BY_ONE, 120, 25), ("died", ONE_BY_ONE, 35, 25)],
    ids=["a run that publishes after each commit", "a first run", "a recovery"],
)
def test_killed_at_every_call_of(request, complete, state, options, kills, in_publishes):
    place = request.getfixturevalue(state)
    numbers = [call.number for call in calls_of(place, *options)]
    runs = killed_at_each(place, complete, options, numbers)
    assert len(runs) >= kills
    assert sum(map(ends_within_publish, runs)) >= in_publishes


def test_killed_again_and_again(fresh, complete):
    draw, wrong = random.Random(23), {}
    for number in range(12):
        case, chosen = fresh.case(), []
        for _ in range(4):
            before = committed(case)
            chosen.append(draw.randint(1, 70))
            code = case.run(Fault(chosen[-1], "kill"), *ONE_BY_ONE).code
            assert code in {KILLED, 0}  # the call may come after the end
            assert committed(case).asked.items() >= before.asked.items()
            if code == 0:
                break
        try:
            survives(case, complete, case.run(), {0})
        except Exception as error:  # noqa: BLE001  # each failing chain is named
            wrong[f"chain {number}, killed at calls {chosen}"] = error
    assert not wrong, wrong_with(wrong)


# At any time


def killed_after(place, seconds, *options):
    """Whether it was still running; its calls are noted, and are its own otherwise."""
    with subprocess.Popen(
        place.command(*options),
        cwd=place.directory,
        env=place.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            run.kill()
            return True
        assert run.returncode == 0
        return False


@pytest.mark.parametrize("kills", [2, pytest.param(80)])
def test_killed_at_random_times(begun, complete, kills):
    clean = begun.case()
    started = time.monotonic()
    assert clean.run(None, "--publish-every", "1ms").code == 0
    seconds = time.monotonic() - started
    draw, wrong, killed = random.Random(6), {}, 0
    for number in range(3 * kills):
        case, chosen = begun.case(), draw.uniform(0.2, 1.0)
        killed += killed_after(case, chosen * seconds, "--publish-every", "1ms")
        try:
            survives(case, complete, case.run(), {0})
        except Exception as error:  # noqa: BLE001  # each failing kill is named
            wrong[f"kill {number} after {chosen:.3f} of {seconds:.2f} seconds"] = error
        if killed >= kills:
            break
    assert not wrong, wrong_with(wrong)
    assert killed >= kills


def test_the_oracle_sees_a_lost_a_doubled_and_a_replaced_row(begun, complete):
    for harm in (
        "DELETE FROM generations WHERE generation_id = $id",
        "INSERT INTO generations SELECT * FROM generations WHERE generation_id = $id",
        "DELETE FROM provider_attempts WHERE generation_id = $id AND attempt = 1",
        "INSERT INTO provider_attempts SELECT * FROM provider_attempts WHERE generation_id = $id",
    ):
        case = begun.case()
        with duckdb.connect(case.warehouse) as connection:
            victim = next(i for i in IDS[:BEFORE] if complete.attempts[i])
            connection.execute(harm, {"id": victim})
        with pytest.raises(AssertionError):
            published(case)
