"""The lists of the billing API: keys, workspaces, members and models, in pages."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ingest.simulator import account
from ingest.simulator.account import DEFAULT, KEYS, WORKSPACES, Key, Workspace
from ingest.simulator.billing import counters
from ingest.simulator.models import ALL_MODELS, RETIRED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ingest.simulator.models import Model
    from ingest.simulator.traffic import Call

PAGE = 100
_MADE, _SEEN_LAST, _EXPIRED = "2026-01-05T09:00:00.000Z", "2026-06-30T23:59:59.000Z", "2026-03-01T00:00:00.000Z"


def keys(
    query: Mapping[str, str], calls: Iterable[Call], seed: int, now: datetime, *, endless: bool
) -> list[dict[str, Any]]:
    """A page of the keys of one workspace; without a workspace in the query, of the default one only."""
    workspace_id, offset = query.get("workspace_id", DEFAULT.id), _offset(query)
    if endless:
        page = [Key(10_000 + n, f"endless-{n}", Workspace(workspace_id, ""), "") for n in range(offset, offset + PAGE)]
    else:
        page = [k for k in KEYS if k.workspace.id == workspace_id and _is_listed(k, query)][offset : offset + PAGE]
    made: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        made[call.key.number].append(call)
    return [_key(key, made[key.number], seed, now) for key in page]


def _is_listed(key: Key, query: Mapping[str, str]) -> bool:
    """Whether a list has the key: never a deleted one, and a disabled or an expired one only if asked for."""
    return key.state == "active" or (key.state != "deleted" and query.get(f"include_{key.state}") == "true")


def _key(key: Key, calls: list[Call], seed: int, now: datetime) -> dict[str, Any]:
    last_used = max((c.created_at for c in calls), default=None)
    return {
        "hash": key.hash(seed),
        "name": key.name,
        "label": key.label(seed),
        "created_at": _MADE,
        "updated_at": _SEEN_LAST if key.state == "disabled" else None,
        "last_used_at": last_used and last_used.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "expires_at": _EXPIRED if key.state == "expired" else None,
        "disabled": key.state == "disabled",
        "creator_user_id": key.creator or None,
        "external_user": None,
        "workspace_id": key.workspace.id,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        **counters(calls, now),
    }


def workspaces(query: Mapping[str, str], *, endless: bool) -> dict[str, Any]:
    """A page of the workspaces, with their number."""
    offset = _offset(query)
    size = min(int(query.get("limit", PAGE)), PAGE)
    known: Sequence[Workspace] = WORKSPACES[offset : offset + size]
    if endless:
        known = [
            Workspace(f"{n:08x}-0000-4000-8000-000000000000", f"endless-{n}") for n in range(offset, offset + size)
        ]
    total = offset + 2 * size if endless else len(WORKSPACES)
    return {"data": [_workspace(w) for w in known], "total_count": total}


def _workspace(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.id,
        "name": workspace.name,
        "slug": workspace.name.lower().replace(" ", "-"),
        "is_observability_broadcast_enabled": False,
        "is_observability_io_logging_enabled": False,
        "io_logging_sampling_rate": 1,
        "io_logging_api_key_ids": None,
        "include_byok_in_budgets": False,
        "default_guardrail_id": None,
    }


def members(query: Mapping[str, str], *, endless: bool) -> dict[str, Any]:
    """A page of the members, with their number."""
    offset = _offset(query)
    if endless:
        rows = [
            account.Member(f"user_{n}", "No", "End", f"{n}@example.com", "org:member")
            for n in range(offset, offset + PAGE)
        ]
    else:
        rows = list(account.MEMBERS[offset : offset + PAGE])
    data = [
        {"id": m.id, "email": m.email, "first_name": m.first_name, "last_name": m.last_name, "role": m.role}
        for m in rows
    ]
    return {"data": data, "total_count": offset + 2 * PAGE if endless else len(account.MEMBERS)}


def models(query: Mapping[str, str]) -> dict[str, Any]:
    """The models, or a page of them: the slugs that requests name, with the permaslugs that records tell."""
    rows = [_model(m) for m in ALL_MODELS if m.slug != RETIRED]
    offset = _offset(query)
    end = offset + int(query["limit"]) if "limit" in query else len(rows)
    following = f"/api/v1/models?offset={end}&limit={query['limit']}" if end < len(rows) else None
    return {"data": rows[offset:end], "links": {"next": following}, "total_count": len(rows)}


def _model(model: Model) -> dict[str, Any]:
    return {
        "id": model.listed_slug,
        "canonical_slug": model.slug,
        "name": model.listed_slug.replace("/", ": "),
        "created": 1735689600,
        "context_length": 128_000,
        "pricing": {
            "prompt": _per_token(model.prompt_price),
            "completion": _per_token(model.completion_price),
            "request": "0",
            "image": "0",
            "web_search": "0.004",
            "internal_reasoning": "0",
            "input_cache_read": _per_token(model.prompt_price / 10),
        },
    }


def _per_token(per_million: float) -> str:
    return f"{per_million / 1_000_000:.12f}".rstrip("0").rstrip(".")


def _offset(query: Mapping[str, str]) -> int:
    return int(query.get("offset", 0))
