"""DuckDB's errors about a user's SQL as three lines, with the position in the text and a suggestion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.core.errors import UsageError
from ingest.core.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLACE = re.compile(r"^(LINE \d+: .*)\n( *\^+)", re.MULTILINE)
_HINT = re.compile(r"\n(?:Did you mean|Candidate bindings:) (.*)")
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")


def refused_sql(message: str, relations: Iterable[str]) -> UsageError:
    """The error for SQL that DuckDB refuses.

    Args:
        message: DuckDB's message.
        relations: The names of all views and tables, for suggestions.
    """
    kind, _, rest = message.partition(": ")
    error = UsageError(f"the SQL was refused: {kind}", cause=rest.strip().partition("\n")[0], fix=_fix(rest, relations))
    if place := _PLACE.search(rest):
        error.excerpt = (place[1], place[2])
    return error


def _fix(text: str, relations: Iterable[str]) -> str:
    missing = _NO_TABLE.search(text)
    close = closest(missing[1], relations) if missing else None
    if close:
        return f"did you mean {close}?"
    hint = _HINT.search(text)
    if hint and not missing:
        return f"did you mean {hint[1].rstrip('?').replace(chr(34), '')}?"
    return "see `orusage views` for all views and tables"


def mismatched(wanted: set[str], given: Mapping[str, str]) -> UsageError | None:
    """The error for parameters that are in the SQL and not given, or given and not in the SQL; None if they agree."""
    if missing := sorted(wanted - given.keys()):
        return UsageError(
            f"the SQL has a parameter ${missing[0]} without a value",
            cause=f"missing: {', '.join(missing)}",
            fix=" ".join(f"--param {name}=VALUE" for name in missing),
        )
    if unknown := sorted(given.keys() - wanted):
        close = closest(unknown[0], wanted)
        there = ", ".join(f"${name}" for name in sorted(wanted)) or "none"
        return UsageError(
            f"the SQL has no parameter ${unknown[0]}",
            cause=f"its parameters: {there}",
            fix=f"did you mean {close}?" if close else f"write ${unknown[0]} in the SQL, or leave the parameter out",
        )
    return None
