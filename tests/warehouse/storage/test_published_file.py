import logging
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest

from ingest.core.errors import TryAgainLaterError
from ingest.warehouse.storage.durable_files import copy, identity
from ingest.warehouse.storage.lock import NO_WAIT, LockWait
from ingest.warehouse.storage.published_file import quarantine, quarantine_wal, wal_of, without_writers

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPEN = """
import duckdb, sys
try:
    connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "r")
except duckdb.IOException as error:
    print("refused", flush=True)
else:
    print(connection.execute("SELECT a FROM t").fetchall(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    return path


class Session:
    """A program that has a database open, or was refused."""

    def __init__(self, path, mode):
        command = [sys.executable, "-c", OPEN, str(path), mode]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.said = self._process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate("")


def test_meanwhile_readers_come_and_writers_are_refused(database, tmp_path):
    with without_writers(database, NO_WAIT) as file:
        identity(file)
        copy(file, tmp_path / "copy")
        with Session(database, "r") as reader, Session(database, "w") as writer:
            assert (reader.said, writer.said) == ("[(1,)]", "refused")
    with Session(database, "w") as writer:
        assert writer.said == "[(1,)]"


def test_readers_are_not_waited_for(database):
    with Session(database, "r"), without_writers(database, NO_WAIT) as file:
        assert file


def test_a_program_that_writes_is_waited_for_and_named(database):
    slept = []
    with Session(database, "w") as writer:
        patience = LockWait(1, lambda: sum(slept), slept.append)
        with pytest.raises(TryAgainLaterError, match=r"w\.duckdb is in use") as error:
            without_writers(database, patience).__enter__()
        assert str(writer.pid) in error.value.cause
    assert sum(slept) == pytest.approx(1)
    with without_writers(database, NO_WAIT) as file:
        assert file


def test_a_file_that_does_not_exist_has_no_writers(tmp_path):
    with without_writers(tmp_path / "w.duckdb", NO_WAIT) as file:
        assert file is None


def test_what_is_set_aside_is_named_and_never_replaced(tmp_path, caplog):
    kept = []
    for text in "abc":
        (tmp_path / "w.wal").write_text(text)
        with caplog.at_level(logging.WARNING, "orusage"):
            kept.append(quarantine(tmp_path / "w.wal", tmp_path, NOW, "was in the way"))
    assert [p.read_text() for p in kept] == ["a", "b", "c"]
    assert kept[0].name == "quarantine-20261120T120000Z-w.wal"
    assert all(f"w.wal was in the way; it is kept as {p}" in caplog.text for p in kept)


def test_a_log_beside_the_published_file_is_set_aside(database, tmp_path, caplog):
    (tmp_path / "work").mkdir()
    quarantine_wal(database, tmp_path / "work", NOW)
    assert (list((tmp_path / "work").iterdir()), caplog.text) == ([], "")
    wal_of(database).write_bytes(b"left")
    quarantine_wal(database, tmp_path / "work", NOW)
    [kept] = (tmp_path / "work").iterdir()
    assert kept.read_bytes() == b"left"
    assert not wal_of(database).exists()
