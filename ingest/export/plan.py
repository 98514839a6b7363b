"""What becomes of a relation in an export: its columns and their types, its order, and how it is divided into files.

Everything that enters SQL as text here is a name of the warehouse's own catalog, quoted; values are bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ingest.core.errors import UsageError
from ingest.core.meaning import unit_of
from ingest.export.manifest import Column
from ingest.warehouse import sql_files

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = {"parquet": "parquet", "csv": "csv", "ndjson": "ndjson", "excel": "xlsx"}
"""What files of each format are called."""

TIME_COLUMNS = ("requested_day", "requested_at", "requested_hour", "TIMESTAMP", "ChargePeriodStart")
"""Columns that tell when a row's requests were; the first that a relation has is what `since` is measured by."""

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark and DuckDB call the partition of NULL. Spark puts the empty text there as well."""

_KEYS = ("generation_id", "SPAN_ID")
"""A relation that has one of these is sorted by it and the next, which costs a quarter of sorting by all columns."""

_INNER_KEYS = ("attempt", "metric")

_FLAT = re.compile(r"VARCHAR|BIGINT|DOUBLE|BOOLEAN|DATE|TIMESTAMP|DECIMAL\(\d+,\d+\)")
_MONEY = re.compile(r"DECIMAL\(\d+,\d+\)")
_DIVISIBLE = {"VARCHAR", "BIGINT", "BOOLEAN", "DATE"}
_PLACEHOLDER = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of an export.

    Attributes:
        form: A key of `SUFFIXES`.
        compression: Of Parquet: snappy or zstd; None elsewhere.
        money: decimal or double.
        partition_by: The column whose values divide a relation into files; None for one file.
        since: The first day to write, UTC; None for all rows.
    """

    form: str = "parquet"
    compression: str | None = "snappy"
    money: str = "decimal"
    partition_by: str | None = None
    since: date | None = None


