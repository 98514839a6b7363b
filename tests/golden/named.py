"""Which API key made each generation, and what it is called: in plain Python, from what discovery and lists told."""

from __future__ import annotations

from collections import Counter
from typing import Any

Row = dict[str, Any]


def key_of(world: Any, golden: Any, fact: Row) -> Row:
    """The key of a generation, as generation_facts tells it."""
    told = next((d for d in world.discovered if d["generation_id"] == golden.id), {})
    api_key_hash = told.get("api_key_hash") or _certain(world, fact, told.get("api_key_label"))
    listed = _listed(world, api_key_hash)
    label = listed.get("name") or told.get("api_key_label")
    return {"api_key_hash": api_key_hash, "api_key_label": label} | {
        "api_key_name": _shown(world, api_key_hash, label, fact["api_key_id"])
    }


def _certain(world: Any, fact: Row, label: str | None) -> str | None:
    """The only key that has this name, was made before the request, and is of the generation's workspace."""
    if label is None or not world.workspaces or not all(w["has_all_keys"] for w in world.workspaces):
        return None
    fitting = [
        key["api_key_hash"]
        for key in world.api_keys
        if label in (key["name"], key["label"])
        and (None in (fact["workspace_id"], key["workspace_id"]) or fact["workspace_id"] == key["workspace_id"])
        and (fact["requested_at"] is None or key["created_at"] <= fact["requested_at"])
    ]
    return fitting[0] if len(fitting) == 1 else None


def _listed(world: Any, api_key_hash: str | None) -> Row:
    return next((k for k in world.api_keys if k["api_key_hash"] == api_key_hash), {})


def _shown(world: Any, api_key_hash: str | None, label: str | None, number: str | None) -> str | None:
    begin = api_key_hash and api_key_hash[:8]
    if label is None:
        return begin or number
    is_shared = Counter(k["name"] for k in world.api_keys)[label] > 1
    return f"{label} ({begin})" if is_shared and begin else label


def keyed(fact: Row) -> Row:
    """What a row of cost_by_key stands for: a hash, else a name, else a number, else nothing."""
    names = ("api_key_hash", "api_key_label", "api_key_id")
    told = next((name for name in names if fact[name] is not None), None)
    return {f"of_{name}": fact[name] if name == told else None for name in names}


def key_columns(world: Any, group: Row) -> Row:
    """What cost_by_key tells of a key beside its cost."""
    listed = _listed(world, group["of_api_key_hash"])
    workspace = next((w for w in world.workspaces if w["workspace_id"] == listed.get("workspace_id")), {})
    creator = next((p for p in world.people if p["user_id"] == listed.get("creator_user_id")), {})
    return {
        "api_key_hash": group["of_api_key_hash"],
        "api_key_label": listed.get("name") or group["of_api_key_label"],
        "api_key_id": group["of_api_key_id"],
        "workspace_id": listed.get("workspace_id"),
        "workspace_name": workspace.get("name"),
        "creator_name": creator.get("name"),
        "is_listed": listed.get("is_listed"),
    }


def workspace_name(world: Any, workspace_id: str | None) -> str | None:
    """The name of a workspace; its ID if no list told it."""
    return next((w["name"] for w in world.workspaces if w["workspace_id"] == workspace_id), workspace_id)
