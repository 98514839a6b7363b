import csv
import json
import math
import os
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.logs import new_ids
from support.simulated_warehouse import IDS, VIEWS
from support.warehouses import chunk, content, settled

import ingest.export.excel
import ingest.export.export
from ingest.core.errors import CannotCreateError, ConfigurationError, NoInputError, UnexpectedInputError, UsageError
from ingest.export.export import export
from ingest.export.manifest import MANIFEST, decode
from ingest.export.partition_names import hive_name
from ingest.export.plan import SUFFIXES, TIME_COLUMNS, ExportOptions
from ingest.reports.formats import _FORMULA
from ingest.warehouse.storage.connection import EXPORTING
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 9, 28)
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\tx",
    "\rx",
    "a\rb",
    'q"q',
    "a,b",
    "a\nb",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "é𝕏",
    "",
    " ",
]
NASTY_DIRECTORIES = ["../../etc", "/", ".", "..", "a/b", "a=b", "%2e", "a\nb", "é𝕏", "'; --", "con ", "x" * 60]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def path(simulated_warehouse):
    return simulated_warehouse


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def rows_of(path, query):
    with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
        return connection.execute(query).fetchall()


def manifest(out):
    return decode((out / MANIFEST).read_bytes())


def made(path, out, *names, since=None, partition_by=None, form="parquet", money="decimal", now=NOW):
    codec = "snappy" if form == "parquet" else None
    return export(path, out, names, ExportOptions(form, codec, money, partition_by, since), now)


ALL = "SELECT * FROM generations ORDER BY requested_day, requested_at, generation_id"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "w.duckdb"
    with Warehouse(path, NOW):
        pass
    return path


def altered(empty, tmp_path, rows):
    """A warehouse with these rows of `generations`."""
    path = tmp_path / "altered.duckdb"
    path.write_bytes(empty.read_bytes())
    names = sorted({name for row in rows for name in row})
    statement = f"INSERT INTO generations ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    with duckdb.connect(path) as connection:
        connection.executemany(statement, [[row.get(name) for name in names] for row in rows])
    return path


@pytest.mark.parametrize("form", ["parquet", "csv", "ndjson"])
def test_rows_that_do_not_fit_into_the_memory_of_an_export_are_exported_without_its_limit(
    monkeypatch, tmp_path, out, form
):
    monkeypatch.setitem(EXPORTING, "memory_limit", "16MB")
    ids, text = new_ids(30, seed=4), "x" * 1_000_000
    with Warehouse(tmp_path / "w.duckdb", NOW, bounded=False) as warehouse:
        warehouse.add(chunk(ids), "run", NOW)
        warehouse.commit([settled(i, content(i, input=text)) for i in ids], "run")
    [exported] = made(tmp_path / "w.duckdb", out, "generation_contents", form=form)
    assert exported.rows == len(ids)
    reader = {"parquet": "read_parquet", "csv": "read_csv", "ndjson": "read_json"}[form]
    options = ", max_line_size = 20000000, buffer_size = 50000000" if form == "csv" else ""
    file = out / f"generation_contents.{form}"
    assert duckdb.sql(f"SELECT DISTINCT input = repeat('x', 1000000) FROM {reader}('{file}'{options})").fetchall() == [
        (True,)
    ]


# Readers


def by_pyarrow(file):
    return [tuple(row.values()) for row in pyarrow.parquet.read_table(file).to_pylist()]


def by_polars(file):
    return pl.read_parquet(file).rows()


def by_duckdb(file):
    return duckdb.read_parquet(str(file)).fetchall()


def by_pandas(file):
    frame = pd.read_parquet(file, dtype_backend="pyarrow")
    return [tuple(None if v is pd.NA else as_python(v) for v in row) for row in frame.itertuples(index=False)]


def as_python(value):
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


