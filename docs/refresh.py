"""Writes what is made from the program: README.md's data dictionary, and the results in the pages beside this file.

    python docs/refresh.py

A test makes the same texts and compares.
"""

from __future__ import annotations

import json
import random
import re
import string
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Dead, Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting, SourceRead
from ingest.reports.formats import render
from ingest.simulator import fake_records
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parent.parent / "README.md"
PAGES = sorted(Path(__file__).parent.glob("*.md"))

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTLED, PENDING, DEAD = 3_000, 7, 4
"""IDs of the sample, which spread over three weeks."""

QUERY_AND_RESULT = re.compile(r"(```sql\n([^`]*)```\n+```text\n)[^`]*(```\n)")


def dictionary(reader: Reader) -> str:
    """Every relation with its grain, columns, types and meaning, from the comments that a warehouse carries."""
    return "\n".join(
        f"<details><summary><code>{name}</code> ({kind}): {meaning}</summary>\n\n"
        + render(reader.columns_of([name]).drop("relation"), "markdown")
        + "\n</details>\n"
        for name, kind, meaning in reader.relations().rows()
    )


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
        yield path


def refreshed(text: str, reader: Reader) -> str:
    """A document's text with its made parts made anew."""
    marks = r"(<!-- begin: dictionary -->\n).*?(<!-- end: dictionary -->)"
    text = re.sub(marks, lambda found: found[1] + dictionary(reader) + found[2], text, flags=re.DOTALL)
    return QUERY_AND_RESULT.sub(lambda found: found[1] + _result(reader, found[2]) + found[3], text)


def _ids(count: int) -> list[str]:
    draw = random.Random(1)  # noqa: S311  # the same every time
    seconds = [int((NOW - draw.random() * timedelta(days=21)).timestamp()) for _ in range(count)]
    return [f"gen-{second}-{''.join(draw.choices(string.ascii_letters, k=20))}" for second in seconds]


def _settled(item: WorkItem) -> Settled:
    body = json.dumps({"data": fake_records.record(1, item.generation_id)}).encode()
    return Settled(item, decode_generation(body).data, NOW, 1)


def _result(reader: Reader, statement: str) -> str:
    return render(reader.select(statement), "table")


if __name__ == "__main__":
    with sample() as made, Reader(made) as opened:
        for document in (README, *PAGES):
            document.write_text(refreshed(document.read_text(encoding="utf-8"), opened), encoding="utf-8")
