import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cli.run_summary import render_dry_run, render_summary
from ingest.core.errors import Exit, KeyRefusedError
from ingest.core.latency_histogram import LatencyHistogram
from ingest.core.outcomes import PendingIds
from ingest.core.run_stats import STORED, RunStats
from ingest.core.sightings import SourceRead
from ingest.pipeline.dry_run import DryRun
from ingest.pipeline.run import RunResult


def result(**fields):
    given = {"run_id": "20261120T120000Z", "problems": (), "overdue": 0, "error": None, "code": Exit.DONE}
    return RunResult(**given | {"seconds": 12.3456} | fields)


def problem(source, text):
    return SourceRead(source, bytes_read=0, sightings=0, complete=False, problem=text)


def durations(*seconds):
    times = LatencyHistogram()
    for each in seconds:
        times.add(each)
    return times


READ = {
    "sources": 4,
    "unreadable": 1,
    "unchanged": 1,
    "damaged": 1,
    "passed_over": 2,
    "bytes_read": 1_234_567,
    "sightings": 2000,
    "new_ids": 1500,
}
BUSY = RunStats(
    **READ,
    due=1500,
    lines=1500,
    kept_fields={"user": 12, "team.id": 0},
    unfilled_fields={"user": 1614},
    reread=3,
    requests=1600,
    statuses=Counter({529: 1, 200: 1490, 429: 40, 503: 2, 404: 7}),
    failures=Counter({"timeout": 4, "connect": 3}),
    request_times=durations(*[0.0803] * 90, *[2.4] * 10),
    held_back=61.2345,
    settled=1490,
    pending=6,
    dead=4,
    spend=Decimal("1234.567890123456"),
    contents=Counter({"http_404": 2, STORED: 1448, "http_403": 40}),
)


def test_people_read_four_lines_when_all_went_well():
    text = render_summary(
        result(), RunStats(due=2, sources=1, bytes_read=10, sightings=2, new_ids=2, requests=2, settled=2), "table"
    )
    assert text == (
        "sources   1 read, 10 bytes, 2 IDs, 2 new\n"
        "requests  2 in 12.3 s\n"
        "IDs       2 settled, 0 pending, 0 dead\n"
        "spend     $0 added\n"
    )


def test_people_read_what_held_the_run_back_and_what_is_left():
    text = render_summary(result(overdue=1234, problems=(problem("app.log.gz", "cut off"),)), BUSY, "table")
    assert text == (
        "sources   2 read, 1 unchanged, 1 unreadable, 1,234,567 bytes, 2,000 IDs, 1,500 new\n"
        "requests  1,600 in 12.3 s, p50 80 ms, p95 2,403 ms "
        "(40 throttled, 3 overloaded: 2.7 % wasted, 61.2 s held back; 7 without an answer)\n"
        "IDs       1,490 settled, 6 pending, 4 dead\n"
        "spend     $1,234.57 added\n"
        "contents  1,448 stored; none for 40 http_403, 2 http_404\n"
        "field     user is missing in 1,488 of 1,500 lines with an ID\n"
        "field     team.id is missing in 1,500 of 1,500 lines with an ID\n"
        "field     1,614 known IDs have no field user: --reread fills it\n"
        "reread    3 known IDs have a new place, time or fields\n"
        "skipped   2 hidden, special or binary files\n"
        "damaged   1 unchanged sources end early, see ops.coverage\n"
        "problem   app.log.gz: cut off\n"
        "overdue   1,234 IDs are still pending after the not-found grace; run it again\n"
    )


@pytest.mark.parametrize(
    ("ahead", "lines"),
    [
        (0, []),
        (1, ["clock     1 ID lies in the future: check the clock"]),
        (1234, ["clock     1,234 IDs lie in the future: check the clock"]),
    ],
)
def test_people_read_once_that_ids_lie_in_the_future(ahead, lines):
    stats = RunStats(ahead=ahead)
    for text in (render_summary(result(), stats, "table"), render_dry_run(DryRun(stats, (), 0, None), "table")):
        assert [line for line in text.splitlines() if line.startswith("clock")] == lines


