import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.long_form import in_two_forms
from support.warehouses import IDS, LEGACY, NOW, chunk, content, item, settled, write_old_warehouse

import ingest.warehouse.ledger
import ingest.warehouse.write_session
from ingest.client.decode import decode_generation
from ingest.core.errors import CannotCreateError, ConfigurationError, OrusageError, StorageError, UnexpectedInputError
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Content, Dead, Pending, Settled
from ingest.core.remembered_rate import RememberedRate
from ingest.core.run_stats import RunStats
from ingest.core.settings import EARLIEST, LATEST, Settings
from ingest.core.sightings import Checkpoint, Chunk, Sighting, SourceRead
from ingest.simulator import fake_records
from ingest.warehouse import sql_files
from ingest.warehouse.schema import TABLES
from ingest.warehouse.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path):
    warehouse = Warehouse(tmp_path / "w.duckdb", NOW)
    yield warehouse
    warehouse.close()


def every(warehouse, statement):
    return warehouse._connection.execute(statement).fetchall()


def ids_of(warehouse, relation):
    return sorted(i for (i,) in every(warehouse, f"SELECT generation_id FROM {relation}"))


def test_new_ids_are_stored_once_whatever_repeats(warehouse):
    assert warehouse.add(chunk(IDS + IDS), "run", NOW) == len(IDS)
    assert warehouse.add(chunk(reversed(IDS)), "run", NOW) == 0
    assert ids_of(warehouse, "ops.work") == sorted(IDS)


