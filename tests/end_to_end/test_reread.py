"""Fields that were not kept at first are filled by reading again; and a run without a key uses no log up."""

import json

import duckdb
import pytest
from support.logs import new_ids


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def write(path, ids, **fields):
    lines = [json.dumps({"time": "2026-09-25T12:00:00Z", "id": i, "feature": f"f{i[-3:]}"} | fields) for i in ids]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "orusage.duckdb"


@pytest.fixture
def ingest(orusage, simulation):
    def run(*arguments, **variables):
        return orusage("ingest", *arguments, "--base-url", simulation.base_url, **variables)

    return run


STORED = "SELECT generation_id, log_fields->>'$.feature' FROM generations"


@pytest.mark.parametrize("source", ["app.log", "-"])
def test_a_run_without_a_key_uses_no_log_up(ingest, warehouse, tmp_path, source):
    everything = new_ids(25)
    ids = everything[:20]
    write(tmp_path / "app.log", ids)
    text = (tmp_path / "app.log").read_bytes() if source == "-" else None
    done = ingest(source, "--keep-field", "feature", OPENROUTER_API_KEY=None, stdin=text)
    assert (done.code, warehouse.exists()) == (77, False)
    assert ingest(source, "--keep-field", "feature", stdin=text).code == 0
    assert dict(rows(warehouse, STORED)) == {i: f"f{i[-3:]}" for i in ids}
    again = ingest("app.log", "--keep-field", "feature", OPENROUTER_API_KEY=None)
    assert again.code == 0, "with nothing new, no key is needed"
    write(tmp_path / "app.log", everything)
    assert ingest("app.log", OPENROUTER_API_KEY=None).code == 77
    assert len(rows(warehouse, STORED)) == 20
    assert rows(warehouse, "SELECT count(*) FROM ops.work") == [(0,)], (
        "the new IDs are not stored, nor that they were read"
    )
    assert ingest("app.log", "--keep-field", "feature").code == 0
    assert dict(rows(warehouse, STORED)) == {i: f"f{i[-3:]}" for i in everything}


def test_reading_again_fills_the_fields_of_known_ids_without_a_request(ingest, warehouse, tmp_path):
    ids = new_ids(30)
    write(tmp_path / "app.log", ids)
    assert ingest("app.log").code == 0
    hint = ingest("app.log", "--keep-field", "feature", OPENROUTER_API_KEY=None)
    assert "30 known IDs have no field feature: --reread fills it" in hint.out
    before = rows(warehouse, "SELECT count(*), sum(usage) FROM generations")
    done = ingest("app.log", "--keep-field", "feature", "--reread", "--summary", "json", OPENROUTER_API_KEY=None)
    told = json.loads(done.out)
    assert (done.code, told["reread"], told["requests"], told["new_ids"], told["unfilled_fields"]) == (0, 30, 0, 0, {})
    assert dict(rows(warehouse, STORED)) == {i: f"f{i[-3:]}" for i in ids}
    assert rows(warehouse, "SELECT count(*), sum(usage) FROM generations") == before
    again = ingest("app.log", "--keep-field", "feature", "--reread", "--summary", "json", OPENROUTER_API_KEY=None)
    assert (again.code, json.loads(again.out)["reread"]) == (0, 0)
    assert "no field" not in ingest("app.log", "--keep-field", "feature", OPENROUTER_API_KEY=None).out


def test_a_dry_run_reads_again_too(ingest, tmp_path):
    write(tmp_path / "app.log", new_ids(5))
    assert ingest("app.log").code == 0
    for flags, count in (((), 0), (("--reread",), 5)):
        done = ingest("app.log", "--dry-run", "--summary", "json", *flags, OPENROUTER_API_KEY=None)
        assert (json.loads(done.out)["sightings"], json.loads(done.out)["new_ids"]) == (count, 0)


def test_which_fields_lines_have_is_shown(orusage, tmp_path):
    write(tmp_path / "app.log", new_ids(4), customer={"id": 7, "tags": []}, attributes=[{"key": "team", "value": 1}])
    done = orusage("extract", "--fields", "app.log", "--format", "csv")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [
        "customer.id,4,4",
        "feature,4,4",
        "field,ids,of",
        "id,4,4",
        "team,4,4",
        "time,4,4",
    ]
