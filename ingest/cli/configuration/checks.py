"""Checks one configuration file against what is known: unknown keys and wrong values are errors at their place."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.cli.configuration.option_values import WrongValueError, absolute_path, option_value
from ingest.core.base_url import check_base_url
from ingest.core.errors import OrusageError
from ingest.core.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click

    from ingest.cli.configuration.toml_file import TomlFile
    from ingest.cli.configuration.toml_places import Keys
    from ingest.core.errors import ConfigurationError

API_KEY = ("api_key_file", "api_key_command", "api_key_env")
MANAGEMENT_KEY = ("management_key_file", "management_key_command", "management_key_env")
KEY_GROUPS = (API_KEY, MANAGEMENT_KEY)
"""Settings of which only one may be given: each says where a key is."""

ACCOUNT = (*API_KEY, *MANAGEMENT_KEY, "base_url")
SOURCE = ("path", "account")
TABLES = ("sources", "accounts", "adjustments")
ADJUSTMENTS = ("rates",)

SHARED = ("base_url", "timeout", "lock_timeout")
"""Options of several commands that stand above all tables, and hold for each command that has them."""

UNCONFIGURED = ("config", "demo", "retry", "warehouse")
"""Commands without a table: they need none, or change what is stored and are to be asked for each time."""

LONGEST_NAME = 64
"""Characters of an account's name."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def checked(file: TomlFile) -> dict[str, Any]:
    """The values of a file, with options as click takes them and with absolute paths.

    Raises:
        ConfigurationError: A key is unknown, or a value is not of its kind.
    """
    return {name: _top(file, name, value) for name, value in file.values.items()}


def command_names() -> tuple[str, ...]:
    """The commands that may have a table."""
    from ingest.cli.app import COMMANDS

    return tuple(name for name in COMMANDS if name not in UNCONFIGURED)


def options_above() -> dict[str, click.Option]:
    """The options that stand above all tables, by name."""
    from ingest.cli.global_options import visible_options

    of_ingest = _options_of("ingest")
    everywhere = {str(option.name): option for option in visible_options() if option.name != "config"}
    return everywhere | {name: of_ingest[name] for name in SHARED}


def options_of(command: str) -> dict[str, click.Option]:
    """The options of a command that its table may set, by name."""
    apart = (*options_above(), *API_KEY, *MANAGEMENT_KEY)
    return {name: option for name, option in _options_of(command).items() if name not in apart or name in SHARED}


def _options_of(command: str) -> dict[str, click.Option]:
    import click

    from ingest.cli.app import load_command

    options = (param for param in load_command(command).params if isinstance(param, click.Option))
    return {str(o.name): o for o in options if o.expose_value and not isinstance(o.type, click.File)}


def _top(file: TomlFile, name: str, value: Any) -> Any:
    if name == "sources":
        return _sources(file, value)
    if name == "accounts":
        return _accounts(file, value)
    if name == "adjustments":
        return _adjustments(file, value)
    if name in command_names():
        return _options(file, (name,), _table(file, (name,), value), options_of(name))
    known = options_above()
    if name in known:
        return _option(file, (name,), value, known[name])
    for group in KEY_GROUPS:
        if name in group[:2]:
            _refuse_several(file, (), file.values, group)
            return _place_of_key(file, (name,), value)
    raise _unknown(file, (name,), (*known, *API_KEY[:2], *MANAGEMENT_KEY[:2], *TABLES, *command_names()))


def _options(
    file: TomlFile, keys: Keys, values: Mapping[str, Any], known: Mapping[str, click.Option]
) -> dict[str, Any]:
    for name in values:
        if name not in known:
            raise _unknown(file, (*keys, name), known)
    return {name: _option(file, (*keys, name), value, known[name]) for name, value in values.items()}


def _option(file: TomlFile, keys: Keys, value: Any, option: click.Option) -> Any:
    try:
        if option.name == "base_url":
            return _base_url(file, keys, value)
        return option_value(option, value, file.path.parent)
    except WrongValueError as error:
        raise _wrong(file, keys, str(error)) from None


def _sources(file: TomlFile, value: Any) -> list[dict[str, str | None]]:
    if not isinstance(value, list):
        raise _wrong(file, ("sources",), 'it takes an array of paths, ["…"], or tables [[sources]]')
    return [_source(file, ("sources", index), each) for index, each in enumerate(value)]


