"""Reads a list of the management API to its end, page by page, and stops where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.core.errors import UnexpectedInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.client.management import Answer, ManagementClient

MOST_PAGES = 100
"""Pages after which a list is taken to be endless; a page has 100 entries."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The entries of a list.

    Attributes:
        rows: The entries that are objects with an identity, each once, as they came.
        ignored: How many others came.
        problem: Why this is not the whole list; None if it is.
    """

    rows: list[dict[str, Any]]
    ignored: int
    problem: str | None


async def list_all(
    client: ManagementClient,
    path: str,
    identity: str,
    params: Mapping[str, str] | None = None,
    most_pages: int = MOST_PAGES,
) -> Listed:
    """The entries of all pages: until one is empty, or as many came as the API says there are.

    Args:
        client: The client.
        path: The path of the list below the API's URL.
        identity: The field by which entries are told apart.
        params: Parameters of each request beside ``offset``.
        most_pages: Pages after which the list is taken to be endless.

    Raises:
        UnexpectedInputError: An answer is no list.
        OrusageError: as `ManagementClient.get`.
    """
    rows: dict[str, dict[str, Any]] = {}
    offset = ignored = 0
    for number in range(1, most_pages + 1):
        at = {"offset": str(offset)} if offset else {}
        answer = await client.get(path, {**(params or {}), **at})
        page = _entries(path, answer)
        new = {key: row for row in page if (key := _identity(row, identity)) is not None and key not in rows}
        if page and offset and not new:
            return Listed([*rows.values()], ignored, f"page {number} of {path} repeats what came before")
        rows |= new
        ignored += sum(_identity(row, identity) is None for row in page)
        offset += len(page)
        if not page or _is_last(answer, offset):
            return Listed([*rows.values()], ignored, None)
    return Listed([*rows.values()], ignored, f"{path} does not end: {offset:,} entries on {most_pages} pages")


def _entries(path: str, answer: Answer) -> list[Any]:
    if not isinstance(answer.data, list):
        raise UnexpectedInputError(
            f"{path} is not understood", cause="its data is no list", fix="run the same command again later"
        )
    return answer.data


def _identity(row: object, name: str) -> str | None:
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, str) and value else None


def _is_last(answer: Answer, count: int) -> bool:
    """Whether the API counts the entries, and all of them came."""
    total = Fields(answer.beside).count("total_count")
    return total is not None and count >= total
