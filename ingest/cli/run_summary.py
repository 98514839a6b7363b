"""What a run says at its end: a few lines for people, or one JSON object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingest.core.run_stats import STORED
from ingest.reports.formats import money, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.core.run_stats import RunStats
    from ingest.core.sightings import SourceRead
    from ingest.pipeline.dry_run import DryRun
    from ingest.pipeline.run import RunResult

LEAST_SHARE, LEAST_SECONDS = 0.001, 0.05
"""What is less is not told as a figure: its one decimal would be 0.0."""

FEW_MS = 10.0
"""Milliseconds; a shorter time is told with a decimal."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def render_summary(result: RunResult, stats: RunStats, form: str) -> str:
    """The run as text.

    Args:
        result: How it ended.
        stats: What it counted.
        form: ``table`` or ``json``.
    """
    facts = _facts(result, stats)
    return _ENCODER.encode(facts).decode() + "\n" if form == "json" else _for_people(result, stats)


def render_dry_run(rehearsal: DryRun, form: str) -> str:
    """What a run would do, as text; `form` is ``table`` or ``json``."""
    if form == "json":
        return _ENCODER.encode(_facts_of_rehearsal(rehearsal)).decode() + "\n"
    stats = rehearsal.stats
    lines = [
        "dry run   nothing is stored, nobody is asked",
        f"sources   {_sources(stats)}, {stats.bytes_read:,} bytes to read, {stats.sightings:,} IDs",
        f"IDs       {stats.new_ids:,} new, {stats.sightings - stats.new_ids:,} known or repeated",
        f"requests  {rehearsal.requests:,}, {_duration(rehearsal)}",
        *_left_alone(stats, rehearsal.problems),
    ]
    return "\n".join(lines) + "\n"


def _facts_of_rehearsal(rehearsal: DryRun) -> dict[str, Any]:
    stats, seconds = rehearsal.stats, rehearsal.seconds
    return {
        "sources": stats.sources,
        "unreadable": stats.unreadable,
        "unchanged": stats.unchanged,
        "damaged": stats.damaged,
        "passed_over": stats.passed_over,
        "bytes_to_read": stats.bytes_read,
        "sightings": stats.sightings,
        "new_ids": stats.new_ids,
        "known_ids": stats.sightings - stats.new_ids,
        "requests": rehearsal.requests,
        "rate": rehearsal.rate,
        "minutes": None if seconds is None else round(seconds / 60, 2),
        "problems": _problems(rehearsal.problems),
    }


def _duration(rehearsal: DryRun) -> str:
    """How long asking takes; where the rate is not known, what it would take at two."""
    if rehearsal.rate is None:
        slow, fast = (f"{rehearsal.requests / rate / 60:,.1f} min at {rate}/s" for rate in (10, 100))
        return f"{slow}, {fast}: the API's rate is not known yet"
    return f"{(rehearsal.seconds or 0) / 60:,.1f} min at {rehearsal.rate:,.1f}/s"


def _problems(problems: Sequence[SourceRead]) -> list[dict[str, str | None]]:
    return [{"source": p.source, "problem": p.problem} for p in problems]


def _left_alone(stats: RunStats, problems: Sequence[SourceRead]) -> list[str]:
    """Whatever was not read, by kind or by name."""
    lines = [f"skipped   {stats.passed_over:,} hidden, special or binary files"] if stats.passed_over else []
    if stats.damaged:
        lines.append(f"damaged   {stats.damaged:,} unchanged sources end early, see ops.coverage")
    return lines + [f"problem   {plain(p.source)}: {plain(p.problem or '')}" for p in problems]


def _facts(result: RunResult, stats: RunStats) -> dict[str, Any]:
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
        "new_ids": stats.new_ids,
        "kept_fields": stats.kept_fields,
        "due": stats.due,
        "requests": stats.requests,
        "settled": stats.settled,
        "pending": stats.pending,
        "dead": stats.dead,
        "overdue": result.overdue,
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


def _for_people(result: RunResult, stats: RunStats) -> str:
    lines = [
        f"sources   {_sources(stats)}, {stats.bytes_read:,} bytes, {stats.sightings:,} IDs, {stats.new_ids:,} new",
        f"requests  {stats.requests:,} in {result.seconds:.1f} s{_request_times(stats)}{_trouble(stats)}",
        f"IDs       {stats.settled:,} settled, {stats.pending:,} pending, {stats.dead:,} dead",
        f"spend     ${money(stats.spend)} added",
    ]
    if stats.contents:
        lines.append(f"contents  {_contents(stats)}")
    left = stats.due - stats.settled - stats.pending - stats.dead
    lines += [f"left      {left:,} due IDs were not asked; the next run does"] if left else []
    lines += [f"field     {plain(n)} was in no line with an ID" for n in _missed_fields(stats)]
    lines += _left_alone(stats, result.problems)
    if result.overdue:
        lines.append(f"overdue   {result.overdue:,} IDs are pending though they are past the grace; run it again")
    return "\n".join(lines) + "\n"


def _sources(stats: RunStats) -> str:
    unchanged = f", {stats.unchanged:,} unchanged" if stats.unchanged else ""
    unreadable = f", {stats.unreadable:,} unreadable" if stats.unreadable else ""
    return f"{stats.sources - stats.unchanged - stats.unreadable:,} read{unchanged}{unreadable}"


def _missed_fields(stats: RunStats) -> list[str]:
    """The fields that were to be kept and stood nowhere: misspelt, perhaps."""
    return [name for name, count in stats.kept_fields.items() if stats.sightings and not count]


def _contents(stats: RunStats) -> str:
    without = [f"{n:,} {reason}" for reason, n in stats.contents.most_common() if reason != STORED]
    told = f"; none for {', '.join(without)}" if without else ""
    return f"{stats.contents[STORED]:,} stored{told}"


def _request_ms(stats: RunStats, q: float) -> float | None:
    seconds = stats.request_times.quantile(q)
    return None if seconds is None else round(seconds * 1000, 1)


def _request_times(stats: RunStats) -> str:
    times = ((name, _request_ms(stats, q)) for name, q in (("p50", 0.5), ("p95", 0.95)))
    return "".join(f", {name} {_short(ms)} ms" for name, ms in times if ms is not None)


def _short(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= FEW_MS else f"{ms:.1f}"


def _trouble(stats: RunStats) -> str:
    """What the server turned away and what that cost; what it never answered."""
    turned_away = _told((stats.throttled, "throttled"), (stats.overloaded, "overloaded"))
    away = ": ".join(filter(None, (turned_away, _cost(stats))))
    told = "; ".join(filter(None, (away, _told((stats.failures.total(), "without an answer")))))
    return f" ({told})" if told else ""


def _told(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{n:,} {what}" for n, what in counts if n)


def _cost(stats: RunStats) -> str:
    share, held_back = stats.waste, stats.held_back
    parts = [f"{100 * share:.1f} % wasted" if share >= LEAST_SHARE else "under 0.1 % wasted"] if share else []
    parts += [f"{held_back:,.1f} s held back"] if held_back >= LEAST_SECONDS else []
    return ", ".join(parts)
