"""`discover --csv` into a real warehouse."""

import csv
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from support.clock import FakeClock
from support.logs import new_ids

from ingest.core.cancellation import RunCancellation
from ingest.core.errors import UnexpectedInputError
from ingest.pipeline import discover_csv as module
from ingest.pipeline.discover_csv import discover_csv
from ingest.pipeline.discovery_run import DiscoveryContext

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(5, seed=3)
COLUMNS = ("generation_id", "cost_total", "byok_usage_inference", "api_key_name", "app_name")


@pytest.fixture
def context(tmp_path):
    return DiscoveryContext(tmp_path / "w.duckdb", FakeClock(NOW), RunCancellation(), timedelta())


def write(path, rows, columns=COLUMNS, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([columns, *rows])
    return str(path)


def rows(context, sql):
    with duckdb.connect(context.warehouse, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_new_ids_are_pending_with_their_line_and_log_fields(tmp_path, context, monkeypatch):
    monkeypatch.setattr(module, "LINES", 2)  # several transactions
    name = write(tmp_path / "logs.csv", [(one, f"0.{n}", "", "batch", "A") for n, one in enumerate(IDS)])
    result = discover_csv(name, context)
    assert (result.code, result.asked, result.rows, result.new_ids, result.since) == (0, 3, 5, 5, None)
    columns = "generation_id, source, position, line, log_fields->>'$.cost_total', log_fields->>'$.api_key_name'"
    assert rows(context, f"SELECT {columns} FROM ops.work ORDER BY line") == [
        (one, name, None, n + 2, f"0.{n}", "batch") for n, one in enumerate(IDS)
    ]
    told = "SELECT generation_id, source, source_line, credits_usage, total_usage, extra FROM discovered_generations"
    assert rows(context, f"{told} ORDER BY source_line")[1] == (
        *(IDS[1], name, 3, Decimal("0.1"), Decimal("0.1"), '{"app_name":"A"}'),
    )
    assert rows(context, "SELECT count(*), sum(rows), sum(new_ids), any_value(source) FROM ops.discoveries") == [
        (3, 5, 5, name)
    ]
    assert discover_csv(name, context).new_ids == 0
    assert rows(context, "SELECT count(*) FROM discovered_generations") == [(5,)]


def test_a_later_telling_replaces_what_it_tells_and_keeps_the_rest(tmp_path, context):
    discover_csv(write(tmp_path / "a.csv", [(IDS[0], "0.1", "0", "one", "A")]), context)
    name = write(tmp_path / "b.csv", [(IDS[0], "0.2", "two", "B")], ("id", "cost_total", "api_key_name", "new"))
    discover_csv(name, context)
    told = "source, credits_usage, byok_usage, api_key_label, extra"
    assert rows(context, f"SELECT {told} FROM discovered_generations") == [
        (name, Decimal("0.2"), Decimal(0), "two", '{"app_name":"A","new":"B"}')
    ]


def test_a_csv_without_any_id_makes_no_warehouse(tmp_path, context):
    name = write(tmp_path / "logs.csv", [("", "1", "", "", ""), ("gen-x", "", "", "", "")])
    with pytest.raises(UnexpectedInputError, match="no generation ID"):
        discover_csv(name, context)
    assert discover_csv(write(tmp_path / "logs.csv", []), context).code == 0
    assert not context.warehouse.exists()


def test_a_csv_that_is_damaged_is_partial_and_what_was_read_is_kept(tmp_path, context, caplog):
    name = write(tmp_path / "logs.csv", [(IDS[0], "0.1", "", "Größe", "")], encoding="cp1252")
    with (tmp_path / "logs.csv").open("a") as file:
        file.write(f'\n,0.5,,,\n{IDS[1]},"' + "x" * 200_000)
    with caplog.at_level(logging.WARNING, "orusage"):
        result = discover_csv(name, context)
    assert result.code == 3
    assert result.problems == [f"{name}: line 5: field larger than field limit (131072)"]
    assert (result.rows_without_id, result.usage_without_id) == (1, Decimal("0.5"))
    assert "Windows-1252" in caplog.text
    assert rows(context, "SELECT api_key_label FROM discovered_generations") == [("Größe",)]
    assert rows(context, "SELECT problem IS NOT NULL, rows_without_id FROM ops.discoveries") == [(True, 1)]
