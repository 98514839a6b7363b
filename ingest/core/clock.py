"""The clock that every stage takes as an argument, so that tests control time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time functions that a stage may use. Tests pass a clock of their own and never wait."""

    def now(self) -> datetime:
        """The wall-clock time, in UTC. For values that are stored or shown, not for measuring."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back, from an arbitrary start. For pacing and measuring."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""


class SystemClock:
    """The system's clocks."""

    def now(self) -> datetime:
        """The wall-clock time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds on the running event loop."""
        import asyncio  # noqa: PLC0415  # a command that only reads the clock does not load asyncio

        await asyncio.sleep(seconds)
