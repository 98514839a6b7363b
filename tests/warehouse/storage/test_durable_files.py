import errno
import os
import shutil
import stat
import struct

import duckdb
import pytest

import ingest.warehouse.storage.durable_files
from ingest.core.errors import CannotCreateError, StorageError
from ingest.warehouse.storage.durable_files import (
    NOWHERE,
    copy,
    describe_os_error,
    identity_of,
    make_private,
    replace_durably,
    require_space,
    take_over_access,
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    return path


def test_the_identity_does_not_depend_on_name_and_mode(database, tmp_path):
    identity = identity_of(database)
    assert len(identity) == len(NOWHERE)
    database.chmod(0o640)
    moved = database.rename(tmp_path / "b.duckdb")
    backup = shutil.copy2(moved, tmp_path / "backup")
    assert identity_of(moved) == identity_of(backup) == identity


def test_the_identity_survives_opening_for_writing_without_writing(database):
    identity = identity_of(database)
    duckdb.connect(database).close()
    assert identity_of(database) == identity


def test_a_checkpoint_changes_the_identity_even_at_the_same_size_and_time(database):
    before, identity = database.stat(), identity_of(database)
    with duckdb.connect(database) as connection:
        connection.execute("UPDATE t SET a = 2")
    os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.truncate(database, before.st_size)
    assert identity_of(database) != identity


@pytest.mark.parametrize("nanoseconds", [1, 10**18, 2 * 10**18])
def test_another_modification_time_is_the_same_state(database, nanoseconds):
    identity = identity_of(database)
    os.utime(database, ns=(nanoseconds, nanoseconds))
    assert identity_of(database) == identity


@pytest.mark.parametrize("seed", range(5))
def test_two_successors_of_one_state_have_different_identities(database, tmp_path, seed):
    other = shutil.copy(database, tmp_path / "other.duckdb")
    for number, path in enumerate((database, other)):
        with duckdb.connect(path) as connection:
            connection.execute("INSERT INTO t SELECT range * $1 FROM range(5000)", [10 * seed + number + 1])
    assert database.stat().st_size == other.stat().st_size
    assert identity_of(database) != identity_of(other)


def test_a_missing_file_has_the_identity_of_nowhere(tmp_path):
    assert identity_of(tmp_path / "missing") == NOWHERE


@pytest.mark.parametrize("way", ["the best there is", "within the kernel", "in half within the kernel", "by hand"])
def test_a_copy_is_the_whole_file_from_any_position(tmp_path, monkeypatch, way):
    if way != "the best there is":
        monkeypatch.setattr(ingest.warehouse.storage.durable_files, "_shares_extents", lambda *_: False)
    if way == "by hand":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    if way == "in half within the kernel":
        in_kernel, calls = os.copy_file_range, []

        def once(old, new, size):
            calls.append(size)
            if len(calls) > 1:
                raise OSError(errno.EXDEV, "another file system")
            return in_kernel(old, new, size // 2)

        monkeypatch.setattr(os, "copy_file_range", once)
    source = tmp_path / "a"
    source.write_bytes(os.urandom(3 * 2**20 + 7))
    with source.open("rb") as file:
        file.seek(1000)
        copy(file, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == source.read_bytes()


def test_a_copy_replaces_nothing(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    with (tmp_path / "a").open("rb") as file, pytest.raises(FileExistsError):
        copy(file, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "b"


def test_too_little_free_space_is_an_error(tmp_path):
    free = os.statvfs(tmp_path)
    require_space(tmp_path, 1)
    with pytest.raises(StorageError, match="no room") as error:
        require_space(tmp_path, free.f_bavail * free.f_frsize * 2)
    assert "MB are needed" in error.value.cause


def test_a_replacement_is_synced_before_the_rename_and_its_directory_after_it(tmp_path, monkeypatch):
    new, target = tmp_path / "a" / "new", tmp_path / "b" / "target"
    for path in (new, target):
        path.parent.mkdir()
        path.write_text(path.name)
    synced = []

    def fsync(descriptor):
        synced.append((os.fstat(descriptor).st_ino, target.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    file, directory = new.stat().st_ino, target.parent.stat().st_ino
    replace_durably(new, target)
    assert synced == [(file, "target"), (directory, "new")]
    assert not new.exists()


def test_an_operating_system_error_is_described_with_its_file_if_known():
    assert describe_os_error(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert (
        describe_os_error(OSError(errno.ENOSPC, "No space left on device", "a.csv")) == "No space left on device: a.csv"
    )
    assert describe_os_error(OSError("closed")) == "closed"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_owner_group_and_mode_are_taken_over(tmp_path, mode):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch(0o600)
    old.chmod(mode)
    if os.geteuid() == 0:
        os.chown(old, 12345, 54321)
    take_over_access(old, new)
    kept = [(stat.S_IMODE(p.stat().st_mode), p.stat().st_uid, p.stat().st_gid) for p in (old, new)]
    assert kept[0] == kept[1]


def test_group_access_is_removed_if_the_group_cannot_be_set(tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch(0o600)
    old.chmod(0o664)

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    take_over_access(old, new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o604


def acl(user):
    """An access control list that lets one more user read: version 2, then (tag, permissions, id) each."""
    none = 0xFFFFFFFF
    entries = [(0x01, 6, none), (0x02, 4, user), (0x04, 4, none), (0x10, 4, none), (0x20, 0, none)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_an_access_control_list_is_taken_over(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch(0o600)
    try:
        os.setxattr(old, "system.posix_acl_access", acl(4711))
    except (AttributeError, OSError):
        pytest.skip("there are no access control lists here")
    take_over_access(old, new)
    assert os.getxattr(new, "system.posix_acl_access") == acl(4711)


def test_a_private_directory_has_mode_0700_under_any_umask(tmp_path):
    before = os.umask(0)
    try:
        make_private(tmp_path / "w")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700
    (tmp_path / "w").chmod(0o755)
    make_private(tmp_path / "w")
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_a_file_or_a_link_is_no_private_directory(tmp_path, kind):
    if kind == "file":
        (tmp_path / "w").touch()
    else:
        (tmp_path / "w").symlink_to(tmp_path if kind == "link" else tmp_path / "missing")
    with pytest.raises(CannotCreateError):
        make_private(tmp_path / "w")
    assert not (tmp_path / "missing").exists()