@pytest.mark.parametrize("read", [by_pyarrow, by_polars, by_duckdb, by_pandas])
@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_parquet_is_read_back_to_the_last_digit(path, out, read, compression):
    export(path, out, ["generations"], ExportOptions(compression=compression), NOW)
    assert read(out / "generations.parquet") == rows_of(path, ALL)
    metadata = pyarrow.parquet.ParquetFile(out / "generations.parquet").metadata
    assert metadata.row_group(0).column(0).compression == compression.upper()


@pytest.fixture(scope="module")
def everything(simulated_warehouse, tmp_path_factory):
    out = tmp_path_factory.mktemp("everything") / "out"
    tables = [
        name for (name,) in rows_of(simulated_warehouse, "SELECT schema_name || '.' || table_name FROM duckdb_tables()")
    ]
    made(simulated_warehouse, out, *VIEWS, *tables)
    return out


SPARK_SAFE = re.compile(r"string|int64|double|bool|date32\[day\]|timestamp\[us\]|decimal128\((\d+), 12\)")


def test_every_relation_has_flat_types_and_names_that_spark_and_bi_tools_read(everything):
    relations = manifest(everything).relations
    assert len(relations) > len(VIEWS)
    for name, relation in relations.items():
        schema = pyarrow.parquet.read_schema(everything / f"{name}.parquet")
        assert schema.names == [c.name for c in relation.columns]
        for field in schema:
            found = SPARK_SAFE.fullmatch(str(field.type))
            assert found, f"{name}.{field.name}: {field.type}"
            assert int(found[1] or 0) <= 28
            assert not set(field.name) & set(" ,;{}()\n\t="), field.name


def test_times_are_utc_without_a_time_zone(path, out):
    made(path, out, "generations")
    schema = pyarrow.parquet.ParquetFile(out / "generations.parquet").schema
    logical = json.loads(schema.column(schema.names.index("requested_at")).logical_type.to_json())
    assert (logical["isAdjustedToUTC"], logical["timeUnit"]) == (False, "microseconds")


def test_the_manifest_holds_columns_units_rows_sums_and_checksums(path, everything):
    relation = manifest(everything).relations["cost_daily"]
    columns = {c.name: c for c in relation.columns}
    assert (columns["total_usage"].type, columns["total_usage"].unit) == ("DECIMAL(28,12)", "USD")
    assert columns["requested_day"].comment.startswith("Day of the request.")
    assert relation.order[0] == "requested_day"
    [(rows, total)] = rows_of(path, "SELECT count(*), sum(total_usage) FROM cost_daily")
    [file] = relation.files
    assert (file.rows, relation.rows, Decimal(file.sums["total_usage"])) == (rows, rows, total)
    assert relation.sums == file.sums
    assert file.bytes == (everything / file.path).stat().st_size == relation.bytes
    assert manifest(everything).warehouse_schema == max(
        n for (n,) in rows_of(path, "SELECT number FROM ops.migrations")
    )


def test_the_checksums_are_those_of_the_files(everything):
    import hashlib

    for path, file in manifest(everything).files.items():
        assert hashlib.sha256((everything / path).read_bytes()).hexdigest() == file.sha256


def test_two_exports_of_the_same_data_are_byte_for_byte_the_same(path, everything, tmp_path):
    made(path, tmp_path / "again", *(r for r in manifest(everything).relations))
    assert {p: f.sha256 for p, f in manifest(tmp_path / "again").files.items()} == {
        p: f.sha256 for p, f in manifest(everything).files.items()
    }


@pytest.mark.parametrize("form", SUFFIXES)
def test_the_same_rows_make_the_same_file_in_each_format_whatever_order_they_are_stored_in(empty, tmp_path, form):
    rows = [{"generation_id": f"gen-{n}", "requested_at": NOW, "usage": n, "model": f"m{n}"} for n in range(30)]
    for name, order in (("one", rows), ("other", rows[::-1])):
        (tmp_path / name).mkdir()
        path = altered(empty, tmp_path / name, order)
        made(path, tmp_path / name / "out", "generations", "generation_facts", "cost_by_model", form=form)
    one, other = (manifest(tmp_path / name / "out").files for name in ("one", "other"))
    assert one == other


