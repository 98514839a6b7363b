"""A way to end a run from anywhere: set once, and whoever sleeps wakes up."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from ingest.core.errors import InterruptedRunError

if TYPE_CHECKING:
    from ingest.core.clock import Clock
    from ingest.core.errors import OrusageError


class RunCancellation:
    """Whether the run is ending, and why.

    Attributes:
        error: What ends it badly; None for a plain end, such as ``--max-time`` or a signal.
    """

    def __init__(self) -> None:
        self.error: OrusageError | None = None
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, error: OrusageError | None = None) -> None:
        """End the run. The first reason given is the one that counts."""
        if not self:
            self.error = error
            self._event.set()

    def is_interrupted(self) -> bool:
        """Whether a signal ends it: then nobody is waited for any longer."""
        return isinstance(self.error, InterruptedRunError)

    async def sleep(self, clock: Clock, seconds: float, woken: asyncio.Event | None = None) -> None:
        """Sleep on the clock, but not beyond the end of the run, nor after `woken` is set; seconds may be infinite."""
        if self or seconds <= 0:
            return
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._event.wait())]
        if seconds < math.inf:
            waits.append(asyncio.ensure_future(clock.sleep(seconds)))
        if woken:
            waits.append(asyncio.ensure_future(woken.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
