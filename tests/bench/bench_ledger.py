"""A million new IDs into the ledger, beside the scan alone; and a million known ones, looked up among ten million.

python tests/bench/bench_ledger.py
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb
from bench_scan import some_ids

from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.scanner import scan_all
from ingest.warehouse.warehouse import Warehouse

MILLION = 1_000_000


def fill_ledger(directory: Path) -> None:
    """Time the scan of a million new IDs alone, and with what stores them."""
    draw = random.Random(7)
    log = directory / "million.log"
    ids = list(islice(some_ids(draw), MILLION))
    draw.shuffle(ids)
    log.write_text("".join(f'{{"time":"2025-06-15T12:00:00Z","id":"{i}","model":"openai/gpt-4o"}}\n' for i in ids))
    alone = timed(lambda: sum(len(c.sightings) for c in chunks_of(log)))
    with Warehouse(directory / "ledger.duckdb", datetime.now(UTC)) as warehouse:
        stored = timed(lambda: sum(add(warehouse, c) for c in chunks_of(log, CheckpointIndex(), CallSiteParser())))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{MILLION:,} new IDs, shuffled: scan alone {alone:.2f} s, scanned and stored {stored:.2f} s")
    print(f"  ratio {stored / alone:.1f}, peak {peak:.0f} MiB")


def look_up(directory: Path) -> None:
    """Time what it takes to find that a million IDs are known, of ten million that are."""
    path = directory / "known.duckdb"
    with Warehouse(path, datetime.now(UTC)):
        pass
    known = "SELECT 'gen-' || (1700000000 + 6 * i) || '-' || substr(md5(CAST(i AS VARCHAR)), 1, 20) AS id, i FROM range"
    with duckdb.connect(path) as connection:
        connection.execute(
            "INSERT INTO generations BY NAME SELECT id AS generation_id, 'openai/gpt-4o' AS model,"
            f" make_timestamp((1700000000 + 6 * i) * 1000000) AS requested_at FROM ({known}({10 * MILLION}) AS r(i))"
        )
        connection.execute(f"UPDATE ops.last_commit SET known_ids = {10 * MILLION}")
    for name, first, step in (("the newest", 9 * MILLION, 1), ("spread over all of two years", 0, 10)):
        ids = duckdb.sql(f"SELECT id FROM ({known}({first}, {10 * MILLION}, {step}) AS r(i))").fetchall()
        log = directory / "known.log"
        log.write_text("".join(f'{{"id":"{i}"}}\n' for (i,) in ids))
        chunks = list(chunks_of(log))
        with Warehouse(path, datetime.now(UTC)) as warehouse:
            seconds = timed(lambda w=warehouse, some=chunks: sum(add(w, c) for c in some))
        print(f"{len(ids):,} known IDs, {name}, looked up in {10 * MILLION:,}: {seconds:.2f} s")


def chunks_of(log: Path, known: CheckpointIndex | None = None, sites: CallSiteParser | None = None):
    return scan_all(expand_sources([str(log)]), datetime.now(UTC), known, sites)


def add(warehouse: Warehouse, chunk) -> int:
    return warehouse.add(chunk, "bench", datetime.now(UTC))


def timed(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        fill_ledger(Path(folder))
        look_up(Path(folder))
