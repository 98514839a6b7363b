"""A work copy that cannot be published: its IDs are taken over, and the run says so with exit code 3."""

import random
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import new_ids, write_log
from support.warehouses import chunk, settled

from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(60, seed=12)


def sighting(generation_id, number):
    return Sighting(generation_id, "-", number, number + 1, NOW, f'{{"customer":"{number}"}}')


def died(path, published, pending, fetched):
    """A published file, and the work copy of a run that died after it read standard input and fetched some IDs."""
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(chunk(published), "run 1", NOW)
        warehouse.commit([settled(i) for i in published[: len(published) // 2]], "run 1")
    warehouse = Warehouse(path, NOW)
    warehouse.add(Chunk(tuple(sighting(i, n) for n, i in enumerate([*pending, *fetched])), (), 0, 0), "run 2", NOW)
    if fetched:
        warehouse.commit([settled(i) for i in fetched], "run 2")
    warehouse.close()


def replaced(path):
    """Another program writes to the published file, so that the work copy no longer descends from it."""
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT range AS n FROM range(20_000)")


def rows(path, query):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(query).fetchall()


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), min_size=3, max_size=3).map(sorted), erased=st.booleans())
def test_the_ids_of_an_unusable_work_copy_are_taken_over(tmp_path_factory, cuts, erased):
    path = tmp_path_factory.mktemp("w") / "w.duckdb"
    published, pending, fetched = IDS[: cuts[0]], IDS[cuts[0] : cuts[1]], IDS[cuts[1] : cuts[2]]
    died(path, published, pending, fetched)
    has_died, taken_over = bool(pending or fetched), [*pending, *fetched]
    replaced(path)
    if erased and taken_over:
        with duckdb.connect(path) as connection:
            gone = taken_over.pop(0)
            second = datetime.fromtimestamp(int(gone.split("-")[1]), UTC).replace(tzinfo=None)
            connection.execute("INSERT INTO ops.forgotten VALUES (sha256($1), $2)", [gone, second])
            connection.execute("INSERT INTO ops.erasures (erased_at) VALUES ('2026-11-20')")
    with Warehouse(path, NOW) as warehouse:
        assert len(warehouse.quarantined) == has_died
    waiting = [*published[len(published) // 2 :], *taken_over]
    assert rows(path, "SELECT generation_id, state FROM ops.work ORDER BY 1") == sorted((i, "pending") for i in waiting)
    places = rows(path, "SELECT generation_id, position, line, logged_at, log_fields FROM ops.work WHERE source = '-'")
    known = {i: n for n, i in enumerate([*pending, *fetched])}
    assert {i for i, *_ in places} == set(taken_over) & set(pending)
    assert all(
        row == [known[i], known[i] + 1, NOW.replace(tzinfo=None), f'{{"customer":"{known[i]}"}}'] for i, *row in places
    )


@pytest.mark.parametrize("seed", range(6))
def test_of_a_copy_that_cannot_be_read_to_its_end_as_much_is_taken_over_as_can_be(tmp_path, seed, caplog):
    path = tmp_path / "w.duckdb"
    died(path, IDS[:20], IDS[20:40], IDS[40:])
    [work] = Workspace(path).directory.work_copies
    log = work.with_name(f"{work.name}.wal")
    text = bytearray(log.read_bytes())
    for at in random.Random(seed).sample(range(len(text)), 40):
        text[at] ^= 255
    log.write_bytes(text)
    replaced(path)
    with Warehouse(path, NOW) as warehouse:
        assert len(warehouse.quarantined) == 1
    assert {i for (i,) in rows(path, "SELECT generation_id FROM ops.work")} >= set(IDS[10:20])
    assert "were taken over from it" in caplog.text


def test_the_run_that_takes_over_ends_with_3_and_the_next_with_0(orusage, simulation, tmp_path):
    path = tmp_path / "orusage.duckdb"
    died(path, [], IDS[:10], IDS[10:20])
    path.unlink(missing_ok=True)
    [work] = Workspace(path).directory.work_copies
    kept = work.rename(tmp_path / "kept")
    log = work.with_name(f"{work.name}.wal").rename(tmp_path / "kept.wal")
    with Warehouse(path, NOW):
        pass
    kept.rename(work)
    log.rename(f"{work}.wal")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS one")
    first = orusage("ingest", write_log(tmp_path / "a.log", IDS[20:30]), "--base-url", simulation.base_url)
    assert first.code == 3, first.err
    assert "20 IDs that the warehouse lacked were taken over from it" in first.err
    assert rows(path, "SELECT count(*) FROM generations") == [(30,)]
    assert orusage("ingest", "--base-url", simulation.base_url).code == 0


def test_a_touched_file_keeps_its_work_copy(tmp_path):
    path = tmp_path / "w.duckdb"
    died(path, IDS[:20], IDS[20:40], IDS[40:])
    path.touch()
    with Warehouse(path, NOW) as warehouse:
        assert warehouse.quarantined == []
    assert rows(path, "SELECT count(*) FROM generations") == [(30,)]
