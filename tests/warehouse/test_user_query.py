"""A user's own SQL: what is refused and how it is told, parameters, and streams of any length."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from contextlib import suppress
from datetime import date, timedelta
from decimal import Context, Decimal
from itertools import chain
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commands import environment, interrupted
from support.logs import new_ids
from support.warehouses import NOW, chunk, settled

from ingest.core.errors import Exit, UsageError
from ingest.reports.formats import FORMATS
from ingest.warehouse.reader import Reader
from ingest.warehouse.storage.connection import open_for_reading
from ingest.warehouse.user_query import AT_A_TIME
from ingest.warehouse.warehouse import Warehouse

IDS = new_ids(20, seed=11)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("question") / "orusage.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS], "run")
    return path


@pytest.fixture
def reader(path):
    with Reader(path) as reader:
        yield reader


def rows(reader, text, **parameters):
    return list(chain.from_iterable(reader.query(text, parameters).stream()[1]))


# Refusals


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO generations SELECT * FROM generations",
        "UPDATE generations SET usage = 0",
        "DELETE FROM generations",
        "TRUNCATE generations",
        "DROP VIEW cost_daily",
        "CREATE TABLE x AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW cost_daily AS SELECT 1 AS a",
        "ALTER TABLE generations ADD COLUMN x INTEGER",
        "COMMENT ON VIEW cost_daily IS 'free'",
        "SELECT 1; DELETE FROM generations",
        "DELETE FROM generations; SELECT 1",
        "BEGIN; DELETE FROM generations; COMMIT; SELECT 1",
        "COPY generations TO 'out.csv'",
        "COPY (SELECT 1) TO 'out.parquet'",
        "EXPORT DATABASE 'out'",
        "IMPORT DATABASE 'out'",
        "ATTACH 'other.duckdb'",
        "ATTACH 'other.duckdb' AS o (READ_ONLY)",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('/etc/*')",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET GLOBAL lock_configuration = false",
        "RESET enable_external_access",
        "PRAGMA memory_limit = '1GB'",
        "CREATE SECRET s (TYPE s3)",
    ],
)
def test_what_would_change_or_reach_anything_else_is_refused(path, tmp_path, monkeypatch, statement):
    monkeypatch.chdir(tmp_path)
    before = path.read_bytes(), sorted(path.parent.iterdir())
    with Reader(path) as reader, pytest.raises(UsageError):
        rows(reader, statement)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("statement", ["CHECKPOINT", "VACUUM", "ANALYZE", "BEGIN; SELECT 1"])
def test_what_duckdb_allows_on_a_file_that_is_read_only_changes_nothing(path, statement):
    before = path.read_bytes(), sorted(path.parent.iterdir())
    with Reader(path) as reader, suppress(UsageError):  # DuckDB 1.5 gives no rows for some
        rows(reader, statement)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("SELECT CAST('x' AS INTEGER) FROM generations", "LINE 1: SELECT CAST('x'"),
        ("SELECT 1,\n  CAST(model AS INTEGER) FROM generations", "LINE 2:   CAST(model"),
        ("SELECT [1],\n\n  CAST(model AS INTEGER) FROM generations", "LINE 3:   CAST(model"),
    ],
)
def test_an_error_of_a_value_shows_the_place_in_the_text_as_it_was_given(reader, statement, line):
    with pytest.raises(UsageError, match="Conversion Error") as error:
        rows(reader, statement)
    assert error.value.excerpt[0].startswith(line)


def test_of_two_questions_none_is_dropped_silently(reader):
    with pytest.raises(UsageError, match="several statements that return rows"):
        reader.query("SELECT 1; SELECT 2")


def test_nested_values_are_json(reader):
    nested = (
        "[1, 2] AS a, {'k': 'x, y'} AS b, MAP {'k': 1} AS c, [{'k': [DATE '2026-01-01']}] AS d, array_value(1, 2) AS e"
    )
    [row] = rows(reader, f"SELECT {nested}")
    assert [json.loads(value) for value in row] == [[1, 2], {"k": "x, y"}, {"k": 1}, [{"k": ["2026-01-01"]}], [1, 2]]


@pytest.mark.parametrize(
    ("statement", "place", "fix"),
    [
        ("SELECT totl_usage FROM cost_daily", "totl_usage", "did you mean total_usage"),
        ("SELECT *\nFROM cost_dayly", "cost_dayly", "did you mean cost_daily?"),
        ("SELECT *\nFROM cost_daily\nWHER total_usage > 1", "total_usage", "orusage views"),
        ("SELECT summ(total_usage) FROM cost_daily", "summ", "did you mean sum"),
        ("SELECT 1 FROM qzxw", "qzxw", "orusage views"),
    ],
)
def test_an_error_shows_the_place_and_what_was_meant(reader, statement, place, fix):
    with pytest.raises(UsageError) as error:
        rows(reader, statement)
    line, carets = error.value.excerpt
    assert line[carets.index("^") :].startswith(place)
    assert fix in error.value.fix
    assert "\n" not in error.value.cause


@pytest.mark.parametrize("statement", ["", " ;; ", "-- nothing"])
def test_nothing_is_no_question(reader, statement):
    with pytest.raises(UsageError, match="returns no rows"):
        rows(reader, statement)


def test_a_connection_goes_on_after_an_error(reader):
    for statement in ("SELECT nothing", "FROM nowhere", "SELEC 1", "SELECT error('x')", "BEGIN; SELECT error('x')"):
        with pytest.raises(UsageError):
            rows(reader, statement)
    assert rows(reader, "SELECT count(*) FROM generations") == [(len(IDS),)]


# Values of all types


DAYS = st.one_of(
    st.sampled_from(["infinity", "-infinity", "9999-12-31", "10000-01-01", "0001-01-01", "0044-03-15 (BC)"]),
    st.dates().map(str),
    st.builds("{:d}-{:02d}-{:02d}".format, st.integers(10_000, 250_000), st.integers(1, 12), st.integers(1, 28)),
)
CLOCK = st.sampled_from(["00:00:00", "23:59:59.999999", "12:00:00.5", "24:00:00", "01:02:03.000001"])
NANO_CLOCK = CLOCK | st.sampled_from(["12:34:56.123456789", "00:00:00.000000001", "23:59:59.999999999"])


def moments(clock):
    at = clock.filter(lambda time: not time.startswith("24"))
    return st.sampled_from(["infinity", "-infinity"]) | st.builds("{} {}".format, DAYS.filter(str.isascii), at).filter(
        lambda text: "infinity" not in text and "BC" not in text
    )


NANO_MOMENTS = st.builds("{} {}".format, st.dates(date(1700, 1, 1), date(2200, 1, 1)), NANO_CLOCK).filter(
    lambda text: " 24" not in text
) | st.sampled_from(["infinity", "-infinity"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def whole(bits, *, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return (st.integers(low, high) | st.sampled_from([low, high])).map(str)


def decimals(width, scale):
    return st.integers(-(10**width) + 1, 10**width - 1).map(lambda n: str(Decimal(n).scaleb(-scale, WIDE)))


WIDE = Context(prec=60)
OF_TYPES = {
    **{name: whole(bits, signed=name[0] != "U") for name, bits in [
        ("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64), ("HUGEINT", 128),
        ("UTINYINT", 8), ("USMALLINT", 16), ("UINTEGER", 32), ("UBIGINT", 64), ("UHUGEINT", 128),
    ]},
    "BIGNUM": st.integers(-(10**60), 10**60).map(str),
    "BOOLEAN": st.sampled_from(["true", "false"]),
    "FLOAT": st.floats(width=32).map(str),
    "DOUBLE": st.floats().map(str),
    "DECIMAL(4,1)": decimals(4, 1),
    "DECIMAL(18,12)": decimals(18, 12),
    "DECIMAL(38,0)": decimals(38, 0),
    "DECIMAL(38,37)": decimals(38, 37),
    "DATE": DAYS,
    "TIME": CLOCK,
    "TIME_NS": NANO_CLOCK,
    "TIME WITH TIME ZONE": st.builds("{}{}".format, CLOCK, st.sampled_from(["+00", "+02:30", "-15:59"])),
    "TIMESTAMP": moments(CLOCK),
    "TIMESTAMP_S": moments(st.just("12:00:01")),
    "TIMESTAMP_MS": moments(st.just("12:00:01.5")),
    "TIMESTAMP_NS": NANO_MOMENTS,
    "TIMESTAMP WITH TIME ZONE": moments(CLOCK),
    "INTERVAL": st.sampled_from(["1 month", "-2 days", "300 years 12:00:00.000001", "0 seconds"]),
    "VARCHAR": TEXTS,
    "BLOB": st.binary(max_size=8).map(lambda data: "".join(f"\\x{byte:02X}" for byte in data)),
    "BIT": st.text("01", min_size=1, max_size=40),
    "UUID": st.uuids().map(str),
    "JSON": st.sampled_from(['{"a":1e999}', "[1, 2]", "null", '"x"']),
    "ENUM('a', 'b,c', '')": st.sampled_from(["a", "b,c", ""]),
    "INTEGER[]": st.lists(st.integers(-9, 9)).map(str),
    "DATE[]": st.lists(DAYS, max_size=3).map(lambda days: f"[{', '.join(days)}]"),
    "STRUCT(a DATE, b VARCHAR)": DAYS.map("{{'a': {}, 'b': x}}".format),
    "MAP(VARCHAR, HUGEINT)": whole(128, signed=True).map("{{k={}}}".format),
}  # fmt: skip
NESTED = ("[]", "STRUCT", "MAP")
TYPED = st.sampled_from(sorted(OF_TYPES)).flatmap(lambda kind: st.tuples(st.just(kind), st.none() | OF_TYPES[kind]))


def canonical(kind, shown):
    """What a program prints for a value, in the form of DuckDB's own text; the value itself for a number."""
    if kind in {"FLOAT", "DOUBLE"}:
        return repr(float(shown))
    if kind.startswith("DECIMAL"):
        return Decimal(shown)
    if kind.startswith("TIMESTAMP"):
        shown = shown.removesuffix("Z").replace("T", " ")
    if kind == "TIMESTAMP WITH TIME ZONE":
        shown = shown.removesuffix(":00" if shown.endswith("+00:00") else "").removesuffix("+00")
    if kind.startswith("TIM") and "." in shown:
        shown = shown.rstrip("0")
    return shown


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.lists(TYPED, min_size=2, max_size=4))
def test_values_of_every_type_are_printed_as_duckdb_has_them(reader, typed):
    """In CSV and JSON; a table is only printed, as it rounds."""
    casts = [f"CAST($p{n} AS {kind})" for n, (kind, _) in enumerate(typed)]
    given_as = {f"p{n}": value for n, (_, value) in enumerate(typed)}
    statement = "SELECT " + ", ".join(f"{cast} AS c{n}" for n, cast in enumerate(casts))
    with duckdb.connect() as own:
        own.execute("SET TimeZone = 'UTC'")
        try:
            expected = own.execute(
                "SELECT " + ", ".join(
                    f"CAST(to_json({c}) AS VARCHAR)" if any(n in k for n in NESTED) else f"CAST({c} AS VARCHAR)"
                    for c, (k, _) in zip(casts, typed, strict=True)
                ), given_as,
            ).fetchone()  # fmt: skip
        except duckdb.ConversionException:
            return  # beyond the type's range
    columns, batches = reader.query(statement, given_as).stream()
    found = list(chain.from_iterable(batches))
    for form in FORMATS:
        assert FORMATS[form](columns, found)
    [_, cells] = csv.reader(io.StringIO(FORMATS["csv"](columns, found), newline=""))
    [record] = json.loads(FORMATS["json"](columns, found), parse_float=str, parse_int=str, parse_constant=pytest.fail)
    for (kind, _), text, cell, value in zip(typed, expected, cells, record.values(), strict=True):
        if text is None:
            assert (cell, value) == ("", None)
            continue
        wanted = canonical(kind, text)
        assert canonical(kind, cell.removeprefix("'") if text[:1] != "'" else cell) == wanted
        if kind in {"FLOAT", "DOUBLE"} and not math.isfinite(float(text)):
            assert value is None
        else:
            shown = str(value).lower() if kind == "BOOLEAN" else str(value)
            assert canonical(kind, shown) == wanted


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "markdown"])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("'infinity'::DATE", "infinity"),
        ("'-infinity'::TIMESTAMP", "-infinity"),
        ("DATE '9999-12-31'", "9999-12-31"),
        ("DATE '20000-01-01'", "20000-01-01"),
        ("TIME '24:00:00'", "24:00:00"),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("sum(9223372036854775807) FROM range(3)", "27670116110564327421"),
    ],
)
def test_values_that_python_or_polars_lacks_are_printed_by_the_command(path, orusage, value, shown, form):
    done = orusage("-w", path, "query", f"SELECT {value}", "--format", form)
    assert done.code == Exit.DONE, done.err
    assert shown in done.out


