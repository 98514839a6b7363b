"""The filters of --where: which values of a dimension a report keeps or leaves out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.core.errors import UsageError
from ingest.reports.definitions import REPORTS, require_dimension
from ingest.reports.names import named

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILTER = re.compile(r"([^=]*?)\s*(!?=)(?!=)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filter:
    """Values of one dimension.

    Attributes:
        dimension: The dimension.
        values: The values; None for rows without one.
        is_excluded: Whether rows with these values are left out; else only they are kept.
    """

    dimension: str
    values: tuple[str | None, ...]
    is_excluded: bool

    def parameter(self) -> dict[str, Any]:
        """The filter as ``sql/fragments/chosen.sql`` takes it."""
        marked = ["" if value is None else f"={value}" for value in self.values]
        return {"dimension": self.dimension, "marked_values": marked, "is_excluded": self.is_excluded}


def filters_of(report: str, texts: Iterable[str]) -> tuple[Filter, ...]:
    """Read the values of --where. Several values of one dimension are alternatives.

    Args:
        report: The report.
        texts: Each ``DIMENSION=VALUE`` or ``DIMENSION!=VALUE``.

    Raises:
        UsageError: A text has another form, or the report has no such dimension.
    """
    values: dict[tuple[str, bool], list[str | None]] = {}
    for text in texts:
        dimension, sign, value = _parts(text)
        values.setdefault((require_dimension(report, REPORTS[report], dimension), sign == "!="), []).append(
            named(value)
        )
    return tuple(Filter(dimension, tuple(found), excluded) for (dimension, excluded), found in values.items())


def _parts(text: str) -> tuple[str, str, str]:
    if found := _FILTER.fullmatch(text.strip()):
        return found[1], found[2], found[3]
    raise UsageError(
        f"--where {text!a} is no filter",
        cause="a filter is DIMENSION=VALUE or DIMENSION!=VALUE",
        fix="write it as in --where model=openai/gpt-5 or --where 'provider!=Azure'",
    )
