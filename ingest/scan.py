"""Sources in, sightings out: finds generation IDs in any text, and nothing that only looks like one.

A source is read in blocks of bytes and searched with one expression; no line, format or encoding is assumed, and
memory does not grow with lines or files.
"""

from __future__ import annotations

import bz2
import errno
import glob
import gzip
import hashlib
import lzma
import os
import re
import sys
import zlib
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ingest.errors import NoInputError
from ingest.generation_id import LEGACY, LONGEST, TODAY, is_plausible, second_of
from ingest.models import Chunk, Sighting, SourceRead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from io import BufferedReader

BLOCK = 1024 * 1024
"""Bytes read at a time."""

HEAD = 4096
"""Bytes that tell text from binary data and make a source's fingerprint."""

CHUNK = 50_000
"""Sightings stored together: well below the 122,880 rows from which DuckDB writes before a commit."""

REMEMBERED = 50_000
"""IDs of one source whose repetitions are passed over; a stream repeats its ID on every chunk."""

STDIN = "-"

_ID = re.compile(f"(?:{TODAY}|{LEGACY})".encode())
_CONTEXT = 64
"""Bytes before an ID that tell what it is glued to; the longest colour is a 24-bit one on a 24-bit one."""
_GLUED = re.compile(
    rb"""(?: %[0-9A-Fa-f]{2}                                             # URL: %22gen-
           | \\[abefnrtv]                                                # escaped text: \ngen-
           | \\u[0-9A-Fa-f]{4} | \\x[0-9A-Fa-f]{2} | \\[0-7]{3}          # escaped by number
           | (?: \x1b | \\u001[bB] | \\x1[bB] | \\033 | \\e) \[ [0-9;]* [mK]  # colour
         )\Z""",
    re.VERBOSE,
)
_ALPHANUMERIC = re.compile(rb"[0-9A-Za-z]\Z")
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE = 0.05

_OPENERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda raw: cast("BinaryIO", gzip.open(raw)),
    b"BZh": lambda raw: cast("BinaryIO", bz2.open(raw)),
    b"\xfd7zXZ\x00": lambda raw: cast("BinaryIO", lzma.open(raw)),
}
_ZSTD = b"\x28\xb5\x2f\xfd"
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read.

    Attributes:
        name: A file's path as the user would write it, or ``-`` for standard input.
        named: Whether the user named this very file; one that was only found in a directory may be passed over.
    """

    name: str
    named: bool = True

    @property
    def label(self) -> str:
        """The name as text that can be stored: a file's name may be bytes that are no UTF-8."""
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
    """Turn files, directories, globs and ``-`` into sources; a directory is walked in sorted order."""
    sources: dict[str, Source] = {}
    problems: list[SourceRead] = []
    passed_over = 0
    for argument in arguments:
        try:
            found, others = _expand_one(argument, problems)
        except OSError as error:
            problems.append(unreadable(argument, error.strerror or str(error)))
            continue
        passed_over += others
        for source in found:
            key = STDIN if source.name == STDIN else os.path.realpath(source.name)
            known = sources.setdefault(key, source)
            sources[key] = replace(known, named=known.named or source.named)
    return Expansion(tuple(sources.values()), tuple(problems), passed_over)


def _label(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


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
            cause="; ".join(f"{ascii(r.source)[1:-1]}: {r.problem}" for r in reads[:3]),
            fix="name readable log files, directories or globs, or - for standard input",
        )


def _expand_one(argument: str, problems: list[SourceRead]) -> tuple[list[Source], int]:
    """The files an argument stands for, and how many others were met; what stands for nothing is a problem."""
    path = Path(argument)
    if argument == STDIN:
        return [Source(STDIN)], 0
    if argument and path.is_dir():  # an unset variable of the shell would be the current directory
        return _walk(path, problems)
    if argument and path.exists():
        return [Source(argument)], 0
    matches = glob.glob(argument, recursive=True)  # noqa: PTH207  # patterns may be absolute and hold **
    files = sorted(m for m in matches if not Path(m).is_dir())
    if not files:
        is_pattern = glob.has_magic(argument)
        problems.append(unreadable(argument, "no file matches" if is_pattern else "no such file or directory"))
    return [Source(f) for f in files], 0


def _walk(root: Path, problems: list[SourceRead]) -> tuple[list[Source], int]:
    """The regular files below a directory; a directory that cannot be entered is a problem."""
    files: list[Source] = []
    passed_over = 0
    for directory, folders, names in os.walk(root, onerror=lambda error: problems.append(_not_entered(error))):
        shown = [n for n in (*folders, *names) if not n.startswith(".")]
        passed_over += len(folders) + len(names) - len(shown)
        folders[:] = sorted(f for f in folders if f in shown and not Path(directory, f).is_symlink())
        sources = [Path(directory, n) for n in sorted(shown) if n not in folders]
        files += [Source(str(p), named=False) for p in sources if p.is_file()]
        passed_over += sum(not p.is_file() for p in sources)
    return files, passed_over


