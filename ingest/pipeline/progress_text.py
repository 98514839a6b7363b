"""A run under way in words: for a bar, for a line of a log, and as fields for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.fetch.ratelimit.controller import LimitState
    from ingest.pipeline.progress import ProgressSnapshot

MINUTE = 60
"""Seconds, as an hour has minutes."""

SLOW = 10.0
"""IDs per second; a lower rate is shown with a decimal."""

REASONS = {
    "asked": "as the server asked",
    "throttled": "throttled",
    "overloaded": "the server is overloaded",
    "silent": "no answers",
}
"""Why a limiter pauses, in words."""


def sentence(snapshot: ProgressSnapshot) -> str:
    """A run as one line of a log."""
    if snapshot.limit is None:
        return f"reading sources, {snapshot.found:,} IDs so far"
    left = [] if snapshot.eta is None else [f"{_in_words(snapshot.eta)} left"]
    return ", ".join(
        [f"{snapshot.done:,} of {snapshot.due:,} IDs", *rate(snapshot), *traffic(snapshot, snapshot.limit), *left]
    )


def fields(snapshot: ProgressSnapshot) -> dict[str, Any]:
    """A run for programs: rates are per second, times in seconds; None is unknown, or there is none."""
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
    """Requests under way, what the server turned away, and the pause."""
    parts = [f"{limit.in_flight:,} in flight"]
    parts += [f"{snapshot.throttled:,} throttled"] if snapshot.throttled else []
    parts += [f"{snapshot.overloaded:,} overloaded"] if snapshot.overloaded else []
    if snapshot.resumes_at:
        why = f": {REASONS[limit.reason]}" if limit.reason else ""
        parts.append(f"paused {limit.pause:.0f} s until {snapshot.resumes_at:%H:%M:%S} UTC{why}")
    elif limit.phase == "searching":
        parts.append("searching for the rate")
    return parts


def rate(snapshot: ProgressSnapshot) -> list[str]:
    """How fast it goes, if that is known."""
    if snapshot.rate is None:
        return []
    return [f"{snapshot.rate:,.0f}/s" if snapshot.rate >= SLOW else f"{snapshot.rate:.1f}/s"]


def as_on_a_clock(seconds: float | None) -> str:
    """A time as 1:02:03 or 02:03."""
    if seconds is None:
        return "--:--"
    minutes, second = divmod(round(seconds), MINUTE)
    hour, minute = divmod(minutes, MINUTE)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"


def _in_words(seconds: float) -> str:
    """To the second below two minutes, else to the minute."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    hour, minute = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hour} h {minute} min" if hour else f"{minute} min"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
