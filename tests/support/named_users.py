"""A warehouse whose requests have chosen users, apps and kept fields."""

import json
from datetime import UTC, datetime

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.log_fields import as_json
from ingest.core.outcomes import Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting
from ingest.simulator import fake_records
from ingest.warehouse.warehouse import Warehouse
from support.logs import new_ids

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def write_named(path, requests):
    """A warehouse with a request for each of these, as ``(answer's fields, kept fields)``; its records by their ID."""
    ids = new_ids(len(requests), seed=31)
    records = {i: fake_records.record(1, i) | answer for i, (answer, _) in zip(ids, requests, strict=True)}
    kept = [as_json(fields) if fields else None for _, fields in requests]
    with Warehouse(path, NOW) as warehouse:
        items = [WorkItem(i, second_of(i), "app.log", 0, log_fields=f) for i, f in zip(ids, kept, strict=True)]
        sightings = tuple(Sighting(i, "app.log", 0, log_fields=f) for i, f in zip(ids, kept, strict=True))
        warehouse.add(Chunk(sightings, (), ended=0, bytes_read=0), "run", NOW)
        bodies = [json.dumps({"data": record}).encode() for record in records.values()]
        warehouse.commit(
            [Settled(i, decode_generation(b).data, NOW, 1) for i, b in zip(items, bodies, strict=True)], "run"
        )
    return records
