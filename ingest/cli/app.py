"""The command line: each command is parse, call, render.

Results go to standard output, all talk to standard error, and one place turns errors into exit codes. Only click is
imported at the top: a command imports what it uses, so that ``--help`` is quick.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

import click

from ingest.cli.options import DURATION, LOCAL_MOMENT, MOMENT, PAIR, POSITIVE_DURATION, ZONE
from ingest.cli.signals import recorded_interrupts
from ingest.core.errors import CannotCreateError, ConfigurationError, Exit, OrusageError, StorageError, UsageError
from ingest.core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    import polars as pl

    from ingest.core.settings import Settings
    from ingest.warehouse.storage.lock import LockWait

PATH = click.Path(readable=False, path_type=Path)
"""What cannot be read is told by whoever wants to read it, with the exit code that goes with it."""

DEFAULT_WAREHOUSE = Path("orusage.duckdb")
FORMATS = ("table", "json", "ndjson", "csv", "markdown")
STREAMED = ("ndjson", "csv")

log = logging.getLogger("orusage")

_SECRET = re.compile(r"sk-[\w-]{8,}|Bearer\s+\S+")


@dataclass(slots=True)
class Globals:
    """The options before the command."""

    warehouse: Path | None = None
    log_format: str = "text"
    debug: bool = False

    @property
    def file(self) -> Path:
        """The warehouse, named or not."""
        return self.warehouse or DEFAULT_WAREHOUSE


def main() -> int:
    """Run the command line; returns the exit code."""
    os.umask(0o077)  # what a run writes tells what people ask models: it is for its owner
    _mend_streams()
    options = Globals()
    with recorded_interrupts() as interrupted:
        try:
            return int(orusage.main(prog_name="orusage", standalone_mode=False, obj=options) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            return Exit.INTERRUPTED
        except Exception as error:  # noqa: BLE001  # whatever it is, it ends in three lines and a code
            if options.debug:
                traceback.print_exc()
            return Exit.INTERRUPTED if interrupted else _print_error(_to_our_error(error))


def _mend_streams() -> None:
    """A stream that was closed before we started swallows what it gets; one of a narrow encoding escapes it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # as long as we live
        elif mode == "w":
            stream.reconfigure(errors="backslashreplace")


def _print_error(error: OrusageError) -> int:
    """Print an error's three lines; returns its exit code."""
    from ingest.reports.formats import plain

    excerpt = (f"         {line}" for line in error.excerpt)
    lines = (f"orusage: {error.what}", f"  cause: {error.cause}", *excerpt, f"  fix:   {error.fix}")
    _write("".join(plain(line) + "\n" for line in lines), sys.stderr)
    return error.code


def _to_our_error(error: Exception) -> OrusageError:
    if isinstance(error, OrusageError):
        return error
    if isinstance(error, click.UsageError):
        return _misused(error)
    if isinstance(error, OSError):
        return StorageError(
            "reading or writing failed",
            cause=f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}",
            fix="check the disk and the file, then run it again",
        )
    return OrusageError(
        "something unexpected went wrong",
        cause=_SECRET.sub("[masked]", f"{type(error).__name__}: {error}"),
        fix="run the same command with --debug and report what it prints; what was committed is safe",
    )


def _misused(error: click.UsageError) -> UsageError:
    """What click found wrong with the command line; a key that was given in the wrong place is not repeated."""
    command = error.ctx.command_path if error.ctx else "orusage"
    cause = " ".join(_SECRET.sub("[masked]", error.format_message()).split()).removesuffix(".")
    return UsageError(f"`{command}` cannot be called like this", cause=cause, fix=f"see `{command} -h`")


class _JsonLines(logging.Formatter):
    """A line of JSON each; the fields of ``extra={"fields": {...}}`` stand in it beside time, level and message."""

    def format(self, record: logging.LogRecord) -> str:
        own = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(own | getattr(record, "fields", {}) | own)  # ours come first, and nothing replaces them


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment: while a bar is shown, lines then come to stand above it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.setStream(sys.stderr)
        super().emit(record)