def test_time_comes_first_so_that_readers_can_skip(everything):
    for name, relation in manifest(everything).relations.items():
        moments = [c.name for c in relation.columns if c.name in TIME_COLUMNS]
        assert set(relation.order[: len(moments)]) == set(moments), name
    days = pl.read_parquet(everything / "generation_facts.parquet")["requested_day"]
    assert days.is_sorted(nulls_last=True)


def test_cost_and_latency_views_are_the_default(path, out):
    names = [e.relation for e in made(path, out)]
    assert {"cost_daily", "cost_by_model", "cache_savings", "latency_by_model", "throughput_by_length"} <= set(names)
    assert not [n for n in names if n.startswith(("ops.", "check_")) or n in ("generations", "focus_cost_and_usage")]


@pytest.mark.parametrize("form", ["parquet", "csv", "ndjson"])
@pytest.mark.parametrize("fields", [("feature",), ("a/b", "it's", "feature")])
def test_kept_fields_become_columns(empty, tmp_path, out, form, fields):
    kept = [{"feature": "=1+1", "a/b": 7}, {"it's": {"x": [1]}}, {"feature": ""}, None]
    rows = [
        {"generation_id": f"gen-{n}", "log_fields": None if each is None else json.dumps(each, separators=(",", ":"))}
        for n, each in enumerate(kept)
    ]
    path = altered(empty, tmp_path, rows)
    options = ExportOptions(form, "snappy" if form == "parquet" else None, fields=fields)
    export(path, out, ["generations", "cost_daily"], options, NOW)
    columns = [f"field_{name}" for name in fields]
    names = ", ".join(f'"{column}"' for column in columns)
    options = ", header = true, all_varchar = true, allow_quoted_nulls = false" if form == "csv" else ""
    reader = {"parquet": "read_parquet", "csv": "read_csv", "ndjson": "read_json"}[form]
    found = duckdb.sql(
        f"SELECT {names} FROM {reader}('{out}/generations.{form}'{options}) ORDER BY generation_id"
    ).fetchall()
    texts = [
        [
            value if isinstance(value, str | None) else json.dumps(value, separators=(",", ":"))
            for value in map((each or {}).get, fields)
        ]
        for each in kept
    ]
    mark = "'" if form == "csv" else ""
    assert [list(map(str_or_none, row)) for row in found] == [
        [mark + v if v == "=1+1" else v for v in row] for row in texts
    ]
    relations = manifest(out).relations
    assert [c.name for c in relations["generations"].columns][-len(fields) :] == columns
    assert not any(c.name.startswith("field_") for c in relations["cost_daily"].columns)


def str_or_none(value):
    return None if value is None else str(value)


def test_a_field_that_no_id_or_no_relation_has_is_refused(path, out):
    for name, field, fix in (
        ("generations", "featre", "did you mean feature?"),
        ("cost_daily", "feature", "export generation_facts, or cost_by_field"),
    ):
        with pytest.raises(UsageError) as refused:
            export(path, out, [name], ExportOptions(fields=(field,)), NOW)
        assert refused.value.fix == fix


def test_a_relation_may_be_partitioned_by_a_field(path, out):
    export(path, out, ["generation_facts"], ExportOptions(partition_by="field_feature", fields=("feature",)), NOW)
    assert {p.name for p in (out / "generation_facts").iterdir()} == {
        "field_feature=search",
        "field_feature=chat",
        "field_feature=__HIVE_DEFAULT_PARTITION__",
    }


