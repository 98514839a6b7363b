"""The default transport: aiohttp behind the httpx API.

It is called without an `httpx.AsyncClient` around it. Measured against httpx's own transport, which visits every
connection twice per request, it takes a twentieth of the CPU at 32 connections, and no more at 256; DECISIONS.md has
the other transports that were measured. Certificates are verified against those that httpx trusts, or against
``SSL_CERT_FILE``. Proxies come from the environment, for https only. Cookies are not kept and redirects are not
followed.
"""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ingest.client.connection_problems import Reason, SettingError
from ingest.client.errors import InvalidRequestError
from ingest.core.masking import mask_secrets

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
        self._opened: dict[tuple[bool, bool], AiohttpTransport] = {}
        self._proxy = cache(_proxy_for)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is not read yet."""
        url = request.url
        is_secure = url.scheme == "https"
        proxy = self._proxy(url.host) if is_secure else None
        transport = self._opened.get((is_secure, proxy is not None))
        if transport is None:
            transport = self._opened[is_secure, proxy is not None] = self._open(is_secure, proxy)
        return await transport.handle_async_request(request)

    def goes_through_proxy(self, url: httpx.URL) -> bool:
        """Whether a request to this URL goes through a proxy."""
        return url.scheme == "https" and self._proxy(url.host) is not None

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._opened.values():
            await transport.aclose()

    def _open(self, is_secure: bool, proxy: httpx.Proxy | None) -> AiohttpTransport:  # noqa: FBT001  # one place
        context = _ssl_context() if is_secure else False
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
    """The trusted certificates, loaded only once because that takes 10 ms.

    Raises:
        SettingError: The file or directory that the environment names cannot be used.
    """
    name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
    try:
        if name == "SSL_CERT_DIR":
            os.scandir(os.environ[name]).close()  # OpenSSL itself ignores a directory that is not there
        return httpx.create_ssl_context()
    except OSError as error:
        if name is None or error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        why = error.strerror or "it holds no certificate in PEM form"
        text = f"{name} names {os.environ[name]}, whose certificates cannot be loaded: {why}"
        raise SettingError(mask_secrets(text), Reason.TRUST_STORE) from None


def _proxy_for(host: str) -> httpx.Proxy | None:
    """The environment's proxy for https to this host. A proxy without a scheme is an http proxy, as in other tools.

    Raises:
        SettingError: The proxy is not one of http or https.
    """
    proxies = getproxies()
    kind = "https" if proxies.get("https") else "all"
    proxy = proxies.get(kind)
    if not proxy or proxy_bypass(host):
        return None
    variable = next((name for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY") if os.environ.get(name)), "the system")
    try:
        url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    except httpx.InvalidURL:
        raise SettingError(f"{variable} names a proxy that is not a URL", Reason.PROXY_SETTING) from None
    if url.scheme.startswith("socks"):
        text = f"{variable} names a SOCKS proxy ({url.scheme}://…); only http:// and https:// proxies can be used"
        raise SettingError(text, Reason.PROXY_SETTING)
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingError(f"{variable} names the proxy {url.scheme}://…, not http(s)://HOST", Reason.PROXY_SETTING)
    return _with_credentials_as_header(httpx.Proxy(url))


def _with_credentials_as_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """The proxy with its password in a header: httpx-aiohttp passes it in a form that aiohttp has deprecated."""
    if proxy.auth is None:
        return proxy
    basic = b64encode(":".join(proxy.auth).encode()).decode()
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {basic}"})
