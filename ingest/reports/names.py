"""Names as tables show them and filters take them: no name, an empty one, and one that reads like a row's own label.

A name is shown as it is. It stands in double quotes, as in JSON, where it could be taken for something else.
"""

from __future__ import annotations

import json

from ingest.core.errors import UsageError

NO_NAME, UNMAPPED, REST, TOTAL = "(none)", "(unmapped)", "(other)", "total"
"""What a table shows where there is no name, no team, for the rows beyond --top, and for the total."""

_LABELS = frozenset({NO_NAME, UNMAPPED, REST, TOTAL})

_FIRST = '"='
"""Characters with which no unquoted name begins: a quote, and a sign that could belong to a filter's."""


def shown(name: str | None, missing: str = NO_NAME) -> str:
    """Return the text that stands for a name and for no other.

    Args:
        name: The name; None if there is none.
        missing: What is shown then, `NO_NAME` or `UNMAPPED`.
    """
    if name is None:
        return missing
    is_plain = name and name == name.strip() and name not in _LABELS and name[0] not in _FIRST
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def named(text: str) -> str | None:
    """Return the name for which a text stands; the inverse of `shown`.

    Raises:
        UsageError: The text begins with a double quote, but is no JSON string.
    """
    if text in (NO_NAME, UNMAPPED):
        return None
    if not text.startswith('"'):
        return text
    try:
        name = json.loads(text)
    except ValueError:
        name = None
    if isinstance(name, str):
        return name
    raise UsageError(
        f"{text!a} is no name",
        cause="a name in double quotes is read as in JSON",
        fix=f"write it as {json.dumps(text)}",
    )