def test_programs_read_one_object_on_one_line():
    text = render_summary(result(problems=(problem("a.gz", "cut off"),), overdue=5, code=Exit.PARTIAL), BUSY, "json")
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert json.loads(text, parse_float=Decimal) == {
        "run_id": "20261120T120000Z",
        "exit_code": 3,
        "stopped_by": None,
        "seconds": Decimal("12.346"),
        "sources": 4,
        "unreadable": 1,
        "unchanged": 1,
        "damaged": 1,
        "passed_over": 2,
        "bytes_read": 1_234_567,
        "sightings": 2000,
        "cut_ids": 0,
        "new_ids": 1500,
        "kept_fields": {"user": 12, "team.id": 0},
        "missing_fields": {"user": 1488, "team.id": 1500},
        "unfilled_fields": {"user": 1614},
        "reread": 3,
        "due": 1500,
        "future_ids": 0,
        "requests": 1600,
        "settled": 1490,
        "settled_by": {},
        "pending": 6,
        "dead": 4,
        "overdue": 5,
        "left_pending": [],
        "throttled": 40,
        "overloaded": 3,
        "waste": Decimal("0.026875"),
        "throttled_seconds": Decimal("61.234"),
        "request_ms_p50": Decimal("79.6"),
        "request_ms_p95": Decimal("2402.7"),
        "statuses": {"200": 1490, "404": 7, "429": 40, "503": 2, "529": 1},
        "failures": {"connect": 3, "timeout": 4},
        "spend_added": Decimal("1234.567890123456"),
        "contents": {"http_403": 40, "http_404": 2, "stored": 1448},
        "problems": [{"source": "a.gz", "problem": "cut off"}],
    }


def the_line_of_requests(stats):
    return render_summary(result(), stats, "table").splitlines()[1].removeprefix("requests  ")


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({"statuses": Counter({200: 4}), "request_times": durations(0.0042)}, "4 in 12.3 s, p50 4.2 ms, p95 4.2 ms"),
        ({"statuses": Counter({200: 1, 429: 3})}, "4 in 12.3 s (3 throttled: 75.0 % wasted)"),
        ({"statuses": Counter({200: 1999, 503: 1})}, "2,000 in 12.3 s (1 overloaded: under 0.1 % wasted)"),
        (
            {"statuses": Counter({429: 1}), "held_back": 0.07, "failures": Counter({"connect": 1})},
            "1 in 12.3 s (1 throttled: 100.0 % wasted, 0.1 s held back; 1 without an answer)",
        ),
        ({"held_back": 0.04, "failures": Counter({"connect": 2})}, "0 in 12.3 s (2 without an answer)"),
    ],
)
def test_people_read_only_what_there_is_to_tell_of_requests(counts, line):
    statuses = counts.get("statuses", Counter())
    assert the_line_of_requests(RunStats(requests=statuses.total(), **counts)) == line


def test_programs_read_null_for_request_times_without_requests():
    facts = json.loads(render_summary(result(), RunStats(), "json"))
    assert (facts["request_ms_p50"], facts["request_ms_p95"]) == (None, None)
    assert (facts["waste"], facts["throttled_seconds"]) == (0.0, 0.0)


def test_counts_come_in_a_fixed_order():
    facts = json.loads(render_summary(result(), BUSY, "json"))
    assert list(facts["statuses"]) == ["200", "404", "429", "503", "529"]
    assert list(facts["failures"]) == ["connect", "timeout"]
    assert list(facts["contents"]) == ["http_403", "http_404", "stored"]


@pytest.mark.parametrize(
    ("contents", "line"),
    [
        ({STORED: 1200}, "contents  1,200 stored"),
        ({"http_403": 7}, "contents  0 stored; none for 7 http_403"),
        ({"timeout": 1, "http_403": 3, STORED: 2}, "contents  2 stored; none for 3 http_403, 1 timeout"),
    ],
)
def test_people_read_what_became_of_the_contents_if_any_were_asked_for(contents, line):
    text = render_summary(result(), RunStats(contents=Counter(contents)), "table")
    assert [each for each in text.splitlines() if each.startswith("contents")] == [line]


def test_programs_read_an_empty_object_if_no_content_was_asked_for():
    assert json.loads(render_summary(result(), RunStats(), "json"))["contents"] == {}


def test_what_ended_the_run_is_named_in_one_line():
    error = KeyRefusedError("OpenRouter refused the API key", cause="b", fix="c")
    facts = json.loads(render_summary(result(error=error, code=Exit.KEY_REFUSED), RunStats(), "json"))
    assert (facts["stopped_by"], facts["exit_code"]) == ("OpenRouter refused the API key", 77)


def test_a_file_name_cannot_write_to_the_terminal():
    evil = problem("\x1b[31mred\u202e.log\n", "\x9b2J")
    text = render_summary(result(problems=(evil,)), RunStats(), "table")
    assert text.splitlines()[-1] == r"problem   \x1b[31mred\u202e.log\n: \x9b2J"


