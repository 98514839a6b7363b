"""Publishing during a run, so that readers see a long run's rows and the write-ahead log stays short."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ingest.core.errors import TryAgainLaterError

if TYPE_CHECKING:
    from datetime import timedelta

    from ingest.core.clock import Clock
    from ingest.warehouse.warehouse import Warehouse

LARGEST_LOG = 96 * 2**20
"""Bytes of write-ahead log after which a run publishes. A publish replays the log into memory, of which DuckDB may take
128 MB; what does not fit nevertheless is published without that limit."""

LARGEST_LOG_UNBOUNDED = 256 * 2**20
"""The same for a run whose memory is not limited: replaying 256 MB takes 2.4 to 3.7 s (measured)."""

log = logging.getLogger("orusage")


class PublishSchedule:
    """Publishes a warehouse at intervals.

    Args:
        warehouse: The warehouse.
        every: Time between publishes; a log of `largest_log` bytes shortens it.
        clock: The clock of the run.
        largest_log: Bytes.
    """

    def __init__(self, warehouse: Warehouse, every: timedelta, clock: Clock, largest_log: int = LARGEST_LOG) -> None:
        self._largest_log = largest_log
        self._warehouse = warehouse
        self._every = every.total_seconds()
        self._clock = clock
        self._last = clock.monotonic()

    async def publish_if_due(self) -> None:
        """Publish if the interval has passed. Requests under way go on meanwhile.

        Raises:
            OrusageError: it failed. A program that has the file open for writing only causes a warning: the next
                interval tries again.
        """
        passed = self._clock.monotonic() - self._last
        if passed < self._every and self._warehouse.unpublished < self._largest_log:
            return
        try:
            await asyncio.to_thread(self._warehouse.publish)
        except TryAgainLaterError as error:
            log.warning("not published yet: %s; %s", error.what, error.cause)
        self._last = self._clock.monotonic()
