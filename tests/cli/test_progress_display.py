import asyncio
import io
import logging
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.clock import FakeClock
from support.commands import environment
from support.logs import new_ids, write_log

from ingest.cli.progress_bar import render_bar
from ingest.cli.progress_display import HEARTBEAT_EVERY, progress_shown
from ingest.core.run_stats import RunStats
from ingest.fetch.ratelimit.controller import LimitState
from ingest.pipeline.progress import ProgressSnapshot, ProgressTracker
from ingest.pipeline.progress_text import REASONS, fields, sentence

READING = ProgressSnapshot(found=34_567, due=0, done=0, throttled=0, overloaded=0)
FLOWING = ProgressSnapshot(
    9000, 5000, 1234, throttled=3, overloaded=0, limit=LimitState("holding", 50.123, 12), rate=48.4
)
SEARCHING = ProgressSnapshot(9000, 5000, 12, throttled=0, overloaded=0, limit=LimitState("searching", 20.0, 2))
PAUSED = ProgressSnapshot(
    *(9000, 5000, 1234, 3, 2),
    limit=LimitState("waiting", 50.0, 12, 12.34, "asked"),
    resumes_at=datetime(2026, 11, 20, 14, 3, 20, tzinfo=UTC),
)

PAUSE = "paused 12 s until 14:03:20 UTC: as the server asked"


def drawn(snapshot, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(render_bar(snapshot))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("snapshot", "line"),
    [
        (READING, "reading sources, 34,567 IDs so far"),
        (FLOWING, "1,234 of 5,000 IDs, 48/s, 12 in flight, 3 throttled, 78 s left"),
        (SEARCHING, "12 of 5,000 IDs, 2 in flight, searching for the rate"),
        (PAUSED, f"1,234 of 5,000 IDs, 12 in flight, 3 throttled, 2 overloaded, {PAUSE}"),
    ],
)
def test_a_heartbeat_tells_what_is_done_how_fast_and_what_holds_it_back(snapshot, line):
    assert sentence(snapshot) == line


@pytest.mark.parametrize(
    ("rate", "told", "on_a_clock", "in_words"),
    [
        (0.0, "0.0/s", "--:--", ""),
        (0.25, "0.2/s", "4:00:00", ", 4 h 0 min left"),
        (1.0, "1.0/s", "1:00:00", ", 1 h 0 min left"),
        (5.0, "5.0/s", "12:00", ", 12 min left"),
        (36.0, "36/s", "01:40", ", 100 s left"),
        (36_000.0, "36,000/s", "00:00", ", 0 s left"),
    ],
)
def test_the_rate_and_the_time_left_are_short_at_every_size(rate, told, on_a_clock, in_words):
    snapshot = ProgressSnapshot(
        3600, 3600, 0, throttled=0, overloaded=0, limit=LimitState("holding", 9.0, 1), rate=rate
    )
    assert sentence(snapshot) == f"0 of 3,600 IDs, {told}, 1 in flight{in_words}"
    assert drawn(snapshot, 60)[0].endswith(f" 0/3,600 {told} {on_a_clock}")


def test_a_bar_fills_its_line_and_has_what_holds_it_back_below():
    row, below = drawn(FLOWING, 100)
    assert re.fullmatch(r"fetching ━+[╸╺ ] *1,234/5,000 48/s 01:18", row)
    assert len(row) == 100
    assert below == "12 in flight, 3 throttled"


def test_while_reading_the_bar_shows_how_many_ids_were_found():
    (row,) = drawn(READING, 60)
    assert re.fullmatch(r"reading [━ ]+ 34,567 IDs", row)


def test_a_pause_has_a_reason_and_an_end_and_no_time_left():
    row, below = drawn(PAUSED, 100)
    assert row.endswith(" 1,234/5,000 --:--")
    assert below.endswith(f"2 overloaded, {PAUSE}")


@given(
    width=st.integers(60, 200),
    done=st.integers(0, 10**6),
    rate=st.none() | st.floats(0.01, 10**5),
    refused=st.integers(1, 10**6),
    phase=st.sampled_from(["searching", "holding", "probing"]),
)
def test_from_sixty_columns_on_nothing_is_cut(width, done, rate, refused, phase):
    snapshot = ProgressSnapshot(10**6, 10**6, done, refused, refused, LimitState(phase, 50.0, 1024), rate)
    lines = drawn(snapshot, width)
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)
    assert f" {done:,}/1,000,000 " in lines[0]
    below = f"1,024 in flight, {refused:,} throttled, {refused:,} overloaded"
    assert " ".join(lines[1:]).removesuffix(", searching for the rate") == below


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_to_pause_fits_into_sixty_columns(reason):
    snapshot = ProgressSnapshot(
        9000, 5000, 1234, 99_999, 99_999, LimitState("waiting", 5, 1024, 299, reason), None, PAUSED.resumes_at
    )
    text = " ".join(drawn(snapshot, 60))
    assert text.endswith(f"99,999 overloaded, paused 299 s until 14:03:20 UTC: {REASONS[reason]}")


