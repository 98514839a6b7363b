"""What is forgotten is gone from every byte of the file, counted, and stays forgotten; the rest is as it was."""

import os
import pty
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from support.faulty_warehouse import fill
from support.logs import new_ids, write_log
from support.warehouses import LEGACY, chunk, content, item, settled, write_old_warehouse

from ingest.core.errors import Exit, NoInputError, TryAgainLaterError
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Pending
from ingest.core.settings import Settings
from ingest.pipeline.dry_run import dry_run
from ingest.warehouse import sql_files
from ingest.warehouse.checks import violations
from ingest.warehouse.erasure import Erased
from ingest.warehouse.maintenance import compact, count_forgettable, forget, migrate, publish
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = sorted(new_ids(40, seed=3), key=second_of)
BORDER = second_of(IDS[20])


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk([*IDS, *LEGACY]), "run", NOW)
        warehouse.commit([settled(i, content(i)) for i in (*IDS[5:], LEGACY[0])], "run")
        warehouse.commit([Pending(item(i), "not_found_yet", 404, None, 1) for i in IDS[:5]], "run")
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE generations SET external_user = 'somebody'")
        connection.execute("UPDATE generations SET external_user = 'X-4711' WHERE generation_id IN $ids", {"ids": HIS})
    return path.parent


@pytest.fixture
def path(filled, tmp_path):
    """A warehouse that is the test's own."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return tmp_path / "w.duckdb"


HIS = [IDS[6], IDS[30], LEGACY[0]]


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        assert violations(connection) == set()
        return connection.execute(statement).fetchall()


def known(path):
    return {i for (i,) in rows(path, "SELECT generation_id FROM generations UNION SELECT generation_id FROM ops.work")}


def taken_in(path, ids):
    """How many of these IDs a run takes in, wherever they come from."""
    with Warehouse(path, NOW) as warehouse:
        return warehouse.add(chunk(ids), "again", NOW)


def test_what_is_older_is_erased_everywhere_counted_and_never_taken_in_again(path, tmp_path):
    attempts = rows(path, f"SELECT count(*) FROM provider_attempts WHERE requested_at < '{BORDER:%Y-%m-%d %H:%M:%S}'")
    recent = set(IDS[20:]) | set(LEGACY)
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE generations SET created_at = now() WHERE requested_at IS NULL")
    assert forget(path, BORDER, None, NOW, NO_WAIT) == Erased(15, attempts[0][0], 15, 5)
    assert known(path) == recent
    for table in ("provider_attempts", "generation_contents"):
        assert {i for (i,) in rows(path, f"SELECT DISTINCT generation_id FROM {table}")} <= recent
    assert taken_in(path, IDS) == 0
    never_seen = new_ids(7, seed=9, age=NOW - BORDER + (datetime.now(UTC) - NOW) + timedelta(days=1))
    assert taken_in(path, never_seen) == 0, "nor what was never seen"
    log = write_log(tmp_path / "a.log", [*IDS, *never_seen])
    assert dry_run([str(log)], path, Settings(), NOW).stats.new_ids == 0
    assert rows(path, "SELECT before, generations, generation_contents, unsettled FROM ops.erasures") == [
        (BORDER.replace(tzinfo=None), 15, 15, 5)
    ]


def test_a_user_is_erased_and_the_others_stay(path, tmp_path):
    erased = forget(path, None, "X-4711", NOW, NO_WAIT)
    assert (erased.generations, erased.generation_contents, erased.unsettled) == (3, 3, 0)
    assert known(path) == {*IDS, *LEGACY} - set(HIS)
    assert taken_in(path, [*IDS, *LEGACY]) == 0
    assert taken_in(path, new_ids(3, seed=8)) == 3
    assert dry_run([str(write_log(tmp_path / "a.log", HIS))], path, Settings(), NOW).stats.new_ids == 0


@pytest.mark.parametrize("name", ["nobody", "'; DROP TABLE generations; --", ""])
def test_a_user_who_is_not_there_is_no_error(path, name):
    before = known(path)
    assert forget(path, None, name, NOW, NO_WAIT) == Erased(0, 0, 0, 0)
    assert known(path) == before


@pytest.mark.parametrize("number", range(0, 40, 5))
@pytest.mark.parametrize("user", [False, True])
def test_what_is_counted_beforehand_is_what_is_erased(path, number, user):
    before, name = (None, "X-4711" if number % 2 else "somebody") if user else (second_of(IDS[number]), None)
    stored = path.read_bytes()
    counted = count_forgettable(path, before, name, NOW, NO_WAIT)
    assert path.read_bytes() == stored
    assert Workspace(path).directory.work_copies == []
    assert forget(path, before, name, NOW, NO_WAIT) == counted
    assert count_forgettable(path, before, name, NOW, NO_WAIT) == Erased(0, 0, 0, 0)


def test_what_is_not_published_yet_is_counted_too_and_stays_unpublished(path):
    later = new_ids(3, seed=21)
    warehouse = Warehouse(path, NOW)
    warehouse.add(chunk(later), "run", NOW)
    warehouse.close()
    counted = count_forgettable(path, NOW, None, NOW, NO_WAIT)
    assert counted.unsettled == 5 + len(later)
    assert len(Workspace(path).directory.work_copies) == 1


def on_a_terminal(path, answer, *arguments):
    """`warehouse forget` with a terminal as its standard input, on which somebody answers."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "ingest", "-w", str(path), "warehouse", "forget", "--user", "X-4711", *arguments]
    process = subprocess.Popen(command, stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(its)
    os.write(ours, answer)
    out, err = process.communicate(timeout=120)
    os.close(ours)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("answer", "arguments", "is_asked", "is_erased"),
    [
        (b"y\n", (), True, True),
        (b"n\n", (), True, False),
        (b"\n", (), True, False),
        (b"\x04", (), True, False),
        (b"", ("--yes",), False, True),
        (b"", ("--dry-run",), False, False),
        (b"", ("--dry-run", "--yes"), False, False),
    ],
)
def test_on_a_terminal_the_command_shows_what_it_would_erase_and_asks(path, answer, arguments, is_asked, is_erased):
    code, out, err = on_a_terminal(path, answer, *arguments)
    assert ("3 generations" in err and "3 prompts and completions" in err and "for ever?" in err) == is_asked
    assert code == (Exit.INTERRUPTED if is_asked and not is_erased else Exit.DONE)
    assert (set(HIS) & known(path) == set()) == is_erased
    assert ("generations" in out) == (is_erased or "--dry-run" in arguments)


