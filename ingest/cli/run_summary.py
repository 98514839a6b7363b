"""The summary of a run or a dry run: a few lines of text, or one JSON object."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.core.run_stats import STORED
from ingest.reports.formats import money, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.core.outcomes import PendingIds
    from ingest.core.run_stats import RunStats
    from ingest.core.sightings import SourceRead
    from ingest.pipeline.dry_run import DryRun
    from ingest.pipeline.run import RunResult

LEAST_SHARE, LEAST_SECONDS = 0.001, 0.05
"""Smaller values are not printed as a number: with one decimal they would be 0.0."""

FEW_MS = 10.0
"""Milliseconds; a shorter time is printed with a decimal."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def render_summary(result: RunResult, stats: RunStats, form: str) -> str:
    """The summary of a run, with a line break at its end.

    Args:
        result: How the run ended.
        stats: Its counts.
        form: ``table`` or ``json``.
    """
    return _json(_run_fields(result, stats)) if form == "json" else _lines(_run_lines(result, stats))


def render_dry_run(dry_run: DryRun, form: str) -> str:
    """The summary of a dry run, with a line break at its end; `form` is ``table`` or ``json``."""
    return _json(_dry_run_fields(dry_run)) if form == "json" else _lines(_dry_run_lines(dry_run))


def _json(fields: dict[str, Any]) -> str:
    return _ENCODER.encode(fields).decode() + "\n"


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def _dry_run_lines(dry_run: DryRun) -> list[str]:
    stats = dry_run.stats
    return [
        "dry run   nothing is stored, nothing is requested",
        f"sources   {_sources(stats)}, {stats.bytes_read:,} bytes to read, {stats.sightings:,} IDs",
        f"IDs       {stats.new_ids:,} new, {stats.sightings - stats.new_ids:,} known or repeated",
        f"requests  {dry_run.requests:,}, {_estimated_time(dry_run)}",
        *_ahead(stats),
        *_unread(stats, dry_run.problems),
    ]


def _dry_run_fields(dry_run: DryRun) -> dict[str, Any]:
    stats, seconds = dry_run.stats, dry_run.seconds
    return {
        "sources": stats.sources,
        "unreadable": stats.unreadable,
        "unchanged": stats.unchanged,
        "damaged": stats.damaged,
        "passed_over": stats.passed_over,
        "bytes_to_read": stats.bytes_read,
        "sightings": stats.sightings,
        "cut_ids": stats.cut_ids,
        "new_ids": stats.new_ids,
        "known_ids": stats.sightings - stats.new_ids,
        "future_ids": stats.ahead,
        "requests": dry_run.requests,
        "rate": dry_run.rate,
        "minutes": None if seconds is None else round(seconds / 60, 2),
        "problems": _problems(dry_run.problems),
    }


def _estimated_time(dry_run: DryRun) -> str:
    """The time that fetching takes; if the rate is unknown, the time at 10 and at 100 requests per second."""
    if dry_run.rate is None:
        slow, fast = (f"{dry_run.requests / rate / 60:,.1f} min at {rate}/s" for rate in (10, 100))
        return f"{slow}, {fast}: the API's rate is not known yet"
    return f"{(dry_run.seconds or 0) / 60:,.1f} min at {dry_run.rate:,.1f}/s"


def _problems(problems: Sequence[SourceRead]) -> list[dict[str, str | None]]:
    return [{"source": p.source, "problem": p.problem} for p in problems]


def _unread(stats: RunStats, problems: Sequence[SourceRead]) -> list[str]:
    """Lines on what was not read: skipped and damaged sources as counts, others by name."""
    lines = [f"skipped   {stats.passed_over:,} hidden, special or binary files"] if stats.passed_over else []
    if stats.cut_ids:
        lines.append(f"cut       IDs cut at a line end: {stats.cut_ids:,}")
    if stats.damaged:
        lines.append(f"damaged   {stats.damaged:,} unchanged sources end early, see ops.coverage")
    return lines + [f"problem   {plain(p.source)}: {plain(p.problem or '')}" for p in problems]


def _run_fields(result: RunResult, stats: RunStats) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "exit_code": int(result.code),
        "stopped_by": result.error.what if result.error else None,
        "seconds": round(result.seconds, 3),
        "sources": stats.sources,
        "unreadable": stats.unreadable,
        "unchanged": stats.unchanged,
        "damaged": stats.damaged,
        "passed_over": stats.passed_over,
        "bytes_read": stats.bytes_read,
        "sightings": stats.sightings,
        "cut_ids": stats.cut_ids,
        "new_ids": stats.new_ids,
        "kept_fields": stats.kept_fields,
        "missing_fields": stats.missing_fields,
        "unfilled_fields": stats.unfilled_fields,
        "reread": stats.reread,
        "due": stats.due,
        "future_ids": stats.ahead,
        "requests": stats.requests,
        "settled": stats.settled,
        "settled_by": dict(stats.settled_by.most_common()),
        "pending": stats.pending,
        "dead": stats.dead,
        "overdue": result.overdue,
        "left_pending": [_pending_fields(group) for group in result.pending],
        "throttled": stats.throttled,
        "overloaded": stats.overloaded,
        "waste": round(stats.waste, 6),
        "throttled_seconds": round(stats.held_back, 3),
        "request_ms_p50": _request_ms(stats, 0.5),
        "request_ms_p95": _request_ms(stats, 0.95),
        "statuses": {str(k): v for k, v in sorted(stats.statuses.items())},
        "failures": dict(sorted(stats.failures.items())),
        "spend_added": stats.spend,
        "contents": dict(sorted(stats.contents.items())),
        "problems": _problems(result.problems),
    }


