"""Masks API keys in every text that is printed, logged or stored.

A key is recognised by its form (``sk-…``), and the keys that this process uses also by their characters, however a
server or a library escapes them: percent-encoded, as JSON or Python escapes, in other case.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

MASK = "[masked]"

VARIABLE = "OPENROUTER_API_KEY"
"""The environment's variable for the key."""

MANAGEMENT_VARIABLE = "OPENROUTER_MANAGEMENT_KEY"
"""The environment's variable for the management key, which lists what the account did and cannot request an answer."""

SHORTEST = 16
"""A key with fewer characters may be part of any text; it is masked only if it has the form of a key."""

_SHORTEST_OF_KEY_FORM = 11
_HYPHEN = r"(?:-|%(?:25)*2d|\\+[ux](?:00)?2d)"
_EDGE = r"(?:(?<![a-z0-9])|(?<=%[0-9a-f]{2})|(?<=\\[abfnrtv])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4})|(?<=\#[0-7]{3}))"
_FORM = re.compile(
    rf"{_EDGE}sk{_HYPHEN}(?:[\w-]|{_HYPHEN}){{8,}}"  # at the left edge of a word, so that no disk-usage.log is a key
    rf"|sk{_HYPHEN}or{_HYPHEN}(?:[\w-]|{_HYPHEN}){{8,}}|Bearer\s+\S+",
    re.IGNORECASE,
)
_OPENROUTER_KEY = re.compile(r"sk-or-[\w-]{16,}", re.IGNORECASE)
_START_OF_KEY = re.compile(r"\W*(?:Bearer\s+)?sk-", re.IGNORECASE)

_ESCAPED = re.compile(rb"""\\[ux"/\\]|%[2-7]""")

_in_use: set[str] = set()


def keep_masked(secret: str) -> None:
    """Mask this key in every text from now on."""
    _in_use.add(secret)


def mask_secrets(text: str) -> str:
    """The text with ``[masked]`` for every key in use, and for everything else that has the form of a key."""
    for secret in _keys_in_use():
        text = _pattern(secret).sub(MASK, text)
    return _FORM.sub(MASK, text)


def is_like_a_key(text: str) -> bool:
    """Whether a text that should be an ID, a path or a URL is a key, or contains one.

    Only its beginning is looked at for other keys than OpenRouter's, because ``logs/sk-2026-11-20.log`` is a file.
    """
    return (
        _START_OF_KEY.match(text) is not None
        or _OPENROUTER_KEY.search(text) is not None
        or any(_pattern(secret).search(text) for secret in _keys_in_use())
    )


def mask_in(body: bytes, secret: str) -> bytes:
    """An answer's body with this key masked. A body without escapes is only searched for the key as it is."""
    if not _is_maskable(secret):
        return body
    if b"\\" not in body and b"%" not in body:
        return body.replace(secret.encode(), MASK.encode())
    if secret.encode() in body or _ESCAPED.search(body):
        return _bytes_pattern(secret).sub(MASK.encode(), body)
    return body


def _keys_in_use() -> set[str]:
    named = (os.environ.get(variable, "").strip() for variable in (VARIABLE, MANAGEMENT_VARIABLE))
    return {secret for secret in (*_in_use, *named) if _is_maskable(secret)}


def _is_maskable(secret: str) -> bool:
    return len(secret) >= SHORTEST or (secret.startswith("sk-") and len(secret) >= _SHORTEST_OF_KEY_FORM)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile("".join(map(_escapes, secret)), re.IGNORECASE)


@lru_cache(maxsize=8)
def _bytes_pattern(secret: str) -> re.Pattern[bytes]:
    return re.compile("".join(map(_escapes, secret)).encode())


def _escapes(character: str) -> str:
    r"""A pattern for a character and its escapes: ``-``, ``\-``, ``\u002d``, ``\x2d``, ``%2D``, ``%252D``."""
    itself = re.escape(character)
    code = "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(character):02x}")
    return rf"(?:\\\\*(?:u00{code}|x{code}|{itself})|%(?:25)*{code}|{itself})"
