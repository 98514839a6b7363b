import asyncio
from itertools import pairwise

import pytest
from fake_clock import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import TryAgainLaterError
from ingest.halt import Halt
from ingest.limiter import CATCH_UP, DECREASE, INCREASE, LOWEST_RATE, START_RATE, Gate, RateLimit

SOON = 1e-9
"""Seconds by which a float may miss."""

moments = st.floats(0, 1e6)
caps = st.one_of(st.none(), st.floats(0.01, 1e4))
events = st.one_of(
    st.just(("succeeded",)),
    st.tuples(st.just("rejected"), st.floats(0, 5), st.one_of(st.none(), st.floats(0, 300))),
    st.tuples(st.just("hold"), st.floats(0, 300)),
    st.tuples(st.just("pass"), st.floats(0, 100)),
    st.just(("sent",)),
)


def send_greedily(limit, now, until, *, taken=True):
    """Send whenever the limit allows it and hear at once what came of it; returns the moments of sending."""
    sends = []
    while (now := now + limit.wait(now)) < until:
        limit.sent(now)
        sends.append(now)
        if taken:
            limit.succeeded()
    return sends


def gate(limit=None):
    clock, halt = FakeClock(), Halt()
    return Gate(limit or RateLimit(), clock, halt), clock, halt


def test_the_slow_start_doubles_the_rate_about_every_second():
    limit = RateLimit()
    rates = [limit.rate]
    for second in range(5):
        send_greedily(limit, float(second), second + 1.0)
        rates.append(limit.rate)
    assert rates[0] == START_RATE
    assert all(1.8 < later / earlier < 2.2 for earlier, later in pairwise(rates))


def test_after_the_first_rejection_the_rate_grows_by_a_fixed_step_each_second():
    limit = RateLimit(rate=100.0)
    limit.rejected(0.0, 0.0, None)
    assert limit.rate == pytest.approx(70)
    send_greedily(limit, 0.0, 10.0)
    assert limit.rate == pytest.approx(70 + 10 * INCREASE, rel=0.05)


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=50), st.floats(5, 1000))
def test_one_episode_of_rejections_lowers_the_rate_once(delays, rate):
    limit = RateLimit(rate=rate)
    for delay in sorted(delays):
        limit.rejected(sent_at=9.0, now=10.0 + delay, hint=None)
    assert limit.rate == pytest.approx(max(rate * DECREASE, LOWEST_RATE))


def test_a_rejection_of_the_lowered_rate_lowers_it_again():
    limit = RateLimit(rate=100.0)
    limit.rejected(sent_at=0.0, now=1.0, hint=None)
    limit.rejected(sent_at=1.5, now=2.0, hint=None)
    assert limit.rate == pytest.approx(100 * DECREASE**2)


def test_the_rate_never_falls_below_the_lowest():
    limit = RateLimit()
    for second in range(100):
        limit.rejected(sent_at=float(second), now=float(second), hint=None)
    assert limit.rate == LOWEST_RATE


@given(sent_at=moments, took=st.floats(0, 100), hint=st.floats(0, 300), later=st.floats(0, 400), old=st.booleans())
def test_a_hint_is_a_floor_for_everybody(sent_at, took, hint, later, old):
    limit = RateLimit()
    now = sent_at + took
    if old:
        limit.rejected(now, now, None)
    limit.rejected(sent_at, now, hint)
    assert limit.wait(now + later) >= hint - later - 1e-6
    assert limit.pause(now + later) >= hint - later - 1e-6


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 300)), min_size=1))
def test_a_shorter_hint_never_shortens_a_pause(holds):
    limit, now, until = RateLimit(), 0.0, 0.0
    for passed, seconds in holds:
        now += passed
        until = max(until, now + seconds)
        limit.hold(now, seconds)
    assert limit.pause(now) == pytest.approx(max(until - now, 0))


def test_a_hold_keeps_the_rate_and_the_slow_start():
    limit = RateLimit()
    limit.hold(0.0, 30.0)
    assert limit.rate == START_RATE
    limit.succeeded()
    assert limit.rate > START_RATE + 0.5


def test_a_pause_is_over_when_it_is_over():
    limit = RateLimit()
    limit.hold(5.0, 2.0)
    assert (limit.pause(6.0), limit.wait(6.0)) == (1.0, 1.0)
    assert (limit.pause(7.0), limit.wait(7.0)) == (0.0, 0.0)
    assert limit.pause(100.0) == 0.0


@given(cap=caps, steps=st.lists(events, max_size=100), start=moments)
def test_whatever_happens_the_rate_stays_positive_and_below_the_cap(cap, steps, start):
    limit, now = RateLimit(cap), start
    for name, *numbers in steps:
        match name:
            case "succeeded":
                limit.succeeded()
            case "rejected":
                limit.rejected(now - numbers[0], now, numbers[1])
            case "hold":
                limit.hold(now, numbers[0])
            case "pass":
                now += numbers[0]
            case "sent":
                limit.sent(now)
        assert 0 < limit.rate <= (cap or float("inf"))
        assert limit.wait(now) >= limit.pause(now) >= 0


