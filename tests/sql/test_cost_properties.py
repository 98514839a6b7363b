"""Whatever comes in, in whatever order: any grouping adds up to the total, and rollups are what the facts make."""

import json
import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouses import schema_in_memory

from ingest.client.decode import decode_generation
from ingest.core.errors import OrusageError
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse import sql_files
from ingest.warehouse.checks import violations
from ingest.warehouse.doctor import BAD, examine
from ingest.warehouse.frames import normalize
from ingest.warehouse.maintenance import forget, publish
from ingest.warehouse.rollups import refresh
from ingest.warehouse.staging import for_each_era
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = datetime(2026, 8, 27, tzinfo=UTC)
"""A Thursday: the days drawn reach over weeks and a month's end."""

MONEY = (0, 0.01, 6.02e-06, 1e-12, 5e-13, 0.123456789012, 999_999.5, -0.004, None, "0.5", "much")
TOKENS = (None, 0, 1, 2, 100, 4000)
TIMES = (None, 0, 0.4, 3, 1500, 74_512.5)
FIELDS = {
    "model": (None, "a/one", "a/two", "b/one:free"),
    "provider_name": (None, "P", "Q"),
    "usage": MONEY,
    "total_cost": MONEY,
    "upstream_inference_cost": MONEY,
    "cache_discount": MONEY,
    "is_byok": (None, False, True),
    "cancelled": (None, False, True),
    "finish_reason": (None, "stop", "length", "error", "content_filter"),
    "streamed": (None, False, True),
    "api_type": (None, "completions", "embeddings"),
    "response_cache_source_id": (None, None, "gen-1600000000-elsewhere00000000000"),
    "native_tokens_prompt": TOKENS,
    "native_tokens_completion": TOKENS,
    "native_tokens_reasoning": TOKENS,
    "native_tokens_cached": TOKENS,
    "latency": TIMES,
    "generation_time": TIMES,
    "num_search_results": (None, 0, 3),
    "app_id": (None, 1, 2),
    "external_user": (None, "ann", "bob"),
    "session_id": (None, "s", "t"),
    "request_id": (None, "r", "q"),
    "workspace_id": (None, "w"),
    "provider_responses": (
        None,
        [],
        [{"status": 429, "provider_name": "P"}, {"status": 200, "provider_name": "Q"}],
        [{"status": 503, "provider_name": "P"}],
    ),
}


def drawn(seed, at):
    """A generation at an hour counted from the first day; without one, a legacy ID, with or without a day."""
    draw = random.Random(seed)
    data = {name: draw.choice(values) for name, values in FIELDS.items()}
    tail = "".join(draw.choices("abcdefghij", k=18)) + "zZ"
    if at is None:
        generation_id = f"gen-{tail}00Aa"
        data["created_at"] = draw.choice([None, "2026-08-30T10:00:00Z", "2026-09-03T23:59:59.5Z"])
    else:
        generation_id = f"gen-{int((FIRST + timedelta(hours=at)).timestamp())}-{tail}"
    item = WorkItem(generation_id, second_of(generation_id), "a.log", 0)
    body = json.dumps({"data": data | {"id": generation_id}}).encode()
    return Settled(item, decode_generation(body).data, NOW, 1)


HOURS = st.one_of(st.none(), st.integers(0, 24 * 20))
GENERATIONS = st.builds(drawn, st.integers(0, 2**32), HOURS)
NIGHTS = st.lists(GENERATIONS, min_size=1, max_size=12, unique_by=lambda s: s.item.generation_id)


@pytest.fixture(scope="module")
def memory():
    """The schema in memory, where a warehouse is quick to fill."""
    with schema_in_memory() as connection:
        yield connection


TABLES = ("main.generations", "main.provider_attempts", "ops.cost_rollup")


def emptied(connection):
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")


def store(connection, settled):
    """As a run does, or as an earlier version did whose tables lack columns; returns the days that were written to."""
    frames = normalize(settled, "run")
    there = [d[0] for d in connection.execute("SELECT * FROM generations LIMIT 0").description]
    for_each_era(connection, frames.generations.select(there), "facts/insert_generations")
    for_each_era(connection, frames.provider_attempts, "facts/insert_provider_attempts")
    return frozenset(frames.generations["requested_day"].drop_nulls())


