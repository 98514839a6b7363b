"""Start-up of the command as a ratio to bare Python: `--help`, `--version` and `status` against `python -c pass`.

    python tests/bench/bench_startup.py [ROUNDS]

Prints medians of CPU time (user and system) and wall time. Each round runs every command once, so that load of the
machine slows all of them alike; the first round, which writes bytecode, does not count. For comparison, `click --help`
is the help of a click group of as many commands without anything of ours.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from ingest.warehouse.warehouse import Warehouse

CLICK = """
import click
group = click.Group("g", {f"c{n}": click.Command(f"c{n}", short_help="A line.") for n in range(13)}, help="Some help.")
group.main(["--help"])
"""


ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("ORUSAGE_") and name not in ("COLUMNS", "PYTHONDONTWRITEBYTECODE")
}


def measured(command: list[str], log: int) -> tuple[float, float]:
    """CPU and wall seconds of one run."""
    outputs = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=outputs)
    _, status, usage = os.wait4(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, command
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def main(rounds: int) -> None:
    orusage = str(Path(sys.executable).with_name("orusage"))
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as log:
        file = Path(directory, "orusage.duckdb")
        with Warehouse(file, datetime.now(UTC)):
            pass
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "click --help": [sys.executable, "-c", CLICK],
            "orusage --help": [orusage, "--help"],
            "orusage --version": [orusage, "--version"],
            "orusage status": [orusage, "-w", str(file), "status"],
        }
        times = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                times[name].append(measured(command, log.fileno()))
    medians = {name: [median(kind) * 1000 for kind in zip(*runs[1:], strict=True)] for name, runs in times.items()}
    bare = medians["python -c pass"]
    for name, (cpu, wall) in medians.items():
        print(f"{name:18} CPU {cpu:6.1f} ms, {cpu / bare[0]:4.1f} x; wall {wall:6.1f} ms, {wall / bare[1]:4.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
