"""Writes the generated parts of the documentation.

    python docs/refresh.py

Generated are the data dictionary (`data-dictionary.md`), the command reference (`cli.md`), the list of modules
(`architecture.md`), and on every page the result below each SQL query and each `orusage report` command. The results
come from a warehouse of simulated generations that is the same every time. `tests/test_docs.py` generates the same
texts and compares.
"""

from __future__ import annotations

import ast
import json
import random
import re
import shlex
import string
import tempfile
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingest.cli.app import orusage
from ingest.cli.options import local_moment
from ingest.client.decode import decode_generation
from ingest.client.keys import read_key
from ingest.client.members import read_member
from ingest.client.workspaces import read_workspace
from ingest.core.discovered import ANALYTICS, DiscoveredGeneration, Discovery
from ingest.core.generation_id import second_of
from ingest.core.name_records import Names
from ingest.core.outcomes import Dead, Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.reports.comparison import comparison_of
from ingest.reports.formats import FORMATS, render
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.reports.summary_view import printed
from ingest.simulator import fake_records, listings
from ingest.simulator.account import KEYS, WORKSPACES
from ingest.simulator.traffic import call_of
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

README = Path(__file__).parent.parent / "README.md"
PACKAGE = README.parent / "ingest"
PAGES = sorted(Path(__file__).parent.glob("*.md"))

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTLED, PENDING, DEAD = 3_000, 7, 4
"""Number of IDs in the sample warehouse by state. They are spread over three weeks."""

SEED = 1
"""Selects the simulated records and keys."""

WIDTH = 80
"""Characters per line of a report's table."""

HELP_WIDTH = 100
"""Characters per line of a command's help."""

SECTION = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
QUERY_AND_RESULT = re.compile(r"(```sql\n([^`]*)```\n+```text\n)[^`]*(```\n)")
REPORT_AND_RESULT = re.compile(r"(```sh\n(orusage report[^`\n]*)\n```\n+```text\n)[^`]*(```\n)")


def refreshed(text: str, reader: Reader) -> str:
    """The text of a page with its generated parts replaced."""
    text = SECTION.sub(lambda found: found[1] + SECTIONS[found[2]](reader) + found[3], text)
    text = REPORT_AND_RESULT.sub(lambda found: found[1] + _report(reader, found[2]) + found[3], text)
    return QUERY_AND_RESULT.sub(lambda found: found[1] + _result(reader, found[2]) + found[3], text)


def dictionary(reader: Reader) -> str:
    """An index of all relations, then each with its columns, from the comments stored in a warehouse."""
    relations = reader.relations().rows()
    index = "".join(f"- [`{name}`](#{name.replace('.', '')})\n" for name, _, _ in relations)
    return f"\n{index}\n" + "\n".join(
        f"## {name}\n\n**{kind.capitalize()}.** {meaning}\n\n"
        + render(reader.columns_of([name]).drop("relation"), "markdown")
        for name, kind, meaning in relations
    )


def commands(_: Reader) -> str:
    """The help text of every command."""
    root = click.Context(orusage, info_name="orusage", terminal_width=HELP_WIDTH, **orusage.context_settings)
    return "".join(_helps(root))


def modules(_: Reader) -> str:
    """Every package with its modules, each with the first line of its docstring."""
    return "".join(map(_package, sorted(PACKAGE.rglob("__init__.py"))))


SECTIONS: dict[str, Callable[[Reader], str]] = {"dictionary": dictionary, "commands": commands, "modules": modules}
"""The generator of each section that a page marks with ``<!-- begin: NAME -->``."""


