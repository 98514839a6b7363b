"""One generation ID's life in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.core.outcomes import Dead, Pending
from ingest.fetch.answer_policy import NOT_FOUND_RETRY_AGE

if TYPE_CHECKING:
    import asyncio
    from datetime import datetime, timedelta

    from ingest.core.outcomes import WorkItem


@dataclass(slots=True)
class Ask:
    """What this run asked about one ID, and how it was answered so far.

    Attributes:
        item: The work item.
        admission: Held until the first permit, so that the next ID is not admitted before; None if released.
        sent_at: When the last request went out, in seconds of the monotonic clock.
        requests: Requests sent.
        failures: Requests that failed, and may be retried.
        unreadable: Answers that could not be read.
        retried_not_found: Whether a 404 was retried.
        other_id: Another generation's ID that came back instead; None if none did.
        status: HTTP status of the last answer; None if there was none.
    """

    item: WorkItem
    admission: asyncio.Lock | None = None
    sent_at: float = 0.0
    requests: int = 0
    failures: int = 0
    unreadable: int = 0
    retried_not_found: bool = False
    other_id: str | None = None
    status: int | None = None

    def turn_to_account(self) -> None:
        """Forget what concerns the account that was asked before: its failures say nothing about the next."""
        self.failures, self.unreadable, self.other_id, self.status = 0, 0, None, None

    def admit_next(self) -> None:
        """Let the next ID be admitted; a second call does nothing."""
        if self.admission:
            self.admission.release()
            self.admission = None

    def pending(self, reason: str, not_before: datetime | None = None) -> Pending:
        """The outcome if a later run is to ask again."""
        return Pending(self.item, reason, self.status, not_before, self.requests)

    def interrupted(self) -> Pending:
        """The outcome if the run ended first: it says nothing about the ID, so its earlier reason stands."""
        return Pending(self.item, "interrupted", self.status, None, self.requests, charged=False)

    def dead(self, reason: str) -> Dead:
        """The outcome if the ID is given up."""
        return Dead(self.item, reason, self.status, self.requests)

    def retries_not_found(self, age: timedelta) -> bool:
        """Whether a 404 for an ID of this age is retried within this run; True only once."""
        is_worth_it = age < NOT_FOUND_RETRY_AGE and not self.retried_not_found
        self.retried_not_found = self.retried_not_found or is_worth_it
        return is_worth_it

    def runs(self, reason: str) -> int:
        """Runs in a row that ended with this reason, this one included."""
        return self.item.runs + 1 if self.item.reason == reason else 1
