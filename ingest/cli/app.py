"""The command group: the global options, and the table of commands, each of which is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from ingest.core.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_WAREHOUSE = "orusage.duckdb"

COMMANDS = {
    "demo": "Try orusage on sample logs and a simulated OpenRouter.",
    "doctor": "Check the installation and the warehouse; change nothing.",
    "export": "Write views or tables as files, with a manifest.",
    "extract": "Print the generation IDs found in SOURCES.",
    "get": "Fetch IDs from OpenRouter and print the answers.",
    "ingest": "Read generation IDs from SOURCES and fetch their metadata.",
    "query": "Run one read-only SQL statement over the warehouse.",
    "report": "Print a report: cost, latency, errors and more.",
    "retry": "Revive dead and resting IDs: the next run asks for them.",
    "simulate": "Serve a simulated OpenRouter on 127.0.0.1, until Ctrl-C.",
    "status": "Show how complete and how fresh the warehouse is.",
    "views": "List the views and tables, or the columns of NAMES.",
    "warehouse": "Maintain the DuckDB file.",
}
"""Name and short help of each command; the short help is the first sentence of the command's own help."""


class GlobalOptions:
    """The options before the command.

    Attributes:
        warehouse: The DuckDB file as named; None for the default.
        log_format: ``text`` or ``json``.
        debug: Print the traceback of an error.
    """

    def __init__(self) -> None:
        self.warehouse: str | None = None
        self.log_format = "text"
        self.debug = False

    @property
    def file(self) -> Path:
        """The DuckDB file, named or default.

        Raises:
            UsageError: The name is an API key, which would become the name of a file.
        """
        from pathlib import Path

        from ingest.core.errors import UsageError
        from ingest.core.masking import is_like_a_key

        if self.warehouse and is_like_a_key(self.warehouse):
            raise UsageError(
                "an API key was given as the warehouse",
                cause="the key would become the name of a file",
                fix="name a DuckDB file after --warehouse; for one whose name begins with sk-, write ./ before it",
            )
        return Path(self.warehouse or DEFAULT_WAREHOUSE)


def load_command(name: str) -> click.Command:
    """Import the command of this name."""
    command: click.Command = getattr(import_module(f"ingest.cli.commands.{name}"), name)
    return command


class LazyGroup(click.Group):
    """A group that imports a command when it is called; its `commands` have only name and short help."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import a command; None if there is none of this name."""
        return load_command(cmd_name) if cmd_name in self.commands else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands[name].get_short_help_str()) for name in sorted(self.commands)])


@click.group(
    cls=LazyGroup,
    commands=[click.Command(name, short_help=short_help) for name, short_help in COMMANDS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ORUSAGE"},
)
@click.version_option(__version__, prog_name="orusage")
@click.option(
    "-w", "--warehouse", type=click.Path(readable=False), help="The DuckDB file.  [default: ./orusage.duckdb]"
)
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors on standard error.")
@click.option("-v", "--verbose", is_flag=True, help="Debug messages too on standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an error before its three lines.")
@click.pass_obj
def orusage(
    options: GlobalOptions, /, warehouse: str | None, quiet: bool, verbose: bool, log_format: str, debug: bool
) -> None:
    """Know exactly what your OpenRouter traffic cost and how fast it was.

    Reads generation IDs from your logs, fetches the metadata of each, and stores it in a DuckDB file with views for
    cost and latency. Try `orusage demo`: it needs no key and no network.
    """
    from ingest.cli.logs import set_up_logging

    options.warehouse, options.log_format, options.debug = warehouse, log_format, debug
    set_up_logging("warning" if quiet else "debug" if verbose else "info", log_format)