def _source(file: TomlFile, keys: Keys, value: Any) -> dict[str, str | None]:
    if isinstance(value, str):
        return {"path": _path(file, keys, value), "account": None}
    if not isinstance(value, dict):
        raise _wrong(file, keys, 'a source is a path in quotes, or a table { path = "…", account = "…" }')
    for name, text in value.items():
        if name not in SOURCE:
            raise _unknown(file, (*keys, name), SOURCE)
        _text(file, (*keys, name), text)
    if "path" not in value:
        raise _wrong(file, keys, "a source needs its path", fix='add path = "…"')
    return {"path": _path(file, (*keys, "path"), value["path"]), "account": value.get("account")}


def _path(file: TomlFile, keys: Keys, value: Any) -> str:
    text, folder = _text(file, keys, value), file.path.parent
    if "://" in text:
        return text
    return absolute_path(text, Path(glob.escape(str(folder))) if glob.has_magic(text) else folder)


def _adjustments(file: TomlFile, value: Any) -> dict[str, str]:
    adjustments = _table(file, ("adjustments",), value)
    for setting in adjustments:
        if setting not in ADJUSTMENTS:
            raise _unknown(file, ("adjustments", setting), ADJUSTMENTS)
    folder = file.path.parent
    return {s: absolute_path(_text(file, ("adjustments", s), text), folder) for s, text in adjustments.items()}


def _accounts(file: TomlFile, value: Any) -> dict[str, dict[str, str]]:
    return {
        name: _account(file, ("accounts", name), account)
        for name, account in _table(file, ("accounts",), value, "write [accounts.NAME]").items()
    }


def _account(file: TomlFile, keys: Keys, value: Any) -> dict[str, str]:
    name = str(keys[-1])
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise _wrong(file, keys, f"an account's name is a printable text of at most {LONGEST_NAME} characters")
    account = _table(file, keys, value, "write [accounts.NAME] and its settings below")
    for setting in account:
        if setting not in ACCOUNT:
            raise _unknown(file, (*keys, setting), ACCOUNT)
    for group in KEY_GROUPS:
        _refuse_several(file, keys, account, group)
    return {setting: _account_setting(file, (*keys, setting), text) for setting, text in account.items()}


def _account_setting(file: TomlFile, keys: Keys, value: Any) -> str:
    return _base_url(file, keys, value) if keys[-1] == "base_url" else _place_of_key(file, keys, value)


def _place_of_key(file: TomlFile, keys: Keys, value: Any) -> str:
    """Where a key is: a file, a command, or a variable of the environment."""
    text = _text(file, keys, value)
    if str(keys[-1]).endswith("_file"):
        return absolute_path(text, file.path.parent)
    if str(keys[-1]).endswith("_env") and not _VARIABLE.fullmatch(text):
        raise _wrong(file, keys, "it takes the name of a variable, without $ and without its value")
    return text


def _refuse_several(file: TomlFile, keys: Keys, table: Mapping[str, Any], group: Iterable[str]) -> None:
    given = [setting for setting in table if setting in group]
    if len(given) > 1:
        raise file.problem(
            (*keys, given[1]),
            f"{' and '.join(given)} are both given",
            cause="a key is in one place only",
            fix="keep one of them",
        )


def _base_url(file: TomlFile, keys: Keys, value: Any) -> str:
    url = _text(file, keys, value)
    try:
        return check_base_url(url)
    except OrusageError as error:
        raise file.problem(keys, error.what, cause=error.cause, fix=error.fix) from None


def _text(file: TomlFile, keys: Keys, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _wrong(file, keys, "it takes a text in quotes, which is not empty")
    return value


def _table(file: TomlFile, keys: Keys, value: Any, fix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(file, keys, "it takes a table", fix or f"write [{keys[-1]}] and its settings below")
    return value


def _wrong(file: TomlFile, keys: Keys, cause: str, fix: str = "correct the value") -> ConfigurationError:
    return file.problem(keys, f"the value of {_name(keys)} cannot be used", cause=cause, fix=fix)


def _unknown(file: TomlFile, keys: Keys, known: Iterable[str]) -> ConfigurationError:
    names = list(known)
    return file.problem(
        keys, f"{_name(keys)} is no setting", cause=f"known here: {', '.join(names)}", fix=_advice(keys, names)
    )


def _advice(keys: Keys, known: list[str]) -> str:
    plain = str(keys[-1]).replace("-", "_")
    if keys[0] in UNCONFIGURED:
        return f"give the options of `orusage {plain}` on the command line"
    if plain not in known:
        for table in command_names():
            if plain in options_of(table):
                return f"write {plain} below [{table}]"
        if plain in options_above():
            return f"write {plain} above all tables"
    close = plain if plain in known else closest(plain, known)
    return f"did you mean {close}?" if close else "remove it; `orusage config init` lists all settings"


def _name(keys: Keys) -> str:
    """A key as it stands in the file: ``accounts.work.base_url``, ``sources[2].path``, counted from 1."""
    text = "".join(f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")
