"""One call without its I/O, shared by both clients.

`RequestBuilder.prepare` builds the request of an operation, and `PreparedCall.read` turns its answer into `Ok` or
`Err`. `ingest.client.validation` has the checks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx

from ingest.client.credentials import key_source
from ingest.client.decode import UnreadableError, decode_content, decode_generation, decode_key
from ingest.client.errors import InvalidRequestError, OpenRouterError, ResponseValidationError
from ingest.client.result import Err, Ok
from ingest.client.validation import (
    RESERVED_HEADERS,
    checked_codes,
    checked_headers,
    checked_params,
    checked_timeout,
    checked_url,
    inner_error,
    response_error,
    without_key,
)
from ingest.core.base_url import BASE_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.client.credentials import ApiKey
    from ingest.client.retry import RetryConfig
    from ingest.core.api_records import GenerationContentResponse, GenerationResponse

T = TypeVar("T")

Result = Ok[T] | Err[OpenRouterError]

CONNECT_SECONDS = 10.0
"""Maximum time to connect, in seconds; half the timeout if that is shorter."""

BASE_URL_VARIABLE = "OPENROUTER_BASE_URL"
"""The environment's variable for the server's URL."""

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One operation of the API.

    Attributes:
        path: The path below the server's URL.
        largest: Maximum size of its answer's body, in bytes.
        decode: Decodes the body of a success; raises UnreadableError.
    """

    path: str
    largest: int
    decode: Callable[[bytes], T]


GET_GENERATION: Operation[GenerationResponse] = Operation("/generation", MEBIBYTE, decode_generation)
"""A generation's metadata; a typical answer has 1.5 KB."""

LIST_GENERATION_CONTENT: Operation[GenerationContentResponse] = Operation(
    "/generation/content", 64 * MEBIBYTE, decode_content
)
"""A generation's prompt and completion."""

GET_KEY: Operation[None] = Operation("/key", MEBIBYTE, decode_key)
"""Checks the key: the call succeeds if the key is valid, and nothing of the answer's body is used."""


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Options of one call. None means the client's own setting.

    Attributes:
        headers: Headers that are added to the client's, or replace those of the same name.
        params: Parameters that are added to the query.
        cookies: Cookies to send.
        extensions: httpx's request extensions.
        retries: Which failures are retried, and how.
        retry_codes: Statuses to retry, such as ``("408", "5XX")``.
        timeout: Total time for one try, in seconds, from connecting to the last byte.
        server_url: URL of the API; https, or http on loopback.
    """

    headers: Mapping[str, str] | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = None
    cookies: Mapping[str, str] | None = field(default=None, repr=False)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    retries: RetryConfig | None = None
    retry_codes: Sequence[str] | None = None
    timeout: float | None = None
    server_url: str | None = None


NO_OPTIONS = RequestOptions()


@dataclass(frozen=True, slots=True)
class PreparedCall(Generic[T]):
    """One call that is ready to be sent.

    Attributes:
        operation: The operation.
        request: The request; every try sends the same one.
        key: The key that the request contains; it is masked in every error.
        timeout: Total time for one try, in seconds.
        retries: Which failures are retried, and how.
    """

    operation: Operation[T]
    request: httpx.Request
    key: ApiKey
    timeout: float
    retries: RetryConfig

    @property
    def connect_seconds(self) -> float:
        """Maximum time to connect, in seconds."""
        return _connect_seconds(self.timeout)

    def read(self, response: httpx.Response, body: bytes) -> Result[T]:
        """The result that an answer means. A server that repeats the key cannot have it stored: it is masked first.

        Args:
            response: The answer's status and headers.
            body: The whole body, decompressed.
        """
        body = self.key.masked_in(body)
        if not response.is_success:
            return Err(response_error(self._shown(response, body)))
        try:
            return Ok(self.operation.decode(body))
        except UnreadableError as error:
            return self.unreadable(response, str(error), body)

    def unreadable(self, response: httpx.Response, why: str, body: bytes = b"") -> Err[OpenRouterError]:
        """The error for an answer whose body is not the data. Without success, the status alone decides the error."""
        shown = self._shown(response, body)
        if not response.is_success:
            return Err(response_error(shown))
        if inner := inner_error(shown):
            return Err(inner)
        return Err(ResponseValidationError(f"the answer cannot be read: {why}", shown))

    def _shown(self, response: httpx.Response, body: bytes) -> httpx.Response:
        return without_key(self.request, response, body, self.key)


def _default_url() -> str:
    return os.environ.get(BASE_URL_VARIABLE) or BASE_URL


def _connect_seconds(timeout: float) -> float:
    return min(timeout / 2, CONNECT_SECONDS)


class RequestBuilder:
    """Builds the requests of one client.

    Args:
        api_key: The key, or a function that returns it and is called once per call; None: `credentials.load_key`.
        headers: Headers of every request; those that are None are not sent.
        server_url: URL of the API; None: ``OPENROUTER_BASE_URL``, or OpenRouter's own.
        timeout: Total time for one try, in seconds.
        retries: Which failures are retried, and how.

    Raises:
        InvalidRequestError: An argument is not valid.
    """

    def __init__(
        self,
        api_key: str | ApiKey | Callable[[], str | ApiKey] | None,
        headers: Mapping[str, str | None],
        server_url: str | None,
        timeout: float,
        retries: RetryConfig,
    ) -> None:
        self._key = key_source(api_key)
        self._headers = httpx.Headers(checked_headers({k: v for k, v in headers.items() if v is not None}))
        self._server_url = checked_url(_default_url() if server_url is None else server_url)
        self._timeout = checked_timeout(timeout)
        self._retries = retries

    def prepare(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None
    ) -> PreparedCall[T]:
        """Build a call of an operation.

        Raises:
            InvalidRequestError: A parameter, the key or an option is not valid.
        """
        chosen = options or NO_OPTIONS
        retries = chosen.retries or self._retries
        if chosen.retry_codes is not None:
            retries = replace(retries, status_codes_override=checked_codes(chosen.retry_codes))
        timeout = self._timeout if chosen.timeout is None else checked_timeout(chosen.timeout)
        key = self._key()
        request = self._request(operation.path, params, chosen, key, timeout)
        return PreparedCall(operation, request, key, timeout, retries)

    def _request(
        self, path: str, params: Mapping[str, str], options: RequestOptions, key: ApiKey, timeout: float
    ) -> httpx.Request:
        server_url = self._server_url if options.server_url is None else checked_url(options.server_url)
        headers = self._headers.copy()
        headers["Authorization"] = f"Bearer {key.reveal()}"
        headers.update(checked_headers(dict(options.headers or {}), RESERVED_HEADERS))
        limits = httpx.Timeout(timeout, connect=_connect_seconds(timeout)).as_dict()
        try:
            query = urlencode({**(options.params or {}), **checked_params(params)})
            return httpx.Request(
                "GET",
                f"{server_url}{path}{'?' if query else ''}{query}",
                headers=headers,
                cookies=checked_headers(dict(options.cookies or {})),
                extensions={**options.extensions, "timeout": limits},
            )
        except (TypeError, ValueError, AttributeError, httpx.InvalidURL) as error:
            raise InvalidRequestError(f"the request cannot be built: {type(error).__name__}") from None
