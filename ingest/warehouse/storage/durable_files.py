"""Files that outlive a crash: copies that are on the disk, names that are, and what tells one state from another."""

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
"""Bytes. A DuckDB file begins with one main and two database headers; each checkpoint rewrites one of them."""

_ACL = "system.posix_acl_access"

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}
"""Errors that are the disk's, not those of a name or a right."""

NOWHERE = "0" * 16
"""The identity of a file that does not exist."""


def identity_of(path: Path) -> str:
    """A name for the state a DuckDB file is in: 16 hex digits of a hash over size, time of change, and headers."""
    try:
        with path.open("rb") as file:
            return identity(file)
    except FileNotFoundError:
        return NOWHERE


def identity(file: BinaryIO) -> str:
    """The same of an open file. While a lock is held on it, it must not be opened and closed a second time."""
    found, headers = os.fstat(file.fileno()), os.pread(file.fileno(), _HEADERS, 0)
    return hashlib.sha256(b"%d %d " % (found.st_size, found.st_mtime_ns) + headers).hexdigest()[:16]


def copy(old: BinaryIO, target: Path) -> bool:
    """Copy an open file to a new one, by reference where the file system can; it is on the disk only after `sync`.

    Returns:
        Whether it takes space of its own.

    Raises:
        StorageError: there is no room for it.
        OSError: reading or writing failed.
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
    """Within the kernel where it can, which is three times faster."""
    old.seek(0)
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):  # another file system, or one that cannot; a real failure comes again
            while size and (copied := os.copy_file_range(old.fileno(), new.fileno(), size)):
                size -= copied
    shutil.copyfileobj(old, new, 2**20)
    new.flush()


def require_space(directory: Path, needed: int) -> None:
    """Refuse to begin what cannot be finished.

    Args:
        directory: Where to.
        needed: Bytes.

    Raises:
        StorageError: so much is not free.
    """
    found = os.statvfs(directory)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise StorageError(
            f"there is no room in {directory}",
            cause=f"{needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free",
            fix="free some space and run the same command again; what was committed is safe",
        )


def sync(path: Path) -> None:
    """Wait until a file's content, or a directory's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_over_access(old: Path, new: Path) -> None:
    """Let the same people read and write `new` as `old`: owner, group, mode and access control list, as far as we may.

    If its group cannot be the same, the group gets no access: it would be another group's.
    """
    found = old.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not (_chown(new, found.st_uid, found.st_gid) or _chown(new, -1, found.st_gid)):
        new.chmod(mode & ~stat.S_IRWXG)
        return
    new.chmod(mode)
    if hasattr(os, "getxattr"):
        with suppress(OSError):  # there is none, or the file system knows none
            os.setxattr(new, _ACL, os.getxattr(old, _ACL))


def _chown(path: Path, user: int, group: int) -> bool:
    try:
        os.chown(path, user, group)
    except PermissionError:
        return False
    return True


def make_private(directory: Path) -> None:
    """Create a directory that is ours alone, unless it exists.

    Raises:
        CannotCreateError: it cannot be, or something else is there.
    """
    fix = "remove it, or name another warehouse with -w"
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise _cannot_create(directory, error, "check the directory's owner and mode") from None
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise CannotCreateError(f"{directory} cannot be used", cause="it is no directory, or a link to one", fix=fix)
    if stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        try:
            directory.chmod(0o700)
        except OSError as error:
            raise _cannot_create(directory, error, fix) from None


def _cannot_create(path: Path, error: OSError, fix: str) -> CannotCreateError | StorageError:
    kind = StorageError if error.errno in DISK else CannotCreateError
    return kind(f"{path} cannot be created", cause=str(error.strerror or error), fix=fix)
