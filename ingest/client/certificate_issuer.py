"""Finds out who issued a server's certificate that is not trusted: often a proxy that reads the network's traffic."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 5.0
"""Maximum time for the connection that reads the certificate."""

_SEQUENCE, _VERSION = 0x30, 0xA0
_ORGANISATION, _NAME = b"\x55\x04\x0a", b"\x55\x04\x03"
_LONG = 0x80


async def issuer_of(host: str, port: int) -> str | None:
    """The issuer's name in the certificate of a server; None if it cannot be read.

    Only the TLS handshake is made, without a check of the certificate. Nothing is sent.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError, ValueError, IndexError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            finally:
                writer.transport.abort()
        return issuer_in(certificate)
    return None


def issuer_in(certificate: bytes) -> str | None:
    """The issuer's organisation and common name in a certificate in DER form.

    Raises:
        IndexError, ValueError: The bytes are no certificate.
    """
    [(_, whole), *_] = _parts(certificate)
    [(_, signed), *_] = _parts(whole)
    fields = list(_parts(signed))
    issuer = fields[3 if fields[0][0] == _VERSION else 2][1]
    names = {}
    for _, entry in _parts(issuer):
        for kind, pair in _parts(entry):
            if kind == _SEQUENCE:
                (_, name), (_, value) = list(_parts(pair))[:2]
                names[name] = value.decode("utf-8", "replace")
    return ", ".join(names[name] for name in (_NAME, _ORGANISATION) if name in names) or None


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents of the values that stand one behind the other in DER."""
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & _LONG:
            count = length & ~_LONG
            length, at = int.from_bytes(content[at : at + count]), at + count
        yield tag, content[at : at + length]
        at += length
