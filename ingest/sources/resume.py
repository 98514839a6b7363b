"""Decides where reading a source begins, and provides its text from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.sources.decompress import StoredBytes, open_text
from ingest.sources.readers import HEAD, PeekableReader, read_blocks
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
        stored: The record of the stored bytes; None if the stored bytes are the text.
        checkpoint: The checkpoint where it begins; None at the beginning of the source.
    """

    text: PeekableReader
    begin: ResumePoint
    stored: StoredBytes | None
    checkpoint: Checkpoint | None


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
        return ResumedText(file, _seek(file, checkpoint), None, checkpoint)
    text, stored = _text_of(file)
    if stored and index is not None and not checkpoint and file.size is not None:
        checkpoint = index.find_for_text(text, source)
        text, stored = _text_of(file)
    if not checkpoint:
        return ResumedText(text, ResumePoint(), stored, None)
    for _ in read_blocks(text, checkpoint.position):
        pass
    return ResumedText(text, ResumePoint(checkpoint.position, checkpoint.line), stored, checkpoint)


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
