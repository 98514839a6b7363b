"""``orusage retry``: what was given up by mistake is settled after all."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.logs import new_ids, write_log
from support.warehouse_files import rows
from support.warehouses import IDS, NOW, chunk, item

from ingest.core.errors import Exit
from ingest.core.outcomes import Dead, Pending
from ingest.core.settings import EARLIEST
from ingest.warehouse.maintenance import revive
from ingest.warehouse.storage.lock import NO_WAIT
from ingest.warehouse.warehouse import Warehouse

STATES = "SELECT state, reason, count(*) FROM ops.work GROUP BY ALL ORDER BY ALL"


def test_ids_that_died_of_another_accounts_key_are_settled_after_retry(orusage, simulate, tmp_path):
    ids, file = new_ids(30, seed=3), tmp_path / "orusage.duckdb"
    write_log(tmp_path / "logs/app.log", ids)
    with simulate("--p404", "1") as stranger, simulate() as server:
        assert orusage("ingest", "logs", "--base-url", stranger.base_url).code == 0
        assert rows(file, STATES) == [("pending", "not_found", 30)]
        write_dead(file, ids, "not_found")
        assert orusage("ingest", "--base-url", server.base_url, "--summary", "json").json["requests"] == 0
        none = orusage("retry", "--reason", "http_400")
        assert (none.code, none.out) == (0, "0 IDs revived: no dead or resting ID matches\n")
        some = orusage("retry", "--reason", "not_found", "--since", "3650d")
        assert (some.code, some.out.split()[:4]) == (0, ["30", "not_found", "30", "IDs"])
        done = orusage("ingest", "--base-url", server.base_url, "--summary", "json")
    assert (done.code, done.json["settled"], rows(file, STATES)) == (0, 30, [])


def write_dead(file, ids, reason):
    with Warehouse(file, NOW) as warehouse:
        warehouse.commit([Dead(item(i), reason, 404, 1) for i in ids], "run")


def test_an_id_that_rests_is_asked_at_once_after_retry(orusage, simulate, tmp_path):
    write_log(tmp_path / "app.log", new_ids(10, seed=3))
    with simulate("--p404", "1") as stranger, simulate() as server:
        assert orusage("ingest", "app.log", "--base-url", stranger.base_url).code == 0
        assert orusage("ingest", "--base-url", server.base_url, "--summary", "json").json["requests"] == 0
        assert orusage("retry", "--all").code == 0
        assert orusage("ingest", "--base-url", server.base_url, "--summary", "json").json["settled"] == 10


def test_without_a_selection_or_a_warehouse_nothing_is_done(orusage, tmp_path):
    done = orusage("retry", "--all")
    assert (done.code, list(tmp_path.glob("*.duckdb*"))) == (Exit.NO_INPUT, [])
    write_log(tmp_path / "app.log", new_ids(1))
    done = orusage("retry")
    assert (done.code, "--reason, --since or --all is needed" in done.err) == (Exit.USAGE, True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("retry")


REASONS = ("not_found", "http_400", "unreadable")
kinds = st.sampled_from(["new", "due", "resting", "dead"])
moments = st.one_of(
    st.just(EARLIEST), st.sampled_from([item(i).requested_at for i in IDS if item(i).requested_at]), st.just(NOW)
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.lists(st.tuples(kinds, st.sampled_from(REASONS)), min_size=len(IDS), max_size=len(IDS)),
    reason=st.sampled_from([None, *REASONS, "nothing"]),
    since=moments,
)
def test_exactly_the_dead_and_resting_ids_that_match_are_due_again(folder, states, reason, since):
    file = folder / "w.duckdb"
    file.unlink(missing_ok=True)
    at = {"due": None, "resting": NOW + timedelta(hours=9)}
    outcomes = [
        Dead(item(i), why, 404, 1) if kind == "dead" else Pending(item(i), why, 404, at[kind], 1)
        for i, (kind, why) in zip(IDS, states, strict=True)
        if kind != "new"
    ]
    with Warehouse(file, NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit(outcomes, "run")
    expected = {
        i: why
        for i, (kind, why) in zip(IDS, states, strict=True)
        if kind in ("dead", "resting") and reason in (None, why) and (item(i).requested_at or EARLIEST) >= since
    }
    every = "SELECT generation_id, state, not_before, runs, reason FROM ops.work"
    before = {i: rest for i, *rest in rows(file, every)}
    told = revive(file, reason, since, NOW, NO_WAIT)
    assert told == {why: list(expected.values()).count(why) for why in set(expected.values())}
    after = {i: rest for i, *rest in rows(file, every)}
    assert after == before | {i: ["pending", None, 0, why] for i, why in expected.items()}
    assert revive(file, reason, since, NOW, NO_WAIT) == {}
