"""Limits the requests of one client to a number in any span of time, for an API whose limit is known."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.core.clock import Clock


class RequestPace:
    """Lets at most `most` requests begin in any `seconds`; the first ones do not wait.

    Args:
        clock: The source of time.
        most: Requests in one span.
        seconds: Length of the span.
    """

    def __init__(self, clock: Clock, most: int, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._begun: deque[float] = deque(maxlen=most)

    async def turn(self) -> None:
        """Wait until the next request may begin, and count it."""
        while (wait := self._wait()) > 0:
            await self._clock.sleep(wait)
        self._begun.append(self._clock.monotonic())

    def _wait(self) -> float:
        if len(self._begun) < (self._begun.maxlen or 0):
            return 0.0
        return self._begun[0] + self._seconds - self._clock.monotonic()
