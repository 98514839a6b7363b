"""The limiter through the installed command, over sockets and in real time.

How close it comes is measured by `test_limiter_profiles.py`, in virtual time, and by `bench_limits.py`. Here a busy
machine may stop either side for a while, which the limiter cannot tell from a slow server. The rate that it learns
therefore only has to be nearer to the limit than to the pace without one. The share of rejections must always be small.
"""

import duckdb
from support.logs import new_ids, write_log

from ingest.fetch.ratelimit.controller import START_PACE

INGEST = ("ingest", "app.log", "--summary", "json", "--base-url")


def learned(path):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute("SELECT rate FROM ops.rate_limits").fetchall()


def test_a_servers_limit_is_found_kept_to_and_remembered(orusage, simulate, tmp_path):
    limit = 200
    write_log(tmp_path / "app.log", new_ids(6 * limit, seed=limit))
    with simulate("--rate-limit", str(limit), "--burst", "30", "--latency", "30ms") as server:
        first = orusage(*INGEST, server.base_url)
        [(rate,)] = learned(tmp_path / "orusage.duckdb")
        write_log(tmp_path / "app.log", new_ids(6 * limit, seed=limit + 1))
        second = orusage(*INGEST, server.base_url)
        served = server.served()
    assert (first.code, first.json["settled"]) == (0, 6 * limit), first.err
    assert 2 * START_PACE < rate < 2 * limit
    assert first.json["waste"] <= 0.05
    assert first.json["throttled_seconds"] > 0
    assert (second.code, second.json["settled"]) == (0, 6 * limit), second.err
    assert second.json["waste"] <= 0.025
    assert served["statuses"]["429"] == first.json["throttled"] + second.json["throttled"]


def test_an_overloaded_server_is_asked_again_until_all_is_settled(orusage, simulate, tmp_path):
    write_log(tmp_path / "app.log", new_ids(200, seed=9))
    with simulate("--p529", "0.3", "--seed", "9") as server:
        done = orusage(*INGEST, server.base_url)
        again = orusage("ingest", "--summary", "json", "--base-url", server.base_url)
    assert done.json["overloaded"] > 25
    assert done.json["settled"] + again.json["settled"] == 200


def test_a_cap_is_never_exceeded(orusage, simulate, tmp_path):
    write_log(tmp_path / "app.log", new_ids(100))
    with simulate() as server:
        done = orusage(*INGEST, server.base_url, "--rate", "50")
    assert (done.code, done.json["settled"], done.json["throttled"]) == (0, 100, 0)
    assert done.json["seconds"] > 99 / 50 - 0.2


def test_no_more_is_under_way_than_allowed(orusage, simulate, tmp_path):
    write_log(tmp_path / "app.log", new_ids(30))
    with simulate("--latency", "100ms") as server:
        done = orusage(*INGEST, server.base_url, "--concurrency", "3")
    assert (done.code, done.json["settled"]) == (0, 30)
    assert done.json["seconds"] > 30 / 3 * 0.1
