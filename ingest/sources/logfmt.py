"""Reads text by the grammar of logfmt: words, ``key=value`` and ``key="a quoted value"``, and JSON between them.

A value in quotes is one value, whatever it looks like: a prompt that holds ``customer=evil`` is not the line's field.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from ingest.sources.json_documents import DocumentReader

_TOKEN = re.compile(
    r"""(?<![\w.@$/-])(?P<key>[\w.@$/-]++)=(?:
          "(?P<quoted>(?:[^"\\]++|\\.?)*+)(?P<closed>")?
        | '(?P<single>(?:[^'\\]++|\\.?)*+)'(?=[\s,;)\]}]|\Z)
        | (?P<bare>[^\s"',;&{\[][^\s",;&]*+)?)
      | (?<![^\s,;:=(\[{])"(?P<text>(?:[^"\\]++|\\.?)*+)(?P<text_closed>")?
      | (?P<bracket>[{\[])""",
    re.VERBOSE | re.DOTALL,
)
_REQUEST_LINE = re.compile(r"[A-Z]+ [^\s?]*\?(\S*) HTTP/[\d.]+")
_PAIR = re.compile(r"(?:\A|[?&])([^=&]+)=([^&#]+)")
_CLOSING = {")": "(", "]": "[", "}": "{", ">": "<"}


@dataclass(slots=True)
class Logfmt:
    """What a text holds.

    Attributes:
        fields: Its fields; one that stands there twice with different values is left out, for none is certain.
        quoted: Its quoted values, each with its key.
        documents: The JSON in it, outside of quotes.
        named: The JSON that is the value of a key: ``key={…}``.
        requests: The queries of HTTP request lines, such as access logs have, in quotes.
        words: Its other text, and its values that are not in quotes.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    quoted: list[tuple[str, str]] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def parse_logfmt(text: str) -> Logfmt:
    """Read a text from left to right; what stands in quotes is not searched for JSON."""
    parsed, ambiguous = Logfmt(), set()
    documents, at, key = DocumentReader(text), 0, None
    while token := _TOKEN.search(text, at):
        parsed.words.append(text[at : token.start()])
        at = token.end()
        if token["bracket"]:
            if found := documents.at(token.start()):
                value, at = found
                parsed.documents.append(value)
                if key and text[token.start() - 1] == "=":
                    parsed.named[key] = value
        elif token["text"] is not None:
            parsed.requests += _REQUEST_LINE.findall(token["text"])
        elif (value := _value(token)) is not None:
            if parsed.fields.setdefault(token["key"], value) != value:
                ambiguous.add(token["key"])
            if token["bare"] is None:
                parsed.quoted.append((token["key"], value))
            else:
                parsed.words.append(token["bare"])
        key = token["key"]
    parsed.words.append(text[at:])
    for key in ambiguous:
        del parsed.fields[key]
    return parsed


def query_fields(query: str, generation_id: str) -> dict[str, str]:
    """The fields of a URL's query that has the ID as one of its values; none of any other query."""
    fields = {unquote_plus(name): unquote_plus(value) for name, value in _PAIR.findall(query)}
    return fields if generation_id in fields.values() else {}


def _value(token: re.Match[str]) -> str | None:
    """The value of ``key=value``; None for an empty one, and for a quote that never ends."""
    if token["quoted"] is not None:
        return _unquoted(token["quoted"]) if token["closed"] else None
    if token["single"] is not None:
        return token["single"].replace("\\'", "'")
    return _without_closing(token["bare"]) if token["bare"] else None


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _without_closing(text: str) -> str | None:
    """The value without a bracket that closes what began before it."""
    while text and text[-1] in _CLOSING and _CLOSING[text[-1]] not in text:
        text = text[:-1]
    return text or None
