"""The part of a run that reads: sources → sightings → ledger, chunk by chunk, each with the checkpoints it reached."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ingest.client.accounts import load_keys
from ingest.core.errors import NoInputError
from ingest.core.generation_id import second_of
from ingest.core.settings import EARLIEST
from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import expand_sources
from ingest.sources.read_problems import ReadProblems, list_problems, require_readable
from ingest.sources.scanner import scan_all
from ingest.warehouse.call_sites import Rereading
from ingest.warehouse.storage.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.core.sightings import Chunk, Sighting, SourceRead
    from ingest.pipeline.context import RunContext
    from ingest.pipeline.publish_schedule import PublishSchedule
    from ingest.warehouse.warehouse import Warehouse

log = logging.getLogger("orusage")


class ScanStage:
    """Reads the sources of a run and stores their IDs.

    Args:
        sources: Files, directories, globs, URLs and ``-``.
        context: The parts of the run.
        now: When the run began, UTC.
    """

    def __init__(self, sources: Sequence[str], context: RunContext, now: datetime) -> None:
        self._context = context
        self._now = now
        self._expansion = expand_sources(sources, context.accounts_of_sources, as_absolute=True)
        self._accounts = {source.label: source.account for source in self._expansion.sources if source.account}
        self._call_sites = CallSiteParser(context.settings.keep_fields)
        self._rereading = Rereading(context.settings.keep_fields) if context.settings.reread else None
        self._has_key = False
        context.stats.passed_over = self._expansion.passed_over

    def first_chunks(self) -> Iterator[Chunk] | None:
        """The chunks of a first run, once an ID was found: a warehouse is not created for less.

        Returns:
            None if there is a warehouse, whose checkpoints then tell where to begin.

        Raises:
            NoInputError: no source was readable, or no source holds an ID.
            KeyRefusedError: an ID is to be requested, and there is no key.
        """
        if Workspace(self._context.warehouse).holds_anything:
            return None
        seen: list[Chunk] = []
        chunks = self._chunks(CheckpointIndex())
        for chunk in chunks:
            seen.append(chunk)
            if chunk.sightings:
                if self._asked_for(chunk):
                    self._load_key()
                return chain(seen, chunks)
        reads = [read for chunk in seen for read in chunk.finished]
        require_readable(reads)
        raise _nothing_found(len(reads), [read for read in reads if read.problem and not read.passed_over])

    async def run(
        self, first_chunks: Iterator[Chunk] | None, warehouse: Warehouse, publisher: PublishSchedule, run_id: str
    ) -> tuple[SourceRead, ...]:
        """Store what the sources hold.

        Args:
            first_chunks: The value of `first_chunks`.
            warehouse: Where to.
            publisher: Publishes during a long scan.
            run_id: The run.

        Returns:
            The sources that were not read to their end.

        Raises:
            NoInputError: no source was readable, or the ledger is empty and no ID was found.
            KeyRefusedError: a new ID is to be requested, and there is no key. It is not stored, nor that it was read.
        """
        stats, read_problems = self._context.stats, ReadProblems()
        stats.unfilled_fields = self._unfilled_fields(warehouse)
        for chunk in first_chunks or self._chunks(self._checkpoints(warehouse)):
            await asyncio.sleep(0)  # lets the progress display run
            if not self._has_key and warehouse.has_new(self._asked_for(chunk)):
                self._load_key()
            if self._rereading:
                stats.reread += warehouse.read_again(self._rereading, chunk.sightings, chunk.usages)
            stats.new_ids += warehouse.add(self._to_remember(chunk), run_id, self._context.clock.now())
            stats.count(chunk)
            await publisher.publish_if_due()
            for read in chunk.finished:
                log.debug("%s %a: %d bytes", "unchanged" if read.unchanged else "read", read.source, read.bytes_read)
            read_problems.add(chunk.finished)
        read_problems.require_readable()
        if not stats.sightings and not warehouse.ledger.has_ids():
            raise _nothing_found(stats.sources, read_problems.problems)
        stats.lines, stats.kept_fields = self._call_sites.read_ids, self._call_sites.kept
        return tuple(read_problems.problems)

    def _asked_for(self, chunk: Chunk) -> list[Sighting]:
        """The sightings of the IDs that this run may request."""
        since, until = self._context.settings.since, self._context.settings.until
        return [s for s in chunk.sightings if since <= (second_of(s.generation_id) or EARLIEST) <= until]

    def _load_key(self) -> None:
        """Look for the key before the first new ID is stored: a run that ends without one has used no log up."""
        load_keys(self._context.accounts)
        self._has_key = True

    def _checkpoints(self, warehouse: Warehouse) -> CheckpointIndex:
        return CheckpointIndex(() if self._rereading else warehouse.ledger.checkpoints())

    def _unfilled_fields(self, warehouse: Warehouse) -> dict[str, int]:
        """How many known IDs lack each field to keep, for those that ``--reread`` can fill."""
        if self._rereading or not self._expansion.sources:
            return {}
        counts = {name: warehouse.ledger.count_without_field(name) for name in self._context.settings.keep_fields}
        return {name: count for name, count in counts.items() if count}

    def _chunks(self, checkpoints: CheckpointIndex) -> Iterator[Chunk]:
        return scan_all(self._expansion, self._now, checkpoints, self._call_sites)

    def _to_remember(self, chunk: Chunk) -> Chunk:
        """The chunk without the skipped sources about which there is nothing new, with the accounts sources name."""
        reads = tuple(read for read in chunk.reads if read.checkpoint or not read.passed_over)
        return replace(chunk, reads=reads, accounts=self._accounts)


def _nothing_found(sources: int, problems: Sequence[SourceRead]) -> NoInputError:
    cause = "no source holds text, and nothing is pending"
    if sources:
        cause = f"no generation ID in {sources:,} {'source' if sources == 1 else 'sources'}"
    return NoInputError(
        "there is no generation ID to request",
        cause=f"{cause}; {len(problems):,} not read, or not to the end: {list_problems(problems)}"
        if problems
        else cause,
        fix="name logs that hold IDs such as gen-1753485462-…; `orusage extract FILE` shows what is found",
    )
