"""A directory of files that are replaced together: written beside, on the disk, then renamed.

Everything is first written into ``.orusage-export`` in the directory itself. Up to the moment when that holds a whole
manifest nothing else is touched, whatever happens. From then on there are only renames, and whoever comes next finishes
them if they were cut short; each file is the earlier or the new one, and both are whole.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from ingest.core.errors import CannotCreateError, OrusageError, StorageError, TryAgainLaterError
from ingest.export import manifest
from ingest.warehouse.storage.durable_files import sync, take_over_access

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.export.manifest import Manifest

STAGING = ".orusage-export"
MANIFEST = "manifest.json"

_OF_A_NAME = {errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_OF_A_NAME |= {errno.ELOOP, errno.ENOTEMPTY}
"""Errors of a name or a right; all others are the disk's."""


@contextmanager
def open_delivery(directory: Path) -> Iterator[Delivery]:
    """Hold a directory for an export; what was written is discarded unless it is committed.

    Raises:
        CannotCreateError: it cannot be created, is a link, or holds what no export of ours wrote.
        TryAgainLaterError: another export holds it.
        StorageError: the disk is full or fails.
    """
    with _export_errors(directory):
        is_new = _make(directory)
        try:
            with _held(directory):
                delivery = Delivery(directory)
                try:
                    yield delivery
                finally:
                    delivery.discard()
        finally:
            if is_new:
                with suppress(OSError):  # it is kept if something was delivered into it
                    directory.rmdir()