def test_an_id_keeps_the_place_where_it_was_seen_first(warehouse):
    logged_at = datetime(2026, 10, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    first = [Sighting(i, "a.log", 10, 1, logged_at, '{"user":"ann"}') for i in (IDS[0], LEGACY[0])]
    named = Sighting(IDS[1], f"{IDS[1]}.json", None)
    later = [Sighting(i, "b.log", 20, 2) for i in (IDS[0], IDS[1], LEGACY[0])]
    warehouse.add(Chunk((*first, named, *later), reads=(), ended=0, bytes_read=0), "run", NOW)
    assert warehouse.add(Chunk(tuple(later), reads=(), ended=0, bytes_read=0), "run", NOW) == 0
    items = {i.generation_id: i for i in warehouse.ledger.ready(Settings(), NOW)}
    told = {i: (m.source, m.position, m.line, m.logged_at, m.log_fields) for i, m in items.items()}
    seen = ("a.log", 10, 1, logged_at, '{"user":"ann"}')
    assert told == {IDS[0]: seen, LEGACY[0]: seen, IDS[1]: (f"{IDS[1]}.json", None, None, None, None)}
    answers = [json.dumps({"data": fake_records.record(1, i)}).encode() for i in items]
    outcomes = [Settled(m, decode_generation(b).data, NOW, 1) for m, b in zip(items.values(), answers, strict=True)]
    warehouse.commit(outcomes, "run")
    stored = every(
        warehouse,
        "SELECT generation_id, source, source_position, source_line, logged_at, log_fields->>'$.user' FROM generations",
    )
    assert {i: (source, at, line, time, user) for i, source, at, line, time, user in stored} == {
        i: (
            m.source,
            m.position,
            m.line,
            m.logged_at and m.logged_at.replace(tzinfo=None),
            "ann" if m.log_fields else None,
        )
        for i, m in items.items()
    }


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
        data = fake_records.record(1, generation_id)
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


def test_pages_walk_all_due_ids_newest_first_and_none_twice(warehouse, monkeypatch):
    monkeypatch.setattr(ingest.warehouse.ledger, "PAGE", 7)
    warehouse.add(chunk(IDS), "run", NOW)
    seen = []
    for due in warehouse.ledger.ready(Settings(), NOW):
        seen.append(due)
        warehouse.commit([Pending(due, "unreadable", 200, None, 1)], "run")
    assert sorted(i.generation_id for i in seen) == sorted(IDS)
    times = [i.requested_at or datetime(1970, 1, 1, tzinfo=UTC) for i in seen]
    assert times == sorted(times, reverse=True)
    assert {i.due_at for i in seen} == {None}
    assert list(warehouse.ledger.recent(Settings(), NOW)) == []
    assert warehouse.ledger.count_due(Settings(), NOW) == len(IDS)


def test_ids_under_three_minutes_old_are_claimed_apart_the_soonest_due_first(warehouse):
    ages = (181, 180, 179, 60, 1, 0, -30, -3600)
    made = {age: f"gen-{int(NOW.timestamp()) - age}-{'A' * 20}" for age in ages}
    warehouse.add(chunk(made.values()), "run", NOW)
    assert [i.generation_id for i in warehouse.ledger.ready(Settings(), NOW)] == [made[180], made[181]]
    waits = [(i.generation_id, (i.due_at - NOW).total_seconds()) for i in warehouse.ledger.recent(Settings(), NOW)]
    assert waits == [(made[179], 1), (made[60], 120), (made[1], 179), *((made[age], 180) for age in (0, -30, -3600))]
    assert warehouse.ledger.count_due(Settings(), NOW) == len(ages)


BOUNDS = st.one_of(
    st.none(), st.sampled_from([second_of(i) for i in IDS if second_of(i)]), st.datetimes(timezones=st.just(UTC))
)


@pytest.fixture(scope="module")
def pending(tmp_path_factory):
    with Warehouse(tmp_path_factory.mktemp("pending") / "w.duckdb", NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        yield warehouse


@given(since=BOUNDS, until=BOUNDS, grace=st.timedeltas(timedelta(0), timedelta(days=60)), age=st.integers(0, 60))
def test_a_period_is_from_since_up_to_but_not_including_until(pending, since, until, grace, age):
    bounds = Settings(since=since or EARLIEST, until=until or LATEST, not_found_grace=grace)
    began = NOW - timedelta(days=age)
    seconds = {i: second_of(i) or EARLIEST for i in IDS}
    meant = {i for i, second in seconds.items() if bounds.since <= second < bounds.until}
    claimed = [*pending.ledger.ready(bounds, began), *pending.ledger.recent(bounds, began)]
    assert sorted(item.generation_id for item in claimed) == sorted(meant)
    assert pending.ledger.count_due(bounds, began) == len(meant)
    overdue = sum(seconds[i] <= began - grace for i in meant)
    assert pending.ledger.count_overdue(bounds, began) == overdue


def test_a_relative_name_is_replaced_by_the_absolute_one(warehouse):
    for name, replaces in (("logs/app.log", None), ("other.log", None), ("/srv/logs/app.log", "logs/app.log")):
        read = SourceRead(name, 99, 40, complete=True, position=99, replaces=replaces)
        warehouse.add(chunk(IDS, read), "run", NOW)
    assert every(warehouse, "SELECT source FROM ops.sources ORDER BY 1") == [("/srv/logs/app.log",), ("other.log",)]


def test_ids_that_are_not_due_or_outside_since_and_until_are_not_claimed(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    warehouse.commit([Pending(item(IDS[0]), "not_found_yet", 404, NOW + timedelta(seconds=1), 1)], "run")
    assert warehouse.ledger.count_due(Settings(), NOW) == len(IDS) - 1
    assert warehouse.ledger.count_due(Settings(), NOW + timedelta(seconds=1)) == len(IDS)
    middle = sorted(filter(None, map(second_of, IDS)))[20]
    newer = warehouse.ledger.count_due(Settings(since=middle), NOW + timedelta(days=1))
    older = warehouse.ledger.count_due(Settings(until=middle), NOW + timedelta(days=1))
    assert (newer, older) == (20, 22)
    assert len(list(warehouse.ledger.ready(Settings(since=middle), NOW + timedelta(days=1)))) == 20
    recent = warehouse.ledger.recent(Settings(until=middle + timedelta(seconds=1)), middle + timedelta(seconds=1))
    assert [second_of(i.generation_id) for i in recent][-1] == middle
    assert not list(warehouse.ledger.recent(Settings(since=NOW), middle))


def test_a_failed_batch_leaves_nothing_behind(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    before = ids_of(warehouse, "ops.work")
    warehouse._connection.execute("ALTER TABLE ops.work RENAME COLUMN reason TO gone")
    batch = [settled(IDS[0], content(IDS[0])), Pending(item(IDS[1]), "unreadable", 200, None, 1)]
    with pytest.raises(Exception, match="reason"):
        warehouse.commit(batch, "run")
    assert ids_of(warehouse, "generations") == ids_of(warehouse, "generation_contents") == []
    assert ids_of(warehouse, "ops.work") == before


# Contents


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_commit_that_failed_is_looked_up(warehouse, monkeypatch, is_stored):
    @contextmanager
    def failing(connection):
        connection.begin()
        yield
        (connection.commit if is_stored else connection.rollback)()
        raise duckdb.TransactionException("Transaction COMMIT succeeded and is durable, but something else failed")

    warehouse.add(chunk(IDS[:1]), "run", NOW)
    with monkeypatch.context() as patch:
        patch.setattr(ingest.warehouse.write_session, "transaction", failing)
        if is_stored:
            assert warehouse.add(chunk(IDS[:5]), "run", NOW) == 4
        else:
            with pytest.raises(StorageError):
                warehouse.add(chunk(IDS[:5]), "run", NOW)
    assert ids_of(warehouse, "ops.work") == sorted(IDS[: 5 if is_stored else 1])
    warehouse.add(chunk(IDS), "run", NOW)
    assert ids_of(warehouse, "ops.work") == sorted(IDS)
    assert every(warehouse, "SELECT known_ids FROM ops.last_commit") == [(len(IDS),)]


@pytest.mark.parametrize("generation_id", [IDS[0], LEGACY[0]])
def test_content_is_stored_text_by_text(warehouse, generation_id):
    warehouse.commit([settled(generation_id, content(generation_id, completion="ü\0\n\U0001f600"))], "run-7")
    assert every(warehouse, "FROM generation_contents") == [
        (
            generation_id,
            second_of(generation_id) and second_of(generation_id).replace(tzinfo=None),
            200,
            None,
            f"input of {generation_id}",
            "ü\0\n\U0001f600",
            f"reasoning of {generation_id}",
            f"error of {generation_id}",
            f"extra of {generation_id}",
            NOW.replace(tzinfo=None) + timedelta(seconds=1),
            "run-7",
        )
    ]


def test_only_ids_whose_content_was_asked_for_have_a_row_of_it(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    refused = Content(403, "http_403", NOW)
    lost = Content(None, "timeout", NOW)
    batch = [settled(IDS[0]), settled(IDS[1], content(IDS[1])), settled(IDS[2], refused), settled(LEGACY[0], lost)]
    warehouse.commit([*batch, settled(LEGACY[1]), Dead(item(IDS[3]), "not_found", 404, 1)], "run")
    rows = every(warehouse, "SELECT generation_id, http_status, reason, input IS NULL FROM generation_contents")
    assert sorted(rows) == sorted(
        [(IDS[1], 200, None, False), (IDS[2], 403, "http_403", True), (LEGACY[0], None, "timeout", True)]
    )
    assert ids_of(warehouse, "generations") == sorted([*IDS[:3], *LEGACY])


def test_content_stored_twice_is_stored_once_and_as_it_came_first(warehouse):
    warehouse.commit([settled(i, content(i)) for i in IDS], "run")
    before = every(warehouse, "FROM generation_contents ORDER BY ALL")
    warehouse.commit([settled(i, content(i, completion="another")) for i in reversed(IDS)], "again")
    assert every(warehouse, "FROM generation_contents ORDER BY ALL") == before
    assert ids_of(warehouse, "generation_contents") == sorted(IDS)


def test_content_of_generations_that_are_stored_already_is_added(warehouse):
    warehouse.commit([settled(i) for i in IDS], "run")
    warehouse.commit([settled(i, content(i)) for i in IDS], "run")
    assert ids_of(warehouse, "generation_contents") == ids_of(warehouse, "generations") == sorted(IDS)


@pytest.mark.parametrize("generation_id", [IDS[0], LEGACY[0]])
def test_an_id_whose_content_cannot_be_stored_is_not_settled(warehouse, generation_id):
    warehouse.add(chunk(IDS), "run", NOW)
    warehouse._connection.execute("ALTER TABLE generation_contents RENAME COLUMN completion TO gone")
    with pytest.raises(Exception, match="completion"):
        warehouse.commit([settled(generation_id, content(generation_id))], "run")
    assert ids_of(warehouse, "generations") == ids_of(warehouse, "provider_attempts") == []
    assert ids_of(warehouse, "ops.work") == sorted(IDS)


@pytest.fixture
def old_warehouse(tmp_path):
    return write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:1])


def test_a_warehouse_without_rates_gets_them_and_keeps_its_runs(tmp_path):
    path = write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:2])
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ops.runs (run_id, settled, exit_code) VALUES ('older', 7, 0)")
    with Warehouse(path, NOW) as warehouse:
        warehouse.start_run("newer", "0", "https://x", NOW)
        warehouse.finish_run("newer", RunStats(requests=1, held_back=1.5), 0, NOW, 50.0)
        warehouse.remember_rate("x", None, RememberedRate(50.0, 10.0, NOW), "newer")
        runs = "SELECT run_id, settled, exit_code, waste, throttled_seconds, rate_limit FROM ops.runs ORDER BY run_id"
        assert every(warehouse, runs) == [("newer", 0, 0, 0, 1.5, 50), ("older", 7, 0, None, None, None)]
    with Warehouse(path, NOW) as warehouse, Warehouse(tmp_path / "new.duckdb", NOW) as new:
        assert warehouse.remembered_rate("x", None) == RememberedRate(50.0, 10.0, NOW)
        described = (
            "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() ORDER BY ALL"
        )
        assert every(warehouse, described) == every(new, described)
        assert all(comment for *_, comment in every(new, described))


def test_a_warehouse_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_holds(old_warehouse):
    with Warehouse(old_warehouse, NOW) as warehouse:
        applied = every(warehouse, "SELECT number, name, applied_at FROM ops.migrations WHERE number > 0 ORDER BY ALL")
        assert [(number, name) for number, name, _ in applied] == [(m.number, m.name) for m in sql_files.migrations()]
        assert [time == NOW.replace(tzinfo=None) for *_, time in applied] == [False] + [True] * (len(applied) - 1)
        assert ids_of(warehouse, "generations") == [IDS[0]]
        [due] = warehouse.ledger.ready(Settings(), NOW)
        assert due.generation_id == IDS[1]
        warehouse.add(chunk([LEGACY[0]]), "run", NOW)
        warehouse.commit([settled(IDS[1], content(IDS[1])), settled(LEGACY[0], content(LEGACY[0]))], "run")
        assert ids_of(warehouse, "generation_contents") == sorted([IDS[1], LEGACY[0]])
        assert ids_of(warehouse, "generations") == sorted([*IDS[:2], LEGACY[0]])


@pytest.mark.parametrize("table", TABLES)
def test_a_warehouse_of_the_first_version_gets_the_declared_schema(old_warehouse, table):
    with Warehouse(old_warehouse, NOW) as warehouse:
        columns = every(
            warehouse,
            f"SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = '{table}' "
            "ORDER BY column_index",
        )
        [(meaning,)] = every(warehouse, f"SELECT comment FROM duckdb_tables() WHERE table_name = '{table}'")
    assert columns == [(c.name, c.kind.value, c.comment) for c in TABLES[table]]
    assert meaning.startswith("One row per ")


def test_a_migration_that_fails_leaves_the_old_warehouse_as_it_was(old_warehouse, monkeypatch):
    first, *others = sql_files.migrations()
    broken = [sql_files.Migration(m.number, m.name, m.text + "\nSELECT no_such_column;") for m in others]
    monkeypatch.setattr(sql_files, "migrations", lambda: (first, *broken))
    with pytest.raises(Exception, match="no_such_column"):
        Warehouse(old_warehouse, NOW)
    monkeypatch.undo()
    with duckdb.connect(old_warehouse) as connection:
        assert connection.execute("SELECT number FROM ops.migrations").fetchall() == [(1,)]
        assert (
            connection.execute("SELECT * FROM duckdb_tables() WHERE table_name = 'generation_contents'").fetchall()
            == []
        )
    with Warehouse(old_warehouse, NOW) as warehouse:
        assert ids_of(warehouse, "generation_contents") == []


def test_a_source_is_described_as_it_was_last(warehouse):
    for size in (10, 20):
        read = SourceRead("app.log", size, 0, complete=True, size=size, position=size)
        warehouse.add(chunk([], read), "run", NOW)
    assert every(warehouse, "SELECT source, position, size, complete FROM ops.sources") == [("app.log", 20, 20, True)]


def checkpoint(source, **other):
    known = Checkpoint(
        source,
        file="1:2",
        signature="1:2:3:4:5",
        stored=30,
        position=20,
        coded=True,
        line=2,
        fingerprint="ab" * 32,
        tail="cd" * 32,
        checksum=2**32 - 1,
        sightings=7,
        done=True,
    )
    return replace(known, **other)


def known_to(warehouse):
    """The checkpoints of a warehouse by source."""
    return {checkpoint.source: checkpoint for checkpoint in warehouse.ledger.checkpoints()}


def test_checkpoints_come_back_as_they_were_stored(warehouse):
    stored = {
        "a.log": checkpoint("a.log"),
        "b.log": checkpoint("b.log", file=None, signature=None, fingerprint=None, coded=False, done=False, stored=20),
        "c.gz": checkpoint("c.gz", problem="truncated: the archive ends in the middle"),
    }
    reads = [SourceRead(s, 20, 7, complete=not c.problem, position=25, checkpoint=c) for s, c in stored.items()]
    warehouse.add(chunk([], *reads, SourceRead("-", 5, 0, complete=True, position=5)), "run", NOW)
    assert known_to(warehouse) == stored
    assert every(warehouse, "SELECT source, position, problem FROM ops.sources ORDER BY source") == [
        ("-", 5, None),
        ("a.log", 25, None),
        ("b.log", 25, None),
        ("c.gz", 25, "truncated: the archive ends in the middle"),
    ]


def test_a_source_that_is_unchanged_keeps_its_row_and_checkpoint(warehouse):
    first = SourceRead("a.log", 20, 7, complete=True, position=20, checkpoint=checkpoint("a.log"))
    warehouse.add(chunk([], first), "first", NOW)
    before = every(warehouse, "FROM ops.sources")
    same = SourceRead("a.log", 0, 7, complete=True, position=20, unchanged=True)
    assert warehouse.add(chunk([], same), "second", NOW + timedelta(days=1)) == 0
    assert every(warehouse, "FROM ops.sources") == before
    moved = replace(same, source="a.log.1", checkpoint=checkpoint("a.log.1"))
    warehouse.add(chunk([], moved), "third", NOW + timedelta(days=2))
    assert every(warehouse, "SELECT source, run_id FROM ops.sources ORDER BY source") == [
        ("a.log", "first"),
        ("a.log.1", "third"),
    ]


@pytest.mark.parametrize("problem", [None, "cannot be read: No such file or directory"])
def test_a_rotated_log_whose_successor_is_empty_or_away_is_no_news(tmp_path, problem):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        first = SourceRead("a.log", 20, 7, complete=True, position=20, checkpoint=checkpoint("a.log"))
        warehouse.add(chunk(IDS, first), "first", NOW)
    before = path.read_bytes()
    with Warehouse(path, NOW + timedelta(days=1)) as warehouse:
        empty = SourceRead("a.log", 0, 0, complete=not problem, problem=problem)
        assert warehouse.add(chunk([], empty), "second", NOW + timedelta(days=1)) == 0
        assert not warehouse.publish()
    assert path.read_bytes() == before


def test_how_far_sources_were_read_is_stored_with_their_ids_or_not_at_all(warehouse):
    known = checkpoint("app.log", sightings=len(IDS))
    read = SourceRead("app.log", 20, len(IDS), complete=True, position=20, checkpoint=known)
    warehouse._connection.execute("ALTER TABLE ops.sources RENAME COLUMN exhausted TO gone")
    with pytest.raises(Exception, match="exhausted"):
        warehouse.add(chunk(IDS, read), "run", NOW)
    assert ids_of(warehouse, "ops.work") == []
    warehouse._connection.execute("ALTER TABLE ops.sources RENAME COLUMN gone TO exhausted")
    assert warehouse.add(chunk(IDS, read), "run", NOW) == len(IDS)
    assert known_to(warehouse) == {"app.log": known}


def test_sources_of_a_warehouse_without_checkpoints_are_read_again(tmp_path):
    path = write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:3])
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ops.sources (source, fingerprint, position) VALUES ('app.log', 'ab', 20)")
    with Warehouse(path, NOW) as warehouse, Warehouse(tmp_path / "new.duckdb", NOW) as new:
        assert known_to(warehouse) == {}
        [due] = warehouse.ledger.ready(Settings(), NOW)
        assert (due.generation_id, due.source, due.position, due.line) == (IDS[1], "app.log", 0, None)
        described = (
            "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() ORDER BY ALL"
        )
        assert every(warehouse, described) == every(new, described)
        assert all(comment for *_, comment in every(new, described))


