import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import FakeClock

from ingest.client.request_pace import RequestPace


async def begun(gaps, most, seconds, at_once):
    """When each request began, if one is wanted after each gap."""
    clock, times = FakeClock(), []
    pace = RequestPace(clock, most, seconds)

    async def request():
        await pace.turn()
        times.append(clock.monotonic())

    for gap in gaps:
        clock.advance(gap)
        await asyncio.gather(*(request() for _ in range(at_once)))
    return times


@given(
    st.lists(st.floats(0, 30), max_size=20),
    st.integers(1, 5),
    st.floats(0.5, 60),
    st.integers(1, 4),
)
@settings(max_examples=50)
def test_no_span_holds_more_requests_than_it_may_and_none_waits_without_need(gaps, most, seconds, at_once):
    times = asyncio.run(begun(gaps, most, seconds, at_once))
    assert len(times) == len(gaps) * at_once
    assert all(later - earlier >= seconds - 1e-6 for earlier, later in zip(times, times[most:], strict=False))


def test_the_first_requests_do_not_wait():
    assert len(set(asyncio.run(begun([0] * 64, 64, 60, 1)))) == 1
