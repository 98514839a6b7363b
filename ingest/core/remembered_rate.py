"""The rate limit measured at a host, remembered between runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RememberedRate:
    """The limit that a run measured at a host, for the next run to begin with.

    Attributes:
        rate: Requests per second.
        burst: Requests at once.
        learned_at: When it was measured, with zone UTC.
    """

    rate: float
    burst: float
    learned_at: datetime
