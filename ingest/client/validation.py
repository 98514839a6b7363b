"""Checks of a call's arguments, and what an answer without success becomes.

Each ``checked_…`` function returns its argument, or raises `InvalidRequestError` before anything is sent. Values that
may be secret are not repeated in its message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

from ingest.client.decode import error_of, status_of
from ingest.client.errors import BY_STATUS, InvalidRequestError, OpenRouterDefaultError, ResponseError
from ingest.core.base_url import check_base_url
from ingest.core.errors import ConfigurationError
from ingest.core.masking import is_like_a_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.client.credentials import ApiKey

ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
"""What is accepted as a generation ID. None of these characters has a meaning in a URL, so none must be escaped."""

LONGEST_MESSAGE = 1000
"""Maximum characters of an error's message that come from the server; the error's `body` has all of it."""

RESERVED_HEADERS = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers that only the transport may set."""

_CODE = re.compile(r"[1-5](?:[0-9]{2}|XX)", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_TRANSFER_HEADERS = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""They describe the body as it was transferred; an error shows the decompressed body."""


def checked_params(params: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters of an operation, each of which is a generation ID."""
    for value in params.values():
        if isinstance(value, str) and is_like_a_key(value):
            raise InvalidRequestError("an API key was given as a generation ID; it is not sent as a part of the URL")
        if not isinstance(value, str) or not ID.fullmatch(value):
            raise InvalidRequestError(f"{str(value)[:40]!a} is not a generation ID: it must match {ID.pattern}")
    return params


def checked_url(server_url: str) -> str:
    """A server's URL without a trailing slash."""
    try:
        return check_base_url(str(server_url))
    except ConfigurationError as error:
        raise InvalidRequestError(f"{error.what}: {error.cause}") from None


def checked_timeout(seconds: float) -> float:
    """A timeout in seconds, which must be positive and finite."""
    if not (isinstance(seconds, (int, float)) and 0 < seconds < float("inf")):
        raise InvalidRequestError(f"the timeout {seconds!a} is not a positive number of seconds")
    return float(seconds)


def checked_codes(codes: Sequence[str]) -> tuple[str, ...]:
    """Statuses to retry, such as ``"408"`` and ``"5XX"``."""
    for code in codes:
        if not _CODE.fullmatch(str(code)):
            raise InvalidRequestError(f"{str(code)[:40]!a} is not a status to retry, such as 503, or 5XX")
    return tuple(codes)


def checked_headers(headers: dict[str, str], reserved: frozenset[str] = frozenset()) -> dict[str, str]:
    """Headers or cookies. Their values are not repeated in the message, because one may be a secret."""
    for name, value in headers.items():
        if str(name).lower() in reserved:
            raise InvalidRequestError(f"the header {name} is set by the transport only")
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            raise InvalidRequestError(f"{str(name)[:40]!a} is not a valid name of a header or cookie")
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise InvalidRequestError(f"the value of {name} is not one line of printable ASCII")
    return headers


def response_error(response: httpx.Response) -> ResponseError:
    """The error that an answer without success means. `response` is one that `without_key` returned."""
    return _error(response, error_of(response.content), response.status_code)


def inner_error(response: httpx.Response) -> ResponseError | None:
    """The error that a success holds instead of its data; None if it holds none that names a status."""
    error = error_of(response.content)
    status = status_of(error)
    return None if status is None else _error(response, error, status)


def _error(response: httpx.Response, error: Mapping[str, Any] | None, status: int) -> ResponseError:
    message = str((error or {}).get("message") or f"HTTP {status}")
    return BY_STATUS.get(status, OpenRouterDefaultError)(message[:LONGEST_MESSAGE], response, error, status)


def without_key(request: httpx.Request, response: httpx.Response, body: bytes, key: ApiKey) -> httpx.Response:
    """A copy of an answer that can be shown: neither its request nor any text the server repeats contains the key."""
    headers = [(n, key.masked_in(v)) for n, v in response.headers.raw if n.lower() not in _TRANSFER_HEADERS]
    bare_request = httpx.Request(request.method, request.url)
    return httpx.Response(response.status_code, headers=headers, content=key.masked_in(body), request=bare_request)
