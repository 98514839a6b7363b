"""The manifest of an export directory: relations, columns with types and units, files with row counts and checksums.

``manifest.json`` is the last file that an export replaces, so every file that it names was written by an export.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime  # noqa: TC003  # msgspec reads the annotations
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST = "manifest.json"
"""The name of the manifest, within the export directory."""

_UNIT = re.compile(r"Unit: ([^.]+)\.")


class ExportColumn(msgspec.Struct, frozen=True):
    """A column of an exported relation.

    Attributes:
        name: The column's name.
        type: The type in the files, in DuckDB's terms: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, DECIMAL(p,s).
        unit: USD, ms, tokens, UTC, …; None if it has no unit.
        comment: The meaning of its values.
    """

    name: str
    type: str
    unit: str | None
    comment: str


class File(msgspec.Struct, frozen=True):
    """An exported file.

    Attributes:
        path: The path relative to the export directory, with ``/``.
        partition: The partition value of its rows; None for NULL and for a relation in one file.
        rows: The number of rows.
        bytes: The size, in bytes.
        sha256: The SHA-256 of the content, in hex.
        sums: The exact sum of each money column as decimal text, USD, also where the file stores doubles.
    """

    path: str
    partition: str | None
    rows: int
    bytes: int
    sha256: str
    sums: dict[str, str]

    def __post_init__(self) -> None:
        """Reject a path that leads out of the directory."""
        parts = PurePosixPath(self.path).parts
        if not parts or self.path != "/".join(parts) or ".." in parts or "\0" in self.path:
            raise ValueError("a path in a manifest must lie below its directory")


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """An exported view or table.

    Attributes:
        comment: What one row stands for, and caveats.
        format: parquet, csv, ndjson or excel.
        compression: The compression of Parquet files; None for other formats.
        money: The type of money columns, decimal or double.
        partition_by: The column that divides it into files; None if it is one file.
        since: The first day that the latest export wrote, UTC; None if it wrote all rows.
        order: The columns by which rows are sorted.
        columns: The columns, in order.
        exported_at: When it was exported, UTC.
        rows: The number of rows in all files.
        bytes: The size of all files, in bytes.
        sums: The exact sums over all files, in the form of `File.sums`.
        files: The files, sorted by path.
    """

    comment: str
    format: str
    compression: str | None
    money: str
    partition_by: str | None
    since: str | None
    order: list[str]
    columns: list[ExportColumn]
    exported_at: datetime
    rows: int
    bytes: int
    sums: dict[str, str]
    files: list[File]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an export directory.

    Attributes:
        generator: The program that wrote it.
        version: The version of the manifest's own layout.
        warehouse_schema: The number of the warehouse's latest migration.
        generated_at: When the latest export was made, UTC.
        relations: The relations, by name.
    """

    generator: Literal["orusage"] = "orusage"
    version: Literal[1] = 1
    warehouse_schema: int
    generated_at: datetime
    relations: dict[str, Relation]

    @property
    def files(self) -> dict[str, File]:
        """The files of all relations, by path."""
        return {file.path: file for relation in self.relations.values() for file in relation.files}


def encode(manifest: Manifest) -> bytes:
    """Return a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(data: bytes) -> Manifest | None:
    """Parse a manifest; None if it is not one of this program and version."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def unit_of(comment: str) -> str | None:
    """Return the unit that a column's comment states as ``Unit: ….``; None if it states none."""
    match = _UNIT.search(comment)
    return match[1] if match else None


def sums_over(files: Iterable[File]) -> dict[str, str]:
    """Add up the exact sums of files, in USD."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for file in files:
        for name, value in file.sums.items():
            sums[name] += Decimal(value)
    return {name: format(value, "f") for name, value in sums.items()}
