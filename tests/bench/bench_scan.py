"""The scan beside ripgrep, and a second run beside `orusage status`: each pair in one run.

    python tests/bench/bench_scan.py [--mib 1024] [PART]...

PART is one of plain, packed, memory, again; all by default. Needs rg (and gzip) on the PATH. The logs are made
by a generator with a fixed seed. Every figure is a process's CPU or wall time; pairs run in turn, three times, and the
medians are compared.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import statistics
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingest.core.generation_id import FORMS

EXACT = f"(?<![0-9A-Za-z])gen-{FORMS}"
"""Our expression with the left edge that we look at by ourselves. It needs ripgrep's PCRE2 engine."""

NEAREST = (
    r"(?:^|[^0-9A-Za-z])gen-(?:(?:[a-z][a-z0-9]{0,15}-)?[0-9]{10}-[0-9A-Za-z]{20}|[0-9A-Za-z]{28}|[0-9A-Za-z]{24})\b"
)
"""What comes nearest to it in ripgrep's own engine, which has no look-around."""

BARE = r"gen-(?:[a-z0-9]{1,16}-)?[0-9]{10}-[0-9A-Za-z]{20}"
"""Today's form without any edge: finds what is none, and is ripgrep at its fastest."""

SAID = (
    "the request was routed to a provider and answered with tokens after a retry because its cache held the prompt of "
    "this user session while another upstream timed out so that we fell back to the next one in order"
)
WORDS = SAID.split()
ORUSAGE = [sys.executable, "-m", "ingest"]


def some_ids(draw: random.Random):
    """IDs of today's form, two a second."""
    alphabet = string.ascii_letters + string.digits
    number = 0
    while True:
        yield f"gen-{1750000000 + number // 2}-{''.join(draw.choices(alphabet, k=20))}"
        number += 1


def json_lines(draw: random.Random):
    """A log of LLM calls: each line one call, with its ID and some words of prompt and answer."""
    said = [" ".join(draw.choices(WORDS, k=60)) for _ in range(300)]
    for number, generation_id in enumerate(some_ids(draw)):
        yield (
            f'{{"timestamp":"2025-06-15T{number // 7200 % 24:02}:{number // 120 % 60:02}:{number // 2 % 60:02}.'
            f'{number % 1000:03}Z","level":"INFO","logger":"app.llm","feature":"search","user":"u{number % 99991:05}",'
            f'"prompt":"{said[number % 300]}","response":{{"id":"{generation_id}","model":"openai/gpt-4o",'
            f'"choices":[{{"message":{{"role":"assistant","content":"{said[number * 7 % 300]}"}}}}],'
            f'"usage":{{"prompt_tokens":{number % 4001},"completion_tokens":{number % 907}}}}}}}\n'
        )


def text(draw: random.Random):
    """An application's log: an ID on every twentieth line."""
    said = [" ".join(draw.choices(WORDS, k=12)) for _ in range(300)]
    ids = some_ids(draw)
    number = 0
    while True:
        stamp = f"2025-06-15 12:{number // 60 % 60:02}:{number % 60:02},{number % 1000:03}"
        what = f"INFO app.llm generation {next(ids)} done" if number % 20 == 0 else f"DEBUG app.{number % 17} {said[0]}"
        yield f"{stamp} {what} {said[number * 7 % 300]}\n"
        number += 1


def written(path: Path, lines, size: int) -> Path:
    """A file of about that many bytes."""
    with path.open("w", encoding="ascii") as file:
        while file.tell() < size:
            file.write("".join(next(lines) for _ in range(2000)))
    return path


