"""``orusage export``: write views and tables as files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ingest.cli.options import MOMENT, PATH
from ingest.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions

log = logging.getLogger("orusage")


@click.command()
@click.argument("views", metavar="[VIEW]...", nargs=-1)
@click.option("-o", "--output", metavar="DIR", type=PATH, required=True, help="Directory to write to.")
@click.option(
    "--format", type=click.Choice(["parquet", "csv", "ndjson", "excel"]), default="parquet", show_default=True
)
@click.option("--compression", type=click.Choice(["snappy", "zstd"]), help="Of Parquet.  [default: snappy]")
@click.option(
    "--money",
    type=click.Choice(["decimal", "double"]),
    default="decimal",
    show_default=True,
    help="Exact, or for tools that do not read decimals.",
)
@click.option("--partition-by", metavar="COLUMN", help="One directory for each of its values, such as requested_day.")
@click.option(
    "--since",
    type=MOMENT,
    help="Only from this day (UTC) on: 2026-11-01, or 7d (ago); partitions of earlier days are left as they are.",
)
@click.option(
    "--field",
    metavar="NAME",
    multiple=True,
    help="Write this kept field as a column field_NAME, in relations that have log_fields.",
)
@click.pass_obj
def export(
    options: GlobalOptions,
    /,
    views: tuple[str, ...],
    output: Path,
    format: str,
    compression: str | None,
    money: str,
    partition_by: str | None,
    since: datetime | None,
    field: tuple[str, ...],
) -> int:
    """Write views or tables as files, with a manifest.

    Without VIEW, all cost and latency views are written. An earlier export of a relation is replaced when the new files
    are complete; other relations in the directory are left as they are.

    \b
      orusage export -o export
      orusage export focus_cost_and_usage -o focus --format csv
      orusage export generations -o lake --partition-by requested_day --since 3d
      orusage export generation_facts -o facts --field customer --field feature
    """
    import polars as pl

    from ingest.cli.output import print_frame
    from ingest.core.clock import SystemClock
    from ingest.export.export import Exported
    from ingest.export.export import export as write
    from ingest.export.plan import ExportOptions

    if compression and format != "parquet":
        raise UsageError(
            f"--compression does not apply to {format}",
            cause="only Parquet files are compressed",
            fix="leave it out, or export as Parquet",
        )
    codec = compression or "snappy" if format == "parquet" else None
    fields = tuple(dict.fromkeys(field))
    wanted = ExportOptions(format, codec, money, partition_by, since.date() if since else None, fields)
    exported = write(options.file, output, views, wanted, SystemClock().now())
    if options.is_quiet:
        return Exit.DONE
    print_frame(pl.DataFrame(exported, Exported._fields, orient="row"), "table")
    log.info("exported to %s, see manifest.json there", output)
    return Exit.DONE
