"""Nights of a simulated account in this process: the date is virtual, the requests go over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import uvicorn

from ingest.client.accounts import Account
from ingest.client.credentials import ApiKey
from ingest.client.management import ManagementClient
from ingest.core.cancellation import RunCancellation
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.pipeline.context import RunContext
from ingest.pipeline.discover import discover
from ingest.pipeline.discovery_run import DiscoveryContext
from ingest.pipeline.reconcile import days_between, reconcile_days
from ingest.pipeline.run import ingest
from ingest.reports.reconciliation import reconciliation_of
from ingest.simulator import app_log
from ingest.simulator.faults import Faults
from ingest.simulator.server import Simulator
from ingest.simulator.traffic import Traffic
from ingest.warehouse.reader import Reader
from support.commands import KEY

MANAGEMENT_KEY = f"{KEY}-management"


class NightClock:
    """The wall clock stands on a night that a test names; waiting takes real time."""

    def __init__(self, night: datetime) -> None:
        self.night = night

    def now(self) -> datetime:
        return self.night

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualAccount:
    """An account with traffic, its log, and a warehouse.

    Attributes:
        clock: Its `night` is the time that every part has.
        traffic: What the account does.
        path: The warehouse.
    """

    def __init__(self, folder, base_url: str, clock: NightClock, faults: Faults) -> None:
        self.path = folder / "w.duckdb"
        self.clock = clock
        self.traffic = Traffic(faults.seed, faults.traffic, faults.traffic_since, faults.unlogged)
        self._log = folder / "app.log"
        self._base_url = base_url
        self._seed = faults.seed

    def write_log(self, day: date) -> None:
        """Append the log of a day."""
        with self._log.open("a", encoding="utf-8") as file:
            file.writelines(app_log.lines(self._seed, self.traffic.logged_ids(day, self.clock.now())))

    def ingest(self):
        stats = RunStats()
        context = RunContext(
            self.path,
            (Account(None, lambda: ApiKey(KEY, "the test"), self._base_url),),
            Settings(base_url=self._base_url, concurrency=16),
            self.clock,
            RunCancellation(),
            stats,
            lambda _: None,
        )
        asyncio.run(ingest([str(self._log)], context))
        return stats

    def discover(self):
        context = DiscoveryContext(self.path, self.clock, RunCancellation())
        return asyncio.run(discover(self._client(), context, None, None))

    def reconcile(self, by="model", since=None):
        """The problems of asking, and the reconciliation."""
        days = days_between(since, None, self.clock.now())
        problems = asyncio.run(reconcile_days(self.path, days, self._client(), self.clock))
        with Reader(self.path) as reader:
            return problems, reconciliation_of(reader, days[0], days[-1], by)

    def _client(self) -> ManagementClient:
        return ManagementClient(
            lambda: ApiKey(MANAGEMENT_KEY, "the test"), self._base_url, clock=self.clock, patience=0.0
        )


@contextmanager
def account(folder, first: date, **faults):
    """An account whose traffic begins on a day, before the simulated API."""
    known = Faults(traffic_since=first, **faults)
    clock = NightClock(datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=1, hours=3))
    server = uvicorn.Server(
        uvicorn.Config(Simulator(known, clock.now), log_level="warning", access_log=False, lifespan="off")
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield VirtualAccount(folder, f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1", clock, known)
        finally:
            server.should_exit = True
            thread.join(30)