def test_money_may_be_a_double_and_its_sum_stays_exact(path, out):
    made(path, out, "cost_by_model", money="double")
    frame = pl.read_parquet(out / "cost_by_model.parquet")
    assert frame.schema["total_usage"] == pl.Float64
    relation = manifest(out).relations["cost_by_model"]
    [(total,)] = rows_of(path, "SELECT sum(total_usage) FROM cost_by_model")
    assert (relation.money, Decimal(relation.sums["total_usage"])) == ("double", total)
    assert math.isclose(frame["total_usage"].sum(), total, rel_tol=1e-12)
    assert {c.type for c in relation.columns} <= {"VARCHAR", "BIGINT", "DOUBLE", "DATE"}


def test_a_type_that_not_every_tool_reads_becomes_text(empty, tmp_path, out):
    path = altered(empty, tmp_path, [{"generation_id": "gen-1"}])
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE odd AS SELECT [1, 2] AS l, uuid() AS u, 1::HUGEINT AS h, INTERVAL 1 DAY AS i")
    made(path, out, "odd")
    assert pl.read_parquet(out / "odd.parquet").dtypes == [pl.String] * 4
    assert {c.type for c in manifest(out).relations["odd"].columns} == {"VARCHAR"}


# Text formats


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 20, 19, 3, 7), "2026-11-20T19:03:07Z"),  # noqa: DTZ001  # as the warehouse holds times
        (datetime(2026, 11, 20, 19, 3, 7, 250_000), "2026-11-20T19:03:07.250000Z"),  # noqa: DTZ001
        (datetime(1969, 12, 31, 23, 59, 59, 1), "1969-12-31T23:59:59.000001Z"),  # noqa: DTZ001
        (None, ""),
    ],
)
def test_a_time_in_csv_ends_in_z_and_keeps_its_fraction(empty, tmp_path, out, moment, text):
    made(altered(empty, tmp_path, [{"generation_id": "g", "created_at": moment}]), out, "generations", form="csv")
    with (out / "generations.csv").open(newline="", encoding="utf-8") as file:
        assert [row["created_at"] for row in csv.DictReader(file)] == [text]


def test_csv_neutralises_formulas_and_leaves_numbers(empty, tmp_path, out):
    rows = [{"generation_id": f"gen-{n:02}", "model": text, "usage": Decimal("-0.1")} for n, text in enumerate(HOSTILE)]
    made(altered(empty, tmp_path, rows), out, "generations", form="csv")
    with (out / "generations.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [r["model"] for r in found] == [f"'{t}" if _FORMULA.match(t) else t for t in HOSTILE]
    assert {r["usage"] for r in found} == {"-0.100000000000"}


def test_ndjson_keeps_every_digit_and_character(empty, tmp_path, out):
    rows = [{"generation_id": f"gen-{n:02}", "model": text, "usage": Decimal("-0.000000000001"), "requested_at": NOW}
            for n, text in enumerate(HOSTILE)]  # fmt: skip
    made(altered(empty, tmp_path, rows), out, "generations", form="ndjson")
    lines = (out / "generations.ndjson").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    found = [json.loads(line, parse_float=Decimal) for line in lines]
    assert [r["model"] for r in found] == HOSTILE
    assert {r["usage"] for r in found} == {Decimal("-0.000000000001")}
    assert {r["requested_at"] for r in found} == {"2026-11-20T12:00:00.000000Z"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(HOSTILE)
MONEY = st.decimals(min_value=-999_999, max_value=999_999, places=12)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, MONEY), min_size=5, max_size=30))
def test_any_text_and_any_amount_survive_in_every_format(empty, tmp_path_factory, values):
    tmp_path = tmp_path_factory.mktemp("any")
    rows = [{"generation_id": f"gen-{n:02}", "model": t, "usage": m} for n, (t, m) in enumerate(values)]
    path = altered(empty, tmp_path, rows)
    for form in ("parquet", "ndjson", "csv"):
        made(path, tmp_path / form, "generations", form=form)
    assert pl.read_parquet(tmp_path / "parquet/generations.parquet").select("model", "usage").rows() == values
    lines = (tmp_path / "ndjson/generations.ndjson").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    found = [json.loads(line, parse_float=Decimal) for line in lines]
    assert [(r["model"], r["usage"]) for r in found] == values
    with (tmp_path / "csv/generations.csv").open(newline="", encoding="utf-8") as file:
        found = [(r["model"], Decimal(r["usage"])) for r in csv.DictReader(file)]
    assert found == [("'" + t if _FORMULA.match(t) else t, m) for t, m in values]
    total = manifest(tmp_path / "csv").relations["generations"].sums["usage"]
    assert Decimal(total) == sum((m for _, m in values), Decimal(0))


