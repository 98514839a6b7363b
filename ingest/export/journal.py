"""The staging directory of an export and its journal: how many files are replaced together and a crash is recovered.

New files are written below ``.orusage-export/files``. The commit is one rename: it puts the new manifest, the journal,
beside them. Before it, the export directory is unchanged, and the staged files are discarded. After it, what remains is
to rename the staged files into place, which can be repeated: `Journal.recover` completes it after a crash.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from ingest.export.manifest import MANIFEST, encode
from ingest.export.ownership import find_manifest, load_manifest, not_ours, open_folder
from ingest.warehouse.storage.durable_files import replace_durably, sync, take_over_access

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.export.manifest import Manifest

STAGING = ".orusage-export"
"""The name of the staging directory, within the export directory."""


class Journal:
    """The staged files of an export, and the journal that commits them.

    Args:
        directory: The export directory; held by this process.

    Attributes:
        staging: The staging directory.
        files: The directory of the staged files, below it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._manifest = directory / MANIFEST
        self.staging = directory / STAGING
        self.files = self.staging / "files"
        self._path = self.staging / MANIFEST

    def recover(self) -> None:
        """Complete a commit that was interrupted.

        Raises:
            CannotCreateError: The staging directory is not one that this user made, the journal is not a manifest, or
                a link leads to a file that it names.
        """
        if os.path.lexists(self.staging):
            _require_own(self.staging)
            if os.path.lexists(self._path):
                self._apply()

    def begin(self) -> None:
        """Make an empty staging directory; files of an export that was interrupted before its commit are removed."""
        shutil.rmtree(self.staging, ignore_errors=True)
        self.files.mkdir(mode=0o700, parents=True)

    def staged(self, path: str) -> Path:
        """Return where the new version of an exported file is staged."""
        return self.files / path

    def commit(self, new: Manifest) -> None:
        """Make the directory hold the files of a manifest: the staged ones, and any others that are already there.

        The journal takes over the access rights of the current manifest.
        """
        for path in [*self.files.rglob("*"), self.files]:
            sync(path)
        draft = self._path.with_suffix(".draft")
        draft.write_bytes(encode(new))
        if os.path.lexists(self._manifest):
            take_over_access(self._manifest, draft)
        replace_durably(draft, self._path)
        self._apply()

    def discard(self) -> None:
        """Remove the staged files, unless they are committed and still to be renamed."""
        if not self._path.exists():
            shutil.rmtree(self.staging, ignore_errors=True)

    def _apply(self) -> None:
        """Rename the staged files, remove the files no longer named, then replace the manifest.

        Every step can be repeated, so an interrupted call is completed by the next one.
        """
        new, old = load_manifest(self._path), find_manifest(self._manifest)
        renames = [path for path in new.files if os.path.lexists(self.staged(path))]
        for path in renames:
            self._make_folders(path)
        for path in renames:
            self._rename(path)
        removals = [path for path in (old.files if old else {}) if path not in new.files]
        for path in removals:
            self._remove(path)
        self._sync_folders([*new.files, *removals])
        replace_durably(self._path, self._manifest)

    def _sync_folders(self, paths: Iterable[str]) -> None:
        """Make renames and removals durable before the manifest that lists their result."""
        for folder in {folder for path in paths for folder in (self._directory / path).parents}:
            if folder.is_relative_to(self._directory) and folder.is_dir():
                sync(folder)

    def _make_folders(self, path: str) -> None:
        """Create the missing folders of a file, with the modes of the staged folders."""
        for folder in reversed(self._folders(path)):
            target = self._directory / folder
            if not os.path.lexists(target):
                target.mkdir()
                target.chmod(stat.S_IMODE((self.files / folder).stat().st_mode))
                sync(target.parent)

    def _rename(self, path: str) -> None:
        """Rename a staged file into place.

        Raises:
            CannotCreateError: It is not a regular file, or a folder on its way is a link.
        """
        name = path.rpartition("/")[2]
        with open_folder(self.files, path) as source, open_folder(self._directory, path) as target:
            if not stat.S_ISREG(os.stat(name, dir_fd=source, follow_symlinks=False).st_mode):
                raise not_ours(self.staged(path), "it is a link, or not a regular file")
            os.replace(name, name, src_dir_fd=source, dst_dir_fd=target)  # pathlib follows links on the way

    def _remove(self, path: str) -> None:
        """Remove a file, and its folders if they are then empty.

        Raises:
            CannotCreateError: A folder is a link.
        """
        folders = [self._directory / folder for folder in self._folders(path)]
        with suppress(FileNotFoundError), open_folder(self._directory, path) as descriptor:
            os.unlink(path.rpartition("/")[2], dir_fd=descriptor)  # pathlib follows links on the way
        for folder in folders:
            try:
                folder.rmdir()
            except OSError:
                break  # it holds other files, or is already removed

    def _folders(self, path: str) -> list[Path]:
        """Return the folders of an exported file relative to the export directory, the innermost first."""
        return list(self.staged(path).relative_to(self.files).parents)[:-1]


def _require_own(staging: Path) -> None:
    """Check that a staging directory can only hold what an export of this user has put there.

    Raises:
        CannotCreateError: It is a link or not a directory, belongs to somebody else, or others may write to it.
    """
    status = staging.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise not_ours(staging, "it is a link or not a directory")
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise not_ours(staging, f"it belongs to user {status.st_uid}, or others may write to it")
