"""``orusage retry``: revive dead and resting IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest.cli.options import MOMENT, lock_timeout_option
from ingest.core.errors import Exit, UsageError
from ingest.core.settings import EARLIEST

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from ingest.cli.global_options import GlobalOptions


@click.command()
@click.option("--reason", help="Only IDs with this reason, such as not_found or http_400.")
@click.option("--since", type=MOMENT, help="Only IDs whose timestamp is not earlier: 2026-01-01, or 30d (ago).")
@click.option("--all", is_flag=True, help="All dead and resting IDs.")
@lock_timeout_option
@click.pass_obj
def retry(
    options: GlobalOptions,
    /,
    reason: str | None,
    since: datetime | None,
    all: bool,
    lock_timeout: timedelta,
) -> int:
    """Revive dead and resting IDs: the next run asks for them.

    A resting ID is pending, and not asked before a later time. The reasons are listed by `orusage report ledger --by
    reason`. Nothing is requested by this command.

    \b
      orusage retry --reason not_found --since 7d
      orusage retry --all
    """
    from ingest.cli.output import print_result
    from ingest.core.clock import SystemClock
    from ingest.warehouse import maintenance
    from ingest.warehouse.storage.lock import LockWait

    if reason is None and since is None and not all:
        raise UsageError(
            "it is not clear which IDs to revive",
            cause="--reason, --since or --all is needed",
            fix="see `orusage retry -h`",
        )
    lock_wait = LockWait(lock_timeout.total_seconds())
    revived = maintenance.revive(options.file, reason, since or EARLIEST, SystemClock().now(), lock_wait)
    print_result(_told(revived))
    return Exit.DONE


def _told(revived: dict[str | None, int]) -> str:
    """A line for each reason, and the total."""
    lines = [f"{count:>9,}  {reason or 'without a reason'}" for reason, count in revived.items()]
    what_next = "the next `orusage ingest` asks for them" if revived else "no dead or resting ID matches"
    return "\n".join([*lines, f"{sum(revived.values()):,} IDs revived: {what_next}"]) + "\n"
