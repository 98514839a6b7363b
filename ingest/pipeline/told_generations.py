"""Rows of Analytics and of the Logs CSV as discovered generations.

Rows without an ID are counted with their cost, and every value that no column holds exactly is kept in `extra`.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ingest.client.measures import count_of, money_of
from ingest.core.discovered import ANALYTICS, MEASURES, DiscoveredGeneration, Discovery, merged_extra
from ingest.core.generation_id import is_generation_id
from ingest.core.log_fields import as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingest.pipeline.discovery_windows import Window
    from ingest.sources.logs_csv import CsvRow

ID, LABEL, COUNT = "generation_id", "api_key_id", "request_count"
"""Fields of a row of Analytics; the second holds the key's name, although it is asked for by its hash."""

CSV_LABEL = "api_key_name"
CSV_MEASURES = {
    "cost_total": "credits_usage",
    "byok_usage_inference": "byok_usage",
    "cost_web_search": "usage_web",
    "cost_file_processing": "usage_file",
    "cost_cache": "usage_cache",
}
"""The columns of the CSV that hold money, and what they are in Analytics."""

_TOTAL = ("cost_total", "byok_usage_inference")
"""The columns of the CSV that make the total."""

LOG_FIELDS = frozenset(
    {*CSV_MEASURES, CSV_LABEL, "app_name", "user", "model_permaslug", "provider_name", "variant", "created_at"}
)
"""The columns of the CSV, costs and names, that are stored with an ID that is new."""

_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def of_window(
    window: Window,
    rows: Sequence[Mapping[str, Any]],
    *,
    truncated: bool = False,
    account: str | None = None,
    hashes: Mapping[str, str] = MappingProxyType({}),
) -> Discovery:
    """What a window of Analytics told. Rows with the same ID are added up, and equal rows count once.

    Args:
        window: The window.
        rows: The rows, as they came.
        truncated: Whether there are more.
        account: Name of the configured account.
        hashes: The hashes of the generations' keys that are certain.
    """
    told = [(row, _of_row(row)) for row in rows]
    nameless = [row for row, generation in told if generation is None]
    return Discovery(
        ANALYTICS,
        tuple(
            replace(generation, api_key_hash=hashes.get(generation.generation_id))
            for generation in _each_once(generation for _, generation in told if generation)
        ),
        len(rows),
        *window,
        rows_without_id=len(nameless),
        usage_without_id=sum((money_of(row.get("total_usage"))[0] or Decimal() for row in nameless), Decimal()),
        truncated=truncated,
        problem="more generations in this second than one answer tells" if truncated else None,
        account=account,
    )


def of_csv(
    source: str,
    columns: Sequence[str],
    rows: Sequence[CsvRow],
    account: str | None = None,
    problem: str | None = None,
) -> Discovery:
    """What some lines of a Logs CSV told; of several lines with one ID the last."""
    told = {row.generation_id: _of_line(row, columns) for row in rows if is_generation_id(row.generation_id)}
    nameless = [row.cells for row in rows if not is_generation_id(row.generation_id)]
    costs = (money_of(cells.get(name))[0] or Decimal() for cells in nameless for name in _TOTAL)
    return Discovery(
        source,
        tuple(told.values()),
        len(rows),
        rows_without_id=len(nameless),
        usage_without_id=sum(costs, Decimal()),
        problem=problem,
        account=account,
    )


def _of_row(row: Mapping[str, Any]) -> DiscoveredGeneration | None:
    """A row as a generation; None if it names no ID of a known form."""
    generation_id = row.get(ID)
    if not isinstance(generation_id, str) or not is_generation_id(generation_id):
        return None
    rest = {name: value for name, value in row.items() if name != ID and value is not None}
    label = rest.pop(LABEL, None)
    count = count_of(rest.get(COUNT))
    if count is not None:
        del rest[COUNT]
    money = _money(rest, {name: name for name in MEASURES})
    return DiscoveredGeneration(
        generation_id,
        api_key_label=label if isinstance(label, str) or label is None else str(label),
        request_count=count,
        **money,
        extra=_json(rest),
    )


def _of_line(row: CsvRow, columns: Sequence[str]) -> DiscoveredGeneration:
    """A line of a CSV as a generation; its total is told if the CSV has columns for both of its parts."""
    rest: dict[str, Any] = dict(row.cells)
    fields = {name: cell for name, cell in row.cells.items() if name in LOG_FIELDS}
    label = rest.pop(CSV_LABEL, None)
    money = _money(rest, CSV_MEASURES)
    charged, total = money.get("credits_usage"), None
    is_complete = "byok_usage_inference" not in rest and set(_TOTAL) <= set(columns)
    if charged is not None and is_complete:
        total = money_of(charged + money.get("byok_usage", Decimal()))[0]
    return DiscoveredGeneration(
        row.generation_id,
        row.line,
        api_key_label=label,
        total_usage=total,
        **money,
        extra=_json(rest),
        log_fields=as_json(fields) if fields else None,
    )


def _money(rest: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The amounts of a row under our names; they leave `rest` unless their text says more."""
    found: dict[str, Any] = {}
    for name, ours in names.items():
        amount, is_exact = money_of(rest.get(name))
        if amount is not None:
            found[ours] = amount
            if is_exact:
                del rest[name]
    return found


def _json(fields: Mapping[str, Any]) -> str | None:
    return _NUMBERS.encode(fields).decode() if fields else None


def _each_once(generations: Iterable[DiscoveredGeneration]) -> Iterator[DiscoveredGeneration]:
    rows_of: dict[str, list[DiscoveredGeneration]] = {}
    for generation in generations:
        rows = rows_of.setdefault(generation.generation_id, [])
        if generation not in rows:
            rows.append(generation)
    for rows in rows_of.values():
        yield rows[0] if len(rows) == 1 else _added_up(rows)


def _added_up(rows: Sequence[DiscoveredGeneration]) -> DiscoveredGeneration:
    """Several rows of one ID as one. If they name different keys, `extra` has the names, and none is the key's."""
    labels = sorted({row.api_key_label for row in rows if row.api_key_label is not None})
    extra = reduce(merged_extra, (row.extra for row in rows))
    if len(labels) > 1:
        extra = merged_extra(extra, _json({LABEL: labels}))
    sums = {name: _sum([getattr(row, name) for row in rows]) for name in (COUNT, *MEASURES)}
    return replace(rows[0], api_key_label=labels[0] if len(labels) == 1 else None, extra=extra, **sums)


def _sum(values: Sequence[Any]) -> Any:
    told = [value for value in values if value is not None]
    return sum(told[1:], told[0]) if told else None