def test_legacy_ids_go_by_the_time_the_api_tells(path):
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE generations SET created_at = '2020-01-01' WHERE requested_at IS NULL")
    assert forget(path, second_of(IDS[0]), None, NOW, NO_WAIT).generations == 1
    assert taken_in(path, LEGACY) == 0
    assert LEGACY[0] not in known(path)


def test_no_byte_of_what_was_forgotten_is_left(path):
    texts = [*(i.encode() for i in HIS), b"X-4711"]
    assert all(text in path.read_bytes() for text in texts)
    forget(path, None, "X-4711", NOW, NO_WAIT)
    left = path.read_bytes() + b"".join(p.read_bytes() for p in Workspace(path).directory.path.iterdir())
    assert not [text for text in texts if text in left]


def test_forgetting_again_erases_nothing_more(path):
    first = forget(path, BORDER, None, NOW, NO_WAIT)
    assert first.generations
    assert forget(path, BORDER, None, NOW, NO_WAIT) == Erased(0, 0, 0, 0)


def test_compacting_gives_back_space_and_changes_nothing_else(path, tmp_path):
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT range AS n FROM range(500000)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE mine")
    described = (
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
        "AND database_name = current_database() ORDER BY ALL"
    )
    content = [f"FROM {name} ORDER BY ALL" for name in ("generations", "provider_attempts", "ops.work", "ops.runs")]
    before = [rows(path, statement) for statement in (described, *content)]
    was, now = compact(path, NOW, NO_WAIT)
    assert (was > now, now) == (True, path.stat().st_size)
    assert [rows(path, statement) for statement in (described, *content)] == before
    assert int.from_bytes(path.read_bytes()[12:20], "little") <= 67


