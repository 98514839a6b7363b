"""Every error of httpx and aiohttp becomes one of the client's, and only https goes through proxies."""

import inspect
import socket

import aiohttp
import httpx
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ingest.client.errors import OpenRouterConnectionError, RequestTimeoutError
from ingest.client.transport import _proxy_for
from ingest.client.transport_errors import TRANSPORT_ERRORS, translate_error

REQUEST = httpx.Request("GET", "https://openrouter.ai/")
KEY = ConnectionKey("openrouter.ai", 443, True, True, None, None, None)  # noqa: FBT003  # is_ssl, ssl
ASKED = aiohttp.RequestInfo(URL("https://openrouter.ai/"), "GET", CIMultiDictProxy(CIMultiDict()))
ARGUMENTS = {  # the first that matches
    aiohttp.ClientConnectorCertificateError: (KEY, Exception("self-signed")),
    UnixClientConnectorError: ("/run/socket", KEY, OSError(111, "refused")),
    aiohttp.ClientConnectorError: (KEY, OSError(111, "refused")),
    aiohttp.ServerFingerprintMismatch: (b"a", b"b", "openrouter.ai", 443),
    aiohttp.ClientResponseError: (ASKED, ()),
}
ABSENT = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}

NEVER_CONNECTED = {
    "ConnectError",
    "ConnectTimeout",
    "ProxyError",
    "UnsupportedProtocol",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "ClientConnectorError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorSSLError",
    "ClientHttpProxyError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "UnixClientConnectorError",
}
TIMEOUTS = {
    "TimeoutException",
    "ReadTimeout",
    "WriteTimeout",
    "PoolTimeout",
    "ServerTimeoutError",
    "SocketTimeoutError",
}


def subclasses(kind):
    return {kind}.union(*(subclasses(sub) for sub in kind.__subclasses__()))


def made(kind):
    """An exception of this class as its library would raise it."""
    for base, arguments in ARGUMENTS.items():
        if issubclass(kind, base):
            return kind(*arguments)
    if issubclass(kind, httpx.HTTPStatusError):
        return kind("502", request=REQUEST, response=httpx.Response(502, request=REQUEST))
    if issubclass(kind, (httpx.RequestNotRead, httpx.ResponseNotRead, httpx.StreamClosed, httpx.StreamConsumed)):
        return kind()
    return kind("detail")


def all_of(module, base):
    return sorted({c for c in subclasses(base) if c.__module__.startswith(module)}, key=lambda c: c.__name__)


HTTPX = [c for base in (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) for c in all_of("httpx", base)]
AIOHTTP = all_of("aiohttp", aiohttp.ClientError)


def test_all_of_httpxs_exceptions_are_transport_errors_except_the_one_for_cookies():
    named = {c for _, c in inspect.getmembers(httpx, inspect.isclass) if issubclass(c, Exception)}
    assert named - {httpx.CookieConflict} == set(HTTPX)
    assert len(AIOHTTP) > 20


@pytest.mark.parametrize("kind", [*HTTPX, *AIOHTTP], ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_transport_error_is_translated(kind):
    error = made(kind)
    assert isinstance(error, TRANSPORT_ERRORS)
    meaning = translate_error(error)
    assert meaning.message
    if kind.__name__ in TIMEOUTS:
        assert type(meaning) is RequestTimeoutError
    else:
        assert type(meaning) is OpenRouterConnectionError
        assert meaning.connected is (kind.__name__ not in NEVER_CONNECTED)


@pytest.mark.parametrize(
    ("shown", "cause", "connected"),
    [
        (httpx.ConnectTimeout("reset"), aiohttp.ServerDisconnectedError(), True),
        (httpx.ConnectTimeout("reset"), aiohttp.ClientOSError(104, "reset"), True),
        (httpx.ConnectError("refused"), aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), False),
        (httpx.ReadError("cut"), aiohttp.ClientPayloadError("cut"), True),
        (httpx.UnsupportedProtocol("no URL"), aiohttp.InvalidURL("no URL"), False),
    ],
)
def test_aiohttps_error_counts_and_not_the_one_httpx_aiohttp_raises(shown, cause, connected):
    shown.__cause__ = cause
    assert translate_error(shown).connected is connected


def test_a_connect_timeout_is_not_connected():
    shown = httpx.ConnectTimeout("slow")
    shown.__cause__ = aiohttp.ConnectionTimeoutError("slow")
    assert translate_error(shown).connected is False


def test_an_error_without_a_message_has_its_class_name_as_message():
    assert translate_error(httpx.ReadError("")).message == "ReadError"


def test_a_cause_of_another_library_is_ignored():
    error = httpx.ConnectError("no address")
    error.__cause__ = socket.gaierror(-2, "unknown")
    assert translate_error(error).connected is False


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://other:1", "HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "openrouter.ai"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "example.com,.openrouter.ai"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "router.ai"}, "http://proxy:3128"),
    ],
)
def test_the_proxy_is_the_one_of_the_environment(monkeypatch, environment, proxy):
    for name in ABSENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = _proxy_for("openrouter.ai")
    assert (str(found.url) if found else None) == proxy