def test_a_field_is_missed_only_where_there_were_lines_to_find_it_in():
    for count, lines in ((0, []), (1, ["field     \\x1b[2J is missing in 1 of 1 lines with an ID"])):
        stats = RunStats(sightings=1, lines=count, kept_fields={"\x1b[2J": 0, "user": count})
        assert [x for x in render_summary(result(), stats, "table").splitlines() if x.startswith("field")] == lines


# What a run would do

REHEARSED = RunStats(**READ, due=1600)


def test_people_read_what_a_run_would_do():
    rehearsal = DryRun(REHEARSED, (problem("app.log.gz", "cut off"),), 1600, 50.0)
    assert render_dry_run(rehearsal, "table") == (
        "dry run   nothing is stored, nothing is requested\n"
        "sources   2 read, 1 unchanged, 1 unreadable, 1,234,567 bytes to read, 2,000 IDs\n"
        "IDs       1,500 new, 500 known or repeated\n"
        "requests  1,600, 0.5 min at 50.0/s\n"
        "skipped   2 hidden, special or binary files\n"
        "damaged   1 unchanged sources end early, see ops.coverage\n"
        "problem   app.log.gz: cut off\n"
    )


def test_where_the_rate_is_not_known_people_read_what_two_would_take():
    text = render_dry_run(DryRun(RunStats(sources=1), (), 60_000, None), "table")
    assert "requests  60,000, 100.0 min at 10/s, 10.0 min at 100/s: the API's rate is not known yet\n" in text


def test_programs_read_what_a_run_would_do_as_one_object_on_one_line():
    text = render_dry_run(DryRun(REHEARSED, (problem("app.log.gz", "cut off"),), 1600, 50.0), "json")
    assert (text.count("\n"), text[-2:]) == (1, "}\n")
    assert json.loads(text) == {
        "sources": 4,
        "unreadable": 1,
        "unchanged": 1,
        "damaged": 1,
        "passed_over": 2,
        "bytes_to_read": 1_234_567,
        "sightings": 2000,
        "cut_ids": 0,
        "new_ids": 1500,
        "known_ids": 500,
        "future_ids": 0,
        "requests": 1600,
        "rate": 50.0,
        "minutes": 0.53,
        "problems": [{"source": "app.log.gz", "problem": "cut off"}],
    }
    unknown = json.loads(render_dry_run(DryRun(RunStats(), (), 7, None), "json"))
    assert (unknown["rate"], unknown["minutes"]) == (None, None)


AT = datetime(2026, 11, 28, 3, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pending", "line"),
    [
        ([], None),
        ([(None, 2, 2, None)], "2 in all: 2 not requested yet; the next run requests them"),
        (
            [("not_found_yet", 8, 0, AT), (None, 2, 0, AT + timedelta(hours=1))],
            "10 in all: 8 not found yet, 2 not requested yet; next request after 2026-11-28 03:15 UTC",
        ),
        (
            [("not_found_yet", 1_234, 3, AT), ("timeout", 1, 1, None)],
            (
                "1,235 in all: 1,234 not found yet, 1 timeout; "
                "4 due in the next run, the others after 2026-11-28 03:15 UTC"
            ),
        ),
    ],
)
def test_the_summary_says_what_is_pending_and_until_when(pending, line):
    text = render_summary(result(pending=tuple(PendingIds(*group) for group in pending)), BUSY, "table")
    found = [each.removeprefix("pending   ") for each in text.splitlines() if each.startswith("pending")]
    assert found == [line] * (line is not None)


@given(st.lists(st.tuples(st.sampled_from([None, "timeout", "not_found_yet"]), st.integers(1, 9), st.integers(0, 9))))
def test_no_pending_id_is_left_out_of_the_summary(groups):
    groups = tuple(PendingIds(reason, max(ids, due), due, AT if ids > due else None) for reason, ids, due in groups)
    facts = json.loads(render_summary(result(pending=groups), BUSY, "json"))["left_pending"]
    assert [(f["ids"], f["due"]) for f in facts] == [(g.ids, g.due) for g in groups]
    lines = render_summary(result(pending=groups), BUSY, "table").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("pending")] == [
        f"{n:,}" for n in [sum(g.ids for g in groups)] if n
    ]


@given(st.timedeltas(timedelta(0), timedelta(days=1_000)))
def test_a_request_is_due_at_the_minute_that_the_summary_names(after):
    at = AT + after
    text = render_summary(result(pending=(PendingIds("timeout", 1, 0, at),)), BUSY, "table")
    [named] = re.findall(r"after (.*) UTC$", text, re.MULTILINE)
    assert timedelta(0) <= datetime.fromisoformat(named + "+00:00") - at < timedelta(minutes=1)
