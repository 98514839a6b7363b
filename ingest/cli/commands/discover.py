"""``orusage discover``: list the generations that OpenRouter knows of, into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import MOMENT, SOURCE, lock_timeout_option, management_options
from ingest.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions
    from ingest.client.accounts import Account
    from ingest.pipeline.discovery_run import DiscoveryContext, DiscoveryResult


@click.command()
@click.option("--since", type=MOMENT, help="Only generations from this moment on: 2026-11-01, or 7d (ago).")
@click.option("--until", type=MOMENT, help="Only generations before this moment.")
@click.option("--csv", type=SOURCE, metavar="FILE", help="Read OpenRouter's Logs CSV instead; no key is needed.")
@lock_timeout_option
@management_options
@click.pass_obj
def discover(
    options: GlobalOptions,
    /,
    since: datetime | None,
    until: datetime | None,
    csv: str | None,
    lock_timeout: timedelta,
    base_url: str | None,
    management_key_file: Path | None,
    management_key_command: str | None,
) -> int:
    """Find the generations that no log holds.

    OpenRouter's Analytics API lists them, with key and cost, for the last 31 days. Without --since, what was not asked
    about yet is asked for, and the last hour before once more. New IDs are added to the ledger, and the next `orusage
    ingest` fetches them.

    It takes a management key, from --management-key-file, --management-key-command, OPENROUTER_MANAGEMENT_KEY or
    $CREDENTIALS_DIRECTORY/openrouter_management_key. Such keys are made at
    https://openrouter.ai/settings/management-keys.

    \b
      orusage discover
      orusage discover --csv openrouter_activity.csv
    """
    from functools import partial

    from ingest.cli.accounts import each_account, management_accounts_of
    from ingest.cli.output import print_error, print_result
    from ingest.core.cancellation import RunCancellation
    from ingest.core.clock import SystemClock
    from ingest.pipeline.discovery_run import DiscoveryContext
    from ingest.reports.formats import plain

    context = DiscoveryContext(options.file, SystemClock(), RunCancellation(), lock_timeout)
    error = None
    if csv is None:
        accounts = management_accounts_of(options.configuration, management_key_file, management_key_command, base_url)
        answers, error = each_account(accounts, partial(_asked, context, since, until))
        results = [(account.name, result) for account, result in answers]
    elif since or until:
        raise UsageError(
            "--csv reads a whole file", cause="--since or --until was given too", fix="leave --since and --until out"
        )
    else:
        from ingest.pipeline.discover_csv import discover_csv

        results = [(None, discover_csv(csv, context))]
    code = max(int(result.code) for _, result in results)
    for account, result in results:
        if code != Exit.DONE or not options.is_quiet:
            heading = [f"account   {plain(account)}"] if account else []
            print_result("\n".join(heading + _lines(result)) + "\n")
        if result.error:
            print_error(result.error, options.log_format)
    return print_error(error, options.log_format) if error else code


def _asked(
    context: DiscoveryContext, since: datetime | None, until: datetime | None, account: Account
) -> DiscoveryResult:
    from dataclasses import replace

    from ingest.cli.interruptible import run_interruptible
    from ingest.client.management import ManagementClient
    from ingest.pipeline.discover import discover

    client = ManagementClient(account.load_key, account.base_url, clock=context.clock)
    return run_interruptible(
        discover(client, replace(context, account=account.name), since, until), context.cancellation
    )


def _lines(result: DiscoveryResult) -> list[str]:
    """The summary."""
    from ingest.reports.formats import money, plain

    period = f", {result.since:%Y-%m-%d %H:%M:%S} to {result.until:%Y-%m-%d %H:%M:%S} UTC" if result.since else ""
    what = ("window" if result.since else "part") + "s" * (result.asked != 1)
    lines = [
        f"asked     {result.asked:,} {what}{period}, in {result.seconds:.1f} s",
        f"told      {result.rows:,} rows, {result.generations:,} generations",
        f"IDs       {result.new_ids:,} new" + (": the next `orusage ingest` fetches them" if result.new_ids else ""),
    ]
    if result.rows_without_id:
        cost = f", ${money(result.usage_without_id)}"
        lines.append(f"without   {result.rows_without_id:,} rows without a generation ID{cost}: see ops.discoveries")
    lines += [
        f"cut       {second:%Y-%m-%d %H:%M:%S} UTC is incomplete: more generations than one answer tells"
        for second in result.incomplete
    ]
    return lines + [f"problem   {plain(problem)}" for problem in result.problems]