def measured(command: list[str] | str, directory: Path, stdin: Path | None = None) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak MiB of a command whose output goes nowhere."""
    began = time.perf_counter()
    with (stdin or Path(os.devnull)).open("rb") as source:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=source,
            stdout=subprocess.DEVNULL,
            shell=isinstance(command, str),
        )
        _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, command
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / scale


def in_turn(commands: dict[str, list[str] | str], directory: Path, times: int = 3) -> dict[str, tuple[float, ...]]:
    """Medians of CPU, wall and peak memory of commands that take turns."""
    runs = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(measured(command, directory))
    return {name: tuple(map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}


def compare(title: str, figures: dict[str, tuple[float, ...]], ours: str, place: int = 0) -> None:
    """Print figures, and ours as a ratio to each of the others."""
    print(f"\n{title}")
    for name, (cpu, wall, peak) in figures.items():
        ratio = "" if name == ours else f"   ours / this: {figures[ours][place] / figures[name][place]:.2f}"
        print(f"  {name:<34} CPU {cpu:6.2f} s  wall {wall:6.2f} s  peak {peak:6.0f} MiB{ratio}")


def plain(directory: Path, logs: list[Path]) -> None:
    for log in logs:
        commands = {
            "orusage extract": [*ORUSAGE, "extract", log.name],
            "rg -j1 -P -o, exact expression": ["rg", "-j1", "-P", "-o", EXACT, log.name],
            "rg -j1 -o -b, nearest expression": ["rg", "-j1", "-o", "-b", NEAREST, log.name],
            "rg -j1 -o, no edges at all": ["rg", "-j1", "-o", BARE, log.name],
        }
        compare(f"{log.name}, {log.stat().st_size / 2**20:,.0f} MiB", in_turn(commands, directory), "orusage extract")


def packed(directory: Path, logs: list[Path]) -> None:
    for log in logs:
        archive = directory / f"{log.name}.gz"
        with log.open("rb") as source, gzip.open(archive, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target, 2**20)
        commands: dict[str, list[str] | str] = {
            "orusage extract": [*ORUSAGE, "extract", archive.name],
            "zcat | rg -j1 -P -o": f"zcat {archive.name} | rg -j1 -P -o '{EXACT}'",
            "zcat | rg -j1 -o, nearest": f"zcat {archive.name} | rg -j1 -o '{NEAREST}'",
        }
        compare(f"{archive.name}: wall time", in_turn(commands, directory), "orusage extract", place=1)


def memory(directory: Path, logs: list[Path]) -> None:
    print("\npeak memory of orusage extract")
    for log in [*logs, *(directory / f"{log.name}.gz" for log in logs)]:
        if log.exists():
            print(f"  {log.name:<24} {measured([*ORUSAGE, 'extract', log.name], directory)[2]:4.0f} MiB")
            piped = measured([*ORUSAGE, "extract", "-"], directory, stdin=log)
            print(f"  {log.name + ' as a pipe':<24} {piped[2]:4.0f} MiB")
    one_line = directory / "one-line.json"
    with one_line.open("wb") as file:
        for line in logs[0].open("rb"):
            if file.tell() > 100 * 2**20:
                break
            file.write(line.rstrip(b"\n"))
    print(f"  {'a line of 100 MiB':<24} {measured([*ORUSAGE, 'extract', one_line.name], directory)[2]:4.0f} MiB")


def again(directory: Path, logs: list[Path]) -> None:
    """A thousand files that did not change, beside `orusage status`."""
    folder, ids = directory / "logs", some_ids(random.Random(9))
    folder.mkdir()
    for number in range(1000):
        (folder / f"{number:04}.log").write_text("".join(f'{{"id":"{next(ids)}"}}\n' for _ in range(3)))
    time.sleep(2.5)  # a file that was written a moment ago is looked at twice
    simulator = subprocess.Popen([*ORUSAGE, "simulate", "--port", "0"], stdout=subprocess.PIPE, text=True)
    os.environ |= {
        "OPENROUTER_API_KEY": "sk-or-v1-bench",
        "OPENROUTER_BASE_URL": simulator.stdout.readline().split()[-1],
    }
    ingest = [*ORUSAGE, "-q", "ingest", folder.name]
    measured(ingest, directory)
    simulator.terminate()
    figures = in_turn({"orusage ingest, nothing new": ingest, "orusage status": [*ORUSAGE, "status"]}, directory, 7)
    compare("1,000 unchanged files: wall time", figures, "orusage ingest, nothing new", place=1)


PARTS = {"plain": plain, "packed": packed, "memory": memory, "again": again}


def main(mib: int, parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory, draw = Path(folder), random.Random(5)
        logs = [
            written(directory / "calls.jsonl", json_lines(draw), mib * 2**20),
            written(directory / "app.log", text(draw), mib * 2**20),
        ]
        for part in parts:
            PARTS[part](directory, logs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    given = parser.parse_args()
    main(given.mib, given.parts)
