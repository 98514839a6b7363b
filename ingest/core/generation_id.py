"""Generation IDs: their forms, and the time they contain.

The current form is ``gen-[tag-]SSSSSSSSSS-<20 alphanumerics>``, where S is the Unix time of the request in seconds.
The legacy form, used until about September 2024, is ``gen-`` and 24 or 28 mixed-case alphanumerics, with no time.
(Source: IDs seen in public logs and issues.)
"""

import re
from datetime import UTC, datetime, timedelta

OLDEST = datetime(2023, 1, 1, tzinfo=UTC)
"""OpenRouter did not exist before this time, so text with an earlier second is not a generation ID."""

WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
"""This version was written after that, so a clock that shows an earlier time is behind."""

AHEAD = timedelta(days=1)
"""An ID whose second is further ahead of the clock lies in the future: the clock is behind, or it is a look-alike."""

FARTHEST = timedelta(days=3653)
"""How far a clock may be behind: ten years. Text with a later second is not a generation ID."""

TAG = r"(?:(?!gen-)[a-z][a-z0-9]{0,15}-)?"
_CURRENT = rf"{TAG}[0-9]{{10}}-[0-9A-Za-z]{{20}}(?![0-9A-Za-z])"
_LEGACY = r"(?=[0-9a-z]*[A-Z])(?=[0-9A-Z]*[a-z])(?:[0-9A-Za-z]{28}|[0-9A-Za-z]{24})(?![0-9A-Za-z-])"
FORMS = rf"(?:{_CURRENT}|{_LEGACY})"
"""Regular expression of the part after ``gen-``, in any form."""

READY_AGE = timedelta(minutes=3)
"""Minimum age of an ID to be fetched: OpenRouter records a generation up to 124 s after its request (measured)."""

LONGEST = len("gen-") + 17 + 11 + 20
"""Characters of the longest ID: prefix, tag, second and the 20 alphanumerics."""

_WHOLE = re.compile(rf"gen-{FORMS}\Z")
_SECOND = re.compile(rf"gen-{TAG}([0-9]{{10}})-")


def second_of(generation_id: str) -> datetime | None:
    """The time of the request in UTC, to the second; None for a legacy ID, which contains no time."""
    found = _SECOND.match(generation_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def latest(now: datetime) -> datetime:
    """The latest time that an ID may contain. Our clock may be years behind, and an ID must not be lost by that."""
    return max(now, WRITTEN) + FARTHEST


def is_ahead(generation_id: str, now: datetime) -> bool:
    """Whether an ID's second lies in the future, by more than clocks usually differ."""
    second = second_of(generation_id)
    return second is not None and second > now + AHEAD


def is_generation_id(text: str) -> bool:
    """Whether the whole text is one generation ID in a known form."""
    return _WHOLE.match(text) is not None


def ready_at(requested_at: datetime, began: datetime) -> datetime:
    """When an ID reaches `READY_AGE`. One with a time in the future counts as created when fetching began."""
    return min(requested_at, began) + READY_AGE
