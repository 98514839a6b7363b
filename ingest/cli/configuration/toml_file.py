"""One configuration file: its tables, and errors that name file, line and column."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ingest.cli.configuration.toml_places import Keys, places_of
from ingest.core.errors import ConfigurationError
from ingest.core.masking import is_like_a_key

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 2**20
"""Bytes; no configuration is larger."""

_BYTE_ORDER_MARK = "\ufeff"
_PLACE = re.compile(r"(.*?)\s*\(at (?:line (\d+), column (\d+)|end of document)\)")


@dataclass(frozen=True)
class TomlFile:
    """A configuration file that was read.

    Attributes:
        path: The file, as it was named.
        text: Its text.
        values: Its tables. Numbers with a point are exact decimals.
    """

    path: Path
    text: str
    values: dict[str, Any]

    def place(self, keys: Keys) -> str:
        """``FILE:LINE:COLUMN`` of a key; of the table that holds it if the key itself stands nowhere."""
        while keys and keys not in self._places:
            keys = keys[:-1]
        return _place(self.path, self.text, self._places.get(keys, 0))

    def problem(self, keys: Keys, what: str, *, cause: str, fix: str) -> ConfigurationError:
        """An error about a key."""
        return ConfigurationError(f"{self.place(keys)}: {what}", cause=cause, fix=fix)

    @cached_property
    def _places(self) -> dict[Keys, int]:
        return places_of(self.text)


def read_toml(path: Path) -> TomlFile:
    """Read a file.

    Raises:
        ConfigurationError: it cannot be read, is no TOML, or holds what may be a key.
    """
    text = _decoded(path, _content(path)).removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n")
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except RecursionError:
        raise _unreadable(path, "its arrays or tables are nested too deeply") from None
    except ValueError as error:  # also a number of too many digits
        raise _not_toml(path, text, str(error)) from None
    file = TomlFile(path, text, values)
    _refuse_secrets(file, values, ())
    return file


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from None
    if len(content) > LARGEST:
        raise _unreadable(path, f"it is larger than {LARGEST // 2**20} MiB")
    return content


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode(errors="replace")) + 1
        raise ConfigurationError(
            f"{path}:{line}:{column}: the configuration cannot be read",
            cause="it is not UTF-8",
            fix="save the file as UTF-8",
        ) from None


def _unreadable(path: Path, cause: str) -> ConfigurationError:
    return ConfigurationError(
        f"the configuration {path} cannot be read",
        cause=cause,
        fix="name a readable TOML file after --config; `orusage config init` writes one",
    )


def _not_toml(path: Path, text: str, message: str) -> ConfigurationError:
    found = _PLACE.fullmatch(message)
    offset = len(text.rstrip()) if found and not found[2] else 0
    place = f"{path}:{found[2]}:{found[3]}" if found and found[2] else _place(path, text, offset)
    return ConfigurationError(
        f"{place}: the configuration is not TOML",
        cause=_reason(found[1] if found else message),
        fix='write key = "value", numbers and true or false without quotes, and tables as [name]',
    )


def _reason(message: str) -> str:
    """A message of tomllib as a clause."""
    return message[:1].lower() + message[1:] if not message[:2].isupper() else message


def _place(path: Path, text: str, offset: int) -> str:
    return f"{path}:{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"


def _refuse_secrets(file: TomlFile, value: Any, keys: Keys) -> None:
    """Refuse an API key anywhere in the file: files are copied, committed and backed up."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_key(file, name, (*keys, name))
            if name in ("api_key", "management_key"):
                raise _secret(file, (*keys, name))
            _refuse_secrets(file, inner, (*keys, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_secrets(file, inner, (*keys, index))
    elif isinstance(value, str):
        _refuse_key(file, value, keys)


def _refuse_key(file: TomlFile, text: str, keys: Keys) -> None:
    if is_like_a_key(text):
        raise _secret(file, keys)


def _secret(file: TomlFile, keys: Keys) -> ConfigurationError:
    kind = "management_key" if any(str(key).startswith("management") for key in keys) else "api_key"
    return file.problem(
        keys,
        "a key may not stand in the configuration",
        cause="the file would be copied, committed and backed up with it",
        fix=f'name where it is: {kind}_file = "PATH", {kind}_command = "COMMAND" or {kind}_env = "VARIABLE"',
    )
