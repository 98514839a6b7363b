"""Errors that stop the run because every request would fail the same way. The state of every ID is kept."""

from __future__ import annotations

from ingest.core.errors import KeyRefusedError, TryAgainLaterError, UnexpectedInputError, UnreachableError


def key_refused() -> KeyRefusedError:
    """The API answered 401, or 403 when asked about the key itself."""
    return KeyRefusedError(
        "OpenRouter refused the API key",
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


def out_of_credits() -> TryAgainLaterError:
    """The API answered 402."""
    return TryAgainLaterError(
        "OpenRouter answers that the account is out of credits",
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


def unreachable(base_url: str) -> UnreachableError:
    """No connection could be made, after several pauses."""
    return UnreachableError(
        f"{base_url} cannot be reached",
        cause="no connection could be made",
        fix="check the network, proxy and --base-url, then run the same command again; nothing is lost",
    )


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
