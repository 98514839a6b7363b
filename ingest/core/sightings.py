"""IDs seen in sources, and how far each source was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A generation ID at a place in a source.

    Attributes:
        generation_id: The ID as it stands in the text.
        source: Name of the file, or ``-`` for standard input.
        position: Byte offset of the ID in the text, which is the decompressed source; None: it stands in the name.
        line: Number of its line, from 1; None where nobody asked.
        logged_at: The line's own time, UTC; None where it has no obvious one.
        log_fields: JSON object of the line's fields that were to be kept; None without any.
    """

    generation_id: str
    source: str
    position: int | None
    line: int | None = None
    logged_at: datetime | None = None
    log_fields: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a source was read, and what tells its content: never its name.

    Attributes:
        source: Its name at that time.
        file: Names the file itself, such as by device and inode; None if unknown.
        signature: Another one whenever that file has changed; None where that cannot be relied on.
        stored: Bytes of the file that are covered, as they are stored.
        position: Bytes of text that are covered, to the end of a line.
        coded: Whether those two are different bytes: compressed, or UTF-16.
        line: Lines before `position`; 0 where nobody counted.
        fingerprint: SHA-256 of the file's first bytes, in hex; None if fewer than 64 are covered.
        tail: SHA-256 of the last 4,096 bytes of `stored`, or of all if they are fewer, in hex.
        checksum: CRC-32 of the bytes of `stored`.
        sightings: IDs found so far, close repetitions counted once.
        done: Whether it was read as far as it goes: to its end, or to where it is damaged.
        problem: How it is damaged; None if it is not.
    """

    source: str
    file: str | None
    signature: str | None
    stored: int
    position: int
    coded: bool
    line: int
    fingerprint: str | None
    tail: str
    checksum: int
    sightings: int
    done: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SourceRead:
    """How a source was read.

    Attributes:
        source: Its name.
        bytes_read: Bytes of text read, after decompression; what an earlier run had read is not among them.
        sightings: IDs found in it, those of earlier runs included, close repetitions counted once.
        complete: Whether it was read to its end.
        problem: What was wrong with it, None if nothing.
        size: Bytes on disk; None for a stream.
        passed_over: Whether it was left alone because it is binary and nobody named it.
        unchanged: Whether it holds nothing that was not read before.
        position: Bytes of text from its beginning to where reading ended.
        checkpoint: Where the next run begins; None for a stream, which has no next time, and where the last one stands.
    """

    source: str
    bytes_read: int
    sightings: int
    complete: bool
    problem: str | None = None
    size: int | None = None
    passed_over: bool = False
    unchanged: bool = False
    position: int = 0
    checkpoint: Checkpoint | None = None

    @property
    def was_readable(self) -> bool:
        """Whether anything at all could be read, be it an empty file."""
        return not self.passed_over and (self.complete or self.unchanged or self.bytes_read > 0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sightings that are stored together, with how far their sources are read by then.

    Attributes:
        sightings: In the order of sources and text.
        reads: The sources that were read in it, each once; only the last one may have more to come.
        ended: How many of them are read.
        bytes_read: Bytes of text read since the chunk before.
    """

    sightings: tuple[Sighting, ...]
    reads: tuple[SourceRead, ...]
    ended: int
    bytes_read: int

    @property
    def finished(self) -> tuple[SourceRead, ...]:
        """The sources of which nothing more comes."""
        return self.reads[: self.ended]
