"""Finds the checkpoint of a file by its content, so that reading continues where it ended even under a new name.

A file is recognised if its device, inode, size and times are those of a file that was read, or if it begins with
exactly the bytes that were read. In doubt it is read again: that is safe, as an ID that is found twice is stored once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from isal.isal_zlib import crc32

from ingest.sources.readers import HEAD, ErrorCapturingReader, read_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.core.sightings import Checkpoint
    from ingest.sources.open_file import OpenSource
    from ingest.sources.readers import PeekableReader, Readable

HEADS = (HEAD, 512, 64)
"""Lengths of heads that a fingerprint may cover, in bytes: the longest that was read is used."""

CANDIDATES = 32
"""Checkpoints that are compared with one file: many files may begin alike."""

COMPARED_WHOLE = 64 * 2**20
"""Bytes. If more than this was read of a file that has grown, only its head and tail are compared."""


class CheckpointIndex:
    """The checkpoints of all sources that were read before, by what identifies a file's content."""

    def __init__(self, known: Iterable[Checkpoint] = ()) -> None:
        self._by_signature: dict[str, Checkpoint] = {}
        self._by_source: dict[str, Checkpoint] = {}
        self._by_size: dict[tuple[str, int], Checkpoint] = {}
        self._by_fingerprint: defaultdict[str, list[Checkpoint]] = defaultdict(list)
        for checkpoint in known:
            self.add(checkpoint)

    def add(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint."""
        self._by_source[checkpoint.source] = checkpoint
        if checkpoint.signature:
            self._by_signature[checkpoint.signature] = checkpoint
        if checkpoint.fingerprint:
            self._by_size[checkpoint.fingerprint, checkpoint.stored] = checkpoint
            self._by_fingerprint[checkpoint.fingerprint].append(checkpoint)

    def find_for_file(self, file: OpenSource, source: str) -> Checkpoint | None:
        """The checkpoint from which to read a file; None if it is to be read from its beginning."""
        if file.size is None:
            return None
        if file.signature in self._by_signature:
            return self._by_signature[file.signature]
        candidates = [c for c in self._candidates(file.head, file.size, source) if c.stored <= file.size]
        for candidate in sorted(candidates, key=_progress, reverse=True):
            is_long = candidate.file == file.file and candidate.stored > COMPARED_WHOLE
            if is_long and _has_grown(file, candidate) and _ends_alike(file, candidate):
                return candidate
        file.seek(0)
        return _longest_prefix(ErrorCapturingReader(file), candidates)

    def find_for_text(self, text: PeekableReader, source: str) -> Checkpoint | None:
        """The checkpoint of the plain file that an archive was made of. Reads the text."""
        plain = [c for c in self._candidates(text.head, -1, source) if not c.coded]
        return _longest_prefix(ErrorCapturingReader(text), plain)

    def _candidates(self, head: bytes, size: int, source: str) -> list[Checkpoint]:
        """Checkpoints with the same fingerprint: of the same size, of the same name, then the latest others."""
        prints = [p for p in map(fingerprint, [head] * len(HEADS), HEADS) if p]
        found = [c for p in prints if (c := self._by_size.get((p, size)))]
        namesake = self._by_source.get(source)
        found += [namesake] if namesake and namesake.fingerprint in prints else []
        others = (c for p in prints for c in reversed(self._by_fingerprint.get(p, ())))
        return [*found, *islice(others, CANDIDATES)]


def fingerprint(head: bytes, covered: int) -> str | None:
    """SHA-256, in hex, of the longest of `HEADS` within a file's first `covered` bytes; None if none fits."""
    length = next((n for n in HEADS if n <= covered), None)
    return hashlib.sha256(head[:length]).hexdigest() if length and length <= len(head) else None


def _progress(checkpoint: Checkpoint) -> tuple[int, int, bool]:
    """How much was read. An archive that was read in part may cover all its stored bytes, like a finished one."""
    return checkpoint.stored, checkpoint.position, checkpoint.done


def _has_grown(file: OpenSource, candidate: Checkpoint) -> bool:
    """Whether the file has a line more than when it was read to its end. One overwritten in place has none."""
    if not candidate.done or candidate.coded:
        return candidate.done and candidate.stored < (file.size or 0)
    file.seek(candidate.stored)
    return any(b"\n" in block for block in read_blocks(ErrorCapturingReader(file), (file.size or 0) - candidate.stored))


def _ends_alike(file: OpenSource, candidate: Checkpoint) -> bool:
    """Whether the last bytes that the checkpoint covers are unchanged."""
    file.seek(candidate.stored - HEAD)
    tail = b"".join(read_blocks(ErrorCapturingReader(file), HEAD))
    return hashlib.sha256(tail).hexdigest() == candidate.tail


def _longest_prefix(readable: Readable, candidates: Iterable[Checkpoint]) -> Checkpoint | None:
    """The candidate that covers most of the bytes, by length and checksum."""
    longest, checksum, position = None, 0, 0
    for candidate in sorted(candidates, key=_progress):
        for block in read_blocks(readable, candidate.stored - position):
            checksum, position = crc32(block, checksum), position + len(block)
        if (position, checksum) == (candidate.stored, candidate.checksum):
            longest = candidate
    return longest
