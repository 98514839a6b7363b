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
    identity_of,
    make_private,
    require_space,
    take_over_access,
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    return path


def test_a_state_keeps_its_identity_whatever_it_is_called_and_whoever_may_read_it(database, tmp_path):
    identity = identity_of(database)
    assert len(identity) == len(NOWHERE)
    database.chmod(0o640)
    moved = database.rename(tmp_path / "b.duckdb")
    backup = shutil.copy2(moved, tmp_path / "backup")
    assert identity_of(moved) == identity_of(backup) == identity


def test_opening_for_writing_without_writing_is_no_other_state(database):
    identity = identity_of(database)
    duckdb.connect(database).close()
    assert identity_of(database) == identity


def test_a_checkpoint_makes_another_state_even_at_the_same_size_and_time(database):
    before, identity = database.stat(), identity_of(database)
    with duckdb.connect(database) as connection:
        connection.execute("UPDATE t SET a = 2")
    os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.truncate(database, before.st_size)
    assert identity_of(database) != identity


def test_another_time_is_another_state(database):
    identity = identity_of(database)
    os.utime(database, ns=(1, 1))
    assert identity_of(database) != identity


def test_what_does_not_exist_is_nowhere(tmp_path):
    assert identity_of(tmp_path / "missing") == NOWHERE


@pytest.mark.parametrize("way", ["the best there is", "within the kernel", "in half within the kernel", "by hand"])
def test_a_copy_is_the_whole_file_wherever_it_was_read_to(tmp_path, monkeypatch, way):
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


def test_without_room_nothing_is_begun(tmp_path):
    free = os.statvfs(tmp_path)
    require_space(tmp_path, 1)
    with pytest.raises(StorageError, match="no room") as error:
        require_space(tmp_path, free.f_bavail * free.f_frsize * 2)
    assert "MB are needed" in error.value.cause


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_same_people_may_read_and_write(tmp_path, mode):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch(0o600)
    old.chmod(mode)
    if os.geteuid() == 0:
        os.chown(old, 12345, 54321)
    take_over_access(old, new)
    kept = [(stat.S_IMODE(p.stat().st_mode), p.stat().st_uid, p.stat().st_gid) for p in (old, new)]
    assert kept[0] == kept[1]


def test_a_group_that_cannot_be_kept_does_not_hand_its_rights_to_another(tmp_path, monkeypatch):
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


def test_an_access_control_list_is_kept(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.touch(0o600)
    try:
        os.setxattr(old, "system.posix_acl_access", acl(4711))
    except (AttributeError, OSError):
        pytest.skip("there are no access control lists here")
    take_over_access(old, new)
    assert os.getxattr(new, "system.posix_acl_access") == acl(4711)


def test_a_private_directory_is_private_under_any_umask_and_stays(tmp_path):
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
def test_something_else_is_no_private_directory(tmp_path, kind):
    if kind == "file":
        (tmp_path / "w").touch()
    else:
        (tmp_path / "w").symlink_to(tmp_path if kind == "link" else tmp_path / "missing")
    with pytest.raises(CannotCreateError):
        make_private(tmp_path / "w")
    assert not (tmp_path / "missing").exists()
