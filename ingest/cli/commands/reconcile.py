"""``orusage reconcile``: compare what was ingested with what OpenRouter billed."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, MOMENT, format_option, lock_timeout_option, management_options
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions
    from ingest.client.accounts import Account
    from ingest.pipeline.reconcile import Problems
    from ingest.reports.reconciliation import Reconciliation

UNLIMITED = 1_000_000
"""Characters of a line where there is no terminal."""

FOR_PEOPLE = ("table", "markdown")
"""Formats in which the verdict and the remarks stand beside the table."""

log = logging.getLogger("orusage")


@click.command()
@click.option(
    "--since", type=MOMENT, help="Only days (UTC) from this moment on: 2026-11-01, or 7d (ago).  [default: 30 days]"
)
@click.option("--until", type=MOMENT, help="Only days (UTC) before this moment.  [default: today]")
@click.option(
    "--by",
    type=click.Choice(("model", "day", "provider", "key")),
    default="model",
    show_default=True,
    help="What a row stands for.",
)
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 1),
    help="Exit with 3 if a smaller share of the dollars is explained, such as 0.99, or no day could be compared.",
)
@lock_timeout_option
@management_options
@format_option(*FORMATS)
@click.pass_obj
def reconcile(
    options: GlobalOptions,
    /,
    since: datetime | None,
    until: datetime | None,
    by: str,
    min_coverage: float | None,
    lock_timeout: timedelta,
    base_url: str | None,
    management_key_file: Path | None,
    management_key_command: str | None,
    format: str,
) -> int:
    """Compare what was ingested with what OpenRouter billed.

    Asks OpenRouter for the activity of the last 30 completed days (UTC), its own totals, the credits and the list of
    models, stores all of it, and prints how much of the bill is explained. It needs a management key. What was stored
    is compared in the view ops.reconciliation too.

    \b
      orusage reconcile
      orusage reconcile --by day --since 7d
      orusage reconcile --min-coverage 0.99
    """
    from ingest.cli.accounts import each_account, management_accounts_of
    from ingest.cli.interruptible import run_interruptible
    from ingest.cli.output import print_error
    from ingest.client.management import ManagementClient
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import SystemClock
    from ingest.pipeline.reconcile import PATIENCE, days_between, reconcile_days
    from ingest.reports.reconciliation import reconciliation_of
    from ingest.warehouse.reader import Reader
    from ingest.warehouse.storage.lock import LockWait

    clock = SystemClock()
    days = days_between(since, until, clock.now())
    cancellation = RunCancellation()
    lock_wait = LockWait(lock_timeout.total_seconds(), is_over=cancellation.is_interrupted)
    accounts = management_accounts_of(options.configuration, management_key_file, management_key_command, base_url)

    def ask(account: Account) -> Problems:
        client = ManagementClient(account.load_key, account.base_url, clock=clock, patience=PATIENCE)
        asking = reconcile_days(options.file, days, client, clock, lock_wait, account.name)
        return run_interruptible(asking, cancellation)

    answers, error = each_account(accounts, ask)
    problems = [answer for _, answer in answers]
    with Reader(options.file) as reader:
        found = reconciliation_of(reader, days[0], days[-1], by)
    for problem in chain.from_iterable(each.said for each in problems):
        log.warning("%s", problem)
    _print(found, format)
    if error:
        return print_error(error, options.log_format)
    return _exit_code(found, min_coverage, is_partial=any(each.is_partial for each in problems))


def _print(found: Reconciliation, form: str) -> None:
    """Print the table; in formats for programs the verdict and the remarks go to the log."""
    from ingest.cli.output import print_result, print_table, terminal_width
    from ingest.reports.reconciliation import text_of

    text = text_of(found, form, terminal_width() or UNLIMITED)
    (print_table if form == "table" else print_result)(text)
    if form not in FOR_PEOPLE:
        for line in (*found.lines, *found.notes):
            log.info("%s", line)


def _exit_code(found: Reconciliation, min_coverage: float | None, *, is_partial: bool) -> Exit:
    from decimal import Decimal

    wanted = None if min_coverage is None else Decimal(repr(min_coverage))
    is_below = wanted is not None and (found.compared_days == 0 or found.verdict.is_below(wanted))
    return Exit.PARTIAL if is_partial or is_below else Exit.DONE
