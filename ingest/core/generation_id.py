"""Generation IDs: their forms, and the second inside them.

Today's form is ``gen-[tag-]SSSSSSSSSS-<20 alphanumerics>``, where S is the unix second of the request in UTC.
Until about September 2024 it was ``gen-`` and 24 or 28 mixed-case alphanumerics, with no time inside.
(Source: IDs seen in public logs and issues.)
"""

import re
from datetime import UTC, datetime, timedelta

OLDEST = datetime(2023, 1, 1, tzinfo=UTC)
"""OpenRouter did not exist before: an earlier second is a look-alike's."""

TAG = r"(?:(?!gen-)[a-z][a-z0-9]{0,15}-)?"
_TODAY = rf"{TAG}[0-9]{{10}}-[0-9A-Za-z]{{20}}(?![0-9A-Za-z])"
_LEGACY = r"(?=[0-9a-z]*[A-Z])(?=[0-9A-Z]*[a-z])(?:[0-9A-Za-z]{28}|[0-9A-Za-z]{24})(?![0-9A-Za-z-])"
FORMS = rf"(?:{_TODAY}|{_LEGACY})"
"""What follows ``gen-``, in any form."""

READY_AGE = timedelta(minutes=3)
"""Age from which an ID is asked for: OpenRouter records a generation up to 124 s after its request (measured)."""

LONGEST = len("gen-") + 17 + 11 + 20

_WHOLE = re.compile(rf"gen-{FORMS}\Z")
_SECOND = re.compile(rf"gen-{TAG}([0-9]{{10}})-")


def second_of(generation_id: str) -> datetime | None:
    """The request's second in UTC; None for a legacy ID, which carries none."""
    found = _SECOND.match(generation_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def latest(now: datetime) -> datetime:
    """The latest second that an ID may carry: clocks differ."""
    return now + timedelta(days=1)


def is_generation_id(text: str) -> bool:
    """Whether the whole text is one ID in a known form."""
    return _WHOLE.match(text) is not None


def ready_at(requested_at: datetime, began: datetime) -> datetime:
    """When an ID is ripe. One from the future, for clocks differ, is taken for as old as the fetching."""
    return min(requested_at, began) + READY_AGE
