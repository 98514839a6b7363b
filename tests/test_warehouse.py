import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from conftest import new_ids
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import simulated, sql
from ingest.decode import decode_generation
from ingest.errors import CannotCreateError, ConfigurationError, UnexpectedInputError
from ingest.generation_id import second_of
from ingest.models import Chunk, Dead, Pending, Settled, Sighting, SourceRead, WorkItem
from ingest.settings import Settings
from ingest.tally import Tally
from ingest.warehouse import Page, Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEGACY = ["gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN"]
IDS = [*new_ids(40, seed=5), *LEGACY]


@pytest.fixture
def warehouse(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        yield warehouse


def item(generation_id, **known):
    return WorkItem(generation_id, second_of(generation_id), "app.log", 0, **known)


def settled(generation_id):
    body = json.dumps({"data": simulated.record(1, generation_id)}).encode()
    return Settled(item(generation_id), decode_generation(body), NOW, 1)


def chunk(ids, read=None):
    return Chunk(tuple(Sighting(i, "app.log", n) for n, i in enumerate(ids)), read)


def every(warehouse, statement):
    return warehouse._connection.execute(statement).fetchall()


def ids_of(warehouse, relation):
    return sorted(i for (i,) in every(warehouse, f"SELECT generation_id FROM {relation}"))


def test_new_ids_are_stored_once_whatever_repeats(warehouse):
    assert warehouse.add(chunk(IDS + IDS), "run", NOW) == len(IDS)
    assert warehouse.add(chunk(reversed(IDS)), "run", NOW) == 0
    assert ids_of(warehouse, "ops.work") == sorted(IDS)


def test_settled_ids_are_not_new(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    warehouse.commit([settled(i) for i in IDS], "run")
    assert warehouse.add(chunk(IDS), "run", NOW) == 0
    assert ids_of(warehouse, "ops.work") == []


def test_a_batch_stored_twice_is_stored_once(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    batch = [settled(i) for i in IDS]
    warehouse.commit(batch, "run")
    attempts = every(warehouse, "SELECT count(*) FROM provider_attempts")
    warehouse.commit(batch, "run")
    assert ids_of(warehouse, "generations") == sorted(IDS)
    assert every(warehouse, "SELECT count(*) FROM provider_attempts") == attempts != [(0,)]


def test_stored_money_and_times_are_those_of_the_answer(warehouse):
    warehouse.commit([settled(i) for i in IDS], "run")
    for generation_id, usage, created_at, requested_at in every(
        warehouse, "SELECT generation_id, usage, created_at, requested_at FROM generations"
    ):
        data = simulated.record(1, generation_id)
        assert usage == Decimal(repr(data["usage"])).quantize(Decimal("1e-12"))
        assert created_at == datetime.fromisoformat(data["created_at"]).replace(tzinfo=None)
        assert requested_at == (second_of(generation_id).replace(tzinfo=None) if second_of(generation_id) else None)


def test_pending_and_dead_ids_keep_their_story(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    later = NOW + timedelta(hours=1)
    pending, dead, legacy = item(IDS[0]), item(IDS[1]), item(LEGACY[0])
    for _ in range(2):
        outcomes = [
            Pending(pending, "not_found_yet", 404, later, 2),
            Dead(dead, "http_410", 410, 1),
            Dead(legacy, "not_found", 404, 1),
        ]
        warehouse.commit(outcomes, "run")
    story = "SELECT state, requests, runs, not_before, last_status, reason FROM ops.work WHERE generation_id = '{}'"
    assert every(warehouse, story.format(IDS[0])) == [
        ("pending", 4, 2, later.replace(tzinfo=None), 404, "not_found_yet")
    ]
    assert every(warehouse, story.format(IDS[1])) == [("dead", 2, 2, None, 410, "http_410")]
    assert every(warehouse, story.format(LEGACY[0])) == [("dead", 2, 2, None, 404, "not_found")]


def test_runs_in_a_row_begin_again_with_another_reason(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    for reason in ("unreadable", "unreadable", "not_found_yet"):
        warehouse.commit([Pending(item(IDS[0]), reason, 200, None, 1)], "run")
    assert every(warehouse, "SELECT runs, reason FROM ops.work WHERE reason IS NOT NULL") == [(1, "not_found_yet")]


def test_an_ask_cut_short_changes_nothing_but_its_requests(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    warehouse.commit([Pending(item(IDS[0]), "unreadable", 200, None, 2)], "run")
    warehouse.commit([Pending(item(IDS[0]), "interrupted", 429, None, 3, charged=False)], "run")
    assert every(warehouse, "SELECT requests, runs, last_status, reason FROM ops.work WHERE requests > 0") == [
        (5, 1, 200, "unreadable")
    ]


def test_pages_walk_all_due_ids_newest_first_and_none_twice(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    seen, page = [], Page()
    while items := warehouse.claim_due(Settings(), NOW, page, 7):
        seen += items
        page = Page.behind(items[-1])
        warehouse.commit([Pending(i, "unreadable", 200, None, 1) for i in items], "run")
    assert sorted(i.generation_id for i in seen) == sorted(IDS)
    times = [i.requested_at or datetime(1970, 1, 1, tzinfo=UTC) for i in seen]
    assert times == sorted(times, reverse=True)
    assert warehouse.count_due(Settings(), NOW) == len(IDS)


def test_ids_that_are_not_due_or_outside_since_and_until_are_not_claimed(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    warehouse.commit([Pending(item(IDS[0]), "not_found_yet", 404, NOW + timedelta(seconds=1), 1)], "run")
    assert warehouse.count_due(Settings(), NOW) == len(IDS) - 1
    assert warehouse.count_due(Settings(), NOW + timedelta(seconds=1)) == len(IDS)
    middle = sorted(filter(None, map(second_of, IDS)))[20]
    newer = warehouse.count_due(Settings(since=middle), NOW + timedelta(days=1))
    older = warehouse.count_due(Settings(until=middle - timedelta(seconds=1)), NOW + timedelta(days=1))
    assert (newer, older) == (20, 22)


def test_a_failed_batch_leaves_nothing_behind(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    before = ids_of(warehouse, "ops.work")
    warehouse._connection.execute("ALTER TABLE ops.work RENAME COLUMN reason TO gone")
    with pytest.raises(Exception, match="reason"):
        warehouse.commit([settled(IDS[0]), Pending(item(IDS[1]), "unreadable", 200, None, 1)], "run")
    assert ids_of(warehouse, "generations") == []
    assert ids_of(warehouse, "ops.work") == before


def test_a_source_is_described_as_it_was_last(warehouse):
    for size in (10, 20):
        warehouse.add(chunk([], SourceRead("app.log", size, 0, complete=True, size=size)), "run", NOW)
    assert every(warehouse, "SELECT source, position, size, complete FROM ops.sources") == [("app.log", 20, 20, True)]


def test_a_run_has_a_record_from_its_start(warehouse):
    warehouse.start_run("r1", "0", "https://x", NOW)
    assert every(warehouse, "SELECT run_id, finished_at, exit_code FROM ops.runs") == [("r1", None, None)]
    warehouse.finish_run("r1", Tally(settled=3, spend=Decimal("0.000000000001")), 3, NOW)
    assert every(warehouse, "SELECT settled, spend_added, exit_code FROM ops.runs") == [(3, Decimal("1e-12"), 3)]


def test_opening_again_changes_nothing(tmp_path):
    path = tmp_path / "w.duckdb"
    for _ in range(2):
        with Warehouse(path, NOW) as warehouse:
            names = every(warehouse, "SELECT number, name FROM ops.migrations ORDER BY number")
    assert names == [(0, sql.views_digest()), *((m.number, m.name) for m in sql.migrations())]


def test_views_of_another_version_are_replaced(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse._connection.execute("UPDATE ops.migrations SET name = 'older' WHERE number = 0")
        warehouse._connection.execute("CREATE OR REPLACE VIEW cost_daily AS SELECT 1 AS old")
    with Warehouse(path, NOW) as warehouse:
        assert "total_usage" in [c[0] for c in warehouse._connection.execute("FROM cost_daily").description]


def test_a_newer_schema_is_refused_for_writing(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse._connection.execute("INSERT INTO ops.migrations VALUES (9999, '9999_future.sql', now())")
    with pytest.raises(ConfigurationError):
        Warehouse(path, NOW)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(UnexpectedInputError):
        Warehouse(path, NOW)


@pytest.mark.parametrize("name", ["missing/w.duckdb", "."])
def test_a_place_that_cannot_hold_a_file(tmp_path, name):
    with pytest.raises((CannotCreateError, UnexpectedInputError)):
        Warehouse(tmp_path / name, NOW)


def test_the_file_is_written_for_older_clients_too(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW):
        pass
    # bytes 12 to 20 of a DuckDB file: the version of its storage; 64 is what clients from 0.9 to 1.4 read
    assert int.from_bytes((tmp_path / "w.duckdb").read_bytes()[12:20], "little") <= 67


def test_the_file_opens_in_other_duckdb_clients(tmp_path, other_duckdbs):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.commit([settled(i) for i in IDS], "run")
    select = "\n".join(f"assert connection.sql('FROM {v.relation}').fetchall() is not None" for v in sql.views())
    for python in other_duckdbs:
        opened = f"connection = duckdb.connect({str(path)!r}, read_only=True)\n{select}\n"
        assert int(python(f"{opened}print(len(connection.sql('FROM generations').fetchall()))")) == len(IDS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(12)), st.sampled_from(["settle", "wait", "bury", "see"])), max_size=40))
def test_the_ledger_agrees_with_a_dict(tmp_path_factory, steps):
    ids = [*IDS[:10], *LEGACY]
    model = {}
    with Warehouse(tmp_path_factory.mktemp("w") / "w.duckdb", NOW) as warehouse:
        for number, step in steps:
            generation_id = ids[number]
            if step == "see":
                warehouse.add(chunk([generation_id]), "run", NOW)
                model.setdefault(generation_id, "pending")
            elif model.get(generation_id) == "pending":
                outcomes = {
                    "settle": settled(generation_id),
                    "wait": Pending(item(generation_id), "unreadable", 200, None, 1),
                    "bury": Dead(item(generation_id), "http_410", 410, 1),
                }
                warehouse.commit([outcomes[step]], "run")
                model[generation_id] = {"settle": "settled", "wait": "pending", "bury": "dead"}[step]
        stored = every(warehouse, "SELECT generation_id, state FROM ops.work")
        stored += every(warehouse, "SELECT generation_id, 'settled' FROM generations")
        assert sorted(stored) == sorted(model.items())
