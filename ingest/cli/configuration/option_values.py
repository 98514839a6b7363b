"""Values of options as a configuration file gives them: typed as TOML has them, then checked as on the command line."""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from ingest.cli.options import Duration, Moment, Pair

if TYPE_CHECKING:
    from pathlib import Path


class WrongValueError(ValueError):
    """A value that an option does not take; the message says what it takes."""


def option_value(option: click.Option, value: Any, directory: Path) -> Any:
    """The value as click's ``default_map`` takes it.

    Args:
        option: The option.
        value: The value in the file.
        directory: Where the file is; a relative path begins there.

    Raises:
        WrongValueError: The option does not take the value.
    """
    if option.multiple:
        if not isinstance(value, list):
            raise WrongValueError(
                "it takes an array, as in [1, 2]" if _is_number(option) else 'it takes an array, ["…"]'
            )
        return [_one(option, each, directory) for each in value]
    return _one(option, value, directory)


def _one(option: click.Option, value: Any, directory: Path) -> Any:
    if option.is_flag:
        if not isinstance(value, bool):
            raise WrongValueError("it takes true or false")
        return value
    text = _text(option, value)
    if isinstance(option.type, click.Path):
        text = absolute_path(text, directory)
    try:
        option.type.convert(text, option, None)
    except click.BadParameter as error:
        raise WrongValueError(error.message.rstrip(".")) from None
    return text


def absolute_path(path: str, directory: Path) -> str:
    """A path of a configuration file; ``~`` is the home directory, and a relative one begins at the file."""
    return path if path == "-" else str(directory / os.path.expanduser(path))  # noqa: PTH111  # text: a glob stays one


def _text(option: click.Option, value: Any) -> str:
    """The value as it would stand on the command line."""
    if _is_number(option):
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise WrongValueError("it takes a number, without quotes")
        if isinstance(value, Decimal) and not value.is_finite():
            raise WrongValueError("it takes a finite number")
        return str(value)
    if isinstance(option.type, Duration) and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(option.type, Moment) and isinstance(value, (date, datetime)):
        return value.isoformat()
    if not isinstance(value, str):
        raise WrongValueError(f"it takes a text in quotes{_example(option)}")
    if "\0" in value:
        raise WrongValueError("it takes a text without the character NUL")
    return value


def _is_number(option: click.Option) -> bool:
    return isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType))


def _example(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return f": {', '.join(map(str, option.type.choices))}"
    examples = {Duration: ' such as "15m"', Moment: ' such as "2026-11-01"', Pair: ' such as "name=value"'}
    return examples.get(type(option.type), "")