def test_a_run_has_a_record_from_its_start(warehouse):
    warehouse.start_run("r1", "0", "https://x", NOW)
    assert every(warehouse, "SELECT run_id, finished_at, exit_code FROM ops.runs") == [("r1", None, None)]
    warehouse.finish_run("r1", RunStats(settled=3, spend=Decimal("0.000000000001")), 3, NOW)
    assert every(warehouse, "SELECT settled, spend_added, exit_code FROM ops.runs") == [(3, Decimal("1e-12"), 3)]
    pace = "SELECT waste, throttled_seconds, request_ms_p50, request_ms_p95, rate_limit FROM ops.runs"
    assert every(warehouse, pace) == [(None, 0, None, None, None)]


def test_a_runs_record_tells_how_it_fared_with_the_server(warehouse):
    stats = RunStats(requests=200, statuses=Counter({200: 196, 429: 1, 503: 1, 529: 2}), held_back=2.5)
    for ms in range(1, 101):
        stats.request_times.add(ms / 1000)
    warehouse.start_run("r1", "0", "https://x", NOW)
    warehouse.finish_run("r1", stats, 0, NOW, 98.5)
    [(waste, held_back, rate_limit, *quantiles)] = every(
        warehouse, "SELECT waste, throttled_seconds, rate_limit, request_ms_p50, request_ms_p95 FROM ops.runs"
    )
    assert (waste, held_back, rate_limit) == (0.02, 2.5, 98.5)
    assert quantiles == pytest.approx([50, 95], rel=0.03)


