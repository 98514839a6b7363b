"""Views and tables as files for other tools: Parquet, CSV, ndjson or Excel, whole and all at once.

DuckDB writes all but Excel itself, from a connection that can write into the delivery's staging directory only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.errors import UnexpectedInputError, UsageError
from ingest.export.delivery import digest, open_delivery
from ingest.export.excel import require_excel, require_room, write_workbook
from ingest.export.manifest import File, Manifest, Relation, sums_over
from ingest.export.plan import ExportOptions, filled, shape_of
from ingest.warehouse import sql_files
from ingest.warehouse.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.export.delivery import Delivery
    from ingest.export.plan import Part, RelationPlan

log = logging.getLogger("orusage")

MOST_PARTS = 10_000
"""Files of one relation. A column of more values is an ID, not something to partition by."""

_BY_DEFAULT = ("cost", "latency")
"""Groups of views: what most people ask for, and small, for nearly all of it is summed up."""


class Exported(NamedTuple):
    """What an export holds of one relation, kept files included.

    Attributes:
        relation: Its name.
        rows: Their number.
        files: Their number.
        bytes: Of all files.
    """

    relation: str
    rows: int
    files: int
    bytes: int


def export(
    warehouse: Path, directory: Path, names: Sequence[str], wanted: ExportOptions, now: datetime
) -> list[Exported]:
    """Export relations into a directory; others that it holds already stay as they are.

    Args:
        warehouse: The DuckDB file.
        directory: Where to; made if it is missing.
        names: Views and tables; none: all cost and latency views.
        wanted: The options.
        now: The wall clock.

    Raises:
        UsageError: a name is unknown, or the options make no sense for a relation.
        NoInputError: there is no warehouse.
        UnexpectedInputError: it is none of ours, or the earlier export lost files that were to be kept.
        CannotCreateError: the directory holds something else, or the format cannot hold the rows.
        StorageError: the disk is full or fails.
        TryAgainLaterError: another export or a foreign writer holds directory or warehouse.
        ConfigurationError: Excel is wanted and its extra is not installed.
    """
    if wanted.form == "excel":
        require_excel()
    with open_delivery(directory) as delivery, Reader(warehouse, exports_to=delivery.staging) as reader:
        earlier = delivery.manifest.relations if delivery.manifest else {}
        shapes = _shapes(reader, names, wanted)
        kept = {s.name: _kept(s, earlier.get(s.name), delivery) for s in shapes}
        made = {s.name: _relation(s, [*kept[s.name], *_files(s, reader, delivery)], now) for s in shapes}
        schema = max(number for number, _ in reader.named("catalog/applied_migrations").rows())
        delivery.commit(Manifest(warehouse_schema=schema, generated_at=now, relations=earlier | made))
    return [Exported(name, r.rows, len(r.files), r.bytes) for name, r in made.items()]


def _shapes(reader: Reader, names: Sequence[str], wanted: ExportOptions) -> list[RelationPlan]:
    catalog = reader.named("catalog/list_columns")
    there = set(catalog["relation"])
    chosen = [reader.known(n) for n in names] or [
        v.name for v in sql_files.views() if v.group in _BY_DEFAULT and v.name in there
    ]
    columns = catalog.partition_by("relation", as_dict=True)
    return [shape_of(columns[name,].to_dicts(), wanted) for name in dict.fromkeys(chosen)]


def _kept(shape: RelationPlan, earlier: Relation | None, delivery: Delivery) -> list[File]:
    """The files of an earlier export that lie outside the window.

    Raises:
        UsageError: they would not go together with the new ones.
        UnexpectedInputError: they are not what they were.
    """
    since = shape.wanted.since
    if not (earlier and since and shape.wanted.partition_by):
        return []
    _require_alike(shape, earlier)
    files = [f for f in earlier.files if f.partition is None or f.partition < since.isoformat()]
    for file in files:
        if not delivery.is_whole(file.path):
            raise UnexpectedInputError(
                f"the earlier export of {shape.name} is not whole",
                cause=f"{file.path} is gone or changed",
                fix="export it once without --since",
            )
    return files


def _require_alike(shape: RelationPlan, earlier: Relation) -> None:
    new = _relation(shape, [], earlier.exported_at)
    for what in ("format", "compression", "money", "partition_by", "columns"):
        if getattr(new, what) != getattr(earlier, what):
            raise UsageError(
                f"the earlier export of {shape.name} does not go together with this one",
                cause=f"its {what} differs, and --since keeps its files",
                fix="use the same options, or export it once without --since, or into another directory",
            )


def _relation(shape: RelationPlan, files: list[File], now: datetime) -> Relation:
    wanted = shape.wanted
    return Relation(
        comment=shape.comment,
        format=wanted.form,
        compression=wanted.compression,
        money=shape.money_type,
        partition_by=wanted.partition_by,
        since=wanted.since.isoformat() if wanted.since else None,
        order=shape.order,
        columns=shape.columns,
        exported_at=now,
        rows=sum(file.rows for file in files),
        bytes=sum(file.bytes for file in files),
        sums=sums_over(files),
        files=sorted(files, key=lambda file: file.path),
    )


def _files(shape: RelationPlan, reader: Reader, delivery: Delivery) -> list[File]:
    """Write them."""
    log.debug("exporting %s", shape.name)
    return [_file(shape, part, reader, delivery) for part in _parts(shape, reader)]


def _parts(shape: RelationPlan, reader: Reader) -> list[Part]:
    if not shape.wanted.partition_by:
        return [shape.whole()]
    parameters = {"relation": shape.name, "most": MOST_PARTS + 1, **shape.window}
    values = [value for (value,) in reader.run(shape.keys, parameters)]
    if len(values) > MOST_PARTS:
        raise UsageError(
            f"{shape.name} would become more than {MOST_PARTS:,} files",
            cause=f"{shape.wanted.partition_by} has more values",
            fix="partition by a column with fewer, such as requested_day or model",
        )
    if not values and not shape.wanted.since:
        values = [None]  # a file without rows, so that readers find the columns
    return [shape.part(value) for value in values]


def _file(shape: RelationPlan, part: Part, reader: Reader, delivery: Delivery) -> File:
    place = delivery.place(part.path)
    parameters = {"relation": shape.name, **part.parameters}
    [(rows, *sums)] = reader.run(filled(shape.figures, condition=part.condition), parameters)
    _write(shape, filled(shape.rows, condition=part.condition), parameters, place, reader, rows)
    return File(
        path=part.path,
        partition=part.partition,
        rows=rows,
        bytes=place.stat().st_size,
        sha256=digest(place),
        sums=dict(zip(shape.money, sums, strict=True)),
    )


def _write(
    shape: RelationPlan, statement: str, parameters: dict[str, object], place: Path, reader: Reader, rows: int
) -> None:
    target = {"path": str(place.absolute())}
    match shape.wanted.form:
        case "parquet":
            target["compression"] = shape.wanted.compression or ""
            reader.run(filled(sql_files.query("export/copy_parquet"), rows=statement), parameters | target)
        case "csv":
            reader.run(filled(sql_files.query("export/copy_csv"), rows=statement), parameters | target)
        case "ndjson":
            reader.run(filled(sql_files.query("export/copy_ndjson"), rows=statement), parameters | target)
        case _:
            require_room(shape.name, rows)
            write_workbook(place, [c.name for c in shape.columns], reader.stream(statement, parameters))
