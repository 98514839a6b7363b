"""What a report in another currency needs: rates of that currency, on each day with spend."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.core.errors import UnexpectedInputError, UsageError
from ingest.core.suggestions import did_you_mean
from ingest.reports.formats import money

if TYPE_CHECKING:
    import polars as pl

    from ingest.warehouse.reader import Reader


def require_currency(reader: Reader, currency: str) -> None:
    """Check that there are rates of a currency.

    Raises:
        UsageError: There are none.
    """
    known = reader.named("rates/currencies")["currency"].to_list()
    if not known:
        raise UsageError(
            f"there are no rates of {currency!a}",
            cause="the warehouse holds no rates",
            fix="store some with `orusage warehouse rates FILE`",
        )
    if currency not in known:
        raise UsageError(
            f"there are no rates of {currency!a}",
            cause=f"the warehouse holds rates of {', '.join(known)}",
            fix=did_you_mean(currency.upper(), known, "name one of them, or store others by `orusage warehouse rates`"),
        )


def require_rated(result: pl.DataFrame, currency: str) -> None:
    """Check that each day with spend has a rate: a sum without some days would be taken for the whole.

    Raises:
        UnexpectedInputError: Some have none.
    """
    unrated = max(map(abs, result["unrated_usage"]), default=Decimal(0))
    if unrated:
        raise UnexpectedInputError(
            f"there is spend on days without a rate of {currency}",
            cause=f"the rates begin later, or the day is unknown: at least ${money(unrated)} would be left out",
            fix="let the first rate begin earlier (`orusage warehouse rates FILE`), or name a later --since",
        )
