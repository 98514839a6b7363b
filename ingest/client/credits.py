"""Credits: how many an account bought and used in its lifetime. The API keeps no history of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.core.billing_records import CreditsSnapshot
from ingest.core.errors import UnexpectedInputError

if TYPE_CHECKING:
    from ingest.client.management import ManagementClient

PATH = "/credits"


async def credits_of(client: ManagementClient) -> CreditsSnapshot:
    """The counters as they are now.

    Raises:
        UnexpectedInputError: The answer does not tell what was used.
        OrusageError: as `ManagementClient.get`.
    """
    return read_credits((await client.get(PATH)).data)


def read_credits(data: Any) -> CreditsSnapshot:
    """The counters in an answer. Raises as `credits_of`."""
    fields = Fields(data) if isinstance(data, dict) else Fields({})
    total_credits, total_usage = fields.amount("total_credits"), fields.amount("total_usage")
    if total_usage is None:
        raise UnexpectedInputError(
            f"{PATH} is not understood", cause="it tells no total_usage", fix="run the same command again later"
        )
    return CreditsSnapshot(total_credits, total_usage, fields.rest())
