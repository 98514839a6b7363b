"""Errors that stop the run because every request would fail the same way. The state of every ID is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.client.connection_problems import PERMANENT, Reason
from ingest.client.errors import OpenRouterConnectionError
from ingest.core.errors import (
    ConfigurationError,
    KeyRefusedError,
    TryAgainLaterError,
    UnexpectedInputError,
    UnreachableError,
)

if TYPE_CHECKING:
    from ingest.client.errors import OpenRouterError
    from ingest.core.errors import OrusageError

_SETTINGS = (Reason.TRUST_STORE, Reason.PROXY_SETTING)

_FIXES = {
    Reason.CERTIFICATE: (
        "set SSL_CERT_FILE to a PEM file with the certificate of its issuer if you trust it, such as the proxy of your"
        " company (often /etc/ssl/certs/ca-certificates.crt); check --base-url, and this machine's clock"
    ),
    Reason.TRUST_STORE: "set SSL_CERT_FILE to a PEM file of trusted certificates, or unset it",
    Reason.TLS: "check --base-url, and whether a proxy or a login page answers in place of the API",
    Reason.PROXY_SETTING: (
        "set HTTPS_PROXY=http://HOST:PORT (many SOCKS programs serve http too), or NO_PROXY to the API's host to"
        " connect without a proxy"
    ),
    Reason.PROXY: (
        "check HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT if the proxy wants a password), or set NO_PROXY to the API's"
        " host to connect without it"
    ),
    Reason.DNS: "check the spelling of --base-url, the network and its DNS server; behind a proxy set HTTPS_PROXY",
    Reason.REFUSED: "check the port of --base-url, and whether the server runs; behind a firewall set HTTPS_PROXY",
    Reason.NO_ROUTE: "check the network; behind a firewall set HTTPS_PROXY",
    Reason.NO_ANSWER: "check the network and --base-url, or raise --timeout; behind a firewall set HTTPS_PROXY",
    Reason.OPEN_FILES: "raise the limit with `ulimit -n 4096`, or lower --concurrency",
    Reason.OTHER: "check the network, the proxy and --base-url",
}
"""What to do about each reason for which there is no connection."""


def key_refused(account: str | None = None) -> KeyRefusedError:
    """The API answered 401, or 403 when asked about the key itself."""
    return KeyRefusedError(
        f"OpenRouter refused the API key{_of(account)}",
        cause="the key is unknown, disabled or expired",
        fix="check it at https://openrouter.ai/settings/keys and run the same command again; nothing is lost",
    )


def wrong_account() -> KeyRefusedError:
    """Every one of the first IDs was rejected or not found."""
    return KeyRefusedError(
        "no ID was found, so no ID was marked dead",
        cause="the first IDs were all rejected or not found: the key may be of another account, or the base URL wrong",
        fix="use a key of the account that made these requests, and check --base-url",
    )


def out_of_credits(account: str | None = None) -> TryAgainLaterError:
    """The API answered 402."""
    return TryAgainLaterError(
        f"OpenRouter answers that the account{f' {account}' if account else ''} is out of credits",
        cause="HTTP 402",
        fix="add credits at https://openrouter.ai/settings/credits and run the same command again; nothing is lost",
    )


def throttled(cause: str) -> TryAgainLaterError:
    """The server took no request."""
    return TryAgainLaterError(
        "OpenRouter throttles every request",
        cause=cause,
        fix="run the same command later; nothing is lost",
    )


def unreachable(base_url: str, error: OpenRouterError) -> OrusageError:
    """No connection could be made, after several pauses; the text says why, and what to set."""
    reason = error.reason if isinstance(error, OpenRouterConnectionError) else Reason.NO_ANSWER
    kind = ConfigurationError if reason in _SETTINGS else UnreachableError
    return kind(
        f"{base_url} cannot be reached",
        cause=error.message,
        fix=f"{_FIXES[reason]}; then run the same command again: nothing is lost",
    )


def is_permanent(error: OpenRouterError) -> bool:
    """Whether no later try can make the connection that failed with this error."""
    return isinstance(error, OpenRouterConnectionError) and error.reason in PERMANENT


def not_the_api(base_url: str) -> UnexpectedInputError:
    """Too many unreadable answers in a row."""
    return UnexpectedInputError(
        f"{base_url} does not answer like OpenRouter",
        cause="the answers are not OpenRouter's JSON",
        fix="check --base-url, and whether a proxy or a login page answers instead; nothing is lost",
    )


def redirects(base_url: str) -> UnreachableError:
    """Too many redirects in a row."""
    return UnreachableError(
        f"{base_url} redirects elsewhere",
        cause="redirects are not followed: the key would go to another host",
        fix="set --base-url to the API's real address; nothing is lost",
    )


def _of(account: str | None) -> str:
    return f" of account {account}" if account else ""
