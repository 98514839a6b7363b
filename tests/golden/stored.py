"""The golden generations in a warehouse, and how what is stored is compared."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from golden.expected import ANYTHING, Near, OneOf, World, second_of
from golden.generations import load
from ingest.client.decode import decode_generation
from ingest.core.logged_usage import LoggedUsage
from ingest.core.outcomes import Content, Dead, Pending, Settled, WorkItem
from ingest.core.run_stats import RunStats
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.warehouse.rates import Line, Rate, RatesFile
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

GOLDEN = load()

PENDING = ["gen-1789372800-pending0000000000000", "gen-1789300000-pendingEarlier000000", "gen-Pe4TzB0pLx9KdVh2RfWs7YcN"]

DEAD = [
    "gen-1789200000-dead0000000000000000",
    "gen-De4TzB0pLx9KdVh2RfWs7YcN",
    "gen-1789200001-dead0000000000000000",
    "gen-1789200002-dead0000000000000000",
]

BELIEVED = {DEAD[0]: ("0.25", None), DEAD[2]: ("0.0125", "0.250000000001"), PENDING[0]: ("7", None)}
"""What the log tells of unsettled IDs: their cost and that of BYOK inference."""

WORK = [
    *(("pending", "not_found_yet", 404, 1, i, "app.log", 5) for i in PENDING),
    ("dead", "not_found", 404, 2, DEAD[0], "app.log", 7),
    ("dead", "http_410", 410, 1, DEAD[1], "only-dead.log", 8),
    ("dead", "not_found", 404, 2, DEAD[2], "app.log", 9),
    ("dead", "not_found", 404, 2, DEAD[3], "app.log", 10),
]

READS = [
    SourceRead("app.log", 99, 300, complete=True, position=1234),
    SourceRead("cut.log.gz", 10, 0, complete=False, problem="truncated", position=10),
]

ACTIVITY = [
    (date(2026, 9, 14), "acme/one", "0.5", "0.1", 7),
    (date(2026, 9, 14), "acme/one", "0.000000000001", None, 3),
    (date(2026, 9, 12), "day/noisy", "20.000000000007", "0", 2),
    (date(2026, 9, 14), "zeta/own", "0.05", "0.74", 20),
    (date(2026, 9, 14), "acme/gratis:free", "0", "0", 1),
    (date(2026, 9, 14), "acme/huge", None, None, None),
    (date(2026, 9, 18), None, "1", "0", 1),
    (date(2026, 9, 19), "nobody/knows", "3.25", "0", 11),
]

RATES = [
    ("EUR", date(2026, 8, 20), "0.925", "0.055", "0.19", "0"),
    ("EUR", date(2026, 9, 14), "0.912345679", "0.05", "0.19001", "0.1"),
    ("JPY", date(2020, 1, 1), "151.25", "0", "0.1", "10"),
    ("USD", date(2026, 9, 1), "1", "0.055", "0", "0"),
]
"""What a dollar costs: currency, first day, rate, purchase fee, tax, markup."""

RELATIVE = Fraction(1, 10**12)


def item(generation_id, line=None):
    known = {"line": line.line, "logged_at": line.logged_at, "log_fields": line.log_fields} if line else {}
    told = (line.logged_usage, line.logged_byok_usage) if line else BELIEVED.get(generation_id, (None, None))
    usage, byok_usage = (amount and Decimal(amount) for amount in told)
    known["logged_usage"] = None if usage is None else LoggedUsage(usage, byok_usage)
    second = second_of(generation_id)
    source, position = (line.source, line.position) if line else place(generation_id)
    return WorkItem(generation_id, second and second.replace(tzinfo=UTC), source, position, **known)


def place(generation_id):
    return next((source, position) for *_, i, source, position in WORK if i == generation_id)


def settled(golden):
    content = golden.line.content and Content(
        200 if golden.line.content["input"] else 403,
        golden.line.content["input"] and "http_403",
        NOW,
        **golden.line.content,
    )
    return Settled(item(golden.id, golden.line), decode_generation(golden.body).data, NOW, 1, content)


def sighting(work_item):
    i = work_item
    return Sighting(i.generation_id, i.source, i.position, i.line, i.logged_at, i.log_fields, i.logged_usage)


def ingest(warehouse, generations):
    items = [item(g.id, g.line) for g in generations]
    warehouse.add(Chunk(tuple(map(sighting, items)), (), ended=0, bytes_read=0), "run", NOW)
    warehouse.commit([settled(g) for g in generations], "run")


def leave_unsettled(warehouse):
    """What the views on the ledger show beside the settled: other states, sources, and OpenRouter's own figures."""
    items = [item(i) for *_, i, _, _ in WORK]
    warehouse.add(Chunk(tuple(map(sighting, items)), tuple(READS), ended=2, bytes_read=109), "run", NOW)
    warehouse.commit(
        [
            Dead(w, reason, status, requests) if state == "dead" else Pending(w, reason, status, None, requests)
            for w, (state, reason, status, requests, *_) in zip(items, WORK, strict=True)
        ],
        "run",
    )
    lines = [
        Line(n, Rate(currency, day, *map(Decimal, parts)), None) for n, (currency, day, *parts) in enumerate(RATES)
    ]
    warehouse.replace_rates(RatesFile(Path("rates.csv"), tuple(lines)))
    for day, model, usage, own_keys, requests in ACTIVITY:
        warehouse._connection.execute(
            "INSERT INTO ops.activity (activity_day, model, usage, byok_usage_inference, requests, fetched_at) "
            "VALUES ($1, $2, $3::DECIMAL(28,12), $4::DECIMAL(28,12), $5, $6)",
            [day, model, usage, own_keys, requests, NOW.replace(tzinfo=None)],
        )


