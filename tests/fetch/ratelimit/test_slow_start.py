import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch.ratelimit.slow_start import LEAST_TAKEN, SMALLEST_BURST, SlowStart

INF = math.inf


def ended(pace=100.0, taken=0, refused=1, seconds=0.1, **fields):
    """A slow start whose last answers, of so many seconds, are read."""
    slow_start = SlowStart(pace, 0.0, **fields)
    slow_start.rejected(10.0, 10.0 + seconds, 10.2, 0.1)
    for n in range(taken):
        slow_start.answered(10.0 + seconds * (n + 1) / (taken + 1), taken=True)
    for _ in range(refused - 1):
        slow_start.answered(10.05, taken=False)
    return slow_start


def test_the_pace_doubles_within_ln_2_seconds_of_answers():
    slow_start, answers = SlowStart(8.0, 0.0), 0.0
    while slow_start.pace < 16:
        answers += 1 / slow_start.pace
        slow_start.grow(INF)
    assert answers == pytest.approx(math.log(2), rel=0.1)


def test_a_cap_ends_the_growth():
    slow_start = SlowStart(8.0, 0.0)
    for _ in range(100):
        slow_start.grow(12.0)
    assert slow_start.pace == 12.0


@given(taken=st.integers(LEAST_TAKEN, 50), seconds=st.floats(0.01, 5))
def test_the_answers_after_the_first_rejection_give_the_rate(taken, seconds):
    assert ended(1e9, taken, seconds=seconds).rate == pytest.approx(taken / seconds)


def test_it_is_never_more_than_the_pace_nor_less_than_was_known_before():
    assert ended(30.0, 50).rate == 30.0
    assert ended(900.0, 4, known=80.0).rate == 80.0


def test_too_few_answers_give_a_guess_between_what_was_known_and_the_pace():
    assert ended(80.0, LEAST_TAKEN - 1).rate == pytest.approx(40.0)
    assert ended(90.0, 0, known=40.0).rate == pytest.approx(60.0)


@pytest.mark.parametrize(("taken", "refused", "dry"), [(0, 3, True), (0, 2, False), (1, 9, False)])
def test_it_ran_dry_if_nothing_at_all_was_taken(taken, refused, dry):
    assert ended(100.0, taken, refused).ran_dry is dry


def test_the_rate_is_read_when_all_are_answered_or_after_a_while():
    slow_start = ended()
    assert not SlowStart(8.0, 0.0).is_over(None, 1e9)
    assert not slow_start.is_over(10.05, 10.3)
    assert slow_start.is_over(10.11, 10.3)
    assert slow_start.is_over(None, 10.3)
    assert slow_start.is_over(10.05, 11.3)


@given(rate=st.floats(5, 500), burst=st.floats(10, 500))
def test_the_burst_is_what_was_taken_above_the_rate_while_the_pace_grew(rate, burst):
    pace, stored = rate, burst
    while stored > 0:  # each answer raises the pace by one, and takes a token while 1 / pace brings some
        stored -= 1 - rate / pace
        pace += 1
    burst_found = SlowStart(pace, 0.0).burst(rate)
    assert 0.6 * burst <= burst_found <= burst + 5 or burst_found == SMALLEST_BURST


def test_of_one_that_ran_dry_only_the_average_is_known():
    assert SlowStart(900.0, 10.0, taken_before=100).average(600, 60.0) == 10.0
    assert SlowStart(900.0, 10.0, known=77.0).average(600, 60.0) == 77.0
