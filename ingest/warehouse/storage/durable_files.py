"""File operations that survive a crash: synced copies and renames, access rights, and the identity of a file's state.

A change of content is durable once the file is synced, a new name once its directory is. `replace_durably` does both in
the right order; the warehouse and the export share it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from ingest.core.errors import CannotCreateError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

_FICLONE = 0x40049409
"""Linux: let one file share another's extents (btrfs, XFS, bcachefs); see ioctl_ficlone(2)."""

_HEADERS = 3 * 4096
"""Bytes. A DuckDB file starts with a main header and two database headers; each checkpoint rewrites one of these."""

_BLOCK = 256 * 1024
"""Bytes. The blocks follow the headers; each begins with a checksum of 8 bytes."""

_ACL = "system.posix_acl_access"

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}
"""Error numbers of a full or failing disk, as opposed to those of a path or a permission."""

NOWHERE = "0" * 16
"""The identity of a file that does not exist."""


def identity_of(path: Path) -> str:
    """Return the identity of a DuckDB file's state: 16 hex digits of a hash of its size, headers and checksums.

    Neither `touch` nor a copy changes it; another content does.
    """
    try:
        with path.open("rb") as file:
            return identity(file)
    except FileNotFoundError:
        return NOWHERE


def identity(file: BinaryIO) -> str:
    """Return the identity of an open file's state.

    Use this form while a POSIX lock is held on the file: opening and closing it a second time would drop the lock.
    """
    descriptor = file.fileno()
    size = os.fstat(descriptor).st_size
    state = hashlib.sha256(b"%d " % size + os.pread(descriptor, _HEADERS, 0))
    for block in range(_HEADERS, size, _BLOCK):
        state.update(os.pread(descriptor, 8, block))
    return state.hexdigest()[:16]


def copy(old: BinaryIO, target: Path) -> bool:
    """Copy an open file to a new file, by reference where the file system supports it. The copy is not synced.

    Returns:
        Whether the copy occupies disk space of its own.

    Raises:
        StorageError: There is not enough free space.
        OSError: Reading or writing failed.
    """
    with target.open("xb") as new:
        takes_space = not _shares_extents(old, new)
        if takes_space:
            size = os.fstat(old.fileno()).st_size
            require_space(target.parent, size)
            _copy_bytes(old, new, size)
    return takes_space


def _shares_extents(old: BinaryIO, new: BinaryIO) -> bool:
    try:
        fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
    except OSError:
        return False
    return True


def _copy_bytes(old: BinaryIO, new: BinaryIO, size: int) -> None:
    """Copy within the kernel where possible, which is three times faster."""
    old.seek(0)
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):  # not supported between these file systems; a real failure recurs below
            while size and (copied := os.copy_file_range(old.fileno(), new.fileno(), size)):
                size -= copied
    shutil.copyfileobj(old, new, 2**20)
    new.flush()


def require_space(directory: Path, needed: int) -> None:
    """Check for free disk space before a write that could not finish without it.

    Args:
        directory: A directory on the file system to be written to.
        needed: Bytes.

    Raises:
        StorageError: Less than that is free.
    """
    file_system = os.statvfs(directory)
    free = file_system.f_bavail * file_system.f_frsize
    if free < needed:
        raise StorageError(
            f"there is no room in {directory}",
            cause=f"{needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free",
            fix="free some space and run the same command again; what was committed is safe",
        )


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a directory, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(new: Path, target: Path) -> None:
    """Rename a file over another one in the same file system; after a crash the name holds one of the two, whole.

    The content is synced before the rename and the directory of `target` after it.

    Raises:
        OSError: A sync or the rename failed.
    """
    sync(new)
    new.replace(target)
    sync(target.parent)


def describe_os_error(error: OSError) -> str:
    """Return the reason of an operating system error and, if known, the file, such as ``No space left …: a.csv``."""
    return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"


def take_over_access(old: Path, new: Path) -> None:
    """Copy owner, group, mode and access control list from `old` to `new`, as far as the process is allowed to.

    If the group cannot be set, group access is removed, because the mode would grant it to a different group.
    """
    status = old.stat()
    mode = stat.S_IMODE(status.st_mode)
    if not (_chown(new, status.st_uid, status.st_gid) or _chown(new, -1, status.st_gid)):
        new.chmod(mode & ~stat.S_IRWXG)
        return
    new.chmod(mode)
    if hasattr(os, "getxattr"):
        with suppress(OSError):  # no list is set, or the file system does not support them
            os.setxattr(new, _ACL, os.getxattr(old, _ACL))


def _chown(path: Path, user: int, group: int) -> bool:
    try:
        os.chown(path, user, group)
    except PermissionError:
        return False
    return True


def make_private(directory: Path) -> None:
    """Create a directory with mode 0700, or restrict an existing one to that mode.

    Raises:
        CannotCreateError: It cannot be created or restricted, or the path is not a directory of this user.
        StorageError: The disk is full or failing.
    """
    fix = "remove it, or name another warehouse with -w"
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise _cannot_create(directory, error, "check the directory's owner and mode") from None
    status = directory.lstat()
    mode = status.st_mode
    if not stat.S_ISDIR(mode):
        raise CannotCreateError(f"{directory} cannot be used", cause="it is a link or not a directory", fix=fix)
    if status.st_uid != os.geteuid():
        cause = f"it belongs to user {status.st_uid}, who could exchange every file in it"
        raise CannotCreateError(f"{directory} cannot be used", cause=cause, fix=f"run it as that user, or {fix}")
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        try:
            directory.chmod(0o700)
        except OSError as error:
            raise _cannot_create(directory, error, fix) from None


def foreign(status: os.stat_result) -> str | None:
    """Why a file cannot be one that this program made and nobody exchanged; None if it can be."""
    if not stat.S_ISREG(status.st_mode):
        return "it is a link, or not a regular file"
    if status.st_uid != os.geteuid():
        return f"it belongs to user {status.st_uid}"
    return "it has a second name (a hard link)" if status.st_nlink > 1 else None


def _cannot_create(path: Path, error: OSError, fix: str) -> CannotCreateError | StorageError:
    kind = StorageError if error.errno in DISK_ERRORS else CannotCreateError
    return kind(f"{path} cannot be created", cause=str(error.strerror or error), fix=fix)
