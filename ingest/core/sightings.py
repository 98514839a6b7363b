"""Generation IDs found in sources, and how far each source was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ingest.core.logged_usage import LoggedUsage


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A generation ID at a place in a source.

    Attributes:
        generation_id: The ID as it stands in the text.
        source: Name of the file, or ``-`` for standard input.
        position: Byte offset of the ID in the decompressed text; None: the ID is in the source's name.
        line: Number of its line, from 1; None if lines were not counted.
        logged_at: Time of the line, in UTC; None if the line has no unambiguous time.
        log_fields: JSON object of the line's fields named by ``--keep-field``; None if it has none of them.
        logged_usage: What the line tells that it cost; None if it does not tell that for certain.
    """

    generation_id: str
    source: str
    position: int | None
    line: int | None = None
    logged_at: datetime | None = None
    log_fields: str | None = None
    logged_usage: LoggedUsage | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a source was read. A source is recognised by its content, never by its name.

    Attributes:
        source: Name of the source when it was read.
        file: Identity of the file, such as device and inode; None if unknown.
        signature: A value that changes whenever the file changes; None where no such value is reliable.
        stored: Bytes of the file that were read, as stored on disk.
        position: Bytes of decoded text that were read, up to the end of a line.
        coded: Whether the file's bytes differ from the text's: the file is compressed, or not all UTF-8.
        line: Number of lines before `position`; 0 if lines were not counted.
        fingerprint: SHA-256 of the file's first bytes, in hex; None if fewer than 64 were read.
        tail: SHA-256 of the last 4,096 of the `stored` bytes, or of all if there are fewer, in hex.
        checksum: CRC-32 of the `stored` bytes.
        sightings: Number of IDs found so far; close repetitions count once.
        done: Whether the source was read to its end, or to the place where it is damaged.
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
    """The result of reading one source.

    Attributes:
        source: Name of the source.
        bytes_read: Bytes of decompressed text that this run read.
        sightings: Number of IDs found in it, including those of earlier runs; close repetitions count once.
        complete: Whether it was read to its end.
        problem: What was wrong with it; None if nothing.
        size: Bytes on disk; None for a stream.
        passed_over: Whether it was skipped because it is binary and was not named on the command line.
        unchanged: Whether it has nothing that earlier runs have not read.
        position: Bytes of text from the beginning to where reading ended.
        checkpoint: Where the next run continues; None for a stream, which cannot be continued, and where the earlier
            checkpoint remains valid.
        cut: How many IDs were cut at a line end and could not be joined.
        replaces: The relative path under which this source was recorded before, if so: this record replaces that one.
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
    cut: int = 0
    replaces: str | None = None

    @property
    def was_readable(self) -> bool:
        """Whether the source could be read at all; an empty file counts as readable."""
        return not self.passed_over and (self.complete or self.unchanged or self.bytes_read > 0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sightings that are stored in one transaction, with the reading state of their sources.

    Attributes:
        sightings: The sightings, in the order of sources and text.
        reads: One entry per source that contributed to the chunk; only the last source may still be unfinished.
        ended: Number of entries in `reads` whose source is finished.
        bytes_read: Bytes of text read since the previous chunk.
        accounts: The account that a source names, for those that do.
        usages: What further lines of IDs that were found before tell that those cost.
    """

    sightings: tuple[Sighting, ...]
    reads: tuple[SourceRead, ...]
    ended: int
    bytes_read: int
    accounts: Mapping[str, str] = field(default_factory=dict)
    usages: tuple[tuple[str, LoggedUsage], ...] = ()

    @property
    def finished(self) -> tuple[SourceRead, ...]:
        """The sources that are finished: no later chunk contains them."""
        return self.reads[: self.ended]
