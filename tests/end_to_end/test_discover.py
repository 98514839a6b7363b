"""`orusage discover` against the simulator's account, and `orusage ingest` after it."""

import csv
import json
import signal
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from support.analytics_server import Analytics
from support.commands import KEY, Started, wait_for
from support.logs import new_ids
from support.simulators import get, running_simulator

MANAGEMENT = f"{KEY}-management"


@pytest.fixture(scope="module")
def account():
    """An account that makes 20 generations a day, half of which no log names."""
    with running_simulator("--traffic", "20", "--unlogged", "0.5", "--row-limit", "40") as simulation:
        yield simulation


def rows(folder, sql):
    with duckdb.connect(folder / "orusage.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_what_no_log_names_is_discovered_fetched_and_costs_what_analytics_tells(orusage, tmp_path, account):
    days = [datetime.now(UTC).date() - timedelta(days=n) for n in (2, 3)]
    (tmp_path / "app.log").write_bytes(b"".join(account.log(day) for day in days))
    variables = {"OPENROUTER_BASE_URL": account.base_url, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT}
    assert orusage("ingest", "app.log", **variables).code == 0
    logged = rows(tmp_path, "SELECT count(*) FROM generations")[0][0]
    since, until = min(days).isoformat(), (max(days) + timedelta(days=1)).isoformat()
    done = orusage("discover", "--since", since, "--until", until, **variables)
    assert (done.code, done.err) == (0, "")
    assert f"IDs       {40 - logged} new: the next `orusage ingest` fetches them" in done.out
    assert 0 < logged < 40
    assert orusage("-q", "ingest", **variables).code == 0
    assert rows(tmp_path, "SELECT count(*), count(*) FILTER (source = 'openrouter:analytics') FROM generations") == [
        (40, 40 - logged)
    ]
    differing = """
        SELECT g.generation_id FROM generation_facts AS g FULL JOIN discovered_generations AS d USING (generation_id)
        WHERE g.total_usage IS DISTINCT FROM d.total_usage OR g.credits_usage IS DISTINCT FROM d.credits_usage
           OR g.byok_usage IS DISTINCT FROM d.byok_usage OR d.request_count IS DISTINCT FROM 1
    """
    assert rows(tmp_path, differing) == []
    again = orusage("-q", "discover", "--since", since, "--until", until, **variables)
    assert (again.code, again.out, again.err) == (0, "", "")
    assert rows(tmp_path, "SELECT sum(new_ids), count(*) FROM ops.discoveries") == [(40 - logged, 2)]


def test_keys_of_one_name_are_told_apart_if_they_are_known(orusage, tmp_path, account):
    variables = {"OPENROUTER_BASE_URL": account.base_url, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT}
    assert orusage("discover", "--since", "2d", **variables).code == 0
    assert rows(tmp_path, "SELECT count(api_key_hash) FROM discovered_generations") == [(0,)]
    with duckdb.connect(tmp_path / "orusage.duckdb") as connection:
        for key in keys_of(account):
            connection.execute("INSERT INTO ops.api_keys (api_key_hash, name) VALUES ($1, $2)", key)
    assert orusage("discover", "--since", "2d", **variables).code == 0
    shared = """
        SELECT api_key_label, count(*) = count(api_key_hash), count(DISTINCT api_key_hash)
        FROM discovered_generations GROUP BY ALL HAVING count(api_key_hash) > 0 ORDER BY 1
    """
    assert rows(tmp_path, shared) == [("batch", True, 2), ("evaluation", True, 2)]


def keys_of(account):
    """Hash and name of each key of the account's workspaces."""

    def listed(path):
        return json.loads(get(account, path, MANAGEMENT)[2])["data"]

    pages = (f"/keys?workspace_id={each['id']}&offset={n}" for each in listed("/workspaces") for n in (0, 100, 200))
    return [(key["hash"], key["name"]) for page in pages for key in listed(page)]


def test_an_inference_key_cannot_discover_and_leaves_no_file(orusage, tmp_path, account):
    for key, words in ((None, "no management key"), (KEY, "needs a management key")):
        done = orusage("discover", "--base-url", account.base_url, OPENROUTER_MANAGEMENT_KEY=key)
        assert done.code == 77
        assert words in done.err
        assert "https://openrouter.ai/settings/management-keys" in done.err
        assert KEY not in done.err + done.out
        assert len(done.err.splitlines()) == 3
    assert not list(tmp_path.iterdir())


def test_a_discovery_that_is_ended_or_killed_loses_nothing_of_what_was_told(orusage, tmp_path):
    now = datetime.now(UTC)
    population = {f"gen-{int((now - timedelta(days=d)).timestamp())}-{d:020d}": {} for d in range(1, 30)}
    analytics = Analytics(population, limit=4)
    with analytics.serving() as url:
        variables = {"OPENROUTER_BASE_URL": url, "OPENROUTER_MANAGEMENT_KEY": MANAGEMENT}
        for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, -9)):
            analytics.hangs_after, analytics.has_hung = len(analytics.queries) + 5, False
            run = Started(tmp_path, "discover", **variables)
            wait_for(lambda: analytics.has_hung)
            run.send(number)
            assert run.end().code == code
            found = rows(tmp_path, "SELECT count(*) FROM ops.work")[0][0]  # what SIGTERM left is published
            assert 0 < found < 29
        analytics.hangs_after = float("inf")
        done = orusage("discover", **variables)
        assert done.code == 0
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT generation_id) FROM ops.work") == [(29, 29)]
    assert rows(tmp_path, "SELECT sum(new_ids) FROM ops.discoveries") == [(29,)]


def test_the_logs_csv_needs_no_key(orusage, tmp_path):
    ids = new_ids(3, seed=4)
    with (tmp_path / "logs.csv").open("w", newline="", encoding="utf-16") as file:
        csv.writer(file).writerows([("app_name", "generation_id"), *(("A", one) for one in ids)])
    done = orusage("discover", "--csv", "logs.csv", OPENROUTER_API_KEY=None)
    assert (done.code, done.err) == (0, "")
    assert "3 rows, 3 generations" in done.out
    assert rows(tmp_path, "SELECT DISTINCT source FROM ops.work") == [(str(tmp_path / "logs.csv"),)]
    for arguments, code in ((("--csv", "gone.csv"), 66), (("--csv", "logs.csv", "--since", "1d"), 2)):
        assert orusage("discover", *arguments).code == code
