"""One call without its I/O: what is sent, and what the answer is. Both clients share it.

`RequestBuilder.prepare` builds the request of an operation; `PreparedCall.read` turns the answer into `Ok` or `Err`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx

from ingest.client.credentials import ApiKey, load_key
from ingest.client.decode import UnreadableError, decode_content, decode_generation, error_of
from ingest.client.errors import (
    BY_STATUS,
    InvalidRequestError,
    OpenRouterDefaultError,
    OpenRouterError,
    ResponseValidationError,
)
from ingest.client.result import Err, Ok
from ingest.core.base_url import check_base_url
from ingest.core.errors import ConfigurationError, KeyRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.client.retry import RetryConfig
    from ingest.core.api_records import GenerationContentResponse, GenerationResponse

T = TypeVar("T")

Result = Ok[T] | Err[OpenRouterError]

ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
"""Every character stands for itself in a URL: nothing has to be escaped, and nothing can be smuggled in."""

CONNECT_SECONDS = 10.0
"""A host that does not take a connection by then counts as out of reach."""

MEBIBYTE = 1024 * 1024

LONGEST_MESSAGE = 1000
"""Characters of a server's message that become an error's; its body has all of it."""

_CODE = re.compile(r"[1-5](?:[0-9]{2}|XX)", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One operation of the API.

    Attributes:
        path: Behind the server's URL.
        largest: Bytes accepted of its answer.
        decode: Reads the body of a success; raises UnreadableError.
    """

    path: str
    largest: int
    decode: Callable[[bytes], T]


GET_GENERATION: Operation[GenerationResponse] = Operation("/generation", MEBIBYTE, decode_generation)
"""Metadata takes about 1.5 KB."""

LIST_GENERATION_CONTENT: Operation[GenerationContentResponse] = Operation(
    "/generation/content", 64 * MEBIBYTE, decode_content
)

GET_KEY: Operation[None] = Operation("/key", MEBIBYTE, lambda _: None)
"""What the API thinks of the key itself; that it answers is all we want to know."""


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What one call does differently; None leaves the client's own.

    Attributes:
        headers: Added to the client's, or in the place of those with the same name.
        params: Added to the query.
        cookies: Sent with the request.
        extensions: httpx's extensions of a request.
        retries: Whether and when to try again.
        retry_codes: Statuses to retry, such as ``("408", "5XX")``.
        timeout: Seconds for one try in all, from connecting to the last byte.
        server_url: Another server; https, or http on loopback.
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
    """One call, ready to be sent.

    Attributes:
        operation: What is asked.
        request: The request; the same for each try.
        key: The key in the request; never shown.
        timeout: Seconds for one try in all.
        retries: Whether and when to try again.
    """

    operation: Operation[T]
    request: httpx.Request
    key: ApiKey
    timeout: float
    retries: RetryConfig

    def read(self, response: httpx.Response, body: bytes) -> Result[T]:
        """The answer as a value.

        Args:
            response: Status and headers.
            body: All of the body, inflated.
        """
        if not response.is_success:
            return Err(_refusal(self._shown(response, body)))
        try:
            return Ok(self.operation.decode(body))
        except UnreadableError as error:
            return self.unreadable(response, str(error), body)

    def unreadable(self, response: httpx.Response, why: str, body: bytes = b"") -> Err[OpenRouterError]:
        """The answer has a body that cannot be read; a refusal stays a refusal without one."""
        shown = self._shown(response, body)
        if not response.is_success:
            return Err(_refusal(shown))
        return Err(ResponseValidationError(f"the answer cannot be read: {why}", shown))

    def _shown(self, response: httpx.Response, body: bytes) -> httpx.Response:
        """A response to show around: neither its request nor anything the server repeats carries the key."""
        asked = httpx.Request(self.request.method, self.request.url)
        headers = [(n, self.key.masked_in(v)) for n, v in response.headers.raw if n.lower() not in _OF_THE_WIRE]
        content = self.key.masked_in(body)
        return httpx.Response(response.status_code, headers=headers, content=content, request=asked)


_OURS = frozenset({"connection", "content-length", "host", "transfer-encoding"})

