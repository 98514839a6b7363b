import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.commands import KEY, environment
from support.logs import new_ids, write_log

from ingest.client.async_client import AsyncOpenRouter
from ingest.client.credentials import ApiKey
from ingest.client.errors import RequestTimeoutError
from ingest.client.request import LIST_GENERATION_CONTENT
from ingest.client.result import Err
from ingest.core.cancellation import RunCancellation
from ingest.core.clock import SystemClock
from ingest.core.errors import Exit, KeyRefusedError, LibraryFailedError, StorageError
from ingest.core.generation_id import second_of
from ingest.core.open_files import OTHER_FILES
from ingest.core.outcomes import Pending, WorkItem
from ingest.core.remembered_rate import RememberedRate
from ingest.core.run_stats import STORED, RunStats
from ingest.core.settings import Settings
from ingest.core.sightings import Chunk, Sighting
from ingest.fetch.ratelimit.controller import LearnedLimit, RateController
from ingest.pipeline import fetch_stage, store_stage
from ingest.pipeline.context import RunContext
from ingest.pipeline.run import exit_code, ingest
from ingest.simulator import fake_records
from ingest.warehouse.warehouse import Warehouse

LEGACY = "gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG"


def run(sources, warehouse, base_url, key=KEY, cancellation=None, clock=None, **settings):
    async def context():
        settled = Settings(base_url=base_url, **settings)
        stats, end = (
            RunStats(),
            RunCancellation() if cancellation is None else cancellation,
        )  # a halt that is not set is false
        load_key, time = lambda: ApiKey(key, "the test"), clock or SystemClock()
        return await ingest(sources, RunContext(warehouse, load_key, settled, time, end, stats, lambda _: None)), stats

    return asyncio.run(context())


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


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
    assert not path.exists(), "a failing disk is not asked to publish; the work copy waits"
    monkeypatch.undo()
    _, stats = run([str(log)], path, simulation.base_url)
    assert stats.settled == 40
    with duckdb.connect(path, read_only=True) as connection:
        [(counted, code), *_] = connection.execute("SELECT settled, exit_code FROM ops.runs ORDER BY run_id").fetchall()
    assert (counted, code) == (20, Exit.STORAGE)


def test_batches_are_as_large_as_asked_for(simulation, tmp_path, monkeypatch):
    sizes, commit = [], Warehouse.commit
    monkeypatch.setattr(Warehouse, "commit", lambda self, o, r: (sizes.append(len(o)), commit(self, o, r)))
    run([str(write_log(tmp_path / "a.log", new_ids(25)))], tmp_path / "w.duckdb", simulation.base_url, batch_size=10)
    assert sizes == [10, 10, 5]


