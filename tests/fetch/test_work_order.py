from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.long_form import in_two_forms

import ingest.warehouse.ledger
from ingest.core.generation_id import READY_AGE, ready_at, second_of
from ingest.core.outcomes import Dead, Pending, WorkItem
from ingest.core.settings import Settings
from ingest.core.sightings import Chunk, Sighting
from ingest.fetch.work_order import in_order
from ingest.warehouse.warehouse import Warehouse

LEGACY = [f"gen-{letter}aBcdEfghIjklMnopQrstUvw" for letter in "ABC"]
PAGE = 3


def an_id(age, number=0):
    """An ID whose second was `age` seconds before noon."""
    return f"gen-{int(NOON.timestamp()) - age}-{number:020}"


def item(age):
    requested_at = NOON - timedelta(seconds=age)
    is_recent = requested_at > NOON - READY_AGE
    return WorkItem(an_id(age), requested_at, "app.log", 0, due_at=ready_at(requested_at, NOON) if is_recent else None)


def ages(items):
    return [int((NOON - i.requested_at).total_seconds()) for i in items]


def ordered(ready, recent, clock):
    return in_order(map(item, ready), map(item, recent), clock.now)


def test_recent_items_come_last_and_carry_the_moment_they_are_due():
    last = list(ordered([180, 500], [179, 0], FakeClock()))
    assert ages(last) == [180, 500, 179, 0]
    assert [i.due_at for i in last] == [None, None, NOON + timedelta(seconds=1), NOON + timedelta(seconds=180)]


def test_a_recent_item_goes_first_from_the_moment_it_is_due():
    clock = FakeClock()
    items = ordered([200, 300, 400, 500, 600], [170, 169, 60], clock)
    seen = [next(items)]
    clock.advance(9.9)
    seen.append(next(items))
    clock.advance(0.1)
    seen += [next(items), next(items)]
    clock.advance(1)
    seen += items
    assert ages(seen) == [200, 300, 170, 400, 169, 500, 600, 60]


def test_several_that_became_due_go_first_together():
    clock = FakeClock()
    items = ordered([200, 300], [170, 169, 60], clock)
    first = next(items)
    clock.advance(30)
    assert ages([first, *items]) == [200, 170, 169, 300, 60]


@pytest.mark.parametrize(
    ("ready", "recent"), [([], []), ([200, 300], []), ([], [100, 50])], ids=["nothing", "no recent", "no ready"]
)
def test_either_stream_may_be_empty(ready, recent):
    assert ages(ordered(ready, recent, FakeClock())) == ready + recent


@pytest.mark.parametrize(
    ("age", "wait"), [(180, 0), (179, 1), (0, 180), (-1, 180), (-86_400, 180), (86_400, 180 - 86_400)]
)
def test_an_id_from_the_future_waits_no_longer_than_a_new_one(age, wait):
    assert ready_at(NOON - timedelta(seconds=age), NOON) == NOON + timedelta(seconds=wait)


def test_nothing_is_read_before_it_is_needed():
    read = []
    ready, recent = ((read.append(age), item(age))[1] for age in (200, 300)), iter([item(100)])
    items = in_order(ready, recent, FakeClock().now)
    assert read == []
    next(items)
    assert read == [200]


# Over a real ledger, while time passes and outcomes are stored

IDS = st.lists(st.integers(-400, 1000).map(an_id) | st.sampled_from(LEGACY), unique=True, max_size=25)
NOT_BEFORE = st.sampled_from([None, -1, 0, 1, 100])
STEPS = st.lists(st.sampled_from([0.0, 0.5, 7.0, 60.0]), min_size=1, max_size=8)
BOUNDS = st.none() | st.integers(-400, 1000)


@in_two_forms(given(IDS, st.lists(NOT_BEFORE, min_size=25, max_size=25), STEPS, BOUNDS, BOUNDS), short=6, long_form=200)
def test_over_a_ledger_every_due_id_comes_once_and_in_its_order(tmp_path_factory, ids, delays, steps, oldest, newest):
    with (
        pytest.MonkeyPatch.context() as patch,
        Warehouse(tmp_path_factory.mktemp("w") / "w.duckdb", NOON) as warehouse,
    ):
        patch.setattr(ingest.warehouse.ledger, "PAGE", PAGE)
        patch.setattr(warehouse, "_rows", spied := Spy(warehouse._rows))
        not_before = dict(zip(ids, delays, strict=False))
        fill(warehouse, not_before)
        given_bounds = {"since": oldest, "until": newest}
        bounds = Settings(**{k: NOON - timedelta(seconds=v) for k, v in given_bounds.items() if v is not None})
        count = warehouse.ledger.count_due(bounds, NOON)
        clock, seen = FakeClock(), []
        for due in in_order(warehouse.ledger.ready(bounds, NOON), warehouse.ledger.recent(bounds, NOON), clock.now):
            seen.append((due, clock.now()))
            outcome = Dead(due, "http_410", 410, 1) if len(seen) % 3 else Pending(due, "not_found_yet", 404, NOON, 1)
            warehouse.commit([outcome], "run")
            assert spied.claimed - len(seen) <= 2 * PAGE
            clock.advance(steps[len(seen) % len(steps)])

    wanted = [i for i in ids if (not_before[i] or 0) <= 0 and bounds.since <= second(i) <= bounds.until]
    assert sorted(due.generation_id for due, _ in seen) == sorted(wanted)
    assert count == len(wanted)
    oldest_first = sorted(wanted, key=lambda i: (second(i), i))
    ready = [due.generation_id for due, _ in seen if due.due_at is None]
    recent = [due.generation_id for due, _ in seen if due.due_at]
    assert ready[::-1] == [i for i in oldest_first if second(i) <= NOON - READY_AGE]
    assert recent == [i for i in oldest_first if second(i) > NOON - READY_AGE]
    last_ready = max((n for n, (due, _) in enumerate(seen) if due.due_at is None), default=-1)
    for n, (due, when) in enumerate(seen):
        if due.due_at:
            assert due.due_at == min(second(due.generation_id), NOON) + READY_AGE
            assert due.due_at <= when or n > last_ready
        else:  # no recent one that was due was passed over for it
            assert all(other.due_at is None or other.due_at > when for other, _ in seen[n:])


class Spy:
    """Counts the rows that claims bring."""

    def __init__(self, rows):
        self.rows = rows
        self.claimed = 0

    def __call__(self, name, /, **parameters):
        rows = self.rows(name, **parameters)
        self.claimed += len(rows) if name.startswith("claim_") else 0
        return rows


def second(generation_id):
    return second_of(generation_id) or datetime(1970, 1, 1, tzinfo=UTC)


def fill(warehouse, not_before):
    """A ledger of pending IDs that are not to be asked before so many seconds after noon; None: at once."""
    sightings = tuple(Sighting(i, "app.log", n) for n, i in enumerate(not_before))
    warehouse.add(Chunk(sightings, reads=(), ended=0, bytes_read=0), "run", NOON)
    items = {i: WorkItem(i, second_of(i), "app.log", 0) for i in not_before}
    later = {i: NOON + timedelta(seconds=delay) for i, delay in not_before.items() if delay is not None}
    warehouse.commit([Pending(items[i], "not_found_yet", 404, time, 1) for i, time in later.items()], "run")
