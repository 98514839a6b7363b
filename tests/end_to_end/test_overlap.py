"""Several runs of the installed command on one warehouse: one works, the others say who does and leave at once."""

import json
import os
import re
import signal

import pytest
from support.commands import LOCKED, assert_three_lines, is_waiting_for, wait_until
from support.logs import new_ids, write_log
from support.long_form import long
from support.simulators import stoppable_simulator
from support.warehouse_files import assert_each_once, holder_of, lock_of, modes_below, wait_until_held, work_of

# Commands under way


# What they leave


def assert_was_told_who_runs(done, holder):
    """Which process holds the lock, and since when."""
    assert (done.code, done.out) == (LOCKED, "")
    assert_three_lines(done.err)
    assert re.search(rf"\b{holder}\b", done.err)
    assert re.search(r"since \S*\d\d:\d\d", done.err)


# Started together


def start_together(start, server, count, *arguments):
    """Start so many runs over the same logs. The simulator does not answer before all but one have ended."""
    server.stop()
    runs = [start("ingest", *arguments, "--base-url", server.base_url, "--summary", "json") for _ in range(count)]
    wait_until(lambda: sum(run.has_ended for run in runs) >= count - 1)
    [winner] = [run for run in runs if not run.has_ended] or [None]
    losers = [run for run in runs if run is not winner]
    times = [run.seconds for run in losers]
    refused = [run.end() for run in losers]
    server.go_on()
    assert winner, [each.err for each in refused]
    return winner.pid, winner.end(), refused, times


def seconds_together(start, count, *arguments):
    """What so many commands take that read the same logs and wait for nobody, the quickest, in seconds."""
    runs = [start("ingest", *arguments, "--dry-run") for _ in range(count)]
    wait_until(lambda: all([run.has_ended for run in runs]))  # noqa: C419  # each is looked at, and its time taken
    assert [run.end().code for run in runs] == [0] * count
    return min(run.seconds for run in runs)


def forget(warehouse, *others):
    """Remove the warehouse, its work directory and these."""
    for path in (warehouse, *work_of(warehouse).glob("*"), *others):
        path.unlink(missing_ok=True)
    if work_of(warehouse).exists():
        work_of(warehouse).rmdir()


def overlap(start, server, warehouse, rounds, count):
    """Night after night so many runs begin together, every other time on a new warehouse."""
    folder, ids, waited, asked = warehouse.parent / "logs", [], [], 0
    for number in range(rounds):
        if number % 2 == 0:
            ids, asked = [], server.served()["requests"]
            forget(warehouse, *folder.glob("*"))
        fresh = new_ids(6, seed=1000 + number)
        ids += fresh
        write_log(folder / f"{number}.log", fresh)
        holder, done, refused, times = start_together(start, server, count, "logs")
        assert (done.code, done.json["settled"], done.json["requests"]) == (0, 6, 6), done.err
        for each in refused:
            assert_was_told_who_runs(each, holder)
        waited += times
        assert server.served()["requests"] - asked == len(ids)
        assert_each_once(warehouse, ids)
    assert min(waited) < seconds_together(start, count, "logs") + 1


@pytest.mark.long
def test_of_two_runs_that_begin_together_one_works_and_the_other_leaves_at_once(start, server, warehouse):
    overlap(start, server, warehouse, rounds=2, count=2)


def test_of_five_runs_that_begin_together_one_works(start, server, warehouse):
    overlap(start, server, warehouse, rounds=1, count=5)


@pytest.mark.long
def test_of_fifty_pairs_that_begin_together_one_each_works(start, server, warehouse):
    overlap(start, server, warehouse, rounds=50, count=2)


@pytest.mark.long
def test_of_ten_times_five_runs_that_begin_together_one_each_works(start, server, warehouse):
    overlap(start, server, warehouse, rounds=10, count=5)


# While one runs


@pytest.fixture
def holder(ingest, server, warehouse, tmp_path):
    """A run that has the lock, and keeps it for as long as the simulator is stopped."""
    log = write_log(tmp_path / "first.log", new_ids(6))
    server.stop()
    run = ingest(log)
    wait_until_held(warehouse, run)
    return run


def test_a_second_run_says_who_holds_the_warehouse_since_when_and_does_not_wait(
    ingest, server, start, warehouse, holder, tmp_path
):
    log = write_log(tmp_path / "second.log", new_ids(6, seed=2))
    before = sorted(path.name for path in work_of(warehouse).iterdir())
    runs = []
    for _ in range(2):
        runs.append(ingest(log))
        assert_was_told_who_runs(runs[-1].end(), holder.pid)
    assert not holder.has_ended
    assert sorted(path.name for path in work_of(warehouse).iterdir()) == before
    assert holder_of(warehouse) == holder.pid
    assert min(run.seconds for run in runs) < min(seconds_together(start, 1, log) for _ in range(2)) + 0.5
    server.go_on()
    assert holder.end().code == 0
    done = ingest(log).end()
    assert (done.code, done.json["settled"]) == (0, 6)
    assert server.served()["requests"] == 12


