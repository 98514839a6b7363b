"""The global options: what they hold, and how each command takes them too, before its name and after it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.cli.configuration.configuration import Configuration

DEFAULT_WAREHOUSE = "orusage.duckdb"

COMMANDLINE, ENVIRONMENT = ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT
CONFIGURED = ParameterSource.DEFAULT_MAP

_FILES = {"warehouse": "warehouse", "config": "configuration"}
"""The options that name a file, and what it is."""

_SOURCES = (COMMANDLINE, ENVIRONMENT, CONFIGURED)
"""Where an option may be given, that which outweighs the others first."""

LOG_FORMATS = ("text", "json")

_CONFIG = ("--config",)

_SPECIFICATIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        _CONFIG,
        {
            "type": click.Path(readable=False),
            "help": "The configuration.  [default: ./orusage.toml, if it exists]",
        },
    ),
    (
        ("-w", "--warehouse"),
        {"type": click.Path(readable=False), "help": "The DuckDB file.  [default: ./orusage.duckdb]"},
    ),
    (("-q", "--quiet"), {"is_flag": True, "help": "Only results, warnings and errors."}),
    (("-v", "--verbose"), {"is_flag": True, "help": "Debug messages too on standard error."}),
    (("--log-format",), {"type": click.Choice(LOG_FORMATS), "default": "text", "show_default": True}),
    (("--debug",), {"is_flag": True, "help": "Show the traceback of an error before its three lines."}),
)

_ALSO_HERE = "Also takes --config, -w, -q, -v, --log-format and --debug: see `orusage -h`."

_WITHOUT_CONFIGURATION = ("config", "demo")
"""Commands that read no configuration: one shows and writes it, the other is the same everywhere."""


class GlobalOptions:
    """The options that all commands share. What the command line or the environment gives outweighs the configuration.

    Attributes:
        config: The configuration file as named; None for the default.
        warehouse: The DuckDB file as named; None for the default.
        log_format: ``text`` or ``json``.
        debug: Print the traceback of an error.
    """

    def __init__(self) -> None:
        self.config: str | None = None
        self.warehouse: str | None = None
        self.log_format = "text"
        self.debug = False
        self._given: set[str] = set()
        self._levels: dict[ParameterSource, set[str]] = {source: set() for source in _SOURCES}
        self._configuration: Configuration | None = None

    @property
    def log_level(self) -> str:
        """``warning``, ``info`` or ``debug``; ``--quiet`` outweighs ``--verbose``, the command line the environment."""
        given = next(filter(None, self._levels.values()), set())
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
        """Set an option that was given on the command line, by an environment variable or in the configuration.

        Raises:
            UsageError: The name of a file is an API key, which would become that of one.
        """
        if source is not CONFIGURED:
            self._given.add(name)
        elif name in self._given:
            return
        if name in ("quiet", "verbose"):
            self._levels[source].update([name] * bool(value))
            return
        if name in _FILES:
            _refuse_keys(name, value)
        if name == "config":
            self._configuration = None
        setattr(self, name, value)

    @property
    def configuration(self) -> Configuration:
        """What the configuration files say; they are read when this is first asked for.

        Raises:
            ConfigurationError: A file cannot be read or used.
        """
        if self._configuration is None:
            from ingest.cli.configuration.configuration import load

            self._configuration = load(self.config, os.environ)
        return self._configuration

    def take_configured(self) -> None:
        """Set what the configuration says and nothing else does."""
        self._levels[CONFIGURED].clear()
        for name, value in self.configuration.global_options.items():
            self.take(name, value, CONFIGURED)


def _refuse_keys(option: str, name: str) -> None:
    from ingest.core.errors import UsageError
    from ingest.core.masking import is_like_a_key

    if is_like_a_key(name):
        raise UsageError(
            f"an API key was given as the {_FILES[option]}",
            cause="the key would become the name of a file",
            fix=f"name a file after --{option}; for one whose name begins with sk-, write ./ before it",
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
        callback = _configure if details.get("hidden") and names == _CONFIG else _take
        super().__init__(names, expose_value=False, is_eager=True, callback=callback, **details)


def _take(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep a value that was given; after the command, set the log up anew."""
    name = option.name or ""
    source = context.get_parameter_source(name)
    if source not in (COMMANDLINE, ENVIRONMENT):
        return
    options = context.ensure_object(GlobalOptions)
    options.take(name, value, source)
    if context.parent:
        set_up_logging_for(options)


def _configure(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Read the configuration for a command, once its own ``--config`` is known: its options have new defaults."""
    _take(context, option, value)
    names = _names(context)
    if not names or names[0] in _WITHOUT_CONFIGURATION:
        return
    options = context.ensure_object(GlobalOptions)
    options.take_configured()
    context.default_map = options.configuration.defaults_of(names[0])
    set_up_logging_for(options)


def _names(context: click.Context) -> list[str]:
    """The names of the command and of its group, without that of the program."""
    return [*_names(context.parent), context.info_name or ""] if context.parent else []


def set_up_logging_for(options: GlobalOptions) -> None:
    """Send the log to standard error, as the options say."""
    from ingest.cli.logs import set_up_logging

    set_up_logging(options.log_level, options.log_format)