def fill(connection, settled):
    emptied(connection)
    refresh(connection, store(connection, settled))


def rows(connection, statement):
    return connection.execute(statement).fetchall()


def one(connection, statement):
    [(value,)] = rows(connection, statement)
    return value


def booked(settled):
    """The total, of the answers themselves."""
    total = Decimal(0)
    for answer in settled:
        g = answer.generation
        total += (g.usage if g.usage is not None else g.total_cost or 0) + (
            (g.upstream_inference_cost or 0) if g.is_byok else 0
        )
    return total


DIMENSIONS = (
    "requested_day",
    "model",
    "model_author",
    "provider_name",
    "api_type",
    "cost_basis",
    "is_byok",
    "is_response_cache_hit",
    "status",
    "streamed",
    "is_web_search",
    "is_measured",
    "attempts",
    "app_id",
    "external_user",
    "session_id",
    "request_id",
    "workspace_id",
    "finish_reason",
)
WHOLE = [
    v.name
    for v in sql_files.views()
    if v.group == "cost" and "Every settled generation is in exactly one row" in v.text
]
PARTS = "total_usage = credits_usage + byok_usage AND credits_usage = openrouter_usage + byok_fees"


def test_the_views_that_hold_every_generation_are_known():
    assert len(WHOLE) == 10


@settings(max_examples=15)
@given(settled=NIGHTS, dimensions=st.sets(st.sampled_from(DIMENSIONS), max_size=4))
def test_sums_over_any_grouping_are_the_total_to_the_last_digit(memory, settled, dimensions):
    fill(memory, settled)
    whole = (booked(settled), len(settled))
    key = ", ".join(sorted(dimensions)) or "true"
    groups = rows(memory, f"SELECT sum(total_usage), count(*) FROM generation_facts GROUP BY {key}")
    assert (sum(money for money, _ in groups), sum(count for _, count in groups)) == whole
    for view in (*WHOLE, "ops.cost_cells", "ops.cost_rollup"):
        counted = "generation_count" if view == "cost_by_request" else "request_count"
        [found] = rows(memory, f"SELECT sum(total_usage), sum({counted}), bool_and({PARTS}) FROM {view}")
        assert found == (*whole, True), view
    assert one(memory, "SELECT sum(EffectiveCost) FROM focus_cost_and_usage") == whole[0]
    billed = sum(charge(s.generation) or 0 for s in settled)
    assert one(memory, "SELECT sum(BilledCost) FROM focus_cost_and_usage") == billed


def charge(generation):
    """What the answer tells that OpenRouter charged; None if it tells nothing."""
    return generation.total_cost if generation.usage is None else generation.usage


def per_million(settled):
    """What a million tokens cost, of the answers that told both their whole cost and tokens; copies cost nothing."""
    cost = tokens = 0
    for g in (answer.generation for answer in settled):
        counted = (g.native_tokens_prompt or 0) + (g.native_tokens_completion or 0)
        parts = [charge(g), g.upstream_inference_cost] if g.is_byok else [charge(g)]
        if counted > 0 and None not in parts and g.response_cache_source_id is None:
            cost, tokens = cost + sum(parts), tokens + counted
    return 10**6 * cost / tokens if tokens else None


PER_MILLION = {"cost_by_model": "model", "cost_by_provider": "provider_name", "cost_by_user": "external_user"}


@settings(max_examples=25)
@given(settled=NIGHTS)
def test_the_price_of_a_million_tokens_is_made_of_what_is_priced_and_tokenised(memory, settled):
    fill(memory, settled)
    for view, name in PER_MILLION.items():
        for key, price in rows(memory, f"SELECT {name}, blended_cost_per_million_tokens FROM {view}"):
            wanted = per_million([s for s in settled if getattr(s.generation, name) == key])
            assert price == (None if wanted is None else pytest.approx(float(wanted), rel=1e-12)), (view, key)


