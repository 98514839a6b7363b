"""What an export says of itself: relations, columns with types and units, files with rows, exact sums and checksums.

``manifest.json`` is the last file an export replaces, so it tells which files are ours.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime  # noqa: TC003  # msgspec reads the annotations
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class Column(msgspec.Struct, frozen=True):
    """A column of an exported relation.

    Attributes:
        name: Its name.
        type: Its type as exported, in DuckDB's words: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, DECIMAL(p,s).
        unit: USD, ms, tokens, UTC, …; None if it has none.
        comment: What it says.
    """

    name: str
    type: str
    unit: str | None
    comment: str


class File(msgspec.Struct, frozen=True):
    """A file.

    Attributes:
        path: Below the directory of the manifest, with ``/``.
        partition: The value its rows share; None for NULL, and where nothing is partitioned.
        rows: Their number.
        bytes: Its size.
        sha256: Of its bytes.
        sums: Of each money column in USD, to the last digit, whatever type the file has it in.
    """

    path: str
    partition: str | None
    rows: int
    bytes: int
    sha256: str
    sums: dict[str, str]

    def __post_init__(self) -> None:
        """Refuse a path that leads out of the directory."""
        parts = PurePosixPath(self.path).parts
        if not parts or self.path != "/".join(parts) or ".." in parts or "\0" in self.path:
            raise ValueError("a file of a manifest lies below it")


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """An exported view or table: how it was exported, and into what.

    Attributes:
        comment: One row per what, and its caveats.
        format: parquet, csv, ndjson or excel.
        compression: Of Parquet; None elsewhere.
        money: The type of money columns, decimal or double.
        partition_by: The column that divides it into files; None if it is one file.
        since: The first day its last export wrote, UTC; None if that wrote all.
        order: The columns by which rows are sorted.
        columns: In order.
        exported_at: When, UTC.
        rows: In all files.
        bytes: Of all files.
        sums: Over all files, as those of a file.
        files: By path.
    """

    comment: str
    format: str
    compression: str | None
    money: str
    partition_by: str | None
    since: str | None
    order: list[str]
    columns: list[Column]
    exported_at: datetime
    rows: int
    bytes: int
    sums: dict[str, str]
    files: list[File]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """An export directory.

    Attributes:
        generator: Whose it is.
        version: Of this layout.
        warehouse_schema: The number of the warehouse's last migration.
        generated_at: When the last export ended, UTC.
        relations: By name.
    """

    generator: Literal["orusage"] = "orusage"
    version: Literal[1] = 1
    warehouse_schema: int
    generated_at: datetime
    relations: dict[str, Relation]

    @property
    def files(self) -> dict[str, File]:
        """All files, by path."""
        return {file.path: file for relation in self.relations.values() for file in relation.files}


def encode(manifest: Manifest) -> bytes:
    """As JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(data: bytes) -> Manifest | None:
    """The manifest; None if it is none of ours."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def sums_over(files: Iterable[File]) -> dict[str, str]:
    """The exact sums over files, in USD."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for file in files:
        for name, value in file.sums.items():
            sums[name] += Decimal(value)
    return {name: format(value, "f") for name, value in sums.items()}