def _run_lines(result: RunResult, stats: RunStats) -> list[str]:
    lines = [
        f"sources   {_sources(stats)}, {stats.bytes_read:,} bytes, {stats.sightings:,} IDs, {stats.new_ids:,} new",
        f"requests  {stats.requests:,} in {result.seconds:.1f} s{_request_times(stats)}{_failed_requests(stats)}",
        f"IDs       {stats.settled:,} settled, {stats.pending:,} pending, {stats.dead:,} dead",
        f"spend     ${money(stats.spend)} added",
    ]
    if len(stats.settled_by) > 1:
        by = ", ".join(f"{n:,} by {plain(account)}" for account, n in stats.settled_by.most_common())
        lines.append(f"accounts  {by}")
    lines += _pending(result.pending)
    if stats.contents:
        lines.append(f"contents  {_contents(stats)}")
    left = stats.due - stats.settled - stats.pending - stats.dead
    lines += [f"left      {left:,} due IDs were not fetched; the next run continues"] if left else []
    lines += [
        f"field     {plain(name)} is missing in {missing:,} of {stats.lines:,} lines with an ID"
        for name, missing in stats.missing_fields.items()
        if missing
    ]
    lines += [
        f"field     {count:,} known IDs have no field {plain(name)}: --reread fills it"
        for name, count in stats.unfilled_fields.items()
    ]
    lines += [f"reread    {stats.reread:,} known IDs have a new place, time or fields"] if stats.reread else []
    lines += _ahead(stats)
    lines += _unread(stats, result.problems)
    if result.overdue:
        lines.append(f"overdue   {result.overdue:,} IDs are still pending after the not-found grace; run it again")
    return lines


def _pending(groups: Sequence[PendingIds]) -> list[str]:
    """A line on what the ledger leaves to later runs: how many IDs, why, and when the next of them is requested."""
    if not groups:
        return []
    due, next_due_at = sum(group.due for group in groups), [g.next_due_at for g in groups if g.next_due_at]
    until = f"next request after {_minute(min(next_due_at))}" if next_due_at else "the next run requests them"
    if due and next_due_at:
        until = f"{due:,} due in the next run, the others after {_minute(min(next_due_at))}"
    reasons = ", ".join(f"{g.ids:,} {_reason(g)}" for g in groups)
    return [f"pending   {sum(g.ids for g in groups):,} in all: {reasons}; {until}"]


def _reason(group: PendingIds) -> str:
    return (group.reason or "not requested yet").replace("_", " ")


def _minute(moment: datetime) -> str:
    """The moment, rounded up to the minute, so that a request is due by then."""
    return f"{moment + timedelta(seconds=59, microseconds=999_999):%Y-%m-%d %H:%M} UTC"


def _pending_fields(group: PendingIds) -> dict[str, Any]:
    at = group.next_due_at.isoformat() if group.next_due_at else None
    return {"reason": group.reason, "ids": group.ids, "due": group.due, "next_due_at": at}


def _sources(stats: RunStats) -> str:
    unchanged = f", {stats.unchanged:,} unchanged" if stats.unchanged else ""
    unreadable = f", {stats.unreadable:,} unreadable" if stats.unreadable else ""
    return f"{stats.sources - stats.unchanged - stats.unreadable:,} read{unchanged}{unreadable}"


def _ahead(stats: RunStats) -> list[str]:
    ids, lie = ("ID", "lies") if stats.ahead == 1 else ("IDs", "lie")
    return [f"clock     {stats.ahead:,} {ids} {lie} in the future: check the clock"] if stats.ahead else []


def _contents(stats: RunStats) -> str:
    without = [f"{n:,} {reason}" for reason, n in stats.contents.most_common() if reason != STORED]
    missing = f"; none for {', '.join(without)}" if without else ""
    return f"{stats.contents[STORED]:,} stored{missing}"


def _request_ms(stats: RunStats, q: float) -> float | None:
    seconds = stats.request_times.quantile(q)
    return None if seconds is None else round(seconds * 1000, 1)


def _request_times(stats: RunStats) -> str:
    times = ((name, _request_ms(stats, q)) for name, q in (("p50", 0.5), ("p95", 0.95)))
    return "".join(f", {name} {_ms_text(ms)} ms" for name, ms in times if ms is not None)


def _ms_text(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= FEW_MS else f"{ms:.1f}"


def _failed_requests(stats: RunStats) -> str:
    """Throttled and overloaded requests with what they cost, and requests without an answer; empty if none."""
    rejected = ": ".join(
        filter(None, (_counts((stats.throttled, "throttled"), (stats.overloaded, "overloaded")), _cost(stats)))
    )
    parts = "; ".join(filter(None, (rejected, _counts((stats.failures.total(), "without an answer")))))
    return f" ({parts})" if parts else ""


def _counts(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{n:,} {what}" for n, what in counts if n)


def _cost(stats: RunStats) -> str:
    share, held_back = stats.waste, stats.held_back
    parts = [f"{100 * share:.1f} % wasted" if share >= LEAST_SHARE else "under 0.1 % wasted"] if share else []
    parts += [f"{held_back:,.1f} s held back"] if held_back >= LEAST_SECONDS else []
    return ", ".join(parts)
