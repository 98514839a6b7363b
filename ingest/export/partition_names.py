"""Partition values as text and as directory names, in the convention of Hive, Spark and DuckDB (``column=value``)."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark and DuckDB call the partition of NULL. Spark uses it for empty text as well."""


def hive_directory(column: str, value: Any) -> str:
    """Return the name of a partition's directory."""
    return f"{quote(column, safe='')}={hive_name(value)}"


def hive_text(value: Any) -> str:
    """Return a partition value other than NULL as text."""
    match value:
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()
        case _:
            return str(value)


def hive_name(value: Any) -> str:
    """Return a partition value as part of a directory name.

    It has only letters, digits and ``_.-~``; all other characters are percent-encoded as in a URL.
    """
    if value is None:
        return NULL_PARTITION
    name = quote(hive_text(value), safe="")
    return name.replace("_", "%5F", 1) if name == NULL_PARTITION else name
