"""Opening database files: names that DuckDB confuses with schemas."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from support.logs import new_ids
from support.warehouses import chunk, settled

from ingest.core.errors import OrusageError, UsageError
from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import AMBIGUOUS, catalog_of, open_for_reading, refuse_impossible
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(12, seed=3)
NAMING_SCHEMAS = [view for view in sql_files.views() if "ops." in view.text.replace("main.", "ops.")][::3]
"""Views whose text names a schema; a third of them, because binding one takes some milliseconds."""
PROPERTY = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS[:10]], "run")
    return path


STEMS = [*AMBIGUOUS, "OPS", "Ops", "main", "temp", "system", "memory", "orusage", "generations", "select"]
NAMES = st.builds(
    lambda dot, stem, more, ending: f"{dot}{stem}{more}{ending}",
    st.sampled_from(["", ".", ".."]),
    st.sampled_from(STEMS) | st.text("opsX_- é", min_size=1, max_size=5),
    st.sampled_from(["", "", "_2026", "-1", ".2026", "s", " "]),
    st.sampled_from([".duckdb", ".db", "", ".DUCKDB", ".ops"]),
)


def is_readable(path, prefix=""):
    """Whether a program that knows nothing of us can read the views and the tables."""
    with duckdb.connect() if prefix else duckdb.connect(path, read_only=True) as theirs:
        if prefix:
            theirs.execute(f"ATTACH '{path}' AS {prefix[:-1]} (READ_ONLY)")
        relations = [view.relation for view in NAMING_SCHEMAS] + ["ops.runs"]
        others = [] if prefix else ["information_schema.tables", "pg_catalog.pg_tables"]
        try:
            for relation in [*relations, *others]:
                theirs.execute(f"DESCRIBE {prefix}{relation}").fetchall()
        except duckdb.BinderException as error:
            assert "Ambiguous" in str(error)  # noqa: PT017  # that it raises is not the point
            return False
    return True


def is_accepted(path):
    try:
        open_for_reading(path).close()
    except UsageError:
        return False
    return True


@PROPERTY
@given(name=NAMES)
@example(name="ops.duckdb")
def test_a_name_is_accepted_if_any_program_can_read_the_file_under_it(filled, tmp_path, name):
    assume(name.strip("."))
    path = tmp_path / name
    shutil.copy(filled, path)
    assert is_accepted(path) == is_readable(path)
    path.unlink()


ALIASES = ["w", "order", "generations", "cost_daily", "OPS_", "main_", "information_schema", "é", "a.b"]


@PROPERTY
@given(alias=st.sampled_from(ALIASES) | st.text("abops_ -.é", min_size=1, max_size=6))
def test_the_views_can_be_read_under_every_name_but_that_of_the_schema(filled, alias):
    assert is_readable(filled, f'"{alias}".') == (alias.lower() != "ops")


@pytest.mark.parametrize("name", ["ops.duckdb", "OPS.db", ".ops", "ops.2026.duckdb", "pg_catalog.duckdb"])
def test_a_name_that_cannot_be_read_is_refused_before_anything_is_written(orusage, tmp_path, name):
    (tmp_path / "app.log").write_text("\n".join(IDS))
    (tmp_path / "link.duckdb").symlink_to(name)
    for warehouse in (name, "link.duckdb"):
        for command in (["ingest", "app.log"], ["ingest", "--dry-run", "app.log"], ["status"], ["query", "SELECT 1"]):
            done = orusage("-w", warehouse, *command, OPENROUTER_API_KEY="sk-or-v1-0")
            assert (done.code, "rename it" in done.err) == (2, True), done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["app.log", "link.duckdb"]


def test_what_is_refused_is_said_with_its_reason():
    with pytest.raises(OrusageError, match="no name for a warehouse") as error:
        refuse_impossible(Path("ops.duckdb"))
    assert "'ops', as a schema in it is called" in error.value.cause
    assert catalog_of(Path("a/.Ops.2026.db")) == "ops"
