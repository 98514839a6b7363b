import asyncio

import duckdb
import pytest
from conftest import KEY, new_ids, write_log

from ingest.clock import SystemClock
from ingest.errors import Exit, KeyRefusedError, StorageError
from ingest.halt import Halt
from ingest.key import ApiKey
from ingest.pipeline import Job, exit_code, ingest
from ingest.settings import Settings
from ingest.tally import Tally
from ingest.warehouse import Warehouse


def run(sources, warehouse, base_url, **settings):
    async def job():
        settled = Settings(base_url=base_url, **settings)
        tally = Tally()
        key = ApiKey(KEY, "the test")
        parts = Job(warehouse, lambda: key, settled, SystemClock(), Halt(), tally, lambda _: None)
        return await ingest(sources, parts), tally

    return asyncio.run(job())


def test_a_failed_commit_is_not_counted_and_leaves_what_was_committed(simulation, tmp_path, monkeypatch):
    log, path = write_log(tmp_path / "app.log", new_ids(60)), tmp_path / "w.duckdb"
    commit, calls = Warehouse.commit, []

    def failing(self, outcomes, run_id):
        calls.append(len(outcomes))
        if len(calls) == 3:
            raise StorageError("the disk is full", cause="a test", fix="none")
        commit(self, outcomes, run_id)

    monkeypatch.setattr(Warehouse, "commit", failing)
    with pytest.raises(StorageError):
        run([str(log)], path, simulation.base_url, batch_size=10, concurrency=4)
    with duckdb.connect(path, read_only=True) as connection:
        stored, counted, code = connection.execute(
            "SELECT (SELECT count(*) FROM generations), settled, exit_code FROM ops.runs"
        ).fetchone()
    assert (stored, counted, code) == (20, 20, Exit.STORAGE)
    monkeypatch.undo()
    _, tally = run([str(log)], path, simulation.base_url)
    assert tally.settled == 40


def test_batches_are_as_large_as_asked_for(simulation, tmp_path, monkeypatch):
    sizes, commit = [], Warehouse.commit
    monkeypatch.setattr(Warehouse, "commit", lambda self, o, r: (sizes.append(len(o)), commit(self, o, r)))
    run([str(write_log(tmp_path / "a.log", new_ids(25)))], tmp_path / "w.duckdb", simulation.base_url, batch_size=10)
    assert sizes == [10, 10, 5]


@pytest.mark.parametrize(
    ("tally", "problems", "overdue", "error", "code"),
    [
        (Tally(), 0, 0, None, Exit.DONE),
        (Tally(settled=5, pending=3), 0, 0, None, Exit.DONE),
        (Tally(dead=1), 0, 0, None, Exit.PARTIAL),
        (Tally(), 1, 0, None, Exit.PARTIAL),
        (Tally(), 0, 1, None, Exit.PARTIAL),
        (Tally(dead=1), 1, 1, KeyRefusedError("x", cause="x", fix="x"), Exit.KEY_REFUSED),
    ],
)
def test_the_exit_code_says_what_is_left_undone(tally, problems, overdue, error, code):
    assert exit_code(tally, problems, overdue, error) == code
