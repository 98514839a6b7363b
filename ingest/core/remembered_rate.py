"""The rate limit measured at a host, stored between runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RememberedRate:
    """The limit that a run measured at a host. The next run starts with it.

    Attributes:
        rate: Requests per second.
        burst: Requests that the server accepts at once.
        learned_at: When it was measured, in UTC.
    """

    rate: float
    burst: float
    learned_at: datetime
