"""Names of sources: which of them are URLs, and how they and errors are shown without secrets."""

from __future__ import annotations

import os
import re

STDIN = "-"
"""The name of standard input."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")
_SECRETS = re.compile(r"(?<=://)[^/?#]*@|[?#].*\Z", re.DOTALL)
_LINK = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*(?:::|://))")
_URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_ERROR_TEXTS: dict[type[Exception], str] = {
    FileNotFoundError: "no such file or directory",
    PermissionError: "permission denied",
    IsADirectoryError: "is a directory",
    TimeoutError: "timed out",
    ConnectionError: "connection failed",
}


def is_url(name: str) -> bool:
    """Whether a name is a URL: a scheme and ``://``, or several chained by ``::``."""
    return _URL.match(name) is not None and "://" in name


def is_http(url: str) -> bool:
    """Whether a web server serves the URL, not a store."""
    return url.startswith(("http://", "https://"))


def url_chain(url: str) -> list[str]:
    """The parts of a URL that are chained by ``::``, such as a cache in front of a store."""
    return _LINK.split(url)


def without_secrets(url: str) -> str:
    """The URL without user, password, query and fragment: the query of a signed URL grants access to the object."""
    return "::".join(_SECRETS.sub("", part) for part in url_chain(url))


def absolute(name: str) -> str:
    """The name of a file as an absolute path, from wherever it was named; links are not followed.

    ``..`` stays where it is if it leads elsewhere, as it does behind a link to a directory.
    """
    if name in ("", STDIN) or is_url(name) or os.path.isabs(name):  # noqa: PTH117  # a Path would alter the text
        return name
    path = os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118  # as above
    shorter = os.path.normpath(path)
    return path if os.pardir in name.split("/") and not _is_same_file(path, shorter) else shorter


def _is_same_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)  # noqa: PTH121  # as above
    except OSError:
        return False


def is_relative_form(earlier: str, name: str) -> bool:
    """Whether an earlier name of a file is a relative path to a file of the same last name."""
    if earlier == STDIN or is_url(earlier) or os.path.isabs(earlier):  # noqa: PTH117  # as above
        return False
    return os.path.basename(earlier) == os.path.basename(name) and earlier != name  # noqa: PTH119  # as above


def label_of(name: str) -> str:
    """A name as it may be stored and shown: a URL without secrets, bytes that are not UTF-8 escaped."""
    shown = without_secrets(name) if is_url(name) else name
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def error_text(error: Exception) -> str:
    """What went wrong, on one line and without any URL: the text of an error may repeat a URL with its secrets."""
    system_text = getattr(error, "strerror", None)
    known = next((text for kind, text in _ERROR_TEXTS.items() if isinstance(error, kind)), None)
    text = system_text if isinstance(system_text, str) else known or str(error)
    return _URL_IN_TEXT.sub("…", text.partition("\n")[0]) or type(error).__name__
