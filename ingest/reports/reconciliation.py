"""A reconciliation as text: the verdict in two lines, a table of both sides, and remarks on what does not agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.reports.definitions import NORMAL, WIDE, ReportColumn, ReportDefinition
from ingest.reports.formats import cell, without_markup
from ingest.reports.names import shown
from ingest.reports.period import UTC_ZONE, Period
from ingest.reports.report import Report
from ingest.reports.summary_view import printed
from ingest.reports.terminal_table import count, total_dollars
from ingest.reports.title import days_of
from ingest.reports.verdict import HALF_A_CENT, UnsettledIds, Verdict, share_text, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ingest.reports.verdict import Sum, Unlogged
    from ingest.warehouse.reader import Reader

NAME = "reconciliation"

DIMENSIONS = {"day": "requested_day", "model": "model", "provider": "provider_name", "key": "api_key_label"}
"""The dimensions of --by, each with the column of its values."""

_COLUMNS = (
    ReportColumn("billed_usage", "billed", "money"),
    ReportColumn("credits_usage", "known", "money", WIDE),
    ReportColumn("missing_usage", "missing", "money"),
    ReportColumn("usage_coverage", "covered", "share", NORMAL),
    ReportColumn("billed_requests", "requests", "count", WIDE),
    ReportColumn("missing_requests", "missing requests", "count"),
    ReportColumn("unlogged_requests", "never logged", "count", only_by="api_key_label"),
    ReportColumn("billed_byok_usage", "BYOK billed", "money", WIDE),
    ReportColumn("missing_byok_usage", "BYOK missing", "money", WIDE),
    ReportColumn("difference", "difference", "text", WIDE),
)
DEFINITION = ReportDefinition("billing/rows_by_cell", _COLUMNS, DIMENSIONS, "model", title="Reconciliation")

_DAY = timedelta(days=1)
_MEANINGS = {
    "midnight": "midnight: requests around midnight count on the day of the ID's second here, and of created_at there",
    "fan_out": "fan_out: several generations here are one request there",
    "response_cache": "response_cache: copies from the response cache are generations here, and not counted there",
    "web_search": "web_search: the requests agree, and the price of searches may be booked elsewhere",
    "provider": "provider: the model agrees, but not which provider served it",
    "known_more": "known_more: more is ingested than was billed",
}
"""What differs by design, or seems odd, in words for people."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A reconciliation of some days.

    Attributes:
        verdict: Whether the bill is explained.
        report: Both sides, as a table.
        lines: The verdict, in two lines.
        notes: Remarks.
        compared_days: Days of which OpenRouter told totals.
    """

    verdict: Verdict
    report: Report
    lines: tuple[str, str]
    notes: tuple[str, ...]
    compared_days: int


def reconciliation_of(reader: Reader, first: date, last: date, by: str) -> Reconciliation:
    """Compare what OpenRouter told of some days with what was ingested.

    Args:
        reader: The warehouse.
        first: The first day, UTC.
        last: The last day, UTC.
        by: A key of `DIMENSIONS`.
    """
    span: dict[str, Any] = {"first": first, "last": last}
    models, days = reader.named("billing/models", **span), reader.named("billing/days", **span)
    unlogged = reader.named("billing/unlogged", **span)
    unsettled = UnsettledIds(*reader.named("billing/unsettled", **span).row(0))
    verdict = verdict_of(models, days, unlogged, unsettled)
    report = _report(reader, first, last, by, verdict)
    remarks = _notes(verdict, models, days, first, last), _meanings(report), _without_key(report)
    notes = (*chain.from_iterable(remarks), *_of_credits(reader, span))
    return Reconciliation(
        verdict, report, (covered_line(verdict, report.title), missing_line(verdict)), notes, _compared(days)
    )


def text_of(found: Reconciliation, form: str, width: int) -> str:
    """A reconciliation in one of the formats of `ingest.reports.formats.FORMATS`; tables have verdict and notes."""
    text = printed(_untitled(found.report), form, width)
    if form not in ("table", "markdown"):
        return text
    lines, notes = ([_shown_in(form, line) for line in said] for said in (found.lines, found.notes))
    return "\n".join([*lines, "", text.rstrip("\n"), *(["", *notes] if notes else [])]) + "\n"


def _shown_in(form: str, line: str) -> str:
    return without_markup(line) if form == "markdown" else line


def _untitled(report: Report) -> Report:
    return Report(
        NAME, report.period, report.rows, report.total, report.models, columns=report.columns, defined=report.defined
    )


def _report(reader: Reader, first: date, last: date, by: str, verdict: Verdict) -> Report:
    rows = _rows(reader, first, last, by).rename({"name": DIMENSIONS[by]})
    period = Period(_midnight(first), _midnight(last + _DAY), UTC_ZONE)
    title = days_of(period, {}).text
    total = _total(rows, verdict)
    return Report(NAME, period, rows, total, rows.clear(), columns=(DIMENSIONS[by],), title=title, defined=DEFINITION)


def _rows(reader: Reader, first: date, last: date, by: str) -> pl.DataFrame:
    if by == "day":
        return reader.named("billing/rows_by_day", first=first, last=last)
    if by == "key":
        return reader.named("billing/rows_by_key", first=first, last=last)
    return reader.named("billing/rows_by_cell", first=first, last=last, by=by)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _total(rows: pl.DataFrame, verdict: Verdict) -> pl.DataFrame:
    """The sums of the rows, with the coverage of the verdict."""
    if rows.height == 0:
        return rows.clear()
    numbers = [name for name, dtype in rows.schema.items() if dtype.is_numeric() and name != "usage_coverage"]
    covered = None if verdict.credits.coverage is None else float(verdict.credits.coverage)
    return rows.select(pl.col(numbers).sum()).with_columns(pl.lit(covered, pl.Float64()).alias("usage_coverage"))


def covered_line(verdict: Verdict, days: str) -> str:
    """The first line: how much of the bill is explained."""
    own_keys = verdict.byok
    has_own_keys = own_keys.billed or own_keys.missing >= HALF_A_CENT
    byok = f" (BYOK inference: {_share_of(own_keys)})" if has_own_keys else ""
    if verdict.credits.coverage is None:
        return f"Nothing was charged to credits{byok}, {days}."
    return f"{_share_of(verdict.credits)} explained{byok}, {days}."


def _share_of(amounts: Sum) -> str:
    if amounts.coverage is None:
        return total_dollars(amounts.billed)
    return f"{share_text(amounts.coverage)} of {total_dollars(amounts.billed)}"


def missing_line(verdict: Verdict) -> str:
    """The second line: how many generations no log named, and whose they are."""
    if not verdict.unlogged:
        waiting = verdict.unsettled.pending
        return (
            f"Every generation is known; {_generations(waiting)} not settled yet: run `orusage ingest`."
            if waiting
            else "Every generation that was billed is known."
        )
    discovered = sum(each.count for each in verdict.by_key)
    was = "was" if verdict.unlogged == 1 else "were"
    said = f"{_generations(verdict.unlogged)} {was} never logged"
    if discovered:
        said += _most(verdict.by_key, verdict.unlogged, "with key")
    elif verdict.by_model:
        said += _most(verdict.by_model, verdict.unlogged, "of model")
    if verdict.unlogged > discovered:
        return f"{said}; `orusage discover` names {'them' if not discovered else 'the rest'}."
    return f"{said}."


def _most(groups: tuple[Unlogged, ...], of: int, what: str) -> str:
    most = groups[0]
    some = "all of them " if most.count >= of else f"{count(most.count)} of them "
    return f", {'' if of == 1 else some}{what} {_name(most.label)}"


def _name(name: str | None) -> str:
    return cell(shown(name))


def _generations(number: int) -> str:
    return f"{count(number)} generation{'' if number == 1 else 's'}"


def _notes(verdict: Verdict, models: pl.DataFrame, days: pl.DataFrame, first: date, last: date) -> Iterator[str]:
    told = days.filter(pl.col("activity_usage").is_not_null())["requested_day"].to_list()
    known, number = _compared(days), (last - first).days + 1
    if known < number:
        yield f"{number - known:,} of {number:,} days are not compared: OpenRouter did not tell their totals"
    if len(told) < known:
        yield f"on {known - len(told):,} days only Analytics answered, so that models cannot be told apart"
    if verdict.credits.unlisted >= HALF_A_CENT:
        yield f"Analytics tells {total_dollars(verdict.credits.unlisted)} more than Activity{_left_out(models)}"
    if verdict.credits.excess >= HALF_A_CENT:
        yield f"{total_dollars(verdict.credits.excess)} is ingested beyond what was billed{_beyond(models)}"
    if verdict.unsettled.pending and verdict.unlogged:
        yield f"{count(verdict.unsettled.pending)} IDs are pending: `orusage ingest` asks for them"
    if verdict.unsettled.dead:
        yield f"{count(verdict.unsettled.dead)} logged IDs are dead, and may be of what is missing"


def _compared(days: pl.DataFrame) -> int:
    return days["billed_usage"].drop_nulls().len()


def _left_out(models: pl.DataFrame) -> str:
    """The models that were ingested and that Activity does not name."""
    names = models.filter((pl.col("billed_requests").fill_null(0) == 0) & (pl.col("credits_usage") > 0))["model"]
    return f", which does not name {', '.join(_name(name) for name in names)}" if len(names) else ""


def _beyond(models: pl.DataFrame) -> str:
    names = models.filter(pl.col("missing_usage") <= -HALF_A_CENT).sort("missing_usage")["model"].to_list()
    return f", most of it of {_name(names[0])}" if names else ""


def _meanings(report: Report) -> Iterator[str]:
    """What the words in the column `difference` mean, where they are there."""
    if "difference" in report.rows.columns:
        words = {word for text in report.rows["difference"].drop_nulls() for word in text.split(", ")}
        yield from (meaning for word, meaning in _MEANINGS.items() if word in words)


def _without_key(report: Report) -> Iterator[str]:
    """How many generations stand in the row of no key."""
    if DIMENSIONS["key"] in report.columns:
        unknown = report.rows.filter(pl.col(DIMENSIONS["key"]).is_null())["request_count"].sum()
        if unknown:
            yield f"the key of {_generations(int(unknown))} is not known: `orusage discover` tells it"


def _of_credits(reader: Reader, span: dict[str, Any]) -> Iterator[str]:
    for account, since, until, billed, known, missing in reader.named("billing/credits", **span).rows():
        if max(billed or 0, known) < HALF_A_CENT:
            continue
        name = f" of account {_name(account)}" if account else ""
        difference = "nothing is missing"
        if abs(missing or Decimal(0)) >= HALF_A_CENT:
            difference = f"{total_dollars(missing)} is missing" if missing > 0 else f"{total_dollars(-missing)} more"
        yield (
            f"the credits{name} fell by {total_dollars(billed)} from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}; "
            f"{total_dollars(known)} of that time is known: {difference}"
        )
