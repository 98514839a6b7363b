"""Sources that could not be read, or not to their end, and the error if no source could be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.core.errors import NoInputError
from ingest.core.sightings import SourceRead
from ingest.sources.source_names import label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LISTED = 3
"""Sources that an error lists; a run may read 100,000 files."""


def unreadable(name: str, problem: str) -> SourceRead:
    """The record of a source of which nothing could be read."""
    return SourceRead(label_of(name), bytes_read=0, sightings=0, complete=False, problem=problem)


def require_readable(reads: Sequence[SourceRead]) -> None:
    """Check that at least one source was read.

    Raises:
        NoInputError: There are sources, and all are unreadable, or binary files that the user did not name.
    """
    if reads and not any(r.was_readable for r in reads):
        raise NoInputError(
            "no source could be read",
            cause=list_problems(reads),
            fix="name readable log files, directories or globs, or - for standard input",
        )


def list_problems(reads: Sequence[SourceRead]) -> str:
    """The first `LISTED` of these sources, each with its problem."""
    return "; ".join(f"{ascii(r.source)[1:-1]}: {r.problem}" for r in reads[:LISTED])


@dataclass(slots=True)
class ReadProblems:
    """Collects the problems of a run's sources, without keeping a record of each source.

    Attributes:
        problems: Sources that were not read, or not to their end. Binary files that were skipped are not among them.
    """

    problems: list[SourceRead] = field(default_factory=list)
    _sample: list[SourceRead] = field(default_factory=list)

    def add(self, reads: Iterable[SourceRead]) -> None:
        """Add sources that were read, or that could not be."""
        reads = list(reads)
        self.problems += [r for r in reads if r.problem and not r.passed_over]
        readable = [r for r in (*self._sample, *reads) if r.was_readable]
        self._sample = readable[:1] or [*self._sample, *reads][:LISTED]

    def require_readable(self) -> None:
        """Check that at least one source was read.

        Raises:
            NoInputError: There are sources, and none could be read.
        """
        require_readable(self._sample)