# Parameters


@pytest.mark.parametrize(
    ("statement", "value", "found"),
    [
        ("SELECT DATE '2026-11-01' = $x", "2026-11-01", True),
        ("SELECT TIMESTAMP '2026-11-01 02:03:04' = $x", "2026-11-01 02:03:04", True),
        ("SELECT CAST(7 AS BIGINT) = $x", "7", True),
        ("SELECT CAST($x AS BIGINT) + 1", "41", 42),
        ("SELECT CAST($x AS DECIMAL(28, 12))", "0.000000000001", Decimal("0.000000000001")),
        ("SELECT CAST($x AS DATE)", "2026-11-01", date(2026, 11, 1)),
        ("SELECT 'a' || $x", "b", "ab"),
        ("SELECT $x = $x", "twice", True),
        ("SELECT $x", "", ""),
    ],
)
def test_a_parameter_is_cast_to_what_it_stands_beside(reader, statement, value, found):
    assert rows(reader, statement, x=value) == [(found,)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_parameter_is_never_sql(reader, value):
    assert rows(reader, "SELECT $x", x=value) == [(value,)]


@pytest.mark.parametrize("value", ["1; DROP TABLE generations", "' OR '1'='1", "\"; ATTACH 'x'; --"])
def test_a_hostile_parameter_is_text(reader, value):
    assert rows(reader, "SELECT count(*) FROM generations WHERE model = $x", x=value) == [(0,)]


def test_parameters_that_do_not_agree_with_the_sql(reader):
    with pytest.raises(UsageError, match=r"\$since without a value") as missing:
        rows(reader, "SELECT $since, $until", until="x")
    assert missing.value.fix == "--param since=VALUE"
    with pytest.raises(UsageError, match=r"no parameter \$sinse") as unknown:
        rows(reader, "SELECT $since", since="x", sinse="x")
    assert unknown.value.fix == "did you mean since?"
    with pytest.raises(UsageError, match=r"no parameter \$x"):
        rows(reader, "SELECT 1", x="1")


def test_a_parameter_that_is_no_such_value_is_refused(reader):
    with pytest.raises(UsageError, match="Conversion"):
        rows(reader, "SELECT count(*) FROM cost_daily WHERE requested_day >= $x", x="soon")


# Streams


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM range(25000)",
        "SELECT range AS a, range AS a, CAST(range AS VARCHAR) AS b, range / 7 AS c FROM range(10000)",
        "SELECT range, [range] AS l, INTERVAL 1 DAY AS i FROM range(20001)",
        "SELECT sum(range) AS s FROM range(10)",
        "SELECT 1 AS a WHERE false",
        "DESCRIBE cost_daily",
        "FROM cost_daily",
    ],
)
def test_a_stream_has_all_rows_in_parts(path, statement):
    with open_for_reading(path) as connection:
        own = connection.execute(statement)
        columns, expected = [name for name, *_ in own.description], own.fetchall()
    with Reader(path) as reader:
        names, batches = reader.query(statement).stream()
        parts = list(batches)
    assert all(0 < len(part) <= AT_A_TIME for part in parts)
    assert [name.rstrip("_") for name in names] == columns
    assert len({*names}) == len(names)
    assert [tuple(map(str, row)) for part in parts for row in part] == [tuple(map(as_text, row)) for row in expected]