# Young IDs, in virtual time


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still while a request is answered."""
    clock, call = FakeClock(), AsyncOpenRouter.call

    async def at_once(self, operation, params, options=None):
        with clock.held():
            return await call(self, operation, params, options)

    monkeypatch.setattr(AsyncOpenRouter, "call", at_once)
    return clock


def aged(age):
    return f"gen-{int(NOON.timestamp()) - age}-{'A' * 20}"


def story(path):
    """The IDs in the order in which they were fetched, with their age in seconds then."""
    age = "epoch(fetched_at) - epoch(requested_at)"
    return rows(path, f"SELECT generation_id, {age} FROM generations ORDER BY fetched_at, {age}")


def test_young_ids_wait_until_they_are_three_minutes_old_and_are_asked_before_the_run_ends(simulation, clock, tmp_path):
    log, path = write_log(tmp_path / "a.log", map(aged, (5, 200, 170, 10_000, -30, 60))), tmp_path / "w.duckdb"
    result, stats = run([str(log)], path, simulation.base_url, clock=clock, concurrency=2)
    assert (result.code, stats.due, stats.settled) == (Exit.DONE, 6, 6)
    told = story(path)
    assert [i for i, _ in told] == [aged(age) for age in (200, 10_000, 170, 60, 5, -30)]
    assert [age for _, age in told][2:] == pytest.approx([180, 180, 180, 150], abs=1)
    assert 175 <= clock.elapsed < 200


def test_a_young_id_is_asked_as_soon_as_it_is_due_while_others_wait_for_their_turn(simulation, clock, tmp_path):
    log = write_log(tmp_path / "a.log", [aged(170), *(aged(1000 + n) for n in range(40))])
    run([str(log)], tmp_path / "w.duckdb", simulation.base_url, clock=clock, rate=2.0, concurrency=4)
    told = [i for i, _ in story(tmp_path / "w.duckdb")]
    assert 18 <= told.index(aged(170)) <= 24


def test_what_the_others_brought_is_stored_before_a_young_id_is_due(simulation, clock, tmp_path, monkeypatch):
    stored, commit = [], Warehouse.commit
    monkeypatch.setattr(Warehouse, "commit", lambda self, o, r: (stored.append(clock.elapsed), commit(self, o, r)))
    log = write_log(tmp_path / "a.log", [aged(0), *new_ids(5)])
    run([str(log)], tmp_path / "w.duckdb", simulation.base_url, clock=clock)
    assert stored[0] <= store_stage.COMMIT_EVERY + 1
    assert stored[-1] >= 180


def test_the_limit_counts_ids_asked_young_or_not(simulation, clock, tmp_path):
    log, path = write_log(tmp_path / "a.log", [aged(100), *new_ids(5)]), tmp_path / "w.duckdb"
    _, stats = run([str(log)], path, simulation.base_url, clock=clock, limit=5)
    assert (stats.due, stats.requests, stats.settled) == (5, 5, 5)
    assert rows(path, "SELECT generation_id FROM ops.work") == [(aged(100),)]
    assert clock.elapsed < 30
    _, stats = run([str(log)], path, simulation.base_url, clock=clock, limit=5)
    assert (stats.due, stats.requests, stats.settled) == (1, 1, 1)


def test_due_times_hold_from_run_to_run(simulation, clock, tmp_path):
    log, path = write_log(tmp_path / "a.log", [aged(100), aged(300)]), tmp_path / "w.duckdb"
    for _ in range(2):
        result, stats = run([str(log)], path, simulation.base_url, clock=clock, max_time=timedelta(seconds=30))
        assert (result.code, stats.pending, rows(path, "SELECT count(*) FROM generations")) == (Exit.DONE, 0, [(1,)])
    run([], path, simulation.base_url, clock=clock)
    assert story(path)[-1] == (aged(100), pytest.approx(180, abs=1))


def test_what_is_not_to_be_asked_yet_is_left_for_the_next_run(simulation, clock, tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOON) as warehouse:
        items = [WorkItem(aged(age), second_of(aged(age)), "a.log", 0) for age in (100, 300)]
        sightings = tuple(Sighting(i.generation_id, "a.log", 0) for i in items)
        warehouse.add(Chunk(sightings, reads=(), ended=0, bytes_read=0), "run", NOON)
        later = NOON + timedelta(seconds=10)
        warehouse.commit([Pending(item, "not_found_yet", 404, later, 1) for item in items], "run")
    _, stats = run([], path, simulation.base_url, clock=clock)
    assert (stats.due, stats.requests) == (0, 0)
    clock.advance(10)
    _, stats = run([], path, simulation.base_url, clock=clock)
    assert (stats.due, stats.settled) == (2, 2)


# The server's limit, from run to run


def test_a_limit_that_was_measured_is_remembered_and_handed_to_the_next_run(simulation, tmp_path, monkeypatch):
    begun_with = []

    class Measuring(RateController):
        learned = LearnedLimit(120.0, 30.0)

        def __init__(self, cap, concurrency, timeout, learned):
            begun_with.append(learned)
            super().__init__(cap, concurrency, timeout, learned)

    monkeypatch.setattr(fetch_stage, "RateController", Measuring)
    path, host = tmp_path / "w.duckdb", urlsplit(simulation.base_url).netloc
    for seed in (1, 2):
        run([str(write_log(tmp_path / f"{seed}.log", new_ids(5, seed)))], path, simulation.base_url)
    assert begun_with == [None, LearnedLimit(120.0, 30.0)]
    [(last_run,)] = rows(path, "SELECT max(run_id) FROM ops.runs")
    assert rows(path, "SELECT host, rate, burst, run_id FROM ops.rate_limits") == [(host, 120, 30, last_run)]
    assert rows(path, "SELECT rate_limit FROM ops.runs") == [(120,), (120,)]


def test_a_run_that_met_no_limit_leaves_what_is_known_of_it(simulation, tmp_path):
    path, host = tmp_path / "w.duckdb", urlsplit(simulation.base_url).netloc
    log = str(write_log(tmp_path / "a.log", new_ids(5)))
    with Warehouse(path, NOON) as warehouse:
        warehouse.remember_rate(host, known := RememberedRate(40.0, 5.0, NOON), "earlier")
    run([log], path, simulation.base_url)
    with Warehouse(path, NOON) as warehouse:
        assert warehouse.remembered_rate(host) == known
    assert rows(path, "SELECT rate_limit FROM ops.runs") == [(None,)]


# What is stored


def json_of(value):
    return None if value is None else msgspec.json.encode(value).decode()


def test_content_is_stored_beside_its_generation_as_the_api_told_it(simulation, tmp_path):
    ids, path = [*new_ids(20), LEGACY], tmp_path / "w.duckdb"
    result, stats = run([str(write_log(tmp_path / "a.log", ids))], path, simulation.base_url, content=True)
    assert (result.code, stats.settled, stats.contents) == (Exit.DONE, 21, {STORED: 21})
    assert (stats.requests, stats.statuses) == (42, {200: 42})
    stored = rows(path, "SELECT generation_id, input, completion, error FROM generation_contents")
    told = {i: fake_records.content(1, i) for i in ids}
    assert {i: texts for i, *texts in stored} == {
        i: [json_of(t["input"]), t["output"]["completion"], json_of(t["error"])] for i, t in told.items()
    }
    assert len(stored) == 21
    assert rows(path, "SELECT count(*), count(DISTINCT run_id) FROM generations") == [(21, 1)]


def test_without_the_setting_no_content_is_stored(simulation, tmp_path):
    path = tmp_path / "w.duckdb"
    _, stats = run([str(write_log(tmp_path / "a.log", new_ids(5)))], path, simulation.base_url)
    assert (stats.settled, stats.requests, stats.contents) == (5, 5, {})
    assert rows(path, "SELECT count(*) FROM generation_contents") == [(0,)]


def test_a_key_that_may_not_see_content_costs_nothing_but_the_content(simulation, tmp_path):
    path, key = tmp_path / "w.duckdb", KEY.replace("test", "inference")
    result, stats = run(
        [str(write_log(tmp_path / "a.log", new_ids(12)))], path, simulation.base_url, key=key, content=True
    )
    assert (result.code, stats.settled, stats.contents) == (Exit.DONE, 12, {"http_403": 12})
    reasons = "SELECT http_status, reason, count(*), count(input) FROM generation_contents GROUP BY ALL"
    assert rows(path, reasons) == [(403, "http_403", 12, 0)]
    assert rows(path, "SELECT count(*) FROM generations") == [(12,)]


def batches_of(monkeypatch):
    """The batches that are committed from now on."""
    stored, commit = [], Warehouse.commit
    monkeypatch.setattr(Warehouse, "commit", lambda self, o, r: (stored.append(list(o)), commit(self, o, r)))
    return stored


@pytest.mark.parametrize("largest", [1, 100, 250])
def test_batches_are_cut_where_their_content_is_large_enough(simulation, tmp_path, monkeypatch, largest):
    monkeypatch.setattr(store_stage, "LARGEST_BATCH", largest)
    stored, path = batches_of(monkeypatch), tmp_path / "w.duckdb"
    run([str(write_log(tmp_path / "a.log", new_ids(10)))], path, simulation.base_url, content=True)
    for batch in stored[:-1]:
        sizes = [o.content.size for o in batch]
        assert sum(sizes[:-1]) < largest <= sum(sizes)
    assert sum(o.content.size for o in stored[-1][:-1]) < largest
    assert len(stored) >= {1: 10, 100: 4, 250: 2}[largest]
    assert rows(path, "SELECT count(*) FROM generation_contents") == [(10,)]


def test_without_content_the_size_of_a_batch_is_its_number_of_ids(simulation, tmp_path, monkeypatch):
    monkeypatch.setattr(store_stage, "LARGEST_BATCH", 1)
    stored = batches_of(monkeypatch)
    run([str(write_log(tmp_path / "a.log", new_ids(25)))], tmp_path / "w.duckdb", simulation.base_url, batch_size=10)
    assert [len(b) for b in stored] == [10, 10, 5]


def test_a_run_that_ends_between_metadata_and_content_stores_neither_and_the_next_both(
    simulation, tmp_path, monkeypatch
):
    ids, path, cancellation = new_ids(8), tmp_path / "w.duckdb", RunCancellation()
    log, call, asked = str(write_log(tmp_path / "a.log", ids)), AsyncOpenRouter.call, []

    async def interrupted(self, operation, params, options=None):
        if operation is LIST_GENERATION_CONTENT:
            asked.append(params["id"])
            if len(asked) == 3:
                cancellation.set()
                return Err(RequestTimeoutError("late"))
        return await call(self, operation, params, options)

    monkeypatch.setattr(AsyncOpenRouter, "call", interrupted)
    result, stats = run([log], path, simulation.base_url, cancellation=cancellation, content=True, concurrency=1)
    monkeypatch.undo()
    assert (stats.settled, stats.pending, stats.dead, stats.contents) == (2, 1, 0, {STORED: 2})
    assert (result.error, stats.failures) == (None, {"timeout": 1})
    assert sorted(rows(path, "SELECT generation_id FROM generation_contents")) == sorted((i,) for i in asked[:2])
    assert sorted(rows(path, "SELECT generation_id FROM generations")) == sorted((i,) for i in asked[:2])
    assert rows(path, "SELECT state, requests, runs, reason FROM ops.work WHERE requests > 0") == [
        ("pending", 2, 0, None)
    ]
    _, stats = run([], path, simulation.base_url, content=True)
    assert (stats.settled, stats.contents) == (6, {STORED: 6})
    for table in ("generations", "generation_contents"):
        assert sorted(rows(path, f"SELECT generation_id FROM {table}")) == sorted((i,) for i in ids)


@pytest.mark.parametrize(
    ("stats", "problems", "overdue", "error", "code"),
    [
        (RunStats(), 0, 0, None, Exit.DONE),
        (RunStats(dead=2, expected_dead=2), 0, 0, None, Exit.DONE),
        (RunStats(dead=2, expected_dead=1), 0, 0, None, Exit.PARTIAL),
        (RunStats(dead=2, expected_dead=2), 1, 0, None, Exit.PARTIAL),
        (RunStats(settled=5, pending=3), 0, 0, None, Exit.DONE),
        (RunStats(dead=1), 0, 0, None, Exit.PARTIAL),
        (RunStats(), 1, 0, None, Exit.PARTIAL),
        (RunStats(), 0, 1, None, Exit.PARTIAL),
        (RunStats(dead=1), 1, 1, KeyRefusedError("x", cause="x", fix="x"), Exit.KEY_REFUSED),
    ],
)
def test_the_exit_code_says_what_is_left_undone(stats, problems, overdue, error, code):
    assert exit_code(stats, problems, overdue, error) == code
    strict = exit_code(stats, problems, overdue, error, strict=True)
    assert strict == (Exit.PARTIAL if stats.dead and not error else code)


# A clock that is behind


@given(
    behind=st.timedeltas(timedelta(), timedelta(days=3640)),
    ages=st.sets(st.integers(200, 10**6), min_size=1, max_size=9),
)
@example(behind=timedelta(days=3), ages={200, 86_400})
@example(behind=NOON - datetime(1980, 1, 1, tzinfo=UTC), ages={200})
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_clock_that_is_behind_loses_no_id_and_is_told(simulation, clock, tmp_path_factory, behind, ages):
    folder = tmp_path_factory.mktemp("behind")
    log, path = write_log(folder / "a.log", map(aged, sorted(ages))), folder / "w.duckdb"
    clock.__init__(NOON - behind)
    _, stats = run([str(log)], path, simulation.base_url, clock=clock)
    ahead = sum(behind - timedelta(seconds=age) > timedelta(days=1) for age in ages)
    assert (stats.new_ids, stats.settled, stats.ahead) == (len(ages), len(ages), ahead)


def test_ids_left_pending_while_the_clock_was_behind_are_asked_once_it_is_right(simulation, clock, tmp_path):
    log, path = write_log(tmp_path / "a.log", map(aged, (200, 300))), tmp_path / "w.duckdb"
    clock.wall, ended = NOON - timedelta(days=3), RunCancellation()
    ended.set()
    _, stats = run([str(log)], path, simulation.base_url, cancellation=ended, clock=clock)
    assert (stats.new_ids, stats.settled, stats.ahead) == (2, 0, 2)
    clock.wall = NOON
    result, stats = run([str(log)], path, simulation.base_url, clock=clock)
    assert (result.code, stats.new_ids, stats.settled, stats.ahead) == (Exit.DONE, 0, 2, 0)


class PanicException(BaseException):
    """As polars raises it: derived from BaseException."""


@pytest.mark.parametrize("failing_call", [1, 2, 3, 4])
def test_a_panic_of_a_library_is_an_error_and_loses_no_answer_that_was_committed(
    failing_call, simulation, tmp_path, monkeypatch
):
    log, path = write_log(tmp_path / "app.log", new_ids(60)), tmp_path / "w.duckdb"
    commit, calls = Warehouse.commit, []

    def panicking(self, outcomes, run_id):
        calls.append(len(outcomes))
        if len(calls) == failing_call:
            raise PanicException("called `Result::unwrap()` on an `Err` value: Too many open files")
        commit(self, outcomes, run_id)

    monkeypatch.setattr(Warehouse, "commit", panicking)
    with pytest.raises(LibraryFailedError) as caught:
        run([str(log)], path, simulation.base_url, batch_size=10, concurrency=4)
    assert "Too many open files" in caught.value.cause
    monkeypatch.undo()
    _, stats = run([str(log)], path, simulation.base_url)
    assert stats.settled == 60 - 10 * (failing_call - 1)
    assert rows(path, "SELECT exit_code FROM ops.runs ORDER BY run_id") == [(Exit.UNEXPECTED,), (Exit.DONE,)]


def run_within(limit, tmp_path, simulate):
    """A run of 120 IDs in a shell with this ``ulimit``."""
    write_log(tmp_path / "app.log", new_ids(120))
    with simulate("--latency", "100ms") as simulation:
        shell = f"ulimit {limit}; exec {sys.executable} -m ingest -v ingest app.log --base-url {simulation.base_url}"
        return subprocess.run(
            ["bash", "-c", shell],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )


@pytest.mark.parametrize("limit", [28, 40, 64, 100])
def test_a_run_with_few_open_files_stores_every_answer(limit, tmp_path, simulate):
    done = run_within(f"-n {limit}", tmp_path, simulate)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert rows(tmp_path / "orusage.duckdb", "SELECT count(*) FROM generations") == [(120,)]
    assert f"{max(limit - OTHER_FILES, 1)} requests in flight instead of 256" in done.stderr
    assert "without an answer" not in done.stdout


def test_a_low_soft_limit_is_raised(tmp_path, simulate):
    done = run_within("-Sn 40", tmp_path, simulate)
    assert (done.returncode, "in flight instead of" in done.stderr) == (0, False)
    assert rows(tmp_path / "orusage.duckdb", "SELECT count(*) FROM generations") == [(120,)]
