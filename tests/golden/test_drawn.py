"""Drawn answers, each field odd in its own way: every view shows of them what plain Python makes of them."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from support.warehouses import schema_in_memory

from golden.expected import VIEWS, World
from golden.generations import Line, golden_of
from golden.stored import NOW, settled
from golden.test_golden import differences, rows_of
from ingest.warehouse.frames import normalize
from ingest.warehouse.rollups import refresh
from ingest.warehouse.staging import for_each_era

BEGIN = 1_789_372_800
"""A Monday; IDs are drawn over two days."""

PRICES = ("null", "0", "0.01", "0.0125", "-0.004", '"0.5"', '"1e-3"', '"much"', '"$1"', "1000000", "true")
COUNTS = ("null", "0", "1", "100", "4000", "12.0", "1e3", "2.5e2", "12.5", '"12"', "-0.0")
TIMES = ("null", "0", "-5", "0.5", "3", "400", "1500.25", "74512.5")
STATUSES = ("null", "199", "200", "200.0", "204", "299", "300", "429", "500", "529", "600", '"200"')
FIELDS = {
    "model": ('"a/one"', '"a/two"', "null"),
    "provider_name": ('"P"', '"Q"', "null"),
    "usage": PRICES,
    "total_cost": PRICES,
    "upstream_inference_cost": PRICES,
    "cache_discount": PRICES,
    "is_byok": ("true", "false", "null"),
    "cancelled": ("true", "false", "false", "null"),
    "finish_reason": ('"stop"', '"stop"', '"length"', '"content_filter"', '"error"', '"odd"', "null"),
    "native_tokens_prompt": COUNTS,
    "native_tokens_completion": COUNTS,
    "native_tokens_reasoning": COUNTS,
    "native_tokens_cached": COUNTS,
    "streamed": ("true", "true", "false", "null"),
    "latency": TIMES,
    "generation_time": TIMES,
    "request_id": ('"r"', '"q"', "null"),
    "session_id": ('"s"', "null"),
}
OF_OTHERS = ("cost_forecast", "cost_anomalies", "focus_cost_and_usage", "openrouter_traces")
"""Views over a span of days, interchange, and what the ledger tells: their kinds are drawn elsewhere."""

SHOWN = [relation for relation in VIEWS if relation.startswith("main.") and not relation.endswith(OF_OTHERS)]
SHOWN = [relation for relation in SHOWN if "check_every_id" not in relation] + ["ops.cost_cells", "ops.data_quality"]


@pytest.fixture(scope="module")
def memory():
    """The schema in memory, where a warehouse is quick to fill."""
    with schema_in_memory() as connection:
        yield connection


def drawn(draw, ids, generation_id):
    """A generation that is a copy of another, or the record of another, as often as not."""
    answer = {name: draw.choice(texts) for name, texts in FIELDS.items()}
    statuses = draw.choices(STATUSES, k=draw.choice((0, 1, 1, 2, 3)))
    entries = [
        f'{{"provider_name": "{draw.choice("PQ")}", "status": {s}, "latency": {draw.choice("1258")}}}' for s in statuses
    ]
    answer["provider_responses"] = draw.choice((f"[{', '.join(entries)}]", f"[{', '.join(entries)}]", "null"))
    other = json.dumps(draw.choice(ids))
    answer["response_cache_source_id"] = draw.choice(("null", "null", '""', '"  "', other, other, '"gen-outside"'))
    answer["id"] = draw.choice((*[json.dumps(generation_id)] * 5, other, other, "null", '"unknown"', '"gen-strange"'))
    without = [name for name in answer if draw.random() < 0.05]
    return golden_of(Line("drawn", generation_id, answer={k: Raw(v) for k, v in answer.items()}, without=without))


def world_of(seed, count):
    draw = random.Random(seed)
    ids = [f"gen-{BEGIN + draw.randrange(2 * 86_400)}-{number:020d}" for number in range(count)]
    return World([drawn(draw, ids, each) for each in ids], now=NOW.replace(tzinfo=None))


def fill(connection, world):
    for table in ("main.generations", "main.provider_attempts", "ops.cost_rollup"):
        connection.execute(f"DELETE FROM {table}")
    frames = normalize([settled(g) for g in world.generations], "run")
    for_each_era(connection, frames.generations, "facts/insert_generations")
    for_each_era(connection, frames.provider_attempts, "facts/insert_provider_attempts")
    refresh(connection, frozenset(frames.generations["requested_day"].drop_nulls()))


def assert_shown(connection, world):
    for relation in SHOWN:
        grain, make = VIEWS[relation]
        assert differences(rows_of(connection, relation), make(world), grain) == [], relation


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 40))
def test_every_view_shows_what_plain_python_makes_of_drawn_answers(memory, seed, count):
    world = world_of(seed, count)
    fill(memory, world)
    assert_shown(memory, world)


@pytest.mark.parametrize("count", [19, 20, 21, 99, 100, 101, 400])
def test_percentiles_are_the_nearest_rank_or_not_told_at_each_size_of_a_sample(memory, count):
    """Durations drawn without ties, so that no other rank has the same value."""
    draw = random.Random(count)
    times = draw.sample(range(1, 10**6), 2 * count)
    lines = [
        Line(
            "drawn",
            f"gen-{BEGIN}-{number:020d}",
            answer={
                "latency": Raw(str(min(pair)).encode()),
                "generation_time": Raw(f"{max(pair)}.5".encode()),
                "native_tokens_completion": Raw(str(draw.randrange(11, 100)).encode()),
            },
        )
        for number, pair in enumerate(zip(times[::2], times[1::2], strict=True))
    ]
    world = World([golden_of(line) for line in lines], now=NOW.replace(tzinfo=None))
    fill(memory, world)
    assert_shown(memory, world)
    for view in ("latency_by_model", "latency_by_provider", "latency_hourly"):
        [row] = rows_of(memory, view)
        told = {name for name, value in row.items() if value is not None}
        assert {f"p{p}_duration_ms" for p in (50, 90)} <= told
        assert ("p95_latency" in told, "p5_throughput" in told) == (count >= 20, count >= 20)
        assert ("p99_ttft_ms" in told, "p99_inter_token_latency" in told) == (count >= 100, count >= 100)
        assert row["p5_throughput"] is None or row["p5_throughput"] <= row["p10_throughput"] <= row["p50_throughput"]


@pytest.mark.parametrize("length", [1, 2, 10, 300])
def test_a_chain_of_copies_saves_what_the_paid_answer_cost_once_for_each(memory, length):
    ids = [f"gen-{BEGIN + number}-{number:020d}" for number in range(length + 1)]
    random.Random(length).shuffle(ids)
    paid = golden_of(Line("paid", ids[0], answer={"usage": Raw(b"0.25")}))
    copies = [
        golden_of(Line("copy", copy, answer={"usage": Raw(b"0"), "response_cache_source_id": Raw(json.dumps(of))}))
        for of, copy in pairwise(ids)
    ]
    fill(memory, World([paid, *copies]))
    [row] = rows_of(memory, "response_cache_savings")
    assert (row["hit_count"], row["priced_hit_count"], float(row["saved_usage"])) == (length, length, length / 4)


@pytest.mark.parametrize("nights", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_record_of_several_ids_is_booked_once_whichever_comes_first(memory, nights):
    """One of them is the record's own; each comes in a night of its own, and on a day of its own."""
    ids = [f"gen-{BEGIN + 86_400 * n}-{n:020d}" for n in (1, 0, 2)]
    lines = [Line("record", i, answer={"id": Raw(json.dumps(ids[0])), "usage": Raw(b"0.25")}) for i in ids]
    generations = [golden_of(line) for line in lines]
    fill(memory, World([]))
    there = []
    for night in nights:
        there.append(generations[night])
        frames = normalize([settled(generations[night])], "run")
        for_each_era(memory, frames.generations, "facts/insert_generations")
        for_each_era(memory, frames.provider_attempts, "facts/insert_provider_attempts")
        refresh(memory, frozenset(frames.generations["requested_day"]))
        assert_shown(memory, World(there, now=NOW.replace(tzinfo=None)))
        [(cost, count)] = memory.execute("SELECT sum(total_usage), sum(request_count) FROM cost_daily").fetchall()
        assert (float(cost), count) == (0.25, 1)
    shown = memory.execute("SELECT generations FROM ops.data_quality WHERE oddity = 'same_record'").fetchall()
    assert shown == [(2,)]
    memory.execute(f"DELETE FROM generations WHERE generation_id = '{ids[0]}'")
    memory.execute(f"DELETE FROM provider_attempts WHERE generation_id = '{ids[0]}'")
    refresh(memory, None)
    assert_shown(memory, World(generations[1:], now=NOW.replace(tzinfo=None)))
