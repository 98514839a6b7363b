"""Loads ``sql/``: named queries, numbered migrations, and views in the order in which they build on each other.

Queries and views may include fragments: the line ``-- include: NAME key=value`` stands for the text of
``sql/fragments/NAME.sql``, without the comment at its top, with each ``{key}`` replaced by its value. Fragments may
include others.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from functools import cache

from ingest.core.resources import SQL

MIGRATION_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_PARAMETER = re.compile(r"\$(\w+)")
_INCLUDE = re.compile(r"^ *-- include:(.*)\n", re.MULTILINE)
_TOP_COMMENT = re.compile(r"(?:--.*\n)+")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

SAME_SECONDS = "requested_at BETWEEN $low AND $high"
"""The condition that limits a look-up to the seconds of the IDs in a batch."""

VIEW_GROUPS = ("base", "rollups", "cost", "latency", "providers", "ops", "billing", "checks", "interchange")
"""The folders of ``sql/views``, lowest layer first: a view selects from tables and from groups before its own."""

_IN_SCHEMA_OPS = ("rollups", "ops", "billing")
"""The groups whose views are in the schema ``ops``; the others are in ``main``."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema.

    Attributes:
        number: Its number, from 1.
        name: The name of its file.
        text: Its statements.
    """

    number: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        group: Its folder below ``sql/views``.
        name: Its name, without the schema.
        grain: What one row stands for, such as ``one row per model``.
        text: The statements that create and comment it, fragments included.
    """

    group: str
    name: str
    grain: str
    text: str

    @property
    def relation(self) -> str:
        """The view's schema-qualified name."""
        return f"{'ops' if self.group in _IN_SCHEMA_OPS else 'main'}.{self.name}"


@cache
def query(name: str) -> str:
    """The text of ``sql/NAME.sql``; the name carries its folder, such as ``ledger/claim_ready``."""
    return with_fragments((SQL / f"{name}.sql").read_text(encoding="utf-8"))


@cache
def parameters_of(name: str) -> frozenset[str]:
    """The names of a query's parameters. DuckDB refuses values for any other name."""
    statements = (line for line in query(name).splitlines() if not line.startswith("--"))
    return frozenset(_PARAMETER.findall("\n".join(statements)))


@cache
def legacy_query(name: str) -> str:
    """The same query for legacy IDs. They carry no second, so they are looked up among themselves."""
    return query(name).replace(SAME_SECONDS, "requested_at IS NULL")


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, lowest number first. They include no fragments: an applied migration never changes."""
    paths = sorted((SQL / "migrations").glob("*.sql"))
    return tuple(Migration(int(p.name[:4]), p.name, p.read_text(encoding="utf-8")) for p in paths)


@cache
def views() -> tuple[View, ...]:
    """All views; each comes after those it selects from."""
    return tuple(
        _view(group, path.stem, with_fragments(path.read_text(encoding="utf-8")))
        for group in VIEW_GROUPS
        for path in sorted((SQL / "views" / group).glob("*.sql"))
    )


def checks() -> tuple[View, ...]:
    """The check views: each must have no rows."""
    return tuple(view for view in views() if view.group == "checks")


@cache
def views_digest() -> str:
    """16 hex digits that identify the texts of all views. A warehouse stores them to know whether its views differ."""
    return hashlib.sha256("\0".join(v.text for v in views()).encode()).hexdigest()[:16]


def with_fragments(text: str) -> str:
    """The text with each include line replaced by its fragment, with the fragments that this includes.

    Raises:
        ValueError: There is no such fragment, or it takes other arguments.
    """
    return _INCLUDE.sub(lambda line: _fragment(*shlex.split(line[1])), text)


def _fragment(name: str = "", *pairs: str) -> str:
    path = SQL / "fragments" / f"{name}.sql"
    if not path.is_file():
        raise ValueError(f"unknown SQL fragment {name!r}: there is no file {path}")
    text = _TOP_COMMENT.sub("", path.read_text(encoding="utf-8"), count=1)
    arguments = {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
    wanted = set(_PLACEHOLDER.findall(text))
    if arguments.keys() != wanted:
        raise ValueError(f"SQL fragment {name!r} takes the arguments {sorted(wanted)}, not {sorted(arguments)}")
    return with_fragments(_PLACEHOLDER.sub(lambda placeholder: arguments[placeholder[1]], text))


def _view(group: str, name: str, text: str) -> View:
    return View(group, name, text.partition("\n")[0].removeprefix("-- grain: "), text)
