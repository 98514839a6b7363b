"""Which API key each generation is told to have been made with, and what becomes of names that change."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouses import schema_in_memory

from ingest.core.name_records import ListedKey, ListedWorkspace, Names, Person
from ingest.warehouse import sql_files
from ingest.warehouse.names import NameStore
from ingest.warehouse.rollups import refresh
from ingest.warehouse.storage.connection import transaction

DAY = datetime(2026, 11, 10, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEMA = cache(schema_in_memory)
FIELDS = dict.fromkeys(
    ("label", "creator_user_id", "external_user", "expires_at", "last_used_at", "usage", "byok_usage")
)


def key(api_key_hash, name, workspace_id="w1", created_at=None, **more):
    values = {**FIELDS, "disabled": False, "extra": None, **more}
    return ListedKey(api_key_hash=api_key_hash, name=name, workspace_id=workspace_id, created_at=created_at, **values)


def workspaces(*ids, whole=True):
    return tuple(ListedWorkspace(i, f"workspace {i}", i, has_all_keys=whole, extra=None) for i in ids or ("w1", "w2"))


class World:
    """A warehouse in memory, with the session that `NameStore` and a publish use."""

    def __init__(self):
        self.connection = SCHEMA()
        self.changed = set()
        for table in (
            "main.generations",
            "main.discovered_generations",
            "ops.api_keys",
            "ops.workspaces",
            "ops.people",
        ):
            self.connection.execute(f"DELETE FROM {table}")

    def execute(self, name, /, **parameters):
        self.connection.execute(sql_files.query(name), parameters)

    def rows(self, name, /, **parameters):
        return self.connection.execute(sql_files.query(name), parameters).fetchall()

    def transaction(self):
        return transaction(self.connection)

    def mark_changed(self, days):
        self.changed.update(days)

    def settle(self, number, workspace_id=None, day=DAY, told=None, account=None, told_hash=None, extra=None):
        at = day.replace(tzinfo=None)
        self.connection.execute(
            "INSERT INTO main.generations BY NAME "
            "SELECT $1 AS generation_id, $2 AS requested_at, $2::DATE AS requested_day, "
            "$3 AS workspace_id, 1 AS usage, FALSE AS is_byok, $4 AS extra, FALSE AS all_attempts_failed",
            [f"gen-{number}", at, workspace_id, extra],
        )
        if told or told_hash:
            self.tell(number, told, day, account, told_hash)

    def tell(self, number, told, day=DAY, account=None, told_hash=None):
        self.connection.execute(
            "INSERT INTO main.discovered_generations BY NAME SELECT $1 AS generation_id, $2 AS requested_at, "
            "$2::DATE AS requested_day, $3 AS account, $4 AS api_key_label, $5 AS api_key_hash",
            [f"gen-{number}", day.replace(tzinfo=None), account, told, told_hash],
        )
        self.changed.add(day.date())

    def name(self, *keys, now=NOW, account=None, workspaces=workspaces(), people=(), is_partial=False):  # noqa: B008
        NameStore(self, now, account).add(Names(workspaces, keys, people, is_partial=is_partial))
        self.publish()

    def publish(self, days=None):
        refresh(self.connection, frozenset(self.changed if days is None else days))
        self.changed.clear()

    def attribute(self):
        """The part of a publish that tells the keys."""
        self.execute("rollups/attribute_keys", days=[], low=date.max, high=date.min, all=True)

    def keys(self):
        rows = self.connection.execute(
            "SELECT generation_id, api_key_hash, api_key_label FROM main.generations"
        ).fetchall()
        return {generation_id: tuple(rest) for generation_id, *rest in sorted(rows)}

    def named(self, column="api_key_name"):
        return dict(self.connection.execute(f"SELECT generation_id, {column} FROM main.generation_facts").fetchall())


def test_a_name_that_one_key_has_tells_the_key():
    world = World()
    world.settle(1, told="app")
    world.settle(2)
    world.name(key("h1", "app"), key("h2", "batch"))
    assert world.keys() == {"gen-1": ("h1", "app"), "gen-2": (None, None)}


def test_keys_of_one_name_are_told_apart_by_workspace_and_by_when_they_were_made_or_not_at_all():
    world = World()
    world.settle(1, "w1", told="batch")
    world.settle(2, "w2", told="batch")
    world.settle(3, None, told="batch")
    world.settle(4, "w3", told="batch")
    world.settle(5, None, told="late")
    world.settle(6, None, told="batch", told_hash="h2")
    late = [key("h3", "late", created_at=DAY - timedelta(1)), key("h4", "late", created_at=DAY + timedelta(1))]
    world.name(key("h1", "batch"), key("h2", "batch", "w2"), *late)
    assert world.keys() == {
        "gen-1": ("h1", "batch"),
        "gen-2": ("h2", "batch"),
        "gen-3": (None, "batch"),
        "gen-4": (None, "batch"),
        "gen-5": ("h3", "late"),
        "gen-6": ("h2", "batch"),
    }
    assert world.named() == {
        "gen-1": "batch (h1)",
        "gen-2": "batch (h2)",
        "gen-3": "batch",
        "gen-4": "batch",
        "gen-5": "late (h3)",
        "gen-6": "batch (h2)",
    }


@pytest.mark.parametrize("names", [partial(workspaces, whole=False), lambda: None])
def test_no_key_is_certain_while_the_list_of_keys_is_not_whole(names):
    world = World()
    world.settle(1, told="app")
    world.name(key("h1", "app"), workspaces=names(), is_partial=True)
    assert world.keys() == {"gen-1": (None, "app")}
    world.name(key("h1", "app"), now=NOW + timedelta(1))
    assert world.keys() == {"gen-1": ("h1", "app")}
    world.name(key("h1", "app"), now=NOW + timedelta(2), workspaces=names(), is_partial=True)
    world.publish([DAY.date()])
    assert world.keys() == {"gen-1": ("h1", "app")}  # what was certain stays


def test_a_renamed_key_has_its_new_name_everywhere_and_a_deleted_one_keeps_its_own():
    world = World()
    world.settle(1, told="old")
    world.settle(2, told="gone")
    world.name(key("h1", "old"), key("h2", "gone"))
    world.name(key("h1", "new"), now=NOW + timedelta(1))
    assert world.keys() == {"gen-1": ("h1", "new"), "gen-2": ("h2", "gone")}
    listed = "SELECT api_key_hash, is_listed FROM ops.api_keys ORDER BY 1"
    assert world.connection.execute(listed).fetchall() == [("h1", True), ("h2", False)]


def test_a_second_key_of_a_name_makes_only_what_came_later_uncertain():
    world = World()
    world.settle(1, told="app")
    world.name(key("h1", "app"))
    world.settle(2, told="app", day=DAY + timedelta(5))
    world.name(key("h1", "app"), key("h2", "app", created_at=DAY + timedelta(3)), now=NOW + timedelta(1))
    assert world.keys() == {"gen-1": ("h1", "app"), "gen-2": (None, "app")}


def test_accounts_do_not_share_names():
    world = World()
    world.settle(1, told="app", account="a")
    world.settle(2, told="app", account="b")
    world.name(key("h1", "app"), account="a")
    world.name(key("h2", "app"), account="b")
    world.settle(3, told="app")
    world.publish()
    assert world.keys() == {"gen-1": ("h1", "app"), "gen-2": ("h2", "app"), "gen-3": (None, "app")}


def test_a_generation_that_settles_after_its_discovery_gets_its_key():
    world = World()
    world.tell(1, "app")
    world.name(key("h1", "app"))
    world.settle(1)
    world.publish([DAY.date()])
    assert world.keys() == {"gen-1": ("h1", "app")}


def test_only_the_days_of_changed_keys_are_computed_again():
    world = World()
    for number, name in enumerate(("app", "batch", "app")):
        world.settle(number, told=name, day=DAY + timedelta(number))
    store = NameStore(world, NOW)
    store.add(Names(workspaces(), (key("h1", "app"), key("h2", "batch")), ()))
    world.publish()
    NameStore(world, NOW + timedelta(1)).add(
        Names(workspaces(), (key("h1", "app", usage=None), key("h2", "batch")), ())
    )
    assert world.changed == set()
    NameStore(world, NOW + timedelta(2)).add(Names(workspaces(), (key("h1", "app"), key("h2", "nightly")), ()))
    assert world.changed == {date(2026, 11, 11)}


def test_without_names_the_number_of_an_answer_tells_the_key():
    world = World()
    world.settle(1, extra='{"api_key_id": 77}')
    world.settle(2, told="app", extra='{"api_key_id": 78}')
    world.settle(3, told_hash="0123456789abcdef")
    world.publish()
    assert world.named() == {"gen-1": "77", "gen-2": "app", "gen-3": "01234567"}
    by_key = world.connection.execute(
        "SELECT api_key_hash, api_key_label, api_key_id, total_usage FROM main.cost_by_key ORDER BY ALL NULLS LAST"
    ).fetchall()
    assert by_key == [("0123456789abcdef", None, None, 1), (None, "app", None, 1), (None, None, "77", 1)]


def test_cost_by_key_names_workspace_and_creator():
    world = World()
    world.settle(1, told="app")
    world.settle(2, "w1", told="app")
    people = (Person("u1", "Ada Example", "ada@example.com", "org:admin", None),)
    world.name(key("h1", "app", creator_user_id="u1"), people=people)
    row = world.connection.execute(
        "SELECT api_key_hash, api_key_label, workspace_id, workspace_name, creator_name, is_listed, request_count "
        "FROM main.cost_by_key"
    ).fetchall()
    assert row == [("h1", "app", "w1", "workspace w1", "Ada Example", True, 2)]


NAME = st.sampled_from(["a", "b", "c"])
WORKSPACE = st.sampled_from(["w1", "w2"])
KEYS = st.lists(st.tuples(NAME, WORKSPACE, st.integers(-2, 2)), max_size=6)
TOLD = st.lists(st.tuples(st.none() | NAME, st.none() | WORKSPACE), min_size=1, max_size=6)


@settings(max_examples=25)
@given(KEYS, TOLD)
def test_a_key_is_certain_only_if_it_alone_fits(drawn, told):
    world = World()
    listed = [key(f"h{n}", name, w, DAY + timedelta(days)) for n, (name, w, days) in enumerate(drawn)]
    for number, (name, workspace) in enumerate(told):
        world.settle(number, workspace, told=name)
    NameStore(world, NOW).add(Names(workspaces(), tuple(listed), ()))
    world.attribute()
    for number, (name, workspace) in enumerate(told):
        fitting = [
            k.api_key_hash
            for k in listed
            if k.name == name and workspace in (None, k.workspace_id) and k.created_at <= DAY
        ]
        assert world.keys()[f"gen-{number}"] == (fitting[0] if len(fitting) == 1 else None, name)