def _set_up_log(level: int, form: str) -> None:
    handler = _ToStandardError()
    handler.setFormatter(_JsonLines() if form == "json" else logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(level)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ORUSAGE"})
@click.version_option(__version__, prog_name="orusage")
@click.option("-w", "--warehouse", type=PATH, help="The DuckDB file.  [default: ./orusage.duckdb]")
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors on standard error.")
@click.option("-v", "--verbose", is_flag=True, help="More on standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, help="Show a traceback instead of an error's three lines.")
@click.pass_obj
def orusage(
    options: Globals, /, warehouse: Path | None, quiet: bool, verbose: bool, log_format: str, debug: bool
) -> None:
    """Know exactly what your OpenRouter traffic cost and how fast it was.

    Reads generation IDs out of your logs, fetches each one's metadata, and keeps it in a DuckDB file with views for
    cost and latency. Try `orusage demo`: it needs no key and no network.
    """
    options.warehouse, options.log_format, options.debug = warehouse, log_format, debug
    _set_up_log(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO, log_format)


def format_option(*choices: str) -> Callable[[Any], Any]:
    """The option --format; the first choice is the default."""
    kind = click.Choice(choices)
    return click.option("--format", type=kind, default=choices[0], show_default=True, help="How to print rows.")


def api_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that asks OpenRouter."""
    for option in reversed(API_OPTIONS):
        command = option(command)
    return command


lock_timeout_option = click.option(
    "--lock-timeout", type=DURATION, default="0s", show_default=True, help="Wait so long for whoever writes."
)

API_OPTIONS = (
    click.option("--timeout", type=POSITIVE_DURATION, default="30s", show_default=True, help="For one request in all."),
    click.option("--base-url", envvar="OPENROUTER_BASE_URL", help="The API.  [default: https://openrouter.ai/api/v1]"),
    click.option("--api-key-file", type=PATH, help="File that holds the key."),
    click.option("--api-key-command", help="Command that prints the key."),
)


@orusage.command()
@click.argument("sources", nargs=-1)
@click.option("--since", type=MOMENT, help="Leave alone IDs whose own second is earlier: 2026-11-01, or 7d (ago).")
@click.option("--until", type=MOMENT, help="Leave alone IDs whose own second is later.")
@click.option(
    "--keep-field",
    metavar="NAME",
    multiple=True,
    help="Store this JSON or logfmt field of each ID's log line; a.b is b inside a. May be repeated.",
)
@click.option(
    "--content", is_flag=True, help="Store prompts and completions too.  [default: never asked for, never stored]"
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1024), default=256, show_default=True, help="Requests in flight at most."
)
@click.option("--rate", type=click.FloatRange(0.01, 1e6), help="Requests per second at most.  [default: what is found]")
@click.option("--max-time", type=DURATION, help="Take no new ID after this time.")
@click.option("--limit", type=click.IntRange(1), help="Ask for so many IDs at most.")
@click.option("--not-found-grace", type=DURATION, default="24h", show_default=True, help="Age at which a 404 is final.")
@click.option("--batch-size", type=click.IntRange(1, 50_000), default=500, show_default=True, help="IDs per commit.")
@click.option(
    "--publish-every", type=POSITIVE_DURATION, default="15m", show_default=True, help="Show others what is stored."
)
@lock_timeout_option
@api_options
@click.option("--dry-run", is_flag=True, help="Only tell what would be read and asked; nothing is stored.")
@click.option("--progress", type=click.Choice(["auto", "bar", "plain"]), default="auto", show_default=True)
@click.option("--summary", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_obj
def ingest(
    options: Globals,
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
    summary: str,
    **bounds: Any,
) -> int:
    """Read IDs out of SOURCES and fetch what is known of them.

    SOURCES are files, directories, globs, URLs, or - for standard input; text of any kind, plain or .gz, .bz2, .xz,
    .zst. What an earlier run has read is not read again. Without any, asks for what is due in the ledger. The key is
    read from --api-key-file, --api-key-command, OPENROUTER_API_KEY or $CREDENTIALS_DIRECTORY/openrouter_api_key.

    \b
      orusage ingest /var/log/myapp/
      zcat old/*.gz | orusage ingest - --since 30d
    """
    from functools import partial

    from ingest.cli.run_summary import render_summary
    from ingest.cli.runner import run
    from ingest.client.credentials import load_key
    from ingest.core.base_url import BASE_URL, check_base_url
    from ingest.core.settings import EARLIEST, LATEST, Settings

    if since and until and since >= until:
        raise UsageError(
            "the period is empty",
            cause=f"--since {since:%Y-%m-%d %H:%M} UTC is not before --until {until:%Y-%m-%d %H:%M} UTC",
            fix="name an earlier --since or a later --until",
        )
    settings = Settings(
        base_url=check_base_url(base_url or BASE_URL),
        since=since or EARLIEST,
        until=until or LATEST,
        timeout=timeout.total_seconds(),
        keep_fields=keep_field,
        **bounds,
    )
    if dry_run:
        return _dry_run(sources, options.file, settings, summary)
    key = partial(load_key, api_key_file, api_key_command)
    result, stats = run(sources, options.file, key, settings, bar=_wants_bar(options, progress))
    _print_result(render_summary(result, stats, summary))
    return _print_error(result.error) if result.error else result.code


def _dry_run(sources: tuple[str, ...], warehouse: Path, settings: Settings, form: str) -> int:
    from ingest.cli.run_summary import render_dry_run
    from ingest.core.clock import SystemClock
    from ingest.pipeline.dry_run import dry_run

    rehearsal = dry_run(sources, warehouse, settings, SystemClock().now())
    _print_result(render_dry_run(rehearsal, form))
    return Exit.PARTIAL if rehearsal.problems else Exit.DONE


def _wants_bar(options: Globals, progress: str) -> bool:
    is_for_people = options.log_format == "text" and log.isEnabledFor(logging.INFO)
    return progress == "bar" or (progress == "auto" and sys.stderr.isatty() and is_for_people)


@orusage.command()
@click.pass_obj
def demo(options: Globals, /) -> int:
    """Run the whole job on sample logs against a simulated OpenRouter; no key, no network.

    Leaves ./orusage-demo with the logs and the DuckDB file. Run it again: nothing is asked twice.
    """
    _need_simulator()
    from ingest.cli.demo import run_demo

    _print_result(run_demo(options.warehouse, bar=_wants_bar(options, "auto"), say=log.info))
    return Exit.DONE


SHARE = click.FloatRange(0, 1)


@orusage.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 picks a free one.")
@click.option("--latency", type=DURATION, default="0s", show_default=True, help="Before each answer.")
@click.option("--rate-limit", type=click.FloatRange(0.01), help="Requests per second let through.  [default: no limit]")
@click.option("--burst", type=click.FloatRange(1), default=50, show_default=True, help="Let through at once.")
@click.option("--p429", type=SHARE, default=0, help="Share of requests answered 429, whatever the limit.")
@click.option("--p529", type=SHARE, default=0, help="Share answered 529.")
@click.option("--p500", type=SHARE, default=0, help="Share answered 500, 502 or 524.")
@click.option("--p404", type=SHARE, default=0, help="Share of IDs that never exist.")
@click.option(
    "--not-found-for", type=DURATION, default="0s", show_default=True, help="404 for so long after an ID's second."
)
@click.option("--malformed", type=SHARE, default=0, help="Share answered with something else than a generation.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
def simulate(port: int, latency: timedelta, not_found_for: timedelta, **faults: Any) -> int:
    """Serve a simulated OpenRouter on 127.0.0.1, until Ctrl-C.

    Any key of the form sk-or-... is taken; one that contains `invalid` is answered 401, `broke` 402, `forbidden` 403,
    `inference` 403 for content only, and `status-NNN` that status.
    GET /simulator/served tells what was served.
    """
    _need_simulator()
    from ingest.simulator.server import Faults, Simulator, serve

    settings = Faults(latency=latency.total_seconds(), not_found_for=not_found_for.total_seconds(), **faults)
    try:
        serve(Simulator(settings), port, ready=lambda url: click.echo(f"listening on {url}"))
    except OSError as error:
        raise CannotCreateError(
            f"port {port} cannot be used", cause=str(error.strerror), fix="name another with --port; 0 picks a free one"
        ) from None
    return Exit.DONE


def _need_simulator() -> None:
    from importlib.util import find_spec

    if find_spec("uvicorn") is None:
        raise ConfigurationError(
            "the simulator is not installed",
            cause="it needs the extra `demo`",
            fix='pip install "orusage[demo]"',
        )


@orusage.command()
@click.argument("sources", nargs=-1, required=True)
@format_option("text", "ndjson", "csv")
def extract(sources: tuple[str, ...], format: str) -> int:
    """Print the generation IDs found in SOURCES, with source and position. No network, no warehouse.

    The position is the offset of the ID in bytes, after decompression.
    """
    from operator import attrgetter

    from ingest.core.clock import SystemClock
    from ingest.reports.formats import streamed
    from ingest.sources.discovery import expand_sources
    from ingest.sources.read_problems import ReadProblems
    from ingest.sources.scanner import scan_all

    read_problems = ReadProblems()
    row = attrgetter("generation_id", "source", "position")

    def rows() -> Iterator[list[tuple[Any, ...]]]:
        for chunk in scan_all(expand_sources(sources), SystemClock().now(), size=1):
            read_problems.add(chunk.finished)
            yield list(map(row, chunk.sightings))

    for text in streamed(("generation_id", "source", "position"), rows(), format):
        if not _print_result(text):
            break
    else:
        read_problems.require_readable()
    for read in read_problems.problems:
        log.warning("%s: %s", ascii(read.source)[1:-1], read.problem)
    return Exit.PARTIAL if read_problems.problems else Exit.DONE


@orusage.command()
@click.argument("generation_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--content", is_flag=True, help="Prompt and completion too.")
@api_options
def get(
    generation_ids: tuple[str, ...],
    content: bool,
    timeout: timedelta,
    base_url: str | None,
    api_key_file: Path | None,
    api_key_command: str | None,
) -> int:
    """Ask OpenRouter for IDs and print what it answers: JSON for one, a line of JSON each for several.

    Nothing is stored. The key is found as by `orusage ingest`.

    \b
      orusage get gen-1753485462-AbCdEfGhIj0123456789 --content
    """
    import msgspec

    from ingest.client.credentials import load_key
    from ingest.core.base_url import BASE_URL, check_base_url
    from ingest.fetch.lookup import look_up

    key = load_key(api_key_file, api_key_command)
    url = check_base_url(base_url or BASE_URL)
    complete = True
    for found in look_up(generation_ids, key, url, timeout=timeout.total_seconds(), content=content):
        record = found.record and msgspec.json.format(found.record, indent=2 if len(generation_ids) == 1 else -1)
        if record and not _print_result(record.decode() + "\n"):
            break
        if found.problem:
            complete = False
            log.warning(
                "%s: %s", found.generation_id, _SECRET.sub("[masked]", ascii(found.problem.message[:500])[1:-1])
            )
    return Exit.DONE if complete else Exit.PARTIAL


@orusage.command()
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
    options: Globals,
    /,
    statement: str | None,
    file: IO[str] | None,
    view: str | None,
    param: tuple[tuple[str, str], ...],
    format: str,
) -> int:
    """Run one read-only SQL statement over the warehouse.

    It can neither write, nor read other files, nor reach the network. Times are UTC. A parameter is text that is cast
    to what it is compared with; where that is not clear, write CAST($NAME AS BIGINT).

    \b
      orusage query "SELECT model, total_usage FROM cost_by_model ORDER BY total_usage DESC LIMIT 5"
      orusage query 'SELECT * FROM cost_daily WHERE requested_day >= $since' --param since=2026-11-01
      orusage query --view cost_daily --format csv
    """
    from ingest.warehouse.reader import Reader

    if sum(x is not None for x in (statement, file, view)) != 1:
        raise UsageError(
            "there is no single query",
            cause="exactly one of SQL, --file and --view is needed",
            fix="see `orusage query -h`",
        )
    if view is not None and param:
        raise UsageError("a view has no parameters", cause="--param stands beside --view", fix="write SQL with $NAME")
    text = _text_of(file) if file else statement or ""
    with Reader(options.file) as reader:
        if view is not None:
            _print(reader.view(view), format)
        elif format in STREAMED:
            _print_batches(*reader.query(text, dict(param)).stream(), format)
        else:
            _print(reader.query(text, dict(param)).frame(), format)
    return Exit.DONE


@orusage.command()
@click.argument("name", default="summary")
@click.option("--since", type=LOCAL_MOMENT, help="Only requests from this moment on: 2026-11-01, or 7d (ago).")
@click.option("--until", type=LOCAL_MOMENT, help="Only requests before this moment.")
@click.option("--timezone", type=ZONE, default="UTC", show_default=True, help="Whose days and hours: Europe/Berlin, …")
@click.option("--by", metavar="COLUMN", help="A row for each model, provider, day, week, month, user, …")
@click.option("--top", type=click.IntRange(1), help="Only so many of the biggest; the rest becomes one row (other).")
@format_option(*FORMATS)
@click.pass_obj
def report(
    options: Globals,
    /,
    name: str,
    since: datetime | None,
    until: datetime | None,
    timezone: ZoneInfo,
    by: str | None,
    top: int | None,
    format: str,
) -> int:
    """Cost, latency, errors and more, as a table that fits the terminal.

    NAME is summary, cost, latency, errors, cache, failed, forecast, anomalies or ledger. The formats json, ndjson and
    csv have all columns, exact amounts and times in UTC.

    \b
      orusage report
      orusage report cost --by model --since 2026-11-01 --until 2026-12-01 --timezone Europe/Berlin
      orusage report latency --by provider --since 7d --top 5
    """
    from shutil import get_terminal_size

    from ingest.reports.period import Period
    from ingest.reports.report import report as report_of
    from ingest.reports.summary_view import printed
    from ingest.warehouse.reader import Reader

    period = Period.between(since, until, timezone)
    with Reader(options.file) as reader:
        found = report_of(reader, name, period, by, top)
    _print_result(printed(found, format, get_terminal_size().columns))
    if found.note:
        log.info("%s", found.note)
    return Exit.DONE


@orusage.command()
@click.argument("names", nargs=-1)
@format_option(*FORMATS)
@click.pass_obj
def views(options: Globals, /, names: tuple[str, ...], format: str) -> int:
    """What there is to query: relations and their grain, or with NAMES their columns, units and meaning."""
    from ingest.warehouse.reader import Reader

    with Reader(options.file) as reader:
        _print(reader.columns_of(names) if names else reader.relations(), format)
    return Exit.DONE


@orusage.command()
@click.argument("views", metavar="[VIEW]...", nargs=-1)
@click.option("-o", "--output", metavar="DIR", type=PATH, required=True, help="Where to.")
@click.option(
    "--format", type=click.Choice(["parquet", "csv", "ndjson", "excel"]), default="parquet", show_default=True
)
@click.option("--compression", type=click.Choice(["snappy", "zstd"]), help="Of Parquet.  [default: snappy]")
@click.option(
    "--money",
    type=click.Choice(["decimal", "double"]),
    default="decimal",
    show_default=True,
    help="Exact, or for tools that know no decimals.",
)
@click.option("--partition-by", metavar="COLUMN", help="One directory for each of its values, such as requested_day.")
@click.option(
    "--since",
    type=MOMENT,
    help="Only from this day (UTC) on: 2026-11-01, or 7d (ago); partitions of earlier days are left as they are.",
)
@click.pass_obj
def export(
    options: Globals,
    /,
    views: tuple[str, ...],
    output: Path,
    format: str,
    compression: str | None,
    money: str,
    partition_by: str | None,
    since: datetime | None,
) -> int:
    """Write views or tables as files, with a manifest; all cost and latency views unless some are named.

    What the directory holds is replaced when the new files are whole. Other exports in it are left as they are.

    \b
      orusage export -o export
      orusage export focus_cost_and_usage -o focus --format csv
      orusage export generations -o lake --partition-by requested_day --since 3d
    """
    import polars as pl

    from ingest.core.clock import SystemClock
    from ingest.export.export import Exported
    from ingest.export.export import export as write
    from ingest.export.plan import ExportOptions

    if compression and format != "parquet":
        raise UsageError(
            f"--compression makes no sense for {format}",
            cause="only Parquet files are compressed",
            fix="leave it out, or export as Parquet",
        )
    codec = compression or "snappy" if format == "parquet" else None
    wanted = ExportOptions(format, codec, money, partition_by, since.date() if since else None)
    exported = write(options.file, output, views, wanted, SystemClock().now())
    _print(pl.DataFrame(exported, Exported._fields, orient="row"), "table")
    log.info("exported to %s, see manifest.json there", output)
    return Exit.DONE


@orusage.command()
@click.option("--runs", is_flag=True, help="Past runs instead, the newest first.")
@format_option(*FORMATS)
@click.pass_obj
def status(options: Globals, /, runs: bool, format: str) -> int:
    """How complete and how fresh the warehouse is."""
    from ingest.warehouse.reader import Reader

    with Reader(options.file) as reader:
        _print(reader.named("runs/past_runs" if runs else "ledger/status"), format)
    return Exit.DONE


@orusage.command()
@format_option(*FORMATS)
@click.pass_obj
def doctor(options: Globals, /, format: str) -> int:
    """Look at versions, file, lock, leftovers, space and all check views; changes nothing, exits 1 if one is bad."""
    import polars as pl

    from ingest.warehouse.doctor import BAD, Finding, examine

    findings = examine(options.file)
    _print(pl.DataFrame(findings, dict.fromkeys(Finding._fields, pl.String()), orient="row"), format)
    return Exit.UNEXPECTED if any(finding.state == BAD for finding in findings) else Exit.DONE


@orusage.group()
def warehouse() -> None:
    """Upkeep of the DuckDB file."""


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def publish(options: Globals, /, lock_timeout: timedelta) -> int:
    """Publish what a run has committed but could not publish. The next run does so too."""
    from ingest.warehouse import maintenance

    is_done = maintenance.publish(options.file, *_now_and_lock_wait(lock_timeout))
    _print_result(f"{options.file} is published\n" if is_done else "there is nothing to publish\n")
    return Exit.DONE


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def migrate(options: Globals, /, lock_timeout: timedelta) -> int:
    """Bring the schema up to date, on a copy that is published when it is whole. The next run does so too."""
    from ingest.warehouse import maintenance

    applied = maintenance.migrate(options.file, *_now_and_lock_wait(lock_timeout))
    _print_result("".join(f"applied {name}\n" for name in applied) or "the schema is up to date\n")
    return Exit.DONE


@warehouse.command()
@lock_timeout_option
@click.pass_obj
def compact(options: Globals, /, lock_timeout: timedelta) -> int:
    """Write the file anew, without the space that deleted rows take."""
    from ingest.warehouse import maintenance

    before, after = maintenance.compact(options.file, *_now_and_lock_wait(lock_timeout))
    _print_result(f"{options.file}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now\n")
    return Exit.DONE


@warehouse.command()
@click.option("--before", type=MOMENT, help="Everything about IDs whose own second is earlier: 2026-01-01, or 365d.")
@click.option("--user", help="Everything about the generations of this external_user.")
@lock_timeout_option
@format_option(*FORMATS)
@click.pass_obj
def forget(options: Globals, /, before: datetime | None, user: str | None, lock_timeout: timedelta, format: str) -> int:
    """Erase facts, attempts, contents and ledger, write the file anew, and never take those IDs in again.

    \b
      orusage warehouse forget --before 365d
      orusage warehouse forget --user 4711
    """
    from dataclasses import asdict

    import polars as pl

    from ingest.warehouse import maintenance
    from ingest.warehouse.storage.workspace import Workspace

    if (before is None) == (user is None):
        raise UsageError(
            "it is not clear what to forget",
            cause="exactly one of --before and --user is needed",
            fix="see `orusage warehouse forget -h`",
        )
    now, lock_wait = _now_and_lock_wait(lock_timeout)
    if before and before > now:
        raise UsageError(
            f"{before:%Y-%m-%d %H:%M} UTC is yet to come",
            cause="everything would be erased, and no new ID taken in before then",
            fix="name a moment that is past",
        )
    erased = maintenance.forget(options.file, before, user, now, lock_wait)
    for kept in Workspace(options.file).directory.quarantined:
        log.warning("%s was quarantined earlier and may still hold what was forgotten: look at it and remove it", kept)
    _print(pl.DataFrame([asdict(erased)]), format)
    return Exit.DONE


def _now_and_lock_wait(lock_timeout: timedelta) -> tuple[datetime, LockWait]:
    from ingest.core.clock import SystemClock
    from ingest.warehouse.storage.lock import LockWait

    return SystemClock().now(), LockWait(lock_timeout.total_seconds())


def _text_of(file: IO[str]) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{file.name} is not SQL", cause=f"it is not UTF-8 text: {error.reason}", fix="name a text file"
        ) from None


def _print(frame: pl.DataFrame, form: str) -> None:
    from ingest.reports.formats import render

    _print_result(render(frame, form))


def _print_batches(columns: Sequence[str], batches: Iterable[Sequence[tuple[Any, ...]]], form: str) -> None:
    from ingest.reports.formats import streamed

    for text in streamed(columns, batches, form):
        if not _print_result(text):
            break


def _print_result(text: str) -> bool:
    """Print a result as it is into a pipe or file, and without control characters onto a terminal.

    Returns:
        Whether anybody still reads.
    """
    from ingest.reports.formats import plain

    if sys.stdout.isatty():
        text = "\n".join(plain(line) for line in text.split("\n"))
    return _write(text, sys.stdout)


def _write(text: str, stream: TextIO) -> bool:
    """Write; once the reader has seen enough and is gone, write nowhere, so that the exit code is still the run's."""
    try:
        click.echo(text, file=stream, nl=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True
