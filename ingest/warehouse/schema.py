"""The declared schema of the facts: every stored column with its API name, type, unit and meaning.

Decoder, frames, data dictionary and tests read this table, so a type is never inferred from a batch. The API's fields
are those that `ingest.core.api_records` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import get_args

from ingest.core.api_records import MONEY_DIGITS, MONEY_PLACES, GenerationResponseData, ProviderResponse
from ingest.core.meaning import Meaning
from ingest.core.record import EXTRA as EXTRA_FIELD
from ingest.core.record import Record, fields_of


class Kind(Enum):
    """A column's type in SQL. `ingest.client.decode` decodes it, `ingest.warehouse.frames` has its polars type."""

    TEXT = "VARCHAR"
    INTEGER = "BIGINT"
    REAL = "DOUBLE"
    FLAG = "BOOLEAN"
    MONEY = f"DECIMAL({MONEY_DIGITS},{MONEY_PLACES})"
    TIME = "TIMESTAMP"
    DAY = "DATE"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its name in the warehouse.
        kind: Its type.
        unit: USD, ms, tokens, UTC, … or empty.
        meaning: What it says, with its caveats, as one or two sentences.
        api_name: The name in the API's answer; None for a column of our own.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    api_name: str | None = None

    @property
    def comment(self) -> str:
        """The COMMENT the warehouse carries: meaning, then unit."""
        return str(Meaning(self.meaning, self.unit))


_KINDS = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.REAL,
    bool: Kind.FLAG,
    Decimal: Kind.MONEY,
    datetime: Kind.TIME,
}


def _columns_of(record: type[Record]) -> tuple[Column, ...]:
    """The scalar fields of a record as columns, under the API's names."""
    scalars = ((f, get_args(f.type)[0]) for f in fields_of(record) if f.name != EXTRA_FIELD)
    return tuple(
        Column(f.name, _KINDS[kind], f.meaning.unit, f.meaning.text, api_name=f.name)
        for f, kind in scalars
        if kind in _KINDS
    )


GENERATION_FIELDS = _columns_of(GenerationResponseData)
"""The 44 scalar fields of an answer; its one list, ``provider_responses``, becomes `ATTEMPT_FIELDS`."""

ATTEMPT_FIELDS = _columns_of(ProviderResponse)
"""The fields of an entry of ``provider_responses``."""

TEXT, INTEGER, REAL, FLAG, MONEY, TIME = Kind.TEXT, Kind.INTEGER, Kind.REAL, Kind.FLAG, Kind.MONEY, Kind.TIME
GENERATION_ID = Column("generation_id", TEXT, "", "The ID as it was asked for; each stands in one row.")
REQUESTED_AT = Column(
    "requested_at", TIME, "UTC", "Second of the request, taken from the ID; NULL for IDs from before October 2024."
)
EXTRA = Column(
    "extra",
    TEXT,
    "",
    "JSON object of every field that no column holds exactly, as it came; NULL if there is none.",
)

GENERATIONS = (
    GENERATION_ID,
    REQUESTED_AT,
    Column("requested_day", Kind.DAY, "UTC", "Day of requested_at, or of created_at for IDs without a time."),
    *GENERATION_FIELDS,
    Column("attempts", INTEGER, "attempts", "Providers asked for it: its rows in provider_attempts."),
    EXTRA,
    Column("fetched_at", TIME, "UTC", "When the answer arrived."),
    Column("run_id", TEXT, "", "Run that stored it, see ops.runs."),
    Column(
        "source", TEXT, "", "Where the ID was first seen: a file, a URL, - for standard input, or openrouter:analytics."
    ),
    Column(
        "source_position",
        INTEGER,
        "bytes",
        "Offset of the ID in the source's text, that is decompressed and as UTF-8; NULL: it stands in the source's "
        "name, or was told by `orusage discover`.",
    ),
    Column("source_line", INTEGER, "lines", "Number of its line there, from 1; NULL if unknown."),
    Column(
        "logged_at",
        TIME,
        "UTC",
        "The log line's own time, where it is obvious: one with a zone, or one that must be UTC beside requested_at.",
    ),
    Column(
        "log_fields",
        TEXT,
        "",
        "JSON object of the line's fields named by --keep-field; NULL if it had none of them.",
    ),
    Column(
        "all_attempts_failed",
        FLAG,
        "",
        "Whether its attempts told a status and none was 2xx, so that it failed whatever finish_reason says.",
    ),
    Column(
        "booked_under",
        TEXT,
        "",
        "The other ID that brought the same record and under which it is booked, as of the last publish; NULL: it is "
        "booked here.",
    ),
    Column(
        "api_key_hash",
        TEXT,
        "",
        "Hash of the API key that was used, see ops.api_keys, as of the last publish; NULL where it is not certain, "
        "such as for one of several keys of one name.",
    ),
    Column(
        "api_key_label",
        TEXT,
        "",
        "Name of the API key that was used, as of the last publish; NULL where discovery did not tell it. Several keys "
        "may have one name.",
    ),
)
"""Columns of ``main.generations``: one row per settled ID."""

PROVIDER_ATTEMPTS = (
    GENERATION_ID,
    REQUESTED_AT,
    Column("attempt", INTEGER, "", "1 for the first provider asked, and so on."),
    *ATTEMPT_FIELDS,
    EXTRA,
)
"""Columns of ``main.provider_attempts``: one row per entry of ``provider_responses``."""

GENERATION_CONTENTS = (
    GENERATION_ID,
    REQUESTED_AT,
    Column(
        "http_status", INTEGER, "HTTP status", "Status the ask for content was answered with; NULL if no answer came."
    ),
    Column(
        "reason", TEXT, "", "Why there is no content: http_403, http_404, unreadable, timeout, …; NULL if there is."
    ),
    Column("input", TEXT, "", "JSON of what went in: an object with prompt or messages."),
    Column("completion", TEXT, "", "The completion; NULL if there is none."),
    Column("reasoning", TEXT, "", "The reasoning before it; NULL if there is none."),
    Column("error", TEXT, "", "JSON of the stored error of a generation that failed, its previous errors included."),
    EXTRA,
    Column("fetched_at", TIME, "UTC", "When the answer arrived."),
    Column("run_id", TEXT, "", "Run that stored it, see ops.runs."),
)
"""Columns of ``main.generation_contents``: one row per ID whose content was asked for."""

TABLES = {
    "generations": GENERATIONS,
    "provider_attempts": PROVIDER_ATTEMPTS,
    "generation_contents": GENERATION_CONTENTS,
}
