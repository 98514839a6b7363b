"""Publishing a work copy: clone it, checkpoint and verify the clone, rename it over the published file.

DuckDB rewrites its metadata in place during a checkpoint, and a kill or a torn write at that moment can make a file
unreadable (measured; see ``docs/durability.md``). Only the clone is ever checkpointed.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, BinaryIO

from ingest.core.errors import CannotCreateError, StorageError
from ingest.core.mounts import mounts
from ingest.warehouse.storage.connection import checkpoint, pack
from ingest.warehouse.storage.durable_files import copy, identity, identity_of, require_space, sync, take_over_access
from ingest.warehouse.storage.published_file import quarantine_path, quarantine_wal, wal_of, wal_size, without_writers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ingest.warehouse.storage.lock import LockWait
    from ingest.warehouse.storage.work_directory import WorkDirectory

log = logging.getLogger("orusage")


def refuse_mount_point(published: Path) -> None:
    """Refuse a file that is mounted on its own: the kernel lets no other file be renamed over it (EBUSY).

    Raises:
        CannotCreateError: it is the mount point of a file.
    """
    if any(mount.point == published for mount in mounts()):
        raise CannotCreateError(
            f"{published} cannot be replaced",
            cause="this single file is mounted, and a run renames the new state over it",
            fix=f"mount the directory instead, as in `docker run -v DIRECTORY:{published.parent}`",
        )


def make_clone(
    directory: WorkDirectory,
    work: Path,
    clone: Path,
    finish: Callable[[duckdb.DuckDBPyConnection], None],
    *,
    bounded: bool,
    packed: bool,
) -> None:
    """Write the content of a closed work copy into one checkpointed file.

    Args:
        directory: The work directory.
        work: The work copy; it is not changed.
        clone: The new file.
        finish: Writes derived tables into the open clone.
        bounded: Limit DuckDB's memory.
        packed: Write the file anew, without the space that deleted rows take.
    """
    require_space(directory.path, wal_size(work))
    for old, new in ((work, clone), (wal_of(work), wal_of(clone))):
        if old.exists():
            with old.open("rb") as file:
                copy(file, new)
    checkpoint(clone, finish, bounded=bounded)
    if packed:
        with directory.removed_on_failure(fresh := directory.path / "packed.duckdb"):
            pack(clone, fresh, bounded=bounded)
            fresh.replace(clone)
    if wal_of(clone).exists():
        raise StorageError(
            f"{directory.published} could not be published",
            cause=f"{wal_of(clone)} is still there after a checkpoint",
            fix="run the same command again; what was committed is safe",
        )


def replace_published(directory: WorkDirectory, clone: Path, work: Path, now: datetime, lock_wait: LockWait) -> None:
    """Rename a verified clone over the published file, durably; a foreign log beside it is quarantined.

    Raises:
        TryAgainLaterError: another program has the published file open for writing.
    """
    published = directory.published
    if published.exists():
        take_over_access(published, clone)
    else:
        clone.chmod(0o600)
    sync(clone)
    _write_marker(directory, identity_of(clone))
    with without_writers(published, lock_wait) as file:
        quarantine_wal(published, directory.path, now)
        if file and work != directory.work_copy_of(identity(file)):
            _keep_changed(directory, file, now)
        clone.replace(published)
        quarantine_wal(published, directory.path, now)
    sync(published.parent)


def finish_interrupted(directory: WorkDirectory) -> None:
    """Complete a publish that was interrupted after the rename: remove the work copy it came from."""
    marker = directory.publish_marker
    if os.path.lexists(marker):
        if marker.read_bytes() == identity_of(directory.published).encode():
            sync(directory.published.parent)  # the new name is on the disk before the work copy is removed
            for work in directory.work_copies:
                directory.remove(work)
        marker.unlink()


def _write_marker(directory: WorkDirectory, identity: str) -> None:
    directory.publish_marker.unlink(missing_ok=True)
    with directory.publish_marker.open("x", encoding="ascii") as file:  # "x" follows no link
        file.write(identity)
        file.flush()
        os.fsync(file.fileno())
    sync(directory.path)


def _keep_changed(directory: WorkDirectory, file: BinaryIO, now: datetime) -> None:
    """Keep a published file that another program changed since the work copy was made from it."""
    published = directory.published
    kept = quarantine_path(directory.path, published.name, now)
    copy(file, kept)
    sync(kept)
    log.warning("%s was changed by another program; that state is kept as %s", published, kept)
