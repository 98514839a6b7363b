"""The settings of one ingest run. The command line checks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.core.base_url import BASE_URL

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""The time that legacy IDs, which contain none, have in filters and sort orders."""

LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""The default end of the time range: no upper bound."""


@dataclass(frozen=True, slots=True)
class Settings:
    """An ingest run's settings.

    Attributes:
        base_url: URL of the API, without a trailing slash; https, or http on loopback.
        concurrency: Maximum number of requests in flight.
        rate: Maximum requests per second; None: the limiter alone decides.
        timeout: Total time for one request, in seconds.
        max_time: Time after which the run starts no new ID; None: no limit.
        limit: Maximum number of IDs to fetch; None: no limit.
        not_found_grace: Age from which a 404 is final when a later night repeats it.
        batch_size: Number of IDs committed together.
        since: Only IDs that contain this time or a later one are fetched; legacy IDs count as 1970.
        until: Only IDs that contain an earlier time are fetched.
        content: Whether to fetch prompt and completion too.
        reread: Whether sources are read from their beginning, and the call sites of known IDs replaced.
        keep_fields: Names of the log line's fields that are stored with each ID.
        publish_every: Interval at which a long run publishes the warehouse.
        lock_timeout: How long to wait for another run, or for a program that has the warehouse open for writing.
        strict: Whether any dead letter makes the run partial, also one that was to be expected.
        patience: The run stops after this time with no answer other than 429, or without a connection.
    """

    base_url: str = BASE_URL
    concurrency: int = 256
    rate: float | None = None
    timeout: float = 30.0
    max_time: timedelta | None = None
    limit: int | None = None
    not_found_grace: timedelta = timedelta(hours=24)
    batch_size: int = 500
    since: datetime = EARLIEST
    until: datetime = LATEST
    content: bool = False
    reread: bool = False
    keep_fields: tuple[str, ...] = ()
    publish_every: timedelta = timedelta(minutes=15)
    lock_timeout: timedelta = timedelta()
    strict: bool = False
    patience: timedelta = timedelta(minutes=5)
