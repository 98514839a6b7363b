from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch.ratelimit.outage import LATEST, SHARE, SOONEST, Outage

REASONS = ["throttled", "overloaded", "silent"]
PATIENCE = 2.0


def gaps(outage, number, took=0.05):
    """Seconds between the failure of one probe and the next probe."""
    now, seconds = outage.since, []
    for _ in range(number):
        seconds.append(outage.wait(now, PATIENCE))
        now += seconds[-1]
        outage.tested(now)
        outage.goes_on(now, now + took)
        now += took
    return seconds


@pytest.mark.parametrize("reason", REASONS)
def test_the_first_probe_comes_after_the_first_gap(reason):
    outage = Outage(reason, 100.0, 1.5)
    assert outage.wait(100.0, PATIENCE) == 1.5
    assert outage.wait(101.0, PATIENCE) == 0.5
    assert outage.wait(101.5, PATIENCE) == 0


@pytest.mark.parametrize("reason", ["overloaded", "silent"])
def test_the_gaps_are_a_share_of_the_outage_from_half_a_second_to_eight(reason):
    seconds = gaps(Outage(reason, 100.0, SOONEST), 40)
    assert (seconds[0], seconds[1], seconds[-1]) == (pytest.approx(0.5), pytest.approx(0.5), pytest.approx(8))
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(seconds))
    assert all(later <= (1 + SHARE) * earlier + 0.1 for earlier, later in pairwise(seconds))


def test_the_gaps_of_a_throttled_bucket_double():
    assert gaps(Outage("throttled", 0.0, 0.1), 9) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8, 8])


@pytest.mark.parametrize("reason", REASONS)
def test_a_probe_that_is_not_answered_is_given_up_after_the_patience(reason):
    outage = Outage(reason, 0.0, 0.5)
    outage.tested(0.5)
    assert outage.wait(0.5, PATIENCE) == PATIENCE
    assert outage.wait(2.0, PATIENCE) == 0.5
    assert outage.wait(2.0, 10.0) == 8.5
    assert outage.wait(2.5, PATIENCE) == 0


@pytest.mark.parametrize("reason", REASONS)
def test_a_late_answer_to_an_older_probe_does_not_hide_that_another_is_under_way(reason):
    outage = Outage(reason, 0.0, 0.5)
    outage.tested(0.5)
    outage.tested(2.5)
    outage.goes_on(0.5, 2.6)
    assert outage.wait(2.6, PATIENCE) == pytest.approx(1.9)
    outage.goes_on(2.5, 2.7)
    assert outage.wait(2.7, PATIENCE) == outage.gap


@given(
    st.sampled_from(REASONS),
    st.floats(0, 1e6),
    st.floats(0.01, LATEST),
    st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=30),
)
def test_no_gap_is_longer_than_eight_seconds_nor_shorter_than_the_first_or_half_a_second(reason, since, gap, probes):
    outage, now = Outage(reason, since, gap), since
    shortest = gap if reason == "throttled" else SOONEST
    for took, is_answered in probes:
        now += max(outage.wait(now, PATIENCE), 0)
        outage.tested(now)
        if is_answered:
            outage.goes_on(now, now + took)
            now += took
            assert shortest <= outage.gap <= LATEST
            assert outage.wait(now, PATIENCE) == pytest.approx(outage.gap, abs=1e-6)
        else:
            assert outage.wait(now, PATIENCE) == pytest.approx(max(PATIENCE, outage._next - now), abs=1e-6)
