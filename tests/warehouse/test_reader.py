import sqlite3
from contextlib import closing
from itertools import chain

import duckdb
import pytest
from support.warehouses import IDS, NOW, chunk, settled

from ingest.core.errors import NoInputError, TryAgainLaterError, UnexpectedInputError, UsageError
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS], "run")
    return path


def rows(reader, statement):
    return list(chain.from_iterable(reader.query(statement).stream()[1]))


def test_readers_do_not_shut_each_other_out(path, orusage):
    with Reader(path) as reader:
        assert orusage("-w", path, "status", "--format", "json").json[0]["settled"] == len(IDS)
        assert reader.named("ledger/status")["settled"].item() == len(IDS)


def test_several_queries_through_one_reader(path):
    with Reader(path) as reader:
        for _ in range(3):
            assert rows(reader, "SELECT count(*) AS n FROM generations") == [(len(IDS),)]
            assert reader.view("ops.freshness")["settled"].item() == len(IDS)


def test_times_print_in_utc_whatever_the_machine_says(path, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    with Reader(path) as reader:
        [(text,)] = rows(reader, "SELECT CAST(TIMESTAMPTZ '2026-01-01 00:00:00+00' AS VARCHAR) AS t")
    assert text.startswith("2026-01-01 00:00:00")


def test_a_python_variable_is_no_table(path):
    import polars as pl

    secret = pl.DataFrame({"a": [1]})
    with Reader(path) as reader, pytest.raises(UsageError):
        rows(reader, "SELECT * FROM secret")
    assert secret.height == 1


@pytest.mark.parametrize("name", ["main.cost_daily", "cost_daily", "ops.work", "generations"])
def test_views_and_tables_go_by_their_names(path, name):
    with Reader(path) as reader:
        assert reader.view(name).columns


@pytest.mark.parametrize("name", ["nowhere", "cost_daily; DROP TABLE x", 'x" --', "information_schema.tables"])
def test_other_names_are_refused(path, name):
    with Reader(path) as reader, pytest.raises(UsageError):
        reader.view(name)


def test_there_is_no_warehouse(tmp_path):
    with pytest.raises(NoInputError):
        Reader(tmp_path / "none.duckdb")


def test_another_programs_file(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(UnexpectedInputError):
        Reader(tmp_path / "w.duckdb")


@pytest.fixture
def of_sqlite(tmp_path):
    path = tmp_path / "w.duckdb"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
        connection.commit()
    return path


@pytest.mark.parametrize("exports", [False, True])
def test_a_file_of_sqlite_is_none_of_ours_and_nothing_is_downloaded_to_read_it(of_sqlite, tmp_path, exports):
    with pytest.raises(UnexpectedInputError, match="not a warehouse"):
        Reader(of_sqlite, exports_to=tmp_path if exports else None)


@pytest.mark.parametrize("exports", [False, True])
def test_a_directory_is_no_warehouse(tmp_path, exports):
    with pytest.raises(UnexpectedInputError, match="not a warehouse"):
        Reader(tmp_path, exports_to=tmp_path if exports else None)


def test_a_newer_schema_can_still_be_read(path):
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ops.migrations VALUES (9999, '9999_future.sql', now())")
    with Reader(path) as reader:
        assert reader.view("cost_daily").height


def test_a_file_that_is_being_written_is_read_from_a_copy_and_exported_later(path, tmp_path, caplog):
    import subprocess
    import sys

    holder = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(TryAgainLaterError, match=str(process.pid)):
            Reader(path, exports_to=tmp_path)
        with Reader(path) as reader:
            assert reader.named("ledger/status")["settled"].item() == len(IDS)
        assert f"process {process.pid} " in caplog.text
        process.stdin.close()
