"""Writes values as TOML: the settings in force, and a commented file to begin with."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import click

from ingest.cli.configuration.checks import command_names, options_above, options_of
from ingest.cli.options import Duration, Moment, Pair, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DEFAULT_IN_HELP = re.compile(r"\s*\[default: .*\]$")

_HEAD = """\
# Settings of orusage. What the command line or the environment gives outweighs this file, and ./orusage.toml outweighs
# ~/.config/orusage/orusage.toml. Remove the "# " before a setting to set it. Relative paths begin at this file.
"""

_KEYS = """
# Where the API key is. The key itself may not stand here.
# api_key_file = "key"
# api_key_command = "pass show openrouter"

# Where the management key is.
# management_key_file = "management-key"
# management_key_command = "pass show openrouter-management"

# What `orusage ingest` reads if it is given no SOURCES. A source may name the account that is asked first for its IDs.
# sources = ["/var/log/myapp/", { path = "/var/log/other/*.log", account = "work" }]
"""

_ACCOUNTS = """
# Several accounts: an ID that one of them does not have is asked at the next. Each says where its key is.
# [accounts.work]
# api_key_file = "keys/work"
# [accounts.home]
# api_key_env = "HOME_OPENROUTER_KEY"
# management_key_command = "pass show home-management"
# base_url = "https://openrouter.ai/api/v1"

# What the invoice adds to the usage: fees, taxes, exchange rates. Each `orusage ingest` stores the file if it changed.
# [adjustments]
# rates = "rates.csv"
"""

_EXAMPLES = {Duration: "15m", Moment: "2026-11-01", Pair: "name=value", Zone: "Europe/Berlin"}

_EXAMPLE_NUMBER = 10


def as_toml(value: Any) -> str:
    """A value that `tomllib` read, as TOML again."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            pairs = [f"{dotted((name,))} = {as_toml(each)}" for name, each in value.items()]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def dotted(keys: tuple[str, ...]) -> str:
    """Keys as they stand in a file, such as ``accounts."at home".base_url``."""
    return ".".join(key if _BARE.fullmatch(key) else as_toml(key) for key in keys)


def template() -> str:
    """A file with every setting, commented out."""
    tables = "".join(f"\n# [{command}]\n{_settings(options_of(command))}" for command in command_names())
    return f"{_HEAD}\n{_settings(options_above())}{_KEYS}{_ACCOUNTS}{tables}"


def _settings(options: Mapping[str, click.Option]) -> str:
    return "".join(_setting(name, option) for name, option in options.items())


def _setting(name: str, option: click.Option) -> str:
    text = _DEFAULT_IN_HELP.sub("", option.help or "")
    return (f"# {text}\n" if text else "") + f"# {name} = {as_toml(_shown(option))}\n"


def _shown(option: click.Option) -> Any:
    """The option's default; an example without one."""
    if option.is_flag:
        return False
    value = option.default if isinstance(option.default, (str, int, float)) else _example(option)
    return [value] if option.multiple else value


def _example(option: click.Option) -> Any:
    if isinstance(option.type, click.Choice):
        return option.type.choices[0]
    if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)):
        most = getattr(option.type, "max", None)
        return _EXAMPLE_NUMBER if most is None else min(_EXAMPLE_NUMBER, most)
    if option.name == "base_url":
        return "https://openrouter.ai/api/v1"
    return "orusage.duckdb" if option.name == "warehouse" else _EXAMPLES.get(type(option.type), "NAME")
