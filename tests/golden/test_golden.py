"""Every view shows of the golden generations what plain Python makes of them, in whatever order they came."""

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from msgspec import Raw

from golden.expected import VIEWS, number
from golden.forecast import t_90
from golden.generations import Line, golden_of
from golden.stored import EXPECTED, GOLDEN, agrees, built, world
from ingest.warehouse import sql_files


@pytest.fixture
def build(unsettled, tmp_path):
    """A warehouse that got its generations night by night, each published on its own."""
    return lambda *nights: built(shutil.copy(unsettled, tmp_path / "w.duckdb"), nights)


def rows_of(connection, relation):
    result = connection.execute(f"SELECT * FROM {relation}")
    names = [d[0] for d in result.description]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return [row | {name: json.loads(row[name]) for name in ("Tags", "SkuPriceDetails") if name in row} for row in rows]


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
    days = {r["generation_id"]: r["requested_day"] for r in EXPECTED.stored}
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
"""Of those the one that has to be NULL where nothing is corrected."""


def test_focus_has_its_mandatory_columns_and_leaves_none_of_them_open(connection):
    rows = rows_of(connection, "focus_cost_and_usage")
    assert len(MANDATORY) == 21
    assert set(MANDATORY) <= rows[0].keys()
    assert {name for row in rows for name in MANDATORY if row[name] in (None, "")} == MAY_BE_NULL
    comments = dict(
        connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'focus_cost_and_usage'"
        ).fetchall()
    )
    assert {name for name in MANDATORY if "NULL" in comments[name]} == MAY_BE_NULL


def test_focus_charges_a_generation_without_a_day_on_the_day_it_was_fetched(connection):
    without = sum(r["requested_day"] is None for r in EXPECTED.facts)
    assert without == 2
    fetched = EXPECTED.now.replace(hour=0)
    [(there,)] = connection.execute(
        "SELECT sum(x_Generations) FROM focus_cost_and_usage "
        "WHERE ChargePeriodStart = $day AND x_Charge <> 'byok inference'",
        {"day": fetched},
    ).fetchall()
    assert there == without + sum(r["requested_day"] == fetched.date() for r in EXPECTED.facts)


def sums_by_charge(connection, column):
    statement = f"SELECT x_Charge, sum({column}) FROM focus_cost_and_usage GROUP BY 1"
    return dict(connection.execute(statement).fetchall())


def test_focus_costs_everything_once_and_bills_what_openrouter_charges(connection):
    facts = EXPECTED.facts
    costs = sums_by_charge(connection, "EffectiveCost")
    assert costs == {
        "inference": sum(r["openrouter_usage"] for r in facts),
        "byok fee": sum(r["byok_fees"] for r in facts),
        "byok inference": sum(r["byok_usage"] for r in facts),
    }
    assert sum(costs.values()) == sum(r["total_usage"] for r in facts)
    assert sums_by_charge(connection, "BilledCost") == costs | {"byok inference": 0}
    own = sum(r["is_byok"] is True for r in facts)
    counts = sums_by_charge(connection, "x_Generations")
    assert counts == {"inference": len(facts) - own, "byok fee": own, "byok inference": own}


def test_focus_counts_tokens_once(connection):
    """A fee is counted in requests, so that no unit is added up twice."""
    facts, units = EXPECTED.facts, {}
    for unit, quantity in connection.execute(
        "SELECT PricingUnit, PricingQuantity FROM focus_cost_and_usage"
    ).fetchall():
        units[unit] = units.get(unit, 0) + quantity
    tokens = {kind: number(facts, f"native_tokens_{kind}") for kind in ("prompt", "completion", "reasoning", "cached")}
    assert units == {
        "Tokens": tokens["prompt"] + tokens["completion"],
        "Requests": sum(r["is_byok"] is True for r in facts),
    }
    names = ("x_InputTokens", "x_OutputTokens", "x_ReasoningTokens", "x_CachedTokens")
    sums = ", ".join(f"sum({name})" for name in names)
    assert connection.execute(f"SELECT {sums} FROM focus_cost_and_usage").fetchall() == [tuple(tokens.values())]


def test_the_golden_generations_hold_every_odd_case_that_the_views_tell_apart(connection):
    """Else a view could be wrong where no row looks."""

    def values(column):
        return {r[column] for r in EXPECTED.facts}

    assert values("cost_basis") == {
        *("credits", "byok", "byok_unknown", "total_cost", "free", "response_cache", "unknown")
    }
    assert values("status") == {"completed", "cancelled", "failed", "filtered", "truncated"}
    assert all(row["generations"] for row in rows_of(connection, "ops.data_quality"))
    assert min(len(rows_of(connection, v)) for v in VIEWS if "check_" not in v and v != "ops.freshness") > 1
    assert {row["difference"] for row in rows_of(connection, "ops.reconciliation")} == {
        *("equal", "rounding", "midnight", "provider", "response_cache", "fan_out", "web_search", "missing"),
        *("known_more", "not_told"),
    }
    assert len({g.line.why for g in GOLDEN}) > 200
    assert {g.line.why for g in GOLDEN if g.id != g.data.get("id")}


def test_the_expectations_are_made_without_what_they_prove():
    text = Path(__file__).with_name("expected.py").read_text(encoding="utf-8")
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
