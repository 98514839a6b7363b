"""Says what a connection error was: which name, whose certificate, which proxy, which setting."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import aiohttp
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reason(StrEnum):
    """Why there is no connection."""

    CERTIFICATE = "certificate"
    """The server's certificate is not trusted, has expired, or is another server's."""
    TRUST_STORE = "trust_store"
    """The trusted certificates, such as those of ``SSL_CERT_FILE``, cannot be loaded."""
    TLS = "tls"
    """The server does not speak TLS, or no version of it that we accept."""
    PROXY_SETTING = "proxy_setting"
    """The environment names a proxy of a kind that is not supported."""
    PROXY = "proxy"
    """The proxy cannot be reached, or refuses."""
    DNS = "dns"
    """The host's name has no address."""
    REFUSED = "refused"
    """Nothing listens on the port."""
    NO_ROUTE = "no_route"
    """The network cannot be reached."""
    NO_ANSWER = "no_answer"
    """The host does not answer."""
    OPEN_FILES = "open_files"
    """This process may not open more files."""
    OTHER = "other"


PERMANENT = frozenset({Reason.CERTIFICATE, Reason.TRUST_STORE, Reason.PROXY_SETTING})
"""Reasons that a later try does not change."""


OF_A_HOST = frozenset({Reason.CERTIFICATE, Reason.DNS, Reason.REFUSED, Reason.NO_ROUTE})
"""Reasons that concern the host that the connection is made to, which may be a proxy."""


class SettingError(httpx.ConnectError):
    """A setting of the environment makes every connection impossible.

    Attributes:
        reason: Which one.
    """

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Problem:
    """What a connection error was.

    Attributes:
        reason: The kind of it.
        text: One sentence that names what is concerned.
    """

    reason: Reason
    text: str


_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_NO_FILES = {errno.EMFILE, errno.ENFILE}
_NUMBER = re.compile(r"\[Errno (\d+)\]")


def problem_of(error: Exception) -> Problem:
    """What this error of httpx or aiohttp was."""
    chain = list(_chain(error))
    place = _place(chain)
    text = str(error) or type(error).__name__
    for each in chain:
        if isinstance(each, SettingError):
            return Problem(each.reason, str(each))
        if isinstance(each, aiohttp.ClientError):  # some are ssl's too, but without its attributes; theirs follow
            continue
        if isinstance(each, ssl.SSLCertVerificationError):
            return Problem(Reason.CERTIFICATE, f"the certificate of {place} is not accepted: {_verification(each)}")
        if isinstance(each, ssl.SSLError):
            return Problem(Reason.TLS, f"{place} does not speak TLS as expected: {each.reason or text}")
    if problem := _problem_of_proxy(chain):
        return problem
    return _problem_of_system(chain, place) or Problem(Reason.OTHER, text)


def _problem_of_proxy(chain: list[BaseException]) -> Problem | None:
    for each in chain:
        if isinstance(each, aiohttp.ClientHttpProxyError):
            return Problem(Reason.PROXY, f"the proxy refuses to connect: HTTP {each.status} {each.message}".rstrip())
        if isinstance(each, aiohttp.ClientProxyConnectionError):
            inner = _problem_of_system(chain, f"{each.host}:{each.port}")
            return Problem(Reason.PROXY, f"the proxy cannot be used: {inner.text if inner else each}")
    if any(isinstance(each, httpx.ProxyError) for each in chain):  # of a user's own transport
        return Problem(Reason.PROXY, f"the proxy cannot be used: {chain[0]}")
    return None


def _problem_of_system(chain: list[BaseException], place: str) -> Problem | None:
    """What the operating system's error says."""
    for each in chain:
        if isinstance(each, socket.gaierror):
            name = place.rpartition(":")[0] or place
            return Problem(Reason.DNS, f"the name {name} has no address ({each.strerror or each})")
        numbers = _numbers(each)
        if errno.ECONNREFUSED in numbers:
            return Problem(Reason.REFUSED, f"{place} refused the connection: nothing listens on this port")
        if numbers & _NO_FILES:
            return Problem(Reason.OPEN_FILES, "this process may not open more files (`ulimit -n`)")
        if numbers & _NO_ROUTE:
            return Problem(Reason.NO_ROUTE, f"there is no way to {place}: {os.strerror(min(numbers & _NO_ROUTE))}")
    if any(isinstance(each, aiohttp.ConnectionTimeoutError) for each in chain) or _is_connect_timeout(chain[0]):
        return Problem(Reason.NO_ANSWER, f"{place} does not answer")
    return None


def _is_connect_timeout(error: BaseException) -> bool:
    """Whether this is httpx's own timeout. httpx-aiohttp raises the same class for refused and broken connections."""
    return isinstance(error, httpx.ConnectTimeout) and not isinstance(error.__cause__, aiohttp.ClientError)


def _numbers(error: BaseException) -> set[int]:
    """The error's number, or those of the several errors that a host with several addresses has given."""
    if isinstance(error, OSError) and error.errno:
        return {error.errno}
    return {int(number) for number in _NUMBER.findall(str(error))} if isinstance(error, OSError) else set()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; aiohttp keeps some of its causes in attributes."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (getattr(each, name, None) for name in ("certificate_error", "os_error"))
        waiting += [*(i for i in inner if isinstance(i, BaseException)), each.__cause__, each.__context__]


def _place(chain: list[BaseException]) -> str:
    """The host and port that aiohttp's error names."""
    for each in chain:
        if isinstance(each, (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)):
            return f"{each.host}:{each.port}"
    return "the server"


def _verification(error: ssl.SSLCertVerificationError) -> str:
    detail = getattr(error, "verify_message", "") or error.reason or str(error)
    return f"{detail} [CERTIFICATE_VERIFY_FAILED]"
