"""The names behind IDs, asked of the simulator."""

import pytest
from support.simulated_account import asked

from ingest.client.credentials import ApiKey
from ingest.pipeline.names import collect_names
from ingest.simulator.account import KEYS, MEMBERS, WORKSPACES

NAMED = [key for key in KEYS if key.state != "deleted"]


def test_the_keys_of_all_workspaces_come_disabled_and_expired_ones_too():
    names = asked(collect_names, traffic=20, seed=3)
    assert (names.problems, names.is_partial, names.keys_are_whole) == ((), False, True)
    assert {k.api_key_hash: (k.name, k.workspace_id) for k in names.keys} == {
        k.hash(3): (k.name, k.workspace.id) for k in NAMED
    }
    assert len(names.keys) == len(NAMED)
    assert {k.name: k.disabled for k in names.keys if k.disabled} == {"notebook": True}
    assert [k.name for k in names.keys if k.expires_at] == ["trial"]
    assert sum(k.usage for k in names.keys) > 0
    assert {w.workspace_id: (w.name, w.has_all_keys) for w in names.workspaces} == {
        w.id: (w.name, True) for w in WORKSPACES
    }
    assert {p.user_id: (p.name, p.email) for p in names.people} == {m.id: (m.name, m.email) for m in MEMBERS}


def test_a_list_of_keys_that_never_ends_is_named_and_what_it_told_is_kept():
    names = asked(collect_names, endless=("/keys",))
    assert names.is_partial
    assert not names.keys_are_whole
    assert [p for p in names.problems if "does not end" in p] == list(names.problems)
    assert [p.split(":")[0] for p in names.problems] == [f"keys of workspace {WORKSPACES[0].id}"]
    assert {w.has_all_keys for w in names.workspaces} == {False}
    assert len(names.keys) > 100
    assert len(names.people) == len(MEMBERS)


def test_without_a_whole_list_of_workspaces_the_default_ones_keys_come():
    requests = []
    names = asked(collect_names, endless=("/workspaces",), requests=requests)
    assert names.workspaces is None
    assert names.is_partial
    assert not names.keys_are_whole
    assert {k.workspace_id for k in names.keys} == {WORKSPACES[0].id}
    assert len(requests) < 20


def test_an_account_without_workspaces_and_organisation_has_keys_only(monkeypatch):
    from ingest.simulator.management import Management

    has = Management.answers
    lists = ("/workspaces", "/organization/members")
    monkeypatch.setattr(Management, "answers", lambda self, method, path: path not in lists and has(self, method, path))
    names = asked(collect_names)
    assert (names.problems, names.is_partial, names.people) == ((), False, ())
    assert [(w.workspace_id, w.has_all_keys) for w in names.workspaces] == [(None, True)]
    assert names.keys_are_whole
    assert "production" in {k.name for k in names.keys}


@pytest.mark.parametrize(
    ("down", "has"),
    [
        ("/keys", (True, False, False)),
        ("/workspaces", (False, False, False)),
        ("/organization/members", (True, True, False)),
    ],
)
def test_what_is_down_is_named_and_nothing_is_asked_for_after_it(down, has):
    names = asked(collect_names, down=(down,))
    assert len(names.problems) == 1
    assert "503" in names.problems[0]
    assert (names.workspaces is not None, names.keys is not None, names.people is not None) == has
    assert names.is_partial is (down != "/organization/members")
    assert names.keys_are_whole is (down == "/organization/members")


def test_a_key_of_the_wrong_kind_is_named():
    names = asked(collect_names, key=lambda: ApiKey("sk-or-v1-" + "x" * 30, "a test"))
    assert (names.workspaces, names.keys, names.people) == (None, None, None)
    assert all("management key" in p for p in names.problems)
