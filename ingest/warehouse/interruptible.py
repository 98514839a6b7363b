"""Long calls of DuckDB's that Ctrl-C ends at once: left alone, most of them hear no signal until they have ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

Value = TypeVar("Value")

PATIENCE = 0.05
"""Seconds between two looks, and between two interrupts: one that comes before the query has begun is not heard."""


class InterruptibleConnection:
    """Runs calls on one connection in a thread of its own, one after the other, while this thread hears signals.

    Not heard at once is Ctrl-C where DuckDB 1.5 collects the rows of a statement with parameters: it holds Python's
    lock until it has them all (seen on 1.5.6; 2.0.1 does not).

    Attributes:
        connection: The connection.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._worker = ThreadPoolExecutor(1)

    def run(self, call: Callable[[], Value]) -> Value:
        """The call's value.

        Raises:
            KeyboardInterrupt: Ctrl-C; the query has been interrupted by then.
            Exception: what the call raises.
        """
        future = self._worker.submit(call)
        try:
            while not future.done():  # an endless wait would go on after a signal once polars has set its handler
                wait([future], PATIENCE)
            return future.result()
        except KeyboardInterrupt:
            while not future.done():
                self.connection.interrupt()
                wait([future], PATIENCE)
            raise

    def close(self) -> None:
        """End the thread."""
        self._worker.shutdown()
