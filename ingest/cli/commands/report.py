"""``orusage report``: print one of the prepared reports."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, LOCAL_MOMENT, PATH, ZONE, format_option, local_moment
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from ingest.cli.global_options import GlobalOptions

SUMMARY_WIDTH, UNLIMITED = 80, 1_000_000
"""Characters of a line where there is no terminal."""

log = logging.getLogger("orusage")


@click.command()
@click.argument("name", default="summary")
@click.option("--since", type=LOCAL_MOMENT, help="Only requests from this moment on: 2026-11-01, or 7d (ago).")
@click.option("--until", type=LOCAL_MOMENT, help="Only requests before this moment.")
@click.option(
    "--timezone", type=ZONE, default="UTC", show_default=True, help="Time zone of days and hours: Europe/Berlin, …"
)
@click.option(
    "--by",
    metavar="DIMENSION,…",
    multiple=True,
    help="One row for each model, provider, day, week, month, user, field:NAME, …; up to three: model,day.",
)
@click.option(
    "--where",
    metavar="DIMENSION=VALUE",
    multiple=True,
    help="Only requests of this value, or, with !=, only others. Repeatable; values of one dimension are alternatives.",
)
@click.option("--map", metavar="FILE", type=PATH, help="CSV that maps users, apps, … to the dimension team.")
@click.option(
    "--compare",
    metavar="PERIOD",
    help="Of cost: how it changed since an earlier period: previous, year, or 2026-10-01..2026-11-01.",
)
@click.option(
    "--currency", metavar="EUR", help="Of cost: loaded cost in this currency, by the rates of orusage warehouse rates."
)
@click.option("--top", type=click.IntRange(1), help="Only this many of the largest; the rest is one row (other).")
@format_option(*FORMATS)
@click.pass_obj
def report(
    options: GlobalOptions,
    /,
    name: str,
    since: datetime | None,
    until: datetime | None,
    timezone: ZoneInfo,
    by: tuple[str, ...],
    where: tuple[str, ...],
    map: Path | None,
    compare: str | None,
    currency: str | None,
    top: int | None,
    format: str,
) -> int:
    """Print a report: cost, latency, errors and more.

    NAME is summary, cost, top, latency, errors, cache, failed, prices, forecast, anomalies or ledger. A table has the
    columns that fit the terminal; json, ndjson and csv have all columns, exact amounts and times in UTC.

    \b
      orusage report
      orusage report cost --by model --since 2026-11-01 --until 2026-12-01 --timezone Europe/Berlin
      orusage report cost --by model,day --where user=alice --where provider!=Azure
      orusage report cost --by provider --since 7d --compare previous
      orusage report cost --by model --currency EUR
      orusage report latency --by provider --since 7d --top 5
    """
    from ingest.cli.output import print_result, print_table, terminal_width
    from ingest.core.clock import SystemClock
    from ingest.reports.comparison import comparison_of
    from ingest.reports.period import Period
    from ingest.reports.report import report as report_of
    from ingest.reports.summary_view import printed
    from ingest.reports.team_map import read_team_map
    from ingest.warehouse.reader import Reader

    period = Period.between(since, until, timezone, SystemClock().now())
    comparison = comparison_of(period, compare, local_moment) if compare is not None else None
    teams = read_team_map(map) if map else None
    with Reader(options.file) as reader:
        found = report_of(reader, name, comparison or period, ",".join(by) or None, top, where, teams, currency or "")
    show = print_table if format == "table" else print_result
    show(printed(found, format, terminal_width() or (SUMMARY_WIDTH if name == "summary" else UNLIMITED)))
    if found.note:
        log.info("%s", found.note)
    return Exit.DONE
