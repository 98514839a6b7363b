"""A work copy's log that ends anywhere in its last transaction, or in rubbish: the state before it, or after it.

The long form cuts at each byte: ``pytest -m long tests/faults/test_wal_cut.py``.
"""

import os
import random
import shutil

import duckdb
import pytest
from support.faulty_runs import BEFORE, IDS, begun_place, committed, complete_state, died_place, state_of, survives
from support.long_form import long

CONFIG = {"checkpoint_threshold": "1TB"}
CUTS = 16


@pytest.fixture(scope="module")
def died(tmp_path_factory, simulation):
    begun = begun_place(tmp_path_factory.mktemp("cut"), simulation.base_url)
    return died_place(begun)


@pytest.fixture(scope="module")
def complete(died):
    return complete_state(died)


class Copy:
    """A work copy whose log can be cut and gone on with.

    Args:
        died: A place with a work copy.
        directory: Where the copy of it is to lie.
    """

    def __init__(self, died, directory):
        self.base = died.work.read_bytes()
        self.wal = died.work.with_name(f"{died.work.name}.wal").read_bytes()
        self.file = directory / "work.duckdb"
        self.log = directory / "work.duckdb.wal"

    def opened(self, log):
        """What it holds with such a log."""
        self.file.write_bytes(self.base)
        self.log.write_bytes(log)
        return self.read()

    def read(self):
        """What it holds now; nothing is checkpointed."""
        with duckdb.connect(self.file, config=CONFIG) as connection:
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            state = state_of(connection)
        assert self.file.read_bytes() == self.base
        return state

    def go_on(self):
        """Commit something like the product does."""
        with duckdb.connect(self.file, config=CONFIG) as connection:
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            connection.begin()
            connection.execute("DELETE FROM generations WHERE generation_id = $id", {"id": IDS[0]})
            connection.execute("DELETE FROM provider_attempts WHERE generation_id = $id", {"id": IDS[0]})
            connection.execute("INSERT INTO ops.work (generation_id, state) VALUES ($id, 'pending')", {"id": IDS[0]})
            connection.execute("UPDATE ops.last_commit SET number = number + 1")
            connection.commit()


