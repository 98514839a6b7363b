"""What a command that uses the management API ends with, if a request fails for good."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.client import stop_errors
from ingest.client.errors import OpenRouterConnectionError, RequestTimeoutError, ResponseError, ResponseValidationError
from ingest.client.key_kinds import MANAGEMENT
from ingest.core.errors import KeyRefusedError, TryAgainLaterError, UnexpectedInputError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.client.credentials import ApiKey
    from ingest.client.errors import OpenRouterError
    from ingest.core.errors import OrusageError

LONGEST_MESSAGE = 300
"""Maximum characters that an error repeats of the server's message."""

_FAILURES = 500


AFTER_PATIENCE = (UnreachableError, TryAgainLaterError)
"""Errors that come after the client's patience: whoever asks for more waits as long again for the next."""


class NotThereError(UnexpectedInputError):
    """The API answers 404: it does not have this list."""


def final_error(error: OpenRouterError, base_url: str, path: str, key: ApiKey) -> OrusageError:
    """The error of the command line for a client's error.

    Args:
        error: How the last try ended.
        base_url: URL of the API.
        path: The path below it that was asked.
        key: The key that was used; its last characters are shown where it is refused.
    """
    if isinstance(error, OpenRouterConnectionError):
        return stop_errors.unreachable(base_url, error)
    if isinstance(error, RequestTimeoutError):
        return _failed(base_url, error.message)
    if not isinstance(error, ResponseError):
        return _not_understood(path, error.message)
    return _of_status(error, base_url, path, key)


def _of_status(error: ResponseError, base_url: str, path: str, key: ApiKey) -> OrusageError:
    said = f"HTTP {error.status_code}: {error.message[:LONGEST_MESSAGE]}"
    refused, failed = partial(_refused, key, path, said), partial(_failed, base_url, said)
    errors: dict[int, Callable[[], OrusageError]] = {
        401: refused,
        402: stop_errors.out_of_credits,
        403: refused,
        404: partial(_not_there, base_url, path),
        408: failed,
        429: partial(stop_errors.throttled, said),
    }
    if error.raw_response.is_redirect:
        return stop_errors.redirects(base_url)
    if isinstance(error, ResponseValidationError):
        return stop_errors.not_the_api(base_url)
    other = failed if error.status_code >= _FAILURES else partial(_not_understood, path, said)
    return errors.get(error.status_code, other)()


def _refused(key: ApiKey, path: str, said: str) -> KeyRefusedError:
    return KeyRefusedError(
        f"OpenRouter refused the key {key} for {path}, which needs a management key",
        cause=said,
        fix=f"make a management key at {MANAGEMENT.page} and give it by {MANAGEMENT.variable} or"
        f" {MANAGEMENT.file_option}; a key that can request answers cannot do this",
    )


def _failed(base_url: str, said: str) -> UnreachableError:
    return UnreachableError(
        f"{base_url} does not answer", cause=said, fix="run the same command again later; nothing is lost"
    )


def _not_there(base_url: str, path: str) -> NotThereError:
    return NotThereError(
        f"{base_url} has no {path}", cause="HTTP 404", fix="check --base-url: the management API is OpenRouter's own"
    )


def _not_understood(path: str, said: str) -> UnexpectedInputError:
    return UnexpectedInputError(
        f"OpenRouter does not accept the request {path}",
        cause=said,
        fix="see whether a newer version of orusage is there; nothing is lost",
    )
