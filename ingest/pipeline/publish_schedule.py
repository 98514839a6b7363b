"""Publishing now and then, so that a long run is seen while it goes on and its log stays short."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ingest.core.errors import TryAgainLaterError

if TYPE_CHECKING:
    from datetime import timedelta

    from ingest.core.clock import Clock
    from ingest.warehouse.warehouse import Warehouse

LARGEST_LOG = 256 * 2**20
"""Bytes of write-ahead log after which a run publishes: replaying so much takes some seconds."""

log = logging.getLogger("orusage")


class PublishSchedule:
    """Publishes a warehouse when it is time.

    Args:
        warehouse: Which.
        every: Time between publishes; the log may end it earlier (`LARGEST_LOG`).
        clock: Where time comes from.
    """

    def __init__(self, warehouse: Warehouse, every: timedelta, clock: Clock) -> None:
        self._warehouse = warehouse
        self._every = every.total_seconds()
        self._clock = clock
        self._last = clock.monotonic()

    async def publish_if_due(self) -> None:
        """Publish if it is time; what waits for the network goes on meanwhile.

        Raises:
            OrusageError: it could not be done. A program that has the file open for writing is only told: there will
                be another time.
        """
        passed = self._clock.monotonic() - self._last
        if passed < self._every and self._warehouse.unpublished < LARGEST_LOG:
            return
        try:
            await asyncio.to_thread(self._warehouse.publish)
        except TryAgainLaterError as error:
            log.warning("not published yet: %s; %s", error.what, error.cause)
        self._last = self._clock.monotonic()
