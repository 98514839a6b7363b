"""A progress snapshot as text: parts for the bar, one line for the log, fields for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.controller import LimitState
    from ingest.pipeline.progress import ProgressSnapshot

MINUTE = 60
"""Seconds in a minute, and minutes in an hour."""

SLOW = 10.0
"""IDs per second; a lower rate is shown with a decimal."""

REASONS = {
    "asked": "as the server asked",
    "throttled": "throttled",
    "overloaded": "the server is overloaded",
    "silent": "no answers",
}
"""Text of each reason for which a limiter pauses."""


def sentence(snapshot: ProgressSnapshot) -> str:
    """The snapshot as one line of the log."""
    if snapshot.limit is None:
        return f"reading sources, {snapshot.found:,} IDs so far"
    left = [] if snapshot.eta is None else [f"{_duration_text(snapshot.eta)} left"]
    return ", ".join(
        [f"{snapshot.done:,} of {snapshot.due:,} IDs", *rate_text(snapshot), *traffic(snapshot, snapshot.limit), *left]
    )


def fields(snapshot: ProgressSnapshot) -> dict[str, Any]:
    """The snapshot for programs: rates per second, times in seconds, None where unknown or not applicable."""
    limit = snapshot.limit
    return {
        "done": snapshot.done,
        "due": snapshot.due,
        "rate": _rounded(snapshot.rate),
        "limit_rate": _rounded(limit.rate) if limit else None,
        "phase": limit.phase if limit else "reading",
        "in_flight": limit.in_flight if limit else 0,
        "throttled": snapshot.throttled,
        "overloaded": snapshot.overloaded,
        "pause_seconds": _rounded(limit.pause) if limit else 0.0,
        "pause_reason": limit.reason if limit else None,
        "eta_seconds": _rounded(snapshot.eta),
    }


def traffic(snapshot: ProgressSnapshot, limit: LimitState) -> list[str]:
    """Requests in flight, answers 429 and overload answers, and the pause if there is one."""
    parts = [f"{limit.in_flight:,} in flight"]
    parts += [f"{snapshot.throttled:,} throttled"] if snapshot.throttled else []
    parts += [f"{snapshot.overloaded:,} overloaded"] if snapshot.overloaded else []
    if snapshot.resumes_at:
        why = f": {REASONS[limit.reason]}" if limit.reason else ""
        parts.append(f"paused {limit.pause:.0f} s until {snapshot.resumes_at:%H:%M:%S} UTC{why}")
    elif limit.phase == "searching":
        parts.append("searching for the rate")
    return parts


def rate_text(snapshot: ProgressSnapshot) -> list[str]:
    """The rate; an empty list while it is unknown."""
    if snapshot.rate is None:
        return []
    return [f"{snapshot.rate:,.0f}/s" if snapshot.rate >= SLOW else f"{snapshot.rate:.1f}/s"]


def clock_text(seconds: float | None) -> str:
    """A duration as 1:02:03 or 02:03; --:-- if unknown."""
    if seconds is None:
        return "--:--"
    minutes, second = divmod(round(seconds), MINUTE)
    hour, minute = divmod(minutes, MINUTE)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"


def _duration_text(seconds: float) -> str:
    """A duration: to the second below two minutes, else to the minute."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    hour, minute = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hour} h {minute} min" if hour else f"{minute} min"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