@contextmanager
def sample() -> Iterator[Path]:
    """A warehouse of simulated generations, the same every time."""
    ids = _ids(SETTLED + PENDING + DEAD)
    items = [WorkItem(i, second_of(i), "app.log", 0) for i in ids]
    sightings = tuple(Sighting(i, "app.log", 0) for i in ids)
    read = SourceRead("app.log", 99, len(ids), complete=True, position=99)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "orusage.duckdb")
        with Warehouse(path, NOW) as warehouse:
            warehouse.add(Chunk(sightings, (read,), ended=1, bytes_read=99), "run", NOW)
            warehouse.commit([_settled(item) for item in items[:SETTLED]], "run")
            warehouse.commit([Dead(item, "not_found", 404, 3) for item in items[SETTLED + PENDING :]], "run")
            warehouse.add_names(_names(), NOW)
            warehouse.add_discovery(_discovery(ids[:SETTLED:2]), "discovery", NOW)
        yield path


def _names() -> Names:
    """The lists of the simulated account."""
    told = {"include_disabled": "true", "include_expired": "true"}
    keys = [
        read_key(row, workspace.id)
        for workspace in WORKSPACES
        for offset in ("0", "100")
        for row in listings.keys(told | {"workspace_id": workspace.id, "offset": offset}, (), SEED, NOW, endless=False)
    ]
    workspaces = [read_workspace(row, has_all_keys=True) for row in listings.workspaces({}, endless=False)["data"]]
    people = [read_member(row) for row in listings.members({}, endless=False)["data"]]
    return Names(tuple(workspaces), tuple(keys), tuple(people))


def _discovery(ids: list[str]) -> Discovery:
    """What Analytics tells of the keys of some generations; those that share a name are asked about by their hashes."""
    calls = [call_of(SEED, generation_id) for generation_id in ids]
    counts = Counter(key.name for key in KEYS)
    told = [
        DiscoveredGeneration(
            call.generation_id,
            api_key_label=call.key.name,
            api_key_hash=call.key.hash(SEED) if counts[call.key.name] > 1 else None,
        )
        for call in calls
    ]
    return Discovery(ANALYTICS, tuple(told), len(told))


def _ids(count: int) -> list[str]:
    draw = random.Random(1)  # noqa: S311  # sample data, the same every time
    seconds = [int((NOW - draw.random() * timedelta(days=21)).timestamp()) for _ in range(count)]
    return [f"gen-{second}-{''.join(draw.choices(string.ascii_letters, k=20))}" for second in seconds]


def _settled(item: WorkItem) -> Settled:
    body = json.dumps({"data": fake_records.record(SEED, item.generation_id)}).encode()
    return Settled(item, decode_generation(body).data, NOW, 1)


def _helps(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"\n## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if part := command.get_command(context, name):
                yield from _helps(click.Context(part, parent=context, info_name=name))


def _package(init: Path) -> str:
    rows = (f"| `{path.name}` | {_summary(path)} |\n" for path in sorted(init.parent.glob("*.py")) if path != init)
    name = init.parent.relative_to(PACKAGE.parent).as_posix()
    return f"\n### {name}/\n\n{_summary(init)}\n\n| module | content |\n|---|---|\n{''.join(rows)}"


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("|", "\\|").replace("``", "`")


def _report(reader: Reader, line: str) -> str:
    command = orusage.get_command(click.Context(orusage), "report")
    assert command  # noqa: S101  # for the type checker: the command exists
    options = command.make_context("report", shlex.split(line)[2:]).params
    period = Period.between(options["since"], options["until"], options["timezone"])
    wanted, by = options["compare"], ",".join(options["by"]) or None
    comparison = comparison_of(period, wanted, local_moment) if wanted else None
    found = report(reader, options["name"], comparison or period, by, options["top"], options["where"])
    return printed(found, options["format"], WIDTH)


def _result(reader: Reader, statement: str) -> str:
    columns, batches = reader.query(statement).stream()
    return FORMATS["table"](columns, list(chain.from_iterable(batches)))


if __name__ == "__main__":
    with sample() as made, Reader(made) as opened:
        for document in (README, *PAGES):
            document.write_text(refreshed(document.read_text(encoding="utf-8"), opened), encoding="utf-8")
