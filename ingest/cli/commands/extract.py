"""``orusage extract``: print the IDs that sources hold."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from ingest.cli.options import SOURCE, format_option
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("generation_id", "source", "position")

log = logging.getLogger("orusage")


@click.command()
@click.argument("sources", type=SOURCE, nargs=-1, required=True)
@format_option("text", "ndjson", "csv")
def extract(sources: tuple[str, ...], format: str) -> int:
    """Print the generation IDs found in SOURCES.

    Each ID comes with its source and its position: the offset of the ID in bytes, after decompression. Uses neither
    network nor warehouse.
    """
    from operator import attrgetter

    from ingest.cli.output import print_batches
    from ingest.core.clock import SystemClock
    from ingest.sources.discovery import expand_sources
    from ingest.sources.read_problems import ReadProblems
    from ingest.sources.scanner import scan_all

    problems, row = ReadProblems(), attrgetter(*COLUMNS)

    def rows() -> Iterator[list[tuple[Any, ...]]]:
        for chunk in scan_all(expand_sources(sources), SystemClock().now(), size=1):
            problems.add(chunk.finished)
            yield list(map(row, chunk.sightings))

    if print_batches(COLUMNS, rows(), format):
        problems.require_readable()
    for read in problems.problems:
        log.warning("%s: %s", ascii(read.source)[1:-1], read.problem)
    return Exit.PARTIAL if problems.problems else Exit.DONE
