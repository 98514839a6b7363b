import importlib.util
import re
from pathlib import Path

import pytest

from ingest.cli import orusage
from ingest.errors import Exit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_data_dictionary_is_what_the_warehouse_says_of_itself():
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    refresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(refresh)
    assert refresh.refreshed(README) == README, "run: python docs/refresh.py"


@pytest.mark.parametrize("command", orusage.commands)
def test_every_command_is_in_the_readme(command):
    assert f"orusage {command}" in README


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


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "DECISIONS.md"])
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
