"""``orusage warehouse``: publish, migrate, compact or erase from the DuckDB file, or store rates."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from ingest.cli.options import FORMATS, MOMENT, PATH, format_option, lock_timeout_option
from ingest.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions
    from ingest.warehouse.erasure import Erased
    from ingest.warehouse.storage.lock import LockWait

log = logging.getLogger("orusage")


@click.group()
def warehouse() -> None:
    """Maintain the DuckDB file."""


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def publish(options: GlobalOptions, /, lock_timeout: timedelta) -> int:
    """Publish what a run has committed but could not publish.

    The next run publishes it too.
    """
    from ingest.cli.output import print_unless_quiet
    from ingest.warehouse import maintenance

    is_done = maintenance.publish(options.file, *_now_and_lock_wait(lock_timeout))
    print_unless_quiet(options, f"{options.file} is published\n" if is_done else "there is nothing to publish\n")
    return Exit.DONE


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def migrate(options: GlobalOptions, /, lock_timeout: timedelta) -> int:
    """Bring the schema up to date.

    Migrates a copy, which is published when it is complete. The next run does the same.
    """
    from ingest.cli.output import print_unless_quiet
    from ingest.warehouse import maintenance

    applied = maintenance.migrate(options.file, *_now_and_lock_wait(lock_timeout))
    print_unless_quiet(options, "".join(f"applied {name}\n" for name in applied) or "the schema is up to date\n")
    return Exit.DONE


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def compact(options: GlobalOptions, /, lock_timeout: timedelta) -> int:
    """Rewrite the file without the space that deleted rows take."""
    from ingest.cli.output import print_unless_quiet
    from ingest.warehouse import maintenance

    before, after = maintenance.compact(options.file, *_now_and_lock_wait(lock_timeout))
    print_unless_quiet(options, f"{options.file}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now\n")
    return Exit.DONE


@warehouse.command()
@click.argument("file", type=PATH)
@lock_timeout_option
@click.pass_obj
def rates(options: GlobalOptions, /, file: Path, lock_timeout: timedelta) -> int:
    """Store the rates behind loaded costs.

    FILE is CSV with the columns from_date, currency, rate (units for one US dollar), purchase_fee, tax and markup
    (shares: 0.055 is 5.5 %). Its rates replace all that are stored. The views loaded_cost_daily, … and `orusage report
    cost --currency` compute with them.

    \b
      orusage warehouse rates rates.csv
    """
    from ingest.cli.output import print_unless_quiet
    from ingest.warehouse import maintenance
    from ingest.warehouse.rates import read_rates

    found = read_rates(file)
    is_new = maintenance.set_rates(options.file, found, *_now_and_lock_wait(lock_timeout))
    currencies = ", ".join(dict.fromkeys(rate.currency for rate in found.rates))
    count = f"{len(found.rates):,} {'rate' if len(found.rates) == 1 else 'rates'} of {currencies}"
    print_unless_quiet(options, f"{'stored' if is_new else 'stored already:'} {count}\n")
    return Exit.DONE


@warehouse.command()
@click.option(
    "--before", type=MOMENT, help="Erase all about IDs whose timestamp is earlier: 2026-01-01, or 365d (ago)."
)
@click.option("--user", help="Erase all about the generations of this external_user.")
@click.option("--dry-run", is_flag=True, help="Only print how much would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
@lock_timeout_option
@format_option(*FORMATS)
@click.pass_obj
def forget(
    options: GlobalOptions,
    /,
    before: datetime | None,
    user: str | None,
    dry_run: bool,
    yes: bool,
    lock_timeout: timedelta,
    format: str,
) -> int:
    """Erase what is stored about old IDs or about one user.

    Erases facts, attempts, contents and ledger entries and rewrites the file. Those IDs are never stored again. On a
    terminal the command shows how many rows of each kind it would erase, and asks.

    \b
      orusage warehouse forget --before 365d --dry-run
      orusage warehouse forget --before 365d
      orusage warehouse forget --user 4711
    """
    from dataclasses import asdict

    import polars as pl

    from ingest.cli.output import print_frame
    from ingest.warehouse import maintenance
    from ingest.warehouse.storage.workspace import Workspace

    now, lock_wait = _now_and_lock_wait(lock_timeout)
    _check_selection(before, user, now)
    if dry_run or (sys.stdin.isatty() and not yes):
        counted = maintenance.count_forgettable(options.file, before, user, now, lock_wait)
        if dry_run:
            print_frame(pl.DataFrame([asdict(counted)]), format)
            return Exit.DONE
        _ask(counted, options.file)
    erased = maintenance.forget(options.file, before, user, now, lock_wait)
    for file in Workspace(options.file).directory.quarantined:
        log.warning("%s was quarantined earlier and may still hold what was erased: examine and remove it", file)
    print_frame(pl.DataFrame([asdict(erased)]), format)
    return Exit.DONE


def _ask(counted: Erased, file: Path) -> None:
    """Show what would be erased and ask; anything but yes ends the command."""
    for kind, rows in (
        ("generations", counted.generations),
        ("provider attempts", counted.provider_attempts),
        ("prompts and completions", counted.generation_contents),
        ("unsettled IDs", counted.unsettled),
    ):
        click.echo(f"{rows:>12,} {kind}", err=True)
    click.confirm(f"Erase these from {file} for ever?", abort=True, err=True)


def _check_selection(before: datetime | None, user: str | None, now: datetime) -> None:
    if (before is None) == (user is None):
        raise UsageError(
            "it is not clear what to forget",
            cause="exactly one of --before and --user is needed",
            fix="see `orusage warehouse forget -h`",
        )
    if before and before > now:
        raise UsageError(
            f"{before:%Y-%m-%d %H:%M} UTC is in the future",
            cause="everything would be erased, and no new ID stored until then",
            fix="name a moment in the past",
        )


def _now_and_lock_wait(lock_timeout: timedelta) -> tuple[datetime, LockWait]:
    from ingest.core.clock import SystemClock
    from ingest.warehouse.storage.lock import LockWait

    return SystemClock().now(), LockWait(lock_timeout.total_seconds())
