"""``orusage status``: how complete and how fresh the warehouse is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, format_option
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions


@click.command()
@click.option("--runs", is_flag=True, help="List past runs instead, the newest first.")
@format_option(*FORMATS)
@click.pass_obj
def status(options: GlobalOptions, /, runs: bool, format: str) -> int:
    """Show how complete and how fresh the warehouse is."""
    from ingest.cli.output import print_frame
    from ingest.warehouse.reader import Reader

    with Reader(options.file) as reader:
        print_frame(reader.named("runs/past_runs" if runs else "ledger/status"), format)
    return Exit.DONE
