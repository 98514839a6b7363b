"""The API key: where it is found, and a type that masks it in every text."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.client.errors import InvalidRequestError
from ingest.client.key_kinds import INFERENCE, MANAGEMENT
from ingest.client.key_sources import output_of, read_key_file, shown_path
from ingest.client.key_text import NoKeyError, decode_key_text, key_in
from ingest.core.errors import KeyRefusedError
from ingest.core.masking import keep_masked, mask_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.client.key_kinds import KeyKind
    from ingest.client.key_sources import KeyPlace

VISIBLE = 4
"""Number of the last characters that a masked key shows."""

log = logging.getLogger("orusage")

_SHORTEST_SHOWN = 16
_OPTIONS = ", and no --"


class ApiKey:
    """An API key that prints as ``sk-or-…a1b2``.

    Args:
        secret: The key.
        origin: Where it was found, for error messages.
        kind: What it should be, for error messages.

    Raises:
        KeyRefusedError: The key is empty, or not printable ASCII. (httpx repeats such a value in its own error.)
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str, origin: str, kind: KeyKind = INFERENCE) -> None:
        if not isinstance(secret, str):  # a function of the user may return None
            raise _missing(f"{origin} holds no text", kind)
        secret = secret.strip()
        if not secret:
            raise _missing(f"{origin} holds no key", kind)
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise KeyRefusedError(
                f"the {kind.name} cannot be used",
                cause=f"the value from {origin} is not one line of printable ASCII",
                fix=f"copy the key again from {kind.page}, without quotes or line breaks",
            )
        self._secret = secret

    def reveal(self) -> str:
        """The key in clear text, for the Authorization header only."""
        return self._secret

    def masked_in(self, text: bytes) -> bytes:
        """The text with the key masked, also where it is escaped; one too short to be real may be part of any text."""
        return mask_in(text, self._secret)

    def __str__(self) -> str:
        return f"sk-or-…{self._secret[-VISIBLE:]}" if len(self._secret) >= _SHORTEST_SHOWN else "…"

    def __repr__(self) -> str:
        return f"<ApiKey {self}>"


def load_key(file: Path | None = None, command: str | None = None) -> ApiKey:
    """Find the key: in the file, else from the command, else in the environment, else in systemd's credentials.

    The key is masked in all messages of this process from then on.

    Args:
        file: A file that contains the key, bare or as in an env file (see `ingest.client.key_text`).
        command: A command that prints the key.

    Raises:
        KeyRefusedError: No key was found, or the value found cannot be a key.
    """
    return _load(INFERENCE, file, command)


def load_management_key(file: Path | None = None, command: str | None = None) -> ApiKey:
    """Find the management key in the same places, under its own names. Raises as `load_key`."""
    return _load(MANAGEMENT, file, command)


def load_key_from(place: KeyPlace, kind: KeyKind) -> ApiKey:
    """The key in one place; no other is looked in. Raises as `load_key`."""
    if place.file is None and place.command is None:
        secret = os.environ.get(place.variable or "")
        if not secret:
            raise _missing(f"{place.variable} is not set", kind)
        key = _key_of(kind, os.fsencode(secret), place.variable or "")
        keep_masked(key.reveal())
        return key
    return _load(kind, place.file, place.command)


def _load(kind: KeyKind, file: Path | None, command: str | None) -> ApiKey:
    key = _find(kind, file, command)
    keep_masked(key.reveal())
    return key


def _find(kind: KeyKind, file: Path | None, command: str | None) -> ApiKey:
    if file is not None:
        key = _key_of(kind, read_key_file(file, kind), shown_path(file, kind))
        _warn_if_readable_by_others(file, kind)
        return key
    if command is not None:
        return _key_of(kind, output_of(command, kind), kind.command_option)
    if secret := os.environ.get(kind.variable):
        return _key_of(kind, os.fsencode(secret), kind.variable)
    if directory := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory, kind.credential)
        if credential.is_file():
            return _key_of(kind, read_key_file(credential, kind), "$CREDENTIALS_DIRECTORY")
    raise _missing(f"{kind.variable} is not set, and no {kind.file_option} or {kind.command_option} was given", kind)


def _key_of(kind: KeyKind, text: bytes, origin: str) -> ApiKey:
    """The one key in a text as people keep it; its content is not repeated in errors."""
    try:
        return ApiKey(key_in(decode_key_text(text), kind), origin, kind)
    except NoKeyError as reason:
        raise KeyRefusedError(
            f"the {kind.name} cannot be used",
            cause=f"{origin}: {reason}",
            fix=f"keep only the key there, or one line {kind.variable}=sk-or-…",
        ) from None


def key_source(api_key: str | ApiKey | Callable[[], str | ApiKey] | None) -> Callable[[], ApiKey]:
    """The function that each call gets the key from. A key that is given is checked at once.

    Args:
        api_key: The key, or a function that returns it; None: `load_key`.

    Raises:
        InvalidRequestError: The value given cannot be a key. The returned function raises it too.
    """
    if api_key is None:
        return lambda: _found(load_key)
    if callable(api_key):
        return lambda: _found(lambda: _as_key(api_key()))
    key = _found(lambda: _as_key(api_key))
    return lambda: key


def _as_key(value: str | ApiKey) -> ApiKey:
    return value if isinstance(value, ApiKey) else ApiKey(value, "api_key")


def _found(find: Callable[[], ApiKey]) -> ApiKey:
    """The key, with the client's own error if there is none."""
    try:
        return find()
    except KeyRefusedError as error:
        cause = error.cause.partition(_OPTIONS)[0]
        advice = "" if cause == error.cause else ", and api_key= was not given"
        raise InvalidRequestError(f"{error.what}: {cause}{advice}") from None


def _missing(cause: str, kind: KeyKind) -> KeyRefusedError:
    return KeyRefusedError(f"no {kind.name}", cause=cause, fix=kind.advice)


def _warn_if_readable_by_others(file: Path, kind: KeyKind) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("other users can read %s: protect it with chmod 600", shown_path(file, kind))
