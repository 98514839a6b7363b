"""Writes the parts of README.md that are made from the program: the data dictionary.

    python docs/refresh.py

A test makes the same text and compares.
"""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from ingest.reader import Reader
from ingest.render import render
from ingest.warehouse import Warehouse

README = Path(__file__).parent.parent / "README.md"


def dictionary() -> str:
    """Every relation with its grain, columns, types and meaning, from the comments of an empty warehouse."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "empty.duckdb")
        with Warehouse(path, datetime.now(UTC)):
            pass
        with Reader(path) as reader:
            parts = [
                f"<details><summary><code>{name}</code> ({kind}): {meaning}</summary>\n\n"
                + render(reader.columns_of([name]).drop("relation"), "markdown")
                + "\n</details>\n"
                for name, kind, meaning in reader.relations().rows()
            ]
    return "\n".join(parts)


def refreshed(text: str) -> str:
    """README.md's text with its made parts made anew."""
    marks = r"(<!-- begin: dictionary -->\n).*?(<!-- end: dictionary -->)"
    made = dictionary()
    return re.sub(marks, lambda found: found[1] + made + found[2], text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text(encoding="utf-8")), encoding="utf-8")
