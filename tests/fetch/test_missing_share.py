"""A large share of IDs that are not found is said."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.scripted_answers import DAY, ERROR, HOUR, MINUTE, item, items, read, readable_answer, stand_in, stop

from ingest.core.errors import KeyRefusedError
from ingest.core.outcomes import Dead, Pending, Settled
from ingest.fetch.missing_share import MissingShare

DATED = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}

MADE = {
    "found": lambda: Settled(item(), None, NOON, 1),
    "missing": lambda: Pending(item(), "not_found", 404, None, 1),
    "dead": lambda: Dead(item(), "not_found", 404, 1),
    "missing for an hour": lambda: Pending(item(HOUR), "not_found_yet", 404, None, 1),
    "legacy": lambda: Pending(item(None), "not_found_yet", 404, None, 1),
    "recent": lambda: Pending(item(MINUTE), "not_found_yet", 404, None, 1),
    "failed": lambda: Pending(item(), "http_500", 500, None, 4),
    "refused": lambda: Dead(item(), "http_400", 400, 1),
}
MISSING = {"missing", "dead", "missing for an hour", "legacy"}


@given(st.lists(st.sampled_from(list(MADE)), max_size=60))
def test_a_recent_id_and_a_failure_count_as_neither(kinds):
    share = MissingShare()
    for kind in kinds:
        share.count(MADE[kind](), NOON)
    assert share == MissingShare(kinds.count("found"), sum(kind in MISSING for kind in kinds))


@pytest.mark.parametrize(
    ("found", "missing", "level"),
    [
        (0, 0, None),
        (0, 4, None),
        (0, 5, logging.WARNING),
        (45, 5, logging.INFO),
        (46, 5, None),
        (917, 683, logging.INFO),
        (684, 683, logging.INFO),
        (683, 683, logging.WARNING),
        (2000, 11, None),
    ],
)
def test_five_missing_ids_and_a_tenth_are_said_and_a_half_is_a_warning(found, missing, level, caplog):
    caplog.set_level(logging.INFO, "orusage")
    MissingShare(found, missing).tell()
    assert [r.levelno for r in caplog.records] == [level] * (level is not None)


@pytest.mark.parametrize("age", [2 * HOUR, 2 * DAY])
def test_a_run_with_ids_of_two_accounts_says_how_many_are_missing(age, caplog):
    work = items(160, age)
    others = {one.generation_id for one in work[::2]}

    def one_account(path, generation_id):
        return read(404, ERROR, DATED) if generation_id in others else readable_answer(path, generation_id)

    run = stand_in(one_account, work, FakeClock())
    assert not run.cancellation
    [record] = caplog.records
    assert record.getMessage() == "80 of 160 answers were 404: do these IDs belong to another account than the key?"


def test_a_run_that_stops_with_an_error_says_only_that(caplog):
    run = stand_in(lambda *_: read(401, ERROR, DATED), items(20), FakeClock())
    assert stop(run) == (KeyRefusedError, 77)
    assert not caplog.records
