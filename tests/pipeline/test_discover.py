"""`discover` against an Analytics API on loopback and a real warehouse."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.analytics_server import Analytics
from support.clock import FakeClock
from support.loopback import SECRET

from ingest.client.analytics import Told
from ingest.client.credentials import ApiKey
from ingest.client.management import ManagementClient
from ingest.core.cancellation import RunCancellation
from ingest.core.errors import KeyRefusedError, UnreachableError
from ingest.core.generation_id import second_of
from ingest.pipeline.discover import _store_told, discover
from ingest.pipeline.discovery_run import DiscoveryContext, DiscoveryResult, DiscoveryWriter
from ingest.pipeline.discovery_windows import LATE, MARGIN, REACH, Window, told_windows, windows_to_ask
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)


def new_id(second, number=0):
    return f"gen-{int(second.timestamp())}-{number:020d}"


def ago(seconds=0.0, number=0, **more):
    return new_id(NOW - timedelta(seconds=seconds, **more), number)


def rows(path, sql):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def context_of(path, clock, account=None):
    return DiscoveryContext(path, clock, RunCancellation(), account=account)


class Place:
    """A warehouse, and a clock that goes on from one discovery to the next."""

    def __init__(self, folder):
        self.path = Path(folder) / "w.duckdb"
        self.clock = FakeClock(NOW)

    def discover(self, analytics, since=None, until=None, account=None):
        async def run(url):
            client = ManagementClient(lambda: ApiKey(SECRET, "a test"), url, clock=self.clock, patience=20.0)
            return await discover(client, context_of(self.path, self.clock, account), since, until)

        with analytics.serving() as url:
            return asyncio.run(run(url))

    def ids(self):
        return sorted(one for (one,) in rows(self.path, "SELECT generation_id FROM ops.work"))

    def told(self, columns="generation_id"):
        return rows(self.path, f"SELECT {columns} FROM discovered_generations ORDER BY generation_id")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_every_id_that_analytics_tells_is_pending_and_its_details_are_kept(place):
    told = {
        "api_key_id": "batch",
        "request_count": 2,
        "total_usage": 0.1,
        "byok_usage": None,
        "usage_web": "0.005",
        "usage_cache": -0.000001,
        "usage_new": 3,
    }
    analytics = Analytics({ago(days=30): told, ago(days=3): {}, ago(5): {}})
    result = place.discover(analytics)
    assert (result.code, result.asked, result.generations, result.new_ids) == (0, 1, 3, 3)
    assert rows(place.path, "SELECT DISTINCT state, source, position, line FROM ops.work") == [
        ("pending", "openrouter:analytics", None, None)
    ]
    assert place.ids() == sorted(analytics.population)
    [query] = analytics.queries
    assert query["dimensions"] == ["generation_id", "api_key_id"]
    assert query["limit"] == 10_000
    assert query["time_range"] == {"start": "2026-10-20T12:01:30Z", "end": "2026-11-20T12:00:31Z"}
    columns = "api_key_label, api_key_hash, request_count, total_usage, byok_usage, usage_web, usage_cache, extra"
    assert place.told(columns)[0] == (
        *("batch", None, 2, Decimal("0.1"), None, Decimal("0.005"), Decimal("-0.000001"), '{"usage_new":3}'),
    )


def test_an_id_that_a_log_told_keeps_its_source_and_gets_its_details(place):
    known = ago(5)
    place.discover(Analytics({known: {}}))
    with duckdb.connect(place.path) as connection:
        connection.execute("UPDATE ops.work SET source = 'app.log', line = 7")
    place.clock.advance(7200)
    result = place.discover(Analytics({known: {"api_key_id": "late"}, ago(4): {}}))
    assert result.new_ids == 1
    assert rows(place.path, "SELECT source, line FROM ops.work ORDER BY requested_at") == [
        ("app.log", 7),
        ("openrouter:analytics", None),
    ]


def test_the_next_discovery_goes_on_where_the_last_one_ended_and_asks_for_the_last_hour_once_more(place):
    analytics = Analytics({ago(5): {}, ago(4): {}})
    analytics.late = {ago(4)}
    place.discover(analytics)
    place.clock.advance(3600.0)
    analytics.late = set()
    result = place.discover(analytics)
    assert (result.new_ids, result.generations) == (1, 2)
    assert analytics.queries[-1]["time_range"] == {"start": "2026-11-20T11:00:30Z", "end": "2026-11-20T13:00:31Z"}
    assert len(place.told()) == 2  # each once
    place.clock.advance(LATE.total_seconds() * 2)
    place.discover(analytics)
    assert analytics.queries[-1]["time_range"]["start"] == "2026-11-20T12:00:30Z"


def test_a_period_may_be_named(place):
    analytics = Analytics({ago(days=d): {} for d in range(10)})
    place.discover(analytics, NOW - timedelta(days=5), NOW - timedelta(days=2))
    assert len(place.ids()) == 3
    place.discover(analytics)  # from where it was first asked about
    assert len(place.ids()) == 6
    assert analytics.queries[-1]["time_range"]["start"] == "2026-11-18T12:00:30Z"


def test_an_account_goes_its_own_way(place):
    analytics = Analytics({ago(5): {}})
    place.discover(analytics, account="one")
    place.clock.advance(86400)
    place.discover(analytics, account="two")
    assert analytics.queries[-1]["time_range"]["start"] == "2026-10-21T12:01:30Z"
    assert place.told("account") == [("two",)]


def test_what_is_further_back_than_analytics_reaches_is_told(place, caplog):
    analytics = Analytics({})
    with caplog.at_level(logging.WARNING, "orusage"):
        assert place.discover(analytics, NOW - timedelta(days=60)).code == 0
    assert "last 31 days" in caplog.text
    assert "--csv" in caplog.text
    assert analytics.queries[0]["time_range"]["start"] == f"{NOW - REACH + MARGIN:%Y-%m-%dT%H:%M:%SZ}"


def test_a_window_with_nothing_is_no_error_nor_is_a_failure_that_passes(place):
    analytics = Analytics({})
    analytics.failures = [500, 429, 503]
    result = place.discover(analytics)
    assert (result.code, result.rows, result.new_ids, len(analytics.queries)) == (0, 0, 0, 4)
    assert rows(place.path, "SELECT rows, new_ids, truncated, problem FROM ops.discoveries") == [(0, 0, False, None)]


def test_what_cannot_be_used_is_counted_with_its_cost_and_warnings_are_logged(place, caplog):
    metrics = ["total_usage", "request_count", "other"]
    analytics = Analytics({ago(5): {}}, metrics=metrics, warnings=["sampled \x1b[31m", f"key {SECRET}"])
    analytics.extra_rows = [
        {"generation_id": None, "total_usage": "0.5", "request_count": 3},
        {"generation_id": "gen-new-form", "total_usage": 1},
        *({"total_usage": None}, {"generation_id": 7}, "no row"),
    ]
    with caplog.at_level(logging.WARNING, "orusage"):
        result = place.discover(analytics)
    assert (result.code, result.rows, result.generations, result.rows_without_id) == (0, 6, 1, 5)
    assert rows(place.path, "SELECT rows_without_id, usage_without_id FROM ops.discoveries") == [(5, Decimal("1.5"))]
    assert analytics.queries[0]["metrics"] == ["request_count", "total_usage"]
    assert "credits_usage" in caplog.text  # which Analytics does not have
    assert "sampled \\x1b[31m" in caplog.text
    assert SECRET not in caplog.text


def test_a_key_of_the_wrong_kind_leaves_no_file_behind(place):
    with pytest.raises(KeyRefusedError, match="management key"):
        place.discover(Analytics({}, status=403))
    assert not list(place.path.parent.iterdir())


def test_the_second_that_holds_too_much_is_named_and_what_came_is_kept(place):
    crowd = {ago(50, number): {} for number in range(30)}
    analytics = Analytics({**crowd, ago(51): {}, ago(49): {}}, limit=20)
    result = place.discover(analytics)
    assert result.code == 3
    assert result.incomplete == [NOW - timedelta(seconds=50)]
    assert len(place.ids()) == 22
    assert rows(place.path, "SELECT since::VARCHAR, problem FROM ops.discoveries WHERE truncated") == [
        ("2026-11-20 11:59:40", "more generations in this second than one answer tells")
    ]
    assert place.discover(analytics).code == 3  # within the hour it is asked again
    place.clock.advance(3 * 3600)
    assert place.discover(analytics).code == 3
    place.clock.advance(3 * 3600)
    assert place.discover(analytics).code == 0  # and later not for ever


def test_a_query_that_takes_the_server_too_long_is_divided(place):
    analytics = Analytics({ago(days=d): {} for d in range(1, 20)}, fails_above=86_400.0)
    result = place.discover(analytics)
    assert (result.code, result.new_ids, result.asked) == (0, 19, 32)


def test_a_second_that_takes_the_server_too_long_ends_it_and_the_rest_is_kept(place):
    analytics = Analytics({ago(days=2): {}, ago(50): {}})
    analytics.failures = [*[408] * 22]
    since = NOW - timedelta(seconds=4)
    analytics.fails_above = 0.5
    result = place.discover(analytics, since)
    assert isinstance(result.error, UnreachableError)
    assert result.code == 69


@pytest.mark.parametrize("status", [500, 408, 429])
def test_a_server_that_fails_ends_it_what_was_told_is_kept_and_the_next_goes_on(place, status):
    crowd = {ago(days=d): {} for d in range(30)}
    analytics = Analytics(crowd, limit=10)
    analytics.failures = [None] * 4
    failing = {500: [500] * 100, 408: [408] * 10_000, 429: [429] * 100}[status]
    analytics.failures += failing
    result = place.discover(analytics)
    assert result.code == (75 if status == 429 else 69)
    assert 0 < len(place.ids()) < 30
    analytics.failures = []
    assert place.discover(analytics).code == 0
    assert place.ids() == sorted(crowd)


@pytest.fixture(scope="module")
def open_warehouse(tmp_path_factory):
    with Warehouse(tmp_path_factory.mktemp("discoveries") / "w.duckdb", NOW) as warehouse:
        yield warehouse


accounts = (f"account {number}" for number in count())
crowds = st.lists(st.integers(0, 7000), max_size=15)
runs = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 6), st.integers(0, 3500)), min_size=1, max_size=3)


@given(crowds, runs, st.integers(1, 12))
@settings(max_examples=12)
def test_discoveries_that_fail_and_are_told_late_find_everything_in_the_end(open_warehouse, crowd, runs, limit):
    """Each run comes some seconds after the last, fails after some answers, and is told the newest ones too late."""
    account, place = next(accounts), count()
    begin = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=3 * int(account.split()[1]))
    population = [new_id(begin + timedelta(seconds=second), next(place)) for second in crowd]
    stored, incomplete = [], set()

    def discover_at(now, late, answers=10**6):
        result = DiscoveryResult()
        writer = DiscoveryWriter(open_warehouse, context_of(Path(), FakeClock(now)), now, result)
        windows = windows_to_ask(Window(begin, now), open_warehouse.asked_windows(account))
        known = [one for one in population if second_of(one) < now - timedelta(seconds=late)]
        told = told_windows(windows, telling(known, limit, answers))
        with suppress(UnreachableError):
            asyncio.run(_store_told(told, no_hashes, writer, account))
        stored.append(result.new_ids)
        incomplete.update(result.incomplete)

    now = begin
    for passed, answers, late in runs:
        now += timedelta(seconds=passed)
        discover_at(now, late, answers)
    discover_at(max(now, begin + timedelta(seconds=7001)) + LATE, 0)
    query = "SELECT generation_id FROM main.discovered_generations WHERE account = $1"
    found = [one for (one,) in open_warehouse._connection.execute(query, [account]).fetchall()]
    assert sum(stored) == len(found) == len(set(found))
    assert {one for one in population if second_of(one) not in incomplete} <= set(found) <= set(population)


async def no_hashes(_, __):
    return {}


def telling(population, limit, answers):
    left = count()

    async def ask(window):
        if next(left) >= answers:
            raise UnreachableError("no", cause="no", fix="no")
        found = [one for one in population if window.since <= second_of(one) < window.until]
        return Told([{"generation_id": one} for one in found[:limit]], len(found) > limit)

    return ask
