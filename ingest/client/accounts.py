"""The accounts of a run: their names, and where the key of each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.client.credentials import load_key_from
from ingest.core.errors import ConfigurationError, KeyRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.client.credentials import ApiKey
    from ingest.client.key_kinds import KeyKind
    from ingest.client.key_sources import KeyPlace


@dataclass(frozen=True, slots=True)
class Account:
    """An account whose key a run uses.

    Attributes:
        name: Its name in the configuration; None where none is configured.
        load_key: Returns its key.
        base_url: URL of the API it is asked at.
    """

    name: str | None
    load_key: Callable[[], ApiKey]
    base_url: str


def load_account_key(name: str, place: KeyPlace, kind: KeyKind) -> ApiKey:
    """The key of a configured account.

    Raises:
        KeyRefusedError: there is no key where the account says; the error names the account.
    """
    try:
        return load_key_from(place, kind)
    except KeyRefusedError as error:
        what, cause = (_as_setting(text, kind) for text in (error.what, error.cause))
        fix = error.fix if error.fix != kind.advice else f"correct [accounts.{name}] in the configuration"
        raise KeyRefusedError(f"{what} (account {name})", cause=cause, fix=fix) from None


def _as_setting(text: str, kind: KeyKind) -> str:
    """A text about options as one about settings: ``--api-key-file`` is ``api_key_file`` there."""
    for option in (kind.file_option, kind.command_option):
        text = text.replace(option, option.removeprefix("--").replace("-", "_"))
    return text


def load_keys(accounts: Sequence[Account]) -> list[ApiKey]:
    """The key of each account.

    Raises:
        KeyRefusedError: an account has none.
        ConfigurationError: two accounts have the same key.
    """
    keys = [account.load_key() for account in accounts]
    known: dict[str, Account] = {}
    for account, key in zip(accounts, keys, strict=True):
        other = known.setdefault(key.reveal(), account)
        if other is not account:
            raise ConfigurationError(
                f"the accounts {other.name} and {account.name} have the same key",
                cause="each ID would be asked twice, and told of the wrong account",
                fix="give each account its own key, or remove one of them",
            )
    return keys
