"""The installed command against the real simulator over loopback HTTP."""

import gzip
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest
from support.commands import KEY, environment
from support.logs import new_ids, write_log
from support.long_form import long
from support.warehouse_files import another_night


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def ledger(path):
    return dict(rows(path, "SELECT state, count(*) FROM ops.work GROUP BY state")) | {
        "settled": rows(path, "SELECT count(*) FROM generations")[0][0]
    }


def test_a_second_run_on_the_same_logs_asks_nothing_and_adds_nothing(orusage, simulation, tmp_path):
    write_log(tmp_path / "logs/app.log", new_ids(120))
    ingest = ("ingest", "logs", "--base-url", simulation.base_url, "--summary", "json")
    first = orusage(*ingest)
    assert (first.code, first.json["settled"], first.json["requests"]) == (0, 120, 120)
    second = orusage(*ingest)
    assert (second.code, second.json["requests"], second.json["new_ids"]) == (0, 0, 0)
    assert rows(tmp_path / "orusage.duckdb", "SELECT count(*), count(DISTINCT generation_id) FROM generations") == [
        (120, 120)
    ]


def test_cost_daily_equals_what_the_simulator_served_to_the_last_digit(orusage, simulate, tmp_path):
    ids = new_ids(600, seed=7)
    log = write_log(tmp_path / "app.log", ids)
    faults = ("--p529", "0.003", "--p500", "0.02", "--malformed", "0.02", "--seed", "7")
    with simulate("--rate-limit", "150", "--burst", "20", *faults) as server:
        ingest = ("ingest", log, "--base-url", server.base_url, "--summary", "json")
        # An ID with two unreadable answers in a row is left for the next run; which ones depends on the throttling.
        first, done = orusage(*ingest), orusage(*ingest)
        served = server.served()
    assert done.code == 0, done.err
    assert first.json["settled"] + done.json["settled"] == served["generations"] == len(ids)
    by_day = rows(tmp_path / "orusage.duckdb", "SELECT CAST(requested_day AS VARCHAR), total_usage FROM cost_daily")
    assert dict(by_day) == {day: Decimal(usd) for day, usd in served["total_usage_by_day"].items()}
    assert sum(usd for _, usd in by_day) == Decimal(served["total_usage"])
    assert served["statuses"]["429"] > 0


def test_every_id_is_accounted_for_whatever_the_server_does(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(200, seed=3))
    with simulate(
        "--p404", "0.05", "--p500", "0.3", "--malformed", "0.2", "--rate-limit", "200", "--seed", "3"
    ) as server:
        first = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
        states = ledger(tmp_path / "orusage.duckdb")
        assert sum(states.values()) == 200
        assert (states.get("dead", 0), first.json["dead"]) == (0, 0)
        another_night(tmp_path / "orusage.duckdb")
        more = write_log(tmp_path / "more.log", new_ids(20, seed=4))
        done = orusage("ingest", more, "--base-url", server.base_url, "--summary", "json")
    states = ledger(tmp_path / "orusage.duckdb")
    assert sum(states.values()) == 220
    assert states["dead"] == done.json["dead"] > 0
    overdue = "SELECT count(*) FROM ops.work WHERE state = 'pending' AND reason <> 'not_found'"
    assert rows(tmp_path / "orusage.duckdb", overdue) == [(done.json["overdue"],)]
    assert done.code == 3
    reasons = {r for (r,) in rows(tmp_path / "orusage.duckdb", "SELECT DISTINCT reason FROM ops.dead_letters")}
    assert reasons == {"not_found"}


def test_an_id_not_found_past_the_grace_is_not_overdue_and_not_asked_again_in_the_same_night(
    orusage, simulate, tmp_path
):
    log = write_log(tmp_path / "app.log", new_ids(40, seed=3))
    with simulate("--p404", "1") as server:
        first = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
        second = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
    assert (first.code, first.json["pending"], first.json["dead"], first.json["overdue"]) == (0, 40, 0, 0)
    assert "40 of 40 answers were 404" in first.err
    assert (second.code, second.json["requests"]) == (0, 0)


