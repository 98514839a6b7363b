"""Every relation selects, has its grain and comments, exposes BI-safe types, and agrees with plain Python."""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest
from support.simulated_warehouse import DEAD, IDS, RECORDS, VIEWS

from ingest.core.run_stats import RunStats
from ingest.warehouse import sql_files
from ingest.warehouse.schema import TABLES
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BI_SAFE = re.compile(r"VARCHAR|BIGINT|DOUBLE|BOOLEAN|DATE|TIMESTAMP|DECIMAL\((18|28),12\)")
CHECKS = {
    "main.check_generation_id_unique",
    "main.check_every_id_accounted_for",
    "main.check_attempts_belong",
    "main.check_rollups_agree",
}
MAY_BE_EMPTY = CHECKS | {"main.cost_anomalies", "ops.reconciliation_credits"}
"""A check is empty if all is well, and so are the anomalies if no day stands out, as in the simulated generations; and
there are no snapshots of credits."""

GRAINS = {
    "main.generation_facts": "generation_id",
    "ops.cost_cells": "requested_day, model, provider_name",
    "main.cost_daily": "requested_day",
    "main.cost_by_model": "model",
    "main.cost_by_provider": "provider_name",
    "main.cost_by_app": "app_id",
    "main.cost_by_field": "field, value",
    "main.cost_by_user": "external_user",
    "main.cost_by_session": "session_id",
    "main.cost_by_request": "request_id",
    "main.cost_by_workspace": "workspace_id",
    "main.cost_by_key": "api_key_hash, api_key_label, api_key_id",
    "main.cost_byok_vs_credits": "cost_basis",
    "main.effective_prices": "requested_day, model, provider_name",
    "main.cache_savings": "model, provider_name",
    "main.response_cache_savings": "model",
    "main.reasoning_share": "model",
    "main.web_search_usage": "model, web_search_engine",
    "main.failed_spend": "model, provider_name, status",
    "main.cost_forecast": "requested_day",
    "main.cost_anomalies": "requested_day, scope, model",
    "main.latency_by_model": "model",
    "main.latency_by_provider": "provider_name",
    "main.latency_hourly": "requested_hour",
    "main.throughput_by_length": "tokens_from",
    "main.provider_reliability": "provider_name",
    "main.fallbacks": "generation_id",
    "main.provider_switches": "generation_id",
    "main.error_rates": "requested_day, provider_name",
    "main.openrouter_traces": "SPAN_ID",
    "main.focus_cost_and_usage": (
        "ChargePeriodStart, SubAccountId, x_ApiKeyName, x_AppId, x_ExternalUser, SkuId, x_InferenceProvider, x_Charge"
    ),
    "ops.dead_letters": "generation_id",
    "ops.coverage": "source",
    "ops.freshness": "1",
    "ops.reconciliation": "requested_day, model, provider_name",
    "ops.reconciliation_days": "requested_day",
    "ops.reconciliation_keys": "requested_day, api_key_label",
    "ops.reconciliation_credits": "account, until_at",
    "ops.data_quality": "oddity",
    **dict.fromkeys(CHECKS, "requested_day, generation_id"),
}


@pytest.fixture(scope="module")
def connection(simulated_warehouse):
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        yield connection


