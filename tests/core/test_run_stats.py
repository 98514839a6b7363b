from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ingest.core.run_stats import RunStats
from ingest.core.sightings import Chunk, Sighting, SourceRead


def test_run_stats_begin_at_zero_and_share_nothing():
    one, other = RunStats(), RunStats()
    one.statuses[429] += 1
    one.failures["timeout"] += 1
    one.contents["stored"] += 1
    one.request_times.add(0.08)
    assert (other.statuses, other.failures, other.contents) == ({}, {}, {})
    assert other.request_times.quantile(0.5) is None
    assert (other.done, other.requests, other.held_back, other.spend) == (0, 0, 0.0, Decimal(0))


@given(st.lists(st.sampled_from([200, 404, 429, 500, 503, 529])))
def test_throttled_and_overloaded_are_read_from_the_statuses(statuses):
    stats = RunStats()
    for status in statuses:
        stats.statuses[status] += 1
    assert stats.throttled == statuses.count(429)
    assert stats.overloaded == statuses.count(503) + statuses.count(529)
    assert sum(stats.statuses.values()) == len(statuses)


def test_asking_for_a_count_adds_no_status():
    stats = RunStats()
    assert (stats.throttled, stats.overloaded) == (0, 0)
    assert dict(stats.statuses) == {}


@given(st.lists(st.sampled_from([200, 404, 429, 500, 503, 529]), min_size=1))
def test_waste_is_the_share_of_requests_that_the_server_turned_away(statuses):
    stats = RunStats(requests=len(statuses))
    stats.statuses.update(statuses)
    assert stats.wasted == sum(status in (429, 503, 529) for status in statuses)
    assert stats.waste == stats.wasted / len(statuses)


def test_without_requests_nothing_is_wasted():
    assert (RunStats().wasted, RunStats().waste) == (0, 0.0)


def read(source, **facts):
    return SourceRead(source, bytes_read=0, sightings=0, **{"complete": True} | facts)


def test_chunks_are_counted_and_a_source_when_it_is_finished():
    stats, unfinished = RunStats(passed_over=1), read("big.log", complete=False)
    stats.count(Chunk((Sighting("gen-1", "a.log", 0),) * 3, (read("a.log"), unfinished), ended=1, bytes_read=700))
    assert (stats.sources, stats.sightings, stats.bytes_read, stats.unchanged) == (1, 3, 700, 0)
    reads = (
        read("big.log"),
        read("same.log", unchanged=True),
        read("cut.gz", complete=False, problem="truncated"),
        read("still-cut.gz", complete=False, unchanged=True),
        read("photo.png", complete=False, problem="binary, not text", passed_over=True),
    )
    stats.count(Chunk((), reads, ended=5, bytes_read=50))
    assert (stats.sources, stats.sightings, stats.bytes_read) == (5, 3, 750)
    assert (stats.unchanged, stats.damaged, stats.passed_over) == (2, 1, 2)
