"""Every view shows of the golden generations what plain Python makes of them, in whatever order they came."""

import json
import random
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import mean

import duckdb
import pytest
from golden.expected import ANYTHING, VIEWS, Near, OneOf, Within, World, reach_of, second_of, t_90
from golden.generations import Line, golden_of, load
from msgspec import Raw

from ingest.client.decode import decode_generation
from ingest.core.outcomes import Content, Dead, Pending, Settled, WorkItem
from ingest.core.run_stats import RunStats
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.warehouse import sql_files
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOLDEN = load()
PENDING = ["gen-1789372800-pending0000000000000", "gen-1789300000-pendingEarlier000000", "gen-Pe4TzB0pLx9KdVh2RfWs7YcN"]
DEAD = ["gen-1789200000-dead0000000000000000", "gen-De4TzB0pLx9KdVh2RfWs7YcN"]
WORK = [
    *(("pending", "not_found_yet", 404, 1, i, "app.log", 5) for i in PENDING),
    ("dead", "not_found", 404, 2, DEAD[0], "app.log", 7),
    ("dead", "http_410", 410, 1, DEAD[1], "only-dead.log", 8),
]
READS = [
    SourceRead("app.log", 99, 300, complete=True, position=1234),
    SourceRead("cut.log.gz", 10, 0, complete=False, problem="truncated", position=10),
]
ACTIVITY = [
    (date(2026, 9, 14), "acme/one", "0.5", "0.1", 7),
    (date(2026, 9, 14), "acme/one", "0.000000000001", None, 3),
    (date(2026, 9, 12), "day/noisy", "20.000000000007", "0", 2),
    (date(2026, 9, 14), "zeta/own", "0.05", "0.74", 20),
    (date(2026, 9, 14), "acme/gratis:free", "0", "0", 1),
    (date(2026, 9, 14), "acme/huge", None, None, None),
    (date(2026, 9, 18), None, "1", "0", 1),
    (date(2026, 9, 19), "nobody/knows", "3.25", "0", 11),
]
RELATIVE = Fraction(1, 10**12)


def item(generation_id, line=None):
    known = {"line": line.line, "logged_at": line.logged_at, "log_fields": line.log_fields} if line else {}
    second = second_of(generation_id)
    source, position = (line.source, line.position) if line else place(generation_id)
    return WorkItem(generation_id, second and second.replace(tzinfo=UTC), source, position, **known)


def place(generation_id):
    return next((source, position) for *_, i, source, position in WORK if i == generation_id)


def settled(golden):
    content = golden.line.content and Content(
        200 if golden.line.content["input"] else 403,
        golden.line.content["input"] and "http_403",
        NOW,
        **golden.line.content,
    )
    return Settled(item(golden.id, golden.line), decode_generation(golden.body).data, NOW, 1, content)


def sighting(work_item):
    i = work_item
    return Sighting(i.generation_id, i.source, i.position, i.line, i.logged_at, i.log_fields)


def ingest(warehouse, generations):
    items = [item(g.id, g.line) for g in generations]
    warehouse.add(Chunk(tuple(map(sighting, items)), (), ended=0, bytes_read=0), "run", NOW)
    warehouse.commit([settled(g) for g in generations], "run")


def leave_unsettled(warehouse):
    """What the views on the ledger show beside the settled: other states, sources, and OpenRouter's own figures."""
    items = [item(i) for *_, i, _, _ in WORK]
    warehouse.add(Chunk(tuple(map(sighting, items)), tuple(READS), ended=2, bytes_read=109), "run", NOW)
    warehouse.commit(
        [
            Dead(w, reason, status, requests) if state == "dead" else Pending(w, reason, status, None, requests)
            for w, (state, reason, status, requests, *_) in zip(items, WORK, strict=True)
        ],
        "run",
    )
    for day, model, usage, own_keys, requests in ACTIVITY:
        warehouse._connection.execute(
            "INSERT INTO ops.activity (activity_day, model, usage, byok_usage_inference, requests, fetched_at) "
            "VALUES ($1, $2, $3::DECIMAL(28,12), $4::DECIMAL(28,12), $5, $6)",
            [day, model, usage, own_keys, requests, NOW.replace(tzinfo=None)],
        )


