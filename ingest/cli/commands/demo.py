"""``orusage demo``: the whole job on sample logs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ingest.core.errors import Exit

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions

log = logging.getLogger("orusage")


@click.command()
@click.pass_obj
def demo(options: GlobalOptions, /) -> int:
    """Try orusage on sample logs and a simulated OpenRouter.

    Needs no key and no network. Leaves ./orusage-demo with the logs and the DuckDB file. A second run requests only
    what is still pending.
    """
    from ingest.cli.commands.simulate import require_simulator

    require_simulator()
    from ingest.cli.demo import run_demo
    from ingest.cli.output import print_table
    from ingest.cli.progress_display import wants_bar

    file = options.file if options.warehouse else None
    print_table(run_demo(file, bar=wants_bar("auto", options.log_format), say=log.info))
    return Exit.DONE
