"""Decode and normalize 10,000 answers, against json.loads → list of dicts → polars, in turns in one process.

    python tests/bench/bench_decode.py

Prints µs of CPU per answer and the ratios to two others: `plain`, which takes whatever types polars infers, with money
as doubles and the attempts nested, and `same`, which ends in the same frames. One bad record costs either its batch.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median

import polars as pl

from ingest.client.decode import UnreadableError, decode_generation
from ingest.core.outcomes import Settled, WorkItem
from ingest.simulator import fake_records
from ingest.warehouse.frames import normalize, schema_of
from ingest.warehouse.schema import ATTEMPT_FIELDS, GENERATION_FIELDS, GENERATIONS, PROVIDER_ATTEMPTS, Kind

ANSWERS, ROUNDS = 10_000, 7
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIELDS = {c.name for c in GENERATION_FIELDS} | {"provider_responses"}


def answers(keep):
    """Bodies of simulated answers; `keep` says which of their fields."""
    ids = (f"gen-{1_760_000_000 + k}-{k:020d}" for k in range(ANSWERS))
    return [(WorkItem(i, NOW, "a.log", 0), json.dumps({"data": keep(fake_records.record(1, i))}).encode()) for i in ids]


def ours(bodies):
    settled, bad = [], 0
    for item, body in bodies:
        try:
            data = decode_generation(body).data
        except UnreadableError:
            bad += 1
            continue
        settled.append(Settled(item, data, NOW, 1))
    return normalize(settled, "run"), bad


def plain(bodies):
    return pl.DataFrame([json.loads(body)["data"] for _, body in bodies], infer_schema_length=None)


def same(bodies):
    generations, attempts = [], []
    for item, body in bodies:
        data = json.loads(body, parse_float=Decimal)["data"]
        row = {c.name: cell(c, data.get(c.name)) for c in GENERATION_FIELDS}
        ours = {"generation_id": item.generation_id, "requested_at": NOW.replace(tzinfo=None)}
        generations.append({**ours, **row, "fetched_at": NOW.replace(tzinfo=None), "run_id": "run"})
        for number, entry in enumerate(data["provider_responses"] or (), start=1):
            attempts.append({**ours, "attempt": number, **{c.name: entry.get(c.name) for c in ATTEMPT_FIELDS}})
    return pl.DataFrame(generations, schema_of(GENERATIONS)), pl.DataFrame(attempts, schema_of(PROVIDER_ATTEMPTS))


def cell(column, value):
    if value is None:
        return None
    if column.kind is Kind.MONEY:
        return Decimal(value).quantize(Decimal("1e-12"))
    if column.kind is Kind.TIME:
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    return float(value) if column.kind is Kind.REAL else value


def cpu(function, bodies):
    started = time.process_time()
    function(bodies)
    return (time.process_time() - started) / ANSWERS * 1e6


def compare(name, bodies):
    rounds = [(cpu(ours, bodies), cpu(plain, bodies), cpu(same, bodies)) for _ in range(ROUNDS)]
    medians = [median(side) for side in zip(*rounds, strict=True)]
    ratios = [median(r[n] / r[0] for r in rounds) for n in (1, 2)]
    print(
        f"{name:<32} {medians[0]:6.1f} µs",
        *(f"{m:6.1f} µs {r:5.2f}x" for m, r in zip(medians[1:], ratios, strict=True)),
    )


def prove(bodies):
    """What the ratio is worth nothing without: exact money, and one bad record costs only itself."""
    broken = [*bodies[:5_000], (bodies[5_000][0], b'{"data": {"usage": 1'), *bodies[5_001:]]
    frames, bad = ours(broken)
    assert (frames.generations.height, bad) == (ANSWERS - 1, 1)
    exact = sum(Decimal(json.dumps(json.loads(b)["data"]["usage"])).quantize(Decimal("1e-12")) for _, b in bodies)
    assert ours(bodies)[0].generations["usage"].sum() == exact


def main():
    documented = answers(lambda record: {name: record.get(name) for name in FIELDS})
    prove(documented)
    print(f"{'answers':<32} {'ours':>9} {'plain':>9} {'':6} {'same':>9}   (goal 3.3x)")
    compare("every documented field", documented)
    compare("and one that is not", answers(lambda r: {**{n: r.get(n) for n in FIELDS}, "usage_cache": 0.1}))
    compare("as the simulator mixes them", answers(dict))


if __name__ == "__main__":
    sys.exit(main())