def test_of_each_host_the_limit_measured_last_is_remembered(warehouse):
    assert warehouse.remembered_rate("openrouter.ai", None) is None
    for host, rate in (("openrouter.ai", 10.0), ("127.0.0.1:8787", 300.5), ("openrouter.ai", 20.25)):
        warehouse.remember_rate(
            host, None, RememberedRate(rate, rate / 2, NOW + timedelta(seconds=rate)), f"run-{rate}"
        )
    assert warehouse.remembered_rate("openrouter.ai", None) == RememberedRate(
        20.25, 10.125, NOW + timedelta(seconds=20.25)
    )
    assert warehouse.remembered_rate("127.0.0.1:8787", None).rate == 300.5
    assert warehouse.remembered_rate("127.0.0.1:8787", "work") is None
    assert every(warehouse, "SELECT host, run_id FROM ops.rate_limits ORDER BY host") == [
        ("127.0.0.1:8787", "run-300.5"),
        ("openrouter.ai", "run-20.25"),
    ]


def test_each_account_has_its_own_limit(warehouse):
    limits = {name: RememberedRate(rate, 1.0, NOW) for name, rate in ((None, 1.0), ("work", 2.0), ("home", 3.0))}
    for name, learned in limits.items():
        warehouse.remember_rate("openrouter.ai", name, RememberedRate(9.0, 9.0, NOW), "earlier")
        warehouse.remember_rate("openrouter.ai", name, learned, "run")
    assert {name: warehouse.remembered_rate("openrouter.ai", name) for name in limits} == limits
    assert every(warehouse, "SELECT count(*) FROM ops.rate_limits") == [(3,)]


