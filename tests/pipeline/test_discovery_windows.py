"""Which windows are asked for: every moment of a period once, and a crowd divided down to the second."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client.analytics import Told
from ingest.core.errors import UsageError
from ingest.pipeline.discovery_windows import (
    LATE,
    MARGIN,
    REACH,
    SHORTEST,
    Window,
    gaps,
    period_to_ask,
    told_windows,
    windows_to_ask,
)

NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
EARLIEST = NOW - REACH + MARGIN

moments = st.integers(0, 60).map(lambda second: NOW + timedelta(seconds=second))
windows = st.tuples(moments, moments).map(lambda pair: Window(*sorted(pair)))
spans = windows.filter(lambda window: window.since < window.until)


def seconds_of(window):
    return [window.since + SHORTEST * n for n in range(int((window.until - window.since).total_seconds()))]


@given(spans, st.lists(spans, max_size=6))
def test_the_gaps_are_what_no_window_covers(window, covered):
    found = list(gaps(window, covered))
    known = {second for each in covered for second in seconds_of(each)}
    assert [s for gap in found for s in seconds_of(gap)] == [s for s in seconds_of(window) if s not in known]
    assert all(before.until < after.since for before, after in pairwise(found))


def collected(spans, ask):
    async def run():
        return [pair async for pair in told_windows(spans, ask)]

    return asyncio.run(run())


@given(
    st.lists(st.integers(0, 60).map(lambda n: n if n < 40 else 17), max_size=80),
    st.integers(1, 15),
    st.integers(1, 100),
    st.sets(st.integers(0, 12)),
)
def test_every_row_is_told_once_or_its_second_is_truncated(seconds, limit, length, too_slow):
    """A drawn population, many of it in one second; drawn row limits; some queries take the server too long."""
    population = [(NOW + timedelta(seconds=second), number) for number, second in enumerate(seconds)]
    asked = []

    async def ask(window):
        asked.append(window)
        if len(asked) in too_slow and window.is_divisible:
            return None
        found = [each for each in population if window.since <= each[0] < window.until]
        return Told([{"row": each} for each in found[:limit]], len(found) > limit)

    whole = Window(NOW, NOW + timedelta(seconds=length))
    told = collected([whole], ask)
    assert [s for window, _ in told for s in seconds_of(window)] == seconds_of(whole)  # in order, each second once
    cut = {window.since for window, answer in told if answer.truncated}
    found = [row["row"] for _, answer in told for row in answer.rows]
    within = {each for each in population if whole.since <= each[0] < whole.until}
    assert len(found) == len(set(found))
    assert {each for each in within if each[0] not in cut} <= set(found) <= within
    assert all(sum(each[0] == second for each in within) > limit for second in cut)
    assert len(asked) <= 2 * len(told)  # no more questions than the divisions need


@given(spans, st.lists(st.tuples(windows, st.integers(-30, 90)), max_size=5))
def test_what_was_asked_while_it_may_still_have_been_told_late_is_asked_again(period, asked):
    """Each window was asked about some seconds after the last moment that may be told late."""
    known = [(*window, NOW + LATE + timedelta(seconds=after)) for window, after in asked]
    found = {second for window in windows_to_ask(period, known) for second in seconds_of(window)}
    final = {s for since, until, at in known for s in seconds_of(Window(since, until)) if s + LATE < at}
    begin = min((since for since, _, _ in known), default=period.since)
    assert found == {second for second in seconds_of(period) if second >= begin and second not in final}


def test_the_first_time_everything_is_asked_for():
    assert windows_to_ask(Window(EARLIEST, NOW), []) == [Window(EARLIEST, NOW)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, Window(EARLIEST, NOW + SHORTEST)),
        (NOW - timedelta(days=400), None, Window(EARLIEST, NOW + SHORTEST)),
        (NOW - timedelta(days=2), NOW + timedelta(days=9), Window(NOW - timedelta(days=2), NOW + SHORTEST)),
        (None, NOW - timedelta(days=3), Window(EARLIEST, NOW - timedelta(days=3))),
        (NOW - timedelta(seconds=0.4), None, Window(NOW - SHORTEST, NOW + SHORTEST)),
    ],
)
def test_the_period_has_whole_seconds_and_ends_now(since, until, expected):
    assert period_to_ask(since, until, NOW + timedelta(seconds=0.7)) == expected


@pytest.mark.parametrize(
    ("since", "until", "what"),
    [
        (NOW - timedelta(days=60), NOW - timedelta(days=40), "further back"),
        (None, NOW - timedelta(days=31), "further back"),
        (NOW - timedelta(days=1), NOW - timedelta(days=1), "empty"),
        (NOW - timedelta(days=1), NOW - timedelta(days=2), "empty"),
        (NOW + timedelta(days=1), None, "empty"),
    ],
)
def test_a_period_without_a_second_that_can_be_asked_for_is_refused(since, until, what):
    with pytest.raises(UsageError, match=what) as caught:
        period_to_ask(since, until, NOW)
    assert ("--csv" in caught.value.fix) == (what == "further back")
