"""The API key: where it comes from, and a value that never shows itself."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import subprocess
from pathlib import Path

from ingest.core.errors import KeyRefusedError

CREDENTIAL = "openrouter_api_key"
"""Name of the key's file in systemd's ``$CREDENTIALS_DIRECTORY``."""

VISIBLE = 4
"""Last characters shown when a key is masked."""

log = logging.getLogger("orusage")

_SHORTEST_SHOWN = 16
_COMMAND_SECONDS = 30


class ApiKey:
    """A bearer key that prints as ``sk-or-…a1b2``.

    Raises:
        KeyRefusedError: it is empty, or not printable ASCII. (An HTTP library would repeat such a value in its error.)
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str, origin: str) -> None:
        if not isinstance(secret, str):  # a function of the user's own may have found none
            raise _missing(f"{origin} holds no text")
        secret = secret.strip()
        if not secret:
            raise _missing(f"{origin} holds no key")
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise KeyRefusedError(
                "the API key cannot be used",
                cause=f"what {origin} holds is not one line of printable ASCII",
                fix="copy the key again from https://openrouter.ai/settings/keys, without quotes or line breaks",
            )
        self._secret = secret

    def reveal(self) -> str:
        """The key itself, for the Authorization header only."""
        return self._secret

    def masked_in(self, text: bytes) -> bytes:
        """The same text without the key; one too short to be a real key is left, for it may be any word."""
        return text.replace(self._secret.encode(), b"[masked]") if len(self._secret) >= _SHORTEST_SHOWN else text

    def __str__(self) -> str:
        return f"sk-or-…{self._secret[-VISIBLE:]}" if len(self._secret) >= _SHORTEST_SHOWN else "…"

    def __repr__(self) -> str:
        return f"<ApiKey {self}>"


def load_key(file: Path | None = None, command: str | None = None) -> ApiKey:
    """Find the key: the named file, else the command, else the environment, else systemd's credentials.

    Args:
        file: A file that holds nothing but the key.
        command: A command line that prints the key.

    Returns:
        The key.

    Raises:
        KeyRefusedError: there is none, or what was found cannot be one.
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


def _missing(cause: str) -> KeyRefusedError:
    return KeyRefusedError(
        "no API key",
        cause=cause,
        fix="export OPENROUTER_API_KEY=sk-or-…, or try `orusage demo`, which needs none",
    )


def _warn_if_readable_by_others(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("%s can be read by others than its owner: chmod 600 it", file)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError(
            f"the key file {file} cannot be read",
            cause=error.strerror if isinstance(error, OSError) and error.strerror else "it is not text",
            fix="name a readable file that holds nothing but the key",
        ) from None


def _output_of(command: str) -> str:
    """What the command prints. Neither its output nor its errors are repeated: they may hold the key."""
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
