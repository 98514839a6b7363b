"""The API key: where it is found, and a type that masks it in every text."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.client.errors import InvalidRequestError
from ingest.core.errors import KeyRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

CREDENTIAL = "openrouter_api_key"
"""Name of the key's file in ``$CREDENTIALS_DIRECTORY``, the directory of systemd's credentials."""

VISIBLE = 4
"""Number of the last characters that a masked key shows."""

log = logging.getLogger("orusage")

_SHORTEST_SHOWN = 16
_COMMAND_SECONDS = 30


class ApiKey:
    """An API key that prints as ``sk-or-…a1b2``.

    Args:
        secret: The key.
        origin: Where it was found, for error messages.

    Raises:
        KeyRefusedError: The key is empty, or not printable ASCII. (httpx repeats such a value in its own error.)
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str, origin: str) -> None:
        if not isinstance(secret, str):  # a function of the user may return None
            raise _missing(f"{origin} holds no text")
        secret = secret.strip()
        if not secret:
            raise _missing(f"{origin} holds no key")
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise KeyRefusedError(
                "the API key cannot be used",
                cause=f"the value from {origin} is not one line of printable ASCII",
                fix="copy the key again from https://openrouter.ai/settings/keys, without quotes or line breaks",
            )
        self._secret = secret

    def reveal(self) -> str:
        """The key in clear text, for the Authorization header only."""
        return self._secret

    def masked_in(self, text: bytes) -> bytes:
        """The text with the key masked; a key too short to be real is not masked, because any text may contain it."""
        return text.replace(self._secret.encode(), b"[masked]") if len(self._secret) >= _SHORTEST_SHOWN else text

    def __str__(self) -> str:
        return f"sk-or-…{self._secret[-VISIBLE:]}" if len(self._secret) >= _SHORTEST_SHOWN else "…"

    def __repr__(self) -> str:
        return f"<ApiKey {self}>"


def load_key(file: Path | None = None, command: str | None = None) -> ApiKey:
    """Find the key: in the file, else from the command, else in the environment, else in systemd's credentials.

    Args:
        file: A file that contains only the key.
        command: A command that prints the key.

    Raises:
        KeyRefusedError: No key was found, or the value found cannot be a key.
    """
    if file is not None:
        key = ApiKey(_read(file), str(file))
        _warn_if_readable_by_others(file)
        return key
    if command is not None:
        return ApiKey(_output_of(command), "--api-key-command")
    if secret := os.environ.get("OPENROUTER_API_KEY"):
        return ApiKey(secret, "OPENROUTER_API_KEY")
    if directory := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory, CREDENTIAL)
        if credential.is_file():
            return ApiKey(_read(credential), "$CREDENTIALS_DIRECTORY")
    raise _missing("OPENROUTER_API_KEY is not set, and no --api-key-file or --api-key-command was given")


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
        raise InvalidRequestError(f"{error.what}: {error.cause}") from None


def _missing(cause: str) -> KeyRefusedError:
    return KeyRefusedError(
        "no API key",
        cause=cause,
        fix="export OPENROUTER_API_KEY=sk-or-…, or try `orusage demo`, which needs none",
    )


def _warn_if_readable_by_others(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("other users can read %s: protect it with chmod 600", file)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError(
            f"the key file {file} cannot be read",
            cause=error.strerror if isinstance(error, OSError) and error.strerror else "it is not text",
            fix="name a readable file that contains only the key",
        ) from None


def _output_of(command: str) -> str:
    """What the command prints. Its output and its errors are not repeated, because they may contain the key."""
    try:
        done = subprocess.run(  # noqa: S603  # running the user's own command is what the option is for
            shlex.split(command), check=True, capture_output=True, text=True, timeout=_COMMAND_SECONDS
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise KeyRefusedError(
            "the key command failed",
            cause=f"{type(error).__name__} while running --api-key-command",
            fix="run the command by hand: it must print the key and exit 0",
        ) from None
    return done.stdout
