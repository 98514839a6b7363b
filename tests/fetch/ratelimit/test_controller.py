"""The policy: what must hold whatever happens, what each of its cases does, and how it does at the lab's servers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.world import Profile, Queue, TokenBucket, World, fixed, spread, steady

from ingest.fetch.ratelimit.controller import (
    CATCH_UP,
    FAILURES,
    START_PACE,
    Answer,
    LearnedLimit,
    LimitState,
    RateController,
)
from ingest.fetch.ratelimit.in_flight import ALWAYS_IN_FLIGHT
from ingest.fetch.ratelimit.outage import LATEST, SOONEST

TAKEN, THROTTLED, OVERLOADED, FAILED = Answer
KNOWN = LearnedLimit(50.0, 40.0)
SOON = 1e-6
"""Seconds by which a float may miss."""

answers = st.sampled_from(Answer)
hints = st.one_of(st.none(), st.none(), st.sampled_from([0.0, 0.001, 300.0, 1e6]), st.floats(0, 400))
passing = st.one_of(st.sampled_from([0.0, 1e-6, 0.1, 1.0, 3600.0]), st.floats(0, 20))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 40)),
        st.tuples(st.just("wait and send"), st.integers(1, 40)),
        st.tuples(st.just("answer"), st.floats(0, 1), answers, hints),
        st.tuples(st.just("answer"), st.floats(0, 1), answers, hints),
        st.tuples(st.just("answer all"), answers, hints),
        st.tuples(st.just("pass"), passing),
    ),
    max_size=100,
)
starts = st.floats(0, 1e6)
knowledge = st.one_of(st.none(), st.builds(LearnedLimit, st.floats(0.02, 5000), st.floats(1, 10_000)))
limits = st.builds(
    RateController, st.one_of(st.none(), st.floats(0.01, 1e4)), st.integers(1, 40), st.just(30.0), learned=knowledge
)


class Hand:
    """Acts as clock, sender and server; sends only when the limiter allows it.

    Attributes:
        under_way: When each request that is not answered was sent.
        sends: When each was sent.
        until: The end of the longest hint.
    """

    def __init__(self, controller, now=0.0):
        self.controller = controller
        self.now = now
        self.under_way = []
        self.sends = []
        self.until = -math.inf

    def send(self, most=1000):
        """Send so many at once, if the limiter allows it; returns how many went."""
        for number in range(most):
            if self.controller.wait(self.now) > 0:
                return number
            self.controller.sent(self.now)
            self.under_way.append(self.now)
            self.sends.append(self.now)
        return most

    def wait_and_send(self, number=1):
        """Let time pass until each may go; False if it would last forever."""
        for _ in range(number):
            while (wait := self.controller.wait(self.now)) > 0:
                if wait == math.inf:
                    return False
                self.now += max(wait, 1e-9 * self.now)
            self.send(1)
        return True

    def answer(self, answer, hint=None, nth=0):
        if hint:
            self.until = max(self.until, self.now + hint)
        self.controller.answered(answer, self.under_way.pop(nth), self.now, hint)

    def answer_all(self, answer, hint=None):
        while self.under_way:
            self.answer(answer, hint)

    def exchange(self, *answers, took=0.05, hint=None):
        """One request after the other, each answered before the next is sent."""
        for answer in answers:
            assert self.wait_and_send()
            self.now += took
            self.answer(answer, hint, -1)

    def step(self, name, *details):
        match name:
            case "send":
                self.send(*details)
            case "wait and send":
                self.wait_and_send(*details)
            case "answer" if self.under_way:
                where, answer, hint = details
                self.answer(answer, hint, int(where * (len(self.under_way) - 1)))
            case "answer all":
                self.answer_all(*details)
            case "pass":
                self.now += details[0]

    def state(self):
        return self.controller.state(self.now)


def overloaded(limit=None):
    """Where three answers 529 in a row have just made an outage."""
    hand = Hand(limit or RateController(learned=KNOWN))
    hand.exchange(TAKEN, TAKEN, OVERLOADED, OVERLOADED, OVERLOADED)
    return hand


# Whatever happens


@settings(max_examples=300)
@given(limits, steps, starts)
def test_whatever_happens_there_is_a_finite_wait_and_a_sane_rate(limit, steps, start):
    hand = Hand(limit, start)
    for step in steps:
        hand.step(*step)
        wait = limit.wait(hand.now)
        assert wait >= 0
        assert wait < math.inf or hand.under_way
        assert hand.now + wait >= hand.until - SOON
        assert 0 < limit.rate <= limit._cap
        assert limit.rate < math.inf
        state = hand.state()
        assert (state.rate, state.in_flight) == (limit.rate, len(hand.under_way))
        assert 0 <= state.pause < math.inf
        assert (state.phase == "waiting") == (state.reason is not None)
        assert state.reason in {None, "asked", "throttled", "overloaded", "silent"}
        assert state.reason or (state.pause == 0 and hand.until <= hand.now)
        assert f"{len(hand.under_way)} in flight" in repr(limit)
        learned = limit.learned
        assert learned is None or (0 < learned.rate < math.inf and 0 < learned.burst < math.inf)


@given(limits, steps, starts)
def test_after_the_wait_a_request_may_go_unless_an_answer_is_awaited(limit, steps, start):
    hand = Hand(limit, start)
    for step in steps:
        hand.step(*step)
    hand.answer_all(TAKEN)
    for _ in range(3):
        assert hand.wait_and_send()
        hand.now += 0.1
        hand.answer_all(TAKEN)


def test_a_sleep_as_long_as_the_wait_is_long_enough():
    for number in range(1000):
        limit, now = RateController(learned=KNOWN), number / 7
        for _ in range(3):
            while (wait := limit.wait(now)) > 0:
                assert now + wait > now
                now += wait
            limit.sent(now)
            limit.answered(TAKEN, now, now)


@settings(max_examples=200)
@given(st.data(), steps, starts)
def test_asking_again_gives_the_same_answer_and_changes_nothing(data, steps, start):
    details = {
        "cap": data.draw(st.one_of(st.none(), st.floats(1, 1000))),
        "concurrency": data.draw(st.integers(1, 20)),
        "learned": data.draw(knowledge),
    }
    once, often = Hand(RateController(**details), start), Hand(RateController(**details), start)
    for step in steps:
        once.step(*step)
        often.step(*step)
        wait = once.controller.wait(once.now)
        for _ in range(3):
            assert often.controller.wait(often.now) == wait
            assert often.state() == once.state()
            assert repr(often.controller) == repr(once.controller)
        assert often.controller.learned == once.controller.learned
    assert often.sends == once.sends


@given(st.integers(1, 40), knowledge, steps)
def test_no_more_are_under_way_than_allowed(concurrency, learned, steps):
    hand = Hand(RateController(None, concurrency, learned=learned))
    for step in steps:
        hand.step(*step)
        before = len(hand.under_way)
        if hand.send(1) and hand.state().reason is None:
            assert before < concurrency


def test_no_more_are_under_way_than_allowed_at_a_silent_server_either():
    hand = Hand(RateController(concurrency=3))
    hand.wait_and_send(4)
    assert len(hand.under_way) <= 3


@given(
    cap=st.floats(0.5, 300),
    lates=st.lists(st.one_of(st.floats(0, 0.3), st.just(0.0)), min_size=2, max_size=150),
    start=starts,
    learned=knowledge,
    concurrency=st.integers(1, 40),
)
def test_no_window_holds_more_sends_than_the_cap_allows(cap, lates, start, learned, concurrency):
    hand = Hand(RateController(cap, concurrency, learned=learned), start)
    for late in lates:
        if not hand.wait_and_send():
            hand.answer_all(TAKEN)
            hand.wait_and_send()
        hand.now += late
        hand.send()
        if len(hand.under_way) > 2:
            hand.answer(TAKEN)
    for first, begins in enumerate(hand.sends):
        for last in range(first, len(hand.sends)):
            assert last - first <= cap * (hand.sends[last] - begins + CATCH_UP) + 1 + 1e-3


def test_no_window_holds_more_sends_than_the_cap_allows_in_an_outage_either():
    hand = Hand(RateController(0.25, learned=KNOWN))
    hand.exchange(TAKEN, OVERLOADED, OVERLOADED, OVERLOADED, OVERLOADED, TAKEN, TAKEN)
    assert all(later - earlier >= 4 - CATCH_UP for earlier, later in pairwise(hand.sends))


@pytest.mark.parametrize("learned", [None, KNOWN])
def test_an_idle_hour_earns_no_burst_beyond_the_cap(learned):
    hand = Hand(RateController(10.0, learned=learned))
    hand.exchange(TAKEN)
    hand.now += 3600
    assert hand.send() <= 10 * CATCH_UP + 1


@pytest.mark.parametrize("cap", [None, 100.0])
def test_the_rate_is_capped_from_the_start(cap):
    assert RateController(cap, learned=LearnedLimit(500, 40)).rate == (cap or 500)
    assert RateController(cap).rate == START_PACE
    assert RateController(2.0).rate == 2


# What the server asks for


@given(limits, st.lists(st.tuples(answers, hints, st.floats(0, 10)), min_size=1, max_size=10), st.floats(0, 500))
def test_a_hint_on_any_answer_is_kept_to_by_all_requests(limit, answered, later):
    hand = Hand(limit)
    for answer, hint, passed in answered:
        if hand.send(1):
            hand.now += passed
            hand.answer(answer, hint)
    hand.now += later
    asked = hand.until > hand.now
    assert limit.wait(hand.now) >= hand.until - hand.now - SOON
    assert not asked or hand.state().reason is not None
    assert not asked or hand.send() == 0


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 300)), min_size=1))
def test_a_shorter_hint_never_shortens_a_pause(holds):
    limit, now, until = RateController(learned=KNOWN), 1.0, 0.0
    limit.wait(0.0)
    for passed, seconds in holds:
        now += passed
        until = max(until, now + seconds)
        limit.hold(now, seconds)
    assert limit.wait(now) == pytest.approx(max(until - now, 0), abs=SOON)


def test_a_pause_is_over_when_it_is_over_and_keeps_the_rate():
    limit = RateController(learned=KNOWN)
    limit.wait(5.0)
    limit.hold(5.0, 2.0)
    assert limit.state(6.0) == LimitState("waiting", 50.0, 0, 1.0, "asked")
    assert limit.state(7.0) == LimitState("holding", 50.0, 0)
    assert limit.wait(7.0) == 0


def test_the_pause_of_a_hint_is_shown_also_while_slow_start_awaits_its_last_answers():
    hand = Hand(RateController())
    hand.wait_and_send(2)
    hand.answer(THROTTLED, hint=5.0)
    assert (hand.state().reason, hand.state().pause) == ("asked", 5.0)


# Slow start


def test_slow_start_doubles_its_pace_about_every_0_7_seconds_until_a_rejection():
    hand = Hand(RateController())
    rates = []
    for _ in range(3):
        since = hand.now
        while hand.now < since + math.log(2):
            hand.exchange(TAKEN, took=0.0)
        rates.append(hand.controller.rate)
    assert all(1.7 < later / earlier < 2.3 for earlier, later in pairwise((START_PACE, *rates)))
    assert hand.state().phase == "searching"
    assert hand.controller.learned is None


def test_after_the_first_rejection_the_answers_of_requests_under_way_are_awaited_and_read():
    hand = Hand(RateController())
    while hand.controller.rate < 40:
        hand.exchange(TAKEN, took=0.001)
    hand.wait_and_send(12)
    hand.answer(THROTTLED)
    for number in range(11):
        assert hand.controller.wait(hand.now) > 1  # nothing goes before it is read, unless the server falls silent
        assert hand.controller.learned is None
        hand.answer(TAKEN if number % 2 else THROTTLED)
    assert hand.controller.wait(hand.now) < math.inf
    assert hand.state().phase == "holding"
    assert hand.controller.learned.rate == pytest.approx(40 * 5 / 11, rel=0.1)


def test_a_capped_slow_start_grows_to_the_cap_and_learns_nothing():
    hand = Hand(RateController(20.0))
    hand.exchange(*[TAKEN] * 100, took=0.0)
    assert (hand.controller.rate, hand.controller.learned) == (20.0, None)


def test_what_was_learned_is_the_starting_point():
    limit = RateController(learned=KNOWN)
    assert (limit.rate, limit.state(0.0).phase) == (50.0, "holding")
    assert limit.learned is None
    hand = Hand(limit)
    hand.exchange(*[TAKEN] * 10, THROTTLED, took=0.01)
    assert 20 < limit.learned.rate <= 50
    assert 10 < limit.learned.burst <= 40


def test_a_known_rate_is_kept_to_until_it_is_time_to_probe():
    hand = Hand(RateController(learned=KNOWN))
    phases = []
    for _ in range(40):
        hand.exchange(TAKEN, took=0.001)
        phases.append(hand.state().phase)
    assert phases == ["holding"] * 29 + ["probing"] * 11
    assert "probing" in repr(hand.controller)
    assert hand.sends[28] - hand.sends[0] >= (28 - 2) / 50  # of four tokens kept at first, two by then


def test_a_probe_that_is_rejected_ends_and_measures_the_rate_anew():
    hand = Hand(RateController(learned=KNOWN))
    hand.exchange(*[TAKEN] * 60, took=0.001)
    assert hand.state().phase == "probing"
    hand.exchange(THROTTLED, took=0.001)
    assert hand.state().phase == "holding"
    assert hand.controller.rate == pytest.approx(60 / hand.sends[-1], rel=0.1)


def test_a_server_that_takes_ever_more_makes_a_new_slow_start():
    hand = Hand(RateController(learned=LearnedLimit(10, 5)))
    phases = set()
    for _ in range(1000):
        hand.exchange(TAKEN, took=0.01)
        phases.add(hand.state().phase)
    assert phases == {"holding", "probing", "searching"}
    assert hand.controller.rate > 20


# Outages


def test_test_requests_to_an_overloaded_server_go_alone_and_ever_more_seldom_and_one_success_ends_it():
    hand = overloaded()
    assert hand.state() == LimitState("waiting", 50.0, 0, 0.5, "overloaded")
    assert "overloaded" in repr(hand.controller)
    gaps = []
    for _ in range(40):
        answered_at = hand.now
        assert hand.wait_and_send()
        gaps.append(hand.now - answered_at)
        hand.now += 0.05
        assert hand.send() == 0
        hand.answer(OVERLOADED)
        assert (hand.state().reason, hand.controller.rate) == ("overloaded", 50.0)
    assert gaps[0] == pytest.approx(SOONEST)
    assert all(later >= earlier - SOON for earlier, later in pairwise(gaps))
    assert gaps[-1] == pytest.approx(LATEST)
    assert len({round(g, 3) for g in gaps}) > 10
    hand.exchange(TAKEN)
    assert (hand.state().reason, hand.controller.rate) == (None, 50.0)
    assert hand.wait_and_send(5)
    assert hand.sends[-1] - hand.sends[-5] < 8 / 50


@given(st.lists(st.one_of(st.none(), st.sampled_from([OVERLOADED, FAILED, THROTTLED])), max_size=30), st.floats(0, 5))
def test_never_two_test_requests_are_under_way_within_the_patience(answers, late):
    hand = overloaded()
    patience = hand.controller._requests.patience
    assert patience == 2
    for answer in answers:
        assert hand.wait_and_send()
        assert all(hand.now >= sent_at + patience - SOON for sent_at in hand.under_way[:-1])
        hand.now += 0.0 if answer is None else min(late, 1.9)
        assert hand.send() == 0
        if answer:
            hand.answer(answer, nth=-1)


def test_a_late_answer_to_an_older_test_request_lets_no_third_go_beside_the_second():
    hand = overloaded()
    hand.wait_and_send(2)
    second = hand.now
    hand.now += 0.1
    hand.answer(OVERLOADED)
    hand.wait_and_send()
    assert hand.now >= second + 2 - SOON


@pytest.mark.parametrize("unsettled", [OVERLOADED, FAILED])
@pytest.mark.parametrize("learned", [None, KNOWN])
def test_a_lone_529_changes_nothing(learned, unsettled):
    quiet, other = Hand(RateController(learned=learned)), Hand(RateController(learned=learned))
    quiet.exchange(*[TAKEN] * 5)
    other.exchange(*[TAKEN] * 5)
    phase, rate = other.state().phase, other.controller.rate
    other.exchange(unsettled)
    assert (other.state().phase, other.controller.rate, other.controller.learned) == (phase, rate, None)
    quiet.exchange(*[TAKEN] * 2)
    other.exchange(TAKEN)
    assert other.now <= quiet.now + SOON


@pytest.mark.parametrize("between", [TAKEN, THROTTLED])
def test_failures_that_are_not_in_a_row_make_no_outage(between):
    hand = Hand(RateController(learned=KNOWN))
    hand.exchange(*[TAKEN] * 5, OVERLOADED, OVERLOADED, between, OVERLOADED, OVERLOADED)
    assert hand.state().reason is None
    hand.exchange(OVERLOADED)
    assert hand.state().reason == "overloaded"


def test_ten_failures_in_a_row_make_an_outage_and_nine_do_not():
    hand = Hand(RateController(learned=KNOWN))
    hand.exchange(*[FAILED] * (FAILURES - 1))
    assert (FAILURES, hand.state().reason) == (10, None)
    hand.exchange(FAILED)
    assert hand.state().reason == "overloaded"


def test_an_answer_to_what_was_sent_before_the_outage_does_not_end_it():
    hand = Hand(RateController(learned=KNOWN))
    hand.wait_and_send(6)
    hand.now += 0.05
    for answer in (OVERLOADED, OVERLOADED, OVERLOADED, TAKEN, OVERLOADED, TAKEN):
        hand.answer(answer)
    assert hand.state().reason == "overloaded"
    assert hand.controller.wait(hand.now) == pytest.approx(SOONEST)


def test_a_hint_holds_back_test_requests_as_well():
    hand = overloaded()
    hand.exchange(OVERLOADED, hint=60.0)
    assert hand.state() == LimitState("waiting", 50.0, 0, 60.0, "overloaded")


@settings(max_examples=50)
@given(st.floats(1, 2000), st.floats(5, 1000), st.integers(0, 60), st.floats(0.001, 0.5), st.integers(0, 50))
def test_the_rate_after_an_outage_is_the_rate_before(rate, burst, before, took, probes):
    hand = Hand(RateController(learned=LearnedLimit(rate, burst)))
    hand.exchange(*[TAKEN] * before, took=took)
    known = hand.controller.rate
    hand.exchange(*[OVERLOADED] * (3 + probes), took=took)
    assert (hand.state().reason, hand.controller.rate) == ("overloaded", known)
    hand.exchange(TAKEN, took=took)
    assert (hand.state().reason, hand.controller.rate) == (None, known)


def test_slow_start_goes_on_after_an_outage_where_it_was():
    hand = Hand(RateController())
    hand.exchange(*[TAKEN] * 10)
    pace = hand.controller.rate
    hand.exchange(*[OVERLOADED] * 5, TAKEN)
    assert (hand.state().phase, hand.controller.rate) == ("searching", pace)


def test_what_a_pause_may_have_stored_is_not_spent_at_once():
    hand = overloaded()
    hand.exchange(*[OVERLOADED] * 20, TAKEN)
    since = hand.now
    hand.exchange(*[TAKEN] * 28, took=0.0)
    assert hand.now - since >= (28 - 4) / 50


def test_what_an_outage_refused_counts_in_no_rate():
    hand = overloaded()
    hand.exchange(*[OVERLOADED] * 20, TAKEN)
    assert hand.controller._requests.taken == 3
    since = hand.now
    hand.exchange(*[TAKEN] * 60, THROTTLED, took=0.0)
    assert hand.state().reason is None
    assert 50 < hand.controller.rate <= 60 / (hand.now - since)


def test_without_answers_to_three_requests_it_sends_test_requests():
    hand = Hand(RateController(learned=KNOWN))
    hand.wait_and_send(3)
    hand.now = hand.sends[0] + 1.99
    assert hand.controller.wait(hand.now) == 0
    hand.now = hand.sends[0] + 2.01
    assert hand.controller.wait(hand.now) == SOONEST
    assert hand.state() == LimitState("waiting", 50.0, 3, SOONEST, "silent")
    hand.wait_and_send()
    assert hand.controller.wait(hand.now) == pytest.approx(2)
    hand.now += 0.1
    hand.answer(TAKEN, nth=-1)
    assert (hand.state().reason, hand.controller.rate) == (None, 50.0)


def test_two_requests_without_an_answer_are_no_silence():
    hand = Hand(RateController(learned=KNOWN))
    hand.wait_and_send(2)
    hand.now += 100
    assert (hand.controller.wait(hand.now), hand.state().reason) == (0, None)


def test_any_answer_breaks_the_silence_before_it_is_one():
    hand = Hand(RateController(learned=KNOWN))
    hand.wait_and_send(6)
    hand.now += 1.5
    hand.answer(TAKEN)
    hand.now += 1.5
    assert (hand.controller.wait(hand.now), hand.state().reason) == (0, None)


def test_where_answers_take_long_silence_needs_longer():
    hand = Hand(RateController(learned=KNOWN))
    hand.exchange(*[TAKEN] * 60, took=1.0)
    hand.wait_and_send(3)
    hand.now += 6
    assert (hand.controller.wait(hand.now), hand.state().reason) == (0, None)
    hand.now += 3
    assert hand.controller.wait(hand.now) == SOONEST


def test_a_bucket_that_stays_empty_is_tested_in_doubling_gaps():
    hand = Hand(RateController(learned=KNOWN))
    hand.exchange(*[TAKEN] * 10, THROTTLED, THROTTLED, took=0.01)
    assert hand.state().reason == "throttled"
    gaps = []
    for _ in range(9):
        gaps.append(hand.controller.wait(hand.now))
        hand.exchange(THROTTLED, took=0.01)
    assert all(later == pytest.approx(min(2 * earlier, LATEST)) for earlier, later in pairwise(gaps))
    assert gaps[-1] == LATEST


# Against the lab's servers


class Watched(RateController):
    """Records what it met."""

    def __init__(self, learned=None):
        super().__init__(learned=learned)
        self.requests = self.most = 0
        self.answers = []
        self.after_2000 = None

    def sent(self, now):
        super().sent(now)
        self.requests += 1
        self.most = max(self.most, self.state(now).in_flight)
        if self.requests == 2000:
            self.after_2000 = self.learned

    def answered(self, answer, sent_at, now, hint=None):
        super().answered(answer, sent_at, now, hint)
        self.answers.append(answer)


def watched(limit, seconds, latency, learned=None, seed=0):
    """What the policy met at this server."""
    met = []

    def make_policy(_):
        met.append(Watched(learned))
        return met[-1]

    World(Profile("one server", lambda _: limit, seconds, latency=latency), make_policy, seed).run()
    return met[0]


latencies = st.one_of(
    st.floats(0.02, 0.2).map(fixed), st.floats(0.02, 0.2).map(lambda middle: spread(0.6 * middle, 1.4 * middle))
)


@settings(max_examples=25, derandomize=True)
@given(st.floats(20, 200), st.floats(0.15, 1), latencies, st.integers(0, 99))
def test_the_measured_rate_is_within_3_percent_after_2000_requests(rate, seconds_stored, latency, seed):
    burst = 5 + rate * seconds_stored
    limit = watched(TokenBucket(steady(rate), burst), (2000 + burst) / rate + 20, latency, seed=seed)
    assert limit.after_2000.rate == pytest.approx(rate, rel=0.03)
    assert limit.answers.count(THROTTLED) <= 0.02 * limit.requests + 30


@settings(max_examples=25, derandomize=True)
@given(latencies, st.integers(0, 99))
def test_a_limiter_that_knows_the_limit_wastes_nothing_in_the_first_100_requests(latency, seed):
    limit = watched(TokenBucket(steady(50), 40), 3, latency, KNOWN, seed)
    assert limit.answers[:100] == [TAKEN] * 100


@pytest.mark.parametrize(("workers", "service"), [(1, 1.0), (4, 0.5), (2, 3.0), (8, 4.0), (20, 0.5)])
def test_a_slow_server_never_has_more_queued_than_it_answers_in_a_quarter_of_the_timeout(workers, service):
    limit = watched(Queue(workers, service), 60, fixed(0.1))
    most_per_second = workers / service + workers
    assert limit.most <= max(ALWAYS_IN_FLIGHT, most_per_second * 30 / 4)
    assert limit.most >= min(ALWAYS_IN_FLIGHT, 2 * workers)
    assert set(limit.answers) == {TAKEN}
    assert len(limit.answers) >= 0.9 * (60 - 2 * service) * workers / service


def test_a_server_that_became_slow_has_less_queued():
    hand = Hand(RateController(timeout=4.0, learned=LearnedLimit(100, 50)))
    hand.exchange(*[TAKEN] * 200, took=0.0)
    fast = hand.controller._requests.bound
    for _ in range(40):
        hand.exchange(TAKEN, took=1.1)
    assert fast > 50
    assert hand.controller._requests.bound == ALWAYS_IN_FLIGHT


def test_an_unlimited_server_teaches_nothing():
    assert watched(Queue(8, 0.05), 20, fixed(0.1)).learned is None


# What is remembered


@given(st.floats(START_PACE, 1e4), st.floats(4, 1e4), st.floats(-1, 1))
def test_what_was_learned_within_a_day_counts_in_full(rate, burst, days):
    assert LearnedLimit(rate, burst).aged(days) == LearnedLimit(rate, burst)


def test_what_was_learned_counts_half_a_week_later_for_half_as_much():
    beyond = 200 - START_PACE
    assert LearnedLimit(200, 40).aged(4.5).rate == pytest.approx(START_PACE + beyond / 2)
    assert LearnedLimit(200, 40).aged(8).rate == pytest.approx(START_PACE + beyond / 4)
    assert LearnedLimit(200, 40).aged(8).burst == 40


@given(st.floats(0.02, 1e4), st.floats(0, 1000), st.floats(0, 1000))
def test_the_older_the_knowledge_the_nearer_the_start_to_that_of_a_newcomer(rate, days, more):
    older, younger = LearnedLimit(rate, 40).aged(days + more), LearnedLimit(rate, 40).aged(days)
    assert abs(older.rate - START_PACE) <= abs(younger.rate - START_PACE) + 1e-9 <= abs(rate - START_PACE) + 1e-6
    assert LearnedLimit(rate, 40).aged(10_000).rate == pytest.approx(START_PACE)


def test_what_was_learned_of_a_slow_server_counts_as_well():
    assert LearnedLimit(1, 5).aged(0) == LearnedLimit(1, 5)
