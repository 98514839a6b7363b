import asyncio
import os
import signal

import pytest

from ingest.cli.interruptible import run_interruptible
from ingest.core.cancellation import RunCancellation
from ingest.core.errors import InterruptedRunError


async def result():
    await asyncio.sleep(0)
    return 7


def test_it_returns_what_the_work_returns_and_leaves_the_signals_as_they_were():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run_interruptible(result(), RunCancellation()) == 7
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work_which_may_tidy_up(number):
    tidied, cancellation = [], RunCancellation()

    async def work():
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            tidied.append(cancellation.is_interrupted())

    with pytest.raises(InterruptedRunError) as caught:
        run_interruptible(work(), cancellation)
    assert caught.value.code == 128 + number
    assert tidied == [True]


def test_an_error_of_the_work_is_raised():
    async def work():
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        run_interruptible(work(), RunCancellation())
