"""A clone in which something is wrong is not published, whatever is wrong, and the checks can see it."""

import logging
from datetime import UTC, datetime

import duckdb
import pytest
from support.faulty_warehouse import FAULTS, IDS, SETTLED, fault
from support.logs import new_ids
from support.warehouses import chunk

from ingest.core.errors import Exit, OrusageError
from ingest.core.generation_id import second_of
from ingest.warehouse import sql_files
from ingest.warehouse.checks import Expected, verify, violations
from ingest.warehouse.storage.connection import open_for_reading
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_where_nothing_is_wrong_no_check_shows_anything(path):
    with open_for_reading(path) as connection:
        assert violations(connection) == set()
        assert violations(connection, frozenset()) == set()


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_sees(path, name):
    statement, seen_by = fault(name)
    with duckdb.connect(path) as connection:
        before = connection.execute("SELECT count(*) FROM provider_attempts").fetchall()
        connection.execute(statement)
        found = violations(connection)
        after = connection.execute("SELECT count(*) FROM provider_attempts").fetchall()
    assert {v.check for v in found} == seen_by
    assert before != after or name != "the first attempt lost", "there is nothing to lose in this test's data"


@pytest.mark.parametrize("name", FAULTS)
def test_a_new_fault_stops_the_publish_and_keeps_the_work_copy(path, name):
    statement, seen_by = fault(name)
    more = new_ids(3, seed=4)
    warehouse = Warehouse(path, NOW)
    warehouse.add(chunk([*more, *IDS]), "run", NOW)  # the days of all IDs are written to
    warehouse._session._days.update(second_of(i).date() for i in IDS if second_of(i))
    warehouse._connection.execute(statement)
    before = path.read_bytes()
    with pytest.raises(OrusageError, match="not published") as error:
        warehouse.publish()
    assert error.value.code == Exit.UNEXPECTED
    assert any(check in error.value.cause for check in seen_by)
    warehouse.close()
    assert path.read_bytes() == before
    assert len(Workspace(path).directory.work_copies) == 1
    with pytest.raises(OrusageError, match="not published"), Warehouse(path, NOW):
        pass  # nor does the next run publish it


def test_an_old_fault_is_reported_and_publishes_go_on(path, caplog):
    with duckdb.connect(path) as connection:
        connection.execute(fault("a generation stored twice")[0])
    with caplog.at_level(logging.WARNING, "orusage"), Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(new_ids(3, seed=4)), "run", NOW)
        warehouse._session.mark_all_changed()
    assert f"as before this run, check_generation_id_unique: {SETTLED[0]}" in caplog.text
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM ops.work").fetchall() == [(len(IDS) - len(SETTLED) + 3,)]


def test_only_the_days_that_were_written_to_are_checked(path):
    with duckdb.connect(path) as connection:
        connection.execute(fault("an attempt stored twice")[0])
        day = second_of(SETTLED[0]).date()
        others = frozenset(second_of(i).date() for i in IDS if second_of(i)) - {day}
        assert violations(connection, others) == set()
        [violation] = violations(connection, others | {day})
    assert (violation.day, violation.generation_id) == (day, SETTLED[0])
    assert str(violation).startswith(f"check_attempts_belong: {SETTLED[0]} of {day}: 1 generations, ")


def counted(path):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql_files.query("checks/count_rows")).fetchall()


@pytest.mark.parametrize("table", range(8))
def test_a_clone_must_hold_as_many_rows_as_what_was_cloned(path, table):
    rows = counted(path)
    verify(path, path, Expected(rows, frozenset()))
    name, count = rows[table]
    with pytest.raises(OrusageError, match="does not hold what was committed") as error:
        verify(path, path, Expected([*rows[:table], (name, count + 1), *rows[table + 1 :]], frozenset()))
    assert ", ".join(sorted([f"{name} {count}", f"{name} {count + 1}"])) in error.value.cause


def test_a_clone_that_is_older_than_what_is_published_is_refused(path, tmp_path):
    older = tmp_path / "older.duckdb"
    older.write_bytes(path.read_bytes())
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(new_ids(3, seed=4)), "run", NOW)
    with pytest.raises(OrusageError, match="older than what is published"):
        verify(older, path, Expected(counted(older), frozenset()))


def test_a_clone_that_does_not_open_is_refused(path, tmp_path):
    torn = tmp_path / "torn.duckdb"
    torn.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(OrusageError):
        verify(torn, path, Expected(counted(path), None))
