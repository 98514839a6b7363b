"""Gets the bytes that hold the key from a file or a command, within limits. Nothing of them is repeated in errors."""

from __future__ import annotations

import os
import select
import shlex
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.client.key_kinds import INFERENCE
from ingest.client.key_text import LARGEST
from ingest.core.errors import KeyRefusedError
from ingest.core.masking import SHORTEST, is_like_a_key

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from ingest.client.key_kinds import KeyKind


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """The one place of a configured key.

    Attributes:
        file: A file that contains it.
        command: A command that prints it.
        variable: A variable of the environment that holds it.
    """

    file: Path | None = None
    command: str | None = None
    variable: str | None = None


WAIT = 30.0
"""Seconds that a command, or the writer of a pipe, may take."""

_CHUNK = 16 * 1024


def shown_path(file: Path, kind: KeyKind = INFERENCE) -> str:
    """A key file's path for messages. What may be the key itself, given in place of its file, is not shown."""
    name = str(file)
    is_long_word = len(name) >= SHORTEST and not any(c in name for c in "/. ")
    return f"the file that {kind.file_option} names" if is_like_a_key(name) or is_long_word else name


def read_key_file(file: Path, kind: KeyKind = INFERENCE) -> bytes:
    """The bytes of a key file, at most one more than a key file may have. A pipe is read if a process writes to it.

    Raises:
        KeyRefusedError: The file cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as opened:  # noqa: PTH123  # a descriptor, not a path
            return _read(opened)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise _unreadable(file, error, kind) from None


def _read(opened: FileIO) -> bytes:
    if stat.S_ISCHR(os.fstat(opened.fileno()).st_mode):
        raise OSError("it is a device, not a file")
    content = b""
    while len(content) <= LARGEST:
        part: bytes | None = opened.read(_CHUNK)  # None: the writer of a pipe has written nothing yet
        if part is None and not select.select([opened], [], [], WAIT)[0]:
            raise OSError(f"nothing was written to it within {WAIT:g} s")
        if part == b"":
            break
        content += part or b""
    return content


def _unreadable(file: Path, error: OSError | ValueError, kind: KeyKind) -> KeyRefusedError:
    if is_like_a_key(str(file)):
        cause, fix = "the key itself was given", "write the key to a file that only you can read, and name that file"
    else:
        cause = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not a path"
        fix = "name a readable file that contains only the key"
    return KeyRefusedError(f"{_subject(file, kind)} cannot be read", cause=cause, fix=fix)


def _subject(file: Path, kind: KeyKind) -> str:
    shown = shown_path(file, kind)
    return f"the key file {shown}" if shown == str(file) else shown


def output_of(command: str, kind: KeyKind = INFERENCE) -> bytes:
    """What a command prints, at most one byte more than a key file may have.

    Raises:
        KeyRefusedError: The command cannot be run, fails, or does not end.
    """
    try:
        return _run(_arguments(command))
    except _FailedError as reason:
        raise KeyRefusedError(
            "the key command failed",
            cause=f"{reason} ({kind.command_option})",
            fix="run the command by hand: it must print the key and exit 0",
        ) from None


class _FailedError(Exception):
    """The command gave no key; the message says why."""


def _arguments(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError:
        raise _FailedError("its quotes are not closed") from None
    if not arguments:
        raise _FailedError("the command is empty")
    return arguments


def _run(arguments: list[str]) -> bytes:
    try:
        return _output_of(arguments)
    except FileNotFoundError:
        raise _FailedError("there is no program of this name; note that no shell runs the command") from None
    except (OSError, ValueError) as error:
        raise _FailedError(getattr(error, "strerror", None) or "it cannot be run") from None


def _output_of(arguments: list[str]) -> bytes:
    """Run the command until it ends or its time is over. Its error output is not shown: it may repeat the key."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603  # the user's own command
        try:
            output = _output(process)
            code = process.wait(WAIT)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise _FailedError(f"it did not end within {WAIT:g} s") from None
        finally:
            process.kill()
    if code and len(output) <= LARGEST:
        raise _FailedError(f"it ended with exit code {code}" if code > 0 else f"it was ended by {_signal_name(-code)}")
    return output


def _output(process: subprocess.Popen[bytes]) -> bytes:
    """What the process prints until it closes its output, within the limits of time and size."""
    end, output = time.monotonic() + WAIT, b""
    while process.stdout and len(output) <= LARGEST:
        if not select.select([process.stdout], [], [], max(end - time.monotonic(), 0))[0]:
            raise TimeoutError
        part = os.read(process.stdout.fileno(), _CHUNK)
        if not part:
            return output
        output += part
    process.kill()
    return output


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
