"""Composes the SQL of an export from the queries in ``sql/export``, whose ``$name`` placeholders are replaced.

Only names of the warehouse's catalog enter SQL as text, and they are quoted; values are bound as parameters.
"""

from __future__ import annotations

import re

from ingest.warehouse import sql_files

_PLACEHOLDER = re.compile(r"\$(\w+)")


def quote_identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def fill_query(query: str, **replacements: str) -> str:
    """Return the SQL of a query, such as ``export/rows``, with some of its placeholders replaced by SQL.

    Other placeholders remain, as parameters to be bound. Replacements are not searched for placeholders.
    """
    return _PLACEHOLDER.sub(lambda match: replacements.get(match[1], match[0]), sql_files.query(query))
