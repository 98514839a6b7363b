"""Which files of an export directory belong to exports: those that its manifest names. All others are never touched."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ingest.core.errors import CannotCreateError
from ingest.export.manifest import MANIFEST, decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.export.manifest import File, Manifest

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_LARGEST_MANIFEST = 2**28
"""Bytes. A manifest of 10,000 files for each view takes less."""


class ExportedFiles:
    """The files of earlier exports in a directory.

    Args:
        directory: An existing directory.

    Attributes:
        manifest: The directory's manifest; None if it holds no export.

    Raises:
        CannotCreateError: Its manifest is not that of an export, or it has none but holds other visible entries.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.manifest = find_manifest(directory / MANIFEST)
        self._files = self.manifest.files if self.manifest else {}
        visible = [path.name for path in directory.iterdir() if not path.name.startswith(".")]
        if visible and not self.manifest:
            raise not_ours(directory, f"it holds {min(visible)!a} but no {MANIFEST} of an export")

    def is_complete(self, path: str) -> bool:
        """Return whether a file that the manifest names exists and has the size recorded there."""
        with suppress(FileNotFoundError):
            status = (self._directory / path).lstat()
            return stat.S_ISREG(status.st_mode) and status.st_size == self._files[path].bytes
        return False

    def is_unchanged(self, path: str, file: File) -> bool:
        """Return whether a file exists with exactly the content of `file`, according to manifest and checksum."""
        is_named = self._files.get(path) == file and self.is_complete(path)
        return is_named and digest(self._directory / path) == file.sha256

    def require_writable(self, path: str) -> None:
        """Check that a file may be created or replaced.

        Raises:
            CannotCreateError: A link leads to it, or a file or folder is in its place that the manifest does not name.
        """
        target, (*folders, name) = self._directory, path.split("/")
        for folder in folders:
            target /= folder
            if os.path.lexists(target) and not stat.S_ISDIR(target.lstat().st_mode):
                raise not_ours(target, "it is a link or not a directory")
        if folders and not any(known.startswith(f"{folders[0]}/") for known in self._files):
            self._require_empty(self._directory / folders[0])
        target /= name
        if os.path.lexists(target) and not (path in self._files and stat.S_ISREG(target.lstat().st_mode)):
            raise not_ours(target, f"{MANIFEST} does not name it, or it is no longer a regular file")

    @staticmethod
    def _require_empty(folder: Path) -> None:
        if folder.exists() and any(folder.iterdir()):
            raise not_ours(folder, f"{MANIFEST} names no file in it")


def find_manifest(path: Path) -> Manifest | None:
    """Read the manifest at a path; None if there is none.

    Raises:
        CannotCreateError: see `load_manifest`.
    """
    return load_manifest(path) if os.path.lexists(path) else None


def load_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        CannotCreateError: It is no regular file, or not a manifest that this version can read.
        OSError: It cannot be read.
    """
    manifest = decode(_read_regular(path))
    if manifest is None:
        raise not_ours(path, "it is not the manifest of an export, or it is from a newer version")
    return manifest


def _read_regular(path: Path) -> bytes:
    """The bytes of a manifest; b"" for a link, anything but a regular file, or a file larger than any manifest."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return b""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read() if os.fstat(file.fileno()).st_size <= _LARGEST_MANIFEST else b""


@contextmanager
def open_folder(directory: Path, path: str) -> Iterator[int]:
    """Open the folder of a file below a directory, without following a link on the way.

    Args:
        directory: The directory.
        path: The file's path below it, with ``/``.

    Yields:
        A descriptor of the folder.

    Raises:
        CannotCreateError: A link or a file is in the place of a folder.
        FileNotFoundError: A folder does not exist.
    """
    descriptor = os.open(directory, _FOLDER)
    try:
        for folder in path.split("/")[:-1]:
            inner = os.open(folder, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise not_ours(directory / path, "a folder on the way to it is a link or not a directory") from None
        raise
    finally:
        os.close(descriptor)


def not_ours(path: Path, cause: str) -> CannotCreateError:
    """Return the error for an entry that no export has written."""
    return CannotCreateError(
        f"{path} was not written by an export and is left as it is",
        cause=cause,
        fix="name an empty or a new directory with -o, or remove it",
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
