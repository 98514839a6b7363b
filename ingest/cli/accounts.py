"""The accounts of a command: those of the configuration, or one without a name, whose key is found as ever."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ingest.cli.configuration.checks import API_KEY, MANAGEMENT_KEY
from ingest.client.accounts import Account, load_account_key, load_keys
from ingest.client.credentials import load_key, load_management_key
from ingest.client.key_kinds import INFERENCE, MANAGEMENT
from ingest.client.key_sources import KeyPlace
from ingest.core.base_url import BASE_URL, check_base_url
from ingest.core.errors import InterruptedRunError, OrusageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.cli.configuration.configuration import Configuration
    from ingest.client.credentials import ApiKey
    from ingest.client.key_kinds import KeyKind

T = TypeVar("T")

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class _Keys:
    """How the keys of a kind are configured, and found without a configuration."""

    kind: KeyKind
    settings: tuple[str, str, str]
    load: Callable[[Path | None, str | None], ApiKey]

    def place(self, table: Mapping[str, str]) -> KeyPlace | None:
        """Where a table says that the key is; None if it does not."""
        file, command, variable = (table.get(name) for name in self.settings)
        if file is None and command is None and variable is None:
            return None
        return KeyPlace(None if file is None else Path(file), command, variable)


_API_KEYS = _Keys(INFERENCE, API_KEY, load_key)
_MANAGEMENT_KEYS = _Keys(MANAGEMENT, MANAGEMENT_KEY, load_management_key)


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
    return _accounts(_API_KEYS, configuration, KeyPlace(file, command), base_url)


def management_accounts_of(
    configuration: Configuration, file: Path | None, command: str | None, base_url: str | None
) -> tuple[Account, ...]:
    """The same for commands that take a management key: the accounts that have one.

    Of several accounts all keys are loaded, so that one that is missing is known before the first is used.
    """
    url = check_base_url(base_url or BASE_URL)
    accounts = _accounts(_MANAGEMENT_KEYS, configuration, KeyPlace(file, command), url)
    if len(accounts) > 1:
        load_keys(accounts)
    return accounts


def each_account(
    accounts: Sequence[Account], ask: Callable[[Account], T]
) -> tuple[list[tuple[Account, T]], OrusageError | None]:
    """What each account answers, and the first error: an account that fails keeps none of the others from being asked.

    Raises:
        OrusageError: no account answered, or a signal ended the command.
    """
    answers: list[tuple[Account, T]] = []
    first: OrusageError | None = None
    for account in accounts:
        try:
            answers.append((account, ask(account)))
        except InterruptedRunError:
            raise
        except OrusageError as error:
            error.what += "" if account.name is None else f" (account {account.name})"
            if first:
                log.warning("%s: %s", error.what, error.cause)
            first = first or error
    if first and not answers:
        raise first
    return answers, first


def _accounts(keys: _Keys, configuration: Configuration, named: KeyPlace, base_url: str) -> tuple[Account, ...]:
    accounts = configuration.accounts if named == KeyPlace() else {}
    found = tuple(
        Account(name, cache(partial(load_account_key, name, place, keys.kind)), table.get("base_url", base_url))
        for name, table in accounts.items()
        if (place := keys.place(table))
    )
    return found or (Account(None, _only_key(keys, configuration, named), base_url),)


def _only_key(keys: _Keys, configuration: Configuration, named: KeyPlace) -> Callable[[], ApiKey]:
    """The one key: as options name it, else in the environment, else as the configuration names it."""
    configured = keys.place(configuration.values)
    if named == KeyPlace() and configured and not os.environ.get(keys.kind.variable):
        named = configured
    return cache(partial(keys.load, named.file, named.command))
