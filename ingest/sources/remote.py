"""Sources in remote stores (``s3://``, ``gs://``, ``https://``, …), through fsspec, which the extra `remote` brings."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.core.errors import ConfigurationError
from ingest.sources.source_names import error_text, is_http, url_chain, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator


def list_objects(url: str) -> tuple[list[str], bool]:
    """The objects that a URL stands for, sorted: itself, those below it, or those that match its pattern.

    Returns:
        Their URLs, and whether the URL names one object.

    Raises:
        FileNotFoundError: There is no such object.
        ConfigurationError: fsspec, or its package for this store, is not installed.
        Exception: Whatever else the store's library raises.
    """
    store, path = _store(url)
    if is_http(url):
        return [url], True
    if any(c in path for c in "*?["):
        paths, is_one = sorted(store.glob(path)), False
    elif store.isfile(path):
        return [url], True
    else:
        paths, is_one = sorted(store.find(path)), False
    if not paths:
        raise FileNotFoundError
    chain = url_chain(url)
    place = next(n for n, link in enumerate(chain) if "://" in link)  # links before it are caches, without a path
    return ["::".join([*chain[:place], store.unstrip_protocol(p), *chain[place + 1 :]]) for p in paths], is_one


@contextmanager
def open_object(url: str) -> Iterator[tuple[RemoteStream, int | None, str | None]]:
    """Open an object for reading.

    Yields:
        Its bytes; its size, None if the store does not report it; and a text that changes whenever the object does,
        None if the store reports nothing that does.

    Raises:
        OSError: It cannot be opened.
        ConfigurationError: fsspec, or its package for this store, is not installed.
    """
    with _as_os_errors():
        stream, size, version = _open(url)
    try:
        yield RemoteStream(stream), size, version
    finally:
        with _as_os_errors():
            stream.close()


def _open(url: str) -> tuple[Any, int | None, str | None]:
    store, path = _store(url)
    info = store.info(path)
    whole = {} if info.get("partial", not is_http(url)) else {"block_size": 0}  # not every web server supports ranges
    stream = store.open(path, "rb", **whole)
    size = info.get("size") if stream.seekable() and not whole else None
    is_versioned = any(info.get(k) for k in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "created"))
    version = f"{without_secrets(url)} {store.ukey(path)}" if is_versioned and size is not None else None
    return stream, size, version


class RemoteStream:
    """An object's bytes. Any error of the store's library becomes an OSError."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readinto(self, view: memoryview) -> int:
        """Read up to the view's size; returns the bytes read, 0 at the end."""
        with _as_os_errors():
            data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, position: int) -> int:
        """Move to a byte."""
        with _as_os_errors():
            return int(self._stream.seek(position))


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:  # the library of a remote store may raise anything
        raise OSError(errno.EIO, error_text(error)) from error


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
