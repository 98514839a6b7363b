from datetime import timedelta

import pytest
from support.clock import NOON, FakeClock

from ingest.core.run_stats import RunStats
from ingest.fetch.ratelimit.controller import LimitState
from ingest.pipeline.progress import SHORTEST_SPAN, WINDOW, ProgressSnapshot, ProgressTracker, RecentRate


class FakeLimiter:
    """A limiter that has only a state."""

    def __init__(self, pause=0.0, reason=None):
        self.pause, self.reason = pause, reason

    def state(self):
        return LimitState("waiting" if self.pause else "holding", 50.0, 12, self.pause, self.reason)


@pytest.fixture
def clock():
    return FakeClock()


def seen_while(tracker, clock, stats, seconds, per_second, step=0.5):
    """The last snapshot after so many seconds in which IDs are done at this rate."""
    for _ in range(round(seconds / step)):
        clock.advance(step)
        stats.done += round(per_second * step)
        snapshot = tracker.snapshot()
    return snapshot


def test_before_fetching_there_are_counts_but_no_rate_and_no_limiter(clock):
    tracker = ProgressTracker(RunStats(sightings=7), clock)
    clock.advance(60)
    assert tracker.snapshot() == ProgressSnapshot(found=7, due=0, done=0, throttled=0, overloaded=0)
    assert not tracker.has_begun


def test_a_snapshot_has_the_counts_of_the_run_and_the_state_of_the_limiter(clock):
    stats = RunStats(sightings=20, due=10, done=3)
    stats.statuses.update({429: 2, 503: 1, 529: 4})
    tracker, limiter = ProgressTracker(stats, clock), FakeLimiter()
    tracker.begin([limiter])
    assert tracker.has_begun
    assert tracker.snapshot() == ProgressSnapshot(20, 10, 3, throttled=2, overloaded=5, limit=limiter.state())


def test_the_rate_is_that_of_now_and_the_rest_is_expected_to_go_on_like_it(clock):
    stats = RunStats(due=2000)
    tracker = ProgressTracker(stats, clock)
    clock.advance(300)  # reading is no part of it
    tracker.begin([FakeLimiter()])
    assert seen_while(tracker, clock, stats, 5, 10).rate == pytest.approx(10)
    snapshot = seen_while(tracker, clock, stats, WINDOW, 100)
    assert snapshot.rate == pytest.approx(100)
    assert snapshot.eta == pytest.approx((2000 - 1050) / 100)


def test_snapshots_ten_seconds_apart_have_the_rate_between_them(clock):
    stats = RunStats(due=2000)
    tracker = ProgressTracker(stats, clock)
    tracker.begin([FakeLimiter()])
    assert seen_while(tracker, clock, stats, 10, 48, step=10).rate == pytest.approx(48)
    assert seen_while(tracker, clock, stats, 10, 2, step=10).rate == pytest.approx(2)


def test_there_is_no_rate_and_no_eta_before_there_is_something_to_take_it_from(clock):
    stats = RunStats(due=2000)
    tracker = ProgressTracker(stats, clock)
    tracker.begin([FakeLimiter()])
    snapshot = seen_while(tracker, clock, stats, SHORTEST_SPAN / 2, 10)
    assert (snapshot.rate, snapshot.eta) == (None, None)


def test_when_nothing_moves_the_rate_is_zero_and_the_end_unknown(clock):
    stats = RunStats(due=2000)
    tracker = ProgressTracker(stats, clock)
    tracker.begin([FakeLimiter()])
    snapshot = seen_while(tracker, clock, stats, 5, 0)
    assert (snapshot.rate, snapshot.eta) == (0.0, None)


def test_a_pause_has_its_end_and_leaves_no_trace_in_the_rate(clock):
    stats, limiter = RunStats(due=2000), FakeLimiter()
    tracker = ProgressTracker(stats, clock)
    tracker.begin([limiter])
    seen_while(tracker, clock, stats, 5, 40)
    limiter.pause = 12.0
    snapshot = seen_while(tracker, clock, stats, 8, 0)
    assert (snapshot.rate, snapshot.eta) == (None, None)
    assert snapshot.resumes_at == NOON + timedelta(seconds=5 + 8 + 12)
    limiter.pause = 0.0
    snapshot = seen_while(tracker, clock, stats, 2, 40)
    assert (snapshot.rate, snapshot.resumes_at) == (pytest.approx(40), None)


def test_a_wait_that_only_paces_is_no_pause(clock):
    stats = RunStats(due=2000)
    tracker = ProgressTracker(stats, clock)
    tracker.begin([FakeLimiter(pause=0.9, reason="throttled")])
    snapshot = seen_while(tracker, clock, stats, 5, 40)
    assert (snapshot.rate, snapshot.resumes_at) == (pytest.approx(40), None)


def test_few_samples_are_kept_however_long_the_run():
    recent = RecentRate()
    for second in range(1000):
        recent.add(second, second * 3)
    assert len(recent._samples) == WINDOW + 1
    assert recent.per_second() == 3.0
