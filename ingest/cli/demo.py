"""The demo: sample logs with current timestamps, a simulated OpenRouter in its own process, a run, and its tables."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.cli.output import terminal_width
from ingest.cli.run_summary import render_summary
from ingest.cli.runner import run
from ingest.client.accounts import Account
from ingest.client.credentials import ApiKey
from ingest.core.errors import OrusageError
from ingest.core.generation_id import READY_AGE
from ingest.core.resources import SAMPLES
from ingest.core.settings import Settings
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.reports.summary_view import printed
from ingest.simulator.replies import DEFAULT_KEY
from ingest.warehouse.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIRECTORY = Path("orusage-demo")

NEWEST_AGE = READY_AGE + timedelta(seconds=10)
NOT_FOUND_FOR = NEWEST_AGE + timedelta(seconds=30)
"""The newest IDs of the samples are old enough to be fetched at once, but a few are answered 404 at first."""

TABLES = (("ledger", "state"), ("cost", "model"), ("latency", "provider"))
"""The reports that the demo prints, and their dimensions."""

TOP = 10
"""Rows of each table."""

UNLIMITED = 1_000_000
"""Characters of a line where there is no terminal."""

FAULTS = (
    *("--rate-limit", "300", "--burst", "50", "--not-found-for", f"{NOT_FOUND_FOR.total_seconds():g}s"),
    *("--p529", "0.003", "--p500", "0.008", "--p404", "0.006", "--malformed", "0.003"),
)

_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+/api/v1)$")
_ID_SECOND = re.compile(rb"(gen-(?:[a-z]+-)?)(\d{10})(?=-[0-9A-Za-z]{20})")
_EPOCH = re.compile(rb'("created": )(\d{10})')
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def run_demo(warehouse: Path | None, *, bar: bool, say: Callable[[str], None]) -> str:
    """Run the demo.

    Args:
        warehouse: The DuckDB file; None for one in `DIRECTORY`.
        bar: Show a bar instead of heartbeat lines.
        say: Receives messages on the progress of the demo.

    Returns:
        The summary, tables of the ledger, cost and latency, and commands to try next.

    Raises:
        OrusageError: the run failed, or files cannot be written.
    """
    logs, file = DIRECTORY / "logs", warehouse or DIRECTORY / "orusage.duckdb"
    if not logs.exists():
        lay_out_samples(logs, datetime.now(UTC) - NEWEST_AGE)
        say(f"wrote two weeks of sample logs to {logs}, the newest IDs three minutes old")
    with simulator() as base_url:
        say(f"a simulated OpenRouter listens on {base_url}: 300 requests/s, with some 529, 500 and 404 answers")
        settings = Settings(base_url=base_url)
        account = Account(None, lambda: ApiKey(DEFAULT_KEY, "the demo"), base_url)
        result, stats = run([str(logs)], file, [account], settings, bar=bar)
    if result.error:
        raise result.error
    with Reader(file) as reader:
        tables = [_table(reader, *words) for words in TABLES]
    return "\n".join((render_summary(result, stats, "table"), *tables, _next_steps(file)))


def _table(reader: Reader, name: str, by: str) -> str:
    found = report(reader, name, Period(), by, TOP)
    return printed(found, "table", terminal_width() or UNLIMITED)


def lay_out_samples(logs: Path, newest: datetime) -> None:
    """Copy the samples with all times shifted, so that the newest ID has the timestamp `newest`."""
    texts = {path.relative_to(SAMPLES): _read(path) for path in sorted(SAMPLES.rglob("*")) if path.is_file()}
    seconds = (int(s) for text in texts.values() for _, s in _ID_SECOND.findall(text))
    latest = max(s for s in seconds if s < newest.timestamp())
    shift = timedelta(seconds=int(newest.timestamp()) - latest)
    unfinished = logs.with_name(logs.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name, text in texts.items():
        (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
        _write(unfinished / name, _shifted(text, shift))
    unfinished.rename(logs)


@contextmanager
def simulator() -> Iterator[str]:
    """Run a simulated OpenRouter with `FAULTS` while the block runs; the value is its base URL."""
    # -P: do not import an `ingest.py` that lies in the current directory
    command = [sys.executable, "-P", "-m", "ingest", "simulate", "--port", "0", *FAULTS]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603
        try:
            listening = _LISTENING.match(process.stdout.readline() if process.stdout else "")
            if not listening:
                raise OrusageError(
                    "the simulated OpenRouter did not start",
                    cause="its process ended immediately",
                    fix="run `orusage simulate` by itself to see why",
                )
            yield listening[1]
        finally:
            process.terminate()


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _write(path: Path, text: bytes) -> None:
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def _shifted(text: bytes, shift: timedelta) -> bytes:
    seconds = int(shift.total_seconds())
    text = _ID_SECOND.sub(lambda m: m[1] + b"%010d" % (int(m[2]) + seconds), text)
    text = _EPOCH.sub(lambda m: m[1] + b"%d" % (int(m[2]) + seconds), text)
    return _STAMP.sub(lambda m: (datetime.fromisoformat(m[0].decode()) + shift).isoformat().encode(), text)


def _next_steps(file: Path) -> str:
    return f"""\
Try next:
  orusage -w {file} report
  orusage -w {file} query "SELECT * FROM provider_reliability ORDER BY success_rate LIMIT 5"
  orusage -w {file} export -o export
  orusage -w {file} views
"""  # noqa: S608  # printed, never run