class Delivery:
    """A held directory; `open_delivery` makes it.

    Attributes:
        staging: The only place where anything is written before the commit.
        manifest: What the directory holds; None if nothing yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.staging = directory / STAGING
        self._files = self.staging / "files"
        self._journal = self.staging / MANIFEST
        self._recover()
        self.manifest = self._read_manifest()
        self._known = self.manifest.files if self.manifest else {}
        self._begin()

    def place(self, path: str) -> Path:
        """Where to write the file that is to be `path`, below the directory.

        Raises:
            CannotCreateError: what is there is not ours, or this delivery has such a file already.
        """
        self._require_ours(path)
        place = self._files / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(place):
            raise CannotCreateError(
                f"{self._directory / path} would be written twice",
                cause="this file system takes the names of two partitions for one",
                fix="partition by another column, or export to another file system",
            )
        return place

    def is_whole(self, path: str) -> bool:
        """Whether a file that the manifest names is there, of the size it says."""
        target = self._directory / path
        with suppress(FileNotFoundError):
            found = target.lstat()
            return stat.S_ISREG(found.st_mode) and found.st_size == self._known[path].bytes
        return False

    def commit(self, new: Manifest) -> None:
        """Let the directory hold what `new` says: files of this delivery and, untouched, some that were there."""
        self._leave_unchanged(new)
        self._let_others_read()
        for path in [*self._files.rglob("*"), self._files]:
            sync(path)
        draft = self._journal.with_suffix(".draft")
        draft.write_bytes(manifest.encode(new))
        if self.manifest:
            take_over_access(self._directory / MANIFEST, draft)
        sync(draft)
        draft.replace(self._journal)
        sync(self.staging)
        self._finish()

    def discard(self) -> None:
        """Remove what was written, unless renames are left to be finished."""
        if not self._journal.exists():
            shutil.rmtree(self.staging, ignore_errors=True)

    def _recover(self) -> None:
        """Finish what a killed export had committed."""
        if self.staging.is_symlink():
            raise _foreign(self.staging, "it is a link")
        if self._journal.exists():
            self._finish()

    def _begin(self) -> None:
        """Remove what a killed export had not committed, and make room for ours."""
        self._require_nobody_elses()
        shutil.rmtree(self.staging, ignore_errors=True)
        self._files.mkdir(mode=0o700, parents=True)

    def _require_nobody_elses(self) -> None:
        visible = [path.name for path in self._directory.iterdir() if not path.name.startswith(".")]
        if visible and not self.manifest:
            raise _foreign(self._directory, f"it holds {min(visible)!a} and no {MANIFEST} of an export")

    def _read_manifest(self) -> Manifest | None:
        path = self._directory / MANIFEST
        if not os.path.lexists(path):
            return None
        found = None if path.is_symlink() else manifest.decode(path.read_bytes())
        if found is None:
            raise _foreign(path, "it is not the manifest of an export, or of a newer version")
        return found

    def _require_ours(self, path: str) -> None:
        """Refuse to follow a link, and to replace or fill what no manifest of ours names."""
        target, (*folders, name) = self._directory, path.split("/")
        for folder in folders:
            target /= folder
            if os.path.lexists(target) and not stat.S_ISDIR(target.lstat().st_mode):
                raise _foreign(target, "it is no directory, or a link to one")
        if folders and not any(known.startswith(f"{folders[0]}/") for known in self._known):
            self._require_empty(self._directory / folders[0])
        target /= name
        if os.path.lexists(target) and not (path in self._known and stat.S_ISREG(target.lstat().st_mode)):
            raise _foreign(target, f"{MANIFEST} does not name it, or it is no file any more")

    @staticmethod
    def _require_empty(folder: Path) -> None:
        if folder.exists() and any(folder.iterdir()):
            raise _foreign(folder, f"{MANIFEST} names nothing in it")

    def _leave_unchanged(self, new: Manifest) -> None:
        """A file that would become what it is stays, with its time, so that copying tools need not copy it."""
        for path, file in new.files.items():
            staged = self._files / path
            if staged.exists() and self._known.get(path) == file and self._is_as_delivered(path, file.sha256):
                staged.unlink()

    def _is_as_delivered(self, path: str, sha256: str) -> bool:
        return self.is_whole(path) and digest(self._directory / path) == sha256

    def _let_others_read(self) -> None:
        """Whoever was allowed to read the last export may read this one."""
        if self.manifest:
            for path in self._files.rglob("*"):
                take_over_access(self._directory / ("" if path.is_dir() else MANIFEST), path)

    def _finish(self) -> None:
        """Rename, remove what is no more, and the manifest last; done again from wherever it was cut short."""
        new, old = manifest.decode(self._journal.read_bytes()), self._read_manifest()
        if new is None:
            raise _foreign(self._journal, "it is not the manifest of an export, or of a newer version")
        staged = [path for path in new.files if (self._files / path).exists()]
        for path in staged:
            self._make_folders(path)
        for path in staged:
            (self._files / path).replace(self._directory / path)
        stale = [path for path in (old.files if old else {}) if path not in new.files]
        for path in stale:
            self._remove(path)
        self._sync_folders([*new.files, *stale])
        self._journal.replace(self._directory / MANIFEST)
        sync(self._directory)

    def _sync_folders(self, paths: list[str]) -> None:
        """Names that came and went are so on the disk, before a manifest says it."""
        for folder in {folder for path in paths for folder in (self._directory / path).parents}:
            if folder.is_relative_to(self._directory) and folder.is_dir():
                sync(folder)

    def _make_folders(self, path: str) -> None:
        """Those that are missing, like the staged ones."""
        for parent in reversed((self._files / path).relative_to(self._files).parents[:-1]):
            target = self._directory / parent
            if not target.is_dir():
                target.mkdir()
                target.chmod(stat.S_IMODE((self._files / parent).stat().st_mode))
                sync(target.parent)

    def _remove(self, path: str) -> None:
        """A file, and its directories if nothing else is in them."""
        self._require_ours_to_remove(path)
        target = self._directory / path
        target.unlink(missing_ok=True)
        for parent in list(target.relative_to(self._directory).parents)[:-1]:
            try:
                (self._directory / parent).rmdir()
            except OSError:
                break  # somebody keeps something in it, or it is gone

    def _require_ours_to_remove(self, path: str) -> None:
        for parent in list((self._directory / path).relative_to(self._directory).parents)[:-1]:
            if (self._directory / parent).is_symlink():
                raise _foreign(self._directory / parent, "it is a link")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(directory: Path) -> bool:
    """Create it unless it is there; returns whether it was created."""
    if directory.is_symlink():
        raise _foreign(directory, "it is a link, and links are not followed")
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if not directory.is_dir():
            raise _foreign(directory, "it is no directory") from None
        return False
    return True


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """The kernel frees it with its process."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(directory, descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(directory: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TryAgainLaterError(
            f"{directory} is being written", cause="another export holds it", fix="wait for it to end, then try again"
        ) from None


def _foreign(path: Path, cause: str) -> CannotCreateError:
    return CannotCreateError(
        f"{path} is not ours to write", cause=cause, fix="name an empty or a new directory with -o, or remove it"
    )


@contextmanager
def _export_errors(directory: Path) -> Iterator[None]:
    """What disk and DuckDB raise while an export is written, as ours."""
    try:
        yield
    except duckdb.Error as error:
        raise _failed(directory, str(error).partition("\n")[0]) from error
    except OSError as error:
        raise _of_the_system(directory, error) from error


def _of_the_system(directory: Path, error: OSError) -> OrusageError:
    cause = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    if error.errno in _OF_A_NAME:
        is_missing = error.errno == errno.ENOENT
        fix = f"create {directory.parent} first" if is_missing else "check its owner and mode"
        return CannotCreateError(f"{directory} cannot be written", cause=cause, fix=f"{fix}, or name another with -o")
    return _failed(directory, cause)


def _failed(directory: Path, cause: str) -> StorageError:
    return StorageError(
        f"the export to {directory} failed",
        cause=cause,
        fix="check the disk's space and health, then run it again; every file there is whole",
    )
