"""Time as an argument: what a stage may ask of a clock, and the real one."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a stage gets its time from; a test hands in its own and never waits."""

    def now(self) -> datetime:
        """The wall clock, with zone UTC: for what is stored or shown, never for measuring."""

    def monotonic(self) -> float:
        """Seconds that only go forward, whatever happens to the wall clock: for pacing and measuring."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The wall clock, with zone UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        import asyncio  # noqa: PLC0415  # whoever only reads the clock does not pay for an event loop

        await asyncio.sleep(seconds)
