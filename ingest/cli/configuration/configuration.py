"""The configuration of a command: the project's file and the user's, of which the project's wins for each key."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.core.errors import ConfigurationError
from ingest.core.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.cli.configuration.toml_file import TomlFile
    from ingest.cli.configuration.toml_places import Keys

FILE = "orusage.toml"


@dataclass(frozen=True)
class Configuration:
    """What the files say. Options are as click takes them, and paths are absolute.

    Attributes:
        files: The files, the one that wins first.
        values: Their values together.
    """

    files: tuple[TomlFile, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def global_options(self) -> dict[str, Any]:
        """The values of options that all commands have."""
        if not self.values:
            return {}
        from ingest.cli.configuration.checks import SHARED, options_above

        return {name: self.values[name] for name in options_above() if name in self.values and name not in SHARED}

    def defaults_of(self, command: str) -> dict[str, Any]:
        """The values of a command's own options, as click's ``default_map``."""
        if not self.values:
            return {}
        from ingest.cli.configuration.checks import SHARED

        shared = {name: self.values[name] for name in SHARED if name in self.values}
        return {**shared, **self.values.get(command, {})}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of a run that names none."""
        return tuple(source["path"] for source in self.values.get("sources", ()))

    @property
    def accounts_of_sources(self) -> dict[str, str]:
        """The account that a source names, for those that do."""
        return {s["path"]: s["account"] for s in self.values.get("sources", ()) if s["account"]}

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        """The settings of each account, in the order of the files."""
        return dict(self.values.get("accounts", {}))

    @property
    def rates_file(self) -> Path | None:
        """The file of rates for loaded cost, which each run stores; None without one."""
        path = self.values.get("adjustments", {}).get("rates")
        return Path(path) if path else None

    def file_of(self, keys: Keys) -> TomlFile | None:
        """The file that a value comes from; None if no file has it."""
        return next((file for file in self.files if _has(file.values, keys)), None)

    def problem(self, keys: Keys, what: str, *, cause: str, fix: str) -> ConfigurationError:
        """An error about a value, with the place where it stands."""
        file = self.file_of(keys) or self.files[0]
        return file.problem(keys, what, cause=cause, fix=fix)


def load(named: str | None, environ: Mapping[str, str]) -> Configuration:
    """Read the configuration files that exist.

    Args:
        named: A file in place of ``./orusage.toml``; None: that one, if it exists.
        environ: The environment, which says where the user's file is.

    Raises:
        ConfigurationError: A file cannot be read or used.
    """
    project, user = _project_file() if named is None else Path(named), user_file(environ)
    present = [project, user if user and os.path.exists(user) else None]  # noqa: PTH110  # Path.exists may raise
    if not any(present):
        return Configuration()
    from ingest.cli.configuration.toml_file import read_toml  # a command without configuration spares its imports

    return combined([read_toml(path) for path in dict.fromkeys(present) if path])


def combined(files: Sequence[TomlFile]) -> Configuration:
    """The configuration of some files, the one that wins first.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    from ingest.cli.configuration.checks import checked

    values: dict[str, Any] = {}
    for file in reversed(files):
        values = _merged(checked(file), values)
    configuration = Configuration(tuple(files), values)
    _check_accounts(configuration)
    return configuration


def user_file(environ: Mapping[str, str]) -> Path | None:
    """The user's file, below ``$XDG_CONFIG_HOME`` or ``~/.config``; None without a home directory."""
    base, home = environ.get("XDG_CONFIG_HOME"), environ.get("HOME")
    if base and os.path.isabs(base):  # noqa: PTH117  # what is not absolute is to be ignored
        return Path(base, "orusage", FILE)
    return Path(home, ".config", "orusage", FILE) if home else None


def _project_file() -> Path | None:
    """``./orusage.toml``. It may name commands and servers, so one that somebody else can write is refused."""
    path = Path(FILE)
    try:
        status = path.stat()
    except OSError:  # read_toml says why, if there is a file
        return path if path.is_symlink() else None
    if status.st_uid not in (os.geteuid(), 0) or (status.st_mode & stat.S_IWOTH and stat.S_ISREG(status.st_mode)):
        raise ConfigurationError(
            f"./{FILE} is not used",
            cause="another user can write it, and it may name commands and servers",
            fix=f"make it yours (chown, chmod o-w), or name it if you trust it: --config ./{FILE}",
        )
    return path


def _merged(high: Mapping[str, Any], low: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables, of which the first wins for each key. Where it says where a key is, the other does not."""
    from ingest.cli.configuration.checks import KEY_GROUPS

    answered = {setting for group in KEY_GROUPS if any(name in high for name in group) for setting in group}
    merged = dict(high)
    for name, value in low.items():
        if name in high and isinstance(value, dict) and isinstance(high[name], dict):
            merged[name] = _merged(high[name], value)
        elif name not in answered:
            merged.setdefault(name, value)
    return merged


def _check_accounts(configuration: Configuration) -> None:
    from ingest.cli.configuration.checks import KEY_GROUPS

    accounts = configuration.accounts
    for name, account in accounts.items():
        if not any(setting in account for group in KEY_GROUPS for setting in group):
            raise configuration.problem(
                ("accounts", name),
                f"the account {name} has no key",
                cause="nothing says where it is",
                fix='add api_key_file = "PATH", api_key_command = "COMMAND" or api_key_env = "VARIABLE"',
            )
    for index, source in enumerate(configuration.values.get("sources", ())):
        if source["account"] not in (None, *accounts):
            close = closest(source["account"], accounts)
            raise configuration.problem(
                ("sources", index, "account"),
                f"there is no account {source['account']}",
                cause=f"known accounts: {', '.join(accounts) or 'none'}",
                fix=f"did you mean {close}?" if close else "add [accounts.NAME] for it, or remove account here",
            )


def _has(values: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
