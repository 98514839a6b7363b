"""Finds the lines of a JSON document that is printed over several lines, from one line in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

FARTHEST_BACK = 256 * 1024
"""Bytes before a line that are searched for the beginning of its document."""

_PART = re.compile(rb'\s*+"(?:[^"\\]++|\\.)*+"\s*+(?::|,?\s*\Z)')
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")
_BEFORE_A_MEMBER = (b",", *_OPENING)
_BEGINNINGS = (b'"', *_OPENING, *_CLOSING)
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


class Lines(NamedTuple):
    """The lines of the outermost documents around a line.

    Attributes:
        whole: Where the lines of the outermost one that ends in the data begin and end; None if there is none.
        unfinished: Where an outer one begins that does not end in the data; None if there is none.
    """

    whole: tuple[int, int] | None
    unfinished: int | None


def is_part(line: bytes) -> bool:
    """Whether a line looks like a member of a document that is printed over several lines."""
    return line.lstrip()[:1] == b'"' and _PART.match(line) is not None


def find_lines(data: bytes | bytearray, first: int, at: int, end: int) -> Lines:
    """The lines of the documents around a line that `is_part`, within `FARTHEST_BACK`.

    Args:
        data: Whole lines.
        first: Where to stop looking back: the beginning of a line.
        at: Where the line begins.
        end: Where the data ends.
    """
    unfinished = None
    for begin, bracket in reversed(list(_brackets_before(data, max(first, at - FARTHEST_BACK), at))):
        text = data[bracket:end].decode("utf-8", "replace")
        try:
            _, length = _DECODER.raw_decode(text)
        except json.JSONDecodeError as error:
            if unfinished is None and (error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")):
                unfinished = begin
        except (ValueError, RecursionError):
            continue
        else:
            closed = bracket + len(text[:length].encode())
            line_end = data.find(b"\n", closed - 1, end)
            if closed > at:
                return Lines((begin, end if line_end < 0 else line_end), unfinished)
    return Lines(None, unfinished)


def unfinished_at(data: bytes | bytearray, first: int, end: int) -> int | None:
    """Where the lines of the outermost document begin that goes on after the end of some lines; None if none does."""
    brackets = list(_brackets_before(data, max(first, end - FARTHEST_BACK), end))
    return brackets[-1][0] if brackets else None


def _brackets_before(data: bytes | bytearray, first: int, at: int) -> Iterator[tuple[int, int]]:
    """The brackets that are open at a line, innermost first: where the line of each begins, and where it is itself."""
    closed, is_closing = 0, False
    while at > first:
        begin = data.rfind(b"\n", first, at - 1) + 1 or first
        line = bytes(data[begin : at - 1]).rstrip()
        begins, ends = line.lstrip()[:1], line[-1:]
        if not (is_closing or ends in _BEFORE_A_MEMBER):
            return
        is_closing = begins in _CLOSING
        closed += is_closing
        if ends in _OPENING and closed:
            closed -= 1
        elif ends in _OPENING:
            yield begin, begin + len(line) - 1
        if begins not in _BEGINNINGS:
            return
        at = begin
