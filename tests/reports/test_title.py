"""The title of a report's table against a walk over the days that it is about."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.reports.definitions import REPORTS, ReportColumn, ReportDefinition
from ingest.reports.filters import filters_of
from ingest.reports.period import Period
from ingest.reports.title import Days, days_of, title_of

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
BEGIN = datetime(2025, 11, 1, tzinfo=UTC)

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.one_of(
    st.integers(0, 500).map(lambda days: BEGIN + timedelta(days=days)),
    st.timedeltas(timedelta(0), timedelta(days=500)).map(BEGIN.__add__),
)
NO_BOUND = Period()


def title(period=NO_BOUND, span=None, name="cost", by="model"):
    return title_of(name, REPORTS[name], [by], [], days_of(period, span or {}))


def requests(first, last):
    return {"first_at": first.replace(tzinfo=None), "last_at": last.replace(tzinfo=None)}


def days_in(text):
    """The first and the last day that a title without times names."""
    begin, _, end = text.partition(" to ")
    *rest, year = (end or begin).split()
    month, day = rest[-1], rest[-2] if len(rest) > 1 else None
    last = date(int(year), MONTHS.index(month) + 1, int(day))
    if not end:
        return last, last
    words = [*begin.split(), *(month, year)[len(begin.split()) - 1 :]]
    return date(int(words[2]), MONTHS.index(words[1]) + 1, int(words[0])), last


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-11-13", "2026-11-27", "13 to 27 November 2026"),
        ("2026-11-27", "2026-11-27", "27 November 2026"),
        ("2026-10-28", "2026-11-27", "28 October to 27 November 2026"),
        ("2025-12-30", "2026-01-03", "30 December 2025 to 3 January 2026"),
        ("2025-11-27", "2026-11-27", "27 November 2025 to 27 November 2026"),
    ],
)
def test_a_title_says_what_by_what_when_and_in_which_unit(first, last, days):
    first, last = (datetime.fromisoformat(f"{day}T12:00:00+00:00") for day in (first, last))
    assert title(span=requests(first, last)) == f"Cost by model, {days}, USD"
    midnights = (datetime.combine(day.date(), datetime.min.time()) for day in (first, last + timedelta(days=1)))
    assert title(Period.between(*midnights, ZoneInfo("UTC"))) == f"Cost by model, {days}, USD"


@given(zones, moments, moments)
def test_without_bounds_the_days_are_those_of_the_first_and_last_request(zone, first, last):
    assume(first <= last)
    text = title(Period(zone=zone), requests(first, last)).removeprefix("Cost by model, ").removesuffix(", USD")
    assert ("(" in text) == (zone.key != "UTC")
    assert text.endswith("" if zone.key == "UTC" else f" ({zone.key})")
    expected = tuple(moment.astimezone(zone).date() for moment in (first, last))
    assert days_in(text.partition(" (")[0]) == expected


@given(zones, st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.integers(1, 800), moments, moments)
def test_whole_days_of_a_period_are_its_days_whatever_requests_there_are(zone, day, count, first, last):
    midnights = (datetime.combine(day + timedelta(days=n), datetime.min.time()) for n in (0, count))
    text = title(Period.between(*midnights, zone), requests(first, last))
    days = text.removeprefix("Cost by model, ").removesuffix(", USD").partition(" (")[0]
    assert days_in(days) == (day, day + timedelta(days=count - 1))


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("2026-11-20T19:03", None, "20 November 2026 19:03 to 27 November 2026"),
        (None, "2026-11-27T07:00", "13 November 2026 to 27 November 2026 07:00"),
        ("2026-11-20T19:03", "2026-11-27", "20 November 2026 19:03 to 26 November 2026"),
        ("2026-11-20T09:00", "2026-11-20T12:00", "20 November 2026 09:00 to 12:00"),
        ("2026-11-20T09:00", "2026-11-21", "20 November 2026 09:00 to 24:00"),
        ("2026-11-20", "2026-11-20T12:00", "20 November 2026 00:00 to 12:00"),
        ("2030-01-01", None, "since 1 January 2030"),
        (None, "2020-01-01", "until 31 December 2019"),
    ],
)
def test_a_bound_within_a_day_has_its_time_and_one_beyond_all_requests_stands_alone(since, until, days):
    bounds = (text and datetime.fromisoformat(text) for text in (since, until))
    span = requests(*(datetime(2026, 11, day, 12, tzinfo=UTC) for day in (13, 27)))
    assert title(Period.between(*bounds, ZoneInfo("UTC")), span) == f"Cost by model, {days}, USD"


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        (None, None, True),
        (None, "2026-11-20", True),
        (None, "2024-07-01", True),
        (None, "2024-06-01", False),
        ("2024-06-01", None, False),
        ("2026-11-01", None, False),
        ("2024-01-01", "2026-12-01", False),
    ],
)
def test_legacy_ids_of_days_that_the_title_does_not_tell_are_mentioned(since, until, told):
    bounds = (text and datetime.fromisoformat(text) for text in (since, until))
    span = requests(*(datetime(2026, 11, day, 12, tzinfo=UTC) for day in (13, 27)))
    span |= {"first_day": date(2024, 6, 29), "last_day": date(2024, 8, 2)}
    assert title(Period.between(*bounds, ZoneInfo("UTC")), span).endswith(", with legacy IDs") == told


def test_where_there_are_only_legacy_ids_the_title_tells_their_days_and_where_nothing_is_none():
    days = {"first_day": date(2024, 6, 29), "last_day": date(2024, 8, 2)}
    assert title(span=days) == "Cost by model, 29 June to 2 August 2024, USD"
    assert title() == "Cost by model, USD"


@pytest.mark.parametrize(
    ("by", "where", "subject"),
    [
        (["model", "day"], [], "Cost by model and day"),
        (["model", "cost_basis", "day"], [], "Cost by model, cost basis and day"),
        (["day"], ["user=alice"], "Cost by day (user alice)"),
        (["day"], ["user=a", "user=b", "provider!=Azure"], "Cost by day (user a or b, provider not Azure)"),
        (["day"], ["user=(none)", "cost_basis=byok"], "Cost by day (user (none), cost basis byok)"),
        (["day"], ["user=\x1b[31m"], "Cost by day (user \\x1b[31m)"),
    ],
)
def test_dimensions_and_filters_are_told(by, where, subject):
    days = Days("27 November 2026")
    assert title_of("cost", REPORTS["cost"], by, filters_of("cost", where), days) == f"{subject}, 27 November 2026, USD"


def test_subject_and_unit_are_those_of_the_report():
    found = {name: title_of(name, REPORTS[name], [], [], Days("")) for name in REPORTS}
    assert found["latency"] == "Latency, ms"
    assert (found["ledger"], found["errors"]) == ("IDs", "Errors")
    for name, definition in REPORTS.items():
        if any(column.kind == "money" for column in definition.columns) and not definition.unit:
            assert found[name].endswith(", USD")
    made = ReportDefinition("reports/x", (ReportColumn("x", "x", "money"),))
    assert title_of("made", made, ["cost_basis"], [], Days("")) == "Made by cost basis, USD"
