import importlib.util
import re
import shlex
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import click
import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest

from ingest.cli.app import orusage
from ingest.core.errors import Exit
from ingest.export.export import export
from ingest.export.plan import ExportOptions
from ingest.reports.definitions import REPORTS
from ingest.warehouse.reader import Reader

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DAILY = ExportOptions(partition_by="requested_day")
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *PAGES]
QUERIES = [
    pytest.param(query, id=f"{page.stem}-{place}")
    for page in (ROOT / "README.md", *PAGES)
    for place, query in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]
COMMAND_LINES = [
    pytest.param(line, id=f"{page.stem}: {line}")
    for page in DOCUMENTS
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("orusage ")
]
SNIPPETS = [
    pytest.param(snippet, id=page.stem)
    for page in DOCUMENTS
    for snippet in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
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
def test_generated_parts_are_up_to_date(refresh, sample, document):
    text = document.read_text(encoding="utf-8")
    assert refresh.refreshed(text, sample) == text, "run: python docs/refresh.py"


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_in_the_documents_runs(sample, query):
    columns, batches = sample.query(query).stream()
    assert columns
    assert all(len(row) == len(columns) for batch in batches for row in batch)


def test_every_result_in_the_pages_is_of_a_query_or_a_report(refresh):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    queries, reports = refresh.QUERY_AND_RESULT.findall(text), refresh.REPORT_AND_RESULT.findall(text)
    assert text.count("```text") == len(queries) + len(reports)
    assert len(queries) > 20
    assert reports


@pytest.mark.parametrize(
    ("page", "section"), [("data-dictionary", "dictionary"), ("cli", "commands"), ("architecture", "modules")]
)
def test_each_generated_section_is_on_its_page(page, section):
    assert f"<!-- begin: {section} -->" in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


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


@pytest.mark.parametrize("command", orusage.list_commands(click.Context(orusage)))
def test_every_command_is_in_the_readme(command):
    assert f"orusage {command}" in README


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_in_the_readme(name):
    section = README.split("## Report")[1].split("\n## ")[0]
    assert f"`{name}`" in section


def test_the_page_of_reports_has_every_report_with_its_dimensions():
    from ingest.reports.definitions import definition_of

    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ?(.*) \|$", page, re.MULTILINE))
    listed = re.findall(r"^\| (`.*?`) \|", README.split("## Report")[1].split("\n## ")[0], re.MULTILINE)
    assert rows.keys() == set(re.findall(r"\w+", " ".join(listed)))
    for name, dimensions in rows.items():
        assert sorted(filter(None, dimensions.split(", "))) == sorted(definition_of(name).dimensions), name


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_in_the_readme(code):
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    assert re.search(rf"^\|.*\b{code.value}\b.*\|", table, re.MULTILINE)


def test_the_two_commands_are_those_that_ci_runs():
    test_command = '.venv/bin/pip install -q ".[test]" && .venv/bin/python -m pytest -q'
    assert test_command in README
    assert '.venv/bin/pip install -q ".[demo]" && .venv/bin/orusage demo' in README
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(part in ci for part in test_command.split(" && "))


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_line_in_the_documents_is_accepted(line):
    arguments = shlex.split(line, comments=True)[1:]
    context = orusage.make_context("orusage", arguments)
    command = orusage
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_python_snippet_runs(snippet, simulation, monkeypatch, capsys):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-0123456789abcdef-test")
    client = f"OpenRouter(server_url={simulation.base_url!r}, "
    assert "OpenRouter(" in snippet
    exec(compile(snippet.replace("OpenRouter(", client), "snippet", "exec"), {})  # noqa: S102  # our own page
    assert capsys.readouterr().out


def test_the_readme_is_short_enough_to_read():
    assert 180 <= len(README.splitlines()) <= 260


def test_every_page_is_in_the_readme():
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\((docs/[^)#]+)", README)}
    assert [page.name for page in PAGES if page.resolve() not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_has_one_title(page):
    lines = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE).splitlines()
    assert [line for line in lines if line.startswith("# ")] == lines[:1]


def test_every_benchmark_is_on_its_page():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    missing = [
        path.name for path in (ROOT / "tests" / "bench").glob("bench_*.py") if f"tests/bench/{path.name}" not in page
    ]
    assert missing == []


def test_the_import_contract_is_on_the_page_of_the_architecture():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = project["tool"]["importlinter"]["contracts"]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "```\n" + "".join(f"{layer}\n" for layer in contract["layers"]) + "```" in page


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_files_named_in_the_documents_exist(document):
    text = document.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:ingest|sql|tests|docs|data)/[\w./*-]+?)`", text):
        assert list(ROOT.glob(name.rstrip("/").replace("NNNN_name", "*").replace("NAME", "*"))), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for name, _, anchor in re.findall(r"\]\((?!https?://)([^)#]*)(#([^)]+))?\)", text):
        target = document.parent / name if name else document
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
