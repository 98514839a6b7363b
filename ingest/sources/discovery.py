"""Finds the sources that the command line names: files, directories, globs, standard input, URLs of remote stores."""

from __future__ import annotations

import glob
import itertools
import os
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingest.core.errors import ConfigurationError
from ingest.sources import remote
from ingest.sources.read_problems import unreadable
from ingest.sources.source_names import STDIN, absolute, error_text, is_url, label_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from ingest.core.sightings import SourceRead


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read.

    Attributes:
        name: A file's path, as the user wrote it or absolute; the URL of a remote object; or ``-`` for standard input.
        named: Whether the user named this very file. A binary file that was found in a directory is skipped instead.
        account: Name of the account to which its IDs are said to belong; None if nothing is said.
    """

    name: str
    named: bool = True
    account: str | None = None

    @property
    def label(self) -> str:
        """The name as it may be stored and shown."""
        return label_of(self.name)


@dataclass(frozen=True, slots=True)
class Expansion:
    """The sources that the command line's arguments stand for.

    Attributes:
        sources: What to read, in order, each file once.
        problems: Arguments that stand for nothing, directories that cannot be listed, and links to directories that no
            argument leads to.
        passed_over: How many hidden files, special files and links to directories were skipped in directories.
    """

    sources: tuple[Source, ...]
    problems: tuple[SourceRead, ...]
    passed_over: int


def expand_sources(
    arguments: Iterable[str], accounts: Mapping[str, str] = MappingProxyType({}), *, as_absolute: bool = False
) -> Expansion:
    """Turn arguments into sources. A directory is walked in sorted order.

    Args:
        arguments: Files, directories, globs, URLs and ``-``.
        accounts: The account that an argument names, for those that do. Of several for one file the first counts.
        as_absolute: Name files by their absolute paths, so that a source has one name wherever it is named from.

    Raises:
        ConfigurationError: An argument is a URL, and a package that reads it is not installed.
    """
    sources: dict[Hashable, Source] = {}
    skipped = _Skipped([])
    for argument in arguments:
        for source in _sources_of(argument, skipped):
            known = sources.setdefault(_identity(source.name), source)
            account = known.account or accounts.get(argument)
            if (known.named, known.account) != (known.named or source.named, account):
                sources[_identity(source.name)] = replace(known, named=known.named or source.named, account=account)
    problems = (*skipped.problems, *_not_followed(skipped))
    found = [replace(s, name=absolute(s.name)) for s in sources.values()] if as_absolute else sources.values()
    return Expansion(tuple(found), problems, skipped.passed_over)


@dataclass(slots=True)
class _Skipped:
    """What the arguments stand for besides sources."""

    problems: list[SourceRead]
    passed_over: int = 0
    links: list[str] = field(default_factory=list)
    walked: set[Hashable] = field(default_factory=set)


def _sources_of(argument: str, skipped: _Skipped) -> list[Source]:
    try:
        return [Source(STDIN)] if argument == STDIN else list(_expand(argument, skipped))
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001  # the library of a remote store may raise anything
        skipped.problems.append(unreadable(argument, error_text(error)))
        return []


def _expand(argument: str, skipped: _Skipped) -> Iterator[Source]:
    if is_url(argument):
        names, is_one = remote.list_objects(argument)
        yield from (Source(name, named=is_one) for name in names)
    elif argument and os.path.isdir(argument):  # noqa: PTH112  # Path("") is ".", which an unset variable must not mean
        yield from _walk(argument, skipped)
    elif argument and os.path.lexists(argument):  # a broken link is reported when it is opened
        yield Source(argument)
    else:
        yield from _glob(argument, skipped)


def _glob(pattern: str, skipped: _Skipped) -> Iterator[Source]:
    matches = set(_matches(pattern, skipped))
    files = sorted(m for m in matches if not os.path.isdir(m))  # noqa: PTH112  # text, because Path("") is "."
    yield from map(Source, files)
    if not files:
        is_pattern = glob.has_magic(pattern)
        skipped.problems.append(unreadable(pattern, "no file matches" if is_pattern else "no such file or directory"))


def _matches(pattern: str, skipped: _Skipped) -> Iterable[str]:
    """The names that a pattern matches. ``**`` stands for directories of any depth, and follows no links.

    glob's own ``**`` follows them, without an end where they lead in a circle.
    """
    before, stars, after = _at_stars(pattern)
    if not stars:
        return glob.glob(pattern)  # noqa: PTH207  # patterns may be absolute
    roots = sorted(set(_matches(before, skipped))) if before else [""]
    folders: dict[str, None] = {}
    for root in roots:
        if root not in folders and os.path.isdir(root or "."):  # noqa: PTH112  # the root may be ""
            folders.update(dict.fromkeys(_folders(root, skipped)))
    found = (_matches(os.path.join(glob.escape(folder), after or "*"), skipped) for folder in folders)  # noqa: PTH118
    return itertools.chain.from_iterable(found)


def _at_stars(pattern: str) -> tuple[str, str, str]:
    """A pattern's parts before, at and after its last ``**``; several in a row count as one."""
    parts = pattern.split("/")
    last = next((n for n in range(len(parts) - 1, -1, -1) if parts[n] == "**"), None)
    if last is None:
        return pattern, "", ""
    first = last
    while first and parts[first - 1] == "**":
        first -= 1
    return "/".join(parts[:first]) + "/" * (first > 0), "**", "/".join(parts[last + 1 :])


def _folders(root: str, skipped: _Skipped) -> Iterator[str]:
    """A directory and those below it, without hidden ones and links. The root of a pattern may be empty."""
    for folder, _ in _listings(root, skipped):
        yield folder


def _walk(root: str, skipped: _Skipped) -> Iterator[Source]:
    """The regular files below a directory, sorted, without hidden ones."""
    for _, entries in _listings(root, skipped):
        files = [entry.path for entry in entries if not entry.name.startswith(".") and _is_file(entry)]
        folders = sum(not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False) for entry in entries)
        skipped.passed_over += len(entries) - folders - len(files)
        yield from (Source(path, named=False) for path in files)


def _listings(root: str, skipped: _Skipped) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """A directory and those below it, each with its sorted entries, without hidden ones and links."""
    pending = [root]
    while pending:
        directory = pending.pop()
        try:
            with os.scandir(directory or ".") as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            skipped.problems.append(unreadable(directory, error_text(error)))
            continue
        skipped.walked.add(_identity(directory or "."))
        yield directory, entries
        visible = [entry for entry in entries if not entry.name.startswith(".")]
        names = {entry.name: os.path.join(directory, entry.name) for entry in visible}  # noqa: PTH118  # text
        pending += [names[e.name] for e in reversed(visible) if e.is_dir(follow_symlinks=False)]
        skipped.links += [names[e.name] for e in visible if e.is_symlink() and os.path.isdir(names[e.name])]  # noqa: PTH112


def _not_followed(skipped: _Skipped) -> list[SourceRead]:
    """The links to directories that were not walked under another name: what they hold is not read."""
    links = (link for link in dict.fromkeys(skipped.links) if _identity(link) not in skipped.walked)
    return [unreadable(link, "a link to a directory, not followed: name it as a source") for link in links]


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False


def _identity(name: str) -> Hashable:
    """Equal for two names of one file, which hard or symbolic links make."""
    if name == STDIN or is_url(name):
        return name
    try:
        stat = os.stat(name)  # noqa: PTH116  # creating a Path for each of 100,000 files takes longer than reading them
    except (OSError, ValueError):
        return name
    return stat.st_dev, stat.st_ino
