"""Settled answers as polars frames with the columns and types of the declared schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec.structs import astuple

from ingest.core.api_records import MONEY_DIGITS, MONEY_PLACES, GenerationResponseData, ProviderResponse
from ingest.core.record import EXTRA as EXTRA_FIELD
from ingest.warehouse.schema import GENERATION_CONTENTS, GENERATIONS, PROVIDER_ATTEMPTS, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.core.outcomes import Settled, WorkItem

DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.INTEGER: pl.Int64(),
    Kind.REAL: pl.Float64(),
    Kind.FLAG: pl.Boolean(),
    Kind.MONEY: pl.Decimal(MONEY_DIGITS, MONEY_PLACES),
    Kind.TIME: pl.Datetime("us"),
    Kind.DAY: pl.Date(),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUCCESS = range(200, 300)
_RECORD = tuple(GenerationResponseData.__struct_fields__)
_ATTEMPT = tuple(ProviderResponse.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Frames:
    """The rows that a batch of settled IDs adds to the warehouse.

    Attributes:
        generations: One row per settled ID, columns and types of `ingest.warehouse.schema.GENERATIONS`.
        provider_attempts: One row per provider attempt, those of `ingest.warehouse.schema.PROVIDER_ATTEMPTS`.
        generation_contents: One row per ID whose content was asked for, those of
            `ingest.warehouse.schema.GENERATION_CONTENTS`.
    """

    generations: pl.DataFrame
    provider_attempts: pl.DataFrame
    generation_contents: pl.DataFrame


def normalize(settled: Sequence[Settled], run_id: str) -> Frames:
    """The frames of a batch of settled IDs.

    Args:
        settled: The batch; each generation ID at most once.
        run_id: The run, stored with each row.

    Returns:
        The frames, with no rows for an empty batch. Money is exact, times are UTC without zone.
    """
    return Frames(_generations(settled, run_id), _provider_attempts(settled), _generation_contents(settled, run_id))


def schema_of(columns: Sequence[Column]) -> dict[str, pl.DataType]:
    """The polars schema of declared columns."""
    return {c.name: DTYPES[c.kind] for c in columns}


def _generations(settled: Sequence[Settled], run_id: str) -> pl.DataFrame:
    cells = _columns((astuple(s.generation) for s in settled), len(_RECORD))
    record: dict[str, Sequence[Any]] = dict(zip(_RECORD, cells, strict=True))
    frame = _frame(
        GENERATIONS,
        record
        | _of_items([s.item for s in settled])
        | {
            "attempts": [len(entries or ()) for entries in record["provider_responses"]],
            "extra": record[EXTRA_FIELD],
            "fetched_at": [s.fetched_at for s in settled],
            "run_id": [run_id] * len(settled),
            "source": [s.item.source for s in settled],
            "source_position": [s.item.position for s in settled],
            "source_line": [s.item.line for s in settled],
            "logged_at": [s.item.logged_at for s in settled],
            "log_fields": [s.item.log_fields for s in settled],
            "requested_day": [None] * len(settled),
            "all_attempts_failed": [_all_failed(entries or ()) for entries in record["provider_responses"]],
            **dict.fromkeys(("booked_under", "api_key_hash", "api_key_label"), [None] * len(settled)),
            "account": [s.account for s in settled],
        },
    )
    return frame.with_columns(requested_day=pl.coalesce("requested_at", "created_at").dt.date())


def _all_failed(attempts: Sequence[ProviderResponse]) -> bool:
    """Whether attempts told a status and none was 2xx. One without a status may have succeeded or not."""
    statuses = [attempt.status for attempt in attempts if attempt.status is not None]
    return bool(statuses) and not any(status in _SUCCESS for status in statuses)


def _provider_attempts(settled: Sequence[Settled]) -> pl.DataFrame:
    attempts = [(s.item, n, r) for s in settled for n, r in enumerate(s.generation.provider_responses or (), start=1)]
    cells = _columns((astuple(response) for _, _, response in attempts), len(_ATTEMPT))
    record: dict[str, Sequence[Any]] = dict(zip(_ATTEMPT, cells, strict=True))
    ours: dict[str, Sequence[Any]] = {"attempt": [number for _, number, _ in attempts], "extra": record[EXTRA_FIELD]}
    return _frame(PROVIDER_ATTEMPTS, record | _of_items([item for item, _, _ in attempts]) | ours)


def _generation_contents(settled: Sequence[Settled], run_id: str) -> pl.DataFrame:
    contents = [(s.item, s.content) for s in settled if s.content]
    names = ("reason", "input", "completion", "reasoning", "error", "extra", "fetched_at")
    record: dict[str, Sequence[Any]] = {name: [getattr(content, name) for _, content in contents] for name in names}
    ours: dict[str, Sequence[Any]] = {
        "http_status": [content.status for _, content in contents],
        "run_id": [run_id] * len(contents),
    }
    return _frame(GENERATION_CONTENTS, record | _of_items([item for item, _ in contents]) | ours)


def _of_items(items: Sequence[WorkItem]) -> dict[str, Sequence[Any]]:
    return {"generation_id": [i.generation_id for i in items], "requested_at": [i.requested_at for i in items]}


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * width


def _frame(columns: Sequence[Column], values: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    return pl.DataFrame([_series(column, values[column.name]) for column in columns])


def _series(column: Column, values: Sequence[Any]) -> pl.Series:
    """A column. Money is passed as text and times as durations since 1970: polars reads both six times faster."""
    dtype = DTYPES[column.kind]
    match column.kind:
        case Kind.MONEY:
            return pl.Series(column.name, [v if v is None else f"{v:f}" for v in values], pl.String()).cast(dtype)
        case Kind.TIME:
            since = [v if v is None else v - _EPOCH for v in values]
            return pl.Series(column.name, since, pl.Duration("us")).cast(pl.Int64()).cast(dtype)
        case _:
            return pl.Series(column.name, values, dtype)
