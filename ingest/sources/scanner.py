"""Sources in, sightings out: finds generation IDs in any text, and reads no text twice.

A source is read in windows of bytes and searched with one expression; no line, format or encoding is assumed, and
memory does not grow with lines or files.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

from ingest.core.generation_id import second_of
from ingest.core.sightings import Checkpoint, Chunk, Sighting, SourceRead
from ingest.sources.call_site import CallSiteParser, LineIndex
from ingest.sources.checkpoints import Checkpoints, blocks, fingerprint
from ingest.sources.decompress import DecodingError, Stored, decoded, looks_binary
from ingest.sources.id_finder import Finder, Window
from ingest.sources.open_file import HEAD, Guarded, Opened, opened
from ingest.sources.remote import said_by
from ingest.sources.text_windows import Mark, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.sources.discovery import Expansion, Source
    from ingest.sources.open_file import Peeked

CHUNK = 100_000
"""Sightings stored together, about. Each chunk is looked up in all that is known, so that few are better than many."""

CHUNK_SOURCES = 1_000
CHUNK_BYTES = 256 * 2**20
"""Sources, and bytes of text, after which a chunk ends whatever it holds: what is read is not read again."""


class Scan:
    """One source being read: iterate for its sightings, window by window; `result` tells how far it has come.

    Args:
        source: What to read.
        now: The wall clock; an ID whose second lies more than a day ahead is a look-alike.
        known: What earlier runs read; None: it is read whole, and nobody will go on from where it ends.
        call_sites: Reads what lines tell; None: neither lines nor what they tell is wanted.
    """

    def __init__(
        self, source: Source, now: datetime, known: Checkpoints | None = None, call_sites: CallSiteParser | None = None
    ) -> None:
        self._source = source
        self._label = source.label
        self._now = now
        self._known = known
        self._call_sites = call_sites
        self._find = Finder(now)
        self._file: Opened | None = None
        self._start: Checkpoint | None = None
        self._stored: Stored | None = None
        self._windows: Windows | None = None
        self._new = self._new_at_mark = 0
        self._done = self._is_binary = False
        self._problem: str | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes of text read so far, without those that an earlier run had read."""
        return self._windows.position - self._position_before if self._windows else 0

    @property
    def _position_before(self) -> int:
        return self._start.position if self._start else 0

    @property
    def _sightings(self) -> int:
        return self._new + (self._start.sightings if self._start else 0)

    @property
    def result(self) -> SourceRead:
        """How far the reading has come, and what was wrong."""
        start = self._start
        is_complete = self._done and not self._problem and not (start and not self._windows and start.problem)
        return SourceRead(
            self._label,
            self.bytes_read,
            self._sightings,
            is_complete,
            self._problem,
            size=self._file.size if self._file else None,
            passed_over=self._is_binary and not self._source.named,
            unchanged=start is not None and self._done and not self.bytes_read,
            position=self._windows.position if self._windows else self._position_before,
            checkpoint=self._checkpoint(),
        )

    def __iter__(self) -> Iterator[list[Sighting]]:
        try:
            with opened(self._source.name, self._now) as self._file:
                for sightings in self._read(self._file):
                    self._new += len(sightings)
                    yield sightings
            self._done = not self._is_binary
        except DecodingError as error:
            self._done, self._problem = True, str(error)
        except (OSError, ValueError) as error:
            self._problem = said_by(error)
            if not self._file:
                in_name = self._in_name()
                self._new += len(in_name)
                yield in_name

    def _in_name(self) -> list[Sighting]:
        """The IDs in the source's own name: some loggers write an object for each call, and call it so."""
        if "gen-" not in self._label:
            return []
        name = self._label.encode()
        window = Window(bytearray(name), 0, len(name), len(name), 0)
        return [Sighting(generation_id, self._label, None) for generation_id in self._find(window)[0]]

    def _read(self, file: Opened) -> Iterator[list[Sighting]]:
        """What was not read before."""
        self._start = self._known.of_file(file, self._label) if self._known is not None else None
        if not self._start or self._start.source != self._label:
            yield self._in_name()
        if self._start and self._start.done and self._covers(file, self._start):
            return
        text, mark = self._begin(file)
        if not mark.position and looks_binary(text.head):
            self._is_binary, self._problem = True, "binary, not text"
            return
        yield from self._searched(file, text, mark)

    def _searched(self, file: Opened, text: Peeked, mark: Mark) -> Iterator[list[Sighting]]:
        """What the text holds from the mark on."""
        guarded = Guarded(text)
        left = file.size - mark.position if file.size is not None and not self._stored else None
        self._windows = Windows(guarded, mark, left, counts_lines=self._call_sites is not None)
        self._new_at_mark = self._new
        for window in self._windows:
            sightings = self._sighted(window)
            yield sightings
            if window.ends_a_line:
                self._new_at_mark = self._new
        if guarded.error:
            raise guarded.error

    @staticmethod
    def _covers(file: Opened, start: Checkpoint) -> bool:
        """Whether nothing was added to the file since."""
        return start.stored == file.size or (file.signature is not None and start.signature == file.signature)

    def _begin(self, file: Opened) -> tuple[Peeked, Mark]:
        """The text from where to read on, and that place."""
        if self._start and not self._start.coded:
            return file, _mark_in(file, self._start)
        text, self._stored = self._decoded(file)
        if self._stored and self._known is not None and not self._start and file.size is not None:
            self._start = self._known.of_text(text, self._label)
            text, self._stored = self._decoded(file)
        if not self._start:
            return text, Mark()
        for _ in blocks(text, self._start.position):
            pass
        return text, Mark(self._start.position, self._start.line)

    @staticmethod
    def _decoded(file: Opened) -> tuple[Peeked, Stored | None]:
        if file.size is not None:
            file.seek(0)
        return decoded(file)

    def _sighted(self, window: Window) -> list[Sighting]:
        """The window's new IDs, each with its place."""
        found, places = self._find(window)
        positions = map(window.offset.__add__, places)
        if not self._call_sites or not self._windows:
            return list(map(Sighting, found, repeat(self._label), positions))
        lines = LineIndex(window, self._windows.mark.line, self._call_sites)
        told = (lines.at(place, second_of(i)) for i, place in zip(found, places, strict=True))
        return [Sighting(i, self._label, p, *t) for i, p, t in zip(found, positions, told, strict=True)]

    def _checkpoint(self) -> Checkpoint | None:
        file, start, windows = self._file, self._start, self._windows
        if self._known is None or not file or file.size is None or self._is_binary:
            return None
        if start and not windows:
            moved = replace(start, source=self._label, file=file.file, signature=file.signature)
            return None if moved == start else moved
        if not windows:
            return None
        mark, stored = windows.mark, self._stored
        count, tail, checksum = (
            (stored.count, stored.tail, stored.checksum) if stored else (mark.position, mark.tail, mark.checksum)
        )
        return Checkpoint(
            self._label,
            file.file,
            file.signature,
            stored=count,
            position=mark.position,
            coded=stored is not None,
            line=mark.line,
            fingerprint=fingerprint(file.head, count),
            tail=hashlib.sha256(tail).hexdigest(),
            checksum=checksum,
            sightings=self._sightings - self._new + self._new_at_mark,
            done=self._done,
            problem=self._problem,
        )


