"""The errors of a call to OpenRouter, and the table from status to class.

The tree of classes, named as in OpenRouter's SDK where it has the class::

    OpenRouterError                              any error of a call
    ├── ResponseError                            an answer came, but without the requested data
    │   ├── BadRequestResponseError         400  the request is not valid
    │   ├── UnauthorizedResponseError       401  the key is missing or refused
    │   ├── PaymentRequiredResponseError    402  the account is out of credits
    │   ├── ForbiddenResponseError          403  the key does not have this permission
    │   ├── NotFoundResponseError           404  the generation is not recorded, or not yet
    │   ├── TooManyRequestsResponseError    429  the rate limit is exceeded
    │   ├── InternalServerResponseError     500  OpenRouter failed
    │   ├── BadGatewayResponseError         502  a server behind OpenRouter failed
    │   ├── EdgeNetworkTimeoutResponseError 524  a timeout in OpenRouter's network
    │   ├── ProviderOverloadedResponseError 529  the server is overloaded
    │   ├── OpenRouterDefaultError               any other status without success; redirects are never followed
    │   └── ResponseValidationError              a success that cannot be read: HTML, cut JSON, or too large
    ├── OpenRouterConnectionError                no connection, or it broke
    ├── RequestTimeoutError                      no complete answer in time
    ├── RequestAbortedError                      the client was closed during the call
    └── InvalidRequestError                      nothing was sent: the ID, the key or an option is not valid

Cancelling a task raises ``asyncio.CancelledError`` and Ctrl-C raises ``KeyboardInterrupt``, as usual.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.client.connection_problems import Reason
from ingest.client.json_values import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


class OpenRouterError(Exception):
    """Any error of a call.

    Attributes:
        message: What happened, in one sentence; OpenRouter's own message if it sent one.
        status_code: HTTP status; None if no answer came.
    """

    status_code: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling, also for the classes with keyword arguments."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # not in its stub


class ResponseError(OpenRouterError):
    """An answer came, but without the requested data.

    Attributes:
        status_code: HTTP status; if a success holds an error, the status that this error names.
        error: OpenRouter's error object, ``{"code": …, "message": …, "metadata": …}``; None if the body has none.
        code: The error object's code: an int as documented, a string from some compatible servers.
        metadata: The error object's metadata.
        body: The body as text; empty if it was too large.
        headers: The answer's headers.
        raw_response: The answer with its body. Its request does not contain the key.
    """

    status_code: int

    def __init__(
        self,
        message: str,
        raw_response: httpx.Response,
        error: Mapping[str, Any] | None = None,
        status_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.raw_response = raw_response
        self.status_code = status_code or raw_response.status_code
        self.headers = raw_response.headers
        self.error = error
        self.code: int | str | None = (error or {}).get("code")
        self.metadata: Mapping[str, Any] | None = (error or {}).get("metadata")

    @property
    def openrouter_metadata(self) -> Mapping[str, Any] | None:
        """What OpenRouter says about the routing of the request, beside the error object; None if nothing."""
        found = self._beside_error("openrouter_metadata")
        return found if isinstance(found, dict) else None

    @property
    def user_id(self) -> str | None:
        """The user whom OpenRouter names beside the error object; None if none."""
        found = self._beside_error("user_id")
        return found if isinstance(found, str) else None

    def _beside_error(self, name: str) -> object:
        try:
            answer = msgspec.json.decode(self.raw_response.content)
        except UNREADABLE:
            return None
        return answer.get(name) if isinstance(answer, dict) else None

    @property
    def body(self) -> str:
        """The body as text."""
        return self.raw_response.content.decode("utf-8", "replace")


class BadRequestResponseError(ResponseError):
    """400: the request is not valid."""


class UnauthorizedResponseError(ResponseError):
    """401: the key is missing or refused."""


class PaymentRequiredResponseError(ResponseError):
    """402: the account is out of credits."""


class ForbiddenResponseError(ResponseError):
    """403: the key does not have this permission; content requires a management key, or the generation's owner."""


class NotFoundResponseError(ResponseError):
    """404: the generation is not recorded, or not yet; recording takes up to some minutes."""


class TooManyRequestsResponseError(ResponseError):
    """429: the rate limit is exceeded."""


class InternalServerResponseError(ResponseError):
    """500: OpenRouter failed."""


class BadGatewayResponseError(ResponseError):
    """502: a server behind OpenRouter failed."""


class EdgeNetworkTimeoutResponseError(ResponseError):
    """524: a timeout in OpenRouter's network."""


class ProviderOverloadedResponseError(ResponseError):
    """529: the server is overloaded."""


class OpenRouterDefaultError(ResponseError):
    """Any other status without success."""


class ResponseValidationError(ResponseError):
    """A success that cannot be read: HTML, cut JSON, JSON of another shape, or a body over the size limit."""


class OpenRouterConnectionError(OpenRouterError):
    """There was no connection, or it broke.

    Attributes:
        connected: False if no connection was made (DNS, TCP or TLS failed), True if it broke.
        reason: Why no connection was made: ``dns``, ``refused``, ``certificate``, ``proxy`` and so on.
    """

    def __init__(self, message: str, *, connected: bool, reason: Reason = Reason.OTHER) -> None:
        super().__init__(message)
        self.connected = connected
        self.reason = reason

    def of_proxy(self) -> OpenRouterConnectionError:
        """The same error if the host that it names is the environment's proxy."""
        text = f"the proxy of the environment cannot be used: {self.message}"
        return OpenRouterConnectionError(text, connected=self.connected, reason=Reason.PROXY)


class RequestTimeoutError(OpenRouterError):
    """No complete answer came in time.

    Attributes:
        connected: False if the time ran out while connecting.
    """

    def __init__(self, message: str, *, connected: bool = True) -> None:
        super().__init__(message)
        self.connected = connected


class RequestAbortedError(OpenRouterError):
    """The client was closed before the answer was read."""


class InvalidRequestError(OpenRouterError):
    """Nothing was sent: the ID, the key, the URL or an option is not valid."""


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
"""The documented statuses. Any other status without success becomes an `OpenRouterDefaultError`."""
