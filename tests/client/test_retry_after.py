"""How long a server asks us to wait: every form is read, and no value delays us beyond the limit."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client.retry_after import AGREEMENT, LONGEST_HINT, asks_for_retry, http_date, retry_after_seconds

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HINTS = ("retry-after-ms", "retry-after", "x-ratelimit-reset")


def hint(now=NOW, error=None, **headers):
    return retry_after_seconds({k.replace("_", "-"): v for k, v in headers.items()}, error, now)


def inside(**headers):
    return {"code": 429, "message": "slow down", "metadata": {"headers": headers}}


def test_without_a_hint_there_is_no_wait():
    assert hint() is None
    assert hint(error={}) is None
    assert hint(error={"metadata": None}) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": format_datetime(NOW + timedelta(seconds=42), usegmt=True)}, 42.0),
        ({"retry_after": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0.0),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"x_ratelimit_reset": f"{NOW.timestamp() + 30:.0f}"}, 30.0),
        ({"x_ratelimit_reset": f"{(NOW.timestamp() + 30) * 1000:.0f}"}, 30.0),
        ({"x_ratelimit_reset": f"{NOW.timestamp() - 30:.0f}"}, 0.0),
    ],
)
def test_every_form_of_a_hint_is_understood(headers, seconds):
    assert hint(**headers) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "1795176006"}, 6.0),  # epoch seconds
        ({"retry_after": "1795176006000"}, 6.0),  # ms
        ({"retry_after": "1795176006000000"}, 6.0),  # µs
        ({"retry_after": "1795175990"}, 0.0),  # past already
        ({"x_ratelimit_reset": "6"}, 6.0),
        ({"x_ratelimit_reset": "0"}, 0.0),
        ({"x_ratelimit_reset": "1795176006000000"}, 6.0),
        ({"x_ratelimit_reset": "2026-11-20T12:00:06Z"}, 6.0),
        ({"x_ratelimit_reset": "Fri, 20 Nov 2026 12:00:06 GMT"}, 6.0),
        ({"retry_after_ms": "1795176006000"}, 6.0),
    ],
)
def test_a_number_is_read_as_the_nearest_moment_that_it_may_mean(headers, seconds):
    assert NOW.timestamp() == 1795176000
    assert hint(**headers) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "301"},
        {"retry_after": "1e99"},
        {"retry_after_ms": "300001"},
        {"retry_after": format_datetime(NOW + timedelta(days=400), usegmt=True)},
        {"x_ratelimit_reset": f"{NOW.timestamp() + 301:.0f}"},
        {"x_ratelimit_reset": "1e99"},
    ],
)
def test_no_wait_is_longer_than_the_longest_hint(headers):
    assert hint(**headers) == LONGEST_HINT == 300


def test_hints_count_in_order_and_headers_before_the_error_text():
    every = {"retry_after_ms": "1000", "retry_after": "2", "x_ratelimit_reset": f"{NOW.timestamp() + 3:.0f}"}
    for seconds in (1, 2, 3):
        assert hint(**every, error=inside(**{"Retry-After": "9"})) == pytest.approx(seconds)
        del every[next(iter(every))]
    assert hint(error=inside(**{"Retry-After": "9"})) == 9


def test_the_header_inside_the_error_is_found_in_any_case_and_as_a_number():
    assert hint(error=inside(**{"X-RateLimit-Reset": int((NOW.timestamp() + 5) * 1000)})) == pytest.approx(5)
    assert hint(error=inside(**{"RETRY-AFTER": 4})) == 4


@pytest.mark.parametrize(
    "garbage", ["-1", "NaN", "nan", "inf", "-inf", "soon", "", " ", "1,2", "0x10", "\x00", "٣ s", "٣", "1_0"]
)
@pytest.mark.parametrize("name", HINTS)
def test_values_that_cannot_be_read_are_ignored(name, garbage):
    assert retry_after_seconds({name: garbage}, None, NOW) is None
    assert retry_after_seconds({name: garbage}, inside(**{"Retry-After": "8"}), NOW) == 8


def test_an_unreadable_header_does_not_hide_the_next():
    assert hint(retry_after_ms="soon", retry_after="-1", x_ratelimit_reset=f"{NOW.timestamp() + 6:.0f}") == 6


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
        "Mon, 99 Jan 2026 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +9999",
    ],
)
def test_an_impossible_date_is_not_a_date(text):
    assert http_date(text) is None
    assert hint(retry_after=text) is None


MOMENTS = {
    "a date": lambda at: {"retry-after": format_datetime(at, usegmt=True)},
    "epoch seconds": lambda at: {"x-ratelimit-reset": f"{at.timestamp():.0f}"},
    "epoch milliseconds": lambda at: {"x-ratelimit-reset": f"{at.timestamp() * 1000:.0f}"},
}
wrong_clocks = st.one_of(st.integers(-(10**8), -3), st.integers(3, 10**8)).map(lambda s: timedelta(seconds=s))


FORMS = {
    "seconds to wait": lambda seconds, _now: f"{seconds}",
    "epoch seconds": lambda seconds, now: f"{now.timestamp() + seconds:.3f}",
    "epoch ms": lambda seconds, now: f"{(now.timestamp() + seconds) * 1e3:.0f}",
    "epoch µs": lambda seconds, now: f"{(now.timestamp() + seconds) * 1e6:.0f}",
    "epoch ns": lambda seconds, now: f"{(now.timestamp() + seconds) * 1e9:.0f}",
    "ISO 8601": lambda seconds, now: (now + timedelta(seconds=seconds)).isoformat(),
    "HTTP date": lambda seconds, now: format_datetime(now + timedelta(seconds=seconds), usegmt=True),
}


@given(
    st.sampled_from(list(FORMS)),
    st.sampled_from(["retry-after", "x-ratelimit-reset"]),
    st.integers(-(10**6), 10**6),
    st.datetimes(datetime(2001, 9, 9), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # made aware
    st.booleans(),
)
def test_every_form_of_every_header_says_the_same_moment_in_any_year(form, name, seconds, now, is_inside):
    now = now.replace(microsecond=0)
    text = FORMS[form](abs(seconds) if form == "seconds to wait" else seconds, now)
    expected = abs(seconds) if form == "seconds to wait" else seconds
    headers, error = ({}, inside(**{name: text})) if is_inside else ({name: text}, None)
    assert retry_after_seconds(headers, error, now) == pytest.approx(min(max(expected, 0), 300), abs=1e-2)


@pytest.mark.parametrize(
    ("headers", "asks"), [({"Retry-After": "7"}, True), ({"retry-after": "soon"}, True), ({}, False)]
)
def test_an_answer_asks_for_a_retry_by_its_header_whatever_that_says(headers, asks):
    lower = {name.lower(): value for name, value in headers.items()}
    assert asks_for_retry(lower, None) is asks
    assert asks_for_retry({}, inside(**headers)) is asks
    assert not asks_for_retry({"x-ratelimit-reset": "7"}, None)


@given(st.sampled_from(list(MOMENTS)), st.integers(0, 300), wrong_clocks, st.booleans())
def test_if_our_clock_is_wrong_a_time_is_compared_with_the_answers_date(form, seconds, wrong_by, is_inside):
    moment, date = MOMENTS[form](NOW + timedelta(seconds=seconds)), {"date": format_datetime(NOW, usegmt=True)}
    headers, error = (date, inside(**moment)) if is_inside else (date | moment, None)
    assert retry_after_seconds(headers, error, NOW + wrong_by) == pytest.approx(seconds)


@given(st.sampled_from(list(MOMENTS)), st.integers(10, 200), st.floats(-2, 2), st.booleans())
def test_if_our_clock_agrees_a_time_is_compared_with_it_because_it_has_fractions_of_a_second(
    form, seconds, off, is_inside
):
    assert timedelta(seconds=2) == AGREEMENT
    moment, date = MOMENTS[form](NOW + timedelta(seconds=seconds)), {"date": format_datetime(NOW, usegmt=True)}
    headers, error = (date, inside(**moment)) if is_inside else (date | moment, None)
    assert retry_after_seconds(headers, error, NOW + timedelta(seconds=off)) == pytest.approx(seconds - off, abs=1e-5)


@pytest.mark.parametrize("date", [None, "", "soon", "Mon, 99 Jan 2026 00:00:00 GMT"])
def test_without_a_date_a_time_is_compared_with_our_clock(date):
    headers = {} if date is None else {"date": date}
    assert retry_after_seconds(headers | MOMENTS["a date"](NOW + timedelta(seconds=42)), None, NOW) == 42


@pytest.mark.parametrize("headers", [{"retry-after": "7"}, {"retry-after-ms": "7000"}])
def test_a_number_of_seconds_does_not_depend_on_the_answers_date(headers):
    headers |= {"date": format_datetime(NOW - timedelta(days=9), usegmt=True)}
    assert retry_after_seconds(headers, None, NOW) == 7


def test_a_date_alone_is_not_a_hint():
    assert hint(date=format_datetime(NOW + timedelta(seconds=42), usegmt=True)) is None


numbers = st.one_of(st.integers(), st.floats()).map(str)
dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Foo", ""]),
    st.integers(-5, 10**25),
    st.sampled_from(["Jan", "Dec", "Foo"]),
    st.integers(-5, 10**25),
    st.integers(-5, 10**25),
    st.integers(0, 99),
    st.integers(0, 99),
    st.one_of(st.sampled_from(["GMT", "EST", "-0000", ""]), st.integers(0, 10**25).map("+{}".format)),
)
header_texts = st.one_of(
    st.text(), numbers, dates, st.datetimes().map(format_datetime), st.datetimes().map(datetime.isoformat)
)
any_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), header_texts),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from([*HINTS, "Retry-After"]), inner)),
)


@given(
    headers=st.dictionaries(st.sampled_from([*HINTS, "date"]), header_texts),
    metadata=st.one_of(any_json, st.fixed_dictionaries({"headers": any_json})),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # made aware
)
def test_no_header_makes_us_fail_or_wait_beyond_bounds(headers, metadata, now):
    seconds = retry_after_seconds(headers, {"metadata": metadata}, now)
    assert seconds is None or (isfinite(seconds) and 0 <= seconds <= LONGEST_HINT)


def test_an_http_date_without_a_zone_is_utc():
    assert http_date("Fri, 20 Nov 2026 12:00:00 GMT") == NOW
    assert http_date("Fri, 20 Nov 2026 12:00:00 -0000") == NOW
    assert http_date("Fri, 20 Nov 2026 14:00:00 +0200") == NOW
    assert http_date(None) is None
