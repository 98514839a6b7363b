"""The Analytics API: ``POST /analytics/query`` and ``GET /analytics/meta``.

Its rows are read leniently: counts may be strings, unknown fields stay, and what the answer does not say is inferred.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.client.errors import RequestTimeoutError
from ingest.client.management import RETRIED
from ingest.client.measures import count_of, utc_text
from ingest.client.result import Ok
from ingest.core.errors import UnexpectedInputError
from ingest.core.masking import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.client.management import Answer, ManagementClient

QUERY, META = "/analytics/query", "/analytics/meta"

LIMIT = 10_000
"""The most rows that an answer can have."""

TOO_MUCH = 408
"""The status of a query that took the server too long: it is to be narrowed."""

LONGEST_WARNING = 500
"""Maximum characters of a warning of the server that are logged."""

log = logging.getLogger("orusage")


@dataclass(frozen=True, slots=True)
class Query:
    """A question to Analytics.

    Attributes:
        metrics: What to add up.
        dimensions: What the rows stand for, two at most.
        since: Begin of the time range.
        until: End of the time range.
        granularity: ``minute``, ``hour``, ``day``, ``week`` or ``month``; None: no row per time span.
        equal: Values that fields must have. A key is given by its hash, although rows carry its name.
        limit: The most rows to tell.
    """

    metrics: Sequence[str]
    dimensions: Sequence[str]
    since: datetime
    until: datetime
    granularity: str | None = None
    equal: Sequence[tuple[str, str]] = ()
    limit: int = LIMIT

    def body(self) -> dict[str, Any]:
        """The JSON of the request."""
        filters = [{"field": field, "operator": "eq", "value": value} for field, value in self.equal]
        return {
            "metrics": list(self.metrics),
            "dimensions": list(self.dimensions),
            "time_range": {"start": utc_text(self.since), "end": utc_text(self.until)},
            **({"granularity": self.granularity} if self.granularity else {}),
            **({"filters": filters} if filters else {}),
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of Analytics.

    Attributes:
        rows: The rows, as they came. An entry that is no row is an empty one.
        truncated: Whether there are more rows than the answer has.
    """

    rows: list[dict[str, Any]]
    truncated: bool


async def ask(client: ManagementClient, query: Query) -> Told:
    """Ask Analytics. The server's warnings are logged.

    Raises:
        OrusageError: as `ManagementClient.get`; also if the answer holds no rows.
    """
    return _told(await client.post(QUERY, query.body()), query.limit)


async def ask_unless_too_much(client: ManagementClient, query: Query) -> Told | None:
    """The same; None if the query took the server too long, so that a narrower one may succeed."""
    result = await client.try_post(QUERY, query.body(), retried=[code for code in RETRIED if code != str(TOO_MUCH)])
    if isinstance(result, Ok):
        return _told(result.value, query.limit)
    is_too_much = result.error.status_code == TOO_MUCH
    if is_too_much or (isinstance(result.error, RequestTimeoutError) and result.error.connected):
        return None
    raise client.error_of(QUERY, result.error)


async def known_metrics(client: ManagementClient, wanted: Sequence[str], also: Sequence[str] = ()) -> list[str]:
    """Those of some metrics that Analytics has; all, if it does not list its metrics.

    Args:
        client: The client.
        wanted: Metrics that are missed if Analytics has them not: a warning names them.
        also: Further metrics.

    Raises:
        OrusageError: as `ManagementClient.get`, except that an answer of another form is only logged.
    """
    try:
        answer = await client.get(META)
    except UnexpectedInputError as error:
        log.warning("Analytics does not list its metrics (%s), so all are requested", error.cause)
        return [*wanted, *also]
    listed = answer.data.get("metrics") if isinstance(answer.data, dict) else None
    names = {each.get("name") for each in listed if isinstance(each, dict)} if isinstance(listed, list) else set()
    if names.isdisjoint(wanted):
        return [*wanted, *also]
    if missing := [name for name in wanted if name not in names]:
        log.warning("Analytics has no %s: what it would tell stays empty", ", ".join(missing))
    return [name for name in (*wanted, *also) if name in names]


def _told(answer: Answer, limit: int) -> Told:
    """The rows of an answer, which are ``data.data``, or ``data`` itself in an answer without metadata."""
    outer = answer.data if isinstance(answer.data, dict) else {"data": answer.data}
    rows = outer.get("data")
    if not isinstance(rows, list):
        raise UnexpectedInputError(
            "Analytics does not answer in the expected form",
            cause="the answer holds no list of rows",
            fix="check --base-url, and whether a newer version of orusage is there; nothing is lost",
        )
    _log_warnings(outer.get("warnings") or answer.beside.get("warnings"))
    metadata = outer.get("metadata") or answer.beside.get("metadata")
    return Told([row if isinstance(row, dict) else {} for row in rows], _is_truncated(metadata, len(rows), limit))


def _is_truncated(metadata: object, rows: int, limit: int) -> bool:
    """What the answer says; if it does not, whether it has as many rows as it may, or fewer than it counts."""
    said = metadata if isinstance(metadata, dict) else {}
    truncated = said.get("truncated")
    if isinstance(truncated, str):
        truncated = {"true": True, "false": False}.get(truncated.lower())
    if isinstance(truncated, bool):
        return truncated
    return rows >= limit or rows < (count_of(said.get("row_count")) or 0)


def _log_warnings(warnings: object) -> None:
    for warning in warnings if isinstance(warnings, list) else [warnings] if warnings else []:
        log.warning("Analytics warns: %s", ascii(mask_secrets(str(warning))[:LONGEST_WARNING])[1:-1])
