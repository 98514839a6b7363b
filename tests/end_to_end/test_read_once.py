"""The installed command night after night: what was read is not read again, and each ID keeps its place in the logs."""

import gzip
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import duckdb
import pytest
from support.commands import environment
from support.logs import new_ids, write_log
from support.long_form import long
from support.warehouse_files import another_night
from support.warehouses import write_old_warehouse

from ingest.core.generation_id import second_of
from ingest.warehouse import sql_files

SOURCES = "FROM ops.sources ORDER BY source"


def rows(path, statement):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def append(path, ids):
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f'{{"level": "info", "response": {{"id": "{i}"}}}}\n' for i in ids)


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "orusage.duckdb"


@pytest.fixture
def ingest(orusage, simulation):
    """Runs `ingest` with these arguments and returns its code and what its summary tells."""

    def run(*arguments, **variables):
        done = orusage("ingest", *arguments, "--base-url", simulation.base_url, "--summary", "json", **variables)
        assert done.out, done.err
        return done.code, done.json

    return run


def told(summary, *names):
    return tuple(summary[name] for name in names)


READ = ("sources", "unchanged", "bytes_read", "sightings", "new_ids", "requests")


# Read once


def wait_until_settled(*paths):
    """Until the files' times are those of more than two seconds ago, from when on they are relied on."""
    while time.time() - max(path.stat().st_ctime for path in paths) < 2.5:
        time.sleep(0.1)


def test_a_second_run_reads_asks_and_notes_nothing(ingest, warehouse, tmp_path):
    log = write_log(tmp_path / "logs/app.log", new_ids(50))
    archive = tmp_path / "logs/app.log.1.gz"
    archive.write_bytes(gzip.compress("\n".join(new_ids(20, seed=2)).encode()))
    wait_until_settled(log, archive)
    size = log.stat().st_size + len("\n".join(new_ids(20, seed=2)))
    code, first = ingest("logs")
    assert (code, *told(first, *READ)) == (0, 2, 0, size, 70, 70, 70)
    before, file = rows(warehouse, SOURCES), warehouse.stat()
    shutil.rmtree(tmp_path / "orusage.duckdb.work")
    for _ in range(2):
        code, again = ingest("logs")
        assert (code, *told(again, *READ)) == (0, 2, 2, 0, 0, 0, 0)
    assert rows(warehouse, SOURCES) == before
    assert rows(warehouse, "SELECT bytes_read, sightings, new_ids FROM ops.runs") == [(size, 70, 70)]
    assert (warehouse.stat(), (tmp_path / "orusage.duckdb.work").exists()) == (file, False), (
        "an idle night copies nothing"
    )


def test_files_that_were_written_just_now_are_not_read_again_either(ingest, warehouse, tmp_path):
    write_log(tmp_path / "logs/app.log", new_ids(50))
    ingest("logs")
    code, again = ingest("logs")
    assert (code, *told(again, *READ)) == (0, 1, 1, 0, 0, 0, 0)
    assert rows(warehouse, "SELECT count(*) FROM ops.sources") == [(1,)]


def test_a_source_has_one_name_wherever_it_is_named_from(ingest, warehouse, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(20))
    for named in ("app.log", "./app.log", log, f"../{tmp_path.name}/app.log", "*.log"):
        assert ingest(named)[0] == 0
    assert rows(warehouse, "SELECT source, first_seen_ids FROM ops.coverage") == [(str(log), 20)]


def test_a_source_that_is_away_for_a_night_is_not_read_again_when_it_is_back(ingest, tmp_path):
    log, _ = write_log(tmp_path / "app.log", new_ids(20)), write_log(tmp_path / "other.log", new_ids(1))
    assert ingest("app.log", "other.log")[0] == 0
    log.rename(tmp_path / "away")
    code, summary = ingest("app.log", "other.log")
    assert (code, [p["source"] for p in summary["problems"]]) == (3, ["app.log"])
    (tmp_path / "away").rename(log)
    code, summary = ingest("app.log", "other.log")
    assert (code, summary["unchanged"], summary["bytes_read"]) == (0, 2, 0)


def test_of_a_log_that_grew_only_the_new_id_is_read_and_asked(ingest, simulate, orusage, warehouse, tmp_path):
    log, [new] = write_log(tmp_path / "app.log", new_ids(50)), new_ids(1, seed=2)
    ingest(log)
    size = log.stat().st_size
    append(log, [new])
    with simulate() as other:
        done = orusage("ingest", log, "--base-url", other.base_url, "--summary", "json")
        assert other.served()["requests"] == 1
    assert (done.code, *told(done.json, *READ)) == (0, 1, 0, log.stat().st_size - size, 1, 1, 1)
    place = "SELECT source, source_position, source_line FROM generations WHERE generation_id = "
    assert rows(warehouse, f"{place}'{new}'") == [(str(log), log.read_bytes().index(new.encode()), 51)]


