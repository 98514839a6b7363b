"""The accounts of a command: those of the configuration, or one without a name, whose key is found as ever."""

from __future__ import annotations

import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.cli.configuration.checks import API_KEY
from ingest.client.accounts import Account, load_account_key
from ingest.client.credentials import load_key
from ingest.client.key_kinds import INFERENCE
from ingest.client.key_sources import KeyPlace
from ingest.core.masking import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.cli.configuration.configuration import Configuration
    from ingest.client.credentials import ApiKey


def accounts_of(
    configuration: Configuration, file: Path | None, command: str | None, base_url: str
) -> tuple[Account, ...]:
    """The accounts to ask, in their order.

    Args:
        configuration: The configuration.
        file: A file with a key, as an option names it; then there is one account, without a name.
        command: A command that prints a key, as an option names it; as with `file`.
        base_url: URL of the API for accounts that name none.
    """
    is_named_by_option = file is not None or command is not None
    accounts = {} if is_named_by_option else configuration.accounts
    found = [_account(name, each, base_url) for name, each in accounts.items() if _place(each)]
    return tuple(found) or (Account(None, _only_key(configuration, file, command), base_url),)


def _account(name: str, settings: Mapping[str, str], base_url: str) -> Account:
    place = _place(settings) or KeyPlace()
    return Account(name, cache(partial(load_account_key, name, place, INFERENCE)), settings.get("base_url", base_url))


def _place(settings: Mapping[str, str]) -> KeyPlace | None:
    """Where the key is; None if nothing says it."""
    file, command, variable = (settings.get(name) for name in API_KEY)
    if file is None and command is None and variable is None:
        return None
    return KeyPlace(None if file is None else Path(file), command, variable)


def _only_key(configuration: Configuration, file: Path | None, command: str | None) -> Callable[[], ApiKey]:
    """The one key: as options name it, else in the environment, else as the configuration names it."""
    configured = _place(configuration.values)
    if file is None and command is None and configured and not os.environ.get(VARIABLE):
        file, command = configured.file, configured.command
    return cache(partial(load_key, file, command))
