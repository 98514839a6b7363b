"""The real simulator in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.commands import KEY, environment
from support.forked_commands import ForkedProcess, may_fork


@dataclass
class Simulation:
    """A simulator in a process of its own."""

    base_url: str

    def served(self):
        with urllib.request.urlopen(self.base_url.replace("/api/v1", "/simulator/served"), timeout=30) as answer:
            return json.load(answer)

    def log(self, day):
        """The lines of the log of a day's traffic, as bytes."""
        url = self.base_url.replace("/api/v1", f"/simulator/log?date={day}")
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()


def _started(options):
    """The process of a simulator, and its URL."""
    arguments = ["simulate", "--port", "0", *options]
    read, write = os.pipe()
    with os.fdopen(write, "wb"):
        if may_fork({}):
            process = ForkedProcess(arguments, str(Path.cwd()), environment(), [0, write, 2])
        else:
            process = subprocess.Popen([sys.executable, "-m", "ingest", *arguments], stdout=write, env=environment())
    with os.fdopen(read) as said:
        return process, said.readline().split()[-1]


@contextmanager
def running_simulator(*options: str):
    process, base_url = _started(options)
    try:
        yield Simulation(base_url)
    finally:
        process.terminate()
        assert process.wait(10) == 0


@dataclass
class StoppableSimulation(Simulation):
    """A simulator that answers nobody while it is stopped."""

    process: subprocess.Popen | ForkedProcess

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def stoppable_simulator(*options):
    process, base_url = _started(options)
    simulation = StoppableSimulation(base_url, process)
    try:
        yield simulation
    finally:
        simulation.go_on()
        process.terminate()
        process.wait(10)


def get(simulation, path, key=KEY):
    return _answer(urllib.request.Request(simulation.base_url + path, headers=_authorization(key)))


def post(simulation, path, body, key=KEY):
    headers = {"Content-Type": "application/json", **_authorization(key)}
    return _answer(urllib.request.Request(simulation.base_url + path, json.dumps(body).encode(), headers))


def _authorization(key):
    return {"Authorization": f"Bearer {key}"} if key else {}


def _answer(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
