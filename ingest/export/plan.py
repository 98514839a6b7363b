"""Plans the export of a relation: its columns and their types, its sort order, and how it is divided into files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.core.errors import UsageError
from ingest.core.log_fields import FIELD
from ingest.core.meaning import unit_of
from ingest.export.manifest import ExportColumn
from ingest.export.partition_names import hive_directory, hive_text
from ingest.export.sql_text import fill_query, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

SUFFIXES = {"parquet": "parquet", "csv": "csv", "ndjson": "ndjson", "excel": "xlsx"}
"""The formats and the file name suffix of each."""

TIME_COLUMNS = ("requested_day", "requested_at", "requested_hour", "TIMESTAMP", "ChargePeriodStart")
"""Columns that hold when a row's requests were made. `since` filters by the first of them that a relation has."""

LOG_FIELDS = "log_fields"
"""The column with the kept fields."""

_KEYS = ("generation_id", "SPAN_ID", "x_Charge")
_FOCUS_KEYS = ("SkuId", "SubAccountId", "x_ApiKeyName", "x_AppId", "x_ExternalUser", "x_InferenceProvider")
_INNER_KEYS = ("attempt", "metric", *_FOCUS_KEYS)
"""A relation with one of `_KEYS` is sorted by it and by these. That costs a quarter of sorting by all columns."""

_FLAT_TYPE = re.compile(r"VARCHAR|BIGINT|DOUBLE|BOOLEAN|DATE|TIMESTAMP|DECIMAL\(\d+,\d+\)")
"""Types that every tool reads; columns of other types are exported as text."""

_CELLS = {
    ("csv", "VARCHAR"): "export/cell_for_csv",
    ("csv", "TIMESTAMP"): "export/time_for_csv",
    ("ndjson", "TIMESTAMP"): "export/cell_for_ndjson",
}
"""The queries of cells that a format writes in another way than DuckDB does, by format and type."""