# Excel

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheet_of(file):
    with zipfile.ZipFile(file) as book:
        return ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  # our own file


def test_excel_text_is_text_and_numbers_are_numbers(empty, tmp_path, out):
    formulas = ["=1+1", "@x", "https://evil.example", "-2", "\x1b[31m"]
    rows = [{"generation_id": f"gen-{n}", "model": t, "usage": Decimal("-0.25"), "requested_at": NOW, "is_byok": True}
            for n, t in enumerate(formulas)]  # fmt: skip
    made(altered(empty, tmp_path, rows), out, "generations", form="excel")
    sheet = sheet_of(out / "generations.xlsx")
    assert not list(sheet.iter(f"{SHEET}f"))
    assert not list(sheet.iter(f"{SHEET}hyperlink"))
    cells = list(sheet.iter(f"{SHEET}c"))
    texts = ["".join(t.text or "" for t in c.iter(f"{SHEET}t")) for c in cells if c.get("t") == "inlineStr"]
    assert {*formulas[:-1], "_x001B_[31m"} <= set(texts)
    assert [c.findtext(f"{SHEET}v") for c in cells].count("-0.25") == len(formulas)
    assert [c.get("t") for c in cells].count("b") == len(formulas)
    assert manifest(out).relations["generations"].money == "double"


def test_too_many_rows_for_excel_are_refused(path, out, monkeypatch):
    monkeypatch.setattr(ingest.export.excel, "MAX_ROWS", len(IDS))
    with pytest.raises(CannotCreateError, match="does not fit"):
        made(path, out, "generations", form="excel")
    assert not out.exists()
    monkeypatch.setattr(ingest.export.excel, "MAX_ROWS", len(IDS) + 1)
    assert made(path, out, "generations", form="excel")[0].rows == len(IDS)


def test_a_text_too_long_for_a_cell_is_refused(empty, tmp_path, out):
    path = altered(empty, tmp_path, [{"generation_id": "gen-1", "model": "x" * 32_768}])
    with pytest.raises(CannotCreateError, match="text"):
        made(path, out, "generations", form="excel")