def runs(warehouse, started_at, exit_code):
    warehouse.start_run(f"run-{started_at}", "0", "https://x", started_at)
    warehouse.finish_run(f"run-{started_at}", RunStats(), exit_code, started_at)


@pytest.fixture(scope="module")
def unsettled(tmp_path_factory):
    """A warehouse before its first generation is settled, to begin from."""
    path = tmp_path_factory.mktemp("unsettled") / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        runs(warehouse, NOW, 3)
        leave_unsettled(warehouse)
        runs(warehouse, NOW - timedelta(days=1), 0)
    return path


@pytest.fixture
def build(unsettled, tmp_path):
    """A warehouse that got its generations night by night, each published on its own."""
    return lambda *nights: built(shutil.copy(unsettled, tmp_path / "w.duckdb"), nights)


def built(path, nights):
    for night in nights:
        with Warehouse(path, NOW) as warehouse:
            ingest(warehouse, night)
    return path


def world(generations):
    names = ("state", "reason", "status", "requests", "generation_id", "source", "position")
    activity = [
        {"activity_day": day, "model": model, "requests": requests, "fetched_at": NOW.replace(tzinfo=None)}
        | {"usage": usage and Decimal(usage), "byok_usage_inference": own_keys and Decimal(own_keys)}
        for day, model, usage, own_keys, requests in ACTIVITY
    ]
    reads = [
        {name: getattr(r, name) for name in ("source", "position", "complete", "problem", "sightings")} for r in READS
    ]
    began = NOW.replace(tzinfo=None)
    return World(
        generations,
        work=[dict(zip(names, row, strict=True)) for row in WORK],
        reads=reads,
        activity=activity,
        runs=[(began, 3), (began - timedelta(days=1), 0)],
        now=began,
    )


EXPECTED = world(GOLDEN)


def rows_of(connection, relation):
    result = connection.execute(f"SELECT * FROM {relation}")
    names = [d[0] for d in result.description]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return [row | {"Tags": json.loads(row["Tags"])} if "Tags" in row else row for row in rows]


def is_near(found, value, absolute=Fraction(0), relative=RELATIVE):
    return abs(Fraction(found) - Fraction(value)) <= max(absolute, abs(Fraction(value)) * relative)


def agrees(found, expected):
    """Counts, texts, times and money to the last digit; doubles as near as doubles can be."""
    if expected is ANYTHING or isinstance(expected, OneOf):
        return expected is ANYTHING or found in expected.values
    if found is None or expected is None:
        return found is expected
    match expected:
        case Near(value, absolute):
            return is_near(found, value, absolute)
        case Within(value):
            return is_near(found, value, relative=Fraction(1, 100))
    if isinstance(found, float):
        return is_near(found, expected)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def differences(found, expected, grain):
    """What is wrong with a view's rows, in words."""
    key = lambda row: tuple(row[name] for name in grain.split())  # noqa: E731  # an expression says it best
    ours, theirs = {key(row): row for row in expected}, {key(row): row for row in found}
    assert len(ours) == len(expected)
    said = [f"{len(found) - len(theirs)} rows too many"] if len(found) != len(theirs) else []
    said += [f"missing: {k}" for k in ours.keys() - theirs.keys()]
    said += [f"unexpected: {k}" for k in theirs.keys() - ours.keys()]
    for k in ours.keys() & theirs.keys():
        if ours[k].keys() != theirs[k].keys():
            return [f"other columns: {ours[k].keys() ^ theirs[k].keys()}"]
        said += [
            f"{k}: {name} is {theirs[k][name]!r}, not {value!r}"
            for name, value in ours[k].items()
            if not agrees(theirs[k][name], value)
        ]
    return said


def compare(connection, relation, expected, prefix=""):
    grain, make = VIEWS[relation]
    assert differences(rows_of(connection, f"{prefix}{relation}"), make(expected), grain) == []


