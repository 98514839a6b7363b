"""A small warehouse, and statements that make it inconsistent."""

from datetime import UTC, datetime

from ingest.core.outcomes import Dead, Pending
from support.logs import new_ids
from support.warehouses import LEGACY, chunk, item, settled

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

IDS = [*new_ids(30, seed=3), *LEGACY]

SETTLED, PENDING, DEAD = IDS[:20] + LEGACY[:1], IDS[20:25], IDS[25:30]


def fill(warehouse):
    warehouse.add(chunk(IDS), "run", NOW)
    outcomes = [settled(i) for i in SETTLED]
    outcomes += [Pending(item(i), "not_found_yet", 404, None, 1) for i in PENDING]
    outcomes += [Dead(item(i), "not_found", 404, 1) for i in DEAD]
    warehouse.commit(outcomes, "run")


FAULTS = {
    "a generation stored twice": (
        "INSERT INTO generations SELECT * FROM generations WHERE generation_id = '{settled}'",
        {"check_generation_id_unique", "check_every_id_accounted_for", "check_rollups_agree"},
    ),
    "a legacy generation stored twice": (
        "INSERT INTO generations SELECT * FROM generations WHERE generation_id = '{legacy}'",
        {"check_generation_id_unique", "check_every_id_accounted_for", "check_rollups_agree"},
    ),
    "a generation lost": (
        "DELETE FROM generations WHERE generation_id = '{settled}'",
        {"check_every_id_accounted_for", "check_attempts_belong", "check_rollups_agree"},
    ),
    "a pending ID lost": ("DELETE FROM ops.work WHERE generation_id = '{pending}'", {"check_every_id_accounted_for"}),
    "settled and pending": (
        (
            "UPDATE ops.work SET generation_id = '{settled}', requested_at = (SELECT requested_at FROM generations "
            "WHERE generation_id = '{settled}') WHERE generation_id = '{pending}'"
        ),
        {"check_every_id_accounted_for"},
    ),
    "pending twice": (
        "INSERT INTO ops.work SELECT * FROM ops.work WHERE generation_id = '{pending}'",
        {"check_every_id_accounted_for"},
    ),
    "in no known state": (
        "UPDATE ops.work SET state = 'lost' WHERE generation_id = '{pending}'",
        {"check_every_id_accounted_for"},
    ),
    "an attempt stored twice": (
        "INSERT INTO provider_attempts SELECT * FROM provider_attempts WHERE generation_id = '{settled}'",
        {"check_attempts_belong"},
    ),
    "an attempt without a generation": (
        (
            "UPDATE provider_attempts SET generation_id = 'gen-1790000000-aaaaaaaaaaaaaaaaaaaa' "
            "WHERE generation_id = '{settled}'"
        ),
        {"check_attempts_belong"},
    ),
    "the first attempt lost": (
        (
            "DELETE FROM provider_attempts WHERE attempt = 1 AND generation_id IN "
            "(SELECT generation_id FROM provider_attempts WHERE attempt = 2)"
        ),
        {"check_attempts_belong"},
    ),
}


def fault(name):
    statement, seen_by = FAULTS[name]
    return statement.format(settled=SETTLED[0], legacy=LEGACY[0], pending=PENDING[0]), seen_by
