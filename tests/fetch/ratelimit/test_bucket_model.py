import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch.ratelimit.bucket_model import JUST_EMPTIED, BucketModel

rates = st.floats(0.02, 1e4)
bursts = st.floats(1, 1e4)
durations = st.lists(st.floats(0, 1e4), min_size=1, max_size=20)


@given(rates, bursts, durations, st.floats(0, 1e6))
def test_tokens_come_in_at_the_rate_and_what_flows_over_is_credit(rate, burst, passed, now):
    bucket = BucketModel(rate, burst)
    bucket.advance(now, 0.0)
    assert (bucket.level, bucket.credit) == (0, 0)
    for seconds in passed:
        bucket.advance(now := now + seconds, 0.0)
        assert bucket.level <= burst
        assert bucket.peak == bucket.level
    assert bucket.level + bucket.credit == pytest.approx(rate * sum(passed), rel=1e-6, abs=rate * 1e-3)


def test_time_that_passes_in_steps_is_the_same_as_at_once():
    slow, quick = BucketModel(10.0, 5.0), BucketModel(10.0, 5.0)
    for now in (100.0, 100.25, 100.5, 103.0):
        slow.advance(now, 0.0)
    for now in (100.0, 103.0):
        quick.advance(now, 0.0)
    assert (slow.level, slow.credit, slow.peak) == (quick.level, quick.credit, quick.peak) == (5, 25, 5)


@given(rates, bursts, st.floats(0, 1e6), st.floats(0, 100))
def test_the_same_moment_again_or_an_earlier_one_changes_nothing(rate, burst, now, back):
    bucket = BucketModel(rate, burst)
    bucket.advance(now, 0.0)
    bucket.advance(now + 1, 0.0)
    before = (bucket.level, bucket.credit, bucket.peak)
    bucket.advance(now + 1, 0.0)
    bucket.advance(now + 1 - back, 0.0)
    bucket.advance(now + 1, 0.0)
    assert (bucket.level, bucket.credit, bucket.peak) == before


def test_an_unknown_bucket_never_flows_over():
    bucket = BucketModel(10.0)
    bucket.advance(0.0, 0.0)
    bucket.advance(1000.0, 0.0)
    assert (bucket.level, bucket.credit) == (10_000, 0)


def test_the_headroom_is_trusted_beyond_the_burst_and_a_level_above_both_does_not_fall():
    bucket = BucketModel(10.0, 4.0)
    bucket.advance(0.0, 6.0)
    bucket.advance(10.0, 6.0)
    assert (bucket.level, bucket.credit) == (6, 94)
    bucket.advance(11.0, 3.0)
    assert (bucket.level, bucket.credit) == (6, 104)


def test_the_peak_is_the_highest_level_since_the_last_rejection():
    bucket = BucketModel(10.0, 50.0)
    bucket.advance(0.0, 0.0)
    bucket.advance(3.0, 0.0)
    bucket.level -= 20
    bucket.advance(3.5, 0.0)
    assert (bucket.level, bucket.peak) == (15, 30)
    bucket.emptied(0.0, 0)
    assert (bucket.level, bucket.peak) == (JUST_EMPTIED, JUST_EMPTIED)


def test_a_rejection_says_what_the_bucket_holds_but_never_that_it_holds_more():
    bucket = BucketModel(10.0, 50.0, level=30.0, credit=7.0)
    bucket.emptied(2.0, 15)
    assert (bucket.level, bucket.credit, bucket.peak) == (JUST_EMPTIED + 20 - 15, 0, JUST_EMPTIED + 20 - 15)
    bucket.emptied(4.0, 0)
    assert bucket.level == JUST_EMPTIED + 5


def test_what_came_in_while_nothing_was_taken_is_there():
    bucket = BucketModel(10.0, 50.0, level=-3.0, credit=7.0)
    bucket.refilled(2.0)
    assert (bucket.level, bucket.credit, bucket.peak) == (20, 0, 20)


@pytest.mark.parametrize(("level", "kept", "credit"), [(30.0, 4.0, 27.0), (3.0, 3.0, 1.0), (-2.0, -2.0, 1.0)])
def test_what_is_not_trusted_may_be_there_or_not(level, kept, credit):
    bucket = BucketModel(10.0, 50.0, level=level, credit=1.0, peak=40.0)
    bucket.distrust(4.0)
    assert (bucket.level, bucket.credit, bucket.peak) == (kept, credit, kept)


@pytest.mark.parametrize(("burst", "credit"), [(10.0, 20.0), (math.inf, 96.0)])
def test_no_more_than_two_full_buckets_may_be_there(burst, credit):
    bucket = BucketModel(10.0, burst, level=100.0)
    bucket.distrust(4.0)
    assert bucket.credit == credit


@given(st.floats(-100, 0), st.floats(0, 100), st.floats(0, 100))
def test_what_was_taken_beyond_the_level_is_explained_by_the_credit_first_and_the_burst_is_larger_by_that(
    level, credit, tokens
):
    bucket = BucketModel(10.0, 50.0, level=level, credit=credit)
    unexplained = bucket.overdrawn(tokens)
    assert unexplained == pytest.approx(max(tokens - credit, 0))
    assert bucket.level == level + tokens
    assert bucket.credit == pytest.approx(max(credit - tokens, 0))
    assert bucket.burst == pytest.approx(50 + min(credit, tokens))


@given(rates, st.integers(5, 200), st.lists(st.floats(0, 0.2), max_size=200))
def test_it_follows_a_bucket_whose_rate_and_burst_it_knows(rate, burst, pauses):
    bucket = BucketModel(rate, burst)
    bucket.advance(0.0, 0.0)
    bucket.level = tokens = float(burst)
    now = 0.0
    for pause in pauses:
        bucket.advance(now := now + pause, 0.0)
        tokens = min(tokens + rate * pause, burst)
        if tokens >= 1:
            tokens -= 1
            bucket.level -= 1
        assert bucket.level == pytest.approx(tokens, abs=1e-3)
