"""`orusage ingest --content` against the real simulator: what is stored of prompts and completions, and when."""

import json
import signal
import subprocess
import sys
import time

import duckdb
from support.commands import KEY, environment
from support.logs import new_ids, write_log

from ingest.simulator import fake_records

SEED = 1


def rows(path, statement):
    with duckdb.connect(path / "orusage.duckdb", read_only=True) as connection:
        return connection.execute(statement).fetchall()


def stored(path):
    """What each content row says, by ID; that there is one per ID is proven on the way."""
    told = "generation_id, http_status, reason, input, completion, reasoning, error, extra"
    found = rows(path, f"SELECT {told} FROM generation_contents")
    by_id = {generation_id: rest for generation_id, *rest in found}
    assert len(by_id) == len(found)
    return by_id


def assert_one_row_each(path, ids):
    for table in ("generations", "generation_contents"):
        assert sorted(i for (i,) in rows(path, f"SELECT generation_id FROM {table}")) == sorted(ids)


def assert_is_the_content(row, generation_id):
    said = fake_records.content(SEED, generation_id)
    http_status, reason, given, completion, reasoning, error, extra = row
    assert (http_status, reason, extra) == (200, None, None)
    assert json.loads(given) == said["input"]
    assert (completion, reasoning) == (said["output"]["completion"], said["output"]["reasoning"])
    assert (error and json.loads(error)) == said["error"]


def test_prompts_and_completions_are_stored_as_they_are(orusage, simulate, tmp_path):
    ids = new_ids(60, seed=4)
    legacy = ["gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN"]
    log = write_log(tmp_path / "app.log", ids + legacy)
    with simulate() as server:
        done = orusage("ingest", log, "--content", "--base-url", server.base_url, "--summary", "json")
        served = server.served()
    assert (done.code, done.json["settled"], done.json["contents"]) == (0, 62, {"stored": 62})
    assert served["requests"] == done.json["requests"] == 124
    contents = stored(tmp_path)
    assert contents.keys() == {*ids, *legacy}
    for generation_id, row in contents.items():
        assert_is_the_content(row, generation_id)
    assert sum(row[5] is not None for row in contents.values()) > 0
    joined = "generations g JOIN generation_contents c USING (generation_id)"
    agree = "g.requested_at IS NOT DISTINCT FROM c.requested_at AND g.run_id = c.run_id"
    assert rows(tmp_path, f"SELECT count(*) FROM {joined} WHERE {agree}") == [(62,)]


def test_the_file_that_holds_them_is_for_its_owner_and_nothing_shows_them(orusage, simulation, tmp_path):
    ids = new_ids(20)
    log = write_log(tmp_path / "app.log", ids)
    done = orusage("-v", "--debug", "ingest", log, "--content", "--base-url", simulation.base_url)
    assert done.code == 0
    left = {path for path in tmp_path.iterdir() if path.name.startswith("orusage.duckdb")}
    assert {path.stat().st_mode & 0o777 for path in left if path.is_file()} == {0o600}
    assert "20 stored" in done.err + done.out
    assert "What is" not in done.err + done.out
    assert "It is" not in done.err + done.out
    assert KEY not in done.err + done.out
    assert not [path for path in left if path.is_file() and KEY.encode() in path.read_bytes()]


def test_content_is_neither_asked_for_nor_stored_unless_wanted(orusage, simulate, tmp_path):
    ids = new_ids(40)
    log = write_log(tmp_path / "app.log", ids)
    with simulate() as server:
        done = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
        served = server.served()
        assert (done.code, served["requests"], served["generations"]) == (0, 40, 40)
        assert done.json["contents"] == {}
        assert rows(tmp_path, "SELECT count(*) FROM generation_contents") == [(0,)]
        later = orusage("ingest", log, "--content", "--base-url", server.base_url, "--summary", "json")
        assert (later.code, later.json["requests"]) == (0, 0)
        assert server.served()["requests"] == 40
    assert rows(tmp_path, "SELECT count(*) FROM generation_contents") == [(0,)]
    assert "never requested" in " ".join(orusage("ingest", "--help").out.split())