def test_the_lock_file_tells_of_its_holder_in_one_line(warehouse, holder):
    [line] = lock_of(warehouse).read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert told["pid"] == holder.pid
    assert "ingest" in told["command"]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", told["since"])


@pytest.mark.long
def test_a_run_over_the_same_logs_waits_for_its_turn_and_finds_nothing_to_do(
    ingest, server, warehouse, holder, tmp_path
):
    waiting = ingest("first.log", "--lock-timeout", "10m")
    wait_until(lambda: waiting.has_ended or is_waiting_for(waiting, lock_of(warehouse)))
    assert not waiting.has_ended, waiting.said()
    server.go_on()
    first, second = holder.end(), waiting.end()
    assert (first.code, first.json["settled"]) == (0, 6)
    assert (second.code, second.json["settled"], second.json["requests"]) == (0, 0, 0)
    assert server.served()["requests"] == 6
    assert_each_once(warehouse, new_ids(6))


def test_runs_that_wait_for_their_turn_all_have_it(ingest, server, warehouse, holder, tmp_path):
    logs = [write_log(tmp_path / f"{n}.log", new_ids(3, seed=n)) for n in (2, 3, 4)]
    waiting = [ingest(log, "--lock-timeout", "10m") for log in logs]
    for run in waiting:
        wait_until(lambda run=run: run.has_ended or is_waiting_for(run, lock_of(warehouse)))
        assert not run.has_ended, run.said()
    server.go_on()
    assert [run.end().code for run in (holder, *waiting)] == [0] * 4
    assert_each_once(warehouse, [*new_ids(6), *(i for n in (2, 3, 4) for i in new_ids(3, seed=n))])


def test_a_run_that_waited_as_long_as_it_may_is_for_later(ingest, warehouse, holder, tmp_path):
    log = write_log(tmp_path / "second.log", new_ids(6, seed=2))
    waiting = ingest(log, "--lock-timeout", "1s")
    assert_was_told_who_runs(waiting.end(), holder.pid)
    assert waiting.seconds >= 1
    assert not holder.has_ended


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting_for_a_lock_at_once(ingest, warehouse, holder, tmp_path, number, code):
    log = write_log(tmp_path / "second.log", new_ids(6, seed=2))
    waiting = ingest(log, "--lock-timeout", "1h")
    wait_until(lambda: waiting.has_ended or is_waiting_for(waiting, lock_of(warehouse)))
    waiting.send(number)
    done = waiting.end(10)
    assert (done.code, done.out) == (code, "")
    assert_three_lines(done.err)
    assert not holder.has_ended


def test_a_run_that_is_killed_frees_the_warehouse_at_once(ingest, server, warehouse, holder):
    waiting = ingest("first.log", "--lock-timeout", "10m")
    wait_until(lambda: waiting.has_ended or is_waiting_for(waiting, lock_of(warehouse)))
    assert not waiting.has_ended, waiting.said()
    holder.kill()
    server.go_on()
    done = waiting.end()
    assert (done.code, done.json["settled"]) == (0, 6)
    again = ingest("first.log").end()
    assert (again.code, again.json["requests"]) == (0, 0)
    assert_each_once(warehouse, new_ids(6))


SOMEBODY = b'{"pid": 1, "command": "init", "since": "now"}\n'


@pytest.mark.parametrize("left", [SOMEBODY, b"x" * 100_000, long(b""), long(b"\0" * 10)])
def test_what_stands_in_a_lock_file_that_nobody_holds_does_not_matter(ingest, warehouse, tmp_path, left):
    work_of(warehouse).mkdir(mode=0o700)
    lock_of(warehouse).write_bytes(left)
    log = write_log(tmp_path / "app.log", new_ids(5))
    done = ingest(log).end()
    assert (done.code, done.json["settled"]) == (0, 5), done.err
    assert len(lock_of(warehouse).read_bytes()) < 1000


def test_what_the_key_command_leaves_running_does_not_hold_the_warehouse(ingest, warehouse, tmp_path):
    log, noted = write_log(tmp_path / "app.log", new_ids(5)), tmp_path / "noted"
    shell = f"sleep 600 >/dev/null 2>&1 & echo $! >{noted}; echo sk-or-v1-0123456789abcdef-test"
    try:
        assert ingest(log, "--api-key-command", f"sh -c '{shell}'", OPENROUTER_API_KEY=None).end().code == 0
        write_log(log, new_ids(5, seed=2))
        assert ingest(log).end().code == 0
    finally:
        os.kill(int(noted.read_text()), signal.SIGKILL)


@pytest.mark.long
def test_warehouses_side_by_side_do_not_wait_for_each_other(ingest, start, server, holder, tmp_path):
    log = write_log(tmp_path / "second.log", new_ids(5, seed=2))
    with stoppable_simulator() as other:
        done = start("-w", "other.duckdb", "ingest", log, "--base-url", other.base_url, "--summary", "json").end()
    assert (done.code, done.json["settled"]) == (0, 5)
    assert not holder.has_ended


