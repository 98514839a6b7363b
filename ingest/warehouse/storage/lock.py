"""Who may write: a lock that the kernel frees with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ingest.core.errors import CannotCreateError, TryAgainLaterError
from ingest.warehouse.storage.durable_files import DISK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_BETWEEN_TRIES = 0.05
"""Seconds."""

_TRIES = 10
"""To read who holds a lock, which is written a moment after it was taken."""


@dataclass(frozen=True, slots=True)
class LockWait:
    """How long to wait for what somebody else holds.

    Attributes:
        seconds: After these, no more.
        monotonic: The clock.
        sleep: Waits for so many seconds.
        is_over: Whether to wait no longer all the same.
    """

    seconds: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    is_over: Callable[[], bool] = bool

    def tries(self) -> Iterator[None]:
        """One at once, and more until the time is over."""
        end = self.monotonic() + self.seconds
        yield
        while (left := end - self.monotonic()) > 0 and not self.is_over():
            self.sleep(min(_BETWEEN_TRIES, left))
            yield


NO_WAIT = LockWait()


class Lock:
    """An flock on a file of its own, which tells in a line of JSON who holds it since when.

    DuckDB's own lock does not do: it is dropped when any handle of the file is closed in the same process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, doing: str, now: datetime, lock_wait: LockWait) -> Self:
        """Take it.

        Args:
            doing: What for; told to whoever waits.
            now: The wall clock; told as well.
            lock_wait: How long to wait for it.

        Raises:
            TryAgainLaterError: somebody holds it.
            CannotCreateError: the file cannot be created, or is no plain file.
        """
        descriptor = self._open()
        for _ in lock_wait.tries():
            if _locked(descriptor):
                self._descriptor = descriptor
                held = {"pid": os.getpid(), "command": doing, "since": now.isoformat(timespec="seconds")}
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(held).encode() + b"\n", 0)
                return self
        os.close(descriptor)
        raise TryAgainLaterError(
            f"{self._path.parent.name.removesuffix('.work')} is being written by another run",
            cause=self._holder(lock_wait),
            fix="wait for it to end, or give --lock-timeout, such as 10m; nothing was changed",
        )

    def release(self) -> None:
        """Give it back."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _holder(self, lock_wait: LockWait) -> str:
        """Who holds it. Whoever has just taken it is given a moment to say so."""
        for _ in range(_TRIES):
            if told := holder(self._path):
                return told
            lock_wait.sleep(_BETWEEN_TRIES)
        return "it has just begun, or just ended"

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno in DISK:
                raise
            raise CannotCreateError(
                f"{self._path} cannot be opened",
                cause=error.strerror or str(error),
                fix="check its owner and mode; it must be a plain file",
            ) from None


def holder(path: Path) -> str | None:
    """Who says to hold a lock, in words; None if nobody says so."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        held = json.loads(path.read_text(encoding="utf-8"))
        return f"process {held['pid']:d} holds {path} since {held['since']!s} (orusage {held['command']!s})"
    return None


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
