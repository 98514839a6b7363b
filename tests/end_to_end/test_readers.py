"""Whoever reads the warehouse, or meddles with it, while the installed command writes: it opens, and is whole."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from support.commands import ENOUGH, Started, assert_three_lines, is_waiting_for, wait_until
from support.logs import new_ids, write_log
from support.long_form import long
from support.simulators import stoppable_simulator
from support.warehouse_files import assert_each_once, modes_below, rows, state_of, wait_until_held, work_of

DAYS = "SELECT coalesce(sum(generations), 0) FROM cost_daily"


# What a reader must see, whenever it looks


def identity(path):
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


class Session:
    """Somebody in a process of his own who opened the file with DuckDB and asks now and then."""

    CODE = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
print(json.dumps("open"), flush=True)
for line in sys.stdin:
    print(json.dumps(connection.execute(line).fetchall(), default=str), flush=True)
"""

    def __init__(self, path, what):
        command = [sys.executable, "-c", self.CODE, str(path), what]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "open"

    @property
    def pid(self):
        return self.process.pid

    def _answer(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, statement):
        self.process.stdin.write(f"{statement}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(ENOUGH) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(ENOUGH)


@contextmanager
def session(path, what):
    """Opens the file; `what` is reads or writes."""
    opened = Session(path, what)
    try:
        yield opened
        opened.close()
    finally:
        opened.process.kill()
        opened.process.wait(ENOUGH)
        opened.process.stdin.close()
        opened.process.stdout.close()


@pytest.fixture(scope="module")
def after_the_first_night(tmp_path_factory):
    """Where six IDs were in the log and a run is over: the same for many tests, each of which begins with a copy."""
    folder = tmp_path_factory.mktemp("first-night")
    (folder / "app.log").write_text("".join(f"{i}\n" for i in new_ids(6)), encoding="utf-8")
    with stoppable_simulator() as other:
        run = Started(folder, "ingest", "app.log", "--base-url", other.base_url)
        assert run.end().code == 0
    return folder


@pytest.fixture
def night(ingest, tmp_path):
    """One night: these IDs into the log, and a run to its end."""

    def run(ids, *options, code=0):
        with (tmp_path / "app.log").open("a", encoding="utf-8") as log:
            log.writelines(f"{i}\n" for i in ids)
        done = ingest("app.log", *options).end()
        assert done.code == code, done.err
        return done

    return run


@pytest.fixture
def first_night(after_the_first_night, tmp_path):
    """The first night is over: six IDs are stored. The server of this test was not asked for them."""
    shutil.copytree(after_the_first_night, tmp_path, dirs_exist_ok=True)


# Opened in the middle


def open_again_and_again(start, server, warehouse, opens):
    """Open the warehouse so often while runs go on, and look at all of it each time; returns the files it was."""
    done, published, runs, ids = 0, set(), 0, []
    last = state_of(warehouse) if warehouse.exists() else (0, 0)
    while done < opens or len(published) < 4:
        runs += 1
        ids += new_ids(1500, seed=100 + runs)
        log = write_log(warehouse.parent / f"{runs}.log", ids[-1500:])
        limits = ("--rate", "250", "--batch-size", "50", "--publish-every", "1s")
        run = start("ingest", log, *limits, "--base-url", server.base_url)
        while not run.has_ended:
            if warehouse.exists():
                now = state_of(warehouse)
                assert now >= last, "what was published is gone"
                assert now[1] >= last[1]
                last, done = now, done + 1
                published.add(identity(warehouse))
        assert run.end().code == 0
    assert state_of(warehouse)[0] == len(ids)
    assert_each_once(warehouse, ids)
    return published


def test_a_file_that_is_opened_again_and_again_during_a_run_is_always_whole(start, server, warehouse):
    assert len(open_again_and_again(start, server, warehouse, opens=20)) >= 4


@pytest.mark.long
def test_a_file_that_is_opened_a_thousand_times_during_runs_is_always_whole(start, server, warehouse):
    open_again_and_again(start, server, warehouse, opens=1000)


READER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.warehouse_files import state_of
opened = 0
while not Path(sys.argv[3]).exists():
    state_of(Path(sys.argv[2]))
    opened += 1
print(opened)
"""


def test_several_readers_at_once_never_stop_a_run(first_night, start, server, warehouse, tmp_path):
    command = [sys.executable, "-c", READER, Path(__file__).parents[1], warehouse, tmp_path / "stop"]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    log = write_log(tmp_path / "b.log", new_ids(800, seed=2))
    limits = ("--rate", "200", "--batch-size", "50", "--publish-every", "1s")
    done = start("ingest", log, *limits, "--base-url", server.base_url).end()
    (tmp_path / "stop").touch()
    opened = [int(reader.communicate(timeout=ENOUGH)[0]) for reader in readers]
    assert (done.code, [reader.returncode for reader in readers]) == (0, [0, 0])
    assert min(opened) >= 5
    assert state_of(warehouse) == (806, 806)


def test_a_reader_that_holds_the_file_during_a_whole_run_keeps_its_state_and_the_run_publishes(
    first_night, night, warehouse
):
    counted = "SELECT count(*), count(DISTINCT generation_id) FROM generations"
    with session(warehouse, "reads") as reader:
        assert reader.ask(counted) == [[6, 6]]
        for seed in (2, 3):
            night(new_ids(4, seed=seed), "--publish-every", "1s")
            assert reader.ask(counted) == [[6, 6]]
            assert reader.ask("SELECT count(*) FROM cost_daily WHERE total_usage IS NULL") == [[0]]
        assert state_of(warehouse) == (14, 14)
    assert state_of(warehouse) == (14, 14)


def test_a_long_query_over_the_old_file_ends_well_while_new_ones_take_its_place(first_night, night, warehouse):
    with duckdb.connect(warehouse, read_only=True) as connection:
        running = connection.execute("SELECT g.generation_id FROM generations AS g, range(5000)")
        first = running.fetchmany(10)
        night(new_ids(4, seed=2))
        assert len(first) + len(running.fetchall()) == 6 * 5000


def test_query_status_and_views_work_during_a_run(first_night, ingest, server, start, warehouse, tmp_path):
    server.stop()
    run = ingest(write_log(tmp_path / "b.log", new_ids(4, seed=2)))
    wait_until_held(warehouse, run)
    before = identity(warehouse)
    for command in (
        ("query", "SELECT count(*) AS n FROM generations", "--format", "json"),
        ("query", "--view", "cost_daily", "--format", "json"),
        ("status", "--format", "json"),
        ("status", "--runs", "--format", "json"),
        ("views", "--format", "json"),
    ):
        done = start(*command).end()
        assert (done.code, done.err) == (0, "")
        assert done.json
    assert start("query", "SELECT count(*) AS n FROM generations", "--format", "json").end().json == [{"n": 6}]
    assert identity(warehouse) == before
    assert not run.has_ended
    server.go_on()
    assert run.end().code == 0
    assert start("query", "SELECT count(*) AS n FROM generations", "--format", "json").end().json == [{"n": 10}]


@pytest.mark.long
def test_during_the_first_run_there_is_no_file_or_a_whole_one(start, server, warehouse, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(300))
    limits = ("--rate", "100", "--batch-size", "20", "--publish-every", "1s")
    run, states = start("ingest", log, *limits, "--base-url", server.base_url), []
    while not run.has_ended:
        if warehouse.exists():
            states.append(state_of(warehouse))
    assert run.end().code == 0
    assert states == sorted(states)
    assert len({settled for settled, _ in states}) >= 2
    assert state_of(warehouse) == (300, 300)


def test_a_run_publishes_now_and_then_only_if_asked_to(start, server, warehouse, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(100))
    run, files = start("ingest", log, "--rate", "40", "--base-url", server.base_url), set()
    while not run.has_ended:
        if warehouse.exists():
            files.add(identity(warehouse))
    assert run.end().code == 0
    assert len(files) <= 1


# Somebody else writes


def test_a_session_that_writes_while_a_run_publishes_is_named_and_the_next_run_publishes(
    first_night, ingest, server, warehouse, tmp_path
):
    log = write_log(tmp_path / "b.log", new_ids(4, seed=2))
    server.stop()
    run = ingest(log)
    wait_until_held(warehouse, run)
    with session(warehouse, "writes") as foreign:
        assert foreign.ask("SELECT count(*) FROM generations") == [[6]]
        server.go_on()
        done = run.end()
        assert done.code == 75
        assert_three_lines(done.err)
        assert str(foreign.pid) in done.err
        assert len(works(warehouse)) == 1
        assert foreign.ask("SELECT count(*) FROM generations") == [[6]]
    assert state_of(warehouse) == (6, 6)
    asked = server.served()["requests"]
    done = ingest(log).end()
    assert (done.code, done.json["requests"]) == (0, 0), done.err
    assert server.served()["requests"] == asked == 4
    assert state_of(warehouse) == (10, 10)
    assert works(warehouse) == []


def test_what_waits_to_be_published_needs_no_new_logs(first_night, ingest, server, warehouse, tmp_path):
    server.stop()
    run = ingest(write_log(tmp_path / "b.log", new_ids(4, seed=2)))
    wait_until_held(warehouse, run)
    with session(warehouse, "writes"):
        server.go_on()
        assert run.end().code == 75
    assert ingest().end().code == 0
    assert state_of(warehouse) == (10, 10)


def works(warehouse):
    return list(work_of(warehouse).glob("work-*.duckdb"))


def test_a_publish_waits_for_a_session_that_writes_as_long_as_it_may(first_night, ingest, server, warehouse, tmp_path):
    server.stop()
    run = ingest(write_log(tmp_path / "b.log", new_ids(4, seed=2)), "--lock-timeout", "10m")
    wait_until_held(warehouse, run)
    with session(warehouse, "writes") as foreign:
        server.go_on()
        wait_until(lambda: run.has_ended or waits_to_publish(run, server, warehouse, 4))
        for _ in range(50):  # it goes on and on
            server.served()
        assert not run.has_ended, run.said()
        foreign.close()
    assert run.end().code == 0
    assert state_of(warehouse) == (10, 10)


def test_a_run_that_begins_while_a_session_writes_waits_for_it_as_long_as_it_may(
    first_night, ingest, warehouse, tmp_path
):
    with session(warehouse, "writes") as foreign:
        run = ingest(write_log(tmp_path / "b.log", new_ids(4, seed=2)), "--lock-timeout", "10m")
        wait_until(lambda: run.has_ended or is_waiting_for(run, warehouse))
        assert not run.has_ended, run.said()
        foreign.close()
    assert run.end().code == 0
    assert state_of(warehouse) == (10, 10)


def test_a_signal_ends_the_waiting_for_a_session_that_writes(first_night, ingest, server, warehouse, tmp_path):
    server.stop()
    log = write_log(tmp_path / "b.log", new_ids(4, seed=2))
    run = ingest(log, "--lock-timeout", "10m")
    wait_until_held(warehouse, run)
    with session(warehouse, "writes"):
        server.go_on()
        wait_until(lambda: run.has_ended or waits_to_publish(run, server, warehouse, 4))
        assert not run.has_ended, run.said()
        run.send(signal.SIGTERM)
        done = run.end(10)
        assert done.code in (75, 143)
    assert state_of(warehouse) == (6, 6)
    done = ingest(log).end()
    assert (done.code, server.served()["requests"]) == (0, 4)
    assert state_of(warehouse) == (10, 10)


def waits_to_publish(run, server, warehouse, requests):
    """Whether all is asked and the run has the file open to lock it."""
    return is_waiting_for(run, warehouse) and server.served()["requests"] == requests


def kept_aside(folder, content):
    """The files below the folder that hold just these bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]


