"""20,000 IDs through the real command and the simulator without a limit: requests/s, CPU and peak memory.

    python tests/bench/bench_ingest.py [IDS]

The simulator alone is measured first, by bare sockets, so that it is seen not to be what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.commands import KEY, environment
from support.logs import new_ids, write_log
from support.simulators import running_simulator

CONNECTIONS = 16


async def bare_rate(base_url: str, ids: list[str]) -> float:
    """Requests/s of bare sockets, `CONNECTIONS` at a time."""
    host, port = base_url.split("/")[2].split(":")

    async def ask(share: list[str]) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for generation_id in share:
            line = f"GET /api/v1/generation?id={generation_id} HTTP/1.1\r\n"
            writer.write(f"{line}Host: {host}\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(ask(ids[n::CONNECTIONS]) for n in range(CONNECTIONS)))
    return len(ids) / (time.perf_counter() - began)


def main(count: int) -> None:
    ids = new_ids(count)
    with tempfile.TemporaryDirectory() as directory, running_simulator() as simulation:
        alone = asyncio.run(bare_rate(simulation.base_url, ids))
        log = write_log(Path(directory, "app.log"), ids)
        command = [sys.executable, "-m", "ingest", "-q", "ingest", str(log), "--summary", "json"]
        command += ["--base-url", simulation.base_url]
        process = subprocess.Popen(command, cwd=directory, env=environment(), stdout=subprocess.PIPE)
        summary = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
    scale = 1 if sys.platform == "darwin" else 1024
    print(f"simulator alone, {CONNECTIONS} bare connections: {alone:,.0f} requests/s")
    print(f"ingest of {count:,} IDs: exit {os.waitstatus_to_exitcode(status)}, {summary['settled']:,} settled")
    print(f"  {summary['requests'] / summary['seconds']:,.0f} requests/s, {summary['seconds']:.1f} s")
    print(f"  {(usage.ru_utime + usage.ru_stime) / count * 1000:.2f} s CPU per 1,000 IDs")
    print(f"  {usage.ru_maxrss * scale / 2**20:,.0f} MiB peak")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
