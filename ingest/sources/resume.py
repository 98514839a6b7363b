"""Decides where reading a source begins, and provides its text from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.sources.decompress import StoredBytes, open_text
from ingest.sources.readers import HEAD, PeekableReader, read_blocks
from ingest.sources.recoding import RecodedText, recoded_head
from ingest.sources.text_windows import ResumePoint

if TYPE_CHECKING:
    from ingest.core.sightings import Checkpoint
    from ingest.sources.checkpoints import CheckpointIndex
    from ingest.sources.open_file import OpenSource


@dataclass(frozen=True, slots=True)
class ResumedText:
    """A source's text from where reading begins.

    Attributes:
        text: The text that is left to read.
        begin: Where it begins.
        stored: The record of the stored bytes.
        checkpoint: The checkpoint where it begins; None at the beginning of the source.
        recoded: Recodes the text where it is not UTF-8; None if the stored bytes are not the text in any case.
    """

    text: PeekableReader | RecodedText
    begin: ResumePoint
    stored: StoredBytes
    checkpoint: Checkpoint | None
    recoded: RecodedText | None

    @property
    def coded(self) -> bool:
        """Whether the stored bytes, as far as they were read, are not the text."""
        return self.recoded is None or self.recoded.recodes


def resume(file: OpenSource, checkpoint: Checkpoint | None, index: CheckpointIndex | None, source: str) -> ResumedText:
    """The text of a source from its checkpoint on.

    Args:
        file: The source.
        checkpoint: The checkpoint that was found for its stored bytes; None if there is none.
        index: All checkpoints. An archive may hold the text of a plain file that was read before it was compressed.
        source: The name of the source.

    Raises:
        DecodingError: The source cannot be decompressed up to the checkpoint.
    """
    if checkpoint and not checkpoint.coded:
        begin = _seek(file, checkpoint)
        stored = StoredBytes(file, begin.position, begin.checksum, begin.tail)
        return _resumed(file, stored, begin, checkpoint)
    text, decoded = _text_of(file)
    if decoded and index is not None and not checkpoint and file.size is not None:
        checkpoint = index.find_for_text(text, source)
        text, decoded = _text_of(file)
    if not decoded:  # UTF-8 at its beginning and not later: it is read whole
        checkpoint = None
    begin = ResumePoint(checkpoint.position, checkpoint.line) if checkpoint else ResumePoint()
    resumed = (
        ResumedText(text, begin, decoded, checkpoint, None)
        if decoded
        else _resumed(file, StoredBytes(file), begin, checkpoint)
    )
    for _ in read_blocks(resumed.text, begin.position):
        pass
    return resumed


def _resumed(file: OpenSource, stored: StoredBytes, begin: ResumePoint, checkpoint: Checkpoint | None) -> ResumedText:
    """The text of a source that is UTF-8 where reading begins."""
    recoded = RecodedText(stored, recoded_head(file.head))
    return ResumedText(recoded, begin, stored, checkpoint, recoded)


def is_read(file: OpenSource, checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint covers all of the file."""
    is_same = file.signature is not None and checkpoint.signature == file.signature
    return checkpoint.done and (checkpoint.stored == file.size or is_same)


def _seek(file: OpenSource, checkpoint: Checkpoint) -> ResumePoint:
    """Move to the checkpoint in a plain file."""
    file.seek(max(checkpoint.stored - HEAD, 0))
    tail = b"".join(read_blocks(file, min(checkpoint.stored, HEAD)))
    return ResumePoint(checkpoint.position, checkpoint.line, checkpoint.checksum, tail)


def _text_of(file: OpenSource) -> tuple[PeekableReader, StoredBytes | None]:
    if file.size is not None:
        file.seek(0)
    return open_text(file)
