"""The work copy: taken over from a run that did not end, or copied from the published file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.warehouse.storage.connection import DamagedError, is_ours, open_work
from ingest.warehouse.storage.durable_files import NOWHERE, copy, identity, identity_of, require_space, sync
from ingest.warehouse.storage.published_file import quarantine, quarantine_path, unchanged_while_read, wal_of
from ingest.warehouse.storage.soundness import require_sound, require_sound_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.warehouse.storage.work_directory import WorkDirectory


def open_leftover(
    directory: WorkDirectory, now: datetime, *, bounded: bool
) -> tuple[Path, duckdb.DuckDBPyConnection] | None:
    """Open the work copy of a run that did not end; None if there is none that can be used.

    It must descend from the published file as it is now, open, and be readable whole. A work copy that cannot be used
    is quarantined; its IDs are then found and requested again, where their sources are still there.
    """
    for left in directory.work_copies:
        if left != directory.work_copy_of(identity_of(directory.published)):
            _quarantine(directory, left, now, f"does not descend from {directory.published.name} as it is now")
            continue
        try:
            connection = open_work(left, bounded=bounded)
        except DamagedError as error:
            _quarantine(directory, left, now, f"does not open ({error.cause})")
            continue
        if reason := _defect(directory, left, connection):
            connection.close()
            _quarantine(directory, left, now, reason)
            continue
        return left, connection
    return None


def _defect(directory: WorkDirectory, left: Path, connection: duckdb.DuckDBPyConnection) -> str | None:
    """Why an open work copy cannot be used; None if it can. A damaged one would be published, or fail to be.

    Raises:
        DamagedError: the published file is damaged too, so that another copy of it would be no better.
        OrusageError: as `storage_errors` says.
    """
    try:
        require_sound(connection, left)
        return None if is_ours(connection) or not directory.published.exists() else "is empty"
    except DamagedError as error:
        connection.close()
        if directory.published.exists():
            require_sound_file(directory.published)
        return f"is damaged ({error.cause})"
    except BaseException:
        connection.close()
        raise


def _quarantine(directory: WorkDirectory, left: Path, now: datetime, reason: str) -> None:
    """Keep a work copy for inspection. Its log is renamed first: alone, it would be removed as a leftover."""
    if wal_of(left).exists():
        target = quarantine_path(directory.path, left.name, now)
        wal_of(left).rename(wal_of(target))
    promise = "its IDs are found and requested again where their sources still are"
    quarantine(left, directory.path, now, f"{reason}, so {promise}, not those of standard input")
    sync(directory.path)


def new_work_copy(directory: WorkDirectory, *, bounded: bool) -> Path:
    """Copy the published file, or create an empty database if there is none.

    Raises:
        OrusageError: there is no room, or another program wrote to the published file meanwhile.
    """
    published = directory.published
    fresh = directory.path / "copy.duckdb"
    with directory.removed_on_failure(fresh), unchanged_while_read(published) as file:
        work = directory.work_copy_of(identity(file) if file else NOWHERE)
        if file:
            if copy(file, fresh):
                require_space(directory.path, fresh.stat().st_size)  # else the run could not publish
        else:
            open_work(fresh, bounded=bounded).close()
        sync(fresh)
    fresh.rename(work)
    sync(directory.path)
    return work
