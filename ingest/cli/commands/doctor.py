"""``orusage doctor``: check the installation and the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, format_option
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions


@click.command()
@format_option(*FORMATS)
@click.pass_obj
def doctor(options: GlobalOptions, /, format: str) -> int:
    """Check the installation and the warehouse; change nothing.

    Checks versions, file, lock, leftovers and space, reads every column of every table, and evaluates all check views.
    Exits 74 if the file is damaged, 1 if another finding is bad.
    """
    import polars as pl

    from ingest.cli.output import print_frame
    from ingest.warehouse.doctor import BAD, DAMAGE, Finding, examine

    findings = examine(options.file)
    rows = pl.DataFrame(findings, dict.fromkeys(Finding._fields, pl.String()), orient="row")
    print_frame(rows, format, folded="detail")
    if any(finding.check == DAMAGE for finding in findings):
        return Exit.STORAGE
    return Exit.UNEXPECTED if any(finding.state == BAD for finding in findings) else Exit.DONE
