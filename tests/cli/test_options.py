import time
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cli.options import DURATION, MOMENT

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text):
    return DURATION.convert(text, None, None)


def moment(text):
    return MOMENT.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("90s", timedelta(seconds=90)),
        ("90", timedelta(seconds=90)),
        ("1.5", timedelta(seconds=1.5)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        (" 1.5H ", timedelta(minutes=90)),
        ("0", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, expected):
    assert duration(text) == expected


@given(st.integers(0, 5_000), st.sampled_from(sorted(UNITS)))
def test_every_whole_number_of_every_unit_is_exact(number, unit):
    assert duration(f"{number}{unit}") == timedelta(**{UNITS[unit]: number})


@pytest.mark.parametrize(
    "text", ["", " ", "h", "-1h", "+1h", "1e3", "1y", "1 h", "1h30m", ".5h", "5.", "nan", "inf", "1,5h", "\n", "1h\nx"]
)
def test_what_is_no_duration_is_a_usage_error_that_repeats_it(text):
    with pytest.raises(click.BadParameter, match="is not a duration") as caught:
        duration(text)
    assert repr(text) in caught.value.message


@pytest.mark.parametrize("text", ["9999999999d", "9" * 50, "9" * 400 + "w"])
def test_a_duration_beyond_counting_is_a_usage_error(text):
    with pytest.raises(click.BadParameter, match="is longer than"):
        duration(text)


def test_values_that_are_there_already_pass():
    assert duration(timedelta(1)) == timedelta(1)
    now = datetime.now(UTC)
    assert moment(now) is now


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T14:30", datetime(2026, 11, 1, 14, 30, tzinfo=UTC)),
        ("2026-11-01 14:30:15", datetime(2026, 11, 1, 14, 30, 15, tzinfo=UTC)),
        ("2026-11-01T14:30Z", datetime(2026, 11, 1, 14, 30, tzinfo=UTC)),
        (" 2026-11-01T14:30+02:00 ", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_a_time_in_utc_unless_it_says_otherwise(text, expected):
    assert moment(text) == expected
    assert moment(text).tzinfo is UTC


def test_a_moment_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        assert moment("2026-11-01T14:30") == datetime(2026, 11, 1, 14, 30, tzinfo=UTC)
    time.tzset()


@given(st.datetimes(), st.integers(-23, 23))
def test_any_iso_time_with_a_zone_is_that_very_moment(naive, hours):
    aware = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    try:
        expected = aware.astimezone(UTC)
    except OverflowError:
        with pytest.raises(click.BadParameter):
            moment(aware.isoformat())
    else:
        assert moment(aware.isoformat()) == expected


@pytest.mark.parametrize(("text", "ago"), [("7d", timedelta(days=7)), ("90s", timedelta(seconds=90))])
def test_a_duration_is_so_long_ago(text, ago):
    before = datetime.now(UTC) - ago
    assert before <= moment(text) <= datetime.now(UTC) - ago


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-02-30", "01.11.2026", "-7d", "7d ago"])
def test_what_is_no_moment_is_a_usage_error_that_repeats_it(text):
    with pytest.raises(click.BadParameter, match="neither a date") as caught:
        moment(text)
    assert repr(text) in caught.value.message


@pytest.mark.parametrize("text", ["900000d", "9999999999d", "0001-01-01T00:00+14:00", "9999-12-31T23:00-14:00"])
def test_a_moment_beyond_the_calendar_is_a_usage_error(text):
    with pytest.raises(click.BadParameter):
        moment(text)


numbers = st.from_regex(r"\d{1,30}(\.\d{1,5})?(ms|s|m|h|d|w)?", fullmatch=True)
times = st.tuples(st.datetimes(), st.sampled_from(["+23:59", "-23:59", "Z", ""])).map(lambda t: t[0].isoformat() + t[1])


@pytest.mark.parametrize("kind", [DURATION, MOMENT])
@given(text=st.one_of(st.text(), numbers, times))
def test_no_text_is_an_unexpected_error(kind, text):
    try:
        value = kind.convert(text, None, None)
    except click.BadParameter:
        return
    assert value >= timedelta(0) if kind is DURATION else value.tzinfo is UTC
