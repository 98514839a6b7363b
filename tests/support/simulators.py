"""The real simulator in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

from support.commands import KEY, environment


@dataclass
class Simulation:
    """A simulator in a process of its own."""

    base_url: str

    def served(self):
        with urllib.request.urlopen(self.base_url.replace("/api/v1", "/simulator/served"), timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_simulator(*options: str):
    command = [sys.executable, "-m", "ingest", "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            yield Simulation(process.stdout.readline().split()[-1])
        finally:
            process.terminate()
            assert process.wait(10) == 0


@dataclass
class StoppableSimulation(Simulation):
    """A simulator that answers nobody while it is stopped."""

    process: subprocess.Popen

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def stoppable_simulator(*options):
    command = [sys.executable, "-m", "ingest", "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        simulation = StoppableSimulation(process.stdout.readline().split()[-1], process)
        try:
            yield simulation
        finally:
            simulation.go_on()
            process.terminate()
            process.wait(10)


def get(simulation, path, key=KEY):
    request = urllib.request.Request(
        simulation.base_url + path, headers={"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