NO_PRICE = {
    "a charge without tokens": {"usage": 0.02, "native_tokens_prompt": None, "native_tokens_completion": 0},
    "an unknown cost": {"usage": None},
    "BYOK of which only the fee is known": {"is_byok": True, "usage": 0.001, "upstream_inference_cost": None},
    "a copy": {"usage": 0, "response_cache_source_id": "gen-1600000000-elsewhere00000000000"},
}
PLAIN = {"usage": 0.0015, "is_byok": False, "native_tokens_prompt": 900, "native_tokens_completion": 100}
PLAIN |= {"model": "a/one", "provider_name": "P", "external_user": "ann", "response_cache_source_id": None}


def answer(number, **data):
    generation_id = f"gen-{int(FIRST.timestamp()) + number}-{'a' * 18}zZ"
    body = json.dumps({"data": data | {"id": generation_id}}).encode()
    item = WorkItem(generation_id, second_of(generation_id), "a.log", 0)
    return Settled(item, decode_generation(body).data, NOW, 1)


@pytest.mark.parametrize("name", NO_PRICE)
def test_what_has_no_price_per_token_leaves_it_as_it_is(memory, name):
    odd = answer(1, **PLAIN | NO_PRICE[name])
    for settled, price in (([odd], None), ([answer(0, **PLAIN), odd], 1.5)):
        fill(memory, settled)
        for view in (*PER_MILLION, "cost_daily"):
            assert one(memory, f"SELECT blended_cost_per_million_tokens FROM {view}") == price, view


OF_SOME = {
    "SELECT sum(request_count) FROM latency_by_model": "is_measured",
    "SELECT sum(request_count) FROM latency_by_provider": "is_measured",
    "SELECT sum(request_count) FROM latency_hourly": "is_measured AND requested_at IS NOT NULL",
    "SELECT sum(request_count) FROM throughput_by_length": "is_measured AND native_tokens_completion > 0",
    "SELECT sum(request_count) FROM failed_spend": "status <> 'completed'",
    "SELECT sum(request_count) FROM web_search_usage": "is_web_search",
    "SELECT sum(request_count) FROM reasoning_share": "native_tokens_completion > 0",
    "SELECT sum(hit_count) FROM response_cache_savings": "is_response_cache_hit",
    "SELECT count(*) FROM openrouter_traces": "true",
    "SELECT count(*) FROM fallbacks": "attempts > 1",
    "SELECT sum(x_Generations) FROM focus_cost_and_usage WHERE x_Charge <> 'byok inference'": "true",
    "SELECT sum(x_Generations) FROM focus_cost_and_usage WHERE x_Charge = 'byok inference'": "is_byok",
}


@settings(max_examples=10)
@given(settled=NIGHTS)
def test_no_view_counts_a_generation_or_an_attempt_twice(memory, settled):
    fill(memory, settled)
    for counted, condition in OF_SOME.items():
        there = one(memory, f"SELECT count(*) FROM generation_facts WHERE {condition}")
        assert (one(memory, counted) or 0) == there, counted
    attempts = sum(len(s.generation.provider_responses or ()) for s in settled)
    for view in ("provider_reliability", "error_rates"):
        assert (one(memory, f"SELECT sum(attempt_count) FROM {view}") or 0) == attempts
    kinds = "success_count + throttled_count + server_error_count + other_error_count + unknown_count"
    assert (one(memory, f"SELECT sum({kinds}) FROM provider_reliability") or 0) == attempts


@settings(max_examples=10)
@given(settled=NIGHTS, day=st.integers(0, 20))
def test_another_day_changes_only_the_rows_of_that_day(memory, settled, day):
    others = [s for s in settled if day_of(s) != FIRST.date() + timedelta(days=day)]
    more = [drawn(seed, 24 * day + seed) for seed in range(3)]
    fill(memory, others)
    before = {name: Counter(rows(memory, f"SELECT * FROM {name}")) for name in ("cost_daily", *TABLES[2:])}
    refresh(memory, store(memory, more))
    for name, was in before.items():
        changed = (was - Counter(now := rows(memory, f"SELECT * FROM {name}"))) + (Counter(now) - was)
        added = FIRST.date() + timedelta(days=day)
        assert {row[0] for row in changed} <= {added}, name
    assert rows(memory, f"SELECT request_count FROM cost_daily WHERE requested_day = '{added}'") == [(3,)]


