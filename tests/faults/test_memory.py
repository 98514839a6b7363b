"""More text between two publishes than DuckDB's memory limit never stops a warehouse."""

import random
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.logs import new_ids
from support.warehouses import settled

from ingest.core.api_records import ProviderResponse
from ingest.core.outcomes import Settled
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse.reader import Reader
from ingest.warehouse.storage import connection
from ingest.warehouse.storage.connection import NoMemoryError
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 24 * 2**20
PROPERTY = settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    monkeypatch.setitem(connection.BOUNDED, "memory_limit", f"{LIMIT}B")


def text(number, size):
    """JSON that compression does not make much smaller."""
    return '{"prompt":"' + random.Random(number).randbytes(size // 2).hex() + '"}'


def kept(ids, size):
    return Chunk(tuple(Sighting(i, "a.log", n, n, None, text(n, size)) for n, i in enumerate(ids)), (), 0, 0)


def with_extra(generation_id, number, size):
    outcome = settled(generation_id)
    record = msgspec.structs.replace(outcome.generation, extra_json=text(number, size))
    return Settled(outcome.item, record, outcome.fetched_at, 1)


def with_attempts(generation_id, count):
    outcome = settled(generation_id)
    attempts = [ProviderResponse(id=f"{n:x}" * 8, provider_name="OpenAI", status=200) for n in range(count)]
    return Settled(outcome.item, msgspec.structs.replace(outcome.generation, provider_responses=attempts), NOW, 1)


def is_complete(path, ids):
    with Reader(path) as reader:
        _, batches = reader.query("SELECT known_ids FROM ops.last_commit").stream()
        return [tuple(row) for batch in batches for row in batch] == [(len(ids),)]


@PROPERTY
@given(size=st.sampled_from([2_000, 20_000, 200_000]), factor=st.sampled_from([1, 2, 3]), dies=st.booleans())
@example(size=200_000, factor=2, dies=True)
@example(size=2_000, factor=3, dies=True)
def test_kept_fields_beyond_the_limit_are_stored(tmp_path_factory, size, factor, dies):
    path, ids = tmp_path_factory.mktemp("w") / "w.duckdb", new_ids(factor * LIMIT // size, seed=7)
    warehouse = Warehouse(path, NOW)
    assert warehouse.add(kept(ids, size), "run", NOW) == len(ids)
    if not dies:
        warehouse.publish()
    warehouse.close()
    with Warehouse(path, NOW):
        pass
    assert is_complete(path, ids)


@PROPERTY
@given(size=st.sampled_from([20_000, 200_000]), factor=st.sampled_from([1, 2]), batch=st.sampled_from([20, 500]))
def test_unknown_fields_beyond_the_limit_are_stored(tmp_path_factory, size, factor, batch):
    path, ids = tmp_path_factory.mktemp("w") / "w.duckdb", new_ids(factor * LIMIT // size, seed=8)
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(kept(ids, 0), "run", NOW)
        for first in range(0, len(ids), batch):
            warehouse.commit([with_extra(i, n, size) for n, i in enumerate(ids[first : first + batch])], "run")
    assert is_complete(path, ids)


@pytest.mark.parametrize("count", [130_000, 520_000])
def test_an_answer_with_very_many_attempts_is_stored(tmp_path, count):
    path, ids = tmp_path / "w.duckdb", new_ids(2, seed=9)
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(kept(ids, 0), "run", NOW)
        warehouse.commit([with_attempts(ids[0], count), settled(ids[1])], "run")
    assert is_complete(path, ids)


def test_where_there_is_no_more_memory_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(Workspace, "lift_bounds", lambda *_: False)
    path, ids = tmp_path / "w.duckdb", new_ids(400, seed=7)
    with pytest.raises(NoMemoryError, match="not enough memory") as error, Warehouse(path, NOW) as warehouse:
        warehouse.add(kept(ids, 200_000), "run", NOW)
    assert (error.value.code, "disk" in str(error.value)) == (74, False)
    monkeypatch.undo()
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(kept(ids, 200_000), "run", NOW)
    assert is_complete(path, ids)
