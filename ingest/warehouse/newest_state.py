"""The newest state of a warehouse that can be read while another program has the published file open for writing."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.core.errors import TryAgainLaterError
from ingest.warehouse.rollups import refresh
from ingest.warehouse.storage.connection import checkpoint, open_for_reading, storage_errors
from ingest.warehouse.storage.durable_files import copy
from ingest.warehouse.storage.published_file import unchanged_while_read, wal_of
from ingest.warehouse.storage.work_directory import WorkDirectory

if TYPE_CHECKING:
    from contextlib import ExitStack

    import duckdb

log = logging.getLogger("orusage")


def open_newest(path: Path, until_closed: ExitStack) -> duckdb.DuckDBPyConnection:
    """Open a warehouse read-only; a private temporary copy of its newest state if another program is writing to it.

    Args:
        path: The file.
        until_closed: Closes the connection, and removes the copy.

    Raises:
        TryAgainLaterError: the other program wrote while the file was copied.
        OrusageError: as `open_for_reading`.
    """
    try:
        connection = open_for_reading(path)
    except TryAgainLaterError as error:
        folder = Path(until_closed.enter_context(TemporaryDirectory(prefix="orusage-")))
        with storage_errors(path):
            copied, what = _copied(path, folder)
        log.warning("%s: %s; this shows %s", error.what, error.cause, what)
        connection = open_for_reading(copied)
    until_closed.callback(connection.close)
    return connection


def _copied(path: Path, folder: Path) -> tuple[Path, str]:
    """Copy the newest state into a folder; returns the copy, and what it is."""
    directory, copied = WorkDirectory(path.resolve()), folder / path.name
    for work in directory.work_copies:
        try:
            _copy_work(work, folder / work.name)
        except FileNotFoundError:  # published meanwhile
            continue
        return folder / work.name, "what runs have stored, which is not published yet"
    with unchanged_while_read(directory.published) as file:
        if file:
            copy(file, copied)
    return copied, "what was published last"


def _copy_work(work: Path, copied: Path) -> None:
    """Copy a work copy and the transactions in its log, also while a run adds to it, and compute the rollups."""
    for old, new in ((work, copied), (wal_of(work), wal_of(copied))):
        if old == work or old.exists():
            with old.open("rb") as file:
                copy(file, new)
    checkpoint(copied, partial(refresh, days=None), bounded=False)
