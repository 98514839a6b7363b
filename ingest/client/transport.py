"""The default transport: aiohttp behind the httpx API.

It is called without an `httpx.AsyncClient` around it. Measured against httpx's own transport, which visits every
connection twice per request, it takes a twentieth of the CPU at 32 connections, and no more at 256; DECISIONS.md has
the other transports that were measured. Certificates are verified against those that httpx trusts, or against
``SSL_CERT_FILE``. Proxies come from the environment, for https only. Cookies are not kept and redirects are not
followed.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ingest.client.errors import InvalidRequestError

if TYPE_CHECKING:
    import ssl


def check_sender(client: object, transport: object, kinds: tuple[type, type]) -> None:
    """Check a user's own httpx client or transport.

    Args:
        client: The client, or None.
        transport: The transport, or None.
        kinds: The classes that are accepted: synchronous or asynchronous ones.

    Raises:
        InvalidRequestError: Both are given, or one is of another class.
    """
    if client is not None and transport is not None:
        raise InvalidRequestError("client and transport exclude each other")
    if not isinstance(client or transport, (*kinds, NoneType)):
        raise InvalidRequestError(f"this client needs an httpx.{kinds[0].__name__} or httpx.{kinds[1].__name__}")


class DefaultTransport(httpx.AsyncBaseTransport):
    """aiohttp's transport. A request goes directly or through the environment's proxy, depending on its URL.

    Args:
        connections: Maximum number of open connections.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._direct = self._open()
        self._proxied: AiohttpTransport | None = None
        self._proxy = cache(_proxy_for)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is not read yet."""
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
        context = _ssl_context()
        return AiohttpTransport(
            verify=context,
            proxy=proxy,
            client=lambda: aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
            ),
        )


@cache
def _ssl_context() -> ssl.SSLContext:
    """The trusted certificates, loaded only once because that takes 10 ms."""
    return httpx.create_ssl_context()


def _proxy_for(host: str) -> httpx.Proxy | None:
    """The environment's proxy for https to this host. A proxy without a scheme is an http proxy, as in other tools."""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    if url.scheme not in ("http", "https") or not url.host:
        raise httpx.UnsupportedProtocol(f"the environment's proxy is {url.scheme}://…, not http(s)://HOST")
    return _with_credentials_as_header(httpx.Proxy(url))


def _with_credentials_as_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """The proxy with its password in a header: httpx-aiohttp passes it in a form that aiohttp has deprecated."""
    if proxy.auth is None:
        return proxy
    basic = b64encode(":".join(proxy.auth).encode()).decode()
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {basic}"})
