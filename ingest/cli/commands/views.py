"""``orusage views``: list what can be queried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, format_option
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions


@click.command()
@click.argument("names", nargs=-1)
@format_option(*FORMATS)
@click.pass_obj
def views(options: GlobalOptions, /, names: tuple[str, ...], format: str) -> int:
    """List the views and tables, or the columns of NAMES.

    A relation is listed with its grain, a column with its type, unit and meaning.
    """
    from ingest.cli.output import print_frame
    from ingest.warehouse.reader import Reader

    with Reader(options.file) as reader:
        print_frame(reader.columns_of(names) if names else reader.relations(), format, folded="meaning")
    return Exit.DONE
