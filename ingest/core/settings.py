"""What one ingest run was asked to do, checked once at the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.core.base_url import BASE_URL

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Where legacy IDs, which carry no time, count and sort."""
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """An ingest run's settings.

    Attributes:
        base_url: The API, without a slash at its end; https, or http on loopback.
        concurrency: Requests in flight at most.
        rate: Requests per second at most; None leaves it to the limiter.
        timeout: Seconds one request may take in all.
        max_time: The run takes no new ID after this time; None: no bound.
        limit: IDs asked at most; None: no bound.
        not_found_grace: How old an ID must be before a 404 is final.
        batch_size: IDs committed together.
        since: IDs whose own second is earlier are left alone; legacy IDs count as 1970.
        until: IDs whose own second is later are left alone.
        content: Ask for prompt and completion too.
        keep_fields: Names of the log line's fields that are stored with each ID.
        publish_every: How long a run goes on before what it stored is published.
        lock_timeout: How long to wait for another run that writes, or a program that has the warehouse open for it.
        patience: The run stops when it saw nothing but 429 for so long.
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
    keep_fields: tuple[str, ...] = ()
    publish_every: timedelta = timedelta(minutes=15)
    lock_timeout: timedelta = timedelta()
    patience: timedelta = timedelta(minutes=5)