def day_of(settled):
    told = settled.item.requested_at or settled.generation.created_at
    return told and told.date()


# Rollups


def assert_rollups_are_the_facts(connection):
    """Every cell, counted anew from the facts."""
    cells = [Counter(rows(connection, f"SELECT * FROM {name}")) for name in ("ops.cost_cells", "ops.cost_rollup")]
    assert cells[0] == cells[1]
    assert rows(connection, "FROM check_rollups_agree") == []


@settings(max_examples=10)
@given(nights=st.lists(NIGHTS, min_size=2, max_size=3))
def test_rollups_made_night_by_night_are_those_made_at_once(memory, nights):
    emptied(memory)
    for night in nights:
        refresh(memory, store(memory, night))
        assert_rollups_are_the_facts(memory)
    by_night = [Counter(rows(memory, f"FROM {table}")) for table in TABLES[2:]]
    refresh(memory, None)
    assert [Counter(rows(memory, f"FROM {table}")) for table in TABLES[2:]] == by_night
    assert_rollups_are_the_facts(memory)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "w.duckdb"
    with Warehouse(path, NOW):
        pass
    return path


def take_in(warehouse, settled):
    sightings = tuple(Sighting(s.item.generation_id, "a.log", 0) for s in settled)
    warehouse.add(Chunk(sightings, (), ended=0, bytes_read=0), "run", NOW)
    known = {i for (i,) in warehouse._connection.execute("SELECT generation_id FROM ops.work").fetchall()}
    warehouse.commit([s for s in settled if s.item.generation_id in known], "run")


def step_over(path, step, settled):
    """One thing that may happen to a warehouse, after which it is published."""
    match step:
        case "a run":
            with Warehouse(path, NOW) as warehouse:
                take_in(warehouse, settled)
        case "publishes in a run":
            with Warehouse(path, NOW) as warehouse:
                for some in (settled[::2], settled[1::2]):
                    take_in(warehouse, some)
                    warehouse.publish()
        case "a run that died":
            warehouse = Warehouse(path, NOW)
            take_in(warehouse, settled)
            warehouse.close()
            publish(path, NOW, NO_WAIT)
        case "a run that went on from one that died":
            warehouse = Warehouse(path, NOW)
            take_in(warehouse, settled[::2])
            warehouse.close()
            with Warehouse(path, NOW) as warehouse:
                take_in(warehouse, settled[1::2])
        case "a user is forgotten":
            forget(path, None, "ann", NOW, NO_WAIT)
        case "old days are forgotten":
            forget(path, FIRST + timedelta(days=3, hours=7), None, NOW, NO_WAIT)


STEPS = (
    "a run",
    "publishes in a run",
    "a run that died",
    "a run that went on from one that died",
    "a user is forgotten",
    "old days are forgotten",
)


@settings(max_examples=4)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), NIGHTS), min_size=2, max_size=3))
def test_rollups_are_the_facts_after_whatever_happens(empty, tmp_path_factory, steps):
    path = shutil.copy(empty, tmp_path_factory.mktemp("steps") / "w.duckdb")
    for step, settled in steps:
        step_over(path, step, settled)
        assert_published_rollups_are_the_facts(path)


SOME = [drawn(seed, hour) for seed, hour in enumerate([*range(0, 400, 9), *[None] * 20])]


@pytest.mark.parametrize("step", STEPS[1:])
def test_rollups_are_the_facts_after(empty, tmp_path, step):
    """Each at least once with many generations, of which some are late."""
    path = shutil.copy(empty, tmp_path / "w.duckdb")
    step_over(path, "a run", SOME[::3])
    step_over(path, step, SOME)
    assert_published_rollups_are_the_facts(path)