_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""They describe the body as it came, not as it is shown."""


class RequestBuilder:
    """What all calls of a client have in common.

    Args:
        api_key: The key, or what returns it, once per call; None: from the environment, see
            `ingest.client.credentials`.
        headers: Sent with each request.
        server_url: The API.
        timeout: Seconds for one try in all.
        retries: Whether and when to try again.

    Raises:
        InvalidRequestError: one of them makes no sense.
    """

    def __init__(
        self,
        api_key: str | ApiKey | Callable[[], str | ApiKey] | None,
        headers: Mapping[str, str | None],
        server_url: str,
        timeout: float,
        retries: RetryConfig,
    ) -> None:
        self._key = key_source(api_key)
        self._headers = httpx.Headers(_checked_headers({k: v for k, v in headers.items() if v is not None}))
        self._server_url = _checked_url(server_url)
        self._timeout = _checked_timeout(timeout)
        self._retries = retries

    def prepare(
        self, operation: Operation[T], params: Mapping[str, str], options: RequestOptions | None
    ) -> PreparedCall[T]:
        """A call of an operation.

        Raises:
            InvalidRequestError: a parameter, the key or an option makes no sense.
        """
        chosen = options or NO_OPTIONS
        retries = chosen.retries or self._retries
        if chosen.retry_codes is not None:
            retries = replace(retries, status_codes_override=_checked_codes(chosen.retry_codes))
        timeout = self._timeout if chosen.timeout is None else _checked_timeout(chosen.timeout)
        key = self._key()
        return PreparedCall(
            operation, self._request(operation.path, params, chosen, key, timeout), key, timeout, retries
        )

    def _request(
        self, path: str, params: Mapping[str, str], options: RequestOptions, key: ApiKey, timeout: float
    ) -> httpx.Request:
        server_url = self._server_url if options.server_url is None else _checked_url(options.server_url)
        headers = self._headers.copy()
        headers["Authorization"] = f"Bearer {key.reveal()}"
        headers.update(_checked_headers(dict(options.headers or {}), _OURS))
        limits = httpx.Timeout(timeout, connect=min(timeout / 2, CONNECT_SECONDS)).as_dict()
        try:
            query = urlencode({**(options.params or {}), **_checked_params(params)})
            return httpx.Request(
                "GET",
                f"{server_url}{path}{'?' if query else ''}{query}",
                headers=headers,
                cookies=_checked_headers(dict(options.cookies or {})),
                extensions={**options.extensions, "timeout": limits},
            )
        except (TypeError, ValueError, AttributeError, httpx.InvalidURL) as error:
            raise InvalidRequestError(f"the request cannot be built: {type(error).__name__}") from None


def _refusal(response: httpx.Response) -> OpenRouterError:
    error = error_of(response.content)
    message = str((error or {}).get("message") or f"HTTP {response.status_code}")
    return BY_STATUS.get(response.status_code, OpenRouterDefaultError)(message[:LONGEST_MESSAGE], response, error)


def _checked_params(params: Mapping[str, str]) -> Mapping[str, str]:
    for value in params.values():
        if not isinstance(value, str) or not ID.fullmatch(value):
            raise InvalidRequestError(f"{str(value)[:40]!a} is no generation ID: {ID.pattern} is expected")
    return params


def key_source(api_key: str | ApiKey | Callable[[], str | ApiKey] | None) -> Callable[[], ApiKey]:
    """Where each call gets the key from; one that is given is checked at once, and from then on never shows itself.

    Raises:
        InvalidRequestError: it cannot be one.
    """
    if api_key is None:
        return lambda: _usable(load_key)
    if callable(api_key):
        return lambda: _usable(lambda: _as_key(api_key()))
    key = _usable(lambda: _as_key(api_key))
    return lambda: key


def _as_key(found: str | ApiKey) -> ApiKey:
    return found if isinstance(found, ApiKey) else ApiKey(found, "api_key")


def _usable(find: Callable[[], ApiKey]) -> ApiKey:
    try:
        return find()
    except KeyRefusedError as error:
        raise InvalidRequestError(f"{error.what}: {error.cause}") from None


def _checked_url(server_url: str) -> str:
    try:
        return check_base_url(str(server_url))
    except ConfigurationError as error:
        raise InvalidRequestError(f"{error.what}: {error.cause}") from None


def _checked_timeout(seconds: float) -> float:
    if not (isinstance(seconds, (int, float)) and 0 < seconds < float("inf")):
        raise InvalidRequestError(f"a timeout of {seconds!a} seconds makes no sense")
    return float(seconds)


def _checked_codes(codes: Sequence[str]) -> tuple[str, ...]:
    for code in codes:
        if not _CODE.fullmatch(str(code)):
            raise InvalidRequestError(f"{str(code)[:40]!a} is no status to retry: 503, or 5XX for all of them")
    return tuple(codes)


def _checked_headers(headers: dict[str, str], refused: frozenset[str] = frozenset()) -> dict[str, str]:
    """The same headers or cookies; their values are not repeated, for one might be a secret."""
    for name, value in headers.items():
        if str(name).lower() in refused:
            raise InvalidRequestError(f"the header {name} is the transport's own")
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            raise InvalidRequestError(f"{str(name)[:40]!a} is no name of a header or cookie")
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise InvalidRequestError(f"the value of {name} is not one line of printable ASCII")
    return headers