def dicts(connection, statement):
    result = connection.execute(statement)
    names = [d[0] for d in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_there_is_every_view_of_the_contract():
    assert set(VIEWS) == set(GRAINS)


@pytest.mark.parametrize("relation", VIEWS)
def test_a_view_selects_rows(connection, relation):
    rows = connection.execute(f"SELECT * FROM {relation}").fetchall()
    assert bool(rows) == (relation not in CHECKS) or relation in MAY_BE_EMPTY - CHECKS


@pytest.mark.parametrize("view", sql_files.views(), ids=lambda v: v.name)
def test_a_views_file_begins_with_its_grain_and_creates_only_itself(view):
    assert re.match(r"-- grain: one row (per|for) ", view.text)
    assert re.findall(r"^CREATE OR REPLACE VIEW (\S+)", view.text, re.MULTILINE) == [view.relation]


@pytest.mark.parametrize("relation", VIEWS)
def test_a_view_has_the_grain_it_says(connection, relation):
    grain = f"SELECT count(*) FROM (SELECT DISTINCT {GRAINS[relation]} FROM {relation})"
    assert connection.execute(grain).fetchall() == connection.execute(f"SELECT count(*) FROM {relation}").fetchall()


def test_every_relation_and_column_has_a_comment_and_a_bi_safe_type(connection):
    for row in dicts(connection, sql_files.query("catalog/list_columns")):
        where = f"{row['relation']}.{row['column_name']}"
        assert row["meaning"], where
        assert row["column_meaning"], where
        assert BI_SAFE.fullmatch(row["data_type"]), f"{where}: {row['data_type']}"


MONEY_OR_TIME = re.compile(r"usage|cost|discount|fees|_ms$|tokens|_at$|latency")


def test_measures_carry_their_unit(connection):
    for row in dicts(connection, sql_files.query("catalog/list_columns")):
        if MONEY_OR_TIME.search(row["column_name"]) and row["data_type"] not in ("VARCHAR", "BOOLEAN"):
            assert "Unit: " in row["column_meaning"], f"{row['relation']}.{row['column_name']}"


@pytest.mark.parametrize("table", TABLES)
def test_a_fact_table_is_the_declared_schema(connection, table):
    columns = connection.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = $t ORDER BY column_index",
        {"t": table},
    ).fetchall()
    assert columns == [(c.name, c.kind.value, c.comment) for c in TABLES[table]]


def test_views_work_when_the_file_is_attached_under_an_alias(simulated_warehouse):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE generations AS SELECT 'another' AS generation_id")
        connection.execute(f"ATTACH '{simulated_warehouse}' AS warehouse (READ_ONLY)")
        for relation in VIEWS:
            assert (
                connection.execute(f"SELECT count(*) FROM warehouse.{relation}").fetchall() != [(0,)]
                or relation in MAY_BE_EMPTY
            )


def usd(value):
    """A price as the warehouse holds it, computed without our normalize: whole picodollars, half-even."""
    return Decimal(round(Fraction(json.dumps(value or 0)) * 10**12)).scaleb(-12)


def spend(record):
    upstream = usd(record["upstream_inference_cost"]) if record["is_byok"] else Decimal(0)
    return usd(record["usage"]) + upstream


@pytest.mark.parametrize(("view", "key"), [("cost_by_model", "model"), ("cost_by_provider", "provider_name")])
def test_cost_is_what_plain_python_makes_of_the_records(connection, view, key):
    expected = defaultdict(lambda: defaultdict(Decimal))
    for record in RECORDS.values():
        group = expected[record[key]]
        group["request_count"] += 1
        group["total_usage"] += spend(record)
        group["credits_usage"] += usd(record["usage"])
        group["openrouter_usage"] += 0 if record["is_byok"] else usd(record["usage"])
        group["byok_fees"] += usd(record["usage"]) if record["is_byok"] else 0
        group["byok_usage"] += usd(record["upstream_inference_cost"]) if record["is_byok"] else 0
        group["cache_discount"] += usd(record["cache_discount"])
        group["cancelled_usage"] += spend(record) if record["cancelled"] else 0
        group["tokens_prompt"] += record["native_tokens_prompt"]
        group["tokens_completion"] += record["native_tokens_completion"]
    found = {row[key]: row for row in dicts(connection, f"SELECT * FROM {view}")}
    assert found.keys() == expected.keys()
    for name, group in expected.items():
        assert {m: found[name][m] for m in group} == group


@pytest.mark.parametrize("view", ["cost_daily", "cost_by_model", "cost_by_provider"])
def test_sums_over_any_grouping_are_the_total_to_the_last_digit(connection, view):
    total = sum(map(spend, RECORDS.values()))
    assert connection.execute(f"SELECT sum(total_usage), sum(request_count) FROM {view}").fetchall() == [
        (total, len(IDS))
    ]


