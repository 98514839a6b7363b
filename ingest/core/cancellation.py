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
        self._parts: list[_Part] = []

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, error: OrusageError | None = None) -> None:
        """End the run. Only the first call counts."""
        if not self:
            self.error = error
            self._event.set()
            for part in self._parts:
                part.set(error)

    def part(self) -> RunCancellation:
        """A part of the run, such as one account's, which may end before the others. With the last part the run ends.

        The parts are made before the first of them ends.
        """
        self._parts.append(_Part(self))
        return self._parts[-1]

    @property
    def error_of_parts(self) -> OrusageError | None:
        """The error that ended the run, else the first one that ended a part of it."""
        return self.error or next((part.error for part in self._parts if part.error), None)

    def _part_ended(self) -> None:
        if all(self._parts):
            self.set(self.error_of_parts)

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


class _Part(RunCancellation):
    """A part of a run."""

    def __init__(self, run: RunCancellation) -> None:
        super().__init__()
        self._run = run

    def set(self, error: OrusageError | None = None) -> None:
        """End the part, and the run if it was the last one."""
        if not self:
            super().set(error)
            self._run._part_ended()  # noqa: SLF001  # a part of the run
