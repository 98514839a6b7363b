"""``orusage config``: show the settings in force, or write a file with all of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.core.errors import CannotCreateError, Exit
from ingest.core.masking import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.cli.configuration.configuration import Configuration
    from ingest.cli.global_options import GlobalOptions

ACCESS = 0o600
"""The file may name commands: only its owner may change it."""


@click.group()
def config() -> None:
    """Show the settings in force, or write a file with all of them."""


@config.command()
@click.option("--origin", is_flag=True, help="Show where each setting comes from.")
@click.pass_obj
def show(options: GlobalOptions, /, origin: bool) -> int:
    """Print the settings that the configuration files and the environment give, as TOML."""
    from ingest.cli.configuration.toml_text import as_toml, dotted
    from ingest.cli.output import print_result

    lines = (
        f"{dotted(keys)} = {as_toml(value)}{f'  # {place}' if origin else ''}\n"
        for keys, value, place in _settings(options.configuration)
    )
    print_result("".join(lines))
    return Exit.DONE


@config.command()
@click.pass_obj
def init(options: GlobalOptions, /) -> int:
    """Write a file with every setting, commented out: ./orusage.toml, or what --config names."""
    from ingest.cli.configuration.configuration import FILE
    from ingest.cli.configuration.toml_text import template
    from ingest.cli.output import print_unless_quiet

    path = Path(options.config or FILE)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, ACCESS)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise CannotCreateError(
            f"{path} cannot be written",
            cause=getattr(error, "strerror", None) or str(error),
            fix="remove it first if it is to be replaced, or name another file: orusage --config FILE config init",
        ) from None
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  # a descriptor, not a path
        file.write(template())
    print_unless_quiet(options, f"wrote {path}\n")
    return Exit.DONE


def _settings(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Each setting with its value as it was written, and where that is."""
    given = dict(_of_environment())
    for keys, value, place in _of_files(configuration, configuration.values, ()):
        if keys not in given:
            yield keys, value, place
    for keys, (value, variable) in given.items():
        yield keys, value, variable


def _of_files(
    configuration: Configuration, table: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    for name, value in table.items():
        keys = (*above, name)
        if isinstance(value, dict) and value:
            yield from _of_files(configuration, value, keys)
        elif file := configuration.file_of(keys):
            written: Any = file.values
            for key in keys:
                written = written[key]
            yield keys, written, file.place(keys)


def _of_environment() -> Iterator[tuple[tuple[str, ...], tuple[str, str]]]:
    """The options that variables of the environment give, and the names of these."""
    from ingest.cli.configuration.checks import SHARED, command_names, options_above, options_of

    tables = [((), options_above()), *(((command,), options_of(command)) for command in command_names())]
    for table, options in tables:
        for name, option in options.items():
            own = option.envvar if isinstance(option.envvar, str) else None
            if name in SHARED and (own is None) == (table == ()):
                continue  # one without a variable of its own has one for each command
            variable = own or "_".join(["ORUSAGE", *table, name]).upper()
            if os.environ.get(variable):
                yield (*table, name), (mask_secrets(os.environ[variable]), variable)
