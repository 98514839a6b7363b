import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.warehouse_files import rows

import ingest
from ingest.cli.demo import NEWEST_AGE, NOT_FOUND_FOR, lay_out_samples
from ingest.core.generation_id import READY_AGE, second_of
from ingest.core.resources import SAMPLES
from ingest.fetch import answer_policy
from ingest.sources.discovery import expand_sources
from ingest.sources.scanner import scan_all

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DISTINCT_IDS = 2_022


def ids_in(path, now=NOW):
    return {s.generation_id for chunk in scan_all(expand_sources([str(path)]), now) for s in chunk.sightings}


def test_the_samples_hold_ids_in_many_formats_and_rotated_and_compressed():
    assert len(ids_in(SAMPLES)) == DISTINCT_IDS
    found = {p.relative_to(SAMPLES).as_posix() for p in SAMPLES.rglob("*") if p.is_file() and ids_in(p)}
    assert len({re.sub(r"(\.\d+)?(\.gz)?$", "", name) for name in found}) >= 8
    assert {"app/app.jsonl.1", "app/app.jsonl.2.gz"} <= found


def test_the_samples_look_alikes_are_not_taken():
    assert ids_in(SAMPLES / "notes.md") == {"gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN"}


def test_laid_out_logs_end_where_they_are_told_to_and_span_two_weeks(tmp_path):
    newest = NOW - NEWEST_AGE
    lay_out_samples(tmp_path / "logs", newest)
    ids = ids_in(tmp_path / "logs")
    seconds = sorted(filter(None, map(second_of, ids)))
    assert len(ids) == DISTINCT_IDS
    assert seconds[-1] == newest
    assert timedelta(days=13) < seconds[-1] - seconds[0] <= timedelta(days=14)
    assert sum(second > newest - timedelta(seconds=30) for second in seconds) >= 10


def test_the_demos_newest_ids_are_asked_at_once_and_found_two_minutes_later():
    assert NEWEST_AGE > READY_AGE
    assert timedelta(seconds=20) < NOT_FOUND_FOR - NEWEST_AGE, "on a slow machine they would be found at once"
    assert answer_policy.next_not_found_check(NOT_FOUND_FOR) < timedelta(minutes=2)
    assert NEWEST_AGE + answer_policy.next_not_found_check(NEWEST_AGE) > NOT_FOUND_FOR


def test_log_lines_keep_the_time_of_their_id(tmp_path):
    lay_out_samples(tmp_path / "logs", NOW)
    for line in (tmp_path / "logs/worker.log").read_text(encoding="utf-8").splitlines():
        stamp = datetime.fromisoformat(line.split(" ")[0])
        assert second_of(re.search(r"gen-[\w-]+", line)[0]) == stamp


def test_the_demo_does_the_whole_job_and_again_asks_almost_nothing(orusage, tmp_path):
    began = time.monotonic()
    first = orusage("demo")
    assert (first.code, time.monotonic() - began < 60) == (0, True), first.err
    assert "2,022 IDs, 2,022 new" in first.out
    for expected in ("anthropic/claude", "ttft p50", "Try next:"):
        assert expected in first.out
    assert re.search("throttled|overloaded", first.out)  # a busy machine does not reach the simulator's limit
    for title in ("IDs by state, {}", "Cost by model, {}, USD", "Latency by provider, {}, ms"):
        days = r"\d+( \w+)? (\d+ )?to \d+ \w+ \d{4}"
        assert re.search(f"^{title.format(days)}", first.out, re.MULTILINE), title
    status = orusage("-w", "orusage-demo/orusage.duckdb", "status", "--format", "json").json[0]
    assert status["settled"] + status["pending"] + status["dead"] == DISTINCT_IDS
    assert status["pending"] > 0
    missing = "SELECT count(*) FROM ops.work WHERE state = 'pending' AND reason = 'not_found'"
    assert rows(tmp_path / "orusage-demo/orusage.duckdb", missing) > [(0,)]
    second = orusage("demo")
    assert second.code == 0
    assert " 0 new" in second.out
    again = orusage("-w", "orusage-demo/orusage.duckdb", "status", "--format", "json").json[0]
    assert again["settled"] + again["pending"] + again["dead"] == DISTINCT_IDS
    for line in re.findall(r"^  (orusage .*)$", second.out, re.MULTILINE):
        assert orusage(*_words(line)[1:]).code == 0


def test_a_strangers_module_in_the_directory_is_not_run(tmp_path):
    (tmp_path / "ingest.py").write_text("print('listening on file:///etc')", encoding="utf-8")
    code = (
        f"import sys, os; sys.path[:] = [{str(Path(ingest.__file__).parents[1])!r}, *sys.path[1:]]; "
        f"os.chdir({str(tmp_path)!r})\nfrom ingest.cli.demo import simulator\nwith simulator() as url: print(url)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v1\n", done.stdout)


def _words(line):
    return subprocess.run(
        ["sh", "-c", f"for word in {line}; do printf '%s\\0' \"$word\"; done"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")[:-1]


@pytest.mark.parametrize("name", ["app.jsonl", "app.jsonl.2.gz"])
def test_an_interrupted_lay_out_begins_again(tmp_path, name):
    (tmp_path / "logs.unfinished/app").mkdir(parents=True)
    (tmp_path / "logs.unfinished/app" / name).write_text("half", encoding="utf-8")
    lay_out_samples(tmp_path / "logs", NOW)
    assert len(ids_in(tmp_path / "logs")) == DISTINCT_IDS
