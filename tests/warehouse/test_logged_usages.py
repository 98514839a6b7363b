"""What the log tells that an ID costs goes with it from its sighting to the ledger and to its generation."""

from decimal import Decimal

from support.warehouses import IDS, NOW, item, settled

from ingest.core.logged_usage import LoggedUsage
from ingest.core.outcomes import Dead, Settled
from ingest.core.settings import Settings
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse.call_sites import Rereading
from ingest.warehouse.warehouse import Warehouse

STORED = """
    SELECT generation_id, logged_usage, logged_byok_usage FROM ops.work
    UNION ALL SELECT generation_id, logged_usage, logged_byok_usage FROM generations"""
SOME = LoggedUsage(Decimal("0.000000000001"), Decimal("999999.999999999999"))
OTHER = LoggedUsage(Decimal("-0.5"))


def stored(warehouse):
    with warehouse._reading() as connection:
        rows = connection.execute(STORED).fetchall()
    return {i: LoggedUsage(usage, own) for i, usage, own in rows if usage is not None}


def sightings(usages, source="a.log"):
    return tuple(Sighting(i, source, n, n, logged_usage=usage) for n, (i, usage) in enumerate(usages.items(), start=1))


def claimed(warehouse):
    return {i.generation_id: i for i in warehouse.ledger.ready(Settings(), NOW)}


def test_it_is_stored_with_new_ids_and_settled_with_them(tmp_path):
    usages = dict(zip(IDS, [SOME, OTHER, None] * len(IDS), strict=False))
    told = {i: usage for i, usage in usages.items() if usage}
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add(Chunk(sightings(usages), (), 0, 0), "run", NOW)
        assert stored(warehouse) == told
        items = claimed(warehouse)
        outcomes = [
            Dead(each, "not_found", 404, 1) if n % 2 else Settled(each, settled(i).generation, NOW, 1)
            for n, (i, each) in enumerate(items.items())
        ]
        warehouse.commit(outcomes, "run")
        assert stored(warehouse) == told


def test_the_first_line_that_tells_it_counts_whether_the_id_is_new_pending_dead_or_settled(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        first = Chunk(sightings(dict.fromkeys(IDS)), (), 0, 0, usages=((IDS[0], SOME), (IDS[0], OTHER)))
        warehouse.add(first, "run", NOW)
        assert stored(warehouse) == {IDS[0]: SOME}
        warehouse.commit(
            [settled(i) for i in IDS[::3]] + [Dead(item(i), "not_found", 404, 1) for i in IDS[1::3]], "run"
        )
        later = Chunk(sightings({IDS[1]: SOME, IDS[3]: SOME}, "b.log"), (), 0, 0, usages=tuple((i, OTHER) for i in IDS))
        assert warehouse.add(later, "run", NOW) == 0
        # settled(…) has no cost of its own, so that the settled ID 0 takes the later one
        assert stored(warehouse) == dict.fromkeys(IDS, OTHER) | {IDS[1]: SOME, IDS[3]: SOME}
        warehouse.add(Chunk((), (), 0, 0, usages=((IDS[5], SOME),)), "run", NOW)
        assert stored(warehouse)[IDS[5]] == OTHER


def test_reading_again_replaces_it_and_leaves_the_place_alone(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add(Chunk(sightings(dict.fromkeys(IDS, SOME)), (), 0, 0), "run", NOW)
        elsewhere = sightings(dict.fromkeys(IDS), "b.log")
        assert warehouse.read_again(Rereading(()), elsewhere) == 0
        assert warehouse.read_again(Rereading(()), elsewhere, tuple((i, OTHER) for i in IDS)) == len(IDS)
        assert stored(warehouse) == dict.fromkeys(IDS, OTHER)
        with warehouse._reading() as connection:
            assert connection.execute("SELECT DISTINCT source FROM ops.work").fetchall() == [("a.log",)]
        assert warehouse.read_again(Rereading(()), sightings(dict.fromkeys(IDS, SOME))) == len(IDS)
        assert stored(warehouse) == dict.fromkeys(IDS, SOME)
