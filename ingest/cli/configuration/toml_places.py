"""Finds where each key of a TOML text stands, which `tomllib` does not tell. The text has been read by it before."""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and the indexes of arrays."""

_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
    r"|[^,\]}#\n]*",
    re.DOTALL,
)


def places_of(text: str) -> dict[Keys, int]:
    """The offset at which each key, and each element of an array, first stands in a text that is valid TOML."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.places


class _Scanner:
    """Goes through the text once."""

    def __init__(self, text: str) -> None:
        self.places: dict[Keys, int] = {}
        self._text = text
        self._at = 0
        self._last: dict[Keys, int] = {}

    def scan(self) -> None:
        table: Keys = ()
        while self._skip_blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip_blank(self) -> bool:
        """Go to what follows blanks, comments and commas; False at the end."""
        self._take(_BLANK)
        return self._at < len(self._text)

    def _header(self) -> Keys:
        """``[a.b]`` or ``[[a.b]]``: the table that the pairs below it belong to."""
        is_element = self._text.startswith("[[", self._at)
        self._at += 1 + is_element
        *above, (name, offset) = self._dotted_key()
        table: Keys = ()
        for part, place in above:
            table = self._newest(self._noted((*table, part), place))
        table = self._noted((*table, name), offset)
        if is_element:
            self._last[table] = self._last.get(table, -1) + 1
            table = self._noted(self._newest(table), offset)
        self._at += 1 + is_element
        return table

    def _newest(self, keys: Keys) -> Keys:
        """The newest element of an array of tables; any other table itself."""
        return (*keys, self._last[keys]) if keys in self._last else keys

    def _pair(self, table: Keys) -> None:
        for part, offset in self._dotted_key():
            table = self._noted((*table, part), offset)
        self._at += 1  # the equals sign
        self._take(_SPACE)
        self._value(table)

    def _dotted_key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._take(_SPACE)
            offset = self._at
            part = self._take(_KEY_PART)
            parts.append((_unquoted(part), offset))
            self._take(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, keys: Keys) -> None:
        opening = self._text[self._at]
        if opening not in "[{":
            self._take(_SCALAR)
            return
        self._at += 1
        index = 0
        while self._skip_blank() and self._text[self._at] not in "]}":
            if opening == "{":
                self._pair(keys)
            else:
                self._value(self._noted((*keys, index), self._at))
                index += 1
        self._at += 1

    def _noted(self, keys: Keys, offset: int) -> Keys:
        self.places.setdefault(keys, offset)
        return keys

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            raise ValueError(f"not TOML at offset {self._at}")
        self._at = found.end()
        return found[0]


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    [name] = tomllib.loads(f"{part} = 0")
    return name