def _not_entered(error: OSError) -> SourceRead:
    return unreadable(str(error.filename), error.strerror or str(error))


class Scan:
    """One source being read: iterate for its sightings, then see `result`.

    Args:
        source: What to read.
        now: The wall clock; an ID whose second lies more than a day ahead is a look-alike.
    """

    def __init__(self, source: Source, now: datetime) -> None:
        self._source = source
        self._label = source.label
        self._now = now
        self._bytes = 0
        self._sightings = 0
        self._complete = False
        self._problem: str | None = None
        self._head = b""
        self._size: int | None = None
        self._is_binary = False

    @property
    def result(self) -> SourceRead:
        """How far the reading has come, and what was wrong."""
        return SourceRead(
            self._label,
            self._bytes,
            self._sightings,
            self._complete,
            self._problem,
            hashlib.sha256(self._head).hexdigest() if self._head else None,
            self._size,
            passed_over=self._is_binary and not self._source.named,
        )

    def __iter__(self) -> Iterator[Sighting]:
        recent: set[str] = set()
        for found, position in find_ids(self._blocks()):
            generation_id = found.decode("ascii")
            if generation_id in recent or not is_plausible(second_of(generation_id), self._now):
                continue
            if len(recent) >= REMEMBERED:
                recent.clear()
            recent.add(generation_id)
            self._sightings += 1
            yield Sighting(generation_id, self._label, position)

    def _blocks(self) -> Iterator[bytes]:
        """The source's text; what goes wrong ends it and is told in `result`, so nothing read before is lost."""
        try:
            with _opened(self._source.name) as stream:
                self._size = None if self._source.name == STDIN else Path(self._source.name).stat().st_size
                while block := stream.read1(BLOCK):  # type: ignore[attr-defined]  # one read: an error loses no data
                    self._head += block[: HEAD - len(self._head)]
                    if not self._bytes and not self._is_text():
                        return
                    self._bytes += len(block)
                    yield block
            self._complete = True
        except EOFError:
            self._problem = "truncated: the archive ends in the middle"
        except _BROKEN as error:
            self._problem = (error.strerror if isinstance(error, OSError) else None) or f"corrupt: {error}"

    def _is_text(self) -> bool:
        self._is_binary = looks_binary(self._head)
        self._problem = "binary, not text" if self._is_binary else None
        return not self._is_binary


def scan_all(expansion: Expansion, now: datetime, size: int = CHUNK) -> Iterator[Chunk]:
    """Everything that sources hold, in chunks of at most `size` sightings; the last of each source tells how it was."""
    for problem in expansion.problems:
        yield Chunk((), problem)
    for source in expansion.sources:
        scan = Scan(source, now)
        sightings = iter(scan)
        while len(chunk := tuple(islice(sightings, size))) == size:
            yield Chunk(chunk)
        yield Chunk(chunk, scan.result)


def find_ids(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Every generation ID in a stream of blocks, with its offset in bytes, in order.

    An ID may lie across blocks: the end of each window is searched again with the block that follows.
    """
    window, start, searched = b"", 0, 0
    for block, is_last in _mark_last(blocks):
        window += block
        end = len(window) if is_last else len(window) - LONGEST
        for match in _ID.finditer(window, searched):
            if match.start() >= end:
                break
            searched = match.end()
            if _stands_alone(window, match.start()):
                yield match[0], start + match.start()
        searched = max(searched, end, 0)
        keep = max(searched - _CONTEXT, 0)
        window, start, searched = window[keep:], start + keep, searched - keep


def _mark_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for block in blocks:
        yield block, False
    yield b"", True


def _stands_alone(window: bytes, position: int) -> bool:
    """Whether the ID is not the tail of a longer word; an escape before it is no part of a word."""
    before = window[max(position - _CONTEXT, 0) : position]
    return not _ALPHANUMERIC.search(before) or _GLUED.search(before) is not None


def looks_binary(head: bytes) -> bool:
    """Whether a source that begins so is no text. Leading NULs are a log's that was truncated while written to."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_at_the_end = error.start >= len(head) - 3  # an incomplete character, because the head ends there
        return not cut_at_the_end and len(_CONTROL.findall(head)) > _CONTROL_SHARE * len(head)
    return False


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The source's text, decompressed if its first bytes say that it is compressed."""
    with nullcontext(cast("BufferedReader", sys.stdin.buffer)) if name == STDIN else Path(name).open("rb") as raw:
        magic = raw.peek(max(map(len, _OPENERS)))
        if magic.startswith(_ZSTD):
            raise OSError(errno.ENOTSUP, "zstd archives are not read yet")
        opener = next((o for m, o in _OPENERS.items() if magic.startswith(m)), None)
        if opener is None:
            yield raw
        else:
            with opener(raw) as stream:
                yield stream