def compare_all(path, generations, relations=tuple(VIEWS)):
    expected = world(generations)
    with duckdb.connect(path, read_only=True) as connection:
        for relation in relations:
            compare(connection, relation, expected)


@pytest.fixture(scope="module")
def path(unsettled, tmp_path_factory):
    return built(shutil.copy(unsettled, tmp_path_factory.mktemp("golden") / "w.duckdb"), [GOLDEN])


@pytest.fixture(scope="module")
def connection(path):
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def test_there_is_an_expectation_of_every_view():
    assert set(VIEWS) == {view.relation for view in sql_files.views()}


@pytest.mark.parametrize("relation", VIEWS)
def test_a_view_shows_what_plain_python_makes_of_the_generations(connection, relation):
    compare(connection, relation, EXPECTED)


def test_it_is_the_same_when_the_file_is_attached_under_an_alias(path):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE generations AS SELECT 'another' AS generation_id")
        connection.execute(f"ATTACH '{path}' AS warehouse (READ_ONLY)")
        for relation in VIEWS:
            compare(connection, relation, EXPECTED, "warehouse.")


ORDERS = {
    "the newest first, so that old days come late": lambda g: [-ord(c) for c in g.id[4:]],
    "mixed, so that every night writes to most days": lambda g: g.id[::-1],
}


@pytest.mark.parametrize("order", ORDERS)
def test_it_is_the_same_over_several_publishes_in_any_order(build, order):
    generations = sorted(GOLDEN, key=ORDERS[order])
    third = len(GOLDEN) // 3
    nights = generations[:third], generations[third : 2 * third], generations[2 * third :]
    compare_all(build(*nights), GOLDEN)


def test_before_anything_is_settled_every_view_shows_what_there_is(unsettled):
    compare_all(unsettled, [])


def between(first, last):
    """The generations of some days."""
    days = {r["generation_id"]: r["requested_day"] for r in EXPECTED.facts}
    return [g for g in GOLDEN if days[g.id] and date(2026, *first) <= days[g.id] <= date(2026, *last)]


OVER_DAYS = ("main.cost_daily", "main.cost_forecast", "main.cost_anomalies", "main.check_rollups_agree")


@pytest.mark.parametrize(
    ("first", "last", "history"),
    [
        ((8, 5), (8, 11), 0),  # six days before the newest: no forecast
        ((8, 4), (8, 11), 7),
        ((8, 1), (8, 14), 13),  # the mean of all days
        ((8, 1), (8, 15), 14),  # the mean of the same weekday
        ((8, 1), (8, 1), 0),
    ],
)
def test_the_views_over_days_are_right_of_a_part_of_them(build, first, last, history):
    part = between(first, last)
    path = build(part)
    compare_all(path, part, OVER_DAYS)
    with duckdb.connect(path, read_only=True) as connection:
        days = connection.execute("SELECT DISTINCT history_days FROM cost_forecast").fetchall()
    assert days == ([(history,)] if history else [])


@pytest.mark.parametrize(("freedom", "t"), [(6, 1.440), (7, 1.415), (12, 1.356), (21, 1.323), (49, 1.299)])
def test_the_quantile_of_student_s_t_is_that_of_the_tables(freedom, t):
    assert t_90(freedom) == pytest.approx(t, abs=0.0015)


@pytest.mark.parametrize("days", [7, 13, 14, 28, 56])
def test_four_of_five_days_fall_into_the_range_of_a_forecast(days):
    """By the definition that the view is compared with above; over 4,000 histories of days that scatter normally."""
    draw, inside, tries = random.Random(days), 0, 4000
    for _ in range(tries):
        weeks = [[draw.gauss(10, 1) for _ in range(days)[first::7]] for first in range(7)]
        groups = weeks if days >= 14 else [[value for week in weeks for value in week]]
        level = [mean(group) for group in groups]
        squares = sum((value - mean(group)) ** 2 for group in groups for value in group)
        inside += abs(draw.gauss(10, 1) - level[0]) <= reach_of(squares, days, len(groups[0]))
    assert inside / tries == pytest.approx(0.8, abs=0.025)


MANDATORY = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)
"""The columns whose feature level is Mandatory in FOCUS 1.2."""

