"""What billing endpoints told, in the tables: days replaced, models stored when they change, and one join of names."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouses import schema_in_memory

from ingest.client.activity import read_activity
from ingest.core.billing_records import CreditsSnapshot, ListedModel, ModelList, UsageTotal
from ingest.warehouse import sql_files
from ingest.warehouse.billing import BillingAnswers, BillingStore

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
DAYS = [date(2026, 11, 1) + timedelta(days=n) for n in range(5)]


class Session:
    """As much of a write session as the store uses, over a database in memory."""

    def __init__(self, connection):
        self.connection = connection

    @contextmanager
    def transaction(self):
        yield

    def execute(self, name, /, **parameters):
        self.connection.execute(sql_files.query(name), parameters)


@pytest.fixture(scope="module")
def memory():
    with schema_in_memory() as connection:
        yield connection


@pytest.fixture
def empty(memory):
    clear(memory)
    return memory


def clear(connection):
    for table in ("activity", "activity_days", "analytics_days", "analytics_keys", "credits", "models", "cost_rollup"):
        connection.execute(f"DELETE FROM ops.{table}")


def add(connection, answers, now=NOW, account=None):
    BillingStore(Session(connection), now, account).add(answers)


def activity(day, *rows):
    return read_activity([{"model": "a/x", "usage": Decimal(1), "requests": 1} | row for row in rows], day)


def rows_of(connection, statement):
    return connection.execute(statement).fetchall()


def test_everything_that_was_told_is_stored(empty):
    row = {"model_permaslug": "a/x-1", "workspace_id": "w", "cached_tokens": "12", "usage": "0.1234567890123", "new": 1}
    answers = BillingAnswers(
        activity=(activity(DAYS[0], row), activity(DAYS[1])),
        totals=(UsageTotal(DAYS[0], 1, Decimal("0.5"), None),),
        key_totals=(UsageTotal(DAYS[0], 1, Decimal("0.5"), Decimal(0), "batch"),),
        key_days=(DAYS[0],),
        credits=CreditsSnapshot(Decimal(100), Decimal("12.5"), None),
        models=ModelList((ListedModel("a/x", "a/x-1", "X", '{"prompt":"1"}', None, None),), 0, is_whole=True),
    )
    add(empty, answers, account="work")
    columns = "account, activity_day, model, model_permaslug, workspace_id, usage, cached_tokens, extra, fetched_at"
    assert rows_of(empty, f"SELECT {columns} FROM ops.activity") == [
        (
            *("work", DAYS[0], "a/x", "a/x-1", "w", Decimal("0.123456789012"), 12),
            *('{"new":1,"usage":"0.1234567890123"}', NOW.replace(tzinfo=None)),
        )
    ]
    assert rows_of(empty, "SELECT activity_day, row_count FROM ops.activity_days") == [(DAYS[0], 1), (DAYS[1], 0)]
    assert rows_of(empty, "SELECT request_count, credits_usage, byok_usage FROM ops.analytics_days") == [
        (1, Decimal("0.5"), None)
    ]
    assert rows_of(empty, "SELECT usage_day, api_key_label FROM ops.analytics_keys") == [(DAYS[0], "batch")]
    assert rows_of(empty, "SELECT account, total_credits, total_usage FROM ops.credits") == [
        ("work", Decimal(100), Decimal("12.5"))
    ]
    assert rows_of(empty, "SELECT slug, canonical_slug, pricing, is_listed FROM ops.models") == [
        ("a/x", "a/x-1", '{"prompt":"1"}', True)
    ]


NIGHT = st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 3)), unique_by=lambda each: each[0], max_size=5)


@settings(max_examples=10)
@given(nights=st.lists(st.tuples(st.sampled_from([None, "a", "b"]), NIGHT), max_size=5))
def test_a_day_that_is_asked_again_replaces_its_rows_and_no_others(memory, nights):
    clear(memory)
    told = {}
    for account, night in nights:
        days = tuple(activity(day, *[{"endpoint_id": str(n)} for n in range(count)]) for day, count in night)
        totals = tuple(UsageTotal(day, count, Decimal(count), None) for day, count in night)
        keys = tuple(UsageTotal(day, 1, Decimal(1), None, f"key {n}") for day, count in night for n in range(count))
        asked = tuple(day for day, _ in night)
        add(memory, BillingAnswers(activity=days, totals=totals, key_totals=keys, key_days=asked), account=account)
        told |= {(account, day): count for day, count in night}
    counted = {
        table: {
            (a, d): n for a, d, n in rows_of(memory, f"SELECT account, {day}, count(*) FROM ops.{table} GROUP BY ALL")
        }
        for table, day in (("activity", "activity_day"), ("activity_days", "activity_day"))
    }
    assert counted["activity"] == {key: count for key, count in told.items() if count}
    assert counted["activity_days"] == dict.fromkeys(told, 1)
    totals = rows_of(memory, "SELECT account, usage_day, request_count FROM ops.analytics_days")
    assert sorted(totals, key=str) == sorted(((*key, count) for key, count in told.items()), key=str)
    assert rows_of(memory, "SELECT count(*) FROM ops.analytics_keys") == [(sum(told.values()),)]


SLUGS = ("a/x", "a/y", "a/z")
LISTS = st.lists(
    st.dictionaries(st.sampled_from(SLUGS), st.sampled_from(["1", "2"]), min_size=1), min_size=1, max_size=6
)


@settings(max_examples=10)
@given(nights=LISTS, whole=st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_night_stores_of_the_models_only_what_changed(memory, nights, whole):
    clear(memory)
    known, rows = {}, 0
    for night, (prices, is_whole) in enumerate(zip(nights, whole, strict=False)):
        models = tuple(ListedModel(slug, f"{slug}-1", None, price, None, str(night)) for slug, price in prices.items())
        add(memory, BillingAnswers(models=ModelList(models, 0, is_whole)), NOW + timedelta(days=night))
        gone = {s: (price, False) for s, (price, listed) in known.items() if is_whole and listed and s not in prices}
        changed = {slug: (price, True) for slug, price in prices.items() if known.get(slug) != (price, True)}
        known |= changed | gone
        rows += len(changed) + len(gone)
    assert rows_of(memory, "SELECT count(*) FROM ops.models") == [(rows,)]
    newest = "SELECT slug, arg_max(pricing, fetched_at), arg_max(is_listed, fetched_at) FROM ops.models GROUP BY slug"
    assert {slug: (price, listed) for slug, price, listed in rows_of(memory, newest)} == known


CANONICAL = {"a/one": "a/one-2026", "b/two": "b/two", "c/three": "c/three-1"}


@settings(max_examples=10)
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(DAYS),
            st.sampled_from(sorted(CANONICAL)),
            st.booleans(),
            st.sampled_from(["", ":free", ":nitro"]),
            st.sampled_from(["P", "Q", None]),
            st.integers(0, 10**14),
        ),
        max_size=8,
    ),
    activity_names=st.sampled_from(["both", "slug", "permaslug"]),
)
def test_whichever_name_a_generation_has_its_day_is_covered_wholly(memory, cells, activity_names):
    """Slug or canonical slug, with a variant or without: what is ingested and what is billed meet."""
    clear(memory)
    models = tuple(ListedModel(slug, canonical, None, None, None, None) for slug, canonical in CANONICAL.items())
    add(memory, BillingAnswers(models=ModelList(models, 0, is_whole=True)))
    for day, slug, is_canonical, variant, provider, picodollars in cells:
        name = (CANONICAL[slug] if is_canonical else slug) + variant
        cell = [day, name, provider, Decimal(picodollars).scaleb(-12)]
        memory.execute(
            "INSERT INTO ops.cost_rollup BY NAME SELECT $1 AS requested_day, $2 AS model, $3 AS provider_name, "
            "$4::DECIMAL(28,12) AS credits_usage, 0 AS byok_usage, 1 AS request_count",
            cell,
        )
    told = [
        activity(
            day,
            *(
                {"provider_name": provider, "usage": Decimal(p).scaleb(-12)}
                | ({"model": slug + variant} if activity_names != "permaslug" else {"model": None})
                | ({"model_permaslug": CANONICAL[slug]} if activity_names != "slug" else {})
                for d, slug, _, variant, provider, p in cells
                if d == day
            ),
        )
        for day in DAYS
    ]
    add(memory, BillingAnswers(activity=tuple(told)))
    rows = rows_of(memory, "SELECT DISTINCT missing_usage, missing_requests, difference FROM ops.reconciliation")
    assert rows in ([], [(0, 0, "equal")])
    coverage = rows_of(memory, "SELECT DISTINCT usage_coverage FROM ops.reconciliation WHERE billed_usage > 0")
    assert coverage in ([], [(1,)])
    assert len(rows_of(memory, "FROM ops.reconciliation")) == len({(d, s, p) for d, s, _, _, p, _ in cells})


@settings(max_examples=10)
@given(
    billed=st.dictionaries(st.tuples(st.sampled_from(DAYS[:3]), st.sampled_from("ab")), st.integers(-5, 9), max_size=5),
    known=st.dictionaries(st.tuples(st.sampled_from(DAYS[:3]), st.sampled_from("ab")), st.integers(-5, 9), max_size=5),
    totals=st.dictionaries(st.sampled_from(DAYS), st.integers(0, 20), max_size=4),
    answered=st.sets(st.sampled_from(DAYS[:3])),
)
def test_differences_have_their_sign_and_add_up(memory, billed, known, totals, answered):
    """Also where more is known than was billed; a day that was not told has none."""
    clear(memory)
    told = {key: value for key, value in billed.items() if key[0] in answered}
    days = [
        activity(
            day, *({"model": m, "usage": Decimal(v), "requests": abs(v)} for (d, m), v in told.items() if d == day)
        )
        for day in answered
    ]
    analytics = tuple(UsageTotal(day, total, Decimal(total), Decimal(0)) for day, total in totals.items())
    add(memory, BillingAnswers(activity=tuple(days), totals=analytics))
    for (day, model), value in known.items():
        memory.execute(
            "INSERT INTO ops.cost_rollup BY NAME SELECT $1 AS requested_day, $2 AS model, "
            "$3::DECIMAL(28,12) AS credits_usage, 0 AS byok_usage, 1 AS request_count",
            [day, model, value],
        )
    rows = rows_of(memory, "SELECT requested_day, model, billed_usage, missing_usage FROM ops.reconciliation")
    expected = {
        (day, model): (told.get((day, model), 0), told.get((day, model), 0) - known.get((day, model), 0))
        if day in answered
        else (None, None)
        for day, model in told.keys() | known.keys()
    }
    assert {(day, model): (b, m) for day, model, b, m in rows} == expected
    by_day = rows_of(
        memory, "SELECT requested_day, activity_usage, analytics_usage, missing_usage FROM ops.reconciliation_days"
    )
    for day, activity_usage, analytics_usage, missing in by_day:
        ours = sum(v for (d, _), v in known.items() if d == day)
        assert activity_usage == (sum(v for (d, _), v in told.items() if d == day) if day in answered else None)
        assert analytics_usage == totals.get(day)
        larger = max((v for v in (activity_usage, analytics_usage) if v is not None), default=None)
        assert missing == (None if larger is None else larger - ours)
    assert {day for day, *_ in by_day} == {d for d, _ in known} | totals.keys() | answered


def test_credits_of_an_account_are_compared_with_its_own_generations(empty):
    empty.execute("DELETE FROM main.generations")
    for number, account in enumerate(["a", "a", "b", None]):
        empty.execute(
            "INSERT INTO main.generations (generation_id, requested_at, account, usage) VALUES ($1, $2, $3, 0.5)",
            [f"gen-{number}", NOW.replace(tzinfo=None) + timedelta(minutes=1), account],
        )
    for account in ("a", "b", None):
        for hours in (0, 1):
            snapshot = CreditsSnapshot(Decimal(10), Decimal(1) + hours, None)
            add(empty, BillingAnswers(credits=snapshot), NOW + timedelta(hours=hours), account)
    found = empty.execute("SELECT account, request_count FROM ops.reconciliation_credits").fetchall()
    assert dict(found) == {"a": 2, "b": 1, None: 4}
    empty.execute("DELETE FROM main.generations")