def test_upstream_cost_is_never_added_without_byok(connection):
    booked = connection.execute("SELECT sum(byok_usage) FROM generation_facts WHERE NOT is_byok").fetchall()
    assert booked == [(0,)]
    assert any(r["upstream_inference_cost"] for r in RECORDS.values() if not r["is_byok"])


def is_measured(record):
    return (
        record["finish_reason"] in ("stop", "length")
        and not record["cancelled"]
        and not record["response_cache_source_id"]
        and record.get("api_type", "completions") == "completions"
    )


def test_latency_leaves_out_what_would_distort_it(connection):
    facts = dicts(connection, "SELECT * FROM generation_facts")
    for fact in facts:
        record = RECORDS[fact["generation_id"]]
        cached = record["response_cache_source_id"] is not None
        assert fact["ttft_ms"] == (record["latency"] if record["streamed"] and not cached else None)
        assert (fact["duration_ms"] is None) == cached
        if not cached:
            assert fact["duration_ms"] == max(record["generation_time"], record["latency"])
    measured = sum(is_measured(r) for r in RECORDS.values())
    assert connection.execute("SELECT sum(request_count) FROM latency_by_model").fetchall() == [(measured,)]


def test_every_attempt_is_counted_once(connection):
    attempts = [a for r in RECORDS.values() for a in r["provider_responses"] or ()]
    row = dicts(
        connection,
        "SELECT sum(attempt_count) AS n, sum(success_count) AS ok, sum(throttled_count) AS throttled, "
        "sum(server_error_count) AS failed, sum(other_error_count) AS other, sum(unknown_count) AS unknown "
        "FROM provider_reliability",
    )[0]
    statuses = [a["status"] for a in attempts]
    assert row["n"] == len(attempts) == row["ok"] + row["throttled"] + row["failed"] + row["other"] + row["unknown"]
    assert (row["ok"], row["throttled"]) == (statuses.count(200), statuses.count(429))


def test_the_last_exit_code_is_null_after_a_killed_run(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.start_run("r1", "0", "https://x", NOW)
        warehouse.finish_run("r1", RunStats(), 0, NOW)
        warehouse.start_run("r2", "0", "https://x", NOW + timedelta(days=1))
        last = warehouse._connection.execute("SELECT last_run_at, last_exit_code FROM ops.freshness").fetchall()
    assert last == [((NOW + timedelta(days=1)).replace(tzinfo=None), None)]


@pytest.mark.parametrize(
    "views",
    [
        ("cost_daily", "cost_by_model", "cost_by_provider"),
        (
            "cost_by_app",
            "cost_by_user",
            "cost_by_session",
            "cost_by_request",
            "cost_by_workspace",
            "cost_byok_vs_credits",
        ),
        ("cost_by_user", "cost_cells"),
        ("latency_by_model", "latency_by_provider"),
        ("latency_hourly", "throughput_by_length"),
    ],
)
def test_a_measure_has_one_definition_in_all_views(views):
    selected = [
        re.search(r"final AS \(\s+SELECT\s+(.*?)\n    FROM", v.text, re.DOTALL)[1]
        for v in sql_files.views()
        if v.name in views
    ]
    measures = [
        dict(reversed(item.rsplit(" AS ", 1)) for item in re.split(r",\n {8}", s) if " AS " in item) for s in selected
    ]
    common = set.intersection(*(set(m) for m in measures))
    assert len(common) > 10
    for name in common:
        assert len({m[name] for m in measures}) == 1, name


def test_coverage_and_dead_letters_show_the_state_of_each_id(connection):
    assert connection.execute("SELECT first_seen_ids, settled, pending, dead FROM ops.coverage").fetchall() == [
        (len(IDS) + len(DEAD), len(IDS), 0, len(DEAD))
    ]
    assert sorted(i for (i,) in connection.execute("SELECT generation_id FROM ops.dead_letters").fetchall()) == sorted(
        DEAD
    )
