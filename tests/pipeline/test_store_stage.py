import asyncio
from datetime import timedelta

import pytest
from support.clock import NOON, FakeClock

from ingest.core.api_records import GenerationResponseData, ProviderResponse
from ingest.core.errors import StorageError
from ingest.core.outcomes import Content, Dead, Pending, Settled, WorkItem
from ingest.core.run_stats import RunStats
from ingest.pipeline.publish_schedule import PublishSchedule
from ingest.pipeline.store_stage import COMMIT_EVERY, LARGEST_BATCH, BatchWriter

IDS = [f"gen-1795176000-{number:020}" for number in range(9)]
FULL = StorageError("the disk is full", cause="a test", fix="none")


def dead(number):
    return Dead(WorkItem(IDS[number], NOON, "app.log", 0), "http_410", 410, 1)


def pending(**asked):
    return Pending(WorkItem(IDS[0], NOON, "app.log", 0), "http_429", 429, None, **asked)


class Store:
    """Stands for a warehouse: notes when how much was committed, and fails on demand."""

    def __init__(self, clock, fails_at=None):
        self.clock = clock
        self.commits = []
        self.fails_at = fails_at
        self.unpublished = 0

    def commit(self, outcomes, _):
        if len(self.commits) == self.fails_at:
            raise FULL from OSError("no space")
        self.commits.append((self.clock.elapsed, len(outcomes)))


def stored(steps, size=3, fails_at=None):
    """What becomes of outcomes; a number among them is a pause in seconds."""
    clock, stats = FakeClock(), RunStats()
    store = Store(clock, fails_at)
    batches = BatchWriter(store, PublishSchedule(store, timedelta(hours=1), clock), "run", size, clock, stats)

    async def outcomes():
        for step in steps:
            if isinstance(step, float):
                await clock.sleep(step)
            else:
                yield step

    async def run():
        await batches.store(outcomes())
        assert len(asyncio.all_tasks()) <= 2, "whoever commits now and then has ended; the clock may still drive"

    try:
        asyncio.run(run())
    finally:
        store.stats = stats
        stored.last = store
    return store.commits, batches, stats


def test_a_full_batch_is_committed_at_once_and_the_rest_at_the_end():
    commits, _, stats = stored([dead(n) for n in range(7)])
    assert commits == [(0, 3), (0, 3), (0, 1)]
    assert (stats.done, stats.dead) == (7, 7)


def test_nothing_to_store_is_not_committed():
    assert stored([4 * COMMIT_EVERY])[0] == []


def test_what_there_is_is_committed_while_nothing_comes_for_long():
    commits, _, stats = stored([dead(0), 170.0, dead(1)])
    assert commits == [(COMMIT_EVERY, 1), (170, 1)]
    assert stats.dead == 2


def test_a_commit_that_fails_in_a_pause_ends_the_run_with_its_error_and_cause():
    with pytest.raises(StorageError) as failed:
        stored([dead(0), 170.0, dead(1)], fails_at=0)
    assert failed.value is FULL
    assert isinstance(failed.value.__cause__, OSError)
    assert stored.last.clock.elapsed == COMMIT_EVERY
    assert (stored.last.stats.done, stored.last.stats.dead) == (1, 0)


def test_a_full_batch_that_cannot_be_committed_ends_the_run_and_is_not_counted():
    with pytest.raises(StorageError):
        stored([dead(n) for n in range(9)], fails_at=1)
    assert stored.last.commits == [(0, 3)]
    assert stored.last.stats.dead == 3


@pytest.mark.parametrize(
    ("outcome", "has_progressed"),
    [
        (dead(0), True),
        (pending(requests=3), True),
        (pending(requests=3, charged=False), False),
        (pending(requests=0, charged=False), False),
    ],
)
def test_a_run_progresses_with_every_outcome_but_an_interruption(outcome, has_progressed):
    _, batches, stats = stored([outcome, outcome])
    assert batches.has_progressed == has_progressed
    assert stats.pending == (2 if isinstance(outcome, Pending) and outcome.requests else 0)


def large(kind, size):
    """A settled outcome of about `size` characters, which lie where `kind` says."""
    item = WorkItem(IDS[0], NOON, "app.log", 0, log_fields="x" * size if kind == "kept field" else None)
    attempts = {
        "many attempts": [ProviderResponse()] * (size // 200 + 20),
        "large attempt": [ProviderResponse(extra_json="x" * size)],
    }.get(kind)
    extra = "x" * (size + 1_000) if kind == "unknown field" else None
    content = Content(200, None, NOON, completion="x" * size) if kind == "content" else None
    return Settled(item, GenerationResponseData(provider_responses=attempts, extra_json=extra), NOON, 1, content)


@pytest.mark.parametrize("kind", ["kept field", "many attempts", "large attempt", "unknown field", "content"])
@pytest.mark.parametrize("share", [1, 2, 3, 7])
def test_a_batch_is_cut_by_its_text_wherever_that_lies(kind, share):
    outcome = large(kind, LARGEST_BATCH // share + 200)
    commits, _, stats = stored([outcome] * (2 * share + 1), size=1000)
    assert [size for _, size in commits] == [share, share, 1]
    assert stats.settled == 2 * share + 1
