"""The list of models: the slug and the canonical slug of each, and its list prices of now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.client.billing_values import Fields
from ingest.core.billing_records import ListedModel, ModelList
from ingest.core.errors import UnexpectedInputError

if TYPE_CHECKING:
    from ingest.client.management import ManagementClient

PATH = "/models"

MOST_ENTRIES = 100_000
"""Entries after which no further page is asked for, whatever the answers say."""


async def list_models(client: ManagementClient) -> ModelList:
    """All models that are offered. All come in one answer, unless the API divides it into pages.

    Raises:
        UnexpectedInputError: The answer is no list.
        OrusageError: as `ManagementClient.get`.
    """
    entries: list[Any] = []
    while len(entries) < MOST_ENTRIES:
        answer = await client.get(PATH, {"offset": str(len(entries))} if entries else None)
        page = read_page(answer.data)
        is_new = any(entry not in entries for entry in page)
        entries += page if is_new else []
        if not is_new or not _has_more(answer.beside, len(entries)):
            return read_models(entries, is_whole=not _has_more(answer.beside, len(entries)))
    return read_models(entries, is_whole=False)


def read_page(data: Any) -> list[Any]:
    """The entries of an answer. Raises as `list_models`."""
    if not isinstance(data, list):
        raise UnexpectedInputError(
            f"{PATH} is not understood", cause="its data is no list", fix="run the same command again later"
        )
    return data


def read_models(entries: list[Any], *, is_whole: bool) -> ModelList:
    """The entries that have a slug."""
    models = [_model(Fields(entry)) for entry in entries if isinstance(entry, dict)]
    listed = {model.slug: model for model in models if model is not None}
    return ModelList(tuple(listed.values()), len(entries) - sum(model is not None for model in models), is_whole)


def _model(fields: Fields) -> ListedModel | None:
    slug = fields.text("id")
    if not slug:
        return None
    return ListedModel(
        slug,
        canonical_slug=fields.text("canonical_slug"),
        name=fields.text("name"),
        pricing=fields.json("pricing"),
        expiration_date=fields.text("expiration_date"),
        extra=fields.rest(),
    )


def _has_more(beside: dict[str, Any], count: int) -> bool:
    """Whether an answer says that there is more than what came so far."""
    links = beside.get("links")
    has_next = isinstance(links, dict) and bool(links.get("next"))
    return has_next or count < (Fields(beside).count("total_count") or 0)
