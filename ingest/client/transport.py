"""The transport behind the httpx API, and what its failures mean.

It is aiohttp's, called without an `httpx.AsyncClient` around it: measured against httpx's own (which visits every
connection twice a request) it takes a twentieth of the CPU at 32 connections, and no more at 256. See DECISIONS.md for
the others that were measured. Certificates are verified against those httpx trusts, or ``SSL_CERT_FILE``; proxies come
from the environment, for https only; cookies are not kept; nothing is followed.
"""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import Future
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from anyio.to_thread import run_sync
from httpx_aiohttp import AiohttpTransport

from ingest.client.errors import InvalidRequestError, OpenRouterConnectionError, OpenRouterError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)
"""What may be raised while a request is sent and its answer read. What is no HTTP at all comes as aiohttp's own."""

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


def failure_of(error: Exception) -> OpenRouterError:
    """What one of `FAILURES` means; httpx-aiohttp calls a refused and a broken connection alike, aiohttp does not."""
    told = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    detail = str(error) or type(error).__name__
    if isinstance(told, _NEVER_CONNECTED):
        return OpenRouterConnectionError(detail, connected=False)
    if isinstance(told, (httpx.TimeoutException, aiohttp.ServerTimeoutError)):
        return RequestTimeoutError(detail)
    return OpenRouterConnectionError(detail, connected=True)


def require_one_way(client: object, transport: object, kinds: tuple[type, type]) -> None:
    """Refuse two ways to send at once, and one that is not of the client's own kind, synchronous or asynchronous.

    Raises:
        InvalidRequestError: it is either.
    """
    if client is not None and transport is not None:
        raise InvalidRequestError("client and transport exclude each other")
    if not isinstance(client or transport, (*kinds, NoneType)):
        raise InvalidRequestError(f"this client sends through httpx's {kinds[0].__name__} or {kinds[1].__name__}")


class DefaultTransport(httpx.AsyncBaseTransport):
    """aiohttp's transport, directly or through the environment's proxy, as each request's URL wants it.

    Args:
        connections: Open connections at most.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._direct = self._open()
        self._proxied: AiohttpTransport | None = None
        self._proxy = cache(_proxy_for)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is still to be read."""
        url = request.url
        proxy = self._proxy(url.host) if url.scheme == "https" else None
        if proxy is None:
            return await self._direct.handle_async_request(request)
        if self._proxied is None:
            self._proxied = self._open(proxy)
        return await self._proxied.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in filter(None, (self._direct, self._proxied)):
            await transport.aclose()

    def _open(self, proxy: httpx.Proxy | None = None) -> AiohttpTransport:
        context = _trusted()
        return AiohttpTransport(
            verify=context,
            proxy=proxy,
            client=lambda: aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
            ),
        )


@cache
def _trusted() -> ssl.SSLContext:
    """Loading the certificates takes 10 ms, so it is done once."""
    return httpx.create_ssl_context()


def _proxy_for(host: str) -> httpx.Proxy | None:
    """The environment's proxy for https to this host; one without a scheme is an http proxy, as everywhere."""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    if url.scheme not in ("http", "https") or not url.host:
        raise httpx.UnsupportedProtocol(f"the environment's proxy is {url.scheme}://…, not http(s)://HOST")
    return _with_credentials_as_header(httpx.Proxy(url))


def _with_credentials_as_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """httpx-aiohttp would hand them over in a form that aiohttp no longer likes."""
    if proxy.auth is None:
        return proxy
    basic = b64encode(":".join(proxy.auth).encode()).decode()
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {basic}"})


class ThreadedTransport(httpx.AsyncBaseTransport):
    """A synchronous client or transport of the user's own, each step of it in a thread.

    Args:
        send: Sends a request; the answer's body is still to be read.
    """

    def __init__(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is still to be read."""
        arrived: Future[httpx.Response] = Future()
        try:
            response = await run_sync(self._sent, request, arrived, abandon_on_cancel=True)
        except BaseException:  # the call is given up: what arrives all the same must not keep its connection
            arrived.add_done_callback(lambda late: late.result().close())
            raise
        if response.is_stream_consumed:  # a hook of the user's own client has read it
            return httpx.Response(response.status_code, headers=_without_encoding(response), content=response.content)
        return httpx.Response(response.status_code, headers=response.headers, stream=_ThreadedStream(response))

    def _sent(self, request: httpx.Request, arrived: Future[httpx.Response]) -> httpx.Response:
        response = self._send(request)
        arrived.set_result(response)
        return response


class _ThreadedStream(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._response.iter_raw()
        while chunk := await run_sync(next, chunks, b"", abandon_on_cancel=True):
            yield chunk

    async def aclose(self) -> None:
        await run_sync(self._response.close, abandon_on_cancel=True)


def _without_encoding(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in response.headers.raw if name.lower() != b"content-encoding"]
