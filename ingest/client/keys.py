"""The API keys of an account, by their hashes: a key itself is never told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.client.pages import Listed, list_all
from ingest.core.name_records import ListedKey

if TYPE_CHECKING:
    from ingest.client.management import ManagementClient

PATH = "/keys"

ALL = {"include_disabled": "true", "include_expired": "true"}
"""Parameters without which disabled and expired keys are left out."""


async def list_keys(client: ManagementClient, workspace_id: str | None = None) -> Listed:
    """All keys of a workspace, disabled and expired ones too.

    Args:
        client: The client.
        workspace_id: The workspace; None for the default one.

    Raises:
        OrusageError: as `list_all`.
    """
    return await list_all(client, PATH, "hash", ALL | ({"workspace_id": workspace_id} if workspace_id else {}))


def read_key(row: dict[str, Any], workspace_id: str | None) -> ListedKey:
    """An entry of the list of a workspace's keys; it names its workspace in newer answers only."""
    fields = Fields(row)
    return ListedKey(
        api_key_hash=fields.text("hash") or "",
        name=fields.text("name"),
        label=fields.text("label"),
        workspace_id=fields.text("workspace_id") or workspace_id,
        creator_user_id=fields.text("creator_user_id"),
        external_user=fields.text("external_user"),
        created_at=fields.moment("created_at"),
        expires_at=fields.moment("expires_at"),
        last_used_at=fields.moment("last_used_at"),
        disabled=fields.flag("disabled"),
        usage=fields.amount("usage"),
        byok_usage=fields.amount("byok_usage"),
        extra=fields.rest(),
    )
