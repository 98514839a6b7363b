"""Settled answers into frames of the declared schema."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.client.decode import decode_generation
from ingest.core.api_records import GenerationResponseData, ProviderResponse
from ingest.core.outcomes import Content, Settled, WorkItem
from ingest.warehouse.frames import DTYPES, normalize, schema_of
from ingest.warehouse.schema import (
    ATTEMPT_FIELDS,
    GENERATION_CONTENTS,
    GENERATION_FIELDS,
    GENERATIONS,
    PROVIDER_ATTEMPTS,
    TABLES,
    Kind,
)

TODAY = "gen-1753485462-AbCdEfGhIj0123456789"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
REQUESTED_AT = datetime(2025, 7, 25, 23, 17, 42, tzinfo=UTC)
FETCHED_AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LOGGED_AT = datetime(2025, 7, 25, 23, 17, 44, 125_000, tzinfo=UTC)
MONEY_FIELDS = [c.name for c in GENERATION_FIELDS if c.kind is Kind.MONEY]

PRICE = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda trillionths: Decimal(trillionths).scaleb(-12))
CELLS = {
    Kind.TEXT: st.text(max_size=12),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.REAL: st.floats(allow_nan=False),
    Kind.FLAG: st.booleans(),
    Kind.MONEY: PRICE,
    Kind.TIME: st.datetimes(timezones=st.just(UTC)),
}
TEXTS = st.none() | CELLS[Kind.TEXT]


def cells_of(columns):
    return {c.name: st.none() | CELLS[c.kind] for c in columns}


attempts = st.builds(ProviderResponse, **cells_of(ATTEMPT_FIELDS), extra_json=TEXTS)
generations = st.builds(
    GenerationResponseData,
    **cells_of(GENERATION_FIELDS),
    provider_responses=st.none() | st.lists(attempts, max_size=3).map(tuple),
    extra_json=TEXTS,
)
contents = st.builds(
    Content,
    status=st.none() | st.integers(100, 599),
    reason=TEXTS,
    fetched_at=CELLS[Kind.TIME],
    input=TEXTS,
    completion=TEXTS,
    reasoning=TEXTS,
    error=TEXTS,
    extra=TEXTS,
)


def settled(generation, generation_id=TODAY, requested_at=REQUESTED_AT, content=None):
    told = {"line": 2, "logged_at": LOGGED_AT, "log_fields": '{"user":"ann"}'}
    item = WorkItem(generation_id, requested_at, "logs/app.log", 17, **told)
    return Settled(item, generation, FETCHED_AT, requests=1, content=content)


def answered(**fields):
    return decode_generation(json.dumps({"data": {"id": TODAY, **fields}}).encode()).data


def stored(record, columns):
    """The cells of a record: times are UTC without zone."""
    cells = [getattr(record, c.name) for c in columns]
    return [cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell for cell in cells]


def has_the_declared_schema(frames) -> bool:
    return all(getattr(frames, table).schema == schema_of(columns) for table, columns in TABLES.items())


def test_the_frames_of_nothing_have_the_declared_schema():
    frames = normalize([], "run")
    assert has_the_declared_schema(frames)
    assert [len(getattr(frames, table)) for table in TABLES] == [0, 0, 0]
    assert list(TABLES) == ["generations", "provider_attempts", "generation_contents"]


def test_every_kind_of_column_has_the_type_that_holds_it_exactly():
    assert {
        Kind.TEXT: pl.String(),
        Kind.INTEGER: pl.Int64(),
        Kind.REAL: pl.Float64(),
        Kind.FLAG: pl.Boolean(),
        Kind.MONEY: pl.Decimal(18, 12),
        Kind.TIME: pl.Datetime("us"),
        Kind.DAY: pl.Date(),
    } == DTYPES
    for columns in (GENERATIONS, PROVIDER_ATTEMPTS, GENERATION_CONTENTS):
        assert list(schema_of(columns)) == [c.name for c in columns]


def all_failed(generation):
    statuses = {attempt.status for attempt in generation.provider_responses or ()} - {None}
    return statuses != set() and statuses.isdisjoint(range(200, 300))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(generations, st.none() | contents), max_size=4))
def test_any_batch_has_the_declared_schema_and_every_cell_in_its_place(rows):
    ids = [f"gen-1753485462-{n:020d}" for n in range(len(rows))]
    accounts = ["work" if n % 2 else None for n in range(len(rows))]
    settled_by = zip(rows, ids, accounts, strict=True)
    frames = normalize([replace(settled(g, i, content=c), account=a) for (g, c), i, a in settled_by], "run-7")
    batch = [generation for generation, _ in rows]
    assert has_the_declared_schema(frames)
    fetched_at, requested_at = FETCHED_AT.replace(tzinfo=None), REQUESTED_AT.replace(tzinfo=None)
    assert frames.generations.rows() == [
        (
            generation_id,
            requested_at,
            requested_at.date(),
            *stored(generation, GENERATION_FIELDS),
            len(generation.provider_responses or ()),
            generation.extra_json,
            fetched_at,
            "run-7",
            "logs/app.log",
            17,
            2,
            LOGGED_AT.replace(tzinfo=None),
            '{"user":"ann"}',
            all_failed(generation),
            *(None, None, None),
            account,
        )
        for generation_id, generation, account in zip(ids, batch, accounts, strict=True)
    ]
    assert frames.provider_attempts.rows() == [
        (generation_id, requested_at, number, *stored(attempt, ATTEMPT_FIELDS), attempt.extra_json)
        for generation_id, generation in zip(ids, batch, strict=True)
        for number, attempt in enumerate(generation.provider_responses or (), start=1)
    ]
    assert frames.generation_contents.rows() == [
        (
            generation_id,
            requested_at,
            content.status,
            content.reason,
            content.input,
            content.completion,
            content.reasoning,
            content.error,
            content.extra,
            content.fetched_at.replace(tzinfo=None),
            "run-7",
        )
        for generation_id, (_, content) in zip(ids, rows, strict=True)
        if content
    ]


def test_an_id_in_a_sources_name_has_neither_position_nor_line():
    item = WorkItem(TODAY, REQUESTED_AT, f"logs/{TODAY}.json", None)
    [row] = normalize([Settled(item, answered(), FETCHED_AT, requests=1)], "run").generations.rows(named=True)
    told = ("source", "source_position", "source_line", "logged_at", "log_fields")
    assert [row[name] for name in told] == [f"logs/{TODAY}.json", None, None, None, None]


def test_a_column_of_nulls_only_has_its_declared_type_too():
    frames = normalize([settled(answered(provider_responses=[{}]))], "run")
    assert has_the_declared_schema(frames)
    assert frames.generations["usage"].to_list() == [None]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(MONEY_FIELDS), st.lists(PRICE, max_size=30))
def test_sums_of_money_survive_to_the_last_digit(name, prices):
    batch = [GenerationResponseData(**{name: price}) for price in prices]
    frame = normalize([settled(g) for g in batch], "run").generations
    assert sum(frame[name].to_list(), Decimal(0)) == sum(prices, Decimal(0))
    assert frame[name].to_list() == prices


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 10**15).map(lambda trillionths: Decimal(trillionths).scaleb(-12)), max_size=30))
def test_from_the_answers_text_to_the_frame_no_digit_is_lost(prices):
    bodies = [f'{{"data": {{"id": "{TODAY}", "usage": {price}}}}}'.encode() for price in prices]
    frame = normalize([settled(decode_generation(b).data) for b in bodies], "run").generations
    assert sum(frame["usage"].to_list(), Decimal(0)) == sum(prices, Decimal(0))
    assert frame["extra"].to_list() == [None] * len(prices)


def test_whole_and_tiny_prices_share_a_column_and_stay_exact():
    batch = [answered(usage=usage) for usage in (0, 6.02e-06, 1, -0.5)]
    column = normalize([settled(g) for g in batch], "run").generations["usage"]
    assert column.to_list() == [Decimal(0), Decimal("0.00000602"), Decimal(1), Decimal("-0.5")]
    assert column.dtype == pl.Decimal(18, 12)


def test_attempts_are_numbered_from_1_within_their_generation():
    other = "gen-1753485463-AbCdEfGhIj0123456789"
    batch = [
        settled(answered(provider_responses=[{"status": 529}, None, {"status": 200}])),
        settled(answered(provider_responses=[])),
        settled(answered(provider_responses=None)),
        settled(answered(provider_responses={"status": 200})),
        settled(answered(provider_responses=[{"status": 200}]), other),
    ]
    frames = normalize(batch, "run")
    assert frames.provider_attempts.select("generation_id", "attempt", "status").rows() == [
        (TODAY, 1, 529),
        (TODAY, 2, None),
        (TODAY, 3, 200),
        (other, 1, 200),
    ]
    assert frames.generations["attempts"].to_list() == [3, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("requested_at", "created_at", "expected"),
    [
        (REQUESTED_AT, "2025-07-26T00:00:01.5Z", date(2025, 7, 25)),
        (REQUESTED_AT, None, date(2025, 7, 25)),
        (None, "2024-03-31T23:59:59.999999+00:00", date(2024, 3, 31)),
        (None, "2024-04-01T01:30:00+02:00", date(2024, 3, 31)),
        (None, None, None),
    ],
)
def test_the_day_is_the_ids_own_and_for_legacy_ids_that_of_created_at(requested_at, created_at, expected):
    generation_id = TODAY if requested_at else LEGACY
    frame = normalize([settled(answered(created_at=created_at), generation_id, requested_at)], "run").generations
    assert frame["requested_day"].to_list() == [expected]
    assert frame["requested_at"].to_list() == [requested_at.replace(tzinfo=None) if requested_at else None]


def test_the_id_asked_for_is_the_key_and_the_one_that_came_back_is_kept():
    frame = normalize([settled(answered(), LEGACY)], "run").generations
    assert frame.select("generation_id", "id").rows() == [(LEGACY, TODAY)]


def test_what_no_column_holds_stands_in_extra():
    frames = normalize([settled(answered(usage="0.5", provider_responses=[{"new": 1}]))], "run")
    assert frames.generations.select("usage", "extra").rows() == [(Decimal("0.5"), '{"usage":"0.5"}')]
    assert frames.provider_attempts["extra"].to_list() == ['{"new":1}']


def test_times_keep_their_microseconds_and_have_no_zone():
    generation = answered(created_at="2026-02-24T21:19:33.705001+00:00")
    row = normalize([settled(generation)], "run").generations.row(0, named=True)
    assert row["created_at"].isoformat() == "2026-02-24T21:19:33.705001"
    assert row["fetched_at"].isoformat() == "2026-03-01T12:00:00.250000"


def test_every_instant_is_stored_as_that_instant_in_utc():
    early, late = "0001-01-01T00:00:00.000001+00:00", "9999-12-31T23:59:59.999999+00:00"
    elsewhere = FETCHED_AT.astimezone(timezone(timedelta(hours=-7)))
    batch = [answered(created_at=time) for time in (early, late, "2026-02-24T01:19:33+02:00", None)]
    items = [settled(g, f"gen-{n}", elsewhere) for n, g in enumerate(batch)]
    frame = normalize(items, "run").generations
    assert [time and time.isoformat() for time in frame["created_at"].to_list()] == [
        "0001-01-01T00:00:00.000001",
        "9999-12-31T23:59:59.999999",
        "2026-02-23T23:19:33",
        None,
    ]
    assert set(frame["requested_at"].to_list()) == {FETCHED_AT.replace(tzinfo=None)}


def test_content_has_a_row_where_it_was_asked_for_and_only_there():
    batch = [
        settled(answered(), "gen-1"),
        settled(answered(), "gen-2", None, Content(200, None, FETCHED_AT, completion="")),
        settled(answered(), "gen-3", content=Content(None, "timeout", FETCHED_AT)),
    ]
    frames = normalize(batch, "run")
    columns = ("generation_id", "requested_at", "http_status", "reason", "completion")
    assert frames.generation_contents.select(columns).rows() == [
        ("gen-2", None, 200, None, ""),
        ("gen-3", REQUESTED_AT.replace(tzinfo=None), None, "timeout", None),
    ]
    assert len(frames.generations) == 3