def test_ids_that_were_never_recorded_are_no_failure_unless_strict(orusage, simulate, tmp_path):
    path, logs = tmp_path / "orusage.duckdb", [write_log(tmp_path / f"{n}.log", new_ids(40, seed=n)) for n in (1, 2, 3)]

    def night(*arguments):
        if path.exists():  # the IDs that rest until the next night are due again
            with duckdb.connect(path) as connection:
                connection.execute("UPDATE ops.work SET not_before = NULL")
        return orusage("-q", "ingest", *arguments, "--base-url", server.base_url)

    with simulate("--p404", "0.3", "--seed", "3") as server:
        first, usual, strict = night(logs[0]), night(logs[1]), night(logs[2], "--strict")
        again = orusage("ingest", "--strict", "-q", "--base-url", server.base_url)
    assert (first.code, first.out, first.err) == (0, "", "")
    assert (usual.code, usual.out) == (0, "")
    assert (strict.code, strict.out.count(" dead")) == (3, 1)
    assert (again.code, again.out) == (0, "")
    assert ledger(path)["dead"] > 0


def test_a_quiet_success_prints_only_what_was_asked_for(orusage, simulation, tmp_path):
    write_log(tmp_path / "app.log", new_ids(5))
    done = orusage("ingest", "app.log", "-q", "--summary", "json", "--base-url", simulation.base_url)
    assert (done.code, done.json["settled"], done.err) == (0, 5, "")
    for words in (
        ("export", "-o", "out"),
        ("warehouse", "publish"),
        ("warehouse", "compact"),
        ("warehouse", "migrate"),
    ):
        assert (orusage(*words).out != "", orusage("-q", *words).out, orusage(*words, "-q").out) == (True, "", "")
    assert orusage("-q", "ingest", "--dry-run", "app.log").out.startswith("dry run")
    assert orusage("-q", "status", "--format", "json").json[0]["settled"] == 5


def test_an_id_that_is_not_there_yet_stays_pending_and_is_not_asked_again_at_once(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(20, age=timedelta(minutes=30), span=timedelta(minutes=20)))
    with simulate("--not-found-for", "2h") as server:
        first = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
        second = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
    assert (first.code, first.json["pending"], first.json["dead"]) == (0, 20, 0)
    assert (second.code, second.json["requests"]) == (0, 0)


def test_pending_ids_are_settled_by_a_later_run_without_any_source(orusage, simulation, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(50))
    limited = orusage("ingest", log, "--limit", "20", "--base-url", simulation.base_url, "--summary", "json")
    assert (limited.code, limited.json["settled"], limited.json["overdue"]) == (3, 20, 30)
    rest = orusage("ingest", "--base-url", simulation.base_url, "--summary", "json")
    assert (rest.code, rest.json["settled"], rest.json["overdue"]) == (0, 30, 0)


def test_newest_ids_go_first_and_since_leaves_older_ones_alone(orusage, simulation, tmp_path):
    ids = sorted(new_ids(40), key=lambda i: int(i.split("-")[1]))
    log = write_log(tmp_path / "app.log", ids)
    orusage("ingest", log, "--limit", "10", "--concurrency", "1", "--base-url", simulation.base_url)
    settled = {i for (i,) in rows(tmp_path / "orusage.duckdb", "SELECT generation_id FROM generations")}
    assert settled == set(ids[-10:])
    done = orusage("ingest", log, "--since", "1h", "--base-url", simulation.base_url, "--summary", "json")
    assert (done.code, done.json["requests"]) == (0, 0)


def test_ids_that_are_too_young_when_the_time_is_up_stay_pending(orusage, simulation, tmp_path):
    recent = new_ids(5, age=timedelta(seconds=5), span=timedelta(seconds=50))
    log = write_log(tmp_path / "app.log", [*recent, *new_ids(20)])
    command = ("ingest", log, "--max-time", "8s", "--base-url", simulation.base_url, "--summary", "json")
    done, again = orusage(*command), orusage(*command)
    for run, settled in ((done, 20), (again, 0)):
        assert (run.code, run.json["settled"], run.json["pending"], run.json["overdue"]) == (0, settled, 0, 0)
        assert run.json["seconds"] < 30
    assert rows(tmp_path / "orusage.duckdb", "SELECT state, requests, not_before FROM ops.work") == [
        ("pending", 0, None)
    ] * len(recent)


