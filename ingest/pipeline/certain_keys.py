"""Tells keys of one name apart: Analytics shows a key's name, and takes its hash as a filter."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ingest.client import analytics
from ingest.core.errors import UnexpectedInputError
from ingest.pipeline.told_generations import ID, LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.client.analytics import Told
    from ingest.client.management import ManagementClient
    from ingest.pipeline.discovery_windows import Window

log = logging.getLogger("orusage")


async def certain_hashes(
    client: ManagementClient, window: Window, told: Told, shared: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The hash of the key that each generation was requested with, where several known keys have its key's name.

    Args:
        client: The client.
        window: The window that was asked about; it is asked about once more for each such key.
        told: What it holds.
        shared: The names that several keys have, with the hashes of these keys.
    """
    names = sorted({str(row.get(LABEL)) for row in told.rows}.intersection(shared))
    hashes: dict[str, set[str]] = {}
    for key_hash in dict.fromkeys(each for name in names for each in shared[name]):
        for generation_id in await _requested_with(client, window, key_hash):
            hashes.setdefault(generation_id, set()).add(key_hash)
    return {generation_id: found.pop() for generation_id, found in hashes.items() if len(found) == 1}


async def _requested_with(client: ManagementClient, window: Window, key_hash: str) -> list[str]:
    query = analytics.Query(["request_count"], [ID], *window, equal=[(LABEL, key_hash)])
    try:
        told = await analytics.ask(client, query)
    except UnexpectedInputError as error:
        log.warning("which generations a key of a shared name made remains unknown: %s", error.cause)
        return []
    return [str(row[ID]) for row in told.rows if row.get(ID)]
