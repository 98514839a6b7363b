"""Ends a run from any of its parts: set once, it wakes every sleep."""

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
        error: The error that ends the run; None for a plain end, such as ``--max-time``.
    """

    def __init__(self) -> None:
        self.error: OrusageError | None = None
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, error: OrusageError | None = None) -> None:
        """End the run. Only the first call counts."""
        if not self:
            self.error = error
            self._event.set()

    def is_interrupted(self) -> bool:
        """Whether a signal ends the run: then it waits for nothing any longer."""
        return isinstance(self.error, InterruptedRunError)

    async def sleep(self, clock: Clock, seconds: float, woken: asyncio.Event | None = None) -> None:
        """Sleep on the clock, until the run ends or `woken` is set at the latest; seconds may be infinite."""
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
