import hashlib
import lzma
import re
from importlib.resources import files

import duckdb
import pytest
from support.logs import new_ids, write_log

from ingest.core.resources import SAMPLES, SQL
from ingest.warehouse import sql_files
from ingest.warehouse.migrations import is_current

EARLIER_WAREHOUSE = files("golden") / "warehouse.duckdb.xz"
"""A warehouse written before views included fragments: four settled IDs of ``app.log``, and an empty ``empty.log``."""

VIEWS_DIGEST = "468583cde337649f"
"""If it changes, every existing warehouse gets all its views replaced: change it only together with a view's text."""

DIGESTS = {
    "main.generation_facts": "ecac5f02d9ec85f9",
    "ops.cost_cells": "74329c0fe38fe730",
    "main.cache_savings": "41dc169d631a346f",
    "main.cost_anomalies": "14a89f6e3b552bad",
    "main.cost_by_app": "e908fd864581548a",
    "main.cost_by_field": "bb63e229a154a0be",
    "main.cost_by_key": "445cf2d2f35cf236",
    "main.cost_by_model": "b5b575448cd54dbf",
    "main.cost_by_provider": "4ce6f43c09514dd0",
    "main.cost_by_request": "3915acc95b7c1ab9",
    "main.cost_by_session": "e2bcf5419ef79b8b",
    "main.cost_by_user": "b1538659e1b92968",
    "main.cost_by_workspace": "12e7fb6d2e8e3ab5",
    "main.cost_byok_vs_credits": "0d538d5bad9e643d",
    "main.cost_daily": "7ac5131317a27b52",
    "main.cost_daily_with_lost": "8a52f5da8ae7b16d",
    "main.cost_drift": "ba991b0a7c93de08",
    "main.cost_forecast": "b28c19d92fd7053d",
    "main.cost_of_lost_generations": "68898d8590a855ca",
    "main.effective_prices": "74fc048c22ec5b42",
    "main.failed_spend": "0fb6f95c9ba31fe7",
    "main.loaded_cost_by_app": "ef77e555fc4b6345",
    "main.loaded_cost_by_model": "4c3ecb2376558bd2",
    "main.loaded_cost_by_user": "75b19e4dd882dc8a",
    "main.loaded_cost_daily": "c85c5aa8320790bb",
    "main.reasoning_share": "3093f62a65c50843",
    "main.response_cache_savings": "e7f073d3c3dbced8",
    "main.web_search_usage": "3427691ffdaba278",
    "main.latency_by_model": "1b5d27708fc6a0c3",
    "main.latency_by_provider": "601935d8c068d82a",
    "main.latency_hourly": "eb6161aa4845dfd3",
    "main.throughput_by_length": "7d11d2d34a638f75",
    "main.error_rates": "f4a6257f6296f7ff",
    "main.fallbacks": "528132a1b7a61167",
    "main.provider_reliability": "ca800ea1e02d8e1b",
    "main.provider_switches": "672f19992f93795b",
    "ops.coverage": "ec06ee529dd79e87",
    "ops.data_quality": "4bb53df483228d6c",
    "ops.dead_letters": "d9948d41f1b55c90",
    "ops.freshness": "20ddff1499a1d5c0",
    "ops.reconciliation": "031a97e29e4ed55f",
    "ops.reconciliation_credits": "7da0d142da4f4b6d",
    "ops.reconciliation_days": "300af36b6767437e",
    "ops.reconciliation_keys": "ce83a90600ef2a85",
    "main.check_attempts_belong": "8bda0dc603dcede5",
    "main.check_every_id_accounted_for": "bf97c7c262c82a52",
    "main.check_generation_id_unique": "d765cdb7ba1df4b5",
    "main.check_rollups_agree": "f96413d9c69c1b3a",
    "main.focus_cost_and_usage": "de19ff595de43241",
    "main.openrouter_traces": "92610e06c5f8fb24",
    "0001_facts_and_ledger.sql": "d5a04e0f565cdaa4",
    "0002_generation_contents.sql": "5a52cf4ceb5b8a62",
    "0003_rate_limits.sql": "f341f1756f4d3363",
    "0004_call_sites.sql": "66672645bbe8e847",
    "0005_last_commit.sql": "7213210856479b2f",
    "0006_forgotten.sql": "599958b8c9468082",
    "0007_rollups.sql": "5964ed9d15c2abbe",
    "0008_booked_once.sql": "789316b44f390df6",
    "0009_priced.sql": "36135797b2178386",
    "0010_measures_as_the_api_names_them.sql": "2d0c7443365efa43",
    "0011_discovery.sql": "71633913ba7b5697",
    "0012_reconciliation.sql": "ddae5ecc320b4694",
    "0013_names.sql": "f707730eb21ebaed",
    "0014_accounts.sql": "633337a470e8968e",
    "0015_logged_usage.sql": "da918a3705796016",
    "0016_rates.sql": "c761cb4686da25e2",
}
"""SHA-256, 16 hex digits, of each view and migration as it is executed."""