@pytest.mark.parametrize("is_there", [False, pytest.param(True, marks=pytest.mark.long)])
def test_two_names_of_one_warehouse_are_one_warehouse(ingest, start, server, tmp_path, is_there):
    (tmp_path / "data").mkdir()
    real, link, ids = tmp_path / "data/real.duckdb", tmp_path / "link.duckdb", new_ids(6)
    if is_there:
        assert start("-w", real, "ingest", write_log(tmp_path / "0.log", ids[:2]), "--base-url", server.base_url).end()
    link.symlink_to("data/real.duckdb")
    log, other = write_log(tmp_path / "app.log", ids[:3]), write_log(tmp_path / "other.log", ids[3:])
    server.stop()
    first = start("-w", "link.duckdb", "ingest", log, "--base-url", server.base_url)
    wait_until(lambda: first.has_ended or any(holder_of(path) == first.pid for path in (real, link)))
    assert not first.has_ended, first.said()
    names = ("data/real.duckdb", "link.duckdb", real, tmp_path / "data/../link.duckdb")
    for run in [start("-w", name, "ingest", other, "--base-url", server.base_url) for name in names]:
        assert_was_told_who_runs(run.end(), first.pid)
    server.go_on()
    assert first.end().code == 0
    assert start("-w", real, "ingest", other, "--base-url", server.base_url).end().code == 0
    assert link.is_symlink()
    assert_each_once(real, ids)


# Of the wrong kind


def a_victim(folder):
    """A file and a directory of somebody else."""
    (folder / "victims").mkdir(parents=True)
    (folder / "victims/file").write_text("mine")
    return folder / "victims"


def seen_in(folder):
    """All that is below a directory, with what it holds."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


def work_is_a_file(work, _):
    work.write_text("mine")


def work_links_to_a_directory(work, victims):
    work.symlink_to(victims)


def work_links_to_nothing(work, victims):
    work.symlink_to(victims / "nothing")


def lock_is_a_directory(work, _):
    work.mkdir(mode=0o700)
    (work / "lock").mkdir()


def lock_is_a_pipe(work, _):
    work.mkdir(mode=0o700)
    os.mkfifo(work / "lock")


def lock_links_to_a_file(work, victims):
    work.mkdir(mode=0o700)
    (work / "lock").symlink_to(victims / "file")


def lock_links_to_nothing(work, victims):
    work.mkdir(mode=0o700)
    (work / "lock").symlink_to(victims / "nothing")


SPOILT = [
    work_is_a_file,
    work_links_to_a_directory,
    work_links_to_nothing,
    lock_is_a_directory,
    lock_is_a_pipe,
    lock_links_to_a_file,
    lock_links_to_nothing,
]


@pytest.mark.parametrize(
    ("spoil", "is_there"),
    [
        *((spoil, spoil is lock_links_to_a_file) for spoil in SPOILT),
        *(long(spoil, spoil is not lock_links_to_a_file) for spoil in SPOILT),
    ],
)
def test_a_lock_of_the_wrong_kind_is_an_error_and_nothing_is_written_through_a_link(
    ingest, server, warehouse, tmp_path, spoil, is_there
):
    if is_there:
        assert ingest(write_log(tmp_path / "before.log", new_ids(5))).end().code == 0
        for path in work_of(warehouse).glob("*"):
            path.unlink()
        if work_of(warehouse).exists():
            work_of(warehouse).rmdir()
    victims = a_victim(tmp_path)
    spoil(work_of(warehouse), victims)
    log = write_log(tmp_path / "app.log", new_ids(5, seed=2))
    before, asked = seen_in(tmp_path), server.served()["requests"]
    done = ingest(log, "--lock-timeout", "2s").end()
    assert done.code not in (0, 1, 2, 3)
    assert done.out == ""
    assert_three_lines(done.err)
    assert seen_in(tmp_path) == before
    assert server.served()["requests"] == asked


@pytest.mark.parametrize("umask", [0o000, *map(long, (0o022, 0o077, 0o277))])
def test_the_work_directory_is_private_whatever_the_umask(ingest, server, warehouse, tmp_path, umask):
    log = write_log(tmp_path / "app.log", new_ids(6))
    server.stop()
    run = ingest(log, umask=umask)
    wait_until_held(warehouse, run)
    assert modes_below(work_of(warehouse)) <= {("", 0o700), ("lock", 0o600), ("work", 0o600)}
    server.go_on()
    assert run.end().code == 0
    assert modes_below(work_of(warehouse)) <= {("", 0o700), ("lock", 0o600)}


@pytest.mark.long
def test_after_a_good_end_only_the_lock_is_left(ingest, warehouse, tmp_path):
    for seed in (1, 2):
        assert ingest(write_log(tmp_path / "app.log", new_ids(5, seed=seed))).end().code == 0
        assert [path.name for path in work_of(warehouse).iterdir()] == ["lock"]
