"""Call sites that are read again: which of them replace those that are stored."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.warehouses import IDS, NOW, chunk, item, settled

from ingest.core.outcomes import Dead
from ingest.core.sightings import Chunk, Sighting
from ingest.warehouse.call_sites import Rereading
from ingest.warehouse.warehouse import Warehouse

TIME = datetime(2026, 9, 25, 12, tzinfo=UTC)
STORED = """
    SELECT generation_id, source, position, line, log_fields FROM ops.work
    UNION ALL SELECT generation_id, source, source_position, source_line, log_fields FROM generations"""


def _chunk(sightings):
    return Chunk(tuple(sightings), (), ended=0, bytes_read=0)


def sites_of(warehouse):
    with warehouse._reading() as connection:
        return {i: tuple(site) for i, *site in connection.execute(STORED).fetchall()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A warehouse with settled, dead and pending IDs, of today's form and of the legacy one."""
    with Warehouse(tmp_path_factory.mktemp("sites") / "w.duckdb", NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        outcomes = [settled(i) for i in IDS[::3]] + [Dead(item(i), "http_400", 400, 1) for i in IDS[1::3]]
        warehouse.commit(outcomes, "run")
        yield warehouse


SITES = st.lists(
    st.tuples(
        st.integers(0, len(IDS) - 1),
        st.sampled_from(["a.log", "b.log"]),
        st.integers(0, 3),
        st.none() | st.fixed_dictionaries({}, optional={"a": st.integers(0, 2), "b.c": st.integers(0, 2)}),
    ),
    max_size=30,
)


@given(SITES, st.integers(1, 5))
def test_the_first_sighting_with_fields_replaces_what_is_stored(filled, drawn, size):
    warehouse, before = filled, sites_of(filled)
    sightings = []
    for number, source, position, fields in drawn:
        nested = fields and fields | ({"b": {"c": fields["b.c"]}} if "b.c" in fields else {})
        sightings.append(
            Sighting(IDS[number], source, position, position + 1, TIME, json.dumps(nested) if nested else None)
        )
    for _ in range(2):
        rereading = Rereading(("a", "b.c"))
        for begin in range(0, len(sightings), size):
            warehouse.read_again(rereading, sightings[begin : begin + size])
        after = sites_of(warehouse)
        assert after.keys() == before.keys(), "no ID comes or goes"
        for generation_id in IDS:
            own = [s for s in sightings if s.generation_id == generation_id]
            first = next((s for s in own if s.log_fields), None)
            if first:
                source, position, line, fields = after[generation_id]
                assert (source, position, line) == (first.source, first.position, first.line)
                assert json.loads(fields).items() >= json.loads(first.log_fields).items()
            elif not own:
                assert after[generation_id] == before[generation_id]


def test_the_same_line_read_again_loses_a_field_that_it_never_had(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        stored = [Sighting(i, "a.log", n, 1, None, '{"customer":"evil","team":"x"}') for n, i in enumerate(IDS)]
        warehouse.add(_chunk(stored), "run", NOW)
        again = [Sighting(s.generation_id, "a.log", s.position, 1) for s in stored]
        assert warehouse.read_again(Rereading(("customer",)), again) == len(IDS)
        assert {site[-1] for site in sites_of(warehouse).values()} == {'{"team":"x"}'}
        elsewhere = [Sighting(s.generation_id, "b.log", s.position, 1) for s in stored]
        assert warehouse.read_again(Rereading(("team",)), elsewhere) == 0, "another line without fields takes none away"


def test_an_id_in_a_name_replaces_nothing_and_gets_its_line(tmp_path):
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        warehouse.add(_chunk([Sighting(IDS[0], "x/gen.json", None)]), "run", NOW)
        assert warehouse.read_again(Rereading(()), [Sighting(IDS[0], "y.json", None)]) == 0
        assert warehouse.read_again(Rereading(()), [Sighting(IDS[0], "x/gen.json", 5, 1, TIME)]) == 1
        assert sites_of(warehouse)[IDS[0]] == ("x/gen.json", 5, 1, None)
