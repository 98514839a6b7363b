"""Sources in remote stores (``s3://``, ``gs://``, ``https://``, …), through fsspec, which the extra `remote` brings."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")
_SECRETS = re.compile(r"(?<=://)[^/?#]*@|[?#].*\Z", re.DOTALL)
_LINK = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*(?:::|://))")
_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_WORDS: dict[type[Exception], str] = {
    FileNotFoundError: "no such file or directory",
    PermissionError: "permission denied",
    IsADirectoryError: "is a directory",
    TimeoutError: "timed out",
    ConnectionError: "connection failed",
}


def is_url(name: str) -> bool:
    """Whether a name is a URL: a scheme and ``://``, or several chained by ``::``."""
    return _URL.match(name) is not None and "://" in name


def without_secrets(url: str) -> str:
    """The URL without user, password, query and fragment: a signed URL's query opens the object to everybody."""
    return "::".join(_SECRETS.sub("", part) for part in _LINK.split(url))


def said_by(error: Exception) -> str:
    """What went wrong, in a few words and without any URL, which an error's text may repeat with its secrets."""
    told = getattr(error, "strerror", None)
    known = next((words for kind, words in _WORDS.items() if isinstance(error, kind)), None)
    text = told if isinstance(told, str) else known or str(error)
    return _A_URL.sub("…", text.partition("\n")[0]) or type(error).__name__


def expand(url: str) -> tuple[list[str], bool]:
    """The objects a URL stands for, sorted: itself, those below it, or those that match its pattern.

    Returns:
        Their URLs, and whether the URL names one object.

    Raises:
        FileNotFoundError: there is none.
        ConfigurationError: fsspec, or its part for this store, is not installed.
    """
    store, path = _store(url)
    if _is_http(url):
        return [url], True
    if any(c in path for c in "*?["):
        paths, is_one = sorted(store.glob(path)), False
    elif store.isfile(path):
        return [url], True
    else:
        paths, is_one = sorted(store.find(path)), False
    if not paths:
        raise FileNotFoundError
    links = _LINK.split(url)
    place = next(n for n, link in enumerate(links) if "://" in link)  # what stands before is a cache
    return ["::".join([*links[:place], store.unstrip_protocol(p), *links[place + 1 :]]) for p in paths], is_one


@contextmanager
def opened(url: str) -> Iterator[tuple[Stream, int | None, str | None]]:
    """The object's bytes, its size if the store tells it, and a text that changes when the object does, likewise.

    Raises:
        OSError: it cannot be opened.
        ConfigurationError: fsspec, or its part for this store, is not installed.
    """
    with _as_os_errors():
        stream, size, version = _opened(url)
    try:
        yield Stream(stream), size, version
    finally:
        with _as_os_errors():
            stream.close()


def _opened(url: str) -> tuple[Any, int | None, str | None]:
    store, path = _store(url)
    info = store.info(path)
    in_parts = {} if info.get("partial", not _is_http(url)) else {"block_size": 0}  # not every server knows ranges
    stream = store.open(path, "rb", **in_parts)
    size = info.get("size") if stream.seekable() and not in_parts else None
    is_versioned = any(info.get(k) for k in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "created"))
    version = f"{without_secrets(url)} {store.ukey(path)}" if is_versioned and size is not None else None
    return stream, size, version


class Stream:
    """A store's stream whose errors are an OSError, whatever they were."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as one read does; 0 at the end."""
        with _as_os_errors():
            data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, position: int) -> int:
        """Go there."""
        with _as_os_errors():
            return int(self._stream.seek(position))


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:  # a store's library may raise anything
        raise OSError(errno.EIO, said_by(error)) from error


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _store(url: str) -> tuple[Any, str]:
    try:
        store, path = import_module("fsspec.core").url_to_fs(url)
    except ImportError as error:
        raise ConfigurationError(
            f"{without_secrets(url)!a} cannot be read",
            cause=f"a package is missing: {error}",
            fix='pip install "orusage[remote]", and for s3:// also s3fs, for gs:// gcsfs, for az:// adlfs',
        ) from None
    return store, path
