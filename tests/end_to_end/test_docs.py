import importlib.util
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest

from ingest.cli.app import orusage
from ingest.core.errors import Exit
from ingest.export.export import export
from ingest.export.plan import ExportOptions
from ingest.reports.definitions import FAMILIES
from ingest.warehouse.reader import Reader

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DAILY = ExportOptions(partition_by="requested_day")
PAGES = sorted((ROOT / "docs").glob("*.md"))
QUERIES = [
    pytest.param(query, id=f"{page.stem}-{place}")
    for page in (ROOT / "README.md", *PAGES)
    for place, query in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.fixture(scope="module")
def refresh():
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def warehouse(refresh):
    with refresh.sample() as path:
        yield path


@pytest.fixture(scope="module")
def sample(warehouse):
    with Reader(warehouse) as reader:
        yield reader


@pytest.mark.parametrize("document", [ROOT / "README.md", *PAGES], ids=lambda path: path.stem)
def test_the_dictionary_and_the_results_are_what_a_warehouse_says(refresh, sample, document):
    text = document.read_text(encoding="utf-8")
    assert refresh.refreshed(text, sample) == text, "run: python docs/refresh.py"


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_in_the_documents_runs(sample, query):
    sample.select(query)


def test_every_result_in_the_pages_is_of_a_query(refresh):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert text.count("```text") == len(refresh.QUERY_AND_RESULT.findall(text)) > 20


def test_every_view_for_analysts_is_on_a_page(sample):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    views = [name for name, kind, _ in sample.relations().rows() if kind == "view" and not name.startswith("check_")]
    assert [v for v in views if v not in text and v not in {"ops.cost_cells", "ops.latency_samples"}] == []


def test_exports_are_read_as_the_page_says(warehouse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(warehouse, "w.duckdb")  # the other one is held open
    export(Path("w.duckdb"), tmp_path / "lake", ["generations"], DAILY, datetime.now(UTC))
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    ways = dict(re.findall(r"^\| (DuckDB|polars|pandas|pyarrow) \| `(.+)` \|$", page, re.MULTILINE))
    modules = {"pl": pl, "pd": pd, "pyarrow": pyarrow}
    rows = {way: len(eval(ways[way], modules)) for way in ("pandas", "pyarrow")}  # noqa: S307  # our own page
    rows["polars"] = eval(ways["polars"], modules).collect().height  # noqa: S307  # our own page
    rows["DuckDB"] = len(duckdb.sql(ways["DuckDB"]).fetchall())
    assert rows == dict.fromkeys(ways, 3000)


@pytest.mark.parametrize("command", orusage.commands)
def test_every_command_is_in_the_readme(command):
    assert f"orusage {command}" in README


@pytest.mark.parametrize("name", FAMILIES)
def test_every_report_is_in_the_readme(name):
    section = README.split("## Report")[1].split("\n## ")[0]
    assert f"`{name}`" in section


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_in_the_readme(code):
    table = README.split("### Exit codes")[1].split("###")[0].split("## The data")[0]
    assert re.search(rf"^\|.*\b{code.value}\b.*\|", table, re.MULTILINE)


def test_the_two_commands_are_those_that_ci_runs():
    test_command = '.venv/bin/pip install -q ".[test]" && .venv/bin/python -m pytest -q'
    assert test_command in README
    assert '.venv/bin/pip install -q ".[demo]" && .venv/bin/orusage demo' in README
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(part in ci for part in test_command.split(" && "))


@pytest.mark.parametrize("document", [*ROOT.glob("*.md"), *PAGES], ids=lambda path: path.stem)
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
        assert (document.parent / target).exists(), target
