from datetime import timedelta

import pytest
from fake_clock import NOON, FakeClock

from ingest.core.run_stats import Tally
from ingest.fetch.ratelimit.controller import LimitState
from ingest.pipeline.progress import SHORTEST_SPAN, WINDOW, RecentRate, Sight, Watch


class FakeGate:
    """A gate of which only the state is to be seen."""

    def __init__(self, pause=0.0, reason=None):
        self.pause, self.reason = pause, reason

    def state(self):
        return LimitState("waiting" if self.pause else "holding", 50.0, 12, self.pause, self.reason)


@pytest.fixture
def clock():
    return FakeClock()


def seen_while(watch, clock, tally, seconds, per_second, step=0.5):
    """The last sight after so many seconds in which IDs are done at this rate."""
    for _ in range(round(seconds / step)):
        clock.advance(step)
        tally.done += round(per_second * step)
        sight = watch.look()
    return sight


def test_before_fetching_there_are_counts_but_no_rate_and_no_limiter(clock):
    watch = Watch(Tally(sightings=7), clock)
    clock.advance(60)
    assert watch.look() == Sight(found=7, due=0, done=0, throttled=0, overloaded=0)
    assert not watch.has_begun


def test_a_sight_has_the_tallys_counts_and_the_limiters_state(clock):
    tally = Tally(sightings=20, due=10, done=3)
    tally.statuses.update({429: 2, 503: 1, 529: 4})
    watch, gate = Watch(tally, clock), FakeGate()
    watch.begin(gate)
    assert watch.has_begun
    assert watch.look() == Sight(20, 10, 3, throttled=2, overloaded=5, limit=gate.state())


def test_the_rate_is_that_of_now_and_the_rest_is_expected_to_go_on_like_it(clock):
    tally = Tally(due=2000)
    watch = Watch(tally, clock)
    clock.advance(300)  # reading is no part of it
    watch.begin(FakeGate())
    assert seen_while(watch, clock, tally, 5, 10).rate == pytest.approx(10)
    sight = seen_while(watch, clock, tally, WINDOW, 100)
    assert sight.rate == pytest.approx(100)
    assert sight.eta == pytest.approx((2000 - 1050) / 100)


def test_looks_ten_seconds_apart_tell_the_rate_between_them(clock):
    tally = Tally(due=2000)
    watch = Watch(tally, clock)
    watch.begin(FakeGate())
    assert seen_while(watch, clock, tally, 10, 48, step=10).rate == pytest.approx(48)
    assert seen_while(watch, clock, tally, 10, 2, step=10).rate == pytest.approx(2)


def test_there_is_no_rate_and_no_eta_before_there_is_something_to_take_it_from(clock):
    tally = Tally(due=2000)
    watch = Watch(tally, clock)
    watch.begin(FakeGate())
    sight = seen_while(watch, clock, tally, SHORTEST_SPAN / 2, 10)
    assert (sight.rate, sight.eta) == (None, None)


def test_when_nothing_moves_the_rate_is_zero_and_the_end_unknown(clock):
    tally = Tally(due=2000)
    watch = Watch(tally, clock)
    watch.begin(FakeGate())
    sight = seen_while(watch, clock, tally, 5, 0)
    assert (sight.rate, sight.eta) == (0.0, None)


def test_a_pause_has_its_end_and_leaves_no_trace_in_the_rate(clock):
    tally, gate = Tally(due=2000), FakeGate()
    watch = Watch(tally, clock)
    watch.begin(gate)
    seen_while(watch, clock, tally, 5, 40)
    gate.pause = 12.0
    sight = seen_while(watch, clock, tally, 8, 0)
    assert (sight.rate, sight.eta) == (None, None)
    assert sight.resumes_at == NOON + timedelta(seconds=5 + 8 + 12)
    gate.pause = 0.0
    sight = seen_while(watch, clock, tally, 2, 40)
    assert (sight.rate, sight.resumes_at) == (pytest.approx(40), None)


def test_a_wait_that_only_paces_is_no_pause(clock):
    tally = Tally(due=2000)
    watch = Watch(tally, clock)
    watch.begin(FakeGate(pause=0.9, reason="throttled"))
    sight = seen_while(watch, clock, tally, 5, 40)
    assert (sight.rate, sight.resumes_at) == (pytest.approx(40), None)


def test_few_samples_are_kept_however_long_the_run():
    recent = RecentRate()
    for second in range(1000):
        recent.add(second, second * 3)
    assert len(recent._samples) == WINDOW + 1
    assert recent.per_second() == 3.0