def test_a_run_that_is_throttled_until_its_time_is_up_is_for_later(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(40))
    with simulate("--p429", "1") as server:
        done = orusage("ingest", log, "--max-time", "8s", "--base-url", server.base_url, "--summary", "json")
        assert server.served()["statuses"]["429"] > 0
    assert done.code == done.json["exit_code"] == 75
    assert done.json["stopped_by"]
    assert_three_lines(done.err)
    assert ledger(tmp_path / "orusage.duckdb") == {"pending": 40, "settled": 0}
    charged = "SELECT count(*) FROM ops.work WHERE runs > 0 OR reason IS NOT NULL OR not_before IS NOT NULL"
    assert rows(tmp_path / "orusage.duckdb", charged) == [(0,)]
    assert orusage("status", "--runs", "--format", "json").json[0]["exit_code"] == 75


def test_a_run_that_got_something_before_it_was_throttled_is_a_partial_one(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(40))
    with simulate("--rate-limit", "0.5", "--burst", "5") as server:
        done = orusage("ingest", log, "--max-time", "8s", "--base-url", server.base_url, "--summary", "json")
    assert (done.code, done.json["stopped_by"]) == (3, None)
    assert done.json["settled"] >= 5
    assert done.json["throttled"] > 0
    assert done.json["settled"] + done.json["overdue"] == 40


def test_sources_of_every_kind(orusage, simulation, tmp_path):
    ids = new_ids(60)
    write_log(tmp_path / "logs/a.log", ids[:10])
    (tmp_path / "logs/b.log.gz").write_bytes(gzip.compress("\n".join(ids[10:30]).encode()))
    write_log(tmp_path / "other/c-1.txt", ids[30:40])
    write_log(tmp_path / "other/d-1.txt", ids[40:50])
    stdin = "\n".join(ids[50:]).encode()
    done = orusage(
        "ingest", "logs", "other/*-1.txt", "-", "--base-url", simulation.base_url, "--summary", "json", stdin=stdin
    )
    assert (done.code, done.json["sources"], done.json["settled"]) == (0, 5, 60)
    coverage = rows(tmp_path / "orusage.duckdb", "SELECT source, settled FROM ops.coverage ORDER BY source")
    assert coverage == [
        ("-", 10),
        (f"{tmp_path}/logs/a.log", 10),
        (f"{tmp_path}/logs/b.log.gz", 20),
        (f"{tmp_path}/other/c-1.txt", 10),
        (f"{tmp_path}/other/d-1.txt", 10),
    ]


def test_a_file_name_that_is_no_utf8_is_told_and_stored(orusage, simulation, tmp_path):
    write_log(tmp_path / os.fsdecode(b"logs/caf\xe9.log"), new_ids(3))
    done = orusage("ingest", "logs", "gone\udce9.log", "--base-url", simulation.base_url, "--summary", "json")
    assert (done.code, done.json["settled"]) == (3, 3)
    assert rows(tmp_path / "orusage.duckdb", "SELECT DISTINCT source FROM generations") == [
        (f"{tmp_path}/logs/caf\\udce9.log",)
    ]


def test_an_interrupted_run_keeps_what_it_reached_and_the_next_one_completes(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(150))
    with simulate("--latency", "50ms") as server:
        command = [sys.executable, "-m", "ingest", "ingest", str(log), "--base-url", server.base_url, "--rate", "100"]
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE) as process:
            while server.served()["generations"] < 50:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
            assert b"interrupted" in process.stderr.read()
        states = ledger(tmp_path / "orusage.duckdb")
        assert states["settled"] >= 50
        assert sum(states.values()) == 150
        asked = server.served()["requests"]
        assert asked == states["settled"]
        done = orusage("ingest", log, "--base-url", server.base_url, "--summary", "json")
    assert (done.code, done.json["settled"]) == (0, 150 - states["settled"])


def test_max_time_ends_a_run_cleanly(orusage, simulation, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(200))
    done = orusage(
        "ingest", log, "--rate", "20", "--max-time", "5s", "--base-url", simulation.base_url, "--summary", "json"
    )
    assert done.code == 3
    assert 0 < done.json["settled"] < 200
    assert done.json["settled"] + done.json["overdue"] == 200


@pytest.mark.parametrize(
    ("key", "code"),
    [("sk-or-v1-invalid-0123456789", 77), ("sk-or-v1-broke-0123456789", 75), long("sk-or-v1-forbidden-0123456789", 77)],
)
def test_a_refused_key_stops_the_run_and_loses_nothing(orusage, simulation, tmp_path, key, code):
    log = write_log(tmp_path / "app.log", new_ids(40))
    refused = orusage("ingest", log, "--base-url", simulation.base_url, OPENROUTER_API_KEY=key)
    assert refused.code == code
    assert_three_lines(refused.err)
    assert ledger(tmp_path / "orusage.duckdb") == {"pending": 40, "settled": 0}
    done = orusage("ingest", "--base-url", simulation.base_url, "--summary", "json")
    assert (done.code, done.json["settled"]) == (0, 40)


