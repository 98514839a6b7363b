"""Runs for minutes, against a server that fails, over logs that grow: nothing is lost, doubled or piled up."""

import os
import random
import signal
import time
from pathlib import Path
from statistics import median

import pytest
from support.commands import ENOUGH, LOCKED
from support.logs import new_ids
from support.simulators import stoppable_simulator
from support.warehouse_files import another_night, assert_each_once, rows, state_of, wait_until_held, work_of

FAULTS = (
    *("--p429", "0.01", "--p529", "0.005", "--p404", "0.02", "--p500", "0.02", "--malformed", "0.02"),
    *("--latency", "20ms", "--seed", "11"),
)
SAMPLED_EVERY = 0.1
"""Seconds."""

MEGABYTE = 1024 * 1024

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")


class Logs:
    """A few logs that grow all the time, and hold some IDs twice."""

    def __init__(self, folder, backlog):
        self._folder = folder
        folder.mkdir()
        self._random = random.Random(5)
        self.ids = []
        for number in range(3):
            self._write(number, backlog // 3)

    def _write(self, number, count):
        fresh = new_ids(count, seed=10_000 + len(self.ids))
        self.ids += fresh
        again = self._random.sample(self.ids, min(5, len(self.ids)))
        with (self._folder / f"{number}.log").open("a", encoding="utf-8") as log:
            log.writelines(f'{{"id": "{i}"}}\n' for i in [*fresh, *again])

    def grow(self):
        self._write(self._random.randrange(3), self._random.randint(0, 6))


def used_by(process):
    """Resident memory in bytes and open descriptors; None when the process is gone."""
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE"), len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208
    except (OSError, IndexError):
        return None


def under_way(run, logs, until):
    """Let the run go on, and the logs grow, until then; returns what it used, in regular steps."""
    samples = []
    while time.monotonic() < until and not run.has_ended:
        samples.append(used_by(run.process))
        logs.grow()
        time.sleep(SAMPLED_EVERY)
    return [sample for sample in samples if sample]


def soak(start, warehouse, seconds, rate):
    """Three runs that are killed, one that is interrupted when the time is over, and some that bring the rest."""
    logs = Logs(warehouse.parent / "logs", backlog=int(seconds * rate * 1.2))
    with stoppable_simulator(*FAULTS) as server:

        def begin(*options):
            limits = ("--concurrency", "32", "--batch-size", "100", "--publish-every", f"{max(1, seconds // 18)}s")
            return start("ingest", "logs", *limits, *options, "--base-url", server.base_url, "--summary", "json")

        began = time.monotonic()
        for number in range(3):
            run = begin("--rate", str(rate))
            wait_until_held(warehouse, run)
            under_way(run, logs, began + seconds / 2 * (number + 1) / 3)
            assert begin().end().code == LOCKED
            assert not run.has_ended, run.said()
            run.kill()
            if warehouse.exists():
                state_of(warehouse)
        run = begin("--rate", str(rate))
        wait_until_held(warehouse, run)
        samples = under_way(run, logs, began + seconds)
        assert not run.has_ended, run.said()
        run.send(signal.SIGTERM)
        assert run.end().code == 143
        bring_the_rest(begin)
        another_night(warehouse)
        for _ in range(5):
            logs.grow()
        bring_the_rest(begin)
        served = server.served()
    assert_each_once(warehouse, logs.ids)
    settled, known = state_of(warehouse)
    assert (settled, known) == (served["generations"], len(logs.ids))
    assert rows(warehouse, "SELECT DISTINCT reason FROM ops.work WHERE state = 'dead'") == [("not_found",)]
    assert rows(warehouse, "SELECT count(*) FROM ops.work WHERE state = 'pending' AND not_before IS NULL") == [(0,)]
    assert [path.name for path in work_of(warehouse).iterdir()] == ["lock"]
    return samples


def bring_the_rest(begin):
    while (rest := begin().end(10 * ENOUGH)).json["requests"]:
        assert rest.code in {0, 3}, rest.err


def thirds(values):
    """The medians of the middle and of the last third."""
    third = len(values) // 3
    return median(values[third : 2 * third]), median(values[2 * third :])


@pytest.mark.long
def test_ten_seconds_of_failing_answers_and_kills_lose_nothing(start, warehouse):
    samples = soak(start, warehouse, seconds=10, rate=100)
    _, descriptors = zip(*samples, strict=True)
    assert max(descriptors) < 100


@pytest.mark.long
def test_three_minutes_of_failing_answers_and_kills_lose_nothing_and_pile_up_nothing(start, warehouse):
    samples = soak(start, warehouse, seconds=180, rate=150)
    memory, descriptors = (thirds(values) for values in zip(*samples, strict=True))
    assert memory[1] <= memory[0] * 1.1 + 4 * MEGABYTE
    assert descriptors[1] <= descriptors[0] + 4
