"""The loader of ``sql/``: named queries, numbered migrations, and views in the order they build on each other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache

from ingest.core.resources import SQL

MIGRATION_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_PARAMETER = re.compile(r"\$(\w+)")

SAME_SECONDS = "requested_at BETWEEN $low AND $high"
"""How a query narrows a look-up to the seconds of its batch."""

VIEW_GROUPS = ("base", "rollups", "cost", "latency", "providers", "ops", "checks", "interchange")
"""The folders of ``sql/views``, lower layers first: a view selects from tables and from groups before its own."""

_OPS = ("rollups", "ops")
"""Those whose views are in the schema ``ops``."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema: its number, its file's name, its statements."""

    number: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """One view's file: its group, its name, its grain (the first line's words), its statements."""

    group: str
    name: str
    grain: str
    text: str

    @property
    def relation(self) -> str:
        """The view's schema-qualified name."""
        return f"{'ops' if self.group in _OPS else 'main'}.{self.name}"


@cache
def query(name: str) -> str:
    """The text of ``sql/NAME.sql``; the name carries its folder, such as ``ledger/claim_ready``."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def parameters_of(name: str) -> frozenset[str]:
    """The parameters of that query: DuckDB refuses values for others."""
    statements = (line for line in query(name).splitlines() if not line.startswith("--"))
    return frozenset(_PARAMETER.findall("\n".join(statements)))


@cache
def legacy_query(name: str) -> str:
    """The same for legacy IDs, which carry no second: they are looked up among themselves."""
    return query(name).replace(SAME_SECONDS, "requested_at IS NULL")


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, lowest number first."""
    paths = sorted((SQL / "migrations").glob("*.sql"))
    return tuple(Migration(int(p.name[:4]), p.name, p.read_text(encoding="utf-8")) for p in paths)


@cache
def views() -> tuple[View, ...]:
    """All views, those that others build on first."""
    return tuple(
        _view(group, path.stem, path.read_text(encoding="utf-8"))
        for group in VIEW_GROUPS
        for path in sorted((SQL / "views" / group).glob("*.sql"))
    )


def checks() -> tuple[View, ...]:
    """The views that must be empty."""
    return tuple(view for view in views() if view.group == "checks")


def _view(group: str, name: str, text: str) -> View:
    return View(group, name, text.partition("\n")[0].removeprefix("-- grain: "), text)


@cache
def views_digest() -> str:
    """A name for exactly this set of views, so that a warehouse knows whether it has them."""
    return hashlib.sha256("\0".join(v.text for v in views()).encode()).hexdigest()[:16]
