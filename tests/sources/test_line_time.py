"""The time that a log line tells."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.lines import ANY_LINE, ID, LEGACY, REQUESTED_AT

from ingest.sources.call_site import CallSiteParser
from ingest.sources.line_time import FARTHEST, TIME_WITHIN


def time_of(line, generation_id=ID):
    data = line if isinstance(line, bytes) else line.encode()
    time, *_ = CallSiteParser().read(data, {generation_id: max(data.find(generation_id.encode()), 0)})[generation_id]
    return time


@pytest.mark.parametrize(
    ("stamp", "microsecond"),
    [
        ("2025-07-25T23:17:43Z", 0),
        ("2025-07-25 23:17:43Z", 0),
        ("2025-07-25T23:17:43.5Z", 500_000),
        ("2025-07-25T23:17:43.123Z", 123_000),
        ("2025-07-25T23:17:43.123456Z", 123_456),
        ("2025-07-25T23:17:43.123456789Z", 123_456),
        ("2025-07-25T23:17:43,123Z", 123_000),
        ("2025-07-25T23:17:43+00:00", 0),
        ("2025-07-26T01:17:43+02:00", 0),
        ("2025-07-26T01:17:43+0200", 0),
        ("2025-07-25T16:17:43.25-0700", 250_000),
        ("2025-07-26 04:47:43.25 +0530", 250_000),
        ("2025-07-26 04:47:43,250 +05:30", 250_000),
        ("2025-07-25 23:17:43 +0000 UTC", 0),
        ("2025-07-25 23:17:43 UTC", 0),
        ("2025-07-25 23:17:43.123 UTC", 123_000),
        ("2025-07-25 23:17:43,123456789 UTC", 123_456),
        ("26/Jul/2025:01:17:43 +0200", 0),
        ("25/Jul/2025:23:17:43 +0000", 0),
    ],
)
@pytest.mark.parametrize("form", ["{} INFO {}", "[{}] {}", '{{"ts": "{}", "id": "{}"}}', "level=info time={} id={}"])
def test_a_time_with_a_zone_is_the_lines_time(form, stamp, microsecond):
    assert time_of(form.format(stamp, ID)) == REQUESTED_AT.replace(second=43, microsecond=microsecond)
    assert time_of(form.format(stamp, LEGACY), LEGACY) is not None


@given(st.timedeltas(-3 * FARTHEST, 3 * FARTHEST), st.sampled_from(["{} {}", '{{"expires_at": "{}", "time": "{}"}}']))
def test_a_time_with_a_zone_is_refused_if_it_is_days_away_from_the_ids_second(apart, form):
    time = (REQUESTED_AT + apart).replace(microsecond=0)
    line = (
        form.format(time.isoformat(), ID)
        if form[0] == "{" and form[1] == "}"
        else f'{{"time":"{time.isoformat()}","id":"{ID}"}}'
    )
    assert time_of(line) == (time if abs(time - REQUESTED_AT) <= FARTHEST else None)


def test_beside_a_legacy_id_any_time_with_a_zone_is_the_lines_time():
    assert time_of(f"2031-09-01T00:00:00Z {LEGACY}", LEGACY) == datetime(2031, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["expires_at", "valid_until", "reset_at", "deadline", "due_date"])
def test_when_something_ends_is_not_the_lines_time(name):
    assert time_of(f'{{"{name}": "2025-07-25T23:59:59Z", "id": "{ID}"}}') is None
    line = f'{{"{name}": "2025-07-25T23:59:59Z", "id": "{ID}", "logged_at": "2025-07-25T23:17:43Z"}}'
    assert time_of(line) == REQUESTED_AT.replace(second=43)


def test_the_lines_time_goes_before_that_of_the_call():
    line = f'{{"ts": 1753485463, "response": {{"id": "{ID}", "created": 1753485462}}}}'
    assert time_of(line) == REQUESTED_AT.replace(second=43)
    assert time_of(line.replace("ts", "n")) == REQUESTED_AT


@pytest.mark.parametrize("name", ["timeUnixNano", "startTimeUnixNano"])
def test_a_time_in_nanoseconds_is_read(name):
    line = f'{{"{name}": "1753485463123456789", "attributes": [{{"key": "id", "value": {{"stringValue": "{ID}"}}}}]}}'
    assert time_of(line) == REQUESTED_AT.replace(second=43, microsecond=123_456)


def test_an_access_logs_time_is_read():
    line = f'10.0.0.7 - - [25/Jul/2025:23:17:43 +0000] "GET /generation?id={ID} HTTP/1.1" 200 1532 "-" "curl/8.5"'
    assert time_of(line) == REQUESTED_AT.replace(second=43)


@pytest.mark.parametrize("key", ["time", "ts", "timestamp", "@timestamp", "created", "created_at"])
@pytest.mark.parametrize(
    ("number", "microsecond"),
    [
        ("1753485463", 0),
        ("1753485463.5", 500_000),
        ("1753485463.250000", 250_000),
        ("1753485463000", 0),
        ("1753485463250", 250_000),
        ('"1753485463"', 0),
        ('"1753485463250"', 250_000),
    ],
)
def test_a_unix_time_in_json_is_read_in_seconds_and_milliseconds(key, number, microsecond):
    expected = REQUESTED_AT.replace(second=43, microsecond=microsecond)
    for line in (f'{{"{key}":{number},"id":"{ID}"}}', f'{{"id": "{ID}", "{key}" : {number} }}'):
        assert time_of(line) == expected


@pytest.mark.parametrize("number", ["17534854630", "1753485463000000", "1753485463000000000", "953485463"])
def test_a_number_that_is_neither_seconds_nor_milliseconds_is_no_time(number):
    assert time_of(f'{{"ts":{number},"id":"{ID}"}}') is None


def test_a_number_under_another_name_is_no_time():
    assert time_of(f'{{"offset":1753485463,"id":"{ID}"}}') is None


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S,%f"])
@pytest.mark.parametrize(
    ("later", "is_utc"), [(-61, False), (-60, True), (0, True), (840, True), (841, False), (3600, False), (7200, False)]
)
def test_a_time_without_a_zone_is_utc_only_beside_the_ids_second(form, later, is_utc):
    time = REQUESTED_AT + timedelta(seconds=later)
    assert time_of(f"{time.strftime(form)} INFO {ID}") == (time if is_utc else None)


def test_beside_a_legacy_id_a_time_without_a_zone_is_none():
    assert time_of(f"2025-07-25 23:17:43 INFO {LEGACY}", LEGACY) is None


@pytest.mark.parametrize(
    "stamp",
    [
        "2025-02-30T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-07-25T24:00:01Z",
        "2025-07-25T23:61:00Z",
        "2025-07-25T23:17:43+99:00",
        "31/Feb/2025:00:00:00 +0000",
        "25/Xyz/2025:23:17:43 +0000",
        "25/Jul/2025:23:17:43 +9959",
    ],
)
def test_a_date_that_cannot_be_is_no_time(stamp):
    assert time_of(f"{stamp} {ID}") is None


@pytest.mark.parametrize("line", ["", ID, f"id={ID}", f"12:00:00 {ID}", f"1999-07-25T23:17:43Z {ID}"])
def test_a_line_without_a_full_time_of_this_century_has_none(line):
    assert time_of(line) is None


def test_the_time_is_searched_at_the_beginning_of_the_line_and_before_the_id():
    near = "x" * (TIME_WITHIN - 30)
    assert time_of(f"{near} 2025-07-25T23:17:43Z {'x' * 5000} {ID}") == REQUESTED_AT.replace(second=43)
    assert time_of(f"{'x' * 5000} 2025-07-25T23:17:43Z {near} {ID}") == REQUESTED_AT.replace(second=43)
    assert time_of(f"{'x' * 5000} 2025-07-25T23:17:43Z {'x' * 5000} {ID}") is None


@given(ANY_LINE, st.integers(0, 200), st.sampled_from([ID, LEGACY]))
@example(b"2099-12-31T23:59:59-23:59", 0, LEGACY)
@example(b'{"ts":1999999999999}', 0, LEGACY)
def test_no_line_makes_reading_its_time_fail(line, at, generation_id):
    time, *_ = CallSiteParser().read(line, {generation_id: min(at, len(line))})[generation_id]
    assert time is None or time.tzinfo is UTC