def test_excel_without_its_extra_says_what_to_install(path, out, monkeypatch):
    monkeypatch.setattr(ingest.export.excel, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        made(path, out, "cost_daily", form="excel")
    assert 'pip install "orusage[excel]"' in caught.value.fix
    assert not out.exists()


# Partitions


def test_partitions_are_read_by_hive_readers_and_keep_their_key(path, out):
    made(path, out, "generations", partition_by="requested_day")
    files = [f.path for f in manifest(out).relations["generations"].files]
    assert "generations/requested_day=2026-09-28/generations.parquet" in files
    expected = rows_of(path, ALL)
    pattern = str(out / "generations/*/*.parquet")
    query = ALL.replace("generations", f"read_parquet('{pattern}', hive_partitioning = false)", 1)
    assert duckdb.sql(query).fetchall() == expected
    hive = f"SELECT count(*) FROM read_parquet('{pattern}', hive_partitioning = true) WHERE requested_day = '{DAY}'"
    assert duckdb.sql(hive).fetchall() == [(sum(r[2] == DAY for r in expected),)]
    table = pyarrow.dataset.dataset(out / "generations", format="parquet").to_table()
    assert table.num_rows == len(expected)
    for file in manifest(out).files.values():
        assert set(pl.read_parquet(out / file.path)["requested_day"].cast(str)) == {file.partition}


def test_null_and_empty_keys_share_the_partition_of_hive(empty, tmp_path, out):
    keys = [None, "", "a", "__HIVE_DEFAULT_PARTITION__"]
    rows = [{"generation_id": f"gen-{n}", "external_user": k} for n, k in enumerate(keys)]
    made(altered(empty, tmp_path, rows), out, "generations", partition_by="external_user")
    found = {f.path.split("/")[1]: f.rows for f in manifest(out).files.values()}
    assert found == {
        "external_user=__HIVE_DEFAULT_PARTITION__": 2,
        "external_user=a": 1,
        "external_user=%5F_HIVE_DEFAULT_PARTITION__": 1,
    }


def test_nothing_leads_out_of_the_directory(empty, tmp_path, out):
    rows = [{"generation_id": f"gen-{n}", "external_user": k} for n, k in enumerate(NASTY_DIRECTORIES)]
    path = altered(empty, tmp_path, rows)
    made(path, out, "generations", partition_by="external_user")
    folders = sorted(p.name for p in (out / "generations").iterdir())
    assert len(folders) == len(NASTY_DIRECTORIES)
    assert all(re.fullmatch(r"external_user=[\w.~%-]*", name, re.ASCII) for name in folders)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["altered.duckdb", "out"]
    pattern = str(out / "generations/*/*.parquet")
    query = f"SELECT external_user FROM read_parquet('{pattern}', hive_partitioning = true)"
    assert sorted(k for (k,) in duckdb.sql(query).fetchall()) == sorted(NASTY_DIRECTORIES)


@given(st.text(max_size=40))
def test_a_partition_name_is_safe_and_decodes_to_its_value(value):
    from urllib.parse import unquote

    try:
        value.encode()
    except UnicodeEncodeError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]*", hive_name(value))
    assert unquote(hive_name(value)) == value


def test_a_key_too_long_for_a_name_is_refused(empty, tmp_path, out):
    path = altered(empty, tmp_path, [{"generation_id": "gen-1", "external_user": "x" * 300}])
    with pytest.raises(CannotCreateError):
        made(path, out, "generations", partition_by="external_user")
    assert not out.exists()


@pytest.mark.parametrize("column", ["no_such", "usage", "requested_at", 'x" --', ""])
def test_a_column_that_cannot_partition_is_refused(path, out, column):
    if not column:
        pytest.skip("the command line takes no empty name")
    with pytest.raises(UsageError) as caught:
        made(path, out, "generations", partition_by=column)
    assert "requested_day" in caught.value.fix


def test_too_many_partitions_are_refused(path, out, monkeypatch):
    monkeypatch.setattr(ingest.export.export, "MAX_PARTITIONS", 5)
    with pytest.raises(UsageError, match="more than 5 files"):
        made(path, out, "generations", partition_by="requested_day")


def test_booleans_and_numbers_can_partition(path, out):
    made(path, out, "generation_facts", partition_by="is_byok")
    assert {f.partition for f in manifest(out).files.values()} <= {"true", "false", None}
    made(path, out, "cost_by_app", partition_by="app_id")
    assert (
        sum(f.rows for f in manifest(out).relations["cost_by_app"].files) == manifest(out).relations["cost_by_app"].rows
    )


# --since


def states(out):
    return {p.relative_to(out).as_posix(): (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes())
            for p in out.rglob("*") if p.is_file() and p.name != MANIFEST}  # fmt: skip


def a_day(number, **other):
    at = datetime(2026, 11, number, 3, tzinfo=UTC)
    return {"generation_id": f"gen-{number}", "requested_at": at, "requested_day": at.date(), **other}


