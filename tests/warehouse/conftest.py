"""Fixtures of the tests of the consistency checks."""

import shutil

import pytest
from support.faulty_warehouse import NOW, fill

from ingest.warehouse.warehouse import Warehouse


@pytest.fixture(scope="module")
def consistent_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consistent")
    with Warehouse(folder / "w.duckdb", NOW) as warehouse:
        fill(warehouse)
    return folder


@pytest.fixture
def path(consistent_folder, tmp_path):
    """A warehouse that is the test's own."""
    shutil.copytree(consistent_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "w.duckdb"
