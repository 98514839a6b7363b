"""What a run says at its end: a few lines for people, or one JSON object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingest.core.run_stats import STORED
from ingest.reports.formats import money, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.core.run_stats import Tally
    from ingest.core.sightings import SourceRead
    from ingest.pipeline.dry_run import Rehearsal
    from ingest.pipeline.run import Result

LEAST_SHARE, LEAST_SECONDS = 0.001, 0.05
"""What is less is not told as a figure: its one decimal would be 0.0."""

FEW_MS = 10.0
"""Milliseconds; a shorter time is told with a decimal."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def report(result: Result, tally: Tally, form: str) -> str:
    """The run as text.

    Args:
        result: How it ended.
        tally: What it counted.
        form: ``table`` or ``json``.
    """
    facts = _facts(result, tally)
    return _ENCODER.encode(facts).decode() + "\n" if form == "json" else _for_people(result, tally)


def report_rehearsal(rehearsal: Rehearsal, form: str) -> str:
    """What a run would do, as text; `form` is ``table`` or ``json``."""
    if form == "json":
        return _ENCODER.encode(_facts_of_rehearsal(rehearsal)).decode() + "\n"
    tally = rehearsal.tally
    lines = [
        "dry run   nothing is stored, nobody is asked",
        f"sources   {_sources(tally)}, {tally.bytes_read:,} bytes to read, {tally.sightings:,} IDs",
        f"IDs       {tally.new_ids:,} new, {tally.sightings - tally.new_ids:,} known or repeated",
        f"requests  {rehearsal.requests:,}, {_duration(rehearsal)}",
        *_left_alone(tally, rehearsal.problems),
    ]
    return "\n".join(lines) + "\n"


def _facts_of_rehearsal(rehearsal: Rehearsal) -> dict[str, Any]:
    tally, seconds = rehearsal.tally, rehearsal.seconds
    return {
        "sources": tally.sources,
        "unreadable": tally.unreadable,
        "unchanged": tally.unchanged,
        "damaged": tally.damaged,
        "passed_over": tally.passed_over,
        "bytes_to_read": tally.bytes_read,
        "sightings": tally.sightings,
        "new_ids": tally.new_ids,
        "known_ids": tally.sightings - tally.new_ids,
        "requests": rehearsal.requests,
        "rate": rehearsal.rate,
        "minutes": None if seconds is None else round(seconds / 60, 2),
        "problems": _problems(rehearsal.problems),
    }


def _duration(rehearsal: Rehearsal) -> str:
    """How long asking takes; where the rate is not known, what it would take at two."""
    if rehearsal.rate is None:
        slow, fast = (f"{rehearsal.requests / rate / 60:,.1f} min at {rate}/s" for rate in (10, 100))
        return f"{slow}, {fast}: the API's rate is not known yet"
    return f"{(rehearsal.seconds or 0) / 60:,.1f} min at {rehearsal.rate:,.1f}/s"


def _problems(problems: Sequence[SourceRead]) -> list[dict[str, str | None]]:
    return [{"source": p.source, "problem": p.problem} for p in problems]


def _left_alone(tally: Tally, problems: Sequence[SourceRead]) -> list[str]:
    """Whatever was not read, by kind or by name."""
    lines = [f"skipped   {tally.passed_over:,} hidden, special or binary files"] if tally.passed_over else []
    if tally.damaged:
        lines.append(f"damaged   {tally.damaged:,} unchanged sources end early, see ops.coverage")
    return lines + [f"problem   {plain(p.source)}: {plain(p.problem or '')}" for p in problems]


