"""What a run would do, told without doing it: the same counts as the run's, and a warehouse that stays as it is."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import new_ids, write_log
from support.long_form import in_two_forms
from support.warehouses import LEGACY, item, settled, write_old_warehouse

import ingest.pipeline.dry_run
from ingest.core.errors import CannotCreateError, NoInputError, UnexpectedInputError
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Dead, Pending
from ingest.core.remembered_rate import RememberedRate
from ingest.core.settings import Settings
from ingest.core.sightings import Chunk, Sighting
from ingest.pipeline.dry_run import dry_run
from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.scanner import scan_all
from ingest.warehouse import sql_files
from ingest.warehouse.warehouse import Warehouse

NOW = datetime.now(UTC)
IDS = [*new_ids(40, seed=5), *LEGACY]
SETTINGS = Settings(base_url="http://127.0.0.1:8787/api/v1")


def counts(rehearsal):
    stats = rehearsal.stats
    return stats.sources, stats.unchanged, stats.bytes_read, stats.sightings, stats.new_ids, rehearsal.requests


def read_into(path, *sources):
    """A run's reading, without its asking."""
    with Warehouse(path, NOW) as warehouse:
        chunks = scan_all(
            expand_sources([str(s) for s in sources]),
            NOW,
            CheckpointIndex(warehouse.ledger.checkpoints()),
            CallSiteParser(),
        )
        return sum(warehouse.add(chunk, "run", NOW) for chunk in chunks)


def test_where_no_warehouse_is_none_is_created(tmp_path):
    log = write_log(tmp_path / "a.log", [*IDS, *IDS[:5]])
    rehearsal = dry_run([str(log)], tmp_path / "w.duckdb", SETTINGS, NOW)
    assert counts(rehearsal) == (1, 0, log.stat().st_size, len(IDS), len(IDS), len(IDS))
    assert (rehearsal.problems, rehearsal.rate, rehearsal.seconds) == ((), None, None)
    assert [p.name for p in tmp_path.iterdir()] == ["a.log"]


def test_where_none_can_be_created_the_rehearsal_says_so(tmp_path):
    log = write_log(tmp_path / "a.log", IDS)
    with pytest.raises(CannotCreateError):
        dry_run([str(log)], tmp_path / "nowhere/w.duckdb", SETTINGS, NOW)


def test_a_warehouse_stays_as_it_is_and_what_it_knows_is_known(tmp_path):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "logs/a.log", IDS[:20])
    read_into(path, log)
    with Warehouse(path, NOW) as warehouse:
        warehouse.commit([settled(i) for i in IDS[:5]], "run")
        later = NOW + timedelta(hours=1)
        warehouse.commit([Pending(item(i), "not_found_yet", 404, later, 1) for i in IDS[5:8]], "run")
        warehouse.commit([Dead(item(IDS[8]), "not_found", 404, 1)], "run")
    before = path.read_bytes()
    write_log(tmp_path / "logs/b.log", IDS[10:30])
    size = (tmp_path / "logs/b.log").stat().st_size
    rehearsal = dry_run([str(tmp_path / "logs")], path, SETTINGS, NOW)
    assert counts(rehearsal) == (2, 1, size, 20, 10, 20 - 5 - 3 - 1 + 10)
    assert dry_run([], path, SETTINGS, NOW).requests == 20 - 5 - 3 - 1
    assert dry_run([], path, SETTINGS, NOW + timedelta(hours=2)).requests == 20 - 5 - 1
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["logs", "w.duckdb", "w.duckdb.work"]
    assert read_into(path, tmp_path / "logs") == 10


def test_an_id_that_comes_in_several_chunks_is_new_once(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest.pipeline.dry_run, "scan_all", partial(scan_all, size=1))
    for name in ("a.log", "b.log", "c.log"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / f"logs/{name}").write_text("\n".join([name, *IDS, IDS[0]]), encoding="utf-8")
    rehearsal = dry_run([str(tmp_path / "logs")], tmp_path / "w.duckdb", SETTINGS, NOW)
    assert counts(rehearsal)[3:] == (3 * len(IDS), len(IDS), len(IDS))


def test_the_bounds_of_a_run_bound_what_it_would_ask(tmp_path):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "a.log", IDS[:20])
    read_into(path, log)
    more = write_log(tmp_path / "b.log", IDS[20:])
    middle = sorted(filter(None, map(second_of, IDS)))[25]
    for bounds in ({"since": middle}, {"until": middle}, {"since": middle, "until": middle}, {"limit": 7}, {}):
        bounded = Settings(base_url=SETTINGS.base_url, **bounds)
        rehearsal = dry_run([str(more)], path, bounded, NOW)
        inside = [i for i in IDS if bounded.since <= (second_of(i) or datetime(1970, 1, 1, tzinfo=UTC)) < bounded.until]
        assert rehearsal.requests == min(len(inside), bounds.get("limit", len(IDS)))
        assert rehearsal.stats.new_ids == len(IDS) - 20


@pytest.mark.parametrize(
    ("learned", "cap", "rate"),
    [(None, None, None), (50.0, None, 50.0), (None, 5.0, 5.0), (50.0, 5.0, 5.0), (2.0, 5.0, 2.0)],
)
def test_the_time_it_takes_is_told_by_what_is_known_of_the_rate(tmp_path, learned, cap, rate):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "a.log", IDS)
    with Warehouse(path, NOW) as warehouse:
        warehouse.remember_rate("elsewhere", None, RememberedRate(1000.0, 1.0, NOW), "run")
        if learned:
            warehouse.remember_rate("127.0.0.1:8787", None, RememberedRate(learned, 10.0, NOW), "run")
    rehearsal = dry_run([str(log)], path, Settings(base_url=SETTINGS.base_url, rate=cap), NOW)
    assert rehearsal.rate == rate
    assert rehearsal.seconds == (len(IDS) / rate if rate else None)


