"""What a run says at its end: a few lines for people, or one JSON object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingest.render import money, plain
from ingest.tally import STORED

if TYPE_CHECKING:
    from ingest.pipeline import Result
    from ingest.tally import Tally

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


def _facts(result: Result, tally: Tally) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "exit_code": int(result.code),
        "stopped_by": result.error.what if result.error else None,
        "seconds": round(result.seconds, 3),
        "sources": tally.sources,
        "passed_over": tally.passed_over,
        "bytes_read": tally.bytes_read,
        "sightings": tally.sightings,
        "new_ids": tally.new_ids,
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
        "problems": [{"source": p.source, "problem": p.problem} for p in result.problems],
    }


def _for_people(result: Result, tally: Tally) -> str:
    lines = [
        f"sources   {tally.sources} read, {tally.bytes_read:,} bytes, {tally.sightings:,} IDs, {tally.new_ids:,} new",
        f"requests  {tally.requests:,} in {result.seconds:.1f} s{_request_times(tally)}{_trouble(tally)}",
        f"IDs       {tally.settled:,} settled, {tally.pending:,} pending, {tally.dead:,} dead",
        f"spend     ${money(tally.spend)} added",
    ]
    if tally.contents:
        lines.append(f"contents  {_contents(tally)}")
    left = tally.due - tally.settled - tally.pending - tally.dead
    lines += [f"left      {left:,} due IDs were not asked; the next run does"] if left else []
    lines += [f"skipped   {tally.passed_over:,} hidden, special or binary files"] if tally.passed_over else []
    lines += [f"problem   {plain(p.source)}: {plain(p.problem or '')}" for p in result.problems]
    if result.overdue:
        lines.append(f"overdue   {result.overdue:,} IDs are pending though they are past the grace; run it again")
    return "\n".join(lines) + "\n"


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
