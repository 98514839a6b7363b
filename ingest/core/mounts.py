"""The mounted file systems, as Linux lists them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

TABLE = Path("/proc/self/mountinfo")
"""Linux's list; its format is in the manual page proc_pid_mountinfo(5)."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted file system.

    Attributes:
        point: The directory or file that shows it.
        device: The number of its device, as in ``os.stat_result.st_dev``.
        kind: Its type, such as ``ext4`` or ``proc``.
    """

    point: Path
    device: int
    kind: str


def mounts(table: Path = TABLE) -> list[Mount]:
    """All mounts that this process sees; none where there is no such list, as on macOS."""
    try:
        lines = table.read_bytes().splitlines()
    except OSError:
        return []
    return [_mount(line) for line in lines]


def _mount(line: bytes) -> Mount:
    before, _, after = line.partition(b" - ")
    fields = before.split(b" ")
    major, minor = map(int, fields[2].split(b":"))
    point = _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), fields[4])
    return Mount(Path(os.fsdecode(point)), os.makedev(major, minor), after.split(b" ")[0].decode())