def test_a_key_without_rights_keeps_the_metadata_and_records_why(orusage, simulate, tmp_path):
    ids = new_ids(40)
    log = write_log(tmp_path / "app.log", ids)
    with simulate() as server:
        ingest = ("ingest", log, "--content", "--base-url", server.base_url, "--summary", "json")
        done = orusage(*ingest, OPENROUTER_API_KEY="sk-or-v1-inference-0123456789")
        assert (done.code, done.json["settled"], done.json["dead"], done.json["pending"]) == (0, 40, 0, 0)
        assert done.json["contents"] == {"http_403": 40}
        assert server.served()["statuses"] == {"200": 40, "403": 40}
        again = orusage(*ingest, OPENROUTER_API_KEY="sk-or-v1-inference-0123456789")
        assert (again.code, again.json["requests"], again.json["new_ids"]) == (0, 0, 0)
    assert_one_row_each(tmp_path, ids)
    assert {tuple(row) for row in stored(tmp_path).values()} == {(403, "http_403", None, None, None, None, None)}


def test_a_second_run_asks_nothing_and_adds_nothing(orusage, simulate, tmp_path):
    ids = new_ids(40)
    log = write_log(tmp_path / "app.log", ids)
    with simulate() as server:
        ingest = ("ingest", log, "--content", "--base-url", server.base_url, "--summary", "json")
        assert orusage(*ingest).json["requests"] == 80
        again = orusage(*ingest)
        assert (again.code, again.json["requests"], again.json["new_ids"]) == (0, 0, 0)
        assert server.served()["requests"] == 80
    assert_one_row_each(tmp_path, ids)


def test_whatever_the_server_does_each_settled_id_has_its_content_and_the_others_are_pending_or_dead(
    orusage, simulate, tmp_path
):
    ids = new_ids(120, seed=3)
    log = write_log(tmp_path / "app.log", ids)
    faults = ("--p404", "0.05", "--p500", "0.1", "--malformed", "0.3")
    with simulate(*faults) as server:
        done = orusage("ingest", log, "--content", "--base-url", server.base_url, "--summary", "json")
    settled = [i for (i,) in rows(tmp_path, "SELECT generation_id FROM generations")]
    unsettled = rows(tmp_path, "SELECT state, reason, count(*) FROM ops.work GROUP BY ALL ORDER BY ALL")
    assert len(settled) + sum(count for _, _, count in unsettled) == len(ids)
    left = {("pending", "not_found"), ("pending", "unreadable"), ("pending", "content_unreadable")}
    assert {(state, reason) for state, reason, _ in unsettled} == left
    assert_one_row_each(tmp_path, settled)
    assert sum(done.json["contents"].values()) == done.json["settled"] == len(settled)
    for generation_id, row in stored(tmp_path).items():
        assert_is_the_content(row, generation_id)


def test_a_run_that_was_interrupted_is_completed_by_the_next_one(orusage, simulate, tmp_path):
    ids = new_ids(80)
    log = write_log(tmp_path / "app.log", ids)
    with simulate("--latency", "20ms") as server:
        options = (str(log), "--content", "--base-url", server.base_url)
        command = [sys.executable, "-m", "ingest", "ingest", *options, "--rate", "100", "--batch-size", "10"]
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE) as process:
            while server.served()["requests"] < 40:
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
            process.stderr.read()
        settled = {i for (i,) in rows(tmp_path, "SELECT generation_id FROM generations")}
        assert 10 <= len(settled) < 80
        assert stored(tmp_path).keys() == settled
        assert rows(tmp_path, "SELECT state, count(*) FROM ops.work GROUP BY state") == [("pending", 80 - len(settled))]
        done = orusage("ingest", *options, "--summary", "json")
    assert (done.code, done.json["settled"]) == (0, 80 - len(settled))
    assert_one_row_each(tmp_path, ids)
    for generation_id, row in stored(tmp_path).items():
        assert_is_the_content(row, generation_id)