@pytest.fixture(scope="module")
def copy(died, tmp_path_factory):
    return Copy(died, tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def last(copy):
    """The state before the last transaction that stored a generation, the one after it, and where its bytes lie."""
    whole, size = copy.opened(copy.wal), len(copy.wal)

    def shortest(reached):
        low, high = 0, size
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(copy.opened(copy.wal[:middle])) else (middle, high)
        return high

    end = shortest(lambda state: len(state.usage) == len(whole.usage))
    after = copy.opened(copy.wal[:end])
    begin = shortest(lambda state: state.number == after.number - 1)
    before = copy.opened(copy.wal[:begin])
    assert len(before.usage) < len(after.usage)
    return before, after, begin, end


def spread(begin, end, count):
    draw = random.Random(8)
    edges = [*range(begin, begin + 10), *range(end - 10, end + 1)]
    return sorted({*edges, *(draw.randrange(begin, end) for _ in range(count - len(edges)))})


def proved(copy, last, log, *, is_whole):
    """Open with this log, go on, open again."""
    before, after, *_ = last
    state = copy.opened(log)
    assert state == (after if is_whole else before)
    copy.go_on()
    gone_on = copy.read()
    assert gone_on.number == state.number + 1
    assert gone_on.usage == {i: usage for i, usage in state.usage.items() if i != IDS[0]}
    assert gone_on.waiting == state.waiting | {IDS[0]}


def cut_at(lengths, copy, last):
    wrong = {}
    for length in lengths:
        try:
            proved(copy, last, copy.wal[:length], is_whole=length == last[3])
        except Exception as error:  # noqa: BLE001  # each failing cut is named
            wrong[f"cut at byte {length}"] = error
    assert not wrong, "\n".join(f"{cut}: {type(error).__name__} {error}" for cut, error in wrong.items())


def test_cut_at_some_bytes_of_the_last_transaction(copy, last):
    _, _, begin, end = last
    assert end - begin > 1000
    cut_at(spread(begin, end, CUTS), copy, last)


@pytest.mark.long
def test_cut_at_each_byte_of_the_last_transaction(copy, last):
    _, _, begin, end = last
    cut_at(range(begin, end + 1), copy, last)


@pytest.mark.parametrize("rubbish", ["zeros", "noise", "a flipped bit"])
def test_rubbish_is_never_taken_for_data(copy, last, rubbish):
    before, after, begin, end = last
    noise = random.Random(9)
    for length in spread(begin, end - 1, CUTS // 2):
        flipped = bytes([copy.wal[length] ^ 0x40]) + copy.wal[length + 1 : end]
        tail = {"zeros": bytes(end - length), "noise": noise.randbytes(end - length), "a flipped bit": flipped}[rubbish]
        try:
            assert copy.opened(copy.wal[:length] + tail) in (before, after)
        except duckdb.Error as error:
            assert "WAL" in str(error)  # noqa: PT017  # what does not open is set aside


def test_a_first_run_whose_log_is_cut_anywhere_opens(died, complete, tmp_path):
    """The log of a run that had made its work copy only just now."""
    copy = Copy(died, tmp_path)
    for length in {0, 1, 8, 100, *random.Random(3).sample(range(len(copy.wal)), 10)}:
        state = copy.opened(copy.wal[:length])
        assert len(state.usage) >= BEFORE
        assert state.usage.items() <= complete.usage.items()


# With the command


@pytest.mark.parametrize("where", ["middle", *map(long, ("first", "second", "last"))])
def test_the_command_goes_on_from_a_log_that_was_cut(died, complete, last, where):
    before, after, begin, end = last
    cut = {"first": begin + 1, "second": begin + 2, "middle": (begin + end) // 2, "last": end - 1}[where]
    case = died.case()
    os.truncate(case.work.with_name(f"{case.work.name}.wal"), cut)
    assert committed(case) == before
    done = case.run()
    stored = survives(case, complete, done, {0})
    assert stored.asked.items() >= before.asked.items()
    assert not before.asked.keys() >= after.asked.keys()


def test_a_log_that_is_gone_is_a_run_that_is_done_again(died, complete):
    case = died.case()
    case.work.with_name(f"{case.work.name}.wal").unlink()
    survives(case, complete, case.run(), {0})


def test_a_work_copy_that_is_gone_takes_its_log_with_it(died, complete):
    case = died.case()
    case.work.unlink()
    survives(case, complete, case.run(), {0})


@pytest.mark.parametrize(
    "harm", ["cut", "its log ends in zeros", *map(long, ("emptied", "overwritten", "its log is of another"))]
)
def test_a_work_copy_that_does_not_open_is_kept_and_told_of_and_its_work_done_again(died, complete, harm, tmp_path):
    case = died.case()
    log, size = case.work.with_name(f"{case.work.name}.wal"), case.work.stat().st_size
    if harm == "its log ends in zeros":
        log.write_bytes(log.read_bytes()[:-200] + bytes(200))
    elif harm == "its log is of another":
        with duckdb.connect(tmp_path / "other.duckdb", config={"storage_compatibility_version": "v1.4.0"}) as other:
            other.execute("PRAGMA disable_checkpoint_on_shutdown")
            other.execute("CREATE TABLE t AS SELECT 1 AS a")
        shutil.copy(tmp_path / "other.duckdb.wal", log)
    else:
        case.work.write_bytes(
            {"emptied": b"", "overwritten": os.urandom(size), "cut": case.work.read_bytes()[:4096]}[harm]
        )
    harmed = {case.work.read_bytes(), log.read_bytes()}
    done = case.run()
    assert done.code == 3, done.err
    assert "quarantine" in done.err
    kept = list((case.folder / "orusage.duckdb.work").glob("quarantine-*"))
    assert {path.read_bytes() for path in kept} == harmed
    for path in kept:
        path.unlink()
    survives(case, complete, case.run(), {0})