def test_the_key_is_nowhere_but_in_the_request(orusage, simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(20))
    with simulate("--malformed", "0.5", "--p500", "0.3") as server:
        done = orusage("-v", "--debug", "ingest", log, "--base-url", server.base_url)
    refused = orusage("-v", "--debug", "ingest", log, "--base-url", "http://127.0.0.1:9/api/v1", "--max-time", "1s")
    assert KEY not in done.out + done.err + refused.out + refused.err
    secret = KEY.encode()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and secret in p.read_bytes()] == []


def assert_three_lines(err):
    what, cause, fix = err.strip().splitlines()[-3:]
    assert what.startswith("orusage: ")
    assert cause.startswith("  cause: ")
    assert fix.startswith("  fix:   ")


BAD_INPUT = {
    "no key": (77, {"OPENROUTER_API_KEY": None}, ["app.log"]),
    "empty key": (77, {"OPENROUTER_API_KEY": "  "}, ["app.log"]),
    "key with a line break": (77, {"OPENROUTER_API_KEY": "sk-or-v1-abc\nX-Evil: 1"}, ["app.log"]),
    "missing key file": (77, {}, ["app.log", "--api-key-file", "nowhere"]),
    "failing key command": (77, {}, ["app.log", "--api-key-command", "false"]),
    "no IDs": (66, {}, ["empty.log"]),
    "no sources and no warehouse": (66, {}, []),
    "missing file": (66, {}, ["nowhere.log"]),
    "missing directory": (66, {}, ["nowhere/"]),
    "glob without a match": (66, {}, ["*.nothing"]),
    "binary file": (66, {}, ["binary.dat"]),
    "directory of binary files": (66, {}, ["binaries"]),
    "empty argument": (66, {}, [""]),
    "plain http to another host": (78, {}, ["app.log", "--base-url", "http://example.com/api/v1"]),
    "no URL": (78, {}, ["app.log", "--base-url", "openrouter.ai"]),
}


SHORT = {"no key", "failing key command", "no IDs", "no sources and no warehouse", "missing file", "no URL"}
"""One of each kind; `test_key`, `test_sources` and `test_params` know the others too."""


@pytest.mark.parametrize("case", [case if case in SHORT else long(case) for case in BAD_INPUT])
def test_bad_input_is_three_lines_and_an_exit_code(orusage, simulation, tmp_path, case):
    code, variables, arguments = BAD_INPUT[case]
    write_log(tmp_path / "app.log", new_ids(5))
    (tmp_path / "empty.log").write_text("nothing here\n", encoding="utf-8")
    (tmp_path / "binary.dat").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "binaries").mkdir()
    (tmp_path / "binaries/a.dat").write_bytes(bytes(range(256)) * 64)
    done = orusage("ingest", *arguments, OPENROUTER_BASE_URL=simulation.base_url, **variables)
    assert done.code == code
    assert_three_lines(done.err)
    assert done.out == ""
    assert not (tmp_path / "orusage.duckdb").exists(), "nothing is read before there is a key"


