"""The work copy: taken over from a run that did not end, or copied from the published file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.warehouse.storage.connection import DamagedError, is_ours, open_work
from ingest.warehouse.storage.durable_files import NOWHERE, copy, identity, identity_of, require_space, sync
from ingest.warehouse.storage.published_file import quarantine, quarantine_path, unchanged_while_read, wal_of
from ingest.warehouse.storage.soundness import require_sound, require_sound_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.warehouse.storage.work_directory import WorkDirectory


class Leftover(NamedTuple):
    """What a run that did not end has left.

    Attributes:
        opened: Its work copy, open; None if there is none that can be used.
        quarantined: The work copies that could not be used, under their new names.
    """

    opened: tuple[Path, duckdb.DuckDBPyConnection] | None
    quarantined: list[Path]


def open_leftover(directory: WorkDirectory, now: datetime, *, bounded: bool) -> Leftover:
    """Open the work copy of a run that did not end.

    It must descend from the published file as it is now, open, and be readable whole; else it is quarantined.
    """
    quarantined: list[Path] = []
    for left in directory.work_copies:
        if left != directory.work_copy_of(identity_of(directory.published)):
            reason = f"does not descend from {directory.published.name} as it is now"
            quarantined.append(_quarantine(directory, left, now, reason))
            continue
        try:
            connection = open_work(left, bounded=bounded)
        except DamagedError as error:
            quarantined.append(_quarantine(directory, left, now, f"does not open ({error.cause})"))
            continue
        if reason := _defect(directory, left, connection):
            connection.close()
            quarantined.append(_quarantine(directory, left, now, reason))
            continue
        return Leftover((left, connection), quarantined)
    return Leftover(None, quarantined)


def _defect(directory: WorkDirectory, left: Path, connection: duckdb.DuckDBPyConnection) -> str:
    """Why an open work copy cannot be used; empty if it can. A damaged one would be published, or fail to be.

    Raises:
        DamagedError: the published file is damaged too, so that another copy of it would be no better.
        OrusageError: as `storage_errors` says.
    """
    try:
        require_sound(connection, left)
        return "" if is_ours(connection) or not directory.published.exists() else "is empty"
    except DamagedError as error:
        connection.close()
        if directory.published.exists():
            require_sound_file(directory.published)
        return f"is damaged ({error.cause})"
    except BaseException:
        connection.close()
        raise


def _quarantine(directory: WorkDirectory, left: Path, now: datetime, reason: str) -> Path:
    """Keep a work copy for inspection. Its log is renamed first: alone, it would be removed as a leftover."""
    if wal_of(left).exists():
        target = quarantine_path(directory.path, left.name, now)
        wal_of(left).rename(wal_of(target))
    target = quarantine(left, directory.path, now, f"{reason}, so it cannot be published")
    sync(directory.path)
    return target


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