def test_an_export_since_a_day_replaces_changed_partitions_only(empty, tmp_path, out):
    days = [a_day(n, usage=1) for n in range(1, 7)]
    legacy = {"generation_id": "legacy", "usage": 1}
    made(altered(empty, tmp_path, [*days, legacy]), out, "generations", partition_by="requested_day")
    before = states(out)
    days[0]["usage"] = 9  # before `since`, so not exported
    days[4]["usage"] = 2  # changed
    del days[3]  # a day that no longer has rows
    path = altered(empty, tmp_path, [*days, a_day(7, usage=1), legacy])
    [done] = made(path, out, "generations", partition_by="requested_day", since=date(2026, 11, 4), now=NOW)
    after = states(out)
    of = "generations/requested_day=2026-11-{:02}/generations.parquet".format
    assert before.keys() - after.keys() == {of(4)}
    assert after.keys() - before.keys() == {of(7)}
    assert {p for p in before.keys() & after.keys() if before[p] != after[p]} == {of(5)}
    relation = manifest(out).relations["generations"]
    assert sorted(after) == [f.path for f in relation.files]
    assert (done.rows, relation.rows, relation.since) == (7, 7, "2026-11-04")
    assert Decimal(relation.sums["usage"]) == 8
    made(path, out, "generations", partition_by="requested_day")
    assert Decimal(manifest(out).relations["generations"].sums["usage"]) == 16


def test_since_alone_takes_whole_days_from_then_on(path, out):
    for name in ("generations", "generation_facts", "openrouter_traces", "provider_attempts", "focus_cost_and_usage"):
        made(path, out, name, since=DAY)
        moment = next(c for c in TIME_COLUMNS if c in [x.name for x in manifest(out).relations[name].columns])
        [(expected,)] = rows_of(path, f"SELECT count(*) FROM {name} WHERE \"{moment}\" >= DATE '{DAY}'")
        assert 0 < manifest(out).relations[name].rows == expected


def test_since_without_a_time_column_names_those_that_do(path, out):
    with pytest.raises(UsageError) as caught:
        made(path, out, "cost_by_model", since=DAY)
    assert "requested_day" in caught.value.cause
    assert "requested_at" in caught.value.cause
    assert not out.exists()


@pytest.mark.parametrize("column", ["model", "first_day"])
def test_since_needs_partitions_that_are_days(path, out, column):
    name = "generations" if column == "model" else "cost_by_model"
    with pytest.raises(UsageError):
        made(path, out, name, partition_by=column, since=DAY)


@pytest.mark.parametrize(
    "other", [{"form": "csv"}, {"money": "double"}, {"partition_by": None}], ids=["format", "money", "partition"]
)
def test_kept_partitions_must_have_the_options_of_new_ones(path, out, other):
    made(path, out, "generations", **{"partition_by": "requested_day"} | other)
    before = states(out)
    with pytest.raises(UsageError, match="does not go together"):
        made(path, out, "generations", partition_by="requested_day", since=DAY)
    assert states(out) == before


def test_a_missing_kept_partition_is_an_error(path, out):
    made(path, out, "generations", partition_by="requested_day")
    min((out / "generations").iterdir()).joinpath("generations.parquet").unlink()
    with pytest.raises(UnexpectedInputError, match="not whole"):
        made(path, out, "generations", partition_by="requested_day", since=DAY)
    made(path, out, "generations", partition_by="requested_day")
    made(path, out, "generations", partition_by="requested_day", since=DAY)


# Directories


def test_other_relations_stay_and_another_layout_replaces_the_earlier(path, out):
    made(path, out, "cost_daily", "generations", partition_by="requested_day")
    made(path, out, "cost_by_model", form="csv")
    made(path, out, "generations")
    assert sorted(p.name for p in out.iterdir()) == ["cost_by_model.csv", "cost_daily", "generations.parquet", MANIFEST]
    assert sorted(manifest(out).relations) == ["cost_by_model", "cost_daily", "generations"]


def test_an_export_of_unchanged_data_replaces_the_manifest_only(path, out):
    made(path, out, "cost_daily", "cost_by_model")
    before = states(out)
    made(path, out, "cost_daily", "cost_by_model", now=NOW.replace(day=21))
    assert states(out) == before
    assert manifest(out).generated_at.day == 21