def leave_a_log_behind(warehouse):
    """Somebody wrote into the file and was killed: what he wrote is in a log beside it. Returns it."""
    with session(warehouse, "writes") as foreign:
        foreign.ask("SET checkpoint_threshold = '1TB'")
        foreign.ask("CREATE TABLE main.mine AS SELECT * FROM range(100)")
        foreign.ask("DELETE FROM generations")
        foreign.process.kill()
        foreign.process.wait(ENOUGH)
    log = warehouse.with_name(f"{warehouse.name}.wal")
    assert log.stat().st_size > 0
    return log


def assert_put_aside(err, content, warehouse, tables="mine"):
    """The log is named and kept, and nothing of it is in the warehouse."""
    others = {f"{warehouse.name}.wal", "lock"}
    kept = [path for path in kept_aside(warehouse.parent, content) if path.name not in others]
    assert len(kept) == 1, sorted(warehouse.parent.rglob("*"))
    assert kept[0].name in err
    assert not warehouse.with_name(f"{warehouse.name}.wal").exists()
    assert rows(warehouse, f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{tables}'") == [(0,)]


def test_a_log_that_a_killed_session_left_is_put_aside_and_never_replayed(first_night, night, warehouse):
    content = leave_a_log_behind(warehouse).read_bytes()
    done = night(new_ids(4, seed=2))
    assert_put_aside(done.err, content, warehouse)
    assert state_of(warehouse) == (10, 10)
    night(new_ids(5, seed=3))
    assert state_of(warehouse) == (15, 15)
    assert len(kept_aside(warehouse.parent, content)) == 1


@pytest.mark.long
def test_a_log_that_was_left_over_an_older_file_is_put_aside(first_night, night, warehouse, tmp_path):
    log = leave_a_log_behind(warehouse)
    content = log.read_bytes()
    night(new_ids(4, seed=2))
    for path in kept_aside(tmp_path, content):
        path.unlink()
    log.write_bytes(content)
    done = night(new_ids(10, seed=3))
    assert_put_aside(done.err, content, warehouse)
    assert state_of(warehouse) == (20, 20)


@pytest.mark.parametrize("content", [b"junk", *(long(c) for c in (b"", b"\0" * 5000, b"WAL" * 5000))])
def test_whatever_is_called_like_a_log_of_the_file_is_put_aside(first_night, night, warehouse, content):
    warehouse.with_name(f"{warehouse.name}.wal").write_bytes(content)
    done = night(new_ids(4, seed=2))
    assert_put_aside(done.err, content, warehouse)
    assert state_of(warehouse) == (10, 10)


def test_a_log_that_comes_to_lie_there_during_a_run_is_put_aside(first_night, ingest, server, warehouse, tmp_path):
    log = write_log(tmp_path / "b.log", new_ids(4, seed=2))
    server.stop()
    run = ingest(log)
    wait_until_held(warehouse, run)
    content = leave_a_log_behind(warehouse).read_bytes()
    server.go_on()
    done = run.end()
    assert done.code == 0, done.err
    assert_put_aside(done.err, content, warehouse)
    assert state_of(warehouse) == (10, 10)


@pytest.mark.long
def test_two_logs_that_were_left_are_both_kept(first_night, night, warehouse):
    contents = []
    for seed in (2, 3):
        contents.append(leave_a_log_behind(warehouse).read_bytes() + b"")
        night(new_ids(5, seed=seed))
    for content in set(contents):
        assert len(kept_aside(warehouse.parent, content)) == contents.count(content)
    assert state_of(warehouse) == (16, 16)


# What the file keeps


def as_others_wish(path):
    return path.stat().st_mode & 0o7777, path.stat().st_uid, path.stat().st_gid


@pytest.mark.parametrize("umask", [0o000, long(0o022), long(0o077)])
def test_a_new_file_is_for_its_owner_alone_whatever_the_umask(ingest, warehouse, tmp_path, umask):
    run = ingest(write_log(tmp_path / "app.log", new_ids(5)), umask=umask)
    assert run.end().code == 0
    assert warehouse.stat().st_mode & 0o7777 == 0o600
    assert modes_below(work_of(warehouse)) <= {("", 0o700), ("lock", 0o600)}


@pytest.mark.parametrize(("mode", "umask"), [(0o640, 0o000), long(0o644, 0o077), long(0o664, 0o027)])
def test_the_file_keeps_its_mode_whatever_the_umask(first_night, ingest, warehouse, tmp_path, mode, umask):
    warehouse.chmod(mode)
    for seed in (2, 3):
        log = write_log(tmp_path / "b.log", new_ids(5, seed=seed))
        assert ingest(log, umask=umask).end().code == 0
        assert warehouse.stat().st_mode & 0o7777 == mode
    assert state_of(warehouse) == (16, 16)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to any group")
def test_the_file_keeps_its_group(first_night, night, warehouse):
    os.chown(warehouse, -1, 12345)
    warehouse.chmod(0o640)
    before = as_others_wish(warehouse)
    night(new_ids(5, seed=2))
    assert as_others_wish(warehouse) == before == (0o640, os.geteuid(), 12345)


ACL = "system.posix_acl_access"


def acl_that_lets_in(user):
    """owner rw-, this user r--, group ---, mask r--, others --- (as the kernel stores it)."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 4, user), (0x04, 0, nobody), (0x10, 4, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="ACLs are read and set by attributes on Linux only")
def test_the_file_keeps_its_acl(first_night, night, warehouse):
    try:
        os.setxattr(warehouse, ACL, acl_that_lets_in(54321))
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    before = os.getxattr(warehouse, ACL), as_others_wish(warehouse)
    night(new_ids(5, seed=2))
    assert (os.getxattr(warehouse, ACL), as_others_wish(warehouse)) == before


@pytest.mark.parametrize("is_absolute", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_link_stays_one_and_what_it_leads_to_is_replaced(first_night, night, warehouse, tmp_path, is_absolute):
    (tmp_path / "data").mkdir()
    real = tmp_path / "data/real.duckdb"
    warehouse.rename(real)
    warehouse.symlink_to(real if is_absolute else "data/real.duckdb")
    before = identity(real)
    for count, seed in ((11, 2), (16, 3)):
        night(new_ids(5, seed=seed))
        assert warehouse.is_symlink()
        assert not real.is_symlink()
        assert state_of(real) == (count, count)
    assert identity(real) != before


def test_a_link_to_a_link_leads_to_the_file(first_night, night, warehouse, tmp_path):
    (tmp_path / "data").mkdir()
    warehouse.rename(tmp_path / "data/real.duckdb")
    (tmp_path / "data/link").symlink_to("real.duckdb")
    warehouse.symlink_to("data/link")
    night(new_ids(5, seed=2))
    assert warehouse.is_symlink()
    assert (tmp_path / "data/link").is_symlink()
    assert state_of(tmp_path / "data/real.duckdb") == (11, 11)


@pytest.mark.long
def test_a_link_to_a_file_that_is_not_there_yet_leads_to_the_new_file(night, warehouse, tmp_path):
    (tmp_path / "data").mkdir()
    warehouse.symlink_to("data/real.duckdb")
    for count, seed in ((5, 1), (10, 2)):
        night(new_ids(5, seed=seed))
        assert warehouse.is_symlink()
        assert state_of(tmp_path / "data/real.duckdb") == (count, count)


# Nights without anything new


def assert_untouched(warehouse, run, code=0):
    """An idle night leaves the very same file and nothing beside it."""
    before, content, listing = identity(warehouse), warehouse.read_bytes(), listed(warehouse.parent)
    done = run()
    assert done.code == code, done.err
    assert identity(warehouse) == before
    assert warehouse.read_bytes() == content
    assert listed(warehouse.parent) == listing
    return done


def listed(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def without_work(warehouse):
    shutil.rmtree(work_of(warehouse), ignore_errors=True)


def wait_until_settled(log):
    """Until the file's times are those of more than two seconds ago, from when on they are relied on."""
    wait_until(lambda: time.time() - log.stat().st_ctime > 2.5)


@pytest.fixture(scope="module")
def old_logs(tmp_path_factory):
    """Logs that have not changed for a while, and which no test changes."""
    folder = tmp_path_factory.mktemp("old-logs")
    write_log(folder / "app.log", new_ids(6))
    write_log(folder / "young.log", new_ids(6, age=timedelta(minutes=30), span=timedelta(minutes=20)))
    (folder / "empty.log").touch()
    (folder / "binary.dat").write_bytes(bytes(range(256)) * 100)
    for path in folder.iterdir():
        wait_until_settled(path)
    return folder


@pytest.fixture
def quiet(ingest, old_logs):
    """A log of six IDs, and a run over it, when it had not changed for a while."""
    assert ingest(old_logs / "app.log").end().code == 0


@pytest.mark.parametrize("has_work", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_night_without_anything_new_leaves_the_file_as_it_is(quiet, ingest, old_logs, warehouse, has_work):
    if not has_work:
        without_work(warehouse)
    log = old_logs / "app.log"
    for arguments in ((log,), (log, "--publish-every", "1s"), ()):
        done = assert_untouched(warehouse, lambda arguments=arguments: ingest(*arguments).end())
        assert (done.json["requests"], done.json["settled"]) == (0, 0)
        assert has_work or not work_of(warehouse).exists()


def test_a_night_in_which_nothing_is_due_yet_leaves_the_file_as_it_is(start, old_logs, warehouse):
    with stoppable_simulator("--not-found-for", "2h") as other:
        command = ("ingest", old_logs / "young.log", "--base-url", other.base_url, "--summary", "json")
        assert start(*command).end().json["pending"] == 6
        without_work(warehouse)
        done = assert_untouched(warehouse, lambda: start(*command).end())
        assert done.json["requests"] == 0
    assert not work_of(warehouse).exists()


WITHOUT_TEXT = ["empty.log", "gone.log", "binary.dat"]


@pytest.mark.parametrize("others", [WITHOUT_TEXT, *(long([name]) for name in WITHOUT_TEXT)])
def test_a_source_without_text_is_nothing_new(ingest, old_logs, warehouse, others):
    sources = [old_logs / name for name in ("app.log", *others)]
    code = ingest(*sources).end().code
    assert_untouched(warehouse, lambda: ingest(*sources).end(), code)


def test_a_night_without_anything_new_disturbs_nobody_who_has_the_file_open(quiet, ingest, old_logs, warehouse):
    without_work(warehouse)
    with session(warehouse, "reads") as reader:
        assert_untouched(warehouse, lambda: ingest(old_logs / "app.log").end())
        assert reader.ask("SELECT count(*) FROM generations") == [[6]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_night_without_anything_new_needs_no_right_to_write(quiet, ingest, old_logs, warehouse):
    without_work(warehouse)
    warehouse.chmod(0o400)
    warehouse.parent.chmod(0o500)
    try:
        assert ingest(old_logs / "app.log").end().code == 0
    finally:
        warehouse.parent.chmod(0o700)


def test_commands_that_only_read_make_no_work_directory(first_night, start, warehouse):
    without_work(warehouse)
    for command in (("status",), ("query", "SELECT 1 AS a"), ("views",), ("ingest", "app.log", "--dry-run")):
        assert_untouched(warehouse, lambda command=command: start(*command).end())
    assert not work_of(warehouse).exists()


# Killed, and the next night


@pytest.fixture
def killed_night(ingest, server, warehouse, tmp_path):
    """A night whose run is killed after it stored some of its answers in the work copy, and published none."""

    def run(ids, at_least=1):
        with (tmp_path / "app.log").open("a", encoding="utf-8") as log:
            log.writelines(f"{i}\n" for i in ids)
        asked = server.served()["requests"]
        run = ingest("app.log", "--batch-size", "1", "--rate", "50")
        wait_until(lambda: run.has_ended or server.served()["requests"] >= asked + at_least + 3)
        run.kill()
        return server.served()["requests"] - asked

    return run


def test_what_a_killed_run_stored_is_not_asked_again(first_night, night, killed_night, server, warehouse):
    before = identity(warehouse)
    asked = killed_night(new_ids(60, seed=2), at_least=20)
    assert identity(warehouse) == before
    assert state_of(warehouse) == (6, 6)
    done = night([])
    assert done.json["requests"] <= 60 - asked + 10
    assert server.served()["requests"] <= 60 + 10
    assert state_of(warehouse) == (66, 66)
    assert works(warehouse) == []


@pytest.mark.long
def test_a_first_run_that_is_killed_leaves_no_file_and_the_next_one_completes(
    ingest, killed_night, night, server, warehouse
):
    asked = killed_night(new_ids(60), at_least=20)
    assert not warehouse.exists()
    done = night([])
    assert done.json["requests"] <= 60 - asked + 10
    assert state_of(warehouse) == (60, 60)


def test_what_a_killed_run_stored_is_published_by_a_run_that_has_nothing_else_to_do(
    first_night, ingest, server, start, warehouse, tmp_path
):
    log = write_log(tmp_path / "b.log", new_ids(4, seed=2))
    server.stop()
    run = ingest(log, "--batch-size", "1", "--lock-timeout", "10m")
    wait_until_held(warehouse, run)
    with session(warehouse, "writes"):  # so that it cannot publish
        server.go_on()
        wait_until(lambda: run.has_ended or waits_to_publish(run, server, warehouse, 4))
        run.kill()
    done = ingest(log).end()
    assert (done.code, state_of(warehouse)) == (0, (10, 10))
    assert done.json["requests"] <= 5


def copied_over(backup, warehouse):
    shutil.copyfile(backup, warehouse)


def moved_over(backup, warehouse):
    shutil.copyfile(backup, backup.with_suffix(".new"))
    backup.with_suffix(".new").rename(warehouse)


def kept_with_times(backup, warehouse):
    shutil.copy2(backup, warehouse)


@pytest.mark.parametrize("restore", [moved_over, long(copied_over), long(kept_with_times)])
def test_after_a_backup_was_restored_over_the_file_a_run_goes_on_from_that(
    first_night, night, killed_night, server, warehouse, tmp_path, restore
):
    first, second, third = new_ids(6), new_ids(4, seed=2), new_ids(30, seed=3)
    shutil.copy2(warehouse, tmp_path / "backup")
    night(second)
    killed_night(third, at_least=10)
    dead = [path.read_bytes() for path in works(warehouse)]
    assert len(dead) == 1
    restore(tmp_path / "backup", warehouse)
    assert state_of(warehouse) == (6, 6)
    done = night([], code=3)
    assert (done.json["requests"], done.json["settled"]) == (34, 34)
    assert state_of(warehouse) == (40, 40)
    assert_each_once(warehouse, [*first, *second, *third])
    assert [path.name.startswith("quarantine-") for path in kept_aside(work_of(warehouse), dead[0])] == [True]
    night(new_ids(5, seed=4))
    assert state_of(warehouse) == (45, 45)


@pytest.mark.long
def test_a_warehouse_that_was_removed_begins_anew(first_night, night, killed_night, server, warehouse):
    killed_night(new_ids(30, seed=3), at_least=10)
    warehouse.unlink()
    night([], code=3)
    assert state_of(warehouse) == (36, 36)


def test_the_file_can_be_moved_away_between_nights(first_night, night, warehouse, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    warehouse.rename(tmp_path / "elsewhere/orusage.duckdb")
    night(new_ids(5, seed=2))
    assert state_of(tmp_path / "elsewhere/orusage.duckdb") == (6, 6)
    assert state_of(warehouse) == (11, 11)
