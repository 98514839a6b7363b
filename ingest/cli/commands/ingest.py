"""``orusage ingest``: read IDs from sources, fetch what is due, print a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ingest.cli.options import (
    DURATION,
    FIELD_NAME,
    MOMENT,
    POSITIVE_DURATION,
    SOURCE,
    api_options,
    lock_timeout_option,
)
from ingest.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions
    from ingest.client.accounts import Account
    from ingest.core.settings import Settings


@click.command()
@click.argument("sources", type=SOURCE, nargs=-1)
@click.option("--since", type=MOMENT, help="Only IDs from this moment on: 2026-11-01, or 7d (ago).")
@click.option("--until", type=MOMENT, help="Only IDs before this moment.")
@click.option(
    "--keep-field",
    type=FIELD_NAME,
    metavar="NAME",
    multiple=True,
    help="Store this JSON or logfmt field of each ID's log line; a.b is b inside a. May be repeated.",
)
@click.option(
    "--reread",
    is_flag=True,
    help="Read SOURCES from their beginning, and store place, time and fields of known IDs anew.",
)
@click.option(
    "--content", is_flag=True, help="Store prompts and completions too.  [default: never requested, never stored]"
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1024), default=256, show_default=True, help="Maximum requests in flight."
)
@click.option("--rate", type=click.FloatRange(0.01, 1e6), help="Maximum requests per second.  [default: adaptive]")
@click.option("--max-time", type=DURATION, help="Start no new ID after this time.")
@click.option("--limit", type=click.IntRange(1), help="Fetch at most this many IDs.")
@click.option(
    "--not-found-grace",
    type=DURATION,
    default="24h",
    show_default=True,
    help="Age of an ID from which a 404 is final if repeated.",
)
@click.option("--batch-size", type=click.IntRange(1, 50_000), default=500, show_default=True, help="IDs per commit.")
@click.option(
    "--publish-every",
    type=POSITIVE_DURATION,
    default="15m",
    show_default=True,
    help="How often to publish what is stored, so that other programs see it.",
)
@lock_timeout_option
@api_options
@click.option("--dry-run", is_flag=True, help="Only print what would be read and requested; store nothing.")
@click.option("--progress", type=click.Choice(["auto", "bar", "plain"]), default="auto", show_default=True)
@click.option(
    "--strict", is_flag=True, help="Exit 3 also for dead letters that are expected: IDs not found after the grace."
)
@click.option("--summary", type=click.Choice(["table", "json"]), help="[default: table; with -q none on success]")
@click.pass_obj
def ingest(
    options: GlobalOptions,
    /,
    sources: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    timeout: timedelta,
    base_url: str | None,
    api_key_file: Path | None,
    api_key_command: str | None,
    keep_field: tuple[str, ...],
    dry_run: bool,
    progress: str,
    summary: str | None,
    **limits: Any,
) -> int:
    """Read generation IDs from SOURCES and fetch their metadata.

    SOURCES are files, directories, globs, URLs, or - for standard input: text of any kind, plain or compressed as .gz,
    .bz2, .xz or .zst. Text that an earlier run has read is not read again. Without SOURCES, those of the configuration
    are read; without any, only the IDs that are due in the ledger are fetched. The key is read from --api-key-file,
    --api-key-command, OPENROUTER_API_KEY or $CREDENTIALS_DIRECTORY/openrouter_api_key, or from the accounts of the
    configuration.

    \b
      orusage ingest /var/log/myapp/
      zcat old/*.gz | orusage ingest - --since 30d
    """
    from ingest.cli.accounts import accounts_of
    from ingest.cli.output import print_error, print_result
    from ingest.cli.progress_display import wants_bar
    from ingest.cli.run_summary import render_summary
    from ingest.cli.runner import run

    sources = sources or options.configuration.sources
    settings = _settings(base_url, since, until, timeout=timeout.total_seconds(), keep_fields=keep_field, **limits)
    accounts = accounts_of(options.configuration, api_key_file, api_key_command, settings.base_url)
    if dry_run:
        return _dry_run(sources, options.file, settings, accounts, summary or "table")
    result, stats = run(
        sources,
        options.file,
        accounts,
        settings,
        bar=wants_bar(progress, options.log_format),
        accounts_of_sources=options.configuration.accounts_of_sources,
    )
    if summary or result.code != Exit.DONE or not options.is_quiet:
        print_result(render_summary(result, stats, summary or "table"))
    if result.error:
        return print_error(result.error, options.log_format)
    if options.configuration.rates_file:
        _store_rates(options, options.configuration.rates_file, settings)
    return result.code


def _settings(base_url: str | None, since: datetime | None, until: datetime | None, **others: Any) -> Settings:
    from ingest.core.base_url import BASE_URL, check_base_url
    from ingest.core.settings import EARLIEST, LATEST, Settings

    if since and until and since >= until:
        raise UsageError(
            "the period is empty",
            cause=f"--since {since:%Y-%m-%d %H:%M} UTC is not before --until {until:%Y-%m-%d %H:%M} UTC",
            fix="name an earlier --since or a later --until",
        )
    url = check_base_url(base_url or BASE_URL)
    return Settings(base_url=url, since=since or EARLIEST, until=until or LATEST, **others)


def _store_rates(options: GlobalOptions, rates_file: Path, settings: Settings) -> None:
    from ingest.core.clock import SystemClock
    from ingest.warehouse import maintenance
    from ingest.warehouse.rates import read_rates
    from ingest.warehouse.storage.lock import LockWait

    lock_wait = LockWait(settings.lock_timeout.total_seconds())
    maintenance.set_rates(options.file, read_rates(rates_file), SystemClock().now(), lock_wait)


def _dry_run(
    sources: tuple[str, ...], warehouse: Path, settings: Settings, accounts: Sequence[Account], form: str
) -> int:
    from ingest.cli.output import print_result
    from ingest.cli.run_summary import render_dry_run
    from ingest.core.clock import SystemClock
    from ingest.pipeline.dry_run import dry_run

    found = dry_run(sources, warehouse, settings, SystemClock().now(), accounts)
    print_result(render_dry_run(found, form))
    return Exit.PARTIAL if found.problems else Exit.DONE
