"""Exports views and tables to a directory: plans each relation, writes and checks its files, commits all at once.

DuckDB writes every format but Excel, over a connection that may write to the staging directory only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from ingest.core.errors import StorageError, UnexpectedInputError, UsageError
from ingest.export.delivery import open_delivery
from ingest.export.excel import require_excel, require_room, write_workbook
from ingest.export.manifest import File, Manifest, Relation, sums_over
from ingest.export.ownership import digest
from ingest.export.plan import LOG_FIELDS, ExportOptions, plan_relation
from ingest.export.sql_text import fill_query
from ingest.warehouse import sql_files
from ingest.warehouse.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.export.delivery import Delivery
    from ingest.export.plan import FilePlan, RelationPlan

log = logging.getLogger("orusage")

MAX_PARTITIONS = 10_000
"""The most files of one relation. A column with more values is an identifier, not one to partition by."""

_DEFAULT_GROUPS = ("cost", "latency")
"""Groups of views that are exported if none is named: the most used ones, and small, as nearly all are aggregates."""


class Exported(NamedTuple):
    """The result for one relation, including the files kept from earlier exports.

    Attributes:
        relation: The relation's name.
        rows: The number of rows.
        files: The number of files.
        bytes: The size of all files, in bytes.
    """

    relation: str
    rows: int
    files: int
    bytes: int


def export(
    warehouse: Path, directory: Path, names: Sequence[str], options: ExportOptions, now: datetime
) -> list[Exported]:
    """Export relations to a directory; other relations that it already holds stay as they are.

    Args:
        warehouse: The DuckDB file.
        directory: The export directory; created if missing.
        names: Views and tables; empty for all cost and latency views.
        options: The options.
        now: The wall clock.

    Raises:
        UsageError: A name is unknown, or a relation cannot be exported with these options.
        NoInputError: The warehouse does not exist.
        UnexpectedInputError: It is not an orusage warehouse, or files to be kept from the earlier export are missing.
        CannotCreateError: The directory holds files that no export has written, or the format cannot hold the rows.
        StorageError: The disk is full or failing.
        TryAgainLaterError: Another export holds the directory, or another program the warehouse.
        ConfigurationError: The format is Excel and the extra ``excel`` is not installed.
    """
    if options.format == "excel":
        require_excel()
    try:
        return _export(warehouse, directory, names, options, now, bounded=True)
    except StorageError as error:
        if not isinstance(error.__cause__, duckdb.OutOfMemoryException):
            raise
    log.info("rows of this size do not fit into the usual memory; exporting without its limit")
    return _export(warehouse, directory, names, options, now, bounded=False)


def _export(
    warehouse: Path, directory: Path, names: Sequence[str], options: ExportOptions, now: datetime, *, bounded: bool
) -> list[Exported]:
    with (
        open_delivery(directory) as delivery,
        Reader(warehouse, exports_to=delivery.staging, bounded=bounded) as reader,
    ):
        earlier = delivery.manifest.relations if delivery.manifest else {}
        plans = _plans(reader, names, options)
        kept = {plan.name: _kept_files(plan, earlier.get(plan.name), delivery) for plan in plans}
        relations = {
            plan.name: _relation(plan, [*kept[plan.name], *_write_files(plan, reader, delivery)], now) for plan in plans
        }
        schema = max(number for number, _ in reader.named("catalog/applied_migrations").rows())
        delivery.commit(Manifest(warehouse_schema=schema, generated_at=now, relations=earlier | relations))
    return [Exported(name, r.rows, len(r.files), r.bytes) for name, r in relations.items()]


def _plans(reader: Reader, names: Sequence[str], options: ExportOptions) -> list[RelationPlan]:
    catalog = reader.named("catalog/list_columns")
    existing = set(catalog["relation"])
    chosen = [reader.known(name) for name in names] or [
        view.name for view in sql_files.views() if view.group in _DEFAULT_GROUPS and view.name in existing
    ]
    columns = catalog.partition_by("relation", as_dict=True)
    reader.require_fields(options.fields)
    plans = [plan_relation(columns[name,].to_dicts(), options) for name in dict.fromkeys(chosen)]
    if options.fields and not any(plan.fields for plan in plans):
        raise UsageError(
            "--field does not apply to these relations",
            cause=f"none of them has the column {LOG_FIELDS}",
            fix="export generation_facts, or cost_by_field",
        )
    return plans


def _kept_files(plan: RelationPlan, earlier: Relation | None, delivery: Delivery) -> list[File]:
    """Return the files of the earlier export that are kept because their partition lies before `since`.

    Raises:
        UsageError: The earlier export has other options or columns.
        UnexpectedInputError: A file is missing or has another size.
    """
    since = plan.options.since
    if not (earlier and since and plan.options.partition_by):
        return []
    _require_same_options(plan, earlier)
    files = [f for f in earlier.files if f.partition is None or f.partition < since.isoformat()]
    for file in files:
        if not delivery.is_complete(file.path):
            raise UnexpectedInputError(
                f"the earlier export of {plan.name} is not whole",
                cause=f"{file.path} is missing or was changed",
                fix="export it once without --since",
            )
    return files


def _require_same_options(plan: RelationPlan, earlier: Relation) -> None:
    new = _relation(plan, [], earlier.exported_at)
    for attribute in ("format", "compression", "money", "partition_by", "columns"):
        if getattr(new, attribute) != getattr(earlier, attribute):
            raise UsageError(
                f"the earlier export of {plan.name} does not go together with this one",
                cause=f"its {attribute} differs, and --since keeps its files",
                fix="use the same options, or export it once without --since, or into another directory",
            )


def _relation(plan: RelationPlan, files: list[File], now: datetime) -> Relation:
    options = plan.options
    return Relation(
        comment=plan.comment,
        format=options.format,
        compression=options.compression,
        money=plan.money_type,
        partition_by=options.partition_by,
        since=options.since.isoformat() if options.since else None,
        order=plan.order,
        columns=plan.columns,
        exported_at=now,
        rows=sum(file.rows for file in files),
        bytes=sum(file.bytes for file in files),
        sums=sums_over(files),
        files=sorted(files, key=lambda file: file.path),
    )


def _write_files(plan: RelationPlan, reader: Reader, delivery: Delivery) -> list[File]:
    log.debug("exporting %s", plan.name)
    return [_write_file(plan, file, reader, delivery) for file in _file_plans(plan, reader)]


def _file_plans(plan: RelationPlan, reader: Reader) -> list[FilePlan]:
    if not plan.options.partition_by:
        return [plan.single_file()]
    parameters = {**plan.source_parameters, "max_values": MAX_PARTITIONS + 1, **plan.since_parameters}
    values = [value for (value,) in reader.run(plan.partition_values_sql(), parameters)]
    if len(values) > MAX_PARTITIONS:
        raise UsageError(
            f"{plan.name} would become more than {MAX_PARTITIONS:,} files",
            cause=f"{plan.options.partition_by} has more values",
            fix="partition by a column with fewer values, such as requested_day or model",
        )
    if not values and not plan.options.since:
        values = [None]  # a file without rows, so that readers find the columns
    return [plan.partition_file(value) for value in values]


def _write_file(plan: RelationPlan, file: FilePlan, reader: Reader, delivery: Delivery) -> File:
    target = delivery.stage(file.path)
    parameters = {**plan.source_parameters, **file.parameters}
    [(rows, *sums)] = reader.run(plan.totals_sql(file.condition), parameters)
    if plan.options.format == "excel":
        require_room(plan.name, rows)
        stream = reader.stream(plan.rows_sql(file.condition), parameters)
        write_workbook(target, [column.name for column in plan.columns], stream)
    else:
        _copy_to(target, plan, file.condition, parameters, reader)
    return File(
        path=file.path,
        partition=file.partition,
        rows=rows,
        bytes=target.stat().st_size,
        sha256=digest(target),
        sums=dict(zip(plan.money_columns, sums, strict=True)),
    )


def _copy_to(target: Path, plan: RelationPlan, condition: str, parameters: dict[str, object], reader: Reader) -> None:
    """Let DuckDB write the file."""
    bound = {**parameters, "path": str(target.absolute())}
    if plan.options.format == "parquet":
        bound["compression"] = plan.options.compression or ""
    queries = {"parquet": "export/copy_parquet", "csv": "export/copy_csv", "ndjson": "export/copy_ndjson"}
    reader.run(fill_query(queries[plan.options.format], rows=plan.rows_sql(condition)), bound)
