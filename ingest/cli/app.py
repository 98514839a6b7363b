"""The command group: the global options, and the table of commands, each of which is imported when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from ingest.cli.global_options import GlobalOptions, also_after, set_up_logging_for, visible_options
from ingest.core.version import __version__

COMMANDS = {
    "config": "Show the settings in force, or write a file with all of them.",
    "demo": "Try orusage on sample logs and a simulated OpenRouter.",
    "discover": "Find the generations that no log holds, and add their IDs to the ledger.",
    "doctor": "Check the installation and the warehouse; change nothing.",
    "export": "Write views or tables as files, with a manifest.",
    "extract": "Print the generation IDs found in SOURCES.",
    "get": "Fetch IDs from OpenRouter and print the answers.",
    "ingest": "Read generation IDs from SOURCES and fetch their metadata.",
    "query": "Run one read-only SQL statement over the warehouse.",
    "reconcile": "Compare what was ingested with what OpenRouter billed.",
    "report": "Print a report: cost, latency, errors and more.",
    "retry": "Revive dead and resting IDs: the next run asks for them.",
    "simulate": "Serve a simulated OpenRouter on 127.0.0.1, until Ctrl-C.",
    "status": "Show how complete and how fresh the warehouse is.",
    "views": "List the views and tables, or the columns of NAMES.",
    "warehouse": "Maintain the DuckDB file.",
}
"""Name and short help of each command; the short help is the first sentence of the command's own help."""


def load_command(name: str) -> click.Command:
    """Import the command of this name; it takes the global options too."""
    command: click.Command = getattr(import_module(f"ingest.cli.commands.{name}"), name)
    return command if command.epilog else also_after(command)


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
    params=visible_options(),
    epilog="These options may also follow the command.",
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ORUSAGE"},
)
@click.version_option(__version__, prog_name="orusage")
@click.pass_obj
def orusage(options: GlobalOptions, /) -> None:
    """Know exactly what your OpenRouter traffic cost and how fast it was.

    Reads generation IDs from your logs, fetches the metadata of each, and stores it in a DuckDB file with views for
    cost and latency. Try `orusage demo`: it needs no key and no network.
    """
    set_up_logging_for(options)
