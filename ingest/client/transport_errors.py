"""Maps the errors that httpx and aiohttp raise to the client's own."""

from __future__ import annotations

import aiohttp
import httpx

from ingest.client.connection_problems import Reason, problem_of
from ingest.client.errors import OpenRouterConnectionError, OpenRouterError, RequestTimeoutError

TRANSPORT_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)
"""What may be raised while a request is sent and its answer is read. An answer that is not HTTP raises aiohttp's."""

_NEVER_CONNECTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def translate_error(error: Exception) -> OpenRouterError:
    """The client's error for one of `TRANSPORT_ERRORS`.

    httpx-aiohttp raises the same class for a refused connection and for a broken one, so its cause, aiohttp's own
    error, decides where there is one.
    """
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    detail = str(error) or type(error).__name__
    problem = problem_of(error)
    if isinstance(cause, _NEVER_CONNECTED) or problem.reason is Reason.OPEN_FILES:
        return OpenRouterConnectionError(problem.text, connected=False, reason=problem.reason)
    if isinstance(cause, (httpx.TimeoutException, aiohttp.ServerTimeoutError)):
        return RequestTimeoutError(detail)
    return OpenRouterConnectionError(detail, connected=True)