def _facts(result: Result, tally: Tally) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "exit_code": int(result.code),
        "stopped_by": result.error.what if result.error else None,
        "seconds": round(result.seconds, 3),
        "sources": tally.sources,
        "unreadable": tally.unreadable,
        "unchanged": tally.unchanged,
        "damaged": tally.damaged,
        "passed_over": tally.passed_over,
        "bytes_read": tally.bytes_read,
        "sightings": tally.sightings,
        "new_ids": tally.new_ids,
        "kept_fields": tally.kept_fields,
        "due": tally.due,
        "requests": tally.requests,
        "settled": tally.settled,
        "pending": tally.pending,
        "dead": tally.dead,
        "overdue": result.overdue,
        "throttled": tally.throttled,
        "overloaded": tally.overloaded,
        "waste": round(tally.waste, 6),
        "throttled_seconds": round(tally.held_back, 3),
        "request_ms_p50": _request_ms(tally, 0.5),
        "request_ms_p95": _request_ms(tally, 0.95),
        "statuses": {str(k): v for k, v in sorted(tally.statuses.items())},
        "failures": dict(sorted(tally.failures.items())),
        "spend_added": tally.spend,
        "contents": dict(sorted(tally.contents.items())),
        "problems": _problems(result.problems),
    }


def _for_people(result: Result, tally: Tally) -> str:
    lines = [
        f"sources   {_sources(tally)}, {tally.bytes_read:,} bytes, {tally.sightings:,} IDs, {tally.new_ids:,} new",
        f"requests  {tally.requests:,} in {result.seconds:.1f} s{_request_times(tally)}{_trouble(tally)}",
        f"IDs       {tally.settled:,} settled, {tally.pending:,} pending, {tally.dead:,} dead",
        f"spend     ${money(tally.spend)} added",
    ]
    if tally.contents:
        lines.append(f"contents  {_contents(tally)}")
    left = tally.due - tally.settled - tally.pending - tally.dead
    lines += [f"left      {left:,} due IDs were not asked; the next run does"] if left else []
    lines += [f"field     {plain(n)} was in no line with an ID" for n in _missed_fields(tally)]
    lines += _left_alone(tally, result.problems)
    if result.overdue:
        lines.append(f"overdue   {result.overdue:,} IDs are pending though they are past the grace; run it again")
    return "\n".join(lines) + "\n"


def _sources(tally: Tally) -> str:
    unchanged = f", {tally.unchanged:,} unchanged" if tally.unchanged else ""
    unreadable = f", {tally.unreadable:,} unreadable" if tally.unreadable else ""
    return f"{tally.sources - tally.unchanged - tally.unreadable:,} read{unchanged}{unreadable}"


def _missed_fields(tally: Tally) -> list[str]:
    """The fields that were to be kept and stood nowhere: misspelt, perhaps."""
    return [name for name, count in tally.kept_fields.items() if tally.sightings and not count]


def _contents(tally: Tally) -> str:
    without = [f"{n:,} {reason}" for reason, n in tally.contents.most_common() if reason != STORED]
    told = f"; none for {', '.join(without)}" if without else ""
    return f"{tally.contents[STORED]:,} stored{told}"


def _request_ms(tally: Tally, q: float) -> float | None:
    seconds = tally.request_times.quantile(q)
    return None if seconds is None else round(seconds * 1000, 1)


def _request_times(tally: Tally) -> str:
    times = ((name, _request_ms(tally, q)) for name, q in (("p50", 0.5), ("p95", 0.95)))
    return "".join(f", {name} {_short(ms)} ms" for name, ms in times if ms is not None)


def _short(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= FEW_MS else f"{ms:.1f}"


def _trouble(tally: Tally) -> str:
    """What the server turned away and what that cost; what it never answered."""
    turned_away = _told((tally.throttled, "throttled"), (tally.overloaded, "overloaded"))
    away = ": ".join(filter(None, (turned_away, _cost(tally))))
    told = "; ".join(filter(None, (away, _told((tally.failures.total(), "without an answer")))))
    return f" ({told})" if told else ""


def _told(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{n:,} {what}" for n, what in counts if n)


def _cost(tally: Tally) -> str:
    share, held_back = tally.waste, tally.held_back
    parts = [f"{100 * share:.1f} % wasted" if share >= LEAST_SHARE else "under 0.1 % wasted"] if share else []
    parts += [f"{held_back:,.1f} s held back"] if held_back >= LEAST_SECONDS else []
    return ", ".join(parts)
