import asyncio
import logging
from datetime import timedelta

import pytest
from support.clock import FakeClock

from ingest.core.errors import StorageError, TryAgainLaterError
from ingest.pipeline.publish_schedule import LARGEST_LOG, LARGEST_LOG_UNBOUNDED, PublishSchedule

FULL = StorageError("the disk is full", cause="a test", fix="none")
IN_USE = TryAgainLaterError("w.duckdb is in use", cause="process 7 has it open", fix="none")


class Store:
    def __init__(self, error=None):
        self.unpublished = 0
        self.published = 0
        self.error = error

    def publish(self):
        if self.error:
            raise self.error
        self.published += 1


def after(seconds, store, clock=None, publisher=None):
    clock = clock or FakeClock()
    publisher = publisher or PublishSchedule(store, timedelta(minutes=15), clock)
    clock.elapsed += seconds
    asyncio.run(publisher.publish_if_due())
    return clock, publisher


@pytest.mark.parametrize(("seconds", "log", "published"), [(899, 0, 0), (900, 0, 1), (0, LARGEST_LOG, 1), (0, 5, 0)])
def test_it_publishes_when_time_or_log_are_over(seconds, log, published):
    store = Store()
    store.unpublished = log
    after(seconds, store)
    assert store.published == published


@pytest.mark.parametrize(("log", "published"), [(LARGEST_LOG, 0), (LARGEST_LOG_UNBOUNDED, 1)])
def test_a_run_whose_memory_is_not_limited_publishes_later(log, published):
    store, clock = Store(), FakeClock()
    store.unpublished = log
    after(0, store, clock, PublishSchedule(store, timedelta(minutes=15), clock, LARGEST_LOG_UNBOUNDED))
    assert store.published == published


def test_time_counts_from_the_last_publish():
    store = Store()
    clock, publisher = after(900, store)
    after(899, store, clock, publisher)
    assert store.published == 1
    after(1, store, clock, publisher)
    assert store.published == 2


def test_a_program_that_is_in_the_way_is_told_and_there_is_another_time(caplog):
    store = Store(IN_USE)
    with caplog.at_level(logging.WARNING, "orusage"):
        clock, publisher = after(900, store)
    assert "process 7" in caplog.text
    store.error = None
    after(899, store, clock, publisher)
    assert store.published == 0
    after(1, store, clock, publisher)
    assert store.published == 1


def test_another_failure_ends_the_run():
    with pytest.raises(StorageError):
        after(900, Store(FULL))
