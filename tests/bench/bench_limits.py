"""The limiter through the real command, over sockets and in real time: goodput and waste against a simulated limit.

    python tests/bench/bench_limits.py

Goodput is what was settled per second of the whole run, process start included, against the server's rate and burst. A
quarter of the simulator's 429 ask for a second's pause, which is kept to. The second run of each begins with what the
first one learnt.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.commands import environment
from support.logs import new_ids, write_log
from support.simulators import running_simulator

SECONDS = 40

SERVERS = (
    ("50/s, burst 50", 50, ("--rate-limit", "50", "--burst", "50", "--latency", "100ms")),
    ("200/s, burst 50", 200, ("--rate-limit", "200", "--burst", "50", "--latency", "100ms")),
    ("500/s, burst 200", 500, ("--rate-limit", "500", "--burst", "200", "--latency", "100ms")),
    ("200/s, 1 % 529", 200, ("--rate-limit", "200", "--burst", "50", "--latency", "50ms", "--p529", "0.01")),
    ("200/s, 5 % 500", 200, ("--rate-limit", "200", "--burst", "50", "--latency", "50ms", "--p500", "0.05")),
)


def ingest(directory: str, base_url: str, ids: list[str]) -> dict[str, object]:
    log = write_log(Path(directory, "app.log"), ids)
    command = [sys.executable, "-m", "ingest", "-q", "ingest", str(log), "--summary", "json", "--base-url", base_url]
    done = subprocess.run(command, cwd=directory, env=environment(), stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def main() -> None:
    for name, rate, options in SERVERS:
        with tempfile.TemporaryDirectory() as directory, running_simulator(*options) as server:
            for run in (1, 2):
                told = ingest(directory, server.base_url, new_ids(rate * SECONDS, seed=run))
                burst = float(options[3]) if run == 1 else 0.0
                goodput = told["settled"] / (rate * told["seconds"] + burst)
                spent = f"{told['requests']:,} requests, {told['seconds']:.0f} s"
                held = f"held back {told['throttled_seconds']:.1f} s"
                print(f"{name:18} run {run}: {goodput:.3f}, waste {told['waste']:.2%}, {spent}, {held}", flush=True)


if __name__ == "__main__":
    main()
