"""A warehouse file and its work directory as other processes see them."""

import json

import duckdb

from support.commands import wait_until


def work_of(warehouse):
    return warehouse.with_name(f"{warehouse.name}.work")


def lock_of(warehouse):
    return work_of(warehouse) / "lock"


def holder_of(warehouse):
    """Who noted himself in the lock file; None if nobody did, or he is just about to."""
    try:
        return json.loads(lock_of(warehouse).read_bytes())["pid"]
    except (OSError, ValueError, KeyError):
        return None


def wait_until_held(warehouse, by):
    """Until this run has the lock and works. It keeps it for as long as the simulator is stopped."""
    wait_until(lambda: by.has_ended or (holder_of(warehouse) == by.pid and is_at_work(warehouse)))
    assert not by.has_ended, by.said()


def is_at_work(warehouse):
    """Whether something is committed to the work copy."""
    return any(path.stat().st_size for path in work_of(warehouse).glob("work-*.duckdb.wal"))


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def another_night(path):
    """As if so much time had passed that no ID rests any more."""
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE ops.work SET not_before = NULL")


def assert_each_once(warehouse, ids):
    """All of them are settled or in the ledger, each once, and nothing else is."""
    found = rows(warehouse, "SELECT generation_id FROM generations UNION ALL SELECT generation_id FROM ops.work")
    assert sorted(found) == sorted((i,) for i in ids)


def modes_below(work):
    """Of the directory and of what is in it."""
    found = {(path.name.partition("-")[0], path.stat().st_mode & 0o7777) for path in work.iterdir()}
    return {("", work.stat().st_mode & 0o7777), *found}


ATTEMPTS = """
    SELECT count(*) FROM generations AS g
    LEFT JOIN (
        SELECT generation_id, count(*) AS entries, count(DISTINCT attempt) AS numbers, max(attempt) AS highest
        FROM provider_attempts GROUP BY generation_id
    ) AS a USING (generation_id)
    WHERE coalesce(g.attempts, 0) <> coalesce(a.entries, 0) OR a.entries <> a.numbers OR a.entries <> a.highest
"""

STRAY_ATTEMPTS = "SELECT count(*) FROM provider_attempts ANTI JOIN generations USING (generation_id)"

BOTH = "SELECT count(*) FROM ops.work SEMI JOIN generations USING (generation_id)"

CHECKS = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND starts_with(view_name, 'check_')"


def seen_by(connection):
    """How many are settled, and how many known in all, in a state that is whole."""

    def one(statement):
        return connection.execute(statement).fetchone()[0]

    settled, known = one("SELECT count(*) FROM generations"), one("SELECT count(*) FROM ops.work")
    assert one("SELECT count(DISTINCT generation_id) FROM generations") == settled
    assert one("SELECT count(DISTINCT generation_id) FROM ops.work") == known
    assert one(BOTH) == 0
    assert one(ATTEMPTS) == 0
    assert one(STRAY_ATTEMPTS) == 0
    assert one("SELECT count(*) FROM ops.work WHERE state NOT IN ('pending', 'dead')") == 0
    assert one("SELECT count(*) - count(DISTINCT run_id) FROM ops.runs") == 0
    for (view,) in connection.execute(CHECKS).fetchall():
        assert (view, connection.execute(f"FROM {view}").fetchall()) == (view, [])
    return settled, settled + known


def state_of(path):
    """The same of the file as it is now."""
    with duckdb.connect(path, read_only=True) as connection:
        return seen_by(connection)
