"""Reads all sources and yields what they hold in chunks of sightings that are stored together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.core.sightings import Chunk
from ingest.sources.source_scan import SourceScan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.core.logged_usage import LoggedUsage
    from ingest.core.sightings import Sighting, SourceRead
    from ingest.sources.call_site import LineReader
    from ingest.sources.checkpoints import CheckpointIndex
    from ingest.sources.discovery import Expansion

CHUNK = 100_000
"""Sightings in a chunk, about. Few large chunks are best: each is compared with all known IDs."""

CHUNK_SOURCES = 1_000
CHUNK_BYTES = 256 * 2**20
"""Sources, and bytes of text, after which a chunk ends, however few sightings it has: a killed run repeats little."""

CHUNK_KEPT = 64 * 2**20
"""Characters of kept fields after which a chunk ends. It is held in memory whole."""


def scan_all(
    expansion: Expansion,
    now: datetime,
    known: CheckpointIndex | None = None,
    call_sites: LineReader | None = None,
    size: int = CHUNK,
) -> Iterator[Chunk]:
    """Read sources and find the IDs in all that earlier runs have not read.

    Args:
        expansion: The sources.
        now: The wall clock.
        known: The checkpoints of earlier runs. Those of this run are added, so that two names of one content are read
            once. None to read all sources whole and make no checkpoints.
        call_sites: Parses the lines of the IDs; None to leave out line numbers, times and fields.
        size: Sightings after which a chunk ends. It ends with a window, so it may have more.

    Yields:
        Chunks of sightings, with how far their sources were read. The last one may be empty.
    """
    chunk = _ChunkBuilder(size, list(expansion.problems))
    for source in expansion.sources:
        scan = SourceScan(source, now, known, call_sites)
        for sightings in scan:
            chunk.add(sightings, scan.bytes_read, scan.take_usages())
            if chunk.is_full:
                yield chunk.build(scan.result)
        read = scan.result
        if known is not None and read.checkpoint:
            known.add(read.checkpoint)
        chunk.end_source(read)
        if chunk.is_full:
            yield chunk.build()
    yield chunk.build()


class _ChunkBuilder:
    """Collects sightings and reads until a chunk is full."""

    def __init__(self, size: int, reads: list[SourceRead]) -> None:
        self._size = size
        self._reads = reads
        self._sightings: list[Sighting] = []
        self._in_names: list[Sighting] = []
        self._usages: list[tuple[str, LoggedUsage]] = []
        self._bytes = 0
        self._bytes_of_source = 0
        self._kept = 0

    @property
    def is_full(self) -> bool:
        count = len(self._sightings) + len(self._in_names) + len(self._usages)
        is_large = self._bytes >= CHUNK_BYTES or self._kept >= CHUNK_KEPT
        return is_large or count >= self._size or len(self._reads) >= CHUNK_SOURCES

    def add(self, sightings: list[Sighting], bytes_read: int, usages: Sequence[tuple[str, LoggedUsage]] = ()) -> None:
        """Add sightings and costs of the current source, of which `bytes_read` bytes of text are read by now.

        Those in names come last in a chunk: an ID is better known by the line that holds it.
        """
        is_name = bool(sightings) and sightings[0].position is None
        (self._in_names if is_name else self._sightings).extend(sightings)
        self._usages += usages
        self._kept += sum(len(s.log_fields) for s in sightings if s.log_fields)
        self._bytes += bytes_read - self._bytes_of_source
        self._bytes_of_source = bytes_read

    def end_source(self, read: SourceRead) -> None:
        """Add the record of the current source, which ends here."""
        self.add([], read.bytes_read)
        self._reads.append(read)
        self._bytes_of_source = 0

    def build(self, unfinished: SourceRead | None = None) -> Chunk:
        """Make a chunk and begin the next; `unfinished` is the record of the current source so far."""
        reads = (*self._reads, unfinished) if unfinished else tuple(self._reads)
        sightings, usages = (*self._sightings, *self._in_names), tuple(self._usages)
        chunk = Chunk(sightings, reads, len(self._reads), self._bytes, usages=usages)
        self._sightings, self._in_names, self._usages, self._reads, self._bytes, self._kept = [], [], [], [], 0, 0
        return chunk