@pytest.mark.parametrize("appended", [3, long(0)])
def test_of_a_log_that_was_rotated_and_compressed_nothing_is_read_again(ingest, warehouse, tmp_path, appended):
    log, ids = write_log(tmp_path / "logs/app.log", new_ids(50)), new_ids(10, seed=2)
    ingest("logs")
    append(log, ids[:appended])
    (tmp_path / "logs/app.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    write_log(log, ids[appended:])
    new = log.stat().st_size * 10 // (10 - appended)
    code, night = ingest("logs")
    assert (code, *told(night, *READ)) == (0, 2, 0 if appended else 1, new, 10, 10, 10)
    assert rows(warehouse, "SELECT source, complete, sightings, first_seen_ids FROM ops.coverage ORDER BY 1") == [
        (str(log), True, 10 - appended, 60 - appended),
        (f"{log}.1.gz", True, 50 + appended, appended),
    ]
    assert told(ingest("logs")[1], *READ) == (2, 2, 0, 0, 0, 0)


def test_coverage_tells_of_each_source_what_became_of_its_ids(orusage, simulate, warehouse, tmp_path):
    for number in range(3):
        write_log(tmp_path / f"logs/{number}.log", new_ids(40, seed=number))
    (tmp_path / "logs/empty.log").touch()
    with simulate("--p404", "0.2") as server:
        orusage("ingest", "logs", "--base-url", server.base_url, "--limit", "100")
        another_night(warehouse)
        orusage("ingest", "logs", "--base-url", server.base_url, "--limit", "10")
        orusage("ingest", "logs", "--base-url", server.base_url, "--limit", "40")
    columns = (
        "source, bytes_read, complete, problem, sightings, first_seen_ids, settled + pending + dead, settled, dead"
    )
    coverage = rows(warehouse, f"SELECT {columns}, dead FROM ops.coverage ORDER BY source")
    sizes = [(tmp_path / f"logs/{number}.log").stat().st_size for number in range(3)]
    assert [row[:7] for row in coverage] == [
        *((f"{tmp_path}/logs/{n}.log", size, True, None, 40, 40, 40) for n, size in enumerate(sizes)),
        (f"{tmp_path}/logs/empty.log", 0, True, None, 0, 0, 0),
    ]
    stored = [rows(warehouse, f"SELECT count(*) FROM {x}")[0][0] for x in ("generations", "ops.dead_letters")]
    assert [sum(row[n] for row in coverage) for n in (7, 8)] == stored
    assert 100 < sum(stored) <= 120
    assert stored[1] > 0


# Where an ID stands, and what its line tells


def lines_with(ids):
    """Log lines of several kinds, each with one ID, and the fields and time each tells."""
    for number, i in enumerate(ids):
        moment = second_of(i) + timedelta(seconds=2, milliseconds=number)
        stamp, user, team = moment.isoformat(timespec="milliseconds"), f"user {number}", number % 3
        fields, record = {"user": user, "team.id": team}, {"id": i, "user": user, "team": {"id": team}}
        nanoseconds, comma = stamp.replace("+00:00", "456789Z"), stamp.replace("T", " ")[:23].replace(".", ",")
        kinds = (
            (json.dumps({"ts": stamp} | record), fields, moment),
            (f"{stamp.replace('+00:00', 'Z')} INFO done {json.dumps(record)}", fields, moment),
            (
                json.dumps({"log": json.dumps(record) + "\n", "time": nanoseconds}),
                fields,
                moment + timedelta(microseconds=456),
            ),
            (f'{comma} id={i} user="{user}"', {"user": user}, moment),
            (f"no time here: {i}", None, None),
            (f"2001-09-09 01:46:40 a time without a zone, of another day: {i}", None, None),
        )
        yield i, *kinds[number % len(kinds)]


def test_each_generation_keeps_its_place_its_lines_time_and_the_fields_asked_for(ingest, orusage, warehouse, tmp_path):
    ids = new_ids(60)
    wanted = list(lines_with(ids))
    text = "".join(f"{line}\n# café, nothing here\n" for _, line, *_ in wanted).encode()
    (tmp_path / "app.log").write_bytes(text[: len(text) // 2])
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(text))
    code, summary = ingest("app.log.gz", "--keep-field", "user", "--keep-field", "team.id", "--keep-field", "usr")
    assert (code, summary["settled"]) == (0, 60)
    assert summary["kept_fields"] == {"user": 40, "team.id": 30, "usr": 0}
    assert summary["missing_fields"] == {"user": 20, "team.id": 30, "usr": 60}
    columns = "generation_id, source, source_position, source_line, logged_at, log_fields"
    stored = {i: row for i, *row in rows(warehouse, f"SELECT {columns} FROM generations")}
    for number, (i, _, fields, moment) in enumerate(wanted):
        source, position, line, logged_at, log_fields = stored[i]
        assert (source, position, line) == (f"{tmp_path}/app.log.gz", text.index(i.encode()), 2 * number + 1)
        assert logged_at == (moment and moment.replace(tzinfo=None))
        nested = fields and fields | ({"team": {"id": fields["team.id"]}} if "team.id" in fields else {})
        assert (log_fields and json.loads(log_fields)) == nested
    by_team = orusage(
        "query",
        """SELECT log_fields->>'$."team.id"' AS team, count(*) AS n, sum(usage) AS usd FROM generations
        WHERE log_fields->>'$.user' LIKE 'user %' GROUP BY ALL ORDER BY team""",
        "--format",
        "json",
    ).json
    teams = Counter(fields.get("team.id") for *_, fields, _ in wanted if fields)
    assert {row["team"]: row["n"] for row in by_team} == {n if n is None else str(n): c for n, c in teams.items()}


def test_a_field_that_stands_nowhere_is_named_and_a_field_can_be_joined_with(orusage, simulation, tmp_path):
    ids = new_ids(6)
    lines = [f'{{"id": "{i}", "a": {n}, "b": {{"c": "x{n}"}}}}\n' for n, i in enumerate(ids)]
    (tmp_path / "app.log").write_text("".join(lines), encoding="utf-8")
    keep = [x for name in ("a", "b.c", "b.d") for x in ("--keep-field", name)]
    done = orusage("ingest", "app.log", *keep, "--base-url", simulation.base_url)
    assert done.code == 0
    assert [x for x in done.out.splitlines() if x.startswith("field")] == [
        "field     b.d is missing in 6 of 6 lines with an ID"
    ]
    joined = orusage(
        "query",
        "SELECT generation_id, CAST(log_fields->>'$.a' AS BIGINT) AS a, log_fields->>'$.\"b.c\"' AS c, "
        "log_fields->>'$.b.c' AS nested "
        "FROM generations JOIN (SELECT unnest(range(6)) AS n) ON n = CAST(log_fields->>'$.a' AS BIGINT) ORDER BY n",
        "--format",
        "json",
    ).json
    assert joined == [{"generation_id": i, "a": n, "c": f"x{n}", "nested": f"x{n}"} for n, i in enumerate(ids)]


def test_without_fields_asked_for_none_is_stored(ingest, warehouse, tmp_path):
    write_log(tmp_path / "app.log", new_ids(3))
    ingest("app.log")
    assert rows(warehouse, "SELECT DISTINCT log_fields, logged_at FROM generations") == [(None, None)]


def test_ids_in_the_names_of_objects_have_no_position(ingest, warehouse, tmp_path):
    named, inside = new_ids(4)[:2], new_ids(4)[2:]
    write_log(tmp_path / f"calls/time-14-36-51_{named[0]}.json", [])
    write_log(tmp_path / f"calls/{named[1]}.json", inside)
    code, summary = ingest("calls")
    assert (code, summary["settled"]) == (0, 4)
    places = "SELECT generation_id, source, source_position, source_line FROM generations"
    data = (tmp_path / f"calls/{named[1]}.json").read_bytes()
    assert sorted(rows(warehouse, places)) == sorted(
        [
            (named[0], f"{tmp_path}/calls/time-14-36-51_{named[0]}.json", None, None),
            (named[1], f"{tmp_path}/calls/{named[1]}.json", None, None),
            *((i, f"{tmp_path}/calls/{named[1]}.json", data.index(i.encode()), n) for n, i in enumerate(inside, 1)),
        ]
    )
    assert told(ingest("calls")[1], "bytes_read", "new_ids", "requests") == (0, 0, 0)


# Ended in the middle


def size_of(warehouse):
    wal = warehouse.with_name(f"{warehouse.name}.wal")
    return sum(path.stat().st_size for path in (warehouse, wal) if path.exists())


@pytest.mark.parametrize("suffix", [".gz", long("")])
def test_a_run_that_is_killed_while_it_reads_loses_nothing_and_the_next_completes(orusage, warehouse, tmp_path, suffix):
    ids = [f"gen-{1753485462 + n % 86_400}-{n:020d}" for n in range(120_000)]
    text = "".join(f'{{"id": "{i}"}}\n' for i in ids).encode()
    log = tmp_path / f"app.log{suffix}"
    log.write_bytes(gzip.compress(text, 1) if suffix else text)
    command = [sys.executable, "-m", "ingest", "ingest", log.name, "--until", "2025-01-01"]
    for grown in (0, 500_000):  # no ID is to be requested: a run needs no key, and ends when all is read
        before = size_of(warehouse)
        with subprocess.Popen(command, cwd=tmp_path, env=environment(OPENROUTER_API_KEY=None)) as process:
            while process.poll() is None and size_of(warehouse) <= before + grown:
                time.sleep(0.001)
            process.kill()
    done = orusage("ingest", log.name, "--until", "2025-01-01", OPENROUTER_API_KEY=None)
    assert done.code == 0, done.err
    stored = "SELECT count(*), count(DISTINCT generation_id), count(DISTINCT position) FROM ops.work"
    assert rows(warehouse, stored) == [(120_000,) * 3]
    assert rows(warehouse, "SELECT source, position, complete FROM ops.sources") == [(str(log), len(text), True)]
    wrong = "SELECT count(*) FROM ops.work WHERE line <> CAST(right(generation_id, 20) AS BIGINT) + 1 OR position <> "
    assert rows(warehouse, f"{wrong} (line - 1) * {len(text) // 120_000} + 8") == [(0,)]
    again = orusage("ingest", log.name, "--dry-run", "--summary", "json", OPENROUTER_API_KEY=None)
    assert told(again.json, "unchanged", "bytes_to_read", "new_ids", "requests") == (1, 0, 0, 120_000)


def test_a_truncated_archive_is_told_once_and_read_on_when_it_is_whole(
    ingest, orusage, simulation, warehouse, tmp_path
):
    ids = new_ids(600)
    whole = gzip.compress("".join(f"{i}\n" for i in ids).encode())
    archive = tmp_path / "app.log.gz"
    archive.write_bytes(whole[: len(whole) // 2])
    coverage = "SELECT complete, problem, sightings, settled FROM ops.coverage"
    problem = "truncated: the archive ends in the middle"
    code, first = ingest(archive.name)
    assert (code, first["problems"]) == (3, [{"source": str(archive), "problem": problem}])
    assert 0 < first["settled"] < 600
    code, second = ingest(archive.name)
    assert (code, *told(second, "unchanged", "damaged", "bytes_read", "requests", "problems")) == (0, 1, 1, 0, 0, [])
    assert rows(warehouse, coverage) == [(False, problem, first["settled"], first["settled"])]
    shown = orusage("ingest", archive.name, "--base-url", simulation.base_url).out.splitlines()
    assert "damaged   1 unchanged sources end early, see ops.coverage" in shown
    archive.write_bytes(whole)
    code, third = ingest(archive.name)
    assert (code, *told(third, "unchanged", "damaged", "problems")) == (0, 0, 0, [])
    assert third["settled"] == 600 - first["settled"]
    assert third["sightings"] in {third["settled"], third["settled"] + 1}  # that of the line where it was cut
    [(complete, problem, _, settled)] = rows(warehouse, coverage)
    assert (complete, problem, settled) == (True, None, 600)


# What a run would do


def rehearsed(orusage, *arguments):
    done = orusage("ingest", *arguments, "--dry-run", "--summary", "json", OPENROUTER_API_KEY=None)
    assert done.out, done.err
    return done.code, done.json


def state_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_stores_nothing_and_tells_what_the_run_that_follows_does(ingest, orusage, simulation, tmp_path):
    options = ("--base-url", simulation.base_url)
    log = write_log(tmp_path / "logs/app.log", new_ids(60))
    for extra, expected in (([], 60), (new_ids(7, seed=2), 7), ([], 0)):
        append(log, extra)
        before = state_of(tmp_path)
        code, dry = rehearsed(orusage, "logs", *options)
        assert (code, state_of(tmp_path) == before) == (0, True)
        assert (dry["requests"], dry["minutes"], dry["rate"]) == (expected, None, None)
        code, real = ingest("logs")
        assert code == 0
        assert told(
            dry, "sources", "unchanged", "bytes_to_read", "sightings", "new_ids", "requests", "problems"
        ) == told(real, "sources", "unchanged", "bytes_read", "sightings", "new_ids", "requests", "problems")


def test_a_dry_run_tells_people_in_a_few_lines(orusage, tmp_path):
    ids = new_ids(60)
    log = write_log(tmp_path / "app.log", [*ids, *ids])
    write_log(tmp_path / "b.log", ids[:5])
    done = orusage("ingest", "app.log", "b.log", "--dry-run", OPENROUTER_API_KEY=None)
    size = log.stat().st_size + (tmp_path / "b.log").stat().st_size
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "dry run   nothing is stored, nothing is requested\n"
        f"sources   2 read, {size:,} bytes to read, 65 IDs\n"
        "IDs       60 new, 5 known or repeated\n"
        "requests  60, 0.1 min at 10/s, 0.0 min at 100/s: the API's rate is not known yet\n"
    )
    assert not (tmp_path / "orusage.duckdb").exists()
    capped = orusage("ingest", "app.log", "--dry-run", "--rate", "2", OPENROUTER_API_KEY=None)
    assert capped.out.splitlines()[-1] == "requests  60, 0.5 min at 2.0/s"


def test_a_dry_run_names_what_cannot_be_read(orusage, tmp_path):
    write_log(tmp_path / "app.log", new_ids(5))
    code, dry = rehearsed(orusage, "app.log", "gone.log")
    assert (code, dry["problems"]) == (3, [{"source": "gone.log", "problem": "no such file or directory"}])
    done = orusage("ingest", "gone.log", "--dry-run", OPENROUTER_API_KEY=None)
    assert (done.code, done.out) == (66, "")


def test_a_dry_run_reads_standard_input_too(orusage, tmp_path):
    text = "\n".join(new_ids(5)).encode()
    done = orusage("ingest", "-", "--dry-run", "--summary", "json", stdin=text, OPENROUTER_API_KEY=None)
    assert told(done.json, "bytes_to_read", "new_ids", "requests") == (len(text), 5, 5)
    assert list(tmp_path.iterdir()) == []


def test_since_and_until_bound_what_is_asked_and_what_a_dry_run_tells(ingest, orusage, simulation, warehouse, tmp_path):
    ids = sorted(new_ids(60), key=second_of)
    write_log(tmp_path / "app.log", ids)
    since, until = second_of(ids[10]), second_of(ids[29])
    bounds = ("--since", since.isoformat(), "--until", until.isoformat())
    _, dry = rehearsed(orusage, "app.log", *bounds)
    code, real = ingest("app.log", *bounds)
    assert (code, dry["new_ids"], dry["requests"]) == (0, real["new_ids"], real["requests"]) == (0, 60, 19)
    settled = {i for (i,) in rows(warehouse, "SELECT generation_id FROM generations")}
    assert settled == set(ids[10:29])  # up to, not including, the end
    _, dry = rehearsed(orusage, "app.log")
    assert told(dry, "unchanged", "bytes_to_read", "new_ids", "requests") == (1, 0, 0, 41)
    _, real = ingest("app.log")
    assert told(real, "unchanged", "bytes_read", "new_ids", "requests") == (1, 0, 0, 41)


@pytest.mark.long
def test_a_dry_run_over_a_warehouse_of_an_earlier_version_leaves_it_there(ingest, orusage, warehouse, tmp_path):
    write_old_warehouse(warehouse, sql_files.migrations()[:3])
    log = write_log(tmp_path / "app.log", new_ids(40, seed=5))  # it knows two of them
    before = state_of(tmp_path)
    code, dry = rehearsed(orusage, log)
    assert (code, dry["sources"], dry["new_ids"], dry["requests"]) == (0, 1, 38, 39)
    assert state_of(tmp_path) == before
    code, real = ingest(log)
    assert (code, real["new_ids"], real["requests"]) == (0, 38, 39)
    assert rows(warehouse, "SELECT count(*), count(source_line) FROM generations") == [(40, 38)]


def test_a_dry_run_refuses_what_is_no_warehouse(orusage, tmp_path):
    log, file = write_log(tmp_path / "app.log", new_ids(5)), tmp_path / "other.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    before = file.read_bytes()
    done = orusage("-w", file, "ingest", log, "--dry-run", OPENROUTER_API_KEY=None)
    assert (done.code, done.out, file.read_bytes() == before) == (65, "", True)


def test_half_of_a_surrogate_pair_in_a_kept_field_does_not_end_the_run(ingest, tmp_path):
    ids = new_ids(3)
    lines = [f'{{"id": "{i}", "prompt": "cut emoji \\ud83d"}}\n' for i in ids]
    (tmp_path / "app.log").write_text("".join(lines), encoding="utf-8")
    code, summary = ingest("app.log", "--keep-field", "prompt")
    assert (code, summary["settled"]) == (0, 3)
