"""Commands forked from a process that has imported the package once: each saves the CPU time of the imports.

A forked command runs `ingest.__main__.main` with the arguments, directory, environment, umask and standard streams that
it would have as a process of its own, and ends as the interpreter does. What only a new interpreter can show (variables
that Python, the C library or a library reads at start, coverage) is left to a real one: see `may_fork`.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping

READ_AT_RUN_TIME = ("OPENROUTER_", "ORUSAGE_", "CREDENTIALS_")
"""Beginnings of the names of variables that the package reads when it uses them."""

IMPORTED = """
    aiohttp duckdb httpx httpx_aiohttp uvicorn rich.console rich.progress rich.table
    ingest.cli.app ingest.pipeline.fetch_stage ingest.simulator.server ingest.sources.scanner
"""
"""All but polars, which starts threads when it is imported; the commands import it themselves."""

LARGEST_REQUEST = 1_000_000

ready_schema: Path | None = None
"""The schema that commands copy into a new warehouse, see `support.ready_schema`; None: they lay it out themselves."""


def may_fork(variables: Mapping[str, str | None]) -> bool:
    """Whether a command with these variables, beside the tests' own environment, is the same if it is forked.

    Only on Linux: elsewhere the forking process cannot prove that it has one thread, and system libraries may not fork.
    Not with DuckDB 1.x, which starts a thread when it is imported.
    """
    return (
        sys.platform == "linux"
        and not duckdb.__version__.startswith("1.")
        and all(name.startswith(READ_AT_RUN_TIME) for name in variables)
        and not any(name.startswith("COV") for name in os.environ)
    )


class ForkedProcess:
    """A command that was forked; as much of `subprocess.Popen` as the tests use.

    Args:
        arguments: Of the command.
        cwd: Its directory.
        env: Its whole environment.
        streams: Descriptors of standard input, output and error.
        umask: -1 for that of the tests.
    """

    def __init__(self, arguments: list[str], cwd: str, env: Mapping[str, str], streams, umask: int = -1) -> None:
        request = json.dumps({"arguments": arguments, "cwd": cwd, "env": dict(env), "umask": umask}).encode()
        read, write = os.pipe()
        with os.fdopen(write, "wb"):
            socket.send_fds(_forking_process(), [request], [*streams, write])
        self._reports = os.fdopen(read, "rb", buffering=0)
        self.pid = int(self._line())
        self.returncode: int | None = None
        os.set_blocking(read, False)
        weakref.finalize(self, self._reports.close)

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            part = self._reports.read(1)
            if not part:
                raise RuntimeError("the process that forks commands has ended")
            line += part
        return line

    def poll(self) -> int | None:
        if self.returncode is None and (report := self._reports.read(20)):
            self.returncode = int(report)
            self._reports.close()
        return self.returncode

    def wait(self, timeout: float = 120) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@functools.cache
def _forking_process() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_REQUEST)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno()), str(ready_schema or "")],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# In the process that forks


def _serve(requests: socket.socket, schema: str) -> None:
    for module in IMPORTED.split():
        __import__(module)
    if schema:
        _use(schema)
    gc.freeze()
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads may not be forked"  # noqa: PTH208  # names
    while True:
        request, descriptors, *_ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
        if not request:
            return None
        if not os.fork():
            requests.close()
            return _command(json.loads(request), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        while _reaped():
            pass


def _use(schema: str) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from ingest.warehouse import migrations
    from support.ready_schema import ReadySchema

    migrations.migrate = ReadySchema(schema).migrate
    del sys.path[0]


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return False


def _command(request: dict, descriptors: list[int]) -> None:
    """Fork the command from a process that waits for it and reports its PID and, in the end, its exit code."""
    *streams, reports = descriptors
    if pid := os.fork():
        for descriptor in streams:
            os.close(descriptor)
        os.write(reports, b"%d\n" % pid)
        os.write(reports, b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)
    os.close(reports)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115  # to the end
        for number, mode, buffering, old in ((0, "r", -1, sys.stdin), (1, "w", -1, sys.stdout), (2, "w", 1, sys.stderr))
    )
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    if request["umask"] >= 0:
        os.umask(request["umask"])
    from ingest import __main__

    sys.argv = [__main__.__file__, *request["arguments"]]
    sys.exit(__main__.main())


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
