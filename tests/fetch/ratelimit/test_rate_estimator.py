import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch.ratelimit.bucket_model import BucketModel
from ingest.fetch.ratelimit.rate_estimator import (
    FAR_BELOW,
    LOWEST,
    SMALLEST_BURST,
    SOLID,
    WINDOWS,
    Interval,
    RateEstimator,
)

MARGIN, TRUSTED = 3.0, 3.0


def interval(taken, seconds, residual=0.0, *, probed=True, close=False):
    return Interval(taken, seconds, residual, probed, close)


def learn(bucket, *intervals, estimate=None, pauses=()):
    """Let the bucket model learn these intervals; `pauses` are their seconds without a request taken."""
    estimate = estimate or RateEstimator()
    pauses = [*pauses, *[0.0] * (len(intervals) - len(pauses))]
    for seconds, happened in zip(pauses, intervals, strict=True):
        estimate.pause = seconds
        estimate.learn(bucket, happened, MARGIN, TRUSTED)
    return estimate


@given(st.floats(0.5, 1000), st.integers(100, 5000))
def test_what_confirms_the_rate_leaves_it_as_it_is(rate, taken):
    bucket = BucketModel(rate, 40.0)
    learn(bucket, interval(taken, taken / rate))
    assert bucket.rate == pytest.approx(rate)
    assert bucket.burst == 40


@given(st.floats(1, 1000), st.floats(0.91, 1.049))
def test_long_intervals_bring_the_rate_to_the_truth(rate, truth):
    bucket, true_rate = BucketModel(rate, 40.0), rate * truth
    learn(bucket, *[interval(300, 300 / true_rate)] * 10)
    assert bucket.rate == pytest.approx(true_rate, rel=0.001)


def test_a_sure_interval_counts_for_half_and_a_short_one_for_less():
    sure, short, doubtful = (BucketModel(100.0, 40.0) for _ in range(3))
    learn(sure, interval(100, 100 / 104))
    learn(short, interval(12, 12 / 104))
    learn(doubtful, interval(100, 100 / 104, residual=10.0))
    assert sure.rate == pytest.approx(102)
    expected = 100 * 12 / 104
    assert short.rate == pytest.approx(100 + 4 * expected / (expected + 4 * MARGIN))
    assert doubtful.rate > sure.rate


def test_one_interval_raises_the_rate_by_a_fortieth_at_most():
    bucket = BucketModel(100.0, 40.0)
    learn(bucket, interval(1000, 1.0))
    assert bucket.rate == pytest.approx(102.5)


@pytest.mark.parametrize(("taken", "share"), [(0, 0.7), (9, 0.7), (19, 0.4)])
def test_few_requests_in_a_long_time_lower_the_rate_only_so_far(taken, share):
    bucket = BucketModel(100.0, 40.0)
    learn(bucket, interval(taken, 1000.0))
    assert bucket.rate == pytest.approx(share * 100)


@given(st.lists(st.tuples(st.integers(0, 1000), st.floats(1e-3, 1e5), st.floats(0, 100)), max_size=30), st.booleans())
def test_whatever_happens_rate_and_burst_stay_sane(happened, probed):
    bucket, estimate = BucketModel(50.0, 40.0), RateEstimator()
    for taken, seconds, pause in happened:
        bucket.peak = min(bucket.rate * seconds, 1e6)
        learn(bucket, interval(taken, seconds, bucket.peak - taken, probed=probed), estimate=estimate, pauses=[pause])
        assert LOWEST <= bucket.rate < math.inf
        assert SMALLEST_BURST <= bucket.burst < math.inf
        assert estimate.pause == 0


def test_the_rate_of_an_interval_is_what_was_taken_over_its_time():
    assert interval(30, 4.0).rate == 7.5


def test_a_close_probe_shows_large_changes_only():
    still, surprised, unexpected = (BucketModel(100.0, 40.0) for _ in range(3))
    learn(still, interval(98, 1.0, close=True))
    learn(surprised, interval(95, 1.0, close=True))
    learn(unexpected, interval(98, 1.0, close=True, probed=False))
    assert still.rate == 100
    assert surprised.rate < 100
    assert unexpected.rate < 100


