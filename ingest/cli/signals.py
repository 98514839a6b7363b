"""Records Ctrl-C, so that a library error it causes still exits 130."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def recorded_interrupts() -> Iterator[list[int]]:
    """Record each SIGINT while the block runs, and raise KeyboardInterrupt as usual.

    A C library that receives the KeyboardInterrupt may raise another error instead: DuckDB 1.5 raises ``RuntimeError:
    Query interrupted``, a module being imported ``ImportError: initialization failed`` (both observed). A process that
    was started with SIGINT ignored keeps ignoring it.

    Yields:
        The signals received so far.
    """
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, record)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)
