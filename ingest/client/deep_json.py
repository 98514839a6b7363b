"""Reads JSON that is nested more deeply than decoders go: splits an object or a list without reading its values."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 500
"""Levels up to which a value is kept as JSON. Programs that read it later fail at about a thousand."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\],]', re.DOTALL)
_MEMBER = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:(.*)', re.DOTALL)
_CLOSING = {b"{": b"}", b"[": b"]"}

_check = msgspec.json.Decoder(msgspec.Raw).decode
_decode_name = msgspec.json.Decoder(str).decode


def split_object(text: bytes) -> dict[str, msgspec.Raw]:
    """The fields of an object, each as its JSON text. Only values that decoders can read are checked.

    Raises:
        msgspec.DecodeError: It is not an object, its brackets do not match, or a value is not JSON.
    """
    fields = {}
    for part in _split(text, b"{"):
        if not (member := _MEMBER.fullmatch(part)):
            _refuse()
        fields[_decode_name(member[1])] = _checked(member[2])
    return fields


def split_list(text: bytes) -> list[msgspec.Raw]:
    """The entries of a list in the same way. Raises as `split_object`."""
    return [_checked(part) for part in _split(text, b"[")]


def is_too_deep(text: bytes) -> bool:
    """Whether a JSON text has more than `DEEPEST` levels."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    level = 0
    for token in _TOKEN.finditer(text):
        level += (token[0] in _CLOSING) - (token[0] in b"}]")
        if level > DEEPEST:
            return True
    return False


def _split(text: bytes, opening: bytes) -> Iterator[bytes]:
    """The texts between the commas of an object or a list."""
    text = text.strip(b" \t\r\n")
    if not text.startswith(opening):
        _refuse()
    open_brackets: list[bytes] = []
    begin, has_part = 1, False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _CLOSING:
            open_brackets.append(mark)
        elif mark == b'"' or (mark in b"}]" and (not open_brackets or _CLOSING[open_brackets.pop()] != mark)):
            _refuse()  # a text without an end, or a bracket without a beginning
        at_top = len(open_brackets) == 1
        if (mark == b"," and at_top) or (mark in b"}]" and not open_brackets):
            part = text[begin : token.start()]
            has_part |= bool(part.strip()) or mark == b","
            if has_part:
                yield part
            begin = token.end()
    if open_brackets or begin != len(text):
        _refuse()


def _checked(value: bytes) -> msgspec.Raw:
    with suppress(RecursionError):
        _check(value)
    return msgspec.Raw(value.strip(b" \t\r\n"))


def _refuse() -> NoReturn:
    raise msgspec.DecodeError("not JSON, or not of the expected type")
