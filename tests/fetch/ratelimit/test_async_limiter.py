"""Where the requests of one event loop wait for a permit."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import BOOT, FakeClock

from ingest.core.cancellation import RunCancellation
from ingest.core.errors import TryAgainLaterError
from ingest.core.run_stats import RunStats
from ingest.fetch.ratelimit.async_limiter import SHORT, AsyncLimiter, Permit
from ingest.fetch.ratelimit.controller import CATCH_UP, Answer, LearnedLimit, LimitState, RateController

TAKEN, THROTTLED, OVERLOADED, FAILED = Answer


class Script:
    """A policy that lets requests go when the test says so, and records the calls.

    Attributes:
        opens_at: When the next request may go; infinite: not before an answer.
        reason: Why not yet.
        opens_on_answer: When the next request may go after an answer; None: as before.
        calls: The calls, in order.
    """

    def __init__(self, clock, opens_in=0.0, reason=None, opens_on_answer=None):
        self.opens_at = clock.monotonic() + opens_in
        self.reason = reason
        self.opens_on_answer = opens_on_answer
        self.calls = []

    def wait(self, now):
        return max(self.opens_at - now, 0.0)

    def sent(self, now):
        assert self.wait(now) <= 0
        self.calls.append(("sent", now - BOOT))

    def answered(self, answer, sent_at, now, hint=None):
        self.calls.append((answer, sent_at - BOOT, now - BOOT, hint))
        if self.opens_on_answer is not None:
            self.opens_at = now + self.opens_on_answer

    def state(self, now):
        return LimitState("waiting" if self.reason else "holding", 1.0, 0, self.wait(now), self.reason)


class Scene:
    """A limiter and all that it works with."""

    def __init__(self, controller=None, **script):
        self.clock, self.cancellation, self.stats = FakeClock(), RunCancellation(), RunStats()
        self.controller = controller or Script(self.clock, **script)
        self.limiter = AsyncLimiter(self.controller, self.clock, self.cancellation, self.stats)

    async def ask(self, answer=TAKEN, took=0.0, hint=None):
        """One request; repermits when its permit came, None if it never did."""
        async with self.limiter.permit() as permit:
            if permit is None:
                return None
            await self.clock.sleep(took)
            permit.answer, permit.hint = answer, hint
            return permit.sent_at - BOOT

    async def later(self, seconds, act):
        await self.clock.sleep(seconds)
        act()


def limited(**options):
    return RateController(learned=LearnedLimit(50, 40), **options)


def test_a_permit_says_when_the_request_goes_and_its_answer_is_reported_once_with_the_hint():
    async def scenario():
        scene = Scene(opens_in=2.5)
        assert await scene.ask(THROTTLED, took=0.5, hint=7.0) == 2.5
        assert scene.controller.calls == [("sent", 2.5), (THROTTLED, 2.5, 3.0, 7.0)]

    asyncio.run(scenario())


def test_a_permit_without_a_reported_answer_has_failed():
    async def scenario():
        scene = Scene()
        async with scene.limiter.permit() as permit:
            assert permit == Permit(BOOT, FAILED, None)
        assert scene.controller.calls == [("sent", 0.0), (FAILED, 0.0, 0.0, None)]

    asyncio.run(scenario())


def test_a_sender_that_raises_has_failed_and_its_error_is_passed_on():
    async def scenario():
        scene = Scene()
        with pytest.raises(ZeroDivisionError):
            async with scene.limiter.permit():
                raise ZeroDivisionError
        assert scene.controller.calls == [("sent", 0.0), (FAILED, 0.0, 0.0, None)]
        assert await scene.ask() == 0

    asyncio.run(scenario())


def test_a_sender_that_is_cancelled_has_failed():
    async def scenario():
        scene = Scene()
        sender = asyncio.create_task(scene.ask(took=100.0))
        await scene.clock.sleep(1.0)
        sender.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sender
        assert scene.controller.calls == [("sent", 0.0), (FAILED, 0.0, 1.0, None)]

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3)), min_size=1, max_size=20))
def test_permits_come_in_the_order_of_asking(arrivals):
    async def scenario():
        scene = Scene(limited())
        scene.limiter.hold(5.0)
        permits = []

        async def work(number, arrives, took):
            await scene.clock.sleep(arrives)
            arrived.append(number)
            async with scene.limiter.permit() as permit:
                permits.append((number, permit.sent_at))
                await scene.clock.sleep(took)
                permit.answer = TAKEN

        arrived = []
        await asyncio.gather(*(work(n, *arrival) for n, arrival in enumerate(arrivals)))
        assert [number for number, _ in permits] == arrived
        assert [at for _, at in permits] == sorted(at for _, at in permits)
        assert permits[0][1] >= BOOT + 5

    asyncio.run(scenario())


def test_many_workers_keep_to_one_pace():
    async def scenario():
        scene = Scene(RateController(10.0, learned=LearnedLimit(100, 50)))
        sends = []

        async def work():
            while len(sends) < 100:
                sends.append(await scene.ask(took=0.3))

        await asyncio.gather(*(work() for _ in range(10)))
        sends.sort()
        assert 9.5 <= sends[99] - sends[0] <= 10.5
        assert all(later - earlier >= 1 / 10 - CATCH_UP - 1e-9 for earlier, later in pairwise(sends))

    asyncio.run(scenario())


def test_no_request_goes_inside_a_hint_not_even_one_that_already_waits():
    async def scenario():
        scene = Scene(limited(cap=1.0))
        first, second, third, _ = await asyncio.gather(
            scene.ask(OVERLOADED, took=0.2, hint=60.0),
            scene.ask(),
            scene.ask(),
            scene.later(30.0, lambda: scene.limiter.hold(40.0)),
        )
        assert first < 0.2
        assert first + 70 - 0.2 <= second <= 71
        assert third >= second + 1 - CATCH_UP

    asyncio.run(scenario())


@pytest.mark.parametrize("opens_in", [0.2, 300.0, math.inf])
def test_the_cancellation_ends_all_waiting_at_once(opens_in):
    async def scenario():
        scene = Scene(opens_in=opens_in)
        end = scene.later(0.1, lambda: scene.cancellation.set(TryAgainLaterError("a", cause="b", fix="c")))
        permits = await asyncio.gather(*(scene.ask() for _ in range(50)), end)
        assert permits == [None] * 51
        assert scene.clock.monotonic() == BOOT + 0.1
        assert scene.controller.calls == []

    asyncio.run(scenario())


def test_after_the_cancellation_no_request_goes():
    async def scenario():
        scene = Scene()
        scene.cancellation.set()
        assert await scene.ask() is None
        assert scene.controller.calls == []

    asyncio.run(scenario())


@pytest.mark.parametrize("opens_in", [100.0, math.inf])
@pytest.mark.parametrize("opens_on_answer", [0.0, 1.5])
def test_an_answer_wakes_a_task_that_waits_for_it(opens_in, opens_on_answer):
    async def scenario():
        scene = Scene()
        sender = asyncio.create_task(scene.ask(took=3.0))
        await asyncio.sleep(0)
        scene.controller.opens_at, scene.controller.opens_on_answer = BOOT + opens_in, opens_on_answer
        assert await scene.ask() == 3 + opens_on_answer
        await sender

    asyncio.run(scenario())


def test_an_answer_that_opens_nothing_wakes_no_task():
    async def scenario():
        scene = Scene()
        sender = asyncio.create_task(scene.ask(took=3.0))
        await asyncio.sleep(0)
        scene.controller.opens_at = BOOT + 10
        sleeps = []
        asleep = scene.cancellation.sleep

        async def watched(clock, seconds, woken):
            sleeps.append(seconds)
            await asleep(clock, seconds, woken)

        scene.cancellation.sleep = watched
        assert await scene.ask() == 10
        assert sleeps == [10]
        await sender

    asyncio.run(scenario())


def test_a_wait_that_only_paces_is_slept_through():
    async def scenario():
        scene = Scene(opens_in=SHORT)
        scene.cancellation.sleep = None
        assert await scene.ask() == pytest.approx(SHORT)

    asyncio.run(scenario())


def test_an_answer_frees_a_place_for_a_task_that_waits_at_a_full_server():
    async def scenario():
        scene = Scene(limited(concurrency=1))
        first, second = await asyncio.gather(scene.ask(took=20.0), scene.ask())
        assert second == pytest.approx(first + 20, abs=0.01)

    asyncio.run(scenario())


def test_a_task_that_is_cancelled_while_waiting_lets_the_next_go():
    async def scenario():
        scene = Scene(opens_in=10.0)
        first, second = asyncio.create_task(scene.ask()), asyncio.create_task(scene.ask())
        await scene.clock.sleep(1.0)
        first.cancel()
        assert await second == 10
        assert first.cancelled()
        assert scene.controller.calls == [("sent", 10.0), (TAKEN, 10.0, 10.0, None)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reason", "seconds"), [(None, 0.0), ("asked", 4.0), ("throttled", 4.0), ("overloaded", 4.0), ("silent", 4.0)]
)
def test_only_waits_that_the_server_causes_are_held_back(reason, seconds):
    async def scenario():
        scene = Scene(opens_in=4.0, reason=reason)
        await asyncio.gather(*(scene.ask() for _ in range(20)))
        assert scene.stats.held_back == seconds

    asyncio.run(scenario())


def test_pacing_holds_no_request_back_and_a_hint_does_for_as_long_as_it_lasts():
    async def scenario():
        scene = Scene(limited(cap=2.0))
        for _ in range(10):
            await scene.ask()
        assert scene.clock.elapsed >= 4
        assert scene.stats.held_back == 0
        scene.limiter.hold(30.0)
        await asyncio.gather(*(scene.ask() for _ in range(10)))
        assert scene.clock.elapsed >= 38
        assert scene.stats.held_back == pytest.approx(30)

    asyncio.run(scenario())


def test_a_pause_that_the_cancellation_cuts_short_counts_only_so_far():
    async def scenario():
        scene = Scene(limited())
        scene.limiter.hold(30.0)
        await asyncio.gather(scene.ask(), scene.later(2.0, scene.cancellation.set))
        assert scene.stats.held_back == pytest.approx(2)

    asyncio.run(scenario())


def test_an_outage_holds_back_until_the_server_is_back_and_sends_single_probes():
    async def scenario():
        scene = Scene(limited())
        sends = []

        async def work():
            for _ in range(5):
                async with scene.limiter.permit() as permit:
                    sends.append(scene.clock.elapsed)
                    await scene.clock.sleep(0.125)
                    permit.answer = OVERLOADED if sends[-1] < 20 else TAKEN

        await asyncio.gather(*(work() for _ in range(10)))
        probes = [at for at in sends if 1.0 < at < 20]
        assert len(probes) > 5
        assert all(later - earlier >= 0.6 for earlier, later in pairwise(probes))
        assert 18 < scene.stats.held_back < 25

    asyncio.run(scenario())


def test_the_async_limiter_shows_what_the_limiter_does():
    async def scenario():
        scene = Scene(limited())
        assert scene.limiter.state() == LimitState("holding", 50.0, 0)
        async with scene.limiter.permit() as permit:
            assert scene.limiter.state() == LimitState("holding", 50.0, 1)
            scene.limiter.hold(12.0)
            assert scene.limiter.state() == LimitState("waiting", 50.0, 1, 12.0, "asked")
            assert repr(scene.limiter) == f"<AsyncLimiter {scene.limiter.state()}>"
            permit.answer = TAKEN
        assert scene.limiter.state().in_flight == 0

    asyncio.run(scenario())