_MONEY_TYPE = re.compile(r"DECIMAL\(\d+,\d+\)")
_PARTITION_TYPES = {"VARCHAR", "BIGINT", "BOOLEAN", "DATE"}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of an export.

    Attributes:
        format: A key of `SUFFIXES`.
        compression: Of Parquet files: snappy or zstd; None for other formats.
        money: The type of money columns, decimal or double.
        partition_by: The column whose values divide a relation into files; None for one file.
        since: The first day to export, UTC; None for all rows.
        fields: Names of kept fields that become columns of relations with log_fields.
    """

    format: str = "parquet"
    compression: str | None = "snappy"
    money: str = "decimal"
    partition_by: str | None = None
    since: date | None = None
    fields: tuple[str, ...] = ()


class FilePlan(NamedTuple):
    """One file of an export and the rows it holds.

    Attributes:
        path: Relative to the export directory.
        partition: The partition value as text; None for NULL and for a relation in one file.
        condition: The SQL condition that selects its rows.
        parameters: The parameters of the condition.
    """

    path: str
    partition: str | None
    condition: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """How a relation of the warehouse is exported.

    Attributes:
        name: The relation's name.
        comment: What the relation holds.
        stored: Its columns with their types in the warehouse, and those of fields.
        options: The options of the export.
        fields: The names of the fields that are columns.
    """

    name: str
    comment: str
    stored: tuple[ExportColumn, ...]
    options: ExportOptions
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options against the columns.

        Raises:
            UsageError: The relation cannot be exported with these options.
        """
        if self.options.partition_by:
            self._require_partition_column(self.options.partition_by)
        if self.options.since and not self._time_columns:
            raise UsageError(
                f"--since cannot be used with {self.name}",
                cause="it has no column with the time of its rows: " + ", ".join(TIME_COLUMNS),
                fix="export it without --since",
            )

    @property
    def columns(self) -> list[ExportColumn]:
        """The columns with their types in the exported files."""
        return [ExportColumn(c.name, self._exported_type(c.type), c.unit, c.comment) for c in self.stored]

    @property
    def order(self) -> list[str]:
        """The columns to sort by: time first, so that readers can skip row groups, then those that identify a row."""
        names = self._names
        keys = [n for n in (*_KEYS, *_INNER_KEYS) if n in names] if set(_KEYS) & set(names) else names
        return list(dict.fromkeys([*self._time_columns, *keys]))

    @property
    def money_columns(self) -> list[str]:
        """The names of the columns that hold USD amounts."""
        return [c.name for c in self.stored if _MONEY_TYPE.fullmatch(c.type)]

    @property
    def money_type(self) -> str:
        """The type of money columns in the files, decimal or double; Excel supports double only."""
        return "double" if self.options.format == "excel" else self.options.money

    def rows_sql(self, condition: str) -> str:
        """Return the SQL for the rows of a file."""
        columns = ", ".join(f"{self._exported_value(c)} AS {quote_identifier(c.name)}" for c in self.stored)
        order = ", ".join(map(quote_identifier, self.order))
        return fill_query("export/rows", columns=columns, source=self._source, condition=condition, order=order)

    def totals_sql(self, condition: str) -> str:
        """Return the SQL for the number of rows of a file, followed by the exact sum of each money column as text."""
        sums = [f"CAST(coalesce(sum({quote_identifier(name)}), 0) AS VARCHAR)" for name in self.money_columns]
        totals = ", ".join(["count(*)", *sums])
        return fill_query("export/file_totals", totals=totals, source=self._source, condition=condition)

    def partition_values_sql(self) -> str:
        """Return the SQL for the distinct values of the partition column."""
        expression, condition = self._partition_expression, self._since_condition
        return fill_query(
            "export/partition_values", value_expression=expression, source=self._source, condition=condition
        )

    @property
    def source_parameters(self) -> dict[str, str]:
        """The parameters of the SQL that selects from the relation."""
        return {"relation": self.name, **{f"field_{n}": f"{FIELD}{name}" for n, name in enumerate(self.fields)}}

    @property
    def since_parameters(self) -> dict[str, Any]:
        """The parameters of the SQL condition for `since`."""
        return {"since": self.options.since} if self.options.since else {}

    def single_file(self) -> FilePlan:
        """Return the file of a relation that is not partitioned."""
        return FilePlan(f"{self.name}.{self._suffix}", None, self._since_condition, self.since_parameters)

    def partition_file(self, value: Any) -> FilePlan:
        """Return the file of one value of the partition column."""
        directory = hive_directory(self.options.partition_by or "", value)
        path = f"{self.name}/{directory}/{self.name}.{self._suffix}"
        if value is None:
            return FilePlan(path, None, f"{self._partition_expression} IS NULL", {})
        return FilePlan(path, hive_text(value), f"{self._partition_expression} = $value", {"value": value})

    @property
    def _source(self) -> str:
        """The relation in SQL, with the columns of fields."""
        if not self.fields:
            return fill_query("export/relation")
        values = [fill_query("export/field", name=f"$field_{n}") for n in range(len(self.fields))]
        names = [quote_identifier(_column_of(name)) for name in self.fields]
        fields = ", ".join(f"{value} AS {name}" for value, name in zip(values, names, strict=True))
        return fill_query("export/with_fields", fields=fields)

    @property
    def _suffix(self) -> str:
        return SUFFIXES[self.options.format]

    @property
    def _names(self) -> list[str]:
        return [c.name for c in self.stored]

    @property
    def _time_columns(self) -> list[str]:
        return [name for name in TIME_COLUMNS if name in self._names]

    @property
    def _since_condition(self) -> str:
        return f"{quote_identifier(self._time_columns[0])} >= $since" if self.options.since else "true"

    @property
    def _partition_expression(self) -> str:
        """The partition column in SQL; empty text becomes NULL, as Spark cannot use it as a directory name."""
        name = self.options.partition_by or ""
        column = quote_identifier(name)
        return f"nullif({column}, '')" if self._type_of(name) == "VARCHAR" else column

    def _type_of(self, name: str) -> str | None:
        return next((c.type for c in self.stored if c.name == name), None)

    def _require_partition_column(self, name: str) -> None:
        if self._type_of(name) not in _PARTITION_TYPES:
            raise UsageError(
                f"{self.name} cannot be partitioned by {name!a}",
                cause="it has no such column, or the column is not text, whole numbers, booleans or dates",
                fix="name one of: " + ", ".join(c.name for c in self.stored if c.type in _PARTITION_TYPES),
            )
        if self.options.since and (name not in self._time_columns[:1] or self._type_of(name) != "DATE"):
            raise UsageError(
                f"--since and --partition-by {name} cannot be combined",
                cause="--since replaces whole partitions, so they must be days",
                fix="partition by requested_day, or leave --since out",
            )

    def _exported_type(self, stored: str) -> str:
        if _MONEY_TYPE.fullmatch(stored):
            return "DOUBLE" if self.money_type == "double" else stored
        return stored if _FLAT_TYPE.fullmatch(stored) else "VARCHAR"

    def _exported_value(self, column: ExportColumn) -> str:
        """Return the SQL for a column's value as it is written to the file."""
        value, exported = quote_identifier(column.name), self._exported_type(column.type)
        if exported != column.type:
            cast = "export/cell_as_double" if exported == "DOUBLE" else "export/cell_as_text"
            value = fill_query(cast, column=value)
        query = _CELLS.get((self.options.format, exported))
        return fill_query(query, column=value) if query else value


def plan_relation(catalog: Sequence[dict[str, Any]], options: ExportOptions) -> RelationPlan:
    """Plan the export of a relation from its rows of the query ``catalog/list_columns``.

    Raises:
        UsageError: The relation cannot be exported with these options.
    """
    columns = (
        ExportColumn(c["column_name"], c["data_type"], unit_of(c["column_meaning"] or ""), c["column_meaning"] or "")
        for c in catalog
    )
    stored = tuple(columns)
    fields = options.fields if any(column.name == LOG_FIELDS for column in stored) else ()
    flattened = (
        ExportColumn(_column_of(n), "VARCHAR", None, f"The field {n} of the log line, as text.") for n in fields
    )
    return RelationPlan(catalog[0]["relation"], catalog[0]["meaning"] or "", (*stored, *flattened), options, fields)


def _column_of(field: str) -> str:
    return f"field_{field}"