def assert_published_rollups_are_the_facts(path):
    with duckdb.connect(path, read_only=True) as connection:
        assert_rollups_are_the_facts(connection)
        assert violations(connection) == set()


def test_an_older_file_shows_what_a_new_one_does_when_it_is_brought_up_to_date(memory, tmp_path):
    path = tmp_path / "old.duckdb"
    older = [m for m in sql_files.migrations() if m.name < "0007"]
    with duckdb.connect(path) as connection:
        connection.execute(sql_files.query("catalog/create_migrations_table"))
        for migration in older:
            connection.execute(migration.text)
            connection.execute(
                "INSERT INTO ops.migrations VALUES ($1, $2, TIMESTAMP '2026-01-01')", [migration.number, migration.name]
            )
        store(connection, SOME)
        connection.execute("UPDATE ops.last_commit SET known_ids = $1", [len(SOME)])
    with Warehouse(path, NOW):
        pass
    assert_published_rollups_are_the_facts(path)
    with duckdb.connect(path, read_only=True) as connection:
        assert one(connection, "SELECT sum(request_count) FROM cost_daily") == len(SOME)
        facts = rows(connection, "FROM generation_facts ORDER BY generation_id")
    fill(memory, SOME)
    assert facts == rows(memory, "FROM generation_facts ORDER BY generation_id")


@pytest.fixture(scope="module")
def filled(empty, tmp_path_factory):
    path = shutil.copy(empty, tmp_path_factory.mktemp("filled") / "w.duckdb")
    step_over(path, "a run", SOME)
    return path


@pytest.fixture
def path(filled, tmp_path):
    return shutil.copy(filled, tmp_path / "w.duckdb")


def test_rollups_of_another_versions_views_are_made_anew(path):
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE ops.migrations SET name = 'other views' WHERE number = 0")
        connection.execute("UPDATE ops.cost_rollup SET byok_usage = 7")
    with Warehouse(path, NOW):
        pass
    assert_published_rollups_are_the_facts(path)


PLANTED = {
    "a cell too many": "INSERT INTO ops.cost_rollup (requested_day, request_count) VALUES (DATE '2026-08-01', 1)",
    "generations too many": "UPDATE ops.cost_rollup SET request_count = 9 WHERE requested_day = '{day}'",
    "a cell lost": "DELETE FROM ops.cost_rollup WHERE requested_day = '{day}'",
    "a picodollar too many": (
        "UPDATE ops.cost_rollup SET credits_usage = credits_usage + 0.000000000001 WHERE rowid = "
        "(SELECT min(rowid) FROM ops.cost_rollup)"
    ),
    "the days that are not known lost": "DELETE FROM ops.cost_rollup WHERE requested_day IS NULL",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_seen_by_the_check_and_by_doctor(path, name):
    with duckdb.connect(path) as connection:
        connection.execute(PLANTED[name].format(day=FIRST.date()))
        [violation] = violations(connection)
    assert violation.check == "check_rollups_agree"
    said = [f.detail for f in examine(path) if f.state == BAD]
    assert said == [str(violation)]
    assert "the rollup is off by" in said[0]


BROKEN = {
    "generations left out": (
        "SELECT * FROM main.generation_facts",
        "SELECT * FROM generation_facts WHERE NOT cancelled",
    ),
    "fees booked twice": ("sum(credits_usage)", "sum(credits_usage + byok_fees)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_clone_whose_rollup_is_not_its_facts_is_not_published(path, name):
    text = next(v.text for v in sql_files.views() if v.name == "cost_cells")
    assert BROKEN[name][0] in text
    before = path.read_bytes()
    warehouse = Warehouse(path, NOW)
    take_in(warehouse, [drawn(seed, 30) for seed in range(900, 940)])
    warehouse._connection.execute(text.replace(*BROKEN[name]))
    with pytest.raises(OrusageError, match="not published: a check failed") as error:
        warehouse.publish()
    assert "check_rollups_agree: 2026-08-28: the rollup is off by" in error.value.cause
    warehouse.close()
    assert path.read_bytes() == before
