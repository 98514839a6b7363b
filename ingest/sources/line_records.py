"""Finds what a log line tells of each ID in it: the JSON objects around it, and the fields of the text around those.

Whoever writes a prompt must not choose who pays. What a program wrote as structure therefore goes before what stands in
a text, and a text inside is read only where loggers put whole lines.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.sources.json_documents import DocumentReader, is_too_large
from ingest.sources.json_fields import ID, Hits, Node, find_ids
from ingest.sources.line_time import TextTimes
from ingest.sources.logfmt import Logfmt, parse_logfmt, query_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MAX_DEPTH = 4
"""Levels of lines inside lines that are read: Docker's json-file driver stores a JSON line as text."""

LINE_KEYS = frozenset({
    *("log", "message", "msg", "line", "event", "original", "body", "textpayload", "text_payload", "values"),
    *("raw", "_raw", "short_message", "full_message", "renderedmessage"),
})  # fmt: skip
"""Names, in lower case, under which log collectors and loggers store a whole line."""

DOCUMENT_KEYS = frozenset({
    *("payload", "record", "data", "json", "detail", "request", "request_body", "response", "response_body", "result"),
})  # fmt: skip
"""Names, in lower case, under which programs store a whole JSON document as text. Other text there is not read."""


@dataclass(frozen=True, slots=True)
class TextFields:
    """The fields of a text.

    Attributes:
        times: The times in the text; None if those are another record's already.
        fields: Its fields by name.
        is_inner: Whether it is a text inside the line, where the places of IDs are others.
        named: Its JSON that is the value of a key.
        documents: All JSON in it.
    """

    times: TextTimes | None
    fields: dict[str, Any]
    is_inner: bool
    named: dict[str, Any] = field(default_factory=dict)
    documents: list[Any] = field(default_factory=list)

    def find(self, name: str) -> Any:
        """A field; None if there is none."""
        return self.fields.get(name)


Record = Node | TextFields
"""What tells something of an ID. Both find fields by name."""


def find_records(text: str, ids: Collection[str], depth: int = MAX_DEPTH) -> dict[str, list[Record]]:
    """What tells of each ID, in the order in which fields are looked up.

    Args:
        text: A line, or several lines of one JSON document.
        ids: IDs in it.
        depth: Levels of texts inside that are read too.
    """
    if is_too_large(text):
        return {}
    begin = len(text) - len(text.lstrip())
    found = DocumentReader(text).at(begin)
    hits = find_ids(found[0], ids) if found else Hits()
    records = _of_hits(hits, [], depth)
    left = [i for i in ids if i not in records]
    if left:
        records |= _in_text(text, left, depth)
    return records


def _in_text(text: str, ids: Collection[str], depth: int) -> dict[str, list[Record]]:
    """The records of IDs in a text that is more than a JSON document."""
    parsed, hits = parse_logfmt(text), Hits()
    times = TextTimes(text.encode("utf-8", "replace"))
    around: list[Record] = [TextFields(times, parsed.fields, depth < MAX_DEPTH, parsed.named, parsed.documents)]
    for document in parsed.documents:
        more = find_ids(document, ids)
        hits.own = more.own | hits.own
        hits.in_text = more.in_text | hits.in_text
    records = _of_hits(hits, around, depth)
    left = {i for i in ids if i not in records}
    return records | (_in_quotes(parsed, left, around, depth) if left else {})


def _of_hits(hits: Hits, around: list[Record], depth: int) -> dict[str, list[Record]]:
    """The objects around each ID, then the text around those, then what the text that holds the ID tells."""
    opened: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    records: dict[str, list[Record]] = {}
    for generation_id, (node, key, text) in hits.in_text.items():
        records[generation_id] = [node, *around]
        name = node.key if key == "stringValue" else key  # OpenTelemetry's {"body": {"stringValue": …}}
        if generation_id not in hits.own and is_read(name, text):
            opened[key, text].append(generation_id)
    for (_, text), ids in opened.items():
        _extend(records, text, ids, depth)
    return records | {generation_id: [node, *around] for generation_id, node in hits.own.items()}


def _in_quotes(parsed: Logfmt, ids: set[str], around: list[Record], depth: int) -> dict[str, list[Record]]:
    """The records of IDs outside of JSON: the text's fields, then those of the quotes that alone hold the ID."""
    records = {generation_id: list(around) for generation_id in ids}
    ids = ids.difference(*(ID.findall(word) for word in parsed.words if "gen-" in word))
    for key, quoted in parsed.quoted:
        if "gen-" in quoted and is_read(key, quoted):
            _extend(records, quoted, ids.intersection(ID.findall(quoted)), depth)
    for query in parsed.requests:
        for generation_id in ids.intersection(ID.findall(query)):
            records[generation_id].append(TextFields(None, query_fields(query, generation_id), is_inner=True))
    return records


def _extend(records: dict[str, list[Record]], text: str, ids: Iterable[str], depth: int) -> None:
    inside = find_records(text, frozenset(ids), depth - 1) if depth else {}
    for generation_id, more in inside.items():
        records[generation_id] += more


def is_read(key: str, text: str) -> bool:
    """Whether a text under this name is a line or a document; any other text is somebody's words."""
    name = key.lower()
    return name in LINE_KEYS or (name in DOCUMENT_KEYS and text.strip()[:1] in {"{", "["} and text.strip()[-1] in "}]")