def test_what_a_run_left_is_published_once(path):
    warehouse = Warehouse(path, NOW)
    warehouse.add(chunk(new_ids(3, seed=4)), "run", NOW)
    warehouse.close()
    assert publish(path, NOW, NO_WAIT)
    assert not publish(path, NOW, NO_WAIT)
    assert len(known(path)) == len(IDS) + len(LEGACY) + 3


def test_migrations_are_published_when_they_are_whole(tmp_path, monkeypatch):
    path = write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:1])
    before = path.read_bytes()
    original = sql_files.migrations()
    broken = (*original[:-1], sql_files.Migration(99, "0099_broken.sql", "SELECT no_such_column"))
    monkeypatch.setattr(sql_files, "migrations", lambda: broken)
    with pytest.raises(Exception, match="no_such_column"):
        migrate(path, NOW, NO_WAIT)
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert migrate(path, NOW, NO_WAIT) == [m.name for m in original[1:]]
    assert migrate(path, NOW, NO_WAIT) == []
    assert rows(path, "SELECT max(number) FROM ops.migrations") == [(original[-1].number,)]


@pytest.mark.parametrize("command", [publish, migrate, compact])
def test_without_a_warehouse_there_is_nothing_to_do(tmp_path, command):
    with pytest.raises(NoInputError):
        command(tmp_path / "w.duckdb", NOW, NO_WAIT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [publish, migrate, compact])
def test_upkeep_waits_for_no_run(path, command):
    warehouse = Warehouse(path, NOW)
    with pytest.raises(TryAgainLaterError):
        command(path, NOW, NO_WAIT)
    warehouse.close()


def test_the_commands(path, orusage):
    for command, said in (
        ("publish", "there is nothing to publish\n"),
        ("migrate", "the schema is up to date\n"),
        ("compact", "MB now\n"),
    ):
        done = orusage("-w", path, "warehouse", command)
        assert (done.code, done.err, done.out.endswith(said)) == (0, "", True)
    done = orusage("-w", path, "warehouse", "forget", "--user", "X-4711", "--format", "json")
    assert (done.code, done.json[0]["generations"], done.json[0]["unsettled"]) == (0, 3, 0)
    done = orusage("-w", path, "warehouse", "forget", "--before", "1d", "--format", "json")
    assert (done.code, done.json[0]["unsettled"]) == (0, 5)


@pytest.mark.parametrize("options", [(), ("--user", "a", "--before", "1d")])
def test_forget_wants_to_be_told_exactly_what(path, orusage, options):
    before = path.read_bytes()
    done = orusage("-w", path, "warehouse", "forget", *options)
    assert (done.code, done.err.count("\n")) == (2, 3)
    assert path.read_bytes() == before


def test_a_moment_to_come_is_not_forgotten(path, orusage):
    before = path.read_bytes()
    done = orusage("-w", path, "warehouse", "forget", "--before", "2999-01-01")
    assert (done.code, done.err.count("\n")) == (2, 3)
    assert "in the future" in done.err
    assert path.read_bytes() == before


def test_forgotten_ids_are_found_and_not_news(tmp_path, orusage):
    ids = new_ids(5, seed=9)
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add(chunk(ids), "run", NOW)
        warehouse.commit([settled(i) for i in ids], "run")
    forget(tmp_path / "w.duckdb", NOW, None, NOW, NO_WAIT)
    write_log(tmp_path / "again.log", ids)
    nobody = ("--base-url", "http://127.0.0.1:9/api/v1")
    done = orusage("-w", "w.duckdb", "ingest", "again.log", "--summary", "json", *nobody)
    assert done.code == 0, done.err
    assert (done.json["sightings"], done.json["new_ids"], done.json["requests"]) == (len(ids), 0, 0)


def test_forget_names_what_was_set_aside_earlier(path, orusage):
    shutil.copy(path, Workspace(path).directory.path / "quarantine-1-w.duckdb")
    done = orusage("-w", path, "warehouse", "forget", "--user", "X-4711")
    assert done.code == 0
    assert "quarantine-1-w.duckdb was quarantined earlier and may still hold what was erased" in done.err


def test_the_work_of_checks_and_of_upkeep_agree(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        fill(warehouse)
    forget(path, NOW, None, NOW, NO_WAIT)
    assert rows(path, "SELECT known_ids FROM ops.last_commit") == [(len(LEGACY) - 1,)]
