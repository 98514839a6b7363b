"""Chunks, work items and outcomes to fill a warehouse with, and warehouses of earlier versions."""

import json
from datetime import UTC, datetime, timedelta

import duckdb

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Content, Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting
from ingest.simulator import fake_records
from ingest.warehouse import sql_files
from support.logs import new_ids

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

LEGACY = ["gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN"]

IDS = [*new_ids(40, seed=5), *LEGACY]


def item(generation_id, **known):
    return WorkItem(generation_id, second_of(generation_id), **{"source": "app.log", "position": 0} | known)


def settled(generation_id, content=None):
    body = json.dumps({"data": fake_records.record(1, generation_id)}).encode()
    return Settled(item(generation_id), decode_generation(body).data, NOW, 1, content)


def content(generation_id, **other):
    """Every text there is, each of them another."""
    texts = {name: f"{name} of {generation_id}" for name in ("input", "completion", "reasoning", "error", "extra")}
    return Content(200, None, NOW + timedelta(seconds=1), **texts | other)


def chunk(ids, *reads):
    sightings = tuple(Sighting(i, "app.log", n) for n, i in enumerate(ids))
    return Chunk(sightings, reads, ended=len(reads), bytes_read=sum(r.bytes_read for r in reads))


def schema_in_memory():
    """A connection to a database in memory that has all tables and views, and is quick to fill."""
    connection = duckdb.connect()
    connection.execute(sql_files.query("catalog/create_migrations_table"))
    for part in (*sql_files.migrations(), *sql_files.views()):
        connection.execute(part.text)
    return connection


def write_old_warehouse(path, migrations):
    """A file that an earlier version left, which had these migrations: an ID is settled, another pending."""
    with duckdb.connect(path) as connection:
        connection.execute(sql_files.query("catalog/create_migrations_table"))
        for migration in migrations:
            connection.execute(migration.text)
            row = [migration.number, migration.name]
            connection.execute("INSERT INTO ops.migrations VALUES ($1, $2, TIMESTAMP '2026-01-01')", row)
        row = [IDS[0], second_of(IDS[0]).replace(tzinfo=None)]
        connection.execute("INSERT INTO main.generations (generation_id, requested_at) VALUES ($1, $2)", row)
        row = [IDS[1], second_of(IDS[1]).replace(tzinfo=None)]
        connection.execute(
            "INSERT INTO ops.work BY NAME SELECT $1 AS generation_id, $2 AS requested_at, 'pending' AS state, "
            "'app.log' AS source, 0 AS position, 0 AS requests, 0 AS runs",
            row,
        )
    return path
