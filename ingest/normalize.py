"""Settled answers into polars frames of the declared schema."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.schema import (
    GENERATIONS,
    MONEY_DIGITS,
    MONEY_PLACES,
    PROVIDER_ATTEMPTS,
    Column,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from ingest.models import Settled

DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.INTEGER: pl.Int64(),
    Kind.REAL: pl.Float64(),
    Kind.FLAG: pl.Boolean(),
    Kind.MONEY: pl.Decimal(MONEY_DIGITS, MONEY_PLACES),
    Kind.TIME: pl.Datetime("us"),
    Kind.DAY: pl.Date(),
}


@dataclass(frozen=True, slots=True)
class Frames:
    """What a batch of settled IDs adds to the warehouse.

    Attributes:
        generations: One row per settled ID, columns and types of `ingest.schema.GENERATIONS`.
        provider_attempts: One row per provider attempt, those of `ingest.schema.PROVIDER_ATTEMPTS`.
    """

    generations: pl.DataFrame
    provider_attempts: pl.DataFrame


def normalize(settled: Sequence[Settled], run_id: str) -> Frames:
    """Turn a batch of settled IDs into frames.

    Args:
        settled: The batch; each generation ID at most once.
        run_id: Stored with each row.

    Returns:
        The frames, also when the batch is empty. Money is exact, times are UTC without zone.
    """
    return Frames(
        _frame((_generation_row(s, run_id) for s in settled), GENERATIONS),
        _frame(chain.from_iterable(map(_attempt_rows, settled)), PROVIDER_ATTEMPTS),
    )


def schema_of(columns: Sequence[Column]) -> dict[str, pl.DataType]:
    """The polars schema of declared columns."""
    return {c.name: DTYPES[c.kind] for c in columns}


def _frame(rows: Iterable[tuple[Any, ...]], columns: Sequence[Column]) -> pl.DataFrame:
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    series = (pl.Series(c.name, values, DTYPES[c.kind]) for c, values in zip(columns, by_column, strict=True))
    return pl.DataFrame(list(series))


def _generation_row(settled: Settled, run_id: str) -> tuple[Any, ...]:
    item, generation = settled.item, settled.generation
    return (
        item.generation_id,
        _naive(item.requested_at),
        _requested_day(settled),
        *generation.values,
        len(generation.attempts),
        generation.extra,
        _naive(settled.fetched_at),
        run_id,
        item.source,
        item.position,
    )


def _attempt_rows(settled: Settled) -> Iterable[tuple[Any, ...]]:
    item = settled.item
    requested_at = _naive(item.requested_at)
    for number, attempt in enumerate(settled.generation.attempts, start=1):
        yield item.generation_id, requested_at, number, *attempt.values, attempt.extra


def _requested_day(settled: Settled) -> date | None:
    time: Any = settled.item.requested_at or settled.generation["created_at"]
    return time.date() if time else None


def _naive(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=None) if time else None
