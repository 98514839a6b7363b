"""The global options: what they hold, and how each command takes them too, before its name and after it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEFAULT_WAREHOUSE = "orusage.duckdb"

COMMANDLINE, ENVIRONMENT = ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT

LOG_FORMATS = ("text", "json")

_SPECIFICATIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-w", "--warehouse"),
        {"type": click.Path(readable=False), "help": "The DuckDB file.  [default: ./orusage.duckdb]"},
    ),
    (("-q", "--quiet"), {"is_flag": True, "help": "Only results, warnings and errors."}),
    (("-v", "--verbose"), {"is_flag": True, "help": "Debug messages too on standard error."}),
    (("--log-format",), {"type": click.Choice(LOG_FORMATS), "default": "text", "show_default": True}),
    (("--debug",), {"is_flag": True, "help": "Show the traceback of an error before its three lines."}),
)

_ALSO_HERE = "Also takes -w FILE, -q, -v, --log-format and --debug: see `orusage --help`."


class GlobalOptions:
    """The options that all commands share.

    Attributes:
        warehouse: The DuckDB file as named; None for the default.
        log_format: ``text`` or ``json``.
        debug: Print the traceback of an error.
    """

    def __init__(self) -> None:
        self.warehouse: str | None = None
        self.log_format = "text"
        self.debug = False
        self._levels: dict[ParameterSource, set[str]] = {COMMANDLINE: set(), ENVIRONMENT: set()}

    @property
    def log_level(self) -> str:
        """``warning``, ``info`` or ``debug``; ``--quiet`` outweighs ``--verbose``, the command line the environment."""
        given = self._levels[COMMANDLINE] or self._levels[ENVIRONMENT]
        return "warning" if "quiet" in given else "debug" if "verbose" in given else "info"

    @property
    def file(self) -> Path:
        """The DuckDB file, named or default."""
        from pathlib import Path

        return Path(self.warehouse or DEFAULT_WAREHOUSE)

    @property
    def is_quiet(self) -> bool:
        """Whether a command that did what it should prints no more than the result it was asked for."""
        return self.log_level == "warning"

    def take(self, name: str, value: Any, source: ParameterSource) -> None:
        """Set an option that was given on the command line or by an environment variable.

        Raises:
            UsageError: The warehouse's name is an API key, which would become the name of a file.
        """
        if name in ("quiet", "verbose"):
            self._levels[source].add(name)
            return
        if name == "warehouse":
            _refuse_keys(value)
        setattr(self, name, value)


def _refuse_keys(name: str) -> None:
    from ingest.core.errors import UsageError
    from ingest.core.masking import is_like_a_key

    if is_like_a_key(name):
        raise UsageError(
            "an API key was given as the warehouse",
            cause="the key would become the name of a file",
            fix="name a DuckDB file after --warehouse; for one whose name begins with sk-, write ./ before it",
        )


def visible_options() -> list[click.Option]:
    """The options before the command; each is also read from its environment variable."""
    return [_Option(names, **details) for names, details in _SPECIFICATIONS]


def also_after(command: click.Command) -> click.Command:
    """Let a command, and each command of a group, take the global options too; its help names them in one line."""
    command.params += [
        _Option(names, hidden=True, allow_from_autoenv=False, **details) for names, details in _SPECIFICATIONS
    ]
    command.epilog = _ALSO_HERE
    for part in command.commands.values() if isinstance(command, click.Group) else ():
        also_after(part)
    return command


def log_format_of(arguments: Sequence[str]) -> str:
    """The log format that a command line asks for which click could not read; ``text`` if it asks for none."""
    wanted = os.environ.get("ORUSAGE_LOG_FORMAT", "text")
    for here, after in zip(arguments, [*arguments[1:], ""], strict=True):
        if here == "--":
            break
        name, _, value = here.partition("=")
        if name == "--log-format":
            wanted = value or after
    return wanted if wanted in LOG_FORMATS else "text"


class _Option(click.Option):
    """An option whose value goes to the `GlobalOptions`; read before others, so that it holds for their errors too."""

    def __init__(self, names: Sequence[str], **details: Any) -> None:
        super().__init__(names, expose_value=False, is_eager=True, callback=_take, **details)


def _take(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep a value that was given; after the command, set the log up anew."""
    name = option.name or ""
    source = context.get_parameter_source(name)
    if source not in (COMMANDLINE, ENVIRONMENT) or value is False:
        return
    options = context.ensure_object(GlobalOptions)
    options.take(name, value, source)
    if context.parent:
        set_up_logging_for(options)


def set_up_logging_for(options: GlobalOptions) -> None:
    """Send the log to standard error, as the options say."""
    from ingest.cli.logs import set_up_logging

    set_up_logging(options.log_level, options.log_format)