def _mark_in(file: Opened, start: Checkpoint) -> Mark:
    """The place in a plain file, which is read on from there."""
    file.seek(max(start.stored - HEAD, 0))
    tail = b"".join(blocks(file, min(start.stored, HEAD)))
    return Mark(start.position, start.line, start.checksum, tail)


def scan_all(
    expansion: Expansion,
    now: datetime,
    known: Checkpoints | None = None,
    call_sites: CallSiteParser | None = None,
    size: int = CHUNK,
) -> Iterator[Chunk]:
    """Everything that sources hold and that is not known, in chunks of about `size` sightings.

    Args:
        expansion: The sources.
        now: The wall clock.
        known: What earlier runs read; what this one reads is added to it, so that two names of one content are one.
            None: each source is read whole.
        call_sites: Reads what lines tell; None: neither lines nor what they tell is wanted.
        size: Sightings from which a chunk ends, with the window they are in.
    """
    chunks = _Chunks(size, list(expansion.problems))
    for source in expansion.sources:
        scan = Scan(source, now, known, call_sites)
        for sightings in scan:
            chunks.grow(sightings, scan.bytes_read)
            if chunks.is_full:
                yield chunks.cut(scan.result)
        read = scan.result
        if known is not None and read.checkpoint:
            known.add(read.checkpoint)
        chunks.end(read)
        if chunks.is_full:
            yield chunks.cut()
    yield chunks.cut()


class _Chunks:
    """Collects what is stored together."""

    def __init__(self, size: int, reads: list[SourceRead]) -> None:
        self._size = size
        self._reads = reads
        self._sightings: list[Sighting] = []
        self._bytes = 0
        self._bytes_told = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to store."""
        return len(self._sightings) >= self._size or len(self._reads) >= CHUNK_SOURCES or self._bytes >= CHUNK_BYTES

    def grow(self, sightings: list[Sighting], bytes_read: int) -> None:
        """Take what was found in the source being read, of which so many bytes are read in all."""
        self._sightings += sightings
        self._bytes += bytes_read - self._bytes_told
        self._bytes_told = bytes_read

    def end(self, read: SourceRead) -> None:
        """Take the end of the source being read."""
        self.grow([], read.bytes_read)
        self._reads.append(read)
        self._bytes_told = 0

    def cut(self, unfinished: SourceRead | None = None) -> Chunk:
        """What was collected; `unfinished` tells how far the source being read has come."""
        reads = (*self._reads, unfinished) if unfinished else tuple(self._reads)
        chunk = Chunk(tuple(self._sightings), reads, len(self._reads), self._bytes)
        self._sightings, self._reads, self._bytes = [], [], 0
        return chunk