def test_what_cannot_be_read_is_named_and_the_rest_is_done(orusage, simulation, tmp_path):
    ids = new_ids(30)
    write_log(tmp_path / "app.log", ids[:10])
    whole = gzip.compress("\n".join(ids[10:]).encode(), compresslevel=0)
    (tmp_path / "cut.log.gz").write_bytes(whole[: len(whole) // 2])
    done = orusage(
        "ingest", "app.log", "cut.log.gz", "gone.log", "--base-url", simulation.base_url, "--summary", "json"
    )
    assert done.code == 3
    assert {p["source"] for p in done.json["problems"]} == {str(tmp_path / "cut.log.gz"), "gone.log"}
    assert 10 < done.json["settled"] < 30
    incomplete = rows(tmp_path / "orusage.duckdb", "SELECT source FROM ops.coverage WHERE NOT complete ORDER BY 1")
    assert incomplete == [(str(tmp_path / "cut.log.gz"),), ("gone.log",)]


@pytest.mark.parametrize(
    ("content", "code"), [(b"this is no database, only some text " * 200, 65), (None, 65)], ids=["text", "foreign"]
)
def test_a_file_that_is_no_warehouse_is_refused_and_left_as_it_was(orusage, tmp_path, content, code):
    log, file = write_log(tmp_path / "app.log", new_ids(5)), tmp_path / "other.duckdb"
    if content is None:
        with duckdb.connect(file) as connection:
            connection.execute("CREATE TABLE mine (a INTEGER)")
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    for command in (("ingest", log), ("query", "SELECT 1"), ("status",)):
        done = orusage("-w", file, *command)
        assert done.code == code
        assert_three_lines(done.err)
    assert file.read_bytes() == before


def test_a_place_where_nothing_can_be_created(orusage, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(5))
    done = orusage("-w", tmp_path / "no/such/dir/w.duckdb", "ingest", log)
    assert done.code == 73
    assert_three_lines(done.err)


def test_a_warehouse_that_is_in_use_is_for_later(orusage, simulation, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(5))
    with duckdb.connect(tmp_path / "orusage.duckdb"):
        done = orusage("ingest", log, "--base-url", simulation.base_url)
    assert done.code == 75
    assert_three_lines(done.err)


def test_an_api_that_cannot_be_reached(orusage, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(5))
    done = orusage("ingest", log, "--base-url", "http://127.0.0.1:9/api/v1")
    assert done.code == 69
    assert_three_lines(done.err)
    assert ledger(tmp_path / "orusage.duckdb") == {"pending": 5, "settled": 0}


def test_legacy_ids_and_tagged_ones_are_settled_too(orusage, simulation, tmp_path):
    stdin = b"gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG gen-Qm4TzB0pLx9KdVh2RfWs7YcN gen-emb-1753485462-pfqdjgABCDEFGHIJ1234\n"
    done = orusage("ingest", "-", "--base-url", simulation.base_url, "--summary", "json", stdin=stdin)
    again = orusage("ingest", "-", "--base-url", simulation.base_url, "--summary", "json", stdin=stdin)
    assert (done.code, done.json["settled"]) == (0, 3)
    assert (again.json["new_ids"], again.json["requests"]) == (0, 0)
    undated = rows(tmp_path / "orusage.duckdb", "SELECT count(*) FROM generations WHERE requested_at IS NULL")
    assert undated == [(2,)]
    assert rows(tmp_path / "orusage.duckdb", "SELECT count(*) FROM generations WHERE requested_day IS NULL") == [(0,)]


def test_state_is_private_under_any_umask(orusage, simulation, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(5))
    orusage("ingest", log, "--base-url", simulation.base_url)
    assert (tmp_path / "orusage.duckdb").stat().st_mode & 0o777 == 0o600


def test_a_run_leaves_its_record(orusage, simulation, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(25))
    orusage("ingest", log, "--base-url", simulation.base_url)
    again = write_log(tmp_path / "again.log", new_ids(25))  # a source that is new, or there would be nothing to record
    orusage("ingest", again, "--base-url", simulation.base_url)
    runs = orusage("status", "--runs", "--format", "json").json
    assert [(r["requests"], r["settled"], r["exit_code"]) for r in runs] == [(0, 0, 0), (25, 25, 0)]
    assert [(r["waste"], r["throttled_seconds"], r["rate_limit"]) for r in runs] == [(None, 0, None), (0, 0, None)]
    assert runs[0]["request_ms_p50"] is None
    assert 0 < runs[1]["request_ms_p50"] <= runs[1]["request_ms_p95"]
    columns = {c["column_name"]: c["meaning"] for c in orusage("views", "ops.runs", "--format", "json").json}
    assert "Unit: 0 to 1." in columns["waste"]
    assert "Unit: requests/s." in columns["rate_limit"]
    status = orusage("status", "--format", "json").json
    assert (status[0]["settled"], status[0]["pending"], status[0]["dead"]) == (25, 0, 0)


def test_sources_that_never_end_are_named_and_not_waited_for(orusage, simulation, tmp_path):
    write_log(tmp_path / "app.log", new_ids(1))
    os.mkfifo(tmp_path / "pipe")
    sources = ("app.log", "/dev/zero", "pipe", "/dev/null")
    done = orusage("ingest", *sources, "--base-url", simulation.base_url, "--summary", "json")
    assert (done.code, done.json["settled"]) == (3, 1)
    assert {p["source"]: p["problem"] for p in done.json["problems"]} == {
        "/dev/zero": "a device, not a file",
        str(tmp_path / "pipe"): "a FIFO that nobody writes to",
    }