def test_programs_get_the_same_as_fields():
    assert fields(PAUSED) == {
        "done": 1234,
        "due": 5000,
        "rate": None,
        "limit_rate": 50.0,
        "phase": "waiting",
        "in_flight": 12,
        "throttled": 3,
        "overloaded": 2,
        "pause_seconds": 12.34,
        "pause_reason": "asked",
        "eta_seconds": None,
    }
    flowing = fields(FLOWING)
    assert (flowing["rate"], flowing["limit_rate"], flowing["eta_seconds"]) == (48.4, 50.12, 77.81)
    assert (flowing["phase"], flowing["pause_seconds"], flowing["pause_reason"]) == ("holding", 0.0, None)


def test_fields_are_the_same_before_there_is_a_limiter():
    reading = fields(READING)
    assert reading.keys() == fields(FLOWING).keys()
    assert (reading["phase"], reading["limit_rate"], reading["in_flight"]) == ("reading", None, 0)


def test_a_heart_beats_every_ten_seconds_in_words_and_in_fields(caplog):
    clock, stats = FakeClock(), RunStats(due=100)
    caplog.set_level(logging.INFO, "orusage")

    async def run():
        tracker = ProgressTracker(stats, clock)
        async with progress_shown(tracker, clock, bar=False):
            await clock.sleep(HEARTBEAT_EVERY + 1)
            tracker.begin([FlowingLimiter()])
            stats.done = 45
            await clock.sleep(HEARTBEAT_EVERY)

    asyncio.run(run())
    assert caplog.messages == [
        "reading sources, 0 IDs so far",
        "45 of 100 IDs, 5.0/s, 12 in flight, 11 s left",
    ]
    assert [record.fields["done"] for record in caplog.records] == [0, 45]


class FlowingLimiter:
    def state(self):
        return FLOWING.limit


def test_a_bar_that_cannot_be_drawn_becomes_a_heartbeat(caplog):
    clock = FakeClock()
    caplog.set_level(logging.INFO, "orusage")

    async def run():
        async with progress_shown(ProgressTracker(RunStats(), clock), clock, bar=True):  # no terminal under pytest
            await clock.sleep(HEARTBEAT_EVERY + 1)

    asyncio.run(run())
    assert len(caplog.messages) == 1


def run_on_a_terminal(command, directory, **variables):
    """What a person sees: everything the command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    env = environment(COLUMNS="100", TERM="xterm-256color", **variables)
    with subprocess.Popen(command, cwd=directory, env=env, stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux's way of saying that the other side was closed
                break
            if not data:
                break
            seen += data
    os.close(ours)
    return process.returncode, seen.decode()


@pytest.fixture
def command(simulate, tmp_path):
    log = write_log(tmp_path / "app.log", new_ids(300))
    with simulate("--rate-limit", "60", "--burst", "20") as simulation:
        yield [sys.executable, "-m", "ingest", "ingest", str(log), "--base-url", simulation.base_url]


def test_a_terminal_gets_a_bar_with_rate_flight_and_throttling(command, tmp_path):
    code, seen = run_on_a_terminal(command, tmp_path)
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert code == 0
    assert re.search(r"fetching ━.* \d+/300 [\d.]+/s \d\d:\d\d *\r?\n\d+ in flight, \d+ throttled", seen)
    assert "300 settled" in seen


@pytest.fixture
def quick(simulation, tmp_path):
    """Arguments of a run that is over at once."""
    return ["ingest", str(write_log(tmp_path / "app.log", new_ids(1))), "--base-url", simulation.base_url]


def test_a_line_of_the_log_stands_above_the_bar(quick, tmp_path):
    code, seen = run_on_a_terminal([sys.executable, "-m", "ingest", "--verbose", *quick], tmp_path)
    bar, line = seen[: seen.index("read '")].rpartition("\x1b[2K")[::2]
    assert code == 0
    assert "━" in bar
    assert line == ""


def test_a_terminal_that_asked_for_json_lines_gets_no_bar(quick, tmp_path):
    code, seen = run_on_a_terminal([sys.executable, "-m", "ingest", "--log-format", "json", *quick], tmp_path)
    assert code == 0
    assert "\x1b" not in seen


def test_a_pipe_gets_no_control_characters(command, tmp_path):
    done = subprocess.run(
        [*command, "--progress", "auto"], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\r" not in done.stdout + done.stderr


def test_a_terminal_never_gets_a_logs_control_characters(tmp_path):
    name = "evil\x1b[31m\u202e.log"
    write_log(tmp_path / name, new_ids(1))
    code, seen = run_on_a_terminal([sys.executable, "-m", "ingest", "extract", name, "--format", "csv"], tmp_path)
    assert code == 0
    assert "\x1b[31m" not in seen
    assert "\u202e" not in seen
    assert r"evil\x1b[31m\u202e.log" in seen
