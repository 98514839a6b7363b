"""The list of mounts, as the kernel writes it."""

import os
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.mounts import TABLE, Mount, mounts

names = st.lists(st.text(string.ascii_letters + " \t\n\\#é.", min_size=1, max_size=12), min_size=1, max_size=4)
devices = st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1))
optional = st.sampled_from(["", " shared:1", " shared:7 master:2"])


def escaped(point):
    """As the kernel writes a path: blanks, line breaks, backslashes and # in octal."""
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\#" else c for c in point)


@given(st.lists(st.tuples(names, devices, optional, st.sampled_from(["ext4", "proc", "fuse.sshfs"])), max_size=5))
def test_a_table_is_read_as_it_was_written(tmp_path_factory, drawn):
    table, expected = tmp_path_factory.mktemp("mounts") / "mountinfo", []
    lines = []
    for parts, (major, minor), tags, kind in drawn:
        point = "/" + "/".join(parts)
        lines.append(f"36 35 {major}:{minor} /root {escaped(point)} rw,noatime{tags} - {kind} /dev/x rw\n")
        expected.append(Mount(Path(point), os.makedev(major, minor), kind))
    table.write_text("".join(lines), encoding="utf-8")
    assert mounts(table) == expected


def test_where_there_is_no_table_there_are_no_mounts(tmp_path):
    assert mounts(tmp_path / "none") == []


@pytest.mark.skipif(not TABLE.exists(), reason="Linux only")
def test_the_root_and_proc_are_mounted():
    found = {mount.point: mount for mount in mounts()}
    assert found[Path("/proc")].kind == "proc"
    assert found[Path("/proc")].device == Path("/proc").stat().st_dev
    assert Path("/") in found


IN_A_NAMESPACE = """
import subprocess, sys
from pathlib import Path
from ingest.core.mounts import mounts
subprocess.run(["mount", "--bind", sys.argv[1], sys.argv[1]], check=True)
print(Path(sys.argv[1]) in {mount.point for mount in mounts()})
"""


def test_a_file_that_is_mounted_on_its_own_is_in_the_table(tmp_path):
    file = tmp_path / "a b é\\.duckdb"
    file.touch()
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", IN_A_NAMESPACE, file], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting needs privileges: {done.stderr.strip().splitlines()[-1]}")
    assert done.stdout == "True\n"
