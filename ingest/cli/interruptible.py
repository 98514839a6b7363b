"""Runs a coroutine in an event loop, and ends it on a signal."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.core.errors import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import FrameType

    from ingest.core.cancellation import RunCancellation

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_interruptible(work: Coroutine[Any, Any, T], cancellation: RunCancellation) -> T:
    """Run a coroutine to its end. The first SIGINT or SIGTERM cancels it; a second one kills the process.

    Args:
        work: The coroutine.
        cancellation: Set by the first signal, for code that waits outside the event loop.

    Raises:
        InterruptedRunError: A signal ended it.
    """
    return asyncio.run(_run(work, cancellation))


async def _run(work: Coroutine[Any, Any, T], cancellation: RunCancellation) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def on_signal(number: int, _: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        cancellation.set(InterruptedRunError(number))
        loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        return await task
    except asyncio.CancelledError:
        if cancellation.error:
            raise cancellation.error from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