def test_where_the_bucket_may_have_flowed_over_a_low_rate_is_the_images_error_only():
    bucket, with_credit, with_peak = (BucketModel(100.0, 40.0) for _ in range(3))
    with_credit.credit, with_peak.peak = 5.0, TRUSTED + 4
    for each in (bucket, with_credit, with_peak):
        learn(each, interval(180, 2.0, residual=2.0))
    assert bucket.rate == pytest.approx(95)
    assert with_credit.rate == with_peak.rate == pytest.approx(99.5)


@pytest.mark.parametrize(("peak", "residual", "burst"), [(30.0, 12.0, 18.0), (14.0, 12.0, SMALLEST_BURST)])
def test_a_bucket_that_was_believed_fuller_than_it_was_is_smaller(peak, residual, burst):
    bucket = BucketModel(100.0, 40.0, peak=peak)
    learn(bucket, interval(200, 2.0, residual=residual))
    assert (bucket.rate, bucket.burst) == (100, burst)


@pytest.mark.parametrize(("peak", "residual"), [(30.0, 8.0), (50.0, 14.0), (5.0, 12.0)])
def test_noise_makes_no_bucket_smaller(peak, residual):
    bucket = BucketModel(100.0, 40.0, peak=peak)
    learn(bucket, interval(200, 2.0, residual=residual))
    assert bucket.burst == 40


def test_three_intervals_far_below_the_rate_contradict_it_and_two_do_not():
    bucket, low = BucketModel(100.0, 40.0, peak=TRUSTED + 4), interval(60, 2.0)
    estimate = learn(bucket, low, low)
    assert bucket.rate > 80
    learn(bucket, low, estimate=estimate)
    assert bucket.rate == pytest.approx((60 + TRUSTED) / 2)


def test_an_interval_that_is_not_far_below_begins_the_count_anew():
    low = interval(60, 2.0)
    bucket, other = BucketModel(100.0, 40.0, peak=TRUSTED + 4), BucketModel(100.0, 40.0, peak=TRUSTED + 4)
    learn(bucket, low, low, interval(200 * FAR_BELOW + 1, 2.0), low)
    assert bucket.rate > 80
    learn(other, low, low, low, low)
    assert other.rate < 35


def test_an_outage_says_nothing_of_the_rate():
    bucket = BucketModel(100.0, 40.0)
    learn(bucket, interval(500, 65.0), pauses=[60.0])
    assert bucket.rate == 100


def test_long_pauses_in_a_row_make_quota_windows_of_outages():
    bucket, estimate, window = BucketModel(100.0, 40.0), RateEstimator(), interval(500, 60.0)
    states = []
    for number in range(1, WINDOWS + 1):
        learn(bucket, window, estimate=estimate, pauses=[50.0])
        states.append((estimate.had_pause, estimate.may_be_windows, estimate.in_windows))
        assert number < WINDOWS or bucket.rate == pytest.approx(0.98 * 500 / 60)
    assert states == [(True, False, False), (True, True, False), (True, True, True)]
    learn(bucket, window, estimate=estimate)
    assert not estimate.had_pause
    assert not estimate.may_be_windows


def test_an_interval_in_which_next_to_nothing_was_taken_is_no_window():
    estimate = learn(BucketModel(100.0, 40.0), *[interval(19, 60.0)] * 5, pauses=[50.0] * 5)
    assert not estimate.had_pause


def test_the_last_quota_windows_count_more_than_those_before():
    estimate, bucket = RateEstimator(), BucketModel(100.0, 40.0)
    learn(bucket, *[interval(500, 10.0)] * 5, *[interval(100, 10.0)] * 5, estimate=estimate, pauses=[4.0] * 10)
    assert 0.98 * 10 < bucket.rate < 0.98 * 13


def test_a_rate_is_solid_when_many_requests_stand_for_it():
    estimate, bucket = RateEstimator(), BucketModel(100.0, 40.0)
    learn(bucket, interval(SOLID, SOLID / 100), estimate=estimate)
    assert estimate.solid == pytest.approx(100)
    learn(bucket, interval(SOLID - 1, 1.0), estimate=estimate)
    assert estimate.solid == pytest.approx(100)
    assert bucket.rate < 95
