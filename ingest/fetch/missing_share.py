"""Says when many of a run's IDs are not found: their account may be another one than the key's."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.core.outcomes import Outcome, Settled
from ingest.fetch.answer_policy import NOT_FOUND, NOT_FOUND_RETRY_AGE

if TYPE_CHECKING:
    from datetime import datetime

LEAST_MISSING = 5
LEAST_SHARE = 0.1
"""So many IDs, and such a share of those that were found or not, are worth a message."""

ALARMING_SHARE = 0.5
"""From this share on the message is a warning, which ``--quiet`` does not suppress."""

log = logging.getLogger("orusage")


@dataclass(slots=True)
class MissingShare:
    """Counts the IDs of a run that were found, and those that were not although they must be recorded by now."""

    found: int = 0
    missing: int = 0

    def count(self, outcome: Outcome, now: datetime) -> None:
        """Count an outcome. A recent ID that is not found counts as neither. `now` is the wall clock, UTC."""
        if isinstance(outcome, Settled):
            self.found += 1
        elif outcome.reason == NOT_FOUND or (outcome.reason == "not_found_yet" and _is_old(outcome, now)):
            self.missing += 1

    def tell(self) -> None:
        """Log a message if many IDs are missing."""
        answers = self.found + self.missing
        if self.missing >= max(LEAST_MISSING, LEAST_SHARE * answers):
            log.log(
                logging.WARNING if self.missing >= ALARMING_SHARE * answers else logging.INFO,
                "%s of %s answers were 404: do these IDs belong to another account than the key?",
                f"{self.missing:,}",
                f"{answers:,}",
            )


def _is_old(outcome: Outcome, now: datetime) -> bool:
    requested_at = outcome.item.requested_at
    return requested_at is None or now - requested_at >= NOT_FOUND_RETRY_AGE
