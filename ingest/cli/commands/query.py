"""``orusage query``: run SQL over the warehouse."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, PAIR, STREAMED, format_option
from ingest.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from ingest.cli.global_options import GlobalOptions


@click.command()
@click.argument("statement", metavar="[SQL]", required=False)
@click.option(
    "-f", "--file", type=click.File(encoding="utf-8"), help="Read the SQL from a file, or - for standard input."
)
@click.option("--view", help="All rows of a view or table, such as cost_daily.")
@click.option(
    "--param", type=PAIR, multiple=True, help="NAME=VALUE: the value of $NAME in the SQL, as text. May be repeated."
)
@format_option(*FORMATS)
@click.pass_obj
def query(
    options: GlobalOptions,
    /,
    statement: str | None,
    file: IO[str] | None,
    view: str | None,
    param: tuple[tuple[str, str], ...],
    format: str,
) -> int:
    """Run one read-only SQL statement over the warehouse.

    It cannot write, read other files or use the network. Times are UTC. A parameter is text that is cast to the type
    it is compared with; where that is ambiguous, write CAST($NAME AS BIGINT).

    \b
      orusage query "SELECT model, total_usage FROM cost_by_model ORDER BY total_usage DESC LIMIT 5"
      orusage query 'SELECT * FROM cost_daily WHERE requested_day >= $since' --param since=2026-11-01
      orusage query --view cost_daily --format csv
    """
    from ingest.cli.output import print_batches, print_frame, print_rows
    from ingest.warehouse.reader import Reader

    if sum(x is not None for x in (statement, file, view)) != 1:
        raise UsageError(
            "there is no single query",
            cause="exactly one of SQL, --file and --view is needed",
            fix="see `orusage query -h`",
        )
    if view is not None and param:
        raise UsageError(
            "a view has no parameters", cause="--param and --view exclude each other", fix="write SQL with $NAME"
        )
    text = _text_of(file) if file else statement or ""
    with Reader(options.file) as reader:
        if view is not None:
            print_frame(reader.view(view), format)
        else:
            columns, batches = reader.query(text, dict(param)).stream()
            (print_batches if format in STREAMED else print_rows)(columns, batches, format)
    return Exit.DONE


def _text_of(file: IO[str]) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{file.name} is not SQL", cause=f"it is not UTF-8 text: {error.reason}", fix="name a text file"
        ) from None
