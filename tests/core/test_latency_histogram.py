import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.latency_histogram import LONGEST, SHORTEST, WIDTH, LatencyHistogram

SECONDS = st.floats(min_value=SHORTEST, max_value=LONGEST)


def durations(*seconds):
    times = LatencyHistogram()
    for each in seconds:
        times.add(each)
    return times


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_each_quantile_is_within_half_a_bin_of_the_exact_one(seconds, q):
    exact = sorted(seconds)[math.ceil(q * len(seconds)) - 1]
    found = durations(*seconds).quantile(q)
    assert abs(math.log(found / exact, WIDTH)) <= 0.5 + 1e-6


@given(st.lists(SECONDS, min_size=1))
def test_a_higher_quantile_is_never_shorter(seconds):
    times = durations(*seconds)
    assert times.quantile(0.5) <= times.quantile(0.95) <= times.quantile(1.0)


@given(st.lists(st.floats(min_value=0), max_size=500))
def test_memory_is_bounded_whatever_comes(seconds):
    bins = durations(*seconds).bins
    assert bins.total() == len(seconds)
    assert all(0 <= number <= math.log(LONGEST / SHORTEST, WIDTH) for number in bins)


@pytest.mark.parametrize(
    ("seconds", "counts_as"), [(0.0, SHORTEST), (-1.0, SHORTEST), (1e9, LONGEST), (math.inf, LONGEST)]
)
def test_what_lies_outside_counts_as_the_nearest_bound(seconds, counts_as):
    assert durations(seconds).quantile(0.5) == pytest.approx(counts_as, rel=WIDTH - 1)


def test_nothing_has_no_quantile():
    assert durations().quantile(0.5) is None