@settings(deadline=None)
@given(cap=st.floats(0.5, 300), delays=st.lists(st.floats(0, 0.3), min_size=2, max_size=200), start=moments)
def test_no_window_holds_more_sends_than_the_rate_allows(cap, delays, start):
    limit, now, sends = RateLimit(cap, rate=cap), start, []
    for late in delays:
        now += limit.wait(now) + late
        limit.sent(now)
        sends.append(now)
        limit.succeeded()
    for first in range(len(sends)):
        for last in range(first, len(sends)):
            window = sends[last] - sends[first]
            assert last - first <= cap * (window + CATCH_UP) + 1 + 1e-3


def test_an_idle_hour_earns_no_burst():
    limit = RateLimit(10.0)
    limit.sent(0.0)
    sends = send_greedily(limit, 3600.0, 3601.0, taken=False)
    assert len(sends) <= 10 + 10 * CATCH_UP + 1


def test_a_server_with_a_fixed_rate_is_used_well_and_seldom_annoyed():
    served_rate, burst, answer_after = 150.0, 20.0, 0.05
    limit, now, tokens, at = RateLimit(), 0.0, burst, 0.0
    taken = rejected = 0
    answers = []
    while now < 300:
        now += limit.wait(now)
        while answers and answers[0][1] <= now:
            sent_at, answered_at, accepted = answers.pop(0)
            if accepted:
                limit.succeeded()
            else:
                limit.rejected(sent_at, answered_at, None)
        if limit.wait(now) > 0:
            continue
        limit.sent(now)
        tokens, at = min(burst, tokens + (now - at) * served_rate), now
        accepted = tokens >= 1
        tokens -= accepted
        taken, rejected = taken + accepted, rejected + (not accepted)
        answers.append((now, now + answer_after, accepted))
    assert taken >= 0.9 * served_rate * 300
    assert rejected <= 0.01 * (taken + rejected)


def test_the_gate_counts_what_is_in_flight_also_when_a_request_fails():
    async def scenario():
        door, _, _ = gate()
        async with door.slot() as sent_at:
            assert sent_at is not None
            async with door.slot():
                assert door.in_flight == 2
            assert door.in_flight == 1
        with pytest.raises(ZeroDivisionError):
            async with door.slot():
                raise ZeroDivisionError
        assert door.in_flight == 0

    asyncio.run(scenario())


def test_the_gate_keeps_many_workers_to_one_pace():
    async def scenario():
        door, clock, halt = gate(RateLimit(10.0))
        sends = []

        async def work():
            while not halt:
                async with door.slot() as sent_at:
                    if sent_at is not None:
                        assert sent_at == clock.monotonic()
                        sends.append(sent_at)
                        await clock.sleep(0.3)
                if len(sends) >= 100:
                    halt.set()

        await asyncio.gather(*(work() for _ in range(20)))
        assert 9 <= sends[99] - sends[0] <= 11
        assert all(later - earlier >= 1 / 10 - CATCH_UP - SOON for earlier, later in pairwise(sends))

    asyncio.run(scenario())


def test_nobody_sends_inside_a_pause_not_even_who_already_waited():
    async def scenario():
        door, clock, _ = gate(RateLimit(1.0))
        sends = []

        async def work():
            async with door.slot() as sent_at:
                sends.append(sent_at - 1000)

        async def interrupt():
            await clock.sleep(0.5)
            door.limit.hold(clock.monotonic(), 60.0)

        await asyncio.gather(work(), work(), work(), interrupt())
        assert sends[0] == 0
        assert sends[1] == pytest.approx(60.5)
        assert sends[2] >= sends[1] + 1 - CATCH_UP - SOON

    asyncio.run(scenario())


def test_a_halt_wakes_everybody_at_the_gate_at_once():
    async def scenario():
        door, clock, halt = gate()
        door.limit.hold(clock.monotonic(), 300.0)
        turns = []

        async def work():
            async with door.slot() as sent_at:
                turns.append((sent_at, clock.elapsed))

        async def end():
            await clock.sleep(1.0)
            halt.set(TryAgainLaterError("a", cause="b", fix="c"))

        await asyncio.gather(*(work() for _ in range(50)), end())
        assert turns == [(None, 1.0)] * 50
        assert door.in_flight == 0

    asyncio.run(scenario())


def test_a_gate_after_the_halt_lets_nobody_through():
    async def scenario():
        door, _, halt = gate()
        halt.set()
        async with door.slot() as sent_at:
            assert sent_at is None
            assert door.in_flight == 0

    asyncio.run(scenario())


def test_a_worker_that_is_cancelled_at_the_gate_does_not_lock_it():
    async def scenario():
        door, clock, _ = gate()
        door.limit.hold(clock.monotonic(), 10.0)

        async def work():
            async with door.slot() as sent_at:
                return sent_at

        first, second = asyncio.create_task(work()), asyncio.create_task(work())
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 1010.0
        assert (first.cancelled(), door.in_flight) == (True, 0)

    asyncio.run(scenario())


def test_the_gate_shows_its_state():
    async def scenario():
        door, clock, _ = gate(RateLimit(7.5))
        async with door.slot():
            door.limit.hold(clock.monotonic(), 12.0)
            assert repr(door) == "<Gate 7.5/s, 1 in flight, paused for 12.0 s>"

    asyncio.run(scenario())