MAY_BE_NULL = {"ChargeClass"}
"""Of those the one that has to be NULL where nothing is corrected; the periods are of generations without a day."""

PERIODS = {name for name in MANDATORY if "Period" in name}


def test_focus_has_its_mandatory_columns_and_leaves_none_of_them_open(connection):
    rows = rows_of(connection, "focus_cost_and_usage")
    assert len(MANDATORY) == 21
    assert set(MANDATORY) <= rows[0].keys()
    open_columns = {name for row in rows for name in MANDATORY if row[name] is None}
    assert open_columns == MAY_BE_NULL | PERIODS
    assert len([row for row in rows if row["ChargePeriodStart"] is None]) == 3  # as the comments admit
    comments = dict(
        connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'focus_cost_and_usage'"
        ).fetchall()
    )
    assert {name for name in MANDATORY if "NULL" in comments[name]} == MAY_BE_NULL | PERIODS


def test_focus_bills_everything_once_and_byok_as_two_charges(connection):
    billed = dict(
        connection.execute("SELECT x_Charge, sum(BilledCost) FROM focus_cost_and_usage GROUP BY 1").fetchall()
    )
    facts = EXPECTED.facts
    assert sum(billed.values()) == sum(r["total_usage"] for r in facts)
    assert billed == {
        "inference": sum(r["credits_usage"] for r in facts),
        "byok fee": sum(r["byok_fees"] for r in facts),
        "byok inference": sum(r["byok_usage"] for r in facts),
    }
    counts = dict(
        connection.execute("SELECT x_Charge, sum(x_Generations) FROM focus_cost_and_usage GROUP BY 1").fetchall()
    )
    own = sum(r["is_byok"] is True for r in facts)
    assert counts == {"inference": len(facts) - own, "byok fee": own, "byok inference": own}


def test_the_golden_generations_hold_every_odd_case_that_the_views_tell_apart(connection):
    """Else a view could be wrong where no row looks."""

    def values(column):
        return {r[column] for r in EXPECTED.facts}

    assert values("cost_basis") == {"credits", "byok", "byok_unknown", "free", "response_cache", "unknown"}
    assert values("status") == {"completed", "cancelled", "failed", "filtered", "truncated"}
    assert all(row["generations"] for row in rows_of(connection, "ops.data_quality"))
    assert min(len(rows_of(connection, v)) for v in VIEWS if "check_" not in v and v != "ops.freshness") > 1
    assert len({g.line.why for g in GOLDEN}) > 200
    assert {g.line.why for g in GOLDEN if g.id != g.data.get("id")}


def test_the_expectations_are_made_without_what_they_prove():
    text = (Path(__file__).parent / "golden/expected.py").read_text(encoding="utf-8")
    assert not [word for word in ("import duckdb", "import polars", "from ingest", "import ingest") if word in text]


ABSURD = [
    {"generation_time": b"1e-306", "native_tokens_completion": b"1000"},
    *[{"native_tokens_prompt": b"9223372036854775807"}] * 2,
    *[{"native_tokens_prompt": b"1000000000000", "native_tokens_completion": b"1000000000000"}] * 2,
    {"num_search_results": b"9223372036854775807", "num_fetches": b"5"},
    {"created_at": b'"9999-12-31T00:00:00Z"'},
]


def test_absurd_numbers_stop_no_publish_and_no_view(build):
    """One of them that overflows in a view would keep everything that comes after from being published."""
    plain, *_ = GOLDEN
    lines = [
        Line(f"absurd {n}", f"gen-{n:024d}", answer={k: Raw(v) for k, v in answer.items()})
        for n, answer in enumerate(ABSURD)
    ]
    odd = [golden_of(line) for line in lines]
    path = build(odd, [plain])
    with duckdb.connect(path, read_only=True) as connection:
        assert rows_of(connection, "generation_facts WHERE model = 'acme/one'") != []
        for view in sql_files.views():
            rows_of(connection, view.relation)
        assert connection.execute("SELECT count(*) FROM generations").fetchall() == [(len(ABSURD) + 1,)]