@pytest.mark.parametrize("directory", ["o'ut", "a b", "*[x]?", "é𝕏", "~", "-o", "s3:", "$path"])
def test_a_directory_may_have_any_name(path, tmp_path, directory):
    made(path, tmp_path / directory, "cost_daily")
    assert by_duckdb_count(tmp_path / directory) == rows_of(path, "SELECT count(*) FROM cost_daily")


def by_duckdb_count(out):
    return [(pyarrow.parquet.read_table(out / "cost_daily.parquet").num_rows,)]


def test_a_missing_parent_directory_is_named_in_the_fix(path, tmp_path):
    with pytest.raises(CannotCreateError) as caught:
        made(path, tmp_path / "gone" / "out", "cost_daily")
    assert caught.value.fix == f"create {tmp_path / 'gone'} first, or name another with -o"


def test_a_link_above_the_directory_is_the_users_own(path, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made(path, tmp_path / "link" / "out", "cost_daily")
    assert (tmp_path / "real/out/cost_daily.parquet").exists()


# Nothing there


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("partition_by", [None, "requested_day"])
def test_an_empty_warehouse_makes_files_without_rows(empty, out, form, partition_by):
    [done] = made(empty, out, "generations", form=form, partition_by=partition_by)
    assert (done.rows, done.files) == (0, 1)
    [path] = manifest(out).files
    names = [c.name for c in manifest(out).relations["generations"].columns]
    if form == "parquet":
        frame = pl.read_parquet(out / path, hive_partitioning=False)
        assert (frame.height, frame.columns, frame.schema["usage"]) == (0, names, pl.Decimal(18, 12))
    elif form == "csv":
        assert (out / path).read_text() == ",".join(names) + "\n"
    elif form == "ndjson":
        assert (out / path).read_bytes() == b""
    else:
        assert len(list(sheet_of(out / path).iter(f"{SHEET}c"))) == len(names)


def test_a_missing_warehouse_is_an_error(tmp_path, out):
    with pytest.raises(NoInputError):
        made(tmp_path / "none.duckdb", out)
    assert not out.exists()


def test_a_database_of_another_program_is_refused(tmp_path, out):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(UnexpectedInputError):
        made(tmp_path / "w.duckdb", out)
    assert not out.exists()


@pytest.mark.parametrize("name", ["cost_dialy", 'x" --', "information_schema.tables", "generations; DROP TABLE x"])
def test_an_unknown_name_is_refused_with_a_suggestion(path, out, name):
    with pytest.raises(UsageError) as caught:
        made(path, out, "cost_by_model", name)
    assert caught.value.fix == ("did you mean cost_daily?" if name == "cost_dialy" else caught.value.fix)
    assert not out.exists()


def test_a_default_view_that_an_older_warehouse_lacks_is_skipped(empty, tmp_path, out):
    path = altered(empty, tmp_path, [{"generation_id": "gen-1"}])
    with duckdb.connect(path) as connection:
        connection.execute("DROP VIEW cost_anomalies")
    names = [e.relation for e in made(path, out)]
    assert "cost_anomalies" not in names
    assert "cost_daily" in names


def test_nothing_else_can_be_written_or_read(path, tmp_path):
    from ingest.warehouse.reader import Reader

    with Reader(path, exports_to=tmp_path / "below") as reader:
        for statement in (
            f"COPY (SELECT 1) TO '{tmp_path}/beside.parquet' (FORMAT parquet)",
            f"COPY (SELECT 1) TO '{tmp_path}/below/../beside.parquet' (FORMAT parquet)",
            "SELECT * FROM read_text('/etc/passwd')",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
            f"ATTACH '{tmp_path}/other.duckdb'",
        ):
            with pytest.raises(duckdb.Error):
                reader.run(statement, {})
