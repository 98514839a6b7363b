"""The members of an organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.client.pages import Listed, list_all
from ingest.core.name_records import Person

if TYPE_CHECKING:
    from ingest.client.management import ManagementClient

PATH = "/organization/members"


async def list_members(client: ManagementClient) -> Listed:
    """All members. Raises as `list_all`; an account without an organisation may not have the list."""
    return await list_all(client, PATH, "id")


def read_member(row: dict[str, Any]) -> Person:
    """An entry of the list."""
    fields = Fields(row)
    names = (fields.text("first_name"), fields.text("last_name"))
    return Person(
        user_id=fields.text("id") or "",
        name=" ".join(name for name in names if name) or None,
        email=fields.text("email"),
        role=fields.text("role"),
        extra=fields.rest(),
    )
