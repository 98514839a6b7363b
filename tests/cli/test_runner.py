"""A run as a process: which exit code a signal ends it with (what it keeps is tested end to end)."""

import os
import signal

import pytest

from ingest.cli import runner
from ingest.client.accounts import Account
from ingest.core.base_url import BASE_URL
from ingest.core.errors import InterruptedRunError
from ingest.core.settings import Settings


def run(monkeypatch, path, ingest):
    monkeypatch.setattr(runner, "ingest", ingest)
    runner.run([], path / "orusage.duckdb", [Account(None, pytest.fail, BASE_URL)], Settings(), bar=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_library_turns_into_an_error_of_its_own(monkeypatch, tmp_path, number):
    async def ingest(*_):
        try:
            os.kill(os.getpid(), number)
        except InterruptedRunError:
            raise RuntimeError("Query interrupted") from None  # as DuckDB 1.5 does

    with pytest.raises(InterruptedRunError) as caught:
        run(monkeypatch, tmp_path, ingest)
    assert caught.value.code == 128 + number


def test_an_error_without_a_signal_is_itself(monkeypatch, tmp_path):
    async def ingest(*_):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        run(monkeypatch, tmp_path, ingest)
