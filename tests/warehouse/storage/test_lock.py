import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from ingest.core.errors import CannotCreateError, TryAgainLaterError
from ingest.warehouse.storage.lock import NO_WAIT, Lock, LockWait, holder, is_held

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.warehouse.storage.lock import NO_WAIT, Lock
lock = Lock(Path(sys.argv[1])).acquire("ingest", datetime(2026, 11, 20, 11, tzinfo=UTC), NO_WAIT)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "w.duckdb.work").mkdir()
    return tmp_path / "w.duckdb.work" / "lock"


@pytest.fixture
def held(path):
    """A process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


class Time:
    """A clock that only sleeping advances."""

    def __init__(self, then=lambda: None):
        self.seconds = 100.0
        self.then = then

    def lock_wait(self, seconds):
        return LockWait(seconds, lambda: self.seconds, self.sleep)

    def sleep(self, seconds):
        self.seconds += seconds
        self.then()


def test_the_error_names_the_holder_and_since_when(path, held):
    with pytest.raises(TryAgainLaterError) as error:
        Lock(path).acquire("ingest", NOW, NO_WAIT)
    assert "w.duckdb is being written" in error.value.what
    assert f"process {held.pid} " in error.value.cause
    assert "since 2026-11-20T11:00:00+00:00 (orusage ingest)" in error.value.cause
    assert is_held(path)


def test_a_new_holder_gets_a_moment_to_write_its_name(path, held):
    description = path.read_text()
    path.write_text("")
    time = Time(lambda: path.write_text(description) if time.seconds > 100.1 else None)
    with pytest.raises(TryAgainLaterError) as error:
        Lock(path).acquire("ingest", NOW, time.lock_wait(0))
    assert f"process {held.pid} " in error.value.cause
    assert time.seconds < 101


def test_acquire_waits_for_the_given_time(path, held):
    time = Time()
    with pytest.raises(TryAgainLaterError):
        Lock(path).acquire("ingest", NOW, time.lock_wait(7.5))
    assert time.seconds == pytest.approx(107.5)


def test_the_lock_is_released_when_its_process_is_killed(path, held):
    def kill_once():
        held.kill()
        held.wait()

    time = Time(kill_once)
    lock = Lock(path).acquire("warehouse publish", NOW, time.lock_wait(60))
    assert time.seconds < 101
    assert "orusage warehouse publish" in holder(path)
    lock.release()
    assert not is_held(path)
    assert holder(path) is None
    Lock(path).acquire("ingest", NOW, NO_WAIT).release()


def test_a_released_lock_can_be_taken_again_in_the_same_process(path):
    lock = Lock(path)
    for _ in range(3):
        lock.acquire("ingest", NOW, NO_WAIT)
        with pytest.raises(TryAgainLaterError):
            Lock(path).acquire("ingest", NOW, NO_WAIT)
        lock.release()
        lock.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "\xff", json.dumps({"pid": 1})])
def test_a_lock_file_without_a_readable_holder_still_locks(path, held, text):
    path.write_text(text, encoding="latin-1")
    with pytest.raises(TryAgainLaterError, match="being written"):
        Lock(path).acquire("ingest", NOW, NO_WAIT)


def test_a_link_is_refused(path, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    path.symlink_to(target)
    with pytest.raises(CannotCreateError):
        Lock(path).acquire("ingest", NOW, NO_WAIT)
    assert target.read_text() == "precious"
    assert not is_held(path)


def test_a_missing_lock_file_is_not_held(path):
    assert not is_held(path)
    assert holder(path) is None
