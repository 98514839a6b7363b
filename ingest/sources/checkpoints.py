"""What earlier runs read, told by content: where to read on in a file, whatever it is called now.

A file is known again if its device, inode, size and times are those of a file that was read, or if it begins with
the very bytes that were read. In doubt it is read again: an ID that is found twice is stored once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from isal.isal_zlib import crc32

from ingest.sources.open_file import HEAD, Guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.core.sightings import Checkpoint
    from ingest.sources.open_file import Opened, Peeked, Readable

HEADS = (HEAD, 512, 64)
"""Lengths a fingerprint may have: the longest that is covered."""

CANDIDATES = 32
"""Checkpoints tried for one file; many files may begin alike."""

COMPARED_WHOLE = 64 * 2**20
"""Bytes. Of a file that only grew, as it seems, more than this is taken for the same if its head and tail are."""

BLOCK = 256 * 1024


class Checkpoints:
    """The checkpoints of all sources read before, by what tells a file's content."""

    def __init__(self, known: Iterable[Checkpoint] = ()) -> None:
        self._by_signature: dict[str, Checkpoint] = {}
        self._by_source: dict[str, Checkpoint] = {}
        self._by_size: dict[tuple[str, int], Checkpoint] = {}
        self._by_fingerprint: defaultdict[str, list[Checkpoint]] = defaultdict(list)
        for checkpoint in known:
            self.add(checkpoint)

    def add(self, checkpoint: Checkpoint) -> None:
        """Know one more."""
        self._by_source[checkpoint.source] = checkpoint
        if checkpoint.signature:
            self._by_signature[checkpoint.signature] = checkpoint
        if checkpoint.fingerprint:
            self._by_size[checkpoint.fingerprint, checkpoint.stored] = checkpoint
            self._by_fingerprint[checkpoint.fingerprint].append(checkpoint)

    def of_file(self, file: Opened, source: str) -> Checkpoint | None:
        """The checkpoint to go on from in a file; None: it is to be read from its beginning."""
        if file.size is None:
            return None
        if file.signature in self._by_signature:
            return self._by_signature[file.signature]
        candidates = [c for c in self._candidates(file.head, file.size, source) if c.stored <= file.size]
        for candidate in sorted(candidates, key=_progress, reverse=True):
            if candidate.file == file.file and candidate.stored > COMPARED_WHOLE and _ends_like(file, candidate):
                return candidate
        file.seek(0)
        return _longest_prefix(Guarded(file), candidates)

    def of_text(self, text: Peeked, source: str) -> Checkpoint | None:
        """The checkpoint of the plain file that an archive was made of, as far as that was read; uses up the text."""
        return _longest_prefix(Guarded(text), [c for c in self._candidates(text.head, -1, source) if not c.coded])

    def _candidates(self, head: bytes, size: int, source: str) -> list[Checkpoint]:
        prints = [p for p in map(fingerprint, [head] * len(HEADS), HEADS) if p]
        found = [c for p in prints if (c := self._by_size.get((p, size)))]
        namesake = self._by_source.get(source)
        found += [namesake] if namesake and namesake.fingerprint in prints else []
        others = (c for p in prints for c in reversed(self._by_fingerprint.get(p, ())))
        return [*found, *islice(others, CANDIDATES)]


def fingerprint(head: bytes, covered: int) -> str | None:
    """SHA-256, in hex, of the longest head of a file that lies in its first `covered` bytes."""
    length = next((n for n in HEADS if n <= covered), None)
    return hashlib.sha256(head[:length]).hexdigest() if length and length <= len(head) else None


def _progress(checkpoint: Checkpoint) -> tuple[int, int, bool]:
    """How much was read. An archive that was read in part is on record with all its bytes, as when it is done."""
    return checkpoint.stored, checkpoint.position, checkpoint.done


def _ends_like(file: Opened, candidate: Checkpoint) -> bool:
    """Whether the last bytes that were read are still there."""
    file.seek(candidate.stored - HEAD)
    tail = b"".join(blocks(Guarded(file), HEAD))
    return hashlib.sha256(tail).hexdigest() == candidate.tail


def _longest_prefix(readable: Readable, candidates: Iterable[Checkpoint]) -> Checkpoint | None:
    """The candidate that covers most of what the bytes begin with, told by length and checksum."""
    longest, checksum, position = None, 0, 0
    for candidate in sorted(candidates, key=_progress):
        for block in blocks(readable, candidate.stored - position):
            checksum, position = crc32(block, checksum), position + len(block)
        if (position, checksum) == (candidate.stored, candidate.checksum):
            longest = candidate
    return longest


def blocks(readable: Readable, count: int) -> Iterator[bytes]:
    """The next `count` bytes, or those that there are."""
    buffer = memoryview(bytearray(min(count, BLOCK)))
    while count and (read := readable.readinto(buffer[:count])):
        yield bytes(buffer[:read])
        count -= read