class Part(NamedTuple):
    """One file of an export, and what rows it takes.

    Attributes:
        path: Below the export's directory.
        partition: As text; None for NULL, and for a relation in one file.
        condition: In SQL.
        parameters: What the condition binds.
    """

    path: str
    partition: str | None
    condition: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """A relation of the warehouse as it is to be exported.

    Attributes:
        name: Its name.
        comment: What it holds.
        stored: Its columns as they are in the warehouse.
        wanted: The options.
    """

    name: str
    comment: str
    stored: tuple[Column, ...]
    wanted: ExportOptions

    def __post_init__(self) -> None:
        """Refuse options that make no sense for this relation.

        Raises:
            UsageError: they do not.
        """
        if self.wanted.partition_by:
            self._require_divisible(self.wanted.partition_by)
        if self.wanted.since and not self._moments:
            raise UsageError(
                f"--since makes no sense for {self.name}",
                cause="it has none of the columns that tell when: " + ", ".join(TIME_COLUMNS),
                fix="export it without --since",
            )

    @property
    def columns(self) -> list[Column]:
        """Its columns as they are exported."""
        return [Column(c.name, self._exported_type(c.type), c.unit, c.comment) for c in self.stored]

    @property
    def order(self) -> list[str]:
        """The columns that sort it: time first, so that readers can skip; then what tells its rows apart."""
        names = self._names
        keys = [n for n in (*_KEYS, *_INNER_KEYS) if n in names] if set(_KEYS) & set(names) else names
        return list(dict.fromkeys([*self._moments, *keys]))

    @property
    def rows(self) -> str:
        """SQL for the rows of a file; its condition is still to come."""
        columns = ", ".join(f"{self._cell(c)} AS {quoted(c.name)}" for c in self.stored)
        return filled(sql_files.query("export/rows"), columns=columns, order=", ".join(map(quoted, self.order)))

    @property
    def money(self) -> list[str]:
        """The columns that hold money."""
        return [c.name for c in self.stored if _MONEY.fullmatch(c.type)]

    @property
    def money_type(self) -> str:
        """Decimal or double; Excel knows double only."""
        return "double" if self.wanted.form == "excel" else self.wanted.money

    @property
    def figures(self) -> str:
        """SQL for the number of rows of a file and the sums of its money; its condition is still to come."""
        sums = [f"CAST(coalesce(sum({quoted(name)}), 0) AS VARCHAR)" for name in self.money]
        return filled(sql_files.query("export/figures"), figures=", ".join(["count(*)", *sums]))

    @property
    def keys(self) -> str:
        """SQL for the values that divide it."""
        key, condition = self._key, self._window
        return filled(sql_files.query("export/keys"), key=key, condition=condition)

    @property
    def window(self) -> dict[str, Any]:
        """What the window of `since` binds."""
        return {"since": self.wanted.since} if self.wanted.since else {}

    def whole(self) -> Part:
        """Its only file, if nothing divides it."""
        return Part(f"{self.name}.{SUFFIXES[self.wanted.form]}", None, self._window, self.window)

    def part(self, value: Any) -> Part:
        """The file of one value of the column that divides it."""
        folder = f"{quote(self.wanted.partition_by or '', safe='')}={hive_name(value)}"
        path = f"{self.name}/{folder}/{self.name}.{SUFFIXES[self.wanted.form]}"
        if value is None:
            return Part(path, None, f"{self._key} IS NULL", {})
        return Part(path, hive_text(value), f"{self._key} = $value", {"value": value})

    @property
    def _names(self) -> list[str]:
        return [c.name for c in self.stored]

    @property
    def _moments(self) -> list[str]:
        return [name for name in TIME_COLUMNS if name in self._names]

    @property
    def _window(self) -> str:
        return f"{quoted(self._moments[0])} >= $since" if self.wanted.since else "true"

    @property
    def _key(self) -> str:
        """An empty text is no name of a directory for Spark: it goes where NULL goes."""
        name = self.wanted.partition_by or ""
        return f"nullif({quoted(name)}, '')" if self._type_of(name) == "VARCHAR" else quoted(name)

    def _type_of(self, name: str) -> str | None:
        return next((c.type for c in self.stored if c.name == name), None)

    def _require_divisible(self, name: str) -> None:
        if self._type_of(name) not in _DIVISIBLE:
            raise UsageError(
                f"{self.name} cannot be partitioned by {name!a}",
                cause="it has no such column, or one of another type than text, whole number, boolean or date",
                fix="name one of: " + ", ".join(c.name for c in self.stored if c.type in _DIVISIBLE),
            )
        if self.wanted.since and (name not in self._moments[:1] or self._type_of(name) != "DATE"):
            raise UsageError(
                f"--since and --partition-by {name} do not go together",
                cause="--since replaces whole partitions, so they must be days",
                fix="partition by requested_day, or leave --since out",
            )

    def _exported_type(self, kind: str) -> str:
        if _MONEY.fullmatch(kind):
            return "DOUBLE" if self.money_type == "double" else kind
        return kind if _FLAT.fullmatch(kind) else "VARCHAR"

    def _cell(self, column: Column) -> str:
        """A value of a column as its file has it."""
        name, kind = quoted(column.name), self._exported_type(column.type)
        if kind != column.type:
            cast = "export/cell_as_double" if kind == "DOUBLE" else "export/cell_as_text"
            name = filled(sql_files.query(cast), column=name)
        ours = {("csv", "VARCHAR"): "export/cell_for_csv", ("ndjson", "TIMESTAMP"): "export/cell_for_ndjson"}
        special = ours.get((self.wanted.form, kind))
        return filled(sql_files.query(special), column=name) if special else name


def shape_of(catalog: Sequence[dict[str, Any]], wanted: ExportOptions) -> RelationPlan:
    """The shape of the relation that these rows of ``list_columns`` tell of.

    Raises:
        UsageError: the options make no sense for it.
    """
    columns = (
        Column(c["column_name"], c["data_type"], unit_of(c["column_meaning"] or ""), c["column_meaning"] or "")
        for c in catalog
    )
    return RelationPlan(catalog[0]["relation"], catalog[0]["meaning"] or "", tuple(columns), wanted)


def quoted(name: str) -> str:
    """A name of the catalog as an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def filled(text: str, **parts: str) -> str:
    """Some SQL with its placeholders filled in; what they are filled with is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: parts.get(found[1], found[0]), text)


def hive_text(value: Any) -> str:
    """A value that divides, as text."""
    match value:
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()
        case _:
            return str(value)


def hive_name(value: Any) -> str:
    """The same as part of a directory's name: only letters, digits and ``_.-~``, all else escaped as in a URL."""
    if value is None:
        return NULL_PARTITION
    name = quote(hive_text(value), safe="")
    return name.replace("_", "%5F", 1) if name == NULL_PARTITION else name
