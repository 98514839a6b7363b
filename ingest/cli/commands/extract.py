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

FIELD_COLUMNS = ("field", "ids", "of")

log = logging.getLogger("orusage")


@click.command()
@click.argument("sources", type=SOURCE, nargs=-1, required=True)
@click.option("--fields", is_flag=True, help="Print instead which fields the lines with IDs have, for --keep-field.")
@format_option("text", "ndjson", "csv")
def extract(sources: tuple[str, ...], fields: bool, format: str) -> int:
    """Print the generation IDs found in SOURCES.

    Each ID comes with its source and its position: the offset of the ID in bytes, after decompression. Uses neither
    network nor warehouse.

    With --fields, each row has a name that `orusage ingest --keep-field` finds, the number of IDs whose lines have such
    a field, and the number of all IDs in lines.
    """
    from operator import attrgetter

    from ingest.cli.output import print_batches
    from ingest.core.clock import SystemClock
    from ingest.sources.discovery import expand_sources
    from ingest.sources.field_names import FieldNames
    from ingest.sources.read_problems import ReadProblems
    from ingest.sources.scanner import scan_all

    problems, row = ReadProblems(), attrgetter(*COLUMNS)
    names = FieldNames() if fields else None

    def rows() -> Iterator[list[tuple[Any, ...]]]:
        for chunk in scan_all(expand_sources(sources), SystemClock().now(), None, names, size=1):
            problems.add(chunk.finished)
            yield list(map(row, chunk.sightings))

    def counts() -> Iterator[list[tuple[Any, ...]]]:
        for _ in rows():
            pass
        if names:
            yield [(name, count, names.read_ids) for name, count in sorted(names.counts.items(), key=_by_count)]

    printed = print_batches(FIELD_COLUMNS, counts(), format) if fields else print_batches(COLUMNS, rows(), format)
    if printed:
        problems.require_readable()
    for read in problems.problems:
        log.warning("%s: %s", ascii(read.source)[1:-1], read.problem)
    return Exit.PARTIAL if problems.problems else Exit.DONE


def _by_count(counted: tuple[str, int]) -> tuple[int, str]:
    """The most frequent first, then by name."""
    return -counted[1], counted[0]
