"""The mapping file of --map: which team the requests of an app, a user, a field, … belong to."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.core.errors import NoInputError, UnexpectedInputError
from ingest.core.suggestions import did_you_mean
from ingest.reports.definitions import FACTS, FIELD, TEAM, TIME_UNITS
from ingest.reports.names import named, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Mapping:
    """One line of the file.

    Attributes:
        dimension: The dimension, such as user or field:customer.
        value: Its value; None for requests without one.
        team: The team.
    """

    dimension: str
    value: str | None
    team: str


@dataclass(frozen=True, slots=True)
class TeamMap:
    """The lines of a mapping file. Of several that fit a request the first one counts.

    Attributes:
        name: The name of the file.
        mappings: Its lines.
    """

    name: str = ""
    mappings: tuple[Mapping, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions of which values are mapped."""
        return tuple(dict.fromkeys(mapping.dimension for mapping in self.mappings))

    @property
    def names(self) -> set[str | None]:
        """The teams, and None for the unmapped."""
        return {None, *(mapping.team for mapping in self.mappings)}

    def parameters(self) -> dict[str, Any]:
        """The parameters of ``sql/fragments/teams.sql``; values are marked as those of filters are."""
        return {
            "mapped_dimensions": list(self.dimensions),
            "team_dimensions": [mapping.dimension for mapping in self.mappings],
            "team_values": ["" if mapping.value is None else f"={mapping.value}" for mapping in self.mappings],
            "team_names": [mapping.team for mapping in self.mappings],
        }


def read_team_map(path: Path) -> TeamMap:
    """Read a mapping file: CSV with a column ``team`` and one for each dimension of which values are mapped.

    Args:
        path: The file. Columns are separated by commas, semicolons or tabs.

    Raises:
        NoInputError: There is no such file, or it cannot be read.
        UnexpectedInputError: A column or a line is not as described.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NoInputError(
            f"{path} cannot be read", cause=error.strerror or str(error), fix="give --map a CSV file"
        ) from None
    except UnicodeDecodeError:
        raise UnexpectedInputError(f"{path} is no text", cause="it is not UTF-8", fix="save it as UTF-8") from None
    first = text.partition("\n")[0]
    lines = csv.reader(text.splitlines(keepends=True), delimiter=max(_SEPARATORS, key=first.count))
    columns = _columns(path, [name.strip() for name in next(lines, [])])
    mappings: dict[tuple[str, str | None], Mapping] = {}
    for cells in lines:
        if any(cell.strip() for cell in cells):
            mapping = _mapping(path, lines.line_num, columns, [cell.strip() for cell in cells])
            other = mappings.setdefault((mapping.dimension, mapping.value), mapping)
            if other.team != mapping.team:
                raise _wrong_line(
                    path, lines.line_num, f"{mapping.dimension} {shown(mapping.value)} is of team {other.team} above"
                )
    return TeamMap(path.name, tuple(mappings.values()))


def _columns(path: Path, names: Sequence[str]) -> Sequence[str]:
    known = [name for name in FACTS if name not in TIME_UNITS]
    for name in names:
        if name not in (TEAM, *known) and not name.startswith(FIELD):
            raise UnexpectedInputError(
                f"{path} has a column {name!a}",
                cause=f"its columns are {TEAM} and dimensions: {', '.join(known)}, {FIELD}NAME",
                fix=did_you_mean(name, [TEAM, *known], "name one of them"),
            )
    if names.count(TEAM) != 1 or len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004  # team and a dimension
        raise UnexpectedInputError(
            f"{path} is no mapping file",
            cause=f"its first line is to name the column {TEAM} and one for each mapped dimension, once each",
            fix="begin it with a line such as user,team",
        )
    return names


def _mapping(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Mapping:
    if len(cells) != len(columns):
        raise _wrong_line(path, line, f"it has {len(cells)} cells, the first line {len(columns)}")
    found = dict(zip(columns, cells, strict=True))
    team = found.pop(TEAM)
    if not team:
        raise _wrong_line(path, line, "it names no team")
    values = [(dimension, cell) for dimension, cell in found.items() if cell]
    if len(values) != 1:
        raise _wrong_line(path, line, f"it maps {len(values)} values")
    [(dimension, cell)] = values
    return Mapping(dimension, named(cell), team)


def _wrong_line(path: Path, line: int, cause: str) -> UnexpectedInputError:
    return UnexpectedInputError(
        f"line {line} of {path} cannot be used", cause=cause, fix="give each line one team and one value of a dimension"
    )
