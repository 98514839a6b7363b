"""What the command line's SOURCES stand for: files, directories, globs, standard input, and URLs of remote stores."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.core.errors import ConfigurationError, NoInputError
from ingest.core.sightings import SourceRead
from ingest.sources import remote

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

STDIN = "-"

NAMED = 3
"""Sources that an error names; a run over 100,000 files has no use for a longer list."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read.

    Attributes:
        name: A file's path as the user would write it, the URL of a remote one, or ``-`` for standard input.
        named: Whether the user named this very file; one that was only found in a directory may be passed over.
    """

    name: str
    named: bool = True

    @property
    def label(self) -> str:
        """The name as it may be stored: a file's name may be bytes that are no UTF-8, and a URL may hold a secret."""
        return _label(self.name)


@dataclass(frozen=True, slots=True)
class Expansion:
    """What the command line's SOURCES stand for.

    Attributes:
        sources: Everything to read, in order, each file once.
        problems: Arguments that stand for nothing.
        passed_over: Hidden files, special files and links to directories met in directories.
    """

    sources: tuple[Source, ...]
    problems: tuple[SourceRead, ...]
    passed_over: int


def expand(arguments: Iterable[str]) -> Expansion:
    """Turn arguments into sources; a directory is walked in sorted order.

    Raises:
        ConfigurationError: a URL is named, and the extra that reads it is not installed.
    """
    sources: dict[Hashable, Source] = {}
    met = _Met([])
    for argument in arguments:
        try:
            found = [Source(STDIN)] if argument == STDIN else list(_expand_one(argument, met))
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  # a store's library may raise anything
            met.problems.append(unreadable(argument, remote.said_by(error)))
            continue
        for source in found:
            known = sources.setdefault(_identity(source.name), source)
            if source.named and not known.named:
                sources[_identity(source.name)] = replace(known, named=True)
    return Expansion(tuple(sources.values()), tuple(met.problems), met.passed_over)


def unreadable(name: str, problem: str) -> SourceRead:
    """The reading of a source that could not even begin."""
    return SourceRead(_label(name), bytes_read=0, sightings=0, complete=False, problem=problem)


def require_readable(reads: Sequence[SourceRead]) -> None:
    """Refuse sources of which none could be read.

    Raises:
        NoInputError: there are sources, and all are unreadable, or binary files that nobody named.
    """
    if reads and not any(r.was_readable for r in reads):
        raise NoInputError(
            "no source could be read",
            cause=named(reads),
            fix="name readable log files, directories or globs, or - for standard input",
        )


def named(reads: Sequence[SourceRead]) -> str:
    """The first of them, each with its problem."""
    return "; ".join(f"{ascii(r.source)[1:-1]}: {r.problem}" for r in reads[:NAMED])


@dataclass(slots=True)
class Readings:
    """What came of reading sources, without a record of each.

    Attributes:
        problems: Those that were not read, or not to their end; not those that were left alone.
    """

    problems: list[SourceRead] = field(default_factory=list)
    _told: list[SourceRead] = field(default_factory=list)

    def note(self, reads: Iterable[SourceRead]) -> None:
        """Take some more into account."""
        reads = list(reads)
        self.problems += [r for r in reads if r.problem and not r.passed_over]
        readable = [r for r in (*self._told, *reads) if r.was_readable]
        self._told = readable[:1] or [*self._told, *reads][:NAMED]

    def require_readable(self) -> None:
        """Refuse sources of which none could be read; raises as `require_readable` does."""
        require_readable(self._told)


@dataclass(slots=True)
class _Met:
    """What was met on the way and is no source."""

    problems: list[SourceRead]
    passed_over: int = 0


def _label(name: str) -> str:
    shown = remote.without_secrets(name) if remote.is_url(name) else name
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def _identity(name: str) -> Hashable:
    """Equal for two names of one file, be it by links of either kind."""
    if name == STDIN or remote.is_url(name):
        return name
    try:
        stat = os.stat(name)  # noqa: PTH116  # a Path for each of 100,000 files would take longer than reading them
    except (OSError, ValueError):
        return name
    return stat.st_dev, stat.st_ino


def _expand_one(argument: str, met: _Met) -> Iterator[Source]:
    """The files that an argument stands for; what stands for nothing is a problem."""
    if remote.is_url(argument):
        names, is_one = remote.expand(argument)
        yield from (Source(name, named=is_one) for name in names)
    elif argument and os.path.isdir(argument):  # noqa: PTH112  # Path("") is ".": an unset variable must not be
        yield from _walk(argument, met)
    elif argument and os.path.lexists(argument):  # a link that leads nowhere says so when it is opened
        yield Source(argument)
    else:
        matches = glob.glob(argument, recursive=True)  # noqa: PTH207  # patterns may be absolute and hold **
        files = sorted(m for m in matches if not os.path.isdir(m))  # noqa: PTH112  # as above
        yield from map(Source, files)
        if not files:
            is_pattern = glob.has_magic(argument)
            met.problems.append(unreadable(argument, "no file matches" if is_pattern else "no such file or directory"))


def _walk(root: str, met: _Met) -> Iterator[Source]:
    """The regular files below a directory, sorted; a directory that cannot be entered is a problem."""
    ahead = [root]
    while ahead:
        directory = ahead.pop()
        try:
            with os.scandir(directory) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            met.problems.append(unreadable(directory, remote.said_by(error)))
            continue
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        folders = [entry.path for entry in shown if entry.is_dir(follow_symlinks=False)]
        files = [entry.path for entry in shown if _is_file(entry)]
        met.passed_over += len(entries) - len(folders) - len(files)
        yield from (Source(path, named=False) for path in files)
        ahead += reversed(folders)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False
