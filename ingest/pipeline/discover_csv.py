"""Discovery from OpenRouter's Logs CSV: its IDs into the ledger, its keys and costs beside them."""

from __future__ import annotations

import logging
from itertools import chain, islice
from typing import TYPE_CHECKING

from ingest.core.errors import UnexpectedInputError
from ingest.pipeline import told_generations
from ingest.pipeline.discovery_run import DiscoveryResult, DiscoveryWriter, open_warehouse
from ingest.sources.logs_csv import open_logs_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.core.discovered import Discovery
    from ingest.pipeline.discovery_run import DiscoveryContext
    from ingest.sources.logs_csv import LogsCsv

LINES = 10_000
"""Lines that are stored in one transaction."""

log = logging.getLogger("orusage")


def discover_csv(name: str, context: DiscoveryContext) -> DiscoveryResult:
    """Read a Logs CSV, and store what it tells.

    Args:
        name: A path, a URL, or ``-``.
        context: The parts of the discovery.

    Raises:
        NoInputError: It cannot be read.
        UnexpectedInputError: It has no column of IDs, or no ID.
        OrusageError: The warehouse failed.
    """
    now, started = context.clock.now(), context.clock.monotonic()
    result = DiscoveryResult()
    with open_logs_csv(name, now) as csv:
        parts = _parts(csv, context.account)
        first = _until_an_id(parts, csv)
        if first:
            with open_warehouse(context, now) as warehouse:
                writer = DiscoveryWriter(warehouse, context, now, result)
                for part in chain(first, parts):
                    writer.store(part)
        if csv.problem:
            result.problems.append(f"{csv.name}: {csv.problem}")
        if csv.recoded:
            log.warning("%s: %s rows are not UTF-8, and were read as Windows-1252", csv.name, f"{csv.recoded:,}")
    result.seconds = context.clock.monotonic() - started
    return result


def _parts(csv: LogsCsv, account: str | None) -> Iterator[Discovery]:
    rows = iter(csv)
    while some := list(islice(rows, LINES)):
        yield told_generations.of_csv(csv.name, csv.columns, some, account, csv.problem)


def _until_an_id(parts: Iterator[Discovery], csv: LogsCsv) -> list[Discovery]:
    """The parts up to the first with an ID: a warehouse is not created for less."""
    seen = []
    for part in parts:
        seen.append(part)
        if part.generations:
            return seen
    if seen:
        raise UnexpectedInputError(
            f"{csv.name} holds no generation ID",
            cause=f"none of its {sum(part.rows for part in seen):,} rows has one in its column of IDs",
            fix="export the CSV from https://openrouter.ai/logs; `orusage extract FILE` shows the IDs of any text",
        )
    return seen
