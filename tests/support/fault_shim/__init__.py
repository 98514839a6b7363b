"""The real command between a real disk and a shim that lets it go wrong: kills, torn writes, full disks.

`Place` is a directory with a log and a warehouse, `Fault` what happens to which call; see ``shim.c``.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import duckdb
import pytest

from ingest.warehouse.checks import violations
from support.commands import Done, finished
from support.logs import write_log

SOURCE = Path(__file__).parent / "shim.c"
KILLED = -9
BATCH = 4


def build(directory: Path) -> Path:
    """Compile the shim; skips the test where that cannot be done."""
    if sys.platform != "linux" or not shutil.which("gcc"):
        pytest.skip("the shim needs Linux and gcc")
    target = directory / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", target, SOURCE, "-ldl"], check=True)
    return target


class Call(NamedTuple):
    """A call that changed a file."""

    number: int
    name: str
    length: int
    path: str


def calls_in(log: Path) -> list[Call]:
    """What the shim noted in ``SHIM_LOG``, in order."""
    parts = (line.split(" ", 3) for line in log.read_text().splitlines())
    return sorted(Call(int(number), name, int(length), path) for number, name, length, path in parts)


@dataclass(frozen=True)
class Fault:
    """What goes wrong at which call.

    Attributes:
        at: The call's number, from 1 on.
        do: As ``SHIM_DO`` of the shim.
        only: Count only calls of this name.
    """

    at: int
    do: str
    only: str | None = None

    def __str__(self) -> str:
        return f"{self.do} at {self.only or 'call'} {self.at}"

    @property
    def error(self) -> str:
        """The name of the error it makes."""
        return errno.errorcode[int(self.do.partition(":")[2])]


class Place:
    """A log and a warehouse, each in a directory of its own.

    Args:
        directory: Where to.
        shim: The compiled shim.
        base_url: The simulator.
    """

    def __init__(self, directory: Path, shim: Path, base_url: str) -> None:
        self.directory = directory
        self.shim = shim
        self.base_url = base_url
        self.log = directory / "logs" / "app.log"
        self.folder = directory / "w"
        self.warehouse = self.folder / "orusage.duckdb"
        self.calls_file = directory / "calls"
        self.folder.mkdir(parents=True, exist_ok=True)

    def append(self, ids) -> None:
        """IDs into the log."""
        whole = self.log.read_text() if self.log.exists() else ""
        write_log(self.log, ids)
        self.log.write_text(whole + self.log.read_text())

    def like(self, directory: Path) -> Self:
        """A copy of it all."""
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(self.directory, directory)
        return type(self)(directory, self.shim, self.base_url)

    def run(self, fault: Fault | None = None, *options: str, **limits) -> Done:
        """The command, with a fault or without; it asks one by one, so that it does the same calls each time."""
        variables = {"LD_PRELOAD": str(self.shim), "SHIM_DIR": str(self.folder), "SHIM_LOG": str(self.calls_file)}
        if fault:
            variables |= {"SHIM_AT": str(fault.at), "SHIM_DO": fault.do, "SHIM_ONLY": fault.only}
        self.calls_file.unlink(missing_ok=True)
        options = ("--base-url", self.base_url, "--batch-size", BATCH, "--concurrency", 1, *options)
        return finished("-w", self.warehouse, "ingest", self.log.parent, *options, variables=variables, **limits)

    @property
    def calls(self) -> list[Call]:
        """What the last run changed."""
        return calls_in(self.calls_file) if self.calls_file.exists() else []

    def stored(self) -> dict[str, object]:
        """What the published file holds, which must open and in which nothing may be wrong: spend by settled ID."""
        if not self.warehouse.exists():
            return {}
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            assert violations(connection) == set()
            rows = connection.execute("SELECT generation_id, usage FROM generations").fetchall()
        assert len(rows) == len(dict(rows))
        return dict(rows)

    def left(self) -> list[str]:
        """What lies in the working directory, but for what was set aside."""
        directory = self.folder / "orusage.duckdb.work"
        return sorted(p.name for p in directory.iterdir() if not p.name.startswith("quarantine"))


def is_of_publish(call: Call) -> bool:
    """Whether a call belongs to a publish: from the clone on to the removal of the work copy."""
    name = Path(call.path).name
    return name.startswith(("next.", "publishing")) or name == "orusage.duckdb" or call.name == "unlink"


def survives(place: Place, complete: dict[str, object], done: Done, expected_codes: set[int]) -> str | None:
    """What is wrong after a faulty run and the run after it; None if nothing is."""
    if done.code not in expected_codes:
        return f"exit code {done.code}: {done.err[-500:]}"
    try:
        before = place.stored()
        after = place.run()
        stored = place.stored()
    except Exception as error:  # noqa: BLE001  # whatever it is, the case is named
        return f"{type(error).__name__}: {error}"
    if not before.items() <= complete.items():
        return f"published too much: {before.keys() - complete.keys()}"
    if after.code:
        return f"the next run: exit code {after.code}: {after.err[-500:]}"
    if stored != complete:
        return f"lost {complete.keys() - stored.keys()}, too many {stored.keys() - complete.keys()}"
    return f"left {place.left()}" if place.left() != ["lock"] else None
