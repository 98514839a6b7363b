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
TODAY = rf"gen-{TAG}[0-9]{{10}}-[0-9A-Za-z]{{20}}(?![0-9A-Za-z])"
LEGACY = r"gen-(?=[0-9a-z]*[A-Z])(?=[0-9A-Z]*[a-z])(?:[0-9A-Za-z]{28}|[0-9A-Za-z]{24})(?![0-9A-Za-z-])"
LONGEST = len("gen-") + 17 + 11 + 20

_WHOLE = re.compile(rf"(?:{TODAY}|{LEGACY})\Z")
_SECOND = re.compile(rf"gen-{TAG}([0-9]{{10}})-")


def second_of(generation_id: str) -> datetime | None:
    """The request's second in UTC; None for a legacy ID, which carries none."""
    found = _SECOND.match(generation_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def is_plausible(second: datetime | None, now: datetime) -> bool:
    """Whether an ID may carry this second: from 2023 to a day ahead of `now`, for clocks that differ."""
    return second is None or OLDEST <= second <= now + timedelta(days=1)


def is_generation_id(text: str) -> bool:
    """Whether the whole text is one ID in a known form."""
    return _WHOLE.match(text) is not None