def test_without_a_warehouse_the_cap_tells_the_rate(tmp_path):
    log = write_log(tmp_path / "a.log", IDS)
    rehearsal = dry_run([str(log)], tmp_path / "w.duckdb", Settings(base_url=SETTINGS.base_url, rate=4.0), NOW)
    assert (rehearsal.rate, rehearsal.seconds) == (4.0, len(IDS) / 4)


def test_what_cannot_be_read_is_named(tmp_path):
    log = write_log(tmp_path / "a.log", IDS)
    rehearsal = dry_run([str(log), str(tmp_path / "gone.log")], tmp_path / "w.duckdb", SETTINGS, NOW)
    assert [(r.source, r.problem) for r in rehearsal.problems] == [
        (str(tmp_path / "gone.log"), "no such file or directory")
    ]
    assert counts(rehearsal)[3:] == (len(IDS), len(IDS), len(IDS))
    with pytest.raises(NoInputError, match="no source could be read"):
        dry_run([str(tmp_path / "gone.log")], tmp_path / "w.duckdb", SETTINGS, NOW)


@pytest.mark.parametrize("number", range(1, len(sql_files.migrations()) + 1))
def test_a_warehouse_of_an_earlier_version_can_be_rehearsed_with(tmp_path, number):
    path = write_old_warehouse(tmp_path / "old.duckdb", sql_files.migrations()[:number])
    before = path.read_bytes()
    log = write_log(tmp_path / "a.log", IDS)
    rehearsal = dry_run([str(log)], path, SETTINGS, NOW)
    assert counts(rehearsal) == (1, 0, log.stat().st_size, len(IDS), len(IDS) - 2, len(IDS) - 1)
    assert path.read_bytes() == before


def test_a_warehouse_of_a_later_version_can_be_rehearsed_with(tmp_path):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "a.log", IDS)
    read_into(path, log)
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ops.migrations VALUES (9999, '9999_future.sql', now())")
    assert counts(dry_run([str(log)], path, SETTINGS, NOW)) == (1, 1, 0, 0, 0, len(IDS))


def test_a_file_that_is_no_warehouse_is_refused_as_ever(tmp_path):
    log, path, other = write_log(tmp_path / "a.log", IDS), tmp_path / "text.duckdb", tmp_path / "other.duckdb"
    path.write_text("no database " * 500, encoding="utf-8")
    with duckdb.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    for file in (path, other):
        before = file.read_bytes()
        with pytest.raises(UnexpectedInputError):
            dry_run([str(log)], file, SETTINGS, NOW)
        assert file.read_bytes() == before


def test_a_warehouse_in_which_nothing_was_ever_created_can_be_rehearsed_with(tmp_path):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "a.log", IDS)
    for statement in ("SELECT 1", sql_files.query("catalog/create_migrations_table")):
        with duckdb.connect(path) as connection:
            connection.execute(statement)
        assert counts(dry_run([str(log)], path, SETTINGS, NOW))[3:] == (len(IDS), len(IDS), len(IDS))


def test_a_warehouse_that_is_in_use_is_read_as_it_was_published_last(tmp_path):
    path, log = tmp_path / "w.duckdb", write_log(tmp_path / "a.log", IDS)
    read_into(path, log)
    free = counts(dry_run([str(log)], path, SETTINGS, NOW))
    code = f"import duckdb; connection = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"open\n"
        assert counts(dry_run([str(log)], path, SETTINGS, NOW)) == free
        holder.communicate(b"\n")


STATES = st.sampled_from(["settled", "pending", "waiting", "dead"])


@in_two_forms(
    given(
        st.dictionaries(st.sampled_from(IDS), STATES),
        st.lists(st.lists(st.sampled_from(IDS), max_size=12), min_size=1, max_size=3),
        st.none() | st.sampled_from(IDS),
        st.none() | st.integers(1, 20),
    ),
    short=4,
    long_form=150,
)
def test_the_counts_are_those_of_the_run_that_follows(tmp_path_factory, states, logs, since, limit):
    folder = tmp_path_factory.mktemp("rehearsal")
    path = folder / "w.duckdb"
    for number, ids in enumerate(logs):
        write_log(folder / f"logs/{number}.log", ids)
    later = NOW + timedelta(days=1)
    outcomes = {
        "settled": settled,
        "waiting": lambda i: Pending(item(i), "not_found_yet", 404, later, 1),
        "dead": lambda i: Dead(item(i), "http_410", 410, 1),
    }
    with Warehouse(path, NOW) as warehouse:
        sightings = tuple(Sighting(i, "earlier.log", 0) for i in states)
        warehouse.add(Chunk(sightings, reads=(), ended=0, bytes_read=0), "run", NOW)
        warehouse.commit([outcomes[state](i) for i, state in states.items() if state != "pending"], "run")
    bounds = {"since": (since and second_of(since)) or SETTINGS.since, "limit": limit}
    bounded = Settings(base_url=SETTINGS.base_url, **bounds)
    told = dry_run([str(folder / "logs")], path, bounded, NOW)
    assert told.stats.new_ids == read_into(path, folder / "logs")
    with Warehouse(path, NOW) as warehouse:
        assert told.stats.due == warehouse.ledger.count_due(bounded, NOW)
    assert told.requests == min(told.stats.due, limit or told.stats.due)
    again = dry_run([str(folder / "logs")], path, bounded, NOW)
    assert (again.stats.new_ids, again.requests) == (0, told.requests)