def test_migrations_are_numbered_without_a_gap():
    assert [m.number for m in sql_files.migrations()] == list(range(1, len(sql_files.migrations()) + 1))
    assert all(sql_files.MIGRATION_NAME.fullmatch(m.name) for m in sql_files.migrations())


def test_every_view_file_is_loaded():
    assert len(sql_files.views()) == len(list((SQL / "views").rglob("*.sql")))


def test_every_query_says_what_it_is_and_is_used():
    code = "".join(p.read_text(encoding="utf-8") for p in (SQL.parent / "ingest").rglob("*.py")) or None
    queries = [p for p in SQL.glob("*/*.sql") if p.parent.name not in {"migrations", "views", "fragments"}]
    assert queries
    for path in queries:
        assert path.read_text(encoding="utf-8").startswith("-- "), path
        assert code is None or f'"{path.parent.name}/{path.stem}"' in code, path


def test_views_and_migrations_are_byte_for_byte_what_existing_warehouses_hold():
    texts = {v.relation: v.text for v in sql_files.views()} | {m.name: m.text for m in sql_files.migrations()}
    assert {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()} == DIGESTS
    assert sql_files.views_digest() == VIEWS_DIGEST


@pytest.fixture
def earlier_warehouse(tmp_path):
    path = tmp_path / "orusage.duckdb"
    path.write_bytes(lzma.decompress(EARLIER_WAREHOUSE.read_bytes()))
    return path


def migrations_of(path):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute("SELECT * FROM ops.migrations ORDER BY number").fetchall()


def test_an_earlier_warehouse_is_known_to_be_of_an_earlier_version(earlier_warehouse):
    with duckdb.connect(earlier_warehouse, read_only=True) as connection:
        assert not is_current(connection, earlier_warehouse)


def test_a_night_without_news_migrates_an_earlier_warehouse_once(earlier_warehouse, orusage, tmp_path):
    (tmp_path / "empty.log").touch()
    facts = facts_of(earlier_warehouse)
    assert orusage("ingest", "empty.log", "--base-url", "http://127.0.0.1:9/api/v1").code == 0
    with duckdb.connect(earlier_warehouse, read_only=True) as connection:
        assert is_current(connection, earlier_warehouse)
    assert facts_of(earlier_warehouse) == facts
    migrated = earlier_warehouse.read_bytes()
    assert orusage("ingest", "empty.log", "--base-url", "http://127.0.0.1:9/api/v1").code == 0
    assert earlier_warehouse.read_bytes() == migrated


def facts_of(path):
    with duckdb.connect(path, read_only=True) as connection:
        columns = "generation_id, model, provider_name, usage, is_byok, cancelled, latency, source, fetched_at, run_id"
        return connection.execute(f"SELECT {columns} FROM generations ORDER BY generation_id").fetchall()


def test_writing_to_an_earlier_warehouse_migrates_it_and_keeps_its_data(
    earlier_warehouse, orusage, simulation, tmp_path
):
    before = facts_of(earlier_warehouse)
    assert len(before) == 4
    write_log(tmp_path / "app.log", [*new_ids(4), *new_ids(1, seed=2)])
    assert orusage("ingest", "app.log", "--base-url", simulation.base_url).code == 0
    with duckdb.connect(earlier_warehouse, read_only=True) as connection:
        assert is_current(connection, earlier_warehouse)
    after = facts_of(earlier_warehouse)
    assert len(after) == 5
    assert set(before) < set(after)
    assert [name for number, name, _ in migrations_of(earlier_warehouse) if number] == [
        m.name for m in sql_files.migrations()
    ]
    assert orusage("status", "--format", "json").json[0]["settled"] == 5


