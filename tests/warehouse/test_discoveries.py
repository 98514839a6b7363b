"""What OpenRouter told, in the warehouse: each ID once, whatever was told how often, and nothing of what was erased."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import new_ids
from support.warehouses import LEGACY, NOW, item, settled

from ingest.core.discovered import ANALYTICS, MEASURES, DiscoveredGeneration, Discovery
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse.warehouse import Warehouse

IDS = new_ids(6, seed=9)


def discovery(*generations, **more):
    return Discovery(ANALYTICS, generations, len(generations), NOW, NOW + timedelta(seconds=1), **more)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Warehouse(tmp_path_factory.mktemp("told") / "w.duckdb", NOW) as warehouse:
        yield warehouse


def every(warehouse, sql, *values):
    return warehouse._connection.execute(sql, values).fetchall()


numbers = count()
told = st.fixed_dictionaries(
    {},
    optional={
        "api_key_label": st.sampled_from(["a", "b"]),
        "request_count": st.integers(1, 3),
        "total_usage": st.decimals(0, 9, places=12),
        "extra": st.sampled_from(['{"x":1.10}', '{"x":2}', '{"y":"z"}']),
        "line": st.integers(1, 3),
    },
)


@given(st.lists(st.dictionaries(st.integers(0, 3), told, max_size=4), min_size=1, max_size=4))
@settings(max_examples=12)
def test_each_id_stands_once_and_the_last_telling_of_each_value_counts(shared, tellings):
    ids = [*new_ids(3, seed=next(numbers) + 1000), f"gen-{next(numbers):028d}A"]
    expected = {}
    for telling in tellings:
        generations = [DiscoveredGeneration(ids[number], **fields) for number, fields in telling.items()]
        new = shared.add_discovery(discovery(*generations), "run", NOW)
        assert new == sum(number not in expected for number in telling)
        for number, fields in telling.items():
            expected[number] = {**expected.get(number, {}), **fields, "line": fields.get("line")}
    rows = (
        "SELECT generation_id, api_key_label, request_count, total_usage, source_line FROM main.discovered_generations"
    )
    found = {row[0]: row[1:] for row in every(shared, f"{rows} WHERE generation_id IN (SELECT unnest($1))", ids)}
    columns = ("api_key_label", "request_count", "total_usage", "line")
    assert found == {ids[n]: tuple(fields.get(name) for name in columns) for n, fields in expected.items()}
    total = every(
        shared, "SELECT count(*) FROM main.discovered_generations WHERE generation_id IN (SELECT unnest($1))", ids
    )
    assert total == [(len(expected),)]


@given(st.permutations(range(6)), st.integers(0, 6), st.integers(0, 6), st.integers(1, 6))
@settings(max_examples=12)
def test_what_a_log_names_later_is_no_longer_only_discovered(shared, order, settled_ones, logged, chunks):
    ids = new_ids(6, seed=next(numbers) + 5000)
    shared.add_discovery(discovery(*map(DiscoveredGeneration, ids)), "run", NOW)
    shared.commit(
        [msgspec.structs.replace(settled(i), item=item(i, source=ANALYTICS)) for i in ids[:settled_ones]], "run"
    )
    seen = [Sighting(ids[n], "app.log", n, n + 1, None, f'{{"n":{n}}}') for n in order[:logged]]
    for begin in range(0, len(seen), chunks):
        shared.add(Chunk(tuple(seen[begin : begin + chunks]) * 2, (), 0, 0), "run", NOW)
    found = every(
        shared,
        "SELECT generation_id, source_position, source_line, log_fields ->> '$.n' FROM main.generations "
        "WHERE source = 'app.log' AND generation_id IN (SELECT unnest($1)) UNION ALL "
        "SELECT generation_id, position, line, log_fields ->> '$.n' FROM ops.work "
        "WHERE source = 'app.log' AND generation_id IN (SELECT unnest($1))",
        ids,
    )
    assert sorted(found) == sorted((s.generation_id, s.position, s.line, str(s.position)) for s in seen)


def test_the_warehouse_says_who_told_what_when(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add(Chunk(tuple(Sighting(one, "app.log", 5) for one in IDS[:2]), (), 0, 0), "", NOW)
        warehouse.commit([settled(IDS[1])], "run")
        money = dict.fromkeys(MEASURES, Decimal("0.1"))
        generations = [DiscoveredGeneration(one, api_key_label="k", **money) for one in (*IDS[:3], LEGACY[0])]
        more = {"rows_without_id": 2, "usage_without_id": Decimal("0.3"), "truncated": True, "problem": "p"}
        assert warehouse.add_discovery(discovery(*generations, account="one", **more), "the run", NOW) == 2
        assert warehouse.asked_windows("one") == [(NOW, NOW + timedelta(seconds=1), NOW)]
        assert warehouse.asked_windows(None) == []
    with duckdb.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        where = connection.execute("SELECT source, count(*) FROM ops.work GROUP BY ALL ORDER BY 1").fetchall()
        days = connection.execute("SELECT count(*), count(requested_day), sum(total_usage) FROM discovered_generations")
        assert days.fetchall() == [(4, 3, Decimal("0.4"))]
        record = "rows, rows_without_id, usage_without_id, new_ids, truncated, problem, run_id"
        assert connection.execute(f"SELECT {record} FROM ops.discoveries").fetchall() == [
            (4, 2, Decimal("0.3"), 2, True, "p", "the run")
        ]
    assert where == [("app.log", 1), (ANALYTICS, 2)]


def test_what_was_erased_is_not_told_again(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        told = discovery(*map(DiscoveredGeneration, (*IDS, LEGACY[0])))
        warehouse.add_discovery(told, "run", NOW)
        warehouse.forget(datetime(2027, 1, 1, tzinfo=UTC), None, NOW)
        assert every(warehouse, "SELECT generation_id FROM main.discovered_generations") == [(LEGACY[0],)]
        assert warehouse.add_discovery(told, "run", NOW) == 0
        assert every(warehouse, "SELECT generation_id FROM main.discovered_generations") == [(LEGACY[0],)]


def test_a_telling_that_fails_leaves_nothing_of_it(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add_discovery(discovery(DiscoveredGeneration(IDS[0])), "run", NOW)
        warehouse._connection.execute("ALTER TABLE ops.discoveries RENAME COLUMN problem TO gone")
        with pytest.raises(Exception, match="problem"):
            warehouse.add_discovery(discovery(*map(DiscoveredGeneration, IDS)), "run", NOW)
        for table in ("ops.work", "main.discovered_generations", "ops.discoveries"):
            assert every(warehouse, f"SELECT count(*) FROM {table}") == [(1,)]
        warehouse._connection.execute("ALTER TABLE ops.discoveries RENAME COLUMN gone TO problem")
