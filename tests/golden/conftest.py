"""Fixtures of the tests over the golden generations."""

import shutil
from datetime import timedelta

import pytest

from golden.stored import GOLDEN, NOW, built, leave_unsettled, runs
from ingest.warehouse.warehouse import Warehouse


@pytest.fixture(scope="module")
def unsettled(tmp_path_factory):
    """A warehouse before its first generation is settled, to begin from."""
    path = tmp_path_factory.mktemp("unsettled") / "w.duckdb"
    with Warehouse(path, NOW) as warehouse:
        runs(warehouse, NOW, 3)
        leave_unsettled(warehouse)
        runs(warehouse, NOW - timedelta(days=1), 0)
    return path


@pytest.fixture(scope="module")
def path(unsettled, tmp_path_factory):
    return built(shutil.copy(unsettled, tmp_path_factory.mktemp("golden") / "w.duckdb"), [GOLDEN])
