"""Makes long DuckDB calls end at once on Ctrl-C: by themselves most of them handle no signal before they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

Value = TypeVar("Value")

CHECK_EVERY = 0.05
"""Seconds between checks for the end of a call, and between interrupts: DuckDB ignores one sent before it started."""


class InterruptibleConnection:
    """Runs calls on one connection in a worker thread, one at a time, while the main thread handles signals.

    Ctrl-C is still late where DuckDB 1.5 collects the rows of a statement with parameters: it holds Python's global
    lock until it has them all (seen with 1.5.6, not with 2.0.1).

    Attributes:
        connection: The connection.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._worker = ThreadPoolExecutor(1)

    def run(self, call: Callable[[], Value]) -> Value:
        """Run a call and return its value.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the query was interrupted.
            Exception: the call raised it.
        """
        future = self._worker.submit(call)
        try:
            while not future.done():  # a wait without timeout would ignore signals once polars has set its handler
                wait([future], CHECK_EVERY)
            return future.result()
        except KeyboardInterrupt:
            while not future.done():
                self.connection.interrupt()
                wait([future], CHECK_EVERY)
            raise

    def close(self) -> None:
        """End the thread."""
        self._worker.shutdown()
