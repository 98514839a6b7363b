"""A warehouse with some hundred records of the simulator settled."""

import json
from datetime import UTC, datetime

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Dead, Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.simulator import fake_records
from ingest.warehouse import sql_files
from ingest.warehouse.warehouse import Warehouse
from support.logs import new_ids

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

IDS = [*new_ids(600, seed=9), "gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG"]

RECORDS = {i: fake_records.record(1, i) for i in IDS}

DEAD = new_ids(3, seed=10)

FIELDS = ('{"feature":"search"}', '{"feature":"chat"}', None)
"""The kept fields of the IDs, by turns."""

VIEWS = [v.relation for v in sql_files.views()]


def write_simulated_warehouse(path, records, dead):
    """A warehouse with these records settled, by their IDs, and these IDs dead."""
    with Warehouse(path, NOW) as warehouse:
        ids = (*records, *dead)
        items = [WorkItem(i, second_of(i), "app.log", 0, log_fields=FIELDS[n % 3]) for n, i in enumerate(ids)]
        sightings = tuple(Sighting(i.generation_id, "app.log", 0, log_fields=i.log_fields) for i in items)
        read = SourceRead("app.log", 99, len(sightings), complete=True, position=99)
        warehouse.add(Chunk(sightings, (read,), ended=1, bytes_read=99), "run", NOW)
        bodies = [json.dumps({"data": record}).encode() for record in records.values()]
        warehouse.commit(
            [Settled(i, decode_generation(b).data, NOW, 1) for i, b in zip(items, bodies, strict=False)], "run"
        )
        warehouse.commit([Dead(i, "not_found", 404, 1) for i in items[len(records) :]], "run")
    return path
