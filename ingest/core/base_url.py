"""The API's base URL: the default, and the check of any other."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from ingest.core.errors import ConfigurationError
from ingest.core.masking import mask_secrets

BASE_URL = "https://openrouter.ai/api/v1"

_URL = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::[0-9]+)?(?:/[0-9a-z._~/%+-]*)?", re.IGNORECASE)
_USER = re.compile(r"//[^/?#]*@")

_LONGEST_HOST = 253


def check_base_url(url: str) -> str:
    """Check a base URL and return it without a trailing slash.

    Raises:
        ConfigurationError: The URL is not http(s), or contains an API key, or it is plain http to another host than
            this one, which would send the API key unencrypted over the network.
    """
    parts = _split(url)
    shown = mask_secrets(_USER.sub("//", url))
    if mask_secrets(url) != url:
        raise ConfigurationError(
            f"the base URL {shown!a} is refused",
            cause="it contains an API key, which would be sent and shown as a part of the URL",
            fix=f"give the key by OPENROUTER_API_KEY or --api-key-file, and leave --base-url out for {BASE_URL}",
        )
    if not parts.hostname or not _URL.fullmatch(url) or not _is_host(parts.hostname):
        raise ConfigurationError(
            f"the base URL {shown!a} cannot be used",
            cause="it is not a URL of the form https://HOST/PATH",
            fix=f"leave --base-url out for {BASE_URL}, or name another https URL",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"the base URL {shown!a} is refused",
            cause="plain http to another host would send your API key unencrypted",
            fix="use https; plain http is accepted for this machine only (127.0.0.1)",
        )
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _is_host(host: str) -> bool:
    """Whether the domain name system has names like this: labels of 1 to 63 characters, 253 in all."""
    try:
        host.encode("idna")
        if "xn--" in host:
            from idna import decode  # noqa: PLC0415  # httpx decodes such names with it; few hosts have one

            decode(host)
    except UnicodeError:
        return False
    return len(host.rstrip(".")) <= _LONGEST_HOST


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
