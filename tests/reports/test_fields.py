"""Kept fields as dimensions: any names and values, in every report, against plain Python."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.logs import new_ids

from ingest.client.decode import decode_generation
from ingest.core.errors import UsageError
from ingest.core.generation_id import second_of
from ingest.core.log_fields import as_json
from ingest.core.outcomes import Dead, Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting
from ingest.reports.definitions import REPORTS
from ingest.reports.names import shown
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.simulator import fake_records
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDS = new_ids(60, seed=21)
DEAD = new_ids(10, seed=22)
RECORDS = {i: fake_records.record(1, i) for i in IDS}

NAMES = ["customer", "customer.id", "a/b", "a~1b", 'say "x"', "größe", "0", "model", "total_usage", "'; --", "$.a"]

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(["", "acme", "(none)", "(other)", "total", " a ", "é", "null", '"', "a\nb", "=", "\\"]),
)
values = st.one_of(plain, st.lists(plain, max_size=2), st.dictionaries(st.sampled_from(["id", "x"]), plain, max_size=2))


def as_text(value):
    """As DuckDB gives the text of JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def told(fields, name):
    """The value of a dimension ``field:NAME``: the field of this name, else the one inside another."""
    found = json.loads(as_json(fields)) if fields else {}
    if found.get(name) is not None:
        return as_text(found[name])
    for part in name.split("."):
        if isinstance(found, list):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return as_text(found)


def write(path, fields):
    """A warehouse whose IDs have these fields, by their ID."""
    with Warehouse(path, NOW) as warehouse:
        stored = {i: as_json(fields[i]) if fields[i] else None for i in fields}
        items = [WorkItem(i, second_of(i), "app.log", 0, log_fields=stored[i]) for i in fields]
        sightings = tuple(Sighting(i, "app.log", 0, log_fields=stored[i]) for i in fields)
        warehouse.add(Chunk(sightings, (), ended=0, bytes_read=0), "run", NOW)
        bodies = [json.dumps({"data": RECORDS[i]}).encode() for i in IDS]
        warehouse.commit(
            [Settled(i, decode_generation(b).data, NOW, 1) for i, b in zip(items, bodies, strict=False)], "run"
        )
        warehouse.commit([Dead(i, "not_found", 404, 1) for i in items[len(IDS) :]], "run")
    return path


drawn_fields = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)


@given(fields=st.lists(drawn_fields, min_size=len(IDS) + len(DEAD), max_size=len(IDS) + len(DEAD)), data=st.data())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_a_kept_field_is_a_dimension_of_every_report(tmp_path_factory, fields, data):
    fields = dict(zip([*IDS, *DEAD], fields, strict=True))
    kept = sorted({name for each in fields.values() for name in each})
    with Reader(write(tmp_path_factory.mktemp("fields") / "w.duckdb", fields)) as reader:
        for name in data.draw(st.lists(st.sampled_from(kept), min_size=1, max_size=4)) if kept else []:
            text = {i: told(fields[i], name) for i in fields}
            of_settled = Counter(text[i] for i in IDS)
            assert counts(report(reader, "cost", Period(), f"field:{name}")) == of_settled
            only = data.draw(st.sampled_from(sorted(of_settled, key=str)))
            filtered = {"where": [f"field:{name}={shown(only)}"]}
            others = {"where": [f"field:{name}!={shown(only)}"]}
            for each in ("cost", "cache", "summary"):
                assert total(report(reader, each, Period(), **filtered)) == of_settled[only]
                assert total(report(reader, each, Period(), **others)) == len(IDS) - of_settled[only]
            attempts = sum(len(RECORDS[i]["provider_responses"] or []) for i in IDS if text[i] == only)
            assert total(report(reader, "errors", Period(), **filtered), "attempt_count") == attempts
            states = Counter("settled" if i in RECORDS else "dead" for i in fields if text[i] == only)
            found = report(reader, "ledger", Period(), "state", **filtered).rows
            assert dict(found.select("state", "ids").rows()) == states


def counts(found):
    return dict(found.rows.select(found.columns[0], "request_count").rows())


def total(found, column="request_count"):
    return (found.rows if found.name == "summary" else found.total)[column].item()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    fields = {i: {"customer": f"c{n % 3}", "deep": {"er": n % 2}} for n, i in enumerate([*IDS, *DEAD])}
    with Reader(write(tmp_path_factory.mktemp("fields") / "w.duckdb", fields)) as reader:
        yield reader


def test_fields_go_together_with_other_dimensions(reader):
    found = report(reader, "cost", Period(), "field:customer,model,field:deep.er", where=["field:deep.er=1"])
    assert found.rows.columns[:3] == ["field:customer", "model", "field:deep.er"]
    expected = Counter((f"c{n % 3}", RECORDS[i]["model"], "1") for n, i in enumerate(IDS) if n % 2)
    assert Counter({row[:3]: row[3] for row in found.rows.select(*found.columns, "request_count").rows()}) == expected


@pytest.mark.parametrize("name", [name for name, each in REPORTS.items() if each.dimensions])
@pytest.mark.parametrize(
    ("field", "fix"),
    [
        ("custmer", "did you mean customer?"),
        ("deep.err", "did you mean deep"),
        ("'; DROP", "keep it with"),
        ("", "keep it with"),
    ],
)
def test_a_field_that_was_never_kept_is_refused_with_a_suggestion(reader, name, field, fix):
    with pytest.raises(UsageError) as refused:
        report(reader, name, Period(), where=[f"field:{field}=a"])
    assert refused.value.fix.startswith(fix), refused.value.fix
    assert "customer" in refused.value.cause


def test_without_kept_fields_none_is_known(tmp_path):
    with Reader(write(tmp_path / "w.duckdb", dict.fromkeys(IDS))) as reader, pytest.raises(UsageError) as refused:
        report(reader, "cost", Period(), "field:customer")
    assert refused.value.cause == "no field was kept"
