"""Joins IDs that a line end cuts: wrapped by a terminal, by quoted-printable, or by the runtime of a container."""

from __future__ import annotations

import re

from ingest.core.generation_id import FORMS, TAG

_LINE_END = r'(?==?[ \t]*\r?\n|[ \t]+[^\s]{1,60}:[0-9]{1,6}[ \t]*\r?\n|","(?:attrs|stream)":)'
"""Regular expression of where a piece ends. Rich prints a source line beside it; Docker keeps lines in JSON."""

CUT = rf"(?:(?!gen-)[0-9A-Za-z-]){{0,47}}+{_LINE_END}"
"""Regular expression of what follows ``gen-`` where a line ends within an ID."""

LINES = 50
"""Lines that are searched for the next piece of a container's line: those of another stream may lie between."""

LAST_LINES = 4096
"""Bytes at the end of a window in which an ID may be cut that continues in the next."""

_REST = re.compile(rb"-1[67][0-9]{8}-(?<!gen-1[67][0-9]{8}-)")
"""The second of an ID that does not follow ``gen``: perhaps an ID that is cut within it."""

_CUT_IN_GEN = re.compile(rf"g(?<![0-9A-Za-z]g)(?:en?)?{_LINE_END}".encode())
_OPEN = re.compile(rf"gen-(?!{FORMS}){CUT}|{_CUT_IN_GEN.pattern.decode()}".encode())

_WHOLE = re.compile(f"gen-{FORMS}".encode())
_CONVINCING = re.compile(f"gen-{TAG}(?:16[7-9]|1[7-9][0-9])[0-9]".encode())
_PIECE = re.compile(rb"[0-9A-Za-z-]{1,48}")
_CRI = re.compile(rb"[0-9T:.Z+-]{20,40} (stdout|stderr) ([FP])(?::[^ \n]*)? ")
_DOCKER = b'{"log":"'
_STREAM = re.compile(rb'","(?:attrs":\{[^\n]*?\},")?stream":"([a-z]+)"')
_WRAP = re.compile(rb"=\r?\n|(?:[ \t]+[^\s]{1,60}:[0-9]{1,6})?[ \t]*\r?\n[ \t]+")


def joined(buffer: bytearray, place: int, cut: bytes, limit: int) -> bytes | None:
    """The whole ID that begins at a place in a buffer; None if what follows the cut does not fit.

    Args:
        buffer: The text.
        place: Where the ID begins.
        cut: The ID up to the end of its line.
        limit: Where the text ends.
    """
    text, at = cut, place + len(cut)
    for _ in range(4):
        begin = _next_piece(buffer, at, limit)
        piece = _PIECE.match(buffer, begin, limit) if begin else None
        if not piece:
            return None
        text, at = text + piece[0], piece.end()
        if whole := _WHOLE.match(text):
            return whole[0]
    return None


def cut_in_gen(buffer: bytearray, limit: int) -> list[tuple[int, bytes]]:
    """The places and texts of the IDs that a line end cuts within ``gen-``, joined; those that do not fit are none."""
    if not _REST.search(buffer, 0, limit):
        return []
    cuts = ((cut.start(), cut[0]) for cut in _CUT_IN_GEN.finditer(buffer, 0, limit))
    return [(place, whole) for place, cut in cuts if (whole := joined(buffer, place, cut, limit))]


def end_of_closed_lines(buffer: bytearray, begin: int, end: int) -> int:
    """Where the last line begins in which an ID is cut that may continue behind `end`; `end` if there is none.

    Args:
        buffer: The text.
        begin: Where its first line begins.
        end: Where its last line ends.
    """
    cut = _OPEN.search(buffer, max(begin, end - LAST_LINES), end)
    return buffer.rfind(b"\n", begin, cut.start()) + 1 or begin if cut else end


def is_convincing(cut: bytes) -> bool:
    """Whether the beginning of an ID is one beyond doubt: it has the first digits of a possible second."""
    return _CONVINCING.match(cut) is not None


def _next_piece(buffer: bytearray, at: int, limit: int) -> int | None:
    """Where the text continues that is cut at a place; None if nothing says that it does."""
    line = buffer.rfind(b"\n", 0, at) + 1
    if header := _CRI.match(buffer, line, at):
        return _next_of_cri(buffer, at, limit, header[1]) if header[2] == b"P" else None
    if buffer.startswith(_DOCKER, line, at):
        stream = _STREAM.match(buffer, at, limit)
        return _next_of_docker(buffer, at, limit, stream[1]) if stream else None
    wrap = _WRAP.match(buffer, at, limit)
    return wrap.end() if wrap else None


def _next_of_cri(buffer: bytearray, at: int, limit: int, stream: bytes) -> int | None:
    for line in _next_lines(buffer, at, limit):
        header = _CRI.match(buffer, line, limit)
        if header and header[1] == stream:
            return header.end()
    return None


def _next_of_docker(buffer: bytearray, at: int, limit: int, stream: bytes) -> int | None:
    for line in _next_lines(buffer, at, limit):
        end = buffer.find(b"\n", line, limit)
        other = _STREAM.search(buffer, line, limit if end < 0 else end)
        if buffer.startswith(_DOCKER, line) and other and other[1] == stream:
            return line + len(_DOCKER)
    return None


def _next_lines(buffer: bytearray, at: int, limit: int) -> list[int]:
    """Where the next lines begin."""
    lines: list[int] = []
    while len(lines) < LINES and (at := buffer.find(b"\n", at, limit) + 1):
        lines.append(at)
    return lines
