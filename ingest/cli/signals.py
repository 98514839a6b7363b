"""Ctrl-C as Python has it, but noted: whatever error comes after it, it was what ended the command."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def recorded_interrupts() -> Iterator[list[int]]:
    """The interrupts that were heard until now, each also raised as KeyboardInterrupt where it came.

    A library in C that notices one may raise an error of its own instead: DuckDB 1.5 a ``RuntimeError: Query
    interrupted``, a module that is just being imported an ``ImportError: initialization failed`` (both seen).
    A process that was started with SIGINT ignored goes on ignoring it.
    """
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)
