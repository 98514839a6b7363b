"""Manifests of an export."""

from datetime import UTC, datetime

from ingest.export.manifest import ExportColumn, File, Manifest, Relation

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_file(path="cost_daily.parquet", **sums):
    return File(path=path, partition=None, rows=2, bytes=10, sha256="00" * 32, sums=sums)


def a_manifest(*files):
    relation = Relation(
        comment="One row per day.",
        format="parquet",
        compression="snappy",
        money="decimal",
        partition_by=None,
        since=None,
        order=["requested_day"],
        columns=[ExportColumn("requested_day", "DATE", "UTC", "Day. Unit: UTC.")],
        exported_at=NOW,
        rows=2,
        bytes=10,
        sums={},
        files=list(files),
    )
    return Manifest(warehouse_schema=7, generated_at=NOW, relations={"cost_daily": relation})
