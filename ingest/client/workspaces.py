"""The workspaces of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.client.pages import Listed, list_all
from ingest.core.name_records import ListedWorkspace

if TYPE_CHECKING:
    from ingest.client.management import ManagementClient

PATH = "/workspaces"

MOST_PAGES = 10
"""Pages after which the list is taken to be endless: each workspace costs further requests."""


async def list_workspaces(client: ManagementClient) -> Listed:
    """All workspaces. Raises as `list_all`."""
    return await list_all(client, PATH, "id", {"limit": "100"}, MOST_PAGES)


def read_workspace(row: dict[str, Any], *, has_all_keys: bool) -> ListedWorkspace:
    """An entry of the list."""
    fields = Fields(row)
    return ListedWorkspace(
        workspace_id=fields.text("id"),
        name=fields.text("name"),
        slug=fields.text("slug"),
        has_all_keys=has_all_keys,
        extra=fields.rest(),
    )
