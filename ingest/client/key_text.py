"""Reads the API key out of a text as people keep it: the bare key, an env file, a shell script, JSON.

A text from which not exactly one key follows is refused with the reason. No reason repeats any part of the text.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING

from ingest.client.key_kinds import INFERENCE, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.client.key_kinds import KeyKind

LARGEST = 64 * 1024
"""Maximum bytes of a key file. A key has less than 100."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))
_QUOTES = tuple(
    (quotes[0], quotes[1])
    for quotes in ('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u00ab\u00bb")
)
_ASSIGNMENT = re.compile(
    r"""(?:-\s+)?(?:(?:export|set|setx|setenv|declare\s+-x)\s+)?(?:\$env:)?  # a list of YAML, and the shells' words
        (["']?)(?!bearer\b)(?P<name>[a-z_][\w.]*)\1(?:\s*[=:]\s*|\s+(?=\W*sk-))(?P<value>.*)""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_VALUE = ("#", ";", "//", "[", "---")
"""Beginnings of lines without a value: comments, and the headings of sections and documents."""

_VARIABLES = frozenset(kind.variable for kind in KINDS)

_COMMENT = re.compile(r"\s+(?:#|//).*")
_SCHEME = re.compile(r"Bearer\s+", re.IGNORECASE)


class NoKeyError(ValueError):
    """The text is not one key. The message gives the reason and repeats nothing of the text."""


def decode_key_text(data: bytes) -> str:
    """Decode the bytes of a key file: UTF-8, or UTF-16 and UTF-32 as other systems write them.

    Raises:
        NoKeyError: The bytes are no text, or too many.
    """
    if len(data) > LARGEST:
        raise NoKeyError(f"it is larger than {LARGEST // 1024} KiB, so it is not a key file")
    mark, encoding = next(((m, e) for m, e in _BOMS if data.startswith(m)), (b"", _encoding_without_mark(data)))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise NoKeyError("it is not text") from None
    if "\0" in text:
        raise NoKeyError("it is not text")
    return text


def key_in(text: str, kind: KeyKind = INFERENCE) -> str:
    """The one key of a kind in a text.

    A line is a bare key or an assignment such as ``export OPENROUTER_API_KEY="sk-or-…"``. Empty lines and comments are
    skipped. Of several assignments those to the variable of this kind count; without one, a value that begins with
    ``sk-or-`` and is not assigned to the variable of another kind.

    Returns:
        The key; empty if no line has a value.

    Raises:
        NoKeyError: More than one value may be the key, or none of them is.
    """
    bare, assigned = _values(text)
    if named := _distinct(value for name, value in assigned if name.upper() == kind.variable):
        if len(named) > 1:
            raise NoKeyError(f"it sets {kind.variable} to {len(named)} different values")
        return named[0]
    may_be = (value for name, value in assigned if name.upper() not in _VARIABLES)
    found = _distinct((*bare, *(value for value in may_be if value.lower().startswith("sk-or-"))))
    if len(found) > 1:
        raise NoKeyError(f"it has {len(found)} lines that may be the key")
    if not found and any(name.upper() != kind.variable for name, _ in assigned):
        raise NoKeyError(f"it does not set {kind.variable}, and no other value in it begins with sk-or-")
    return found[0] if found else ""


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, values)))


def _values(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The values that stand alone on a line, and those that have a name."""
    bare: list[str] = []
    assigned: list[tuple[str, str]] = []
    for line in _lines(text.translate(_INVISIBLE)):
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment and (assignment["name"].upper() in _VARIABLES or assignment["value"].strip("=")):
            assigned.append((assignment["name"], _bare(assignment["value"])))
        else:  # also a key that ends with =, as base64 does
            bare.append(_bare(line))
    return bare, assigned


def _lines(text: str) -> list[str]:
    """The lines that hold something; of a JSON document its strings, with their names."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, (dict, list)):
        return list(_members("", document))
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith(_NO_VALUE)]


def _members(name: str, document: object) -> Iterator[str]:
    """The strings in a JSON document, each as the line NAME=VALUE."""
    if isinstance(document, dict):
        for inner, value in document.items():
            yield from _members(inner, value)
    elif isinstance(document, list):
        for value in document:
            yield from _members(name, value)
    elif isinstance(document, str):
        yield f"{name or 'key'}={document}"


def _bare(value: str) -> str:
    """A value without quotes around it, a comment behind it, and the word Bearer before it, in any order."""
    before = None
    while value != before:
        before, value = value, _SCHEME.sub("", _unquoted(value), count=1)
    return value


def _unquoted(value: str) -> str:
    for left, right in _QUOTES:
        end = value.find(right, 1)
        if value.startswith(left) and end > 0 and _is_nothing(value[end + 1 :]):
            return value[1:end].strip()
    return _COMMENT.sub("", value).rstrip(";,").strip()


def _is_nothing(rest: str) -> bool:
    """Whether what follows a closing quote is only punctuation or a comment."""
    return not _COMMENT.sub("", rest).strip(" \t;,")


def _encoding_without_mark(data: bytes) -> str:
    """UTF-16 without a mark is told by the NUL beside each of a key's ASCII characters."""
    if data[1:2] == b"\0" and data[3:4] == b"\0" and data[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" and data[2:3] == b"\0" and data[1:2] not in (b"", b"\0") else "utf-8"
