"""An export directory held by one export at a time, whose files are replaced together or not at all.

Files are staged and committed by the journal (`ingest.export.journal`); only files of earlier exports are replaced or
removed (`ingest.export.ownership`).
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from ingest.core.errors import CannotCreateError, OrusageError, StorageError, TryAgainLaterError
from ingest.export.journal import Journal
from ingest.export.manifest import MANIFEST
from ingest.export.ownership import ExportedFiles, not_ours
from ingest.warehouse.storage.durable_files import describe_os_error, take_over_access
from ingest.warehouse.storage.lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.export.manifest import Manifest

_PATH_ERRORS = {errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_PATH_ERRORS |= {errno.ELOOP, errno.ENOTEMPTY}
"""Error numbers of a path or a permission: exit code 73. All others are those of a disk: 74."""

_CHECK_DISK = "check the disk's space and health"


@contextmanager
def open_delivery(directory: Path) -> Iterator[Delivery]:
    """Hold a directory for an export; created if missing. Files that are not committed in the block are discarded.

    Raises:
        CannotCreateError: It cannot be created, is a link, or holds files that no export has written.
        TryAgainLaterError: Another export holds it.
        StorageError: The disk is full or failing, or DuckDB reported an error in the block.
    """
    with _export_errors(directory):
        is_new = _create(directory)
        try:
            with _exclusive(directory):
                delivery = Delivery(directory)
                try:
                    yield delivery
                finally:
                    delivery.discard()
        finally:
            if is_new:
                with suppress(OSError):  # not empty: files were committed
                    directory.rmdir()


class Delivery:
    """One export into a directory; made by `open_delivery`.

    Attributes:
        staging: The directory below which all files are written before the commit.
        manifest: The manifest of the directory before this export; None if it held none.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._journal = Journal(directory)
        self._journal.recover()
        self._exported = ExportedFiles(directory)
        self._journal.begin()
        self.staging = self._journal.staging
        self.manifest = self._exported.manifest

    def stage(self, path: str) -> Path:
        """Return where to write the new version of a file, given its path below the export directory.

        Raises:
            CannotCreateError: The file may not be replaced, or this export has already staged a file of that name.
        """
        self._exported.require_writable(path)
        staged = self._journal.staged(path)
        staged.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(staged):
            raise CannotCreateError(
                f"{self._directory / path} would be written twice",
                cause="this file system does not distinguish the names of two partitions",
                fix="partition by another column, or export to another file system",
            )
        return staged

    def is_complete(self, path: str) -> bool:
        """Return whether a file that the manifest names exists and has the size recorded there."""
        return self._exported.is_complete(path)

    def commit(self, new: Manifest) -> None:
        """Make the directory hold the files of a manifest: the staged ones, and earlier ones that are kept.

        A file whose content does not change is not replaced, so that its time stays and copying tools skip it.
        """
        for path, file in new.files.items():
            staged = self._journal.staged(path)
            if staged.exists() and self._exported.is_unchanged(path, file):
                staged.unlink()
        self._take_over_access()
        self._journal.commit(new)

    def discard(self) -> None:
        """Remove the staged files, unless they are committed."""
        self._journal.discard()

    def _take_over_access(self) -> None:
        """Give the staged files the access rights of the earlier export."""
        if self.manifest:
            for path in self._journal.files.rglob("*"):
                take_over_access(self._directory / ("" if path.is_dir() else MANIFEST), path)


def _create(directory: Path) -> bool:
    """Create the directory unless it exists; returns whether it was created."""
    if directory.is_symlink():
        raise not_ours(directory, "it is a link, and links are not followed")
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if not directory.is_dir():
            raise not_ours(directory, "it is not a directory") from None
        return False
    return True


@contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    """Hold a lock on the directory while the block runs."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not try_lock(descriptor):
            raise TryAgainLaterError(
                f"{directory} is being written",
                cause="another export holds it",
                fix="wait for it to end, then try again",
            )
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _export_errors(directory: Path) -> Iterator[None]:
    """Translate errors of DuckDB and the operating system during an export into errors with an exit code."""
    try:
        yield
    except duckdb.Error as error:
        cause, is_memory = str(error).partition("\n")[0], isinstance(error, duckdb.OutOfMemoryException)
        raise _failed(directory, cause, "free some memory" if is_memory else _CHECK_DISK) from error
    except OSError as error:
        raise _translate_os_error(directory, error) from error


def _translate_os_error(directory: Path, error: OSError) -> OrusageError:
    cause = describe_os_error(error)
    if error.errno not in _PATH_ERRORS:
        return _failed(directory, cause, _CHECK_DISK)
    fix = f"create {directory.parent} first" if error.errno == errno.ENOENT else "check its owner and mode"
    return CannotCreateError(f"{directory} cannot be written", cause=cause, fix=f"{fix}, or name another with -o")


def _failed(directory: Path, cause: str, fix: str) -> StorageError:
    fix = f"{fix}, then run it again; every file there is whole"
    return StorageError(f"the export to {directory} failed", cause=cause, fix=fix)
