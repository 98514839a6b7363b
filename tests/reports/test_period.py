"""Which days a period covers in part, against a walk over its minutes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reports.period import Period, utc_offset_periods

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
BEGIN = datetime(2026, 10, 24, tzinfo=UTC)
"""Berlin's clocks go back on the 25th, New York's on November 1, and Lord Howe's went forward on the 4th."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.one_of(
    st.integers(0, 10 * 24 * 4).map(lambda quarters: BEGIN + quarters * timedelta(minutes=15)),
    st.timedeltas(timedelta(0), timedelta(days=10)).map(BEGIN.__add__),
)
optional = st.one_of(st.none(), moments)


def key_of(moment, zone, unit):
    local = moment.astimezone(zone)
    [offset] = utc_offset_periods(zone, moment, moment + timedelta(microseconds=1))
    return {
        "hour": f"{local:%Y-%m-%dT%H:00}{offset.label}",
        "day": f"{local:%Y-%m-%d}",
        "week": f"{local - timedelta(days=local.weekday()):%Y-%m-%d}",
        "month": f"{local:%Y-%m}",
    }[unit]


@given(zones, optional, optional, optional, st.sampled_from(["hour", "day", "week", "month"]))
def test_the_units_that_a_bound_divides_are_marked(zone, since, until, now, unit):
    if since and until and until <= since:
        return
    end = min((m for m in (until, now) if m), default=None)
    divided = {
        key_of(bound, zone, unit)
        for bound in (since, end)
        if bound and key_of(bound, zone, unit) == key_of(bound - timedelta(microseconds=1), zone, unit)
    }
    marks = Period.between(since, until, zone, now).partial(unit)
    assert set(marks) == divided
    assert all(mark for mark in marks.values())
    assert not any("until" in mark for mark in marks.values()) or end == until


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "now", "unit", "marks"),
    [
        ("2026-11-20", "2026-11-27", None, "day", {}),
        (
            "2026-11-20T19:03",
            "2026-11-27T07:00",
            None,
            "day",
            {"2026-11-20": "from 19:03", "2026-11-27": "until 07:00"},
        ),
        ("2026-11-20T07:00", "2026-11-20T19:00", None, "day", {"2026-11-20": "from 07:00, until 19:00"}),
        ("2026-11-20T19:03", None, "2026-11-27T08:00", "day", {"2026-11-20": "from 19:03", "2026-11-27": "so far"}),
        ("2026-11-20", "2026-12-01", "2026-11-27T08:00", "month", {"2026-11": "from 11-20, so far"}),
        ("2026-11-18", None, None, "week", {"2026-11-16": "from 11-18"}),
        ("2026-11-18T05:30", None, None, "hour", {"2026-11-18T05:00Z": "from 05:30"}),
        (None, None, None, "day", {}),
    ],
)
def test_what_is_covered_of_the_first_and_the_last_unit(since, until, now, unit, marks):
    period = Period(*(text and at(text) for text in (since, until)), now=now and at(now))
    assert period.partial(unit) == marks
