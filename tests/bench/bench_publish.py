"""What it costs that the published file is never written in place: commits and publishes, beside what they are made of.

    python tests/bench/bench_publish.py [ROWS]     # 10,000,000 unless told: 10 minutes, 6 GB of disk

Prints medians and ratios; the goals are those of the design.
"""

import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from filled import fill
from support.logs import new_ids
from support.warehouses import chunk, settled

from ingest.warehouse.warehouse import Warehouse

NOW = datetime.now(UTC)


def commits(path, size, days, rounds=7):
    """Seconds of a commit of so many rows, spread over the last days; median. A night's are of a day or less."""
    newest = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=10_000_000)
    age = NOW - newest
    took = []
    warehouse = Warehouse(path, NOW)
    for number in range(rounds):
        ids = new_ids(size, seed=1000 * size + number, age=age, span=timedelta(days=days))
        warehouse.add(chunk(ids), "bench", NOW)
        outcomes = [settled(i) for i in ids]
        began = time.perf_counter()
        warehouse.commit(outcomes, "bench")
        took.append(time.perf_counter() - began)
    warehouse._session.close()
    warehouse._workspace.discard()
    warehouse.close()
    return median(took)


def copied(path):
    """Seconds of copying a copy that was just made, as a work copy is, and waiting for the disk."""
    fresh, target = path.with_suffix(".fresh"), path.with_suffix(".copy")
    shutil.copyfile(path, fresh)
    began = time.perf_counter()
    shutil.copyfile(fresh, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    took = time.perf_counter() - began
    target.unlink()
    fresh.unlink()
    return took


def published(path, size, seed):
    """Seconds of beginning a work copy, and of publishing it with so many new rows."""
    ids = new_ids(size, seed=seed, age=timedelta(hours=1))
    warehouse = Warehouse(path, NOW)
    began = time.perf_counter()
    warehouse._begin_session()
    begun = time.perf_counter() - began
    warehouse.add(chunk(ids), "bench", NOW)
    warehouse.commit([settled(i) for i in ids], "bench")
    began = time.perf_counter()
    warehouse.publish()
    took = time.perf_counter() - began
    warehouse.close()
    return begun, took


def main(rows):
    with tempfile.TemporaryDirectory() as directory:
        empty, full, smaller = (Path(directory) / f"{name}.duckdb" for name in ("empty", "full", "smaller"))
        with Warehouse(empty, NOW):
            pass
        fill(full, rows, NOW)
        print(f"{rows:,} generations, {full.stat().st_size / 1e6:,.0f} MB; DuckDB {duckdb.__version__}")
        for days in (1, 14):
            for size, goal in ((500, 2.0), (5_000, 1.2)):
                compare_commits(empty, full, size, days, goal)
        full.unlink()
        fill(smaller, rows * 56 // 100, NOW)
        rounds = [(copied(smaller), *published(smaller, 5_000, seed)) for seed in range(5)]
        copy, begin, publish = (median(times) for times in zip(*rounds, strict=True))
        print(
            f"publish of {smaller.stat().st_size / 1e6:,.0f} MB with 5,000 new rows: {publish:.2f} s, "
            f"copy with fsync {copy:.2f} s: {publish / copy:.2f}x (goal 2.0); beginning a work copy {begin:.2f} s"
        )


def compare_commits(empty, full, size, days, goal):
    one, other = commits(empty, size, days), commits(full, size, days)
    print(
        f"commit of {size:>5} rows of {days:>2} days: {one * 1e3:6.1f} ms into an empty warehouse, "
        f"{other * 1e3:6.1f} ms into the full one: {other / one:.2f}x (goal {goal})"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
