"""Reads one source and finds its IDs, from where an earlier run ended."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

from ingest.core.sightings import Checkpoint, Sighting, SourceRead
from ingest.sources.checkpoints import CheckpointIndex, fingerprint
from ingest.sources.decompress import DecodingError, is_table, looks_binary
from ingest.sources.id_finder import IdFinder, Window
from ingest.sources.line_index import LineIndex
from ingest.sources.open_file import OpenSource, open_source
from ingest.sources.readers import ErrorCapturingReader
from ingest.sources.resume import ResumedText, is_read, resume
from ingest.sources.source_names import error_text, is_relative_form
from ingest.sources.text_windows import TextWindows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingest.core.logged_usage import LoggedUsage
    from ingest.sources.call_site import LineReader
    from ingest.sources.discovery import Source

BINARY = "binary, not text"
"""The problem of a source that is no text and holds no ID."""


class SourceScan:
    """One source being read. Iterate once for its sightings, window by window; `result` says how far it was read.

    Args:
        source: What to read.
        now: The wall clock.
        known: The checkpoints of earlier runs; None to read the whole source and make no checkpoint.
        call_sites: Parses the lines of the IDs; None to leave out line numbers, times and fields.
    """

    def __init__(
        self,
        source: Source,
        now: datetime,
        known: CheckpointIndex | None = None,
        call_sites: LineReader | None = None,
    ) -> None:
        self._source = source
        self._label = source.label
        self._now = now
        self._known = known
        self._call_sites = call_sites
        self._find = IdFinder(now)
        self._lines: LineIndex | None = None
        self._file: OpenSource | None = None
        self._start: Checkpoint | None = None
        self._resumed: ResumedText | None = None
        self._windows: TextWindows | None = None
        self._new = self._new_at_resume_point = 0
        self._done = self._looks_binary = self._is_binary = False
        self._problem: str | None = None

    def take_usages(self) -> list[tuple[str, LoggedUsage]]:
        """What further lines of IDs that were found before tell that those cost, since it was last asked."""
        usages: list[tuple[str, LoggedUsage]] = []
        if self._lines:
            usages, self._lines.usages = self._lines.usages, usages
        return usages

    @property
    def bytes_read(self) -> int:
        """Bytes of text read so far; what an earlier run read does not count."""
        return self._windows.position - self._position_before if self._windows else 0

    @property
    def _position_before(self) -> int:
        return self._start.position if self._start else 0

    @property
    def _sightings_before(self) -> int:
        return self._start.sightings if self._start else 0

    @property
    def result(self) -> SourceRead:
        """How far the source was read, and what was wrong with it."""
        start = self._start
        is_complete = self._done and not self._problem and not (start and not self._windows and start.problem)
        return SourceRead(
            self._label,
            0 if self._is_binary else self.bytes_read,
            self._sightings_before + self._new,
            is_complete,
            self._problem,
            size=self._file.size if self._file else None,
            passed_over=self._is_binary and not self._source.named,
            unchanged=start is not None and self._done and not self.bytes_read,
            position=self._windows.position if self._windows else self._position_before,
            checkpoint=self._checkpoint(),
            cut=self._find.cut,
            replaces=start.source if start and is_relative_form(start.source, self._label) else None,
        )

    def __iter__(self) -> Iterator[list[Sighting]]:
        try:
            with open_source(self._source.name, self._now, named=self._source.named) as self._file:
                for sightings in self._read(self._file):
                    self._new += len(sightings)
                    yield sightings
            self._done = True
        except DecodingError as error:
            self._done, self._problem = True, str(error)
        except (OSError, ValueError) as error:
            self._problem = error_text(error)
        in_name = self._in_name()
        self._new += len(in_name)
        self._new_at_resume_point += len(in_name)
        yield in_name
        known_problem = self._start.problem if self._start else None
        if self._looks_binary and not self._problem and not (self._sightings_before + self._new):
            self._is_binary = known_problem in {None, BINARY}
            self._problem = BINARY if self._is_binary else None

    def _in_name(self) -> list[Sighting]:
        """The IDs in the source's name: some loggers write one object per call and name it after the ID.

        Those that the text holds too were found there, with their line.
        """
        is_known = self._start and self._start.done and self._start.source == self._label
        if is_known or "gen-" not in self._label:
            return []
        name = self._label.encode()
        window = Window(bytearray(name), 0, len(name), len(name), 0)
        return [Sighting(generation_id, self._label, None) for generation_id in self._find(window)[0]]

    def _read(self, file: OpenSource) -> Iterator[list[Sighting]]:
        self._start = self._known.find_for_file(file, self._label) if self._known is not None else None
        if self._start and is_read(file, self._start):
            self._looks_binary = is_table(file.head) or (not self._start.coded and looks_binary(file.head))
            return
        resumed = self._resumed = resume(file, self._start, self._known, self._label)
        self._start = resumed.checkpoint
        self._looks_binary = looks_binary(resumed.text.head) or is_table(file.head)
        yield from self._search(file, resumed)

    def _search(self, file: OpenSource, resumed: ResumedText) -> Iterator[list[Sighting]]:
        reader, begin = ErrorCapturingReader(resumed.text), resumed.begin
        left = file.size - begin.position if file.size is not None and not resumed.coded else None
        self._windows = TextWindows(reader, begin, left, counts_lines=self._call_sites is not None)
        self._new_at_resume_point = self._new
        lines = self._lines = LineIndex(self._label, begin.line, self._call_sites) if self._call_sites else None
        for window in self._windows:
            yield self._sightings_in(window, lines)
            if window.ends_a_line:
                self._new_at_resume_point = self._new
        if lines:
            rest, end = lines.rest(), self._windows.resume_at.position
            self._new_at_resume_point += sum(s.position is not None and s.position < end for s in rest)
            yield rest
        if reader.error:
            raise reader.error

    def _sightings_in(self, window: Window, lines: LineIndex | None) -> list[Sighting]:
        found, places = self._find(window)
        if lines:
            return lines.sightings(window, found, places, repeats=self._find.repeats)
        return list(map(Sighting, found, repeat(self._label), map(window.offset.__add__, places)))

    def _checkpoint(self) -> Checkpoint | None:
        """Where the next run continues; None if it cannot, or if that has not changed."""
        file, start = self._file, self._start
        if self._known is None or not file or file.size is None or (self._is_binary and self._source.named):
            return None
        if self._windows:
            return self._new_checkpoint(file, self._windows)
        if not start:
            return None
        moved = replace(start, source=self._label, file=file.file, signature=file.signature)
        return None if moved == start else moved

    def _new_checkpoint(self, file: OpenSource, windows: TextWindows) -> Checkpoint:
        end = windows.resume_at
        stored, tail, checksum = end.position, end.tail, end.checksum
        coded = self._resumed is not None and self._resumed.coded
        if self._resumed and coded:
            record = self._resumed.stored
            stored, tail, checksum = record.count, record.tail, record.checksum
        return Checkpoint(
            self._label,
            file.file,
            file.signature,
            stored=stored,
            position=end.position,
            coded=coded,
            line=end.line,
            fingerprint=fingerprint(file.head, stored),
            tail=hashlib.sha256(tail).hexdigest(),
            checksum=checksum,
            sightings=self._sightings_before + self._new_at_resume_point,
            done=self._done,
            problem=self._problem,
        )
