"""Every way a call to OpenRouter can fail, and the one table from status to class.

Drawn as a tree; the names are those of OpenRouter's own SDK where it has one::

    OpenRouterError                              whatever went wrong
    ├── ResponseError                            an answer came, and it is not what was asked for
    │   ├── BadRequestResponseError         400
    │   ├── UnauthorizedResponseError       401  the key is missing or refused
    │   ├── PaymentRequiredResponseError    402  out of credits
    │   ├── ForbiddenResponseError          403  the key may not do this
    │   ├── NotFoundResponseError           404  not recorded yet, or never
    │   ├── TooManyRequestsResponseError    429
    │   ├── InternalServerResponseError     500
    │   ├── BadGatewayResponseError         502
    │   ├── EdgeNetworkTimeoutResponseError 524
    │   ├── ProviderOverloadedResponseError 529
    │   ├── OpenRouterDefaultError               any other status that is no success; redirects are never followed
    │   └── ResponseValidationError              a success that cannot be read: HTML, cut JSON, too large
    ├── OpenRouterConnectionError                no connection, or it broke
    ├── RequestTimeoutError                      no whole answer in time
    ├── RequestAbortedError                      the client was closed meanwhile
    └── InvalidRequestError                      nothing was sent: the ID, the key or an option makes no sense

Cancelling a task or pressing Ctrl-C raises what it always does, ``asyncio.CancelledError`` or ``KeyboardInterrupt``.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


class OpenRouterError(Exception):
    """Whatever went wrong.

    Attributes:
        message: What happened, in one sentence; OpenRouter's own words where there are some.
        status_code: HTTP status; None if no answer came.
    """

    status_code: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes, keyword arguments or not."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # not in its stub


class ResponseError(OpenRouterError):
    """An answer came, and it is not what was asked for.

    Attributes:
        status_code: HTTP status.
        error: OpenRouter's error object, ``{"code": …, "message": …, "metadata": …}``; None if the body holds none.
        code: Its code; an int as documented, but clones send strings.
        metadata: Its metadata.
        body: The body as text; empty if it was too large.
        headers: The headers.
        raw_response: The answer itself, its body read, its request without the key.
    """

    status_code: int

    def __init__(self, message: str, raw_response: httpx.Response, error: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.raw_response = raw_response
        self.status_code = raw_response.status_code
        self.headers = raw_response.headers
        self.error = error
        self.code: int | str | None = (error or {}).get("code")
        self.metadata: Mapping[str, Any] | None = (error or {}).get("metadata")

    @property
    def body(self) -> str:
        """The body as text."""
        return self.raw_response.content.decode("utf-8", "replace")


class BadRequestResponseError(ResponseError):
    """400: the request makes no sense to the API."""


class UnauthorizedResponseError(ResponseError):
    """401: the key is missing or refused."""


class PaymentRequiredResponseError(ResponseError):
    """402: out of credits."""


class ForbiddenResponseError(ResponseError):
    """403: the key may not do this; for content, it has to be a management key, and the generation your own."""


class NotFoundResponseError(ResponseError):
    """404: not recorded yet (that takes up to some minutes), or never."""


class TooManyRequestsResponseError(ResponseError):
    """429: too fast."""


class InternalServerResponseError(ResponseError):
    """500: OpenRouter failed."""


class BadGatewayResponseError(ResponseError):
    """502: what stands behind OpenRouter failed."""


class EdgeNetworkTimeoutResponseError(ResponseError):
    """524: the network's edge lost patience."""


class ProviderOverloadedResponseError(ResponseError):
    """529: short of capacity."""


class OpenRouterDefaultError(ResponseError):
    """Any other status that is no success."""


class ResponseValidationError(ResponseError):
    """A success that cannot be read: HTML, cut or misshapen JSON, or larger than is accepted."""


class OpenRouterConnectionError(OpenRouterError):
    """There was no connection, or it broke.

    Attributes:
        connected: Whether there was one: False for DNS, TCP and TLS failures, True for one that broke.
    """

    def __init__(self, message: str, *, connected: bool) -> None:
        super().__init__(message)
        self.connected = connected


class RequestTimeoutError(OpenRouterError):
    """No whole answer came in time."""


class RequestAbortedError(OpenRouterError):
    """The client was closed before the answer was read."""


class InvalidRequestError(OpenRouterError):
    """Nothing was sent: the ID, the key, the URL or an option makes no sense."""


BY_STATUS: dict[int, type[ResponseError]] = {
    400: BadRequestResponseError,
    401: UnauthorizedResponseError,
    402: PaymentRequiredResponseError,
    403: ForbiddenResponseError,
    404: NotFoundResponseError,
    429: TooManyRequestsResponseError,
    500: InternalServerResponseError,
    502: BadGatewayResponseError,
    524: EdgeNetworkTimeoutResponseError,
    529: ProviderOverloadedResponseError,
}
"""The documented statuses; any other that is no success is an `OpenRouterDefaultError`."""
