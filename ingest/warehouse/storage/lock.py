"""The lock that admits one writer at a time: an flock(2), which the kernel releases when its process ends in any way.

`try_lock` is the system call, also used by the export. `Lock` adds a lock file that names its holder. `LockWait` says
how long to wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ingest.core.errors import CannotCreateError, TryAgainLaterError
from ingest.warehouse.storage.durable_files import DISK_ERRORS, foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_RETRY_SECONDS = 0.05
"""Seconds between two attempts."""

_READ_ATTEMPTS = 10
"""How often to read the holder's name, which is written a moment after the lock is taken."""


_OPENING = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a lock file is opened: a link is not followed, and a named pipe is not waited for."""

_LONGEST_RECORD = 4096
"""Bytes that are read of a lock file."""


@dataclass(frozen=True, slots=True)
class LockWait:
    """How long to wait for a lock.

    Attributes:
        seconds: The longest wait, in seconds; 0 for a single attempt.
        monotonic: A monotonic clock, in seconds.
        sleep: Blocks for a number of seconds.
        is_over: Whether to stop waiting early, such as after Ctrl-C.
    """

    seconds: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    is_over: Callable[[], bool] = bool

    def tries(self) -> Iterator[None]:
        """Yield once per attempt: the first at once, the others at intervals until the time is over."""
        end = self.monotonic() + self.seconds
        yield
        while (remaining := end - self.monotonic()) > 0 and not self.is_over():
            self.sleep(min(_RETRY_SECONDS, remaining))
            yield


NO_WAIT = LockWait()


class Lock:
    """An flock on a dedicated file, in which the holder writes a line of JSON: process, command and time.

    DuckDB's own lock does not suffice: a process drops it by closing any handle of the database file.

    Args:
        path: The lock file; created if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, command: str, now: datetime, lock_wait: LockWait) -> Self:
        """Take the lock and write who holds it.

        Args:
            command: The command that takes it, such as ``ingest``; shown to other commands.
            now: The wall clock; shown to other commands.
            lock_wait: How long to wait.

        Raises:
            TryAgainLaterError: Another process still holds it.
            CannotCreateError: The file cannot be created or is not a regular file.
            OSError: The disk is full or failing.
        """
        descriptor = self._open()
        for _ in lock_wait.tries():
            if try_lock(descriptor):
                self._descriptor = descriptor
                record = {"pid": os.getpid(), "command": command, "since": now.isoformat(timespec="seconds")}
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(record).encode() + b"\n", 0)
                return self
        os.close(descriptor)
        raise TryAgainLaterError(
            f"{self._path.parent.name.removesuffix('.work')} is being written by another run",
            cause=self._holder(lock_wait),
            fix="wait for it to end, or give --lock-timeout, such as 10m; nothing was changed",
        )

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _holder(self, lock_wait: LockWait) -> str:
        """Describe the holder. One that has just taken the lock gets a moment to write its name."""
        for _ in range(_READ_ATTEMPTS):
            if description := holder(self._path):
                return description
            lock_wait.sleep(_RETRY_SECONDS)
        return "it has just started or just ended"

    def _open(self) -> int:
        try:
            descriptor = os.open(self._path, _OPENING | os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise
            raise self._refused(error.strerror or str(error)) from None
        if reason := foreign(os.fstat(descriptor)):
            os.close(descriptor)
            raise self._refused(reason)
        return descriptor

    def _refused(self, cause: str) -> CannotCreateError:
        fix = "check its owner and mode; it must be a regular file"
        return CannotCreateError(f"{self._path} cannot be opened", cause=cause, fix=fix)


def holder(path: Path) -> str | None:
    """Describe the process that a lock file names as its holder; None if it names none."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        descriptor = os.open(path, _OPENING | os.O_RDONLY)
        try:
            record = json.loads(os.pread(descriptor, _LONGEST_RECORD, 0))
        finally:
            os.close(descriptor)
        return f"process {record['pid']:d} holds {path} since {record['since']!s} (orusage {record['command']!s})"
    return None


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock of this file."""
    try:
        descriptor = os.open(path, _OPENING | os.O_RDONLY)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take an exclusive flock(2) on an open file or directory without waiting; returns False if it is already held.

    The kernel releases it when the descriptor is closed, at the latest when the process ends.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
