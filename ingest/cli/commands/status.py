"""``orusage status``: how complete and how fresh the warehouse is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, format_option
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions


FIRST_OF_RUNS = ("started_at", "exit_code", "new_ids", "settled", "pending", "dead", "spend_added", "requests")
"""The columns of runs that a terminal shows first; more if there is room."""


@click.command()
@click.option("--runs", is_flag=True, help="List past runs instead, the newest first.")
@format_option(*FORMATS)
@click.pass_obj
def status(options: GlobalOptions, /, runs: bool, format: str) -> int:
    """Show how complete and how fresh the warehouse is.

    With several accounts a second table tells how many IDs each of them settled.
    """
    import polars as pl

    from ingest.cli.output import print_frame, print_result, terminal_width
    from ingest.warehouse.reader import Reader

    with Reader(options.file) as reader:
        rows = reader.named("runs/past_runs" if runs else "ledger/status")
        accounts = reader.named("ledger/accounts") if format == "table" and not runs else None
    if runs and format == "table" and terminal_width():
        rows = rows.select(*FIRST_OF_RUNS, pl.exclude(FIRST_OF_RUNS))
    print_frame(rows, format)
    if accounts is not None and len(accounts) > 1:
        print_result("\n")
        print_frame(accounts, format)
    return Exit.DONE
