"""What a publish derives from rows that an earlier version stored."""

from datetime import UTC, datetime

import duckdb
import pytest
from support.warehouses import write_old_warehouse

from ingest.warehouse import sql_files
from ingest.warehouse.maintenance import migrate
from ingest.warehouse.storage.lock import NO_WAIT

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [([], False), ([None], False), ([200], False), ([429, 200], False), ([429], True), ([None, 503], True)],
)
def test_a_migrated_generation_tells_whether_all_its_attempts_failed(tmp_path, statuses, failed):
    path = write_old_warehouse(tmp_path / "w.duckdb", sql_files.migrations()[:1])
    with duckdb.connect(path) as connection:
        for attempt, status in enumerate(statuses, start=1):
            connection.execute(
                "INSERT INTO main.provider_attempts (generation_id, requested_at, attempt, status) "
                "SELECT generation_id, requested_at, $1, $2 FROM main.generations",
                [attempt, status],
            )
        connection.execute("UPDATE main.generations SET attempts = $1", [len(statuses)])
    assert migrate(path, NOW, NO_WAIT)
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT all_attempts_failed FROM generations").fetchall() == [(failed,)]
