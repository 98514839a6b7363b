"""The record of runs in ``ops.runs``, and the rate limits that runs measured, in ``ops.rate_limits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.core.remembered_rate import RememberedRate
from ingest.warehouse.times import aware_utc, naive_utc

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.run_stats import RunStats
    from ingest.warehouse.ledger import Rows
    from ingest.warehouse.write_session import WriteSession


class RunLog:
    """The record of one run. It is stored once the run stores something else, so that a quiet night writes nothing.

    Attributes:
        is_stored: Whether the record of this run was stored.
    """

    def __init__(self) -> None:
        self._start: dict[str, object] = {}
        self.is_stored = False

    def start(self, run_id: str, version: str, base_url: str, now: datetime) -> None:
        """Prepare the record of a run that starts now."""
        self._start = {"run_id": run_id, "now": naive_utc(now), "version": version, "base_url": base_url}

    def store(self, session: WriteSession) -> None:
        """Store the prepared record, unless the session has it already."""
        if self._start:
            session.execute("runs/start_run", **self._start)
            self.is_stored = True


def finish_run(
    session: WriteSession, run_id: str, stats: RunStats, exit_code: int, now: datetime, rate_limit: float | None
) -> None:
    """Store a run's counts and its end.

    Args:
        session: Where to.
        run_id: The run.
        stats: Its counts.
        exit_code: The exit code of its process.
        now: When it ended, UTC.
        rate_limit: The rate limit it measured, in requests per second; None if it met none.
    """
    session.execute(
        "runs/finish_run",
        run_id=run_id,
        now=naive_utc(now),
        bytes_read=stats.bytes_read,
        sightings=stats.sightings,
        new_ids=stats.new_ids,
        requests=stats.requests,
        settled=stats.settled,
        pending=stats.pending,
        dead=stats.dead,
        throttled=stats.throttled,
        overloaded=stats.overloaded,
        spend_added=stats.spend,
        waste=stats.waste if stats.requests else None,
        throttled_seconds=stats.held_back,
        request_ms_p50=_ms(stats.request_times.quantile(0.5)),
        request_ms_p95=_ms(stats.request_times.quantile(0.95)),
        rate_limit=rate_limit,
        exit_code=exit_code,
    )


def remembered_rate(rows: Rows, host: str, account: str | None) -> RememberedRate | None:
    """The rate limit last measured at a host for an account; None if none was."""
    for rate, burst, learned_at in rows("runs/remembered_rate", host=host, account=account):
        return RememberedRate(rate, burst, aware_utc(learned_at))
    return None


def remember_rate(session: WriteSession, host: str, account: str | None, learned: RememberedRate, run_id: str) -> None:
    """Store the rate limit a run measured at a host for an account, in place of the one before."""
    with session.transaction():
        session.execute("runs/delete_rate", host=host, account=account)
        session.execute(
            "runs/insert_rate",
            host=host,
            account=account,
            rate=learned.rate,
            burst=learned.burst,
            learned_at=naive_utc(learned.learned_at),
            run_id=run_id,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