def as_text(value):
    return "1 day" if value == timedelta(days=1) else str(value)


def peak_kib(cwd, count):
    """Peak memory of a query that prints so many rows; its output is counted."""
    statement = f"SELECT range AS n, repeat('x', 300) || range AS text FROM range({count})"
    arguments = [sys.executable, "-m", "ingest", "query", statement, "--format", "csv"]
    with subprocess.Popen(arguments, cwd=cwd, env=environment(), stdout=subprocess.PIPE) as process:
        assert sum(1 for _ in process.stdout) == count + 1
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_a_hundred_megabytes_are_printed_in_little_memory(path):
    assert peak_kib(path.parent, 300_000) < peak_kib(path.parent, 1_000) + 70 * 1024


# Ctrl-C


ENDLESS = {
    "one-row": "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b, range(100) AS c WHERE a.range < b.range",
    "no-row": "SELECT a.range FROM range(1000000) AS a, range(1000000) AS b WHERE a.range + b.range < 0",
    "many-rows": "SELECT a.range FROM range(1000000) AS a, range(1000000) AS b",
}


@pytest.mark.parametrize("cpu_seconds", [0, 3], ids=["while-it-opens", "while-it-works"])
@pytest.mark.parametrize(
    ("kind", "form"),
    [  # no table of many rows, which would fill the memory meanwhile
        ("one-row", "table"),
        ("one-row", "csv"),
        ("no-row", "table"),
        ("no-row", "csv"),
        ("many-rows", "csv"),
    ],
)
def test_ctrl_c_ends_a_query_at_once(path, kind, form, cpu_seconds):
    asked = ("query", ENDLESS[kind], "--format", form)
    done = interrupted(*asked, cwd=path.parent, begun=lambda pid: holds(pid, path), cpu_seconds=cpu_seconds)
    assert done.code == Exit.INTERRUPTED, done.err
    assert "Traceback" not in done.err


def holds(pid, path):
    """Whether a process has the file open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if link.readlink() == path:
                return True
    return False