def runs(warehouse, started_at, exit_code):
    warehouse.start_run(f"run-{started_at}", "0", "https://x", started_at)
    warehouse.finish_run(f"run-{started_at}", RunStats(), exit_code, started_at)


def built(path, nights):
    for night in nights:
        with Warehouse(path, NOW) as warehouse:
            ingest(warehouse, night)
    return path


def world(generations):
    names = ("state", "reason", "status", "requests", "generation_id", "source", "position")
    activity = [
        {"activity_day": day, "model": model, "requests": requests, "fetched_at": NOW.replace(tzinfo=None)}
        | {"usage": usage and Decimal(usage), "byok_usage_inference": own_keys and Decimal(own_keys)}
        for day, model, usage, own_keys, requests in ACTIVITY
    ]
    reads = [
        {name: getattr(r, name) for name in ("source", "position", "complete", "problem", "sightings")} for r in READS
    ]
    began = NOW.replace(tzinfo=None)
    work = [dict(zip(names, row, strict=True)) for row in WORK]
    for row in work:
        told = BELIEVED.get(row["generation_id"], (None, None))
        row["logged_usage"], row["logged_byok_usage"] = (amount and Decimal(amount) for amount in told)
    return World(
        generations,
        work=work,
        reads=reads,
        activity=activity,
        rates=[(currency, day, *map(Fraction, parts)) for currency, day, *parts in RATES],
        runs=[(began, 3), (began - timedelta(days=1), 0)],
        now=began,
    )


EXPECTED = world(GOLDEN)


def is_near(found, value, absolute=Fraction(0), relative=RELATIVE):
    return abs(Fraction(found) - Fraction(value)) <= max(absolute, abs(Fraction(value)) * relative)


def agrees(found, expected):
    """Counts, texts, times and money to the last digit; doubles as near as doubles can be."""
    if expected is ANYTHING or isinstance(expected, OneOf):
        return expected is ANYTHING or found in expected.values
    if found is None or expected is None:
        return found is expected
    match expected:
        case Near(value, absolute):
            return is_near(found, value, absolute)
    if isinstance(found, float):
        return is_near(found, expected)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)