def test_a_limit_that_cannot_be_stored_leaves_the_one_before(warehouse):
    before = RememberedRate(10.0, 5.0, NOW)
    warehouse.remember_rate("openrouter.ai", None, before, "run")
    with pytest.raises(OrusageError):
        warehouse.remember_rate("openrouter.ai", None, RememberedRate("fast", 5.0, NOW), "run")
    assert warehouse.remembered_rate("openrouter.ai", None) == before


def test_opening_again_changes_nothing(tmp_path):
    path = tmp_path / "w.duckdb"
    for _ in range(2):
        with Warehouse(path, NOW) as warehouse:
            names = every(warehouse, "SELECT number, name FROM ops.migrations ORDER BY number")
    assert names == [(0, sql_files.views_digest()), *((m.number, m.name) for m in sql_files.migrations())]


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
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS], "run")
    select = "\n".join(f"assert connection.sql('FROM {v.relation}').fetchall() is not None" for v in sql_files.views())
    for python in other_duckdbs:
        opened = f"connection = duckdb.connect({str(path)!r}, read_only=True)\n{select}\n"
        assert int(python(f"{opened}print(len(connection.sql('FROM generations').fetchall()))")) == len(IDS)


@in_two_forms(
    given(
        st.lists(st.tuples(st.sampled_from(range(12)), st.sampled_from(["settle", "wait", "bury", "see"])), max_size=40)
    ),
    short=5,
    long_form=200,
)
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
                    "settle": settled(generation_id, content(generation_id)),
                    "wait": Pending(item(generation_id), "unreadable", 200, None, 1),
                    "bury": Dead(item(generation_id), "http_410", 410, 1),
                }
                warehouse.commit([outcomes[step]], "run")
                model[generation_id] = {"settle": "settled", "wait": "pending", "bury": "dead"}[step]
        stored = every(warehouse, "SELECT generation_id, state FROM ops.work")
        stored += every(warehouse, "SELECT generation_id, 'settled' FROM generations")
        assert ids_of(warehouse, "generation_contents") == ids_of(warehouse, "generations")
        assert sorted(stored) == sorted(model.items())
