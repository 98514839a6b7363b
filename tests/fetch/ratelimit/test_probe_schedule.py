import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch.ratelimit.probe_schedule import (
    AGAIN,
    BUDGET,
    CLOSE,
    CLOSE_EVERY,
    EXPENSIVE,
    FIRST,
    LEARNING,
    LEARNING_REST,
    LONG,
    REST,
    SAVED,
    SECONDS,
    SLACK,
    USUAL,
    ProbeSchedule,
)

USUALLY = {"taken": 1000, "rate": 10.0, "in_flight": 2.0, "margin": 3.0, "spare": 10.0}


def planned(schedule, *, probed=True, found_more=False, **figures):
    schedule.plan(**(USUALLY | figures), probed=probed, found_more=found_more)
    return schedule.interval


def settled(probes=LEARNING, *, cheap=True, **fields):
    """A schedule that knows the rate after so many probes, with all it can save up, or with nothing left."""
    schedule = ProbeSchedule(**fields)
    for _ in range(probes):
        schedule.confirmed()
    if cheap:
        for _ in range(int(2 * SAVED / BUDGET)):
            schedule.sent()
    return schedule


def test_the_first_probe_comes_after_30_requests():
    schedule = ProbeSchedule()
    for number in range(1, 40):
        schedule.sent()
        assert schedule.is_due == (number >= FIRST == 30)


def test_while_the_rate_is_learned_each_probe_is_twice_as_far_as_the_last():
    schedule = ProbeSchedule()
    intervals = [planned(schedule, taken=taken) for taken in (5, 20, 40, 70)]
    assert intervals == [30, 40, 80, 140]
    assert planned(schedule, taken=1000) == USUAL


def test_a_known_rate_is_probed_as_seldom_however_few_were_taken():
    assert planned(settled(), taken=5) == USUAL


@given(st.floats(0.1, 5000), st.floats(0, 5000), st.floats(0, 1000))
def test_a_probe_costs_almost_nothing(rate, in_flight, pause_cost):
    interval = planned(settled(pause_cost=pause_cost), rate=rate, in_flight=in_flight)
    assert interval == max(USUAL, SECONDS * rate, 4 * in_flight, REST * pause_cost)


def test_a_pause_that_costs_tokens_puts_off_also_the_probes_of_a_newcomer():
    assert planned(ProbeSchedule(pause_cost=7.0), taken=5) == 7 * LEARNING_REST


def test_what_probes_cost_is_earned_again_by_requests():
    schedule = settled()
    for _ in range(int(SAVED) + 2):
        schedule.rejected()
    assert USUAL < planned(schedule) == pytest.approx(2 / BUDGET, rel=0.01)
    for _ in range(100):
        schedule.sent()
    assert planned(schedule) == pytest.approx(2 / BUDGET - 100, rel=0.01)


def test_a_debt_delays_a_probe_only_so_far_and_further_where_probes_are_expensive():
    schedule = settled(cheap=False)
    for _ in range(50):
        schedule.rejected()
    assert planned(schedule) == LONG
    schedule.ended()
    assert planned(schedule) == pytest.approx(EXPENSIVE * (1 + 0.2 * 49))


@given(st.integers(0, 20))
def test_the_cost_of_a_probe_is_a_moving_average(rejections):
    schedule = settled(cheap=False)
    for _ in range(1000):
        schedule.rejected()
    schedule.ended()
    for _ in range(200):
        for _ in range(rejections):
            schedule.rejected()
        schedule.ended()
    assert planned(schedule) == pytest.approx(max(LONG, EXPENSIVE * rejections))


def test_where_a_probe_found_more_the_next_comes_soon_but_never_two_such_in_a_row():
    schedule = settled()
    assert [planned(schedule, found_more=True) for _ in range(4)] == [AGAIN, USUAL, AGAIN, USUAL]
    assert [planned(schedule, found_more=more) for more in (False, True, False, True)] == [USUAL, AGAIN, USUAL, AGAIN]


def test_every_fifth_probe_of_a_known_rate_is_a_close_one():
    schedule = ProbeSchedule()
    closes = []
    for number in range(1, 21):
        schedule.confirmed()
        interval = planned(schedule)
        assert schedule.is_close == (interval == CLOSE * USUALLY["margin"] < USUAL)
        if schedule.is_close:
            assert schedule.slack == 0
            closes.append(number)
    assert closes == [n for n in range(LEARNING - 1, 21) if n % CLOSE_EVERY == 0] == [5, 10, 15, 20]


def test_a_close_probe_comes_once_and_not_after_an_unexpected_rejection():
    schedule = settled(2 * CLOSE_EVERY)
    planned(schedule, probed=False)
    assert not schedule.is_close
    planned(schedule)
    assert schedule.is_close
    planned(schedule)
    assert not schedule.is_close


@pytest.mark.parametrize("probes", [0, LEARNING - 2])
def test_no_slack_is_left_while_the_rate_is_learned(probes):
    schedule = settled(probes)
    planned(schedule)
    assert schedule.slack == 0


@given(st.floats(-100, 1000))
def test_slack_is_left_as_far_as_the_bucket_keeps_it(spare):
    schedule = settled()
    interval = planned(schedule, spare=spare)
    assert 0 <= schedule.slack <= SLACK
    assert schedule.slack * interval == pytest.approx(min(max(spare, 0) / 2, SLACK * interval))


def test_another_rate_is_learnt_anew_and_what_finding_it_cost_is_forgiven():
    schedule = settled(cheap=False)
    for _ in range(50):
        schedule.rejected()
    assert schedule.has_measured
    schedule.rate_changed()
    assert not schedule.has_measured
    assert planned(schedule, taken=100) == 200
    assert planned(schedule, taken=10_000) == pytest.approx(SAVED / BUDGET)
    schedule.ended()
    for _ in range(50):
        schedule.rejected()
    assert planned(schedule, taken=10_000) == LONG  # a probe costs less than it did, not fifty


def test_where_nothing_is_known_it_begins_anew():
    schedule = settled(cheap=False)
    for _ in range(50):
        schedule.rejected()
        schedule.sent()
    planned(schedule)
    schedule.begin_anew()
    assert (schedule.since, schedule.interval, schedule.has_measured) == (0, FIRST, False)
    assert planned(schedule, taken=10_000) == USUAL


figures = st.fixed_dictionaries(
    {
        "taken": st.integers(0, 10**6),
        "rate": st.floats(0.02, 1e5),
        "in_flight": st.floats(0, 1e5),
        "margin": st.floats(2.5, 100),
        "spare": st.floats(-1e4, 1e5),
        "probed": st.booleans(),
        "found_more": st.booleans(),
    }
)
happenings = st.lists(st.sampled_from(["sent", "rejected", "begin_anew", "rate_changed", "confirmed", "ended"]))


@given(st.lists(st.tuples(happenings, figures), max_size=10))
def test_whatever_happens_the_next_probe_is_neither_at_once_nor_never(plans):
    schedule = ProbeSchedule()
    for happened, wanted in plans:
        for name in happened:
            getattr(schedule, name)()
        schedule.plan(**wanted)
        assert min(FIRST, AGAIN) <= schedule.interval < float("inf")
        assert 0 <= schedule.slack <= SLACK
