"""The golden generations in a warehouse, and how what is stored is compared."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from golden.expected import ANYTHING, Near, OneOf, World, second_of
from golden.generations import load
from golden.reconciled import created_days
from ingest.client.decode import decode_generation
from ingest.core.outcomes import Content, Dead, Pending, Settled, WorkItem
from ingest.core.run_stats import RunStats
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

GOLDEN = load()

PENDING = ["gen-1789372800-pending0000000000000", "gen-1789300000-pendingEarlier000000", "gen-Pe4TzB0pLx9KdVh2RfWs7YcN"]

DEAD = ["gen-1789200000-dead0000000000000000", "gen-De4TzB0pLx9KdVh2RfWs7YcN"]

WORK = [
    *(("pending", "not_found_yet", 404, 1, i, "app.log", 5) for i in PENDING),
    ("dead", "not_found", 404, 2, DEAD[0], "app.log", 7),
    ("dead", "http_410", 410, 1, DEAD[1], "only-dead.log", 8),
]

READS = [
    SourceRead("app.log", 99, 300, complete=True, position=1234),
    SourceRead("cut.log.gz", 10, 0, complete=False, problem="truncated", position=10),
]

ASKED = NOW.replace(tzinfo=None)

NOT_TOLD = dict.fromkeys(
    (
        *("model", "model_permaslug", "provider_name", "usage", "byok_usage_inference", "requests"),
        *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"),
    )
)


def told(day, usage=None, own_keys=None, requests=None, **names):
    """A row of Activity."""
    amounts = {"usage": usage and Decimal(usage), "byok_usage_inference": own_keys and Decimal(own_keys)}
    return NOT_TOLD | {"activity_day": date(2026, 9, day), "requests": requests, "fetched_at": ASKED} | amounts | names


ACTIVITY = [
    told(14, "0.5", "0.1", 7, model="acme/one", model_permaslug="acme/one-2026", provider_name="Acme", prompt_tokens=9),
    told(14, "0.000000000001", None, 3, model="acme/one", model_permaslug="acme/one-2026", provider_name="Acme"),
    told(14, "0.25", "0", 2, model="acme/one:free", model_permaslug="acme/one-2026:free", provider_name="Other"),
    told(12, "20.000000000007", "0", 2, model="day/noisy"),
    told(14, "0.05", "0.74", 20, model="zeta/own", model_permaslug="zeta/own-v2", provider_name="Zeta"),
    told(14, "0", "0", 1, model="acme/gratis:free", model_permaslug="acme/gratis", provider_name="Acme"),
    told(14, model="acme/huge", provider_name="Acme"),
    told(18, "1", "0", 1, cached_tokens=5),
    told(19, "3.25", "0", 11, model="nobody/knows", provider_name="Acme", completion_tokens=4, reasoning_tokens=1),
    told(20, "0.000000000007", "0", 1, model="nobody/knows", model_permaslug="nobody/knows-1"),
]
"""Odd ones; `mirrored` adds days on which OpenRouter tells what was ingested, but for some of it."""

MIRRORED = {date(2026, 9, 15), date(2026, 9, 16), date(2026, 9, 17)}
"""The days of the generations with records of the next day, among others."""


DEARER = {"acme/forms": Decimal("0.001"), "acme/online": Decimal("0.02")}
"""What OpenRouter tells beyond the price of each generation of a model."""


def mirrored(world):
    """What Activity tells of some days, by created_at, with a permaslug, and with other providers, requests, prices."""
    days = created_days(world)
    for number, fact in enumerate(world.facts):
        day, model = days.get(fact["generation_id"], fact["requested_day"]), fact["model"]
        if model != "acme/online" and (day not in MIRRORED or (number % 17 == 0 and model != "acme/chat")):
            continue
        is_counted = not fact["is_response_cache_hit"] and (model != "acme/chat" or number % 2)
        yield told(
            day.day,
            str(fact["credits_usage"] + DEARER.get(model, 0)),
            str(fact["byok_usage"]),
            int(is_counted),
            model=model,
            model_permaslug=model and f"{model}-2026",
            provider_name="Elsewhere" if model == "acme/twice" else fact["provider_name"],
            prompt_tokens=fact["native_tokens_prompt"],
        )


ACTIVITY_DAYS = [
    {"activity_day": date(2026, 9, day), "row_count": 1, "fetched_at": ASKED + timedelta(days=day == 21)}
    for day in (12, 14, 15, 16, 17, 18, 19, 20, 21)
]

ANALYTICS_DAYS = [
    {"usage_day": date(2026, 9, day), "request_count": n, "credits_usage": Decimal(u), "byok_usage": Decimal("0.5")}
    | {"fetched_at": ASKED}
    for day, n, u in ((14, 200, "12.5"), (19, 11, "3.25"), (20, 0, "0"), (22, 3, "0.75"), (18, 0, "-1"))
]

ANALYTICS_KEYS = [
    {"usage_day": date(2026, 9, day), "request_count": n, "credits_usage": Decimal(u), "byok_usage": Decimal("0.25")}
    | {"api_key_label": label, "fetched_at": ASKED}
    for day, n, u, label in (
        *((14, 150, "8", "production"), (14, 50, "4.5", "batch"), (14, 1, "0.5", None), (22, 3, "0.75", "batch")),
        *((17, 3, "0", "batch"), (17, 2, "1", "batch")),
    )
]

CREDITS = [
    {"account": account, "fetched_at": at, "total_credits": Decimal(100), "total_usage": Decimal(used)}
    for account, at, used in (
        (None, datetime(2026, 9, 14), "10"),  # noqa: DTZ001  # as the warehouse holds times
        (None, datetime(2026, 9, 17, 12), "10.5"),  # noqa: DTZ001
        (None, datetime(2026, 9, 19), "10.5"),  # noqa: DTZ001
        ("b", datetime(2026, 9, 19), "1"),  # noqa: DTZ001
        ("b", datetime(2026, 9, 20), "3"),  # noqa: DTZ001
    )
]

MODELS = [
    {"slug": slug, "canonical_slug": canonical_slug, "fetched_at": ASKED + timedelta(days=night)}
    for slug, canonical_slug, night in (
        ("omega/fast", "omega/slow-1", 0),
        ("omega/fast", "omega/fast-1", 1),
        ("acme/rank", None, 1),
        ("gamma/alias", "gamma/copy", 0),
        ("zeta/own", "zeta/other", 0),
    )
]

DISCOVERIES = ["logs.csv", "app.log"]


def discovered(generations):
    """Every third generation is told with its key: by name, by hash, by the masked key, or by nothing."""
    labels = ("production", "batch", None)
    return [
        {"generation_id": golden.id, "requested_at": second_of(golden.id)}
        | {"requested_day": second_of(golden.id) and second_of(golden.id).date()}
        | {"api_key_label": "sk-or-v1-abc...def" if number % 63 == 0 else labels[number % 9 // 3]}
        | {"api_key_hash": "b" * 63 + "2" if number % 18 == 6 else None}
        for number, golden in enumerate(generations)
        if number % 3 == 0
    ]


MADE, LATER = datetime(2026, 1, 5), datetime(2026, 9, 16)  # noqa: DTZ001  # as the warehouse holds times

API_KEYS = [
    {"api_key_hash": digit * 63 + str(number), "name": name, "workspace_id": workspace, "created_at": at}
    | {"label": label, "creator_user_id": creator, "is_listed": is_listed, "fetched_at": ASKED}
    for number, (digit, name, workspace, at, label, creator, is_listed) in enumerate(
        (
            ("a", "production", "ws-1", MADE, None, "user_ann", True),
            ("a", "batch", "ws-1", MADE, None, "user_gone", True),
            ("b", "batch", "ws-1", LATER, None, None, True),
            ("c", "batch", "ws-2", MADE, None, "user_ann", False),
            ("d", "masked", None, MADE, "sk-or-v1-abc...def", None, True),
        )
    )
]
"""Of one name in two workspaces and in one, made later, deleted, and without a workspace."""

WORKSPACES = [
    {"workspace_id": f"ws-{number}", "name": f"Team {number}", "has_all_keys": True, "is_listed": True}
    | {"fetched_at": ASKED}
    for number in (1, 2, 3)
]

PEOPLE = [{"user_id": "user_ann", "name": "Ann Example", "is_listed": True, "fetched_at": ASKED}]


RELATIVE = Fraction(1, 10**12)


def item(generation_id, line=None):
    known = {"line": line.line, "logged_at": line.logged_at, "log_fields": line.log_fields} if line else {}
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
    return Sighting(i.generation_id, i.source, i.position, i.line, i.logged_at, i.log_fields)


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
    for table, rows in tables(EXPECTED).items():
        insert(warehouse._connection, table, rows)


def insert(connection, table, rows):
    for row in rows:
        names = ", ".join(row)
        values = ", ".join(f"${name}" for name in row)
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)


def tables(world):
    """What OpenRouter told, as rows of the tables."""
    return {
        "ops.activity": world.activity,
        "ops.activity_days": world.activity_days,
        "ops.analytics_days": world.analytics_days,
        "ops.analytics_keys": world.analytics_keys,
        "ops.credits": world.credits,
        "ops.models": world.models,
        "main.discovered_generations": world.discovered,
        "ops.api_keys": world.api_keys,
        "ops.workspaces": world.workspaces,
        "ops.people": world.people,
        "ops.discoveries": [{"source": source} for source in world.discoveries],
    }


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
    reads = [
        {name: getattr(r, name) for name in ("source", "position", "complete", "problem", "sightings")} for r in READS
    ]
    began = NOW.replace(tzinfo=None)
    return World(
        generations,
        work=[dict(zip(names, row, strict=True)) for row in WORK],
        reads=reads,
        activity=[*ACTIVITY, *mirrored(World(GOLDEN, now=NOW.replace(tzinfo=None)))],
        activity_days=ACTIVITY_DAYS,
        analytics_days=ANALYTICS_DAYS,
        analytics_keys=ANALYTICS_KEYS,
        credits=CREDITS,
        models=MODELS,
        discovered=discovered(GOLDEN),
        discoveries=DISCOVERIES,
        api_keys=API_KEYS,
        workspaces=WORKSPACES,
        people=PEOPLE,
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