def test_no_include_line_is_left_and_migrations_have_none():
    queries = [f"{p.parent.name}/{p.stem}" for p in SQL.glob("*/*.sql") if p.parent.name != "fragments"]
    texts = [v.text for v in sql_files.views()] + [sql_files.query(name) for name in queries]
    assert not [text for text in texts if "include:" in text]
    assert not [m.name for m in sql_files.migrations() if "include:" in m.text]


def test_every_fragment_says_what_it_is_and_is_used_more_than_once():
    files = [p.read_text(encoding="utf-8") for p in SQL.rglob("*.sql")]
    fragments = list((SQL / "fragments").iterdir())
    assert fragments
    for path in fragments:
        assert path.read_text(encoding="utf-8").startswith("-- "), path
        assert len(re.findall(rf"-- include: (?:\w+ dimensions=)?{path.stem}\b", "".join(files))) > 1, path


@pytest.fixture
def fragment(tmp_path, monkeypatch):
    """Replaces ``sql/`` by a folder with one fragment, ``columns``, that takes `unit` and `name`."""
    (tmp_path / "fragments").mkdir()
    (tmp_path / "fragments" / "columns.sql").write_text(
        "-- What it is,\n-- in two lines.\n    1 AS {name},\n    -- In {unit}.\n    2 AS {name}_2\n", encoding="utf-8"
    )
    monkeypatch.setattr(sql_files, "SQL", tmp_path)


@pytest.mark.usefixtures("fragment")
def test_an_include_line_becomes_the_text_of_its_fragment():
    text = 'SELECT\n    -- include: columns name=a unit="US dollars"\nFROM t -- include: columns\n'
    expected = "SELECT\n    1 AS a,\n    -- In US dollars.\n    2 AS a_2\nFROM t -- include: columns\n"
    assert sql_files.with_fragments(text) == expected


@pytest.mark.usefixtures("fragment")
def test_a_fragment_may_include_another_that_its_argument_names():
    (sql_files.SQL / "fragments" / "outer.sql").write_text(
        "-- What it is.\nSELECT\n    -- include: {inner} name=a unit=USD\n", encoding="utf-8"
    )
    expected = "SELECT\n    1 AS a,\n    -- In USD.\n    2 AS a_2\n"
    assert sql_files.with_fragments("-- include: outer inner=columns\n") == expected


@pytest.mark.usefixtures("fragment")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r"unknown SQL fragment '': there is no file"),
        ("gone", r"unknown SQL fragment 'gone': there is no file .*gone\.sql"),
        ("columns", r"SQL fragment 'columns' takes the arguments \['name', 'unit'\], not \[\]"),
        ("columns name=a units=b", r"takes the arguments \['name', 'unit'\], not \['name', 'units'\]"),
        ("columns name=a unit=b more=c", r"takes the arguments \['name', 'unit'\], not \['more', 'name', 'unit'\]"),
    ],
)
def test_an_include_line_that_names_something_else_is_refused(line, message):
    with pytest.raises(ValueError, match=message):
        sql_files.with_fragments(f"-- include: {line}\n")


def test_a_query_for_the_same_seconds_has_a_legacy_variant():
    inserts = ("facts/insert_generations", "facts/insert_provider_attempts", "facts/insert_generation_contents")
    for name in ("ledger/find_new", *inserts, "ledger/delete_settled_work", "ledger/update_work"):
        assert sql_files.SAME_SECONDS in sql_files.query(name)
        assert not re.search(r"\$(low|high)", sql_files.legacy_query(name))


def test_a_view_selects_only_from_the_layers_below():
    known = {"main.generations", "main.provider_attempts", "main.generation_contents"}
    known |= {"ops.work", "ops.sources", "ops.runs", "ops.last_commit", "ops.activity"}
    known |= {"ops.activity_days", "ops.analytics_days", "ops.analytics_keys", "ops.credits", "ops.models"}
    known |= {"main.discovered_generations", "ops.discoveries"}
    known |= {"ops.api_keys", "ops.workspaces", "ops.people"}
    known |= {"ops.cost_rollup", "ops.rates"}
    for group in sql_files.VIEW_GROUPS:
        here = [v for v in sql_files.views() if v.group == group]
        for view in here:
            used = set(re.findall(r"(?:FROM|JOIN) ((?:main|ops)\.\w+)", view.text))
            assert used <= known, view.name
        known |= {v.relation for v in here}


def test_the_samples_are_there():
    assert (SAMPLES / "app" / "app.jsonl").is_file()
