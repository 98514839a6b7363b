import asyncio
import math

import pytest
from support.clock import FakeClock

from ingest.core.cancellation import RunCancellation
from ingest.core.errors import KeyRefusedError, UnreachableError


def test_a_cancellation_is_false_until_it_is_set():
    cancellation = RunCancellation()
    assert (bool(cancellation), cancellation.error) == (False, None)
    cancellation.set()
    assert (bool(cancellation), cancellation.error) == (True, None)


@pytest.mark.parametrize("late", [None, UnreachableError("a", cause="b", fix="c")])
@pytest.mark.parametrize("early", [None, KeyRefusedError("a", cause="b", fix="c")])
def test_the_first_reason_is_the_one_that_counts(early, late):
    cancellation = RunCancellation()
    cancellation.set(early)
    cancellation.set(late)
    assert cancellation.error is early


def test_a_sleep_lasts_as_long_as_it_should():
    async def scenario():
        clock = FakeClock()
        await RunCancellation().sleep(clock, 12.5)
        return clock.elapsed

    assert asyncio.run(scenario()) == 12.5


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_sleep_of_nothing_takes_no_time(seconds):
    async def scenario():
        clock = FakeClock()
        await RunCancellation().sleep(clock, seconds)
        return clock.elapsed

    assert asyncio.run(scenario()) == 0


def test_the_end_of_the_run_wakes_all_sleepers_at_once():
    async def scenario():
        clock, cancellation = FakeClock(), RunCancellation()

        async def end():
            await clock.sleep(3.0)
            cancellation.set()

        await asyncio.gather(*(cancellation.sleep(clock, 100.0 + n) for n in range(20)), end())
        return clock.elapsed

    assert asyncio.run(scenario()) == 3.0


def test_no_sleep_begins_after_the_end():
    async def scenario():
        clock, cancellation = FakeClock(), RunCancellation()
        cancellation.set()
        await cancellation.sleep(clock, 100.0)
        return clock.elapsed

    assert asyncio.run(scenario()) == 0


@pytest.mark.parametrize("seconds", [100.0, math.inf])
def test_a_sleep_that_may_be_woken_lasts_until_then(seconds):
    async def scenario():
        clock, cancellation, woken = FakeClock(), RunCancellation(), asyncio.Event()

        async def wake():
            await clock.sleep(3.0)
            woken.set()

        await asyncio.gather(cancellation.sleep(clock, seconds, woken), wake())
        assert (clock.elapsed, bool(cancellation)) == (3.0, False)
        await cancellation.sleep(clock, seconds, woken)
        assert clock.elapsed == 3.0

    asyncio.run(scenario())


def test_a_sleep_that_is_not_woken_lasts_as_long_as_it_should():
    async def scenario():
        clock, woken = FakeClock(), asyncio.Event()
        await RunCancellation().sleep(clock, 12.5, woken)
        return clock.elapsed, woken.is_set()

    assert asyncio.run(scenario()) == (12.5, False)


@pytest.mark.parametrize("may_be_woken", [False, True])
def test_an_endless_sleep_ends_with_the_run_and_asks_no_clock(may_be_woken):
    asked = []

    class AskedClock(FakeClock):
        async def sleep(self, seconds):
            asked.append(seconds)
            await super().sleep(seconds)

    async def scenario():
        clock, cancellation = AskedClock(), RunCancellation()

        async def end():
            await clock.sleep(3.0)
            cancellation.set()

        await asyncio.gather(cancellation.sleep(clock, math.inf, asyncio.Event() if may_be_woken else None), end())
        return clock.elapsed

    assert asyncio.run(scenario()) == 3.0
    assert asked == [3.0]


def test_a_sleep_leaves_nothing_behind():
    async def scenario():
        clock, cancellation = FakeClock(), RunCancellation()
        await cancellation.sleep(clock, 1.0, asyncio.Event())
        sleeping = asyncio.create_task(cancellation.sleep(clock, 5.0, asyncio.Event()))
        await asyncio.sleep(0)
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        await clock.sleep(10.0)
        await asyncio.sleep(0)
        return sleeping.cancelled(), len(asyncio.all_tasks())

    cancelled, tasks = asyncio.run(scenario())
    assert cancelled
    assert tasks <= 2  # this scenario and the clock
