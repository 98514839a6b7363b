"""Stores what OpenRouter's billing endpoints tell: Activity, totals of Analytics, credits and the list of models."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from ingest.core.api_records import MONEY_PLACES
from ingest.core.billing_records import ActivityRow, CreditsSnapshot, ListedModel, UsageTotal
from ingest.warehouse import sql_files
from ingest.warehouse.staging import with_incoming
from ingest.warehouse.times import naive_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from ingest.core.billing_records import ActivityDay, ModelList
    from ingest.warehouse.write_session import WriteSession

_TIME = pl.Datetime("us")
_AMOUNT, _COUNT, _TEXT = pl.Decimal(28, MONEY_PLACES), pl.Int64(), pl.String()
_TYPES = {
    "Decimal | None": _AMOUNT,
    "int | None": _COUNT,
    "str | None": _TEXT,
    "str": _TEXT,
    "bool | None": pl.Boolean(),
    "bool": pl.Boolean(),
    "datetime | None": _TIME,
    "date": pl.Date(),
}
"""Types of columns by the declared types of the records' attributes."""


class _Queries(NamedTuple):
    """The queries that replace the rows of some days in a table."""

    delete: str
    insert: str


_ACTIVITY = _Queries("billing/delete_activity", "billing/insert_activity")
_ACTIVITY_DAYS = _Queries("billing/delete_activity_days", "billing/insert_activity_days")
_ANALYTICS_DAYS = _Queries("billing/delete_analytics_days", "billing/insert_analytics_days")
_ANALYTICS_KEYS = _Queries("billing/delete_analytics_keys", "billing/insert_analytics_keys")


@dataclass(frozen=True, slots=True)
class BillingAnswers:
    """What was told in one run; None or nothing for what was not asked or not answered.

    Attributes:
        activity: The days that Activity answered for.
        totals: Analytics' totals by day.
        key_totals: Analytics' totals by day and API key.
        key_days: The days for which the totals by API key are known.
        credits: The credits.
        models: The list of models.
    """

    activity: tuple[ActivityDay, ...] = ()
    totals: tuple[UsageTotal, ...] = ()
    key_totals: tuple[UsageTotal, ...] = ()
    key_days: tuple[date, ...] = ()
    credits: CreditsSnapshot | None = None
    models: ModelList | None = None


class BillingStore:
    """Writes to the billing tables.

    Args:
        session: The write session whose work copy is changed.
        now: When OpenRouter was asked, UTC.
        account: The configured account whose key was used; None if none is configured.
    """

    def __init__(self, session: WriteSession, now: datetime, account: str | None = None) -> None:
        self._session = session
        self._now = naive_utc(now)
        self._account = account

    def add(self, answers: BillingAnswers) -> None:
        """Store all answers in one transaction. A day that was asked again replaces its rows."""
        with self._session.transaction():
            self._add_activity(answers.activity)
            totals, key_totals = frame_of(UsageTotal, answers.totals), frame_of(UsageTotal, answers.key_totals)
            days = totals.rename({"day": "usage_day"}).drop("api_key_label")
            self._replace(_ANALYTICS_DAYS, [total.day for total in answers.totals], days)
            self._replace(_ANALYTICS_KEYS, answers.key_days, key_totals.rename({"day": "usage_day"}))
            if answers.credits:
                snapshot = frame_of(CreditsSnapshot, [answers.credits])
                self._insert("billing/insert_credits", snapshot, account=self._account)
            if answers.models:
                self._add_models(answers.models)

    def _add_activity(self, activity: Sequence[ActivityDay]) -> None:
        days = [told.day for told in activity]
        rows = frame_of(ActivityRow, [row for told in activity for row in told.rows])
        of_day = pl.Series("activity_day", [told.day for told in activity for _ in told.rows], pl.Date())
        self._replace(_ACTIVITY, days, rows.with_columns(of_day))
        counts = {"activity_day": days, "row_count": [len(told.rows) for told in activity]}
        schema = {"activity_day": pl.Date(), "row_count": _COUNT}
        self._replace(_ACTIVITY_DAYS, days, pl.DataFrame(counts, schema))

    def _add_models(self, listed: ModelList) -> None:
        """Store what changed. A model that is missing in a list that did not come whole has not left it."""
        models = frame_of(ListedModel, listed.models)
        self._insert("billing/insert_models", models)
        if listed.is_whole and listed.models:
            self._session.execute("billing/insert_left_models", slugs=models["slug"].to_list(), now=self._now)

    def _replace(self, queries: _Queries, days: Sequence[date], rows: pl.DataFrame) -> None:
        if days:
            self._session.execute(queries.delete, account=self._account, days=list(days))
            self._insert(queries.insert, rows, account=self._account)

    def _insert(self, name: str, rows: pl.DataFrame, **parameters: object) -> None:
        with_incoming(self._session.connection, rows, sql_files.query(name), {"now": self._now} | parameters)


def frame_of(kind: type[Any], records: Sequence[Any]) -> pl.DataFrame:
    """A frame with a column for each attribute of the records."""
    return pl.DataFrame(
        [
            _series(field.name, _TYPES[str(field.type)], [getattr(record, field.name) for record in records])
            for field in fields(kind)
        ]
    )


def _series(name: str, dtype: pl.DataType, values: Sequence[Any]) -> pl.Series:
    if dtype == _AMOUNT:
        return pl.Series(name, [v if v is None else f"{v:f}" for v in values], _TEXT).cast(dtype)
    if dtype == _TIME:
        return pl.Series(name, [naive_utc(v) for v in values], dtype)
    return pl.Series(name, values, dtype)
