"""The values that walk from stage to stage; none of them knows a stage.

Every generation ID ends as one of three values, and nothing is dropped: `Settled`, `Pending` or `Dead`.
Times are UTC, durations of our own are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.api_records import GenerationResponseData


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An ID that the ledger wants asked.

    Attributes:
        generation_id: The ID.
        requested_at: The second inside the ID; None for the legacy forms.
        source: Where it was first seen.
        position: Byte offset there; None: in the source's name.
        runs: How many earlier runs in a row ended with `reason`.
        last_status: HTTP status of the last answer, None before the first.
        reason: Why it is still pending, None before the first answer.
        due_at: Not to be asked earlier, for OpenRouter may not have recorded it yet; None: at once.
        line: Number of its line there; None if unknown.
        logged_at: That line's own time, UTC; None if unknown.
        log_fields: JSON object of that line's fields that were to be kept; None without any.
    """

    generation_id: str
    requested_at: datetime | None
    source: str
    position: int | None
    runs: int = 0
    last_status: int | None = None
    reason: str | None = None
    due_at: datetime | None = None
    line: int | None = None
    logged_at: datetime | None = None
    log_fields: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What came of asking for a generation's prompt and completion.

    Attributes:
        status: HTTP status of the answer; None if none came.
        reason: Why there is no content, as a short constant such as ``http_403``; None if there is.
        fetched_at: When that was known.
        input: JSON of the prompt or messages.
        completion: The completion.
        reasoning: The reasoning before it.
        error: JSON of the stored error, its previous errors included.
        extra: JSON of everything else in the answer's data.
    """

    status: int | None
    reason: str | None
    fetched_at: datetime
    input: str | None = None
    completion: str | None = None
    reasoning: str | None = None
    error: str | None = None
    extra: str | None = None

    @property
    def size(self) -> int:
        """Characters it holds."""
        return sum(len(text or "") for text in (self.input, self.completion, self.reasoning, self.error, self.extra))


class Settled(msgspec.Struct, frozen=True, gc=False):
    """The API answered with the generation.

    Attributes:
        item: The item.
        generation: What it answered.
        fetched_at: When.
        requests: Requests this run spent on it.
        content: What came of asking for its content; None if nobody asked.
    """

    item: WorkItem
    generation: GenerationResponseData
    fetched_at: datetime
    requests: int
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Not settled yet; a later run asks again.

    Attributes:
        item: The item.
        reason: Why, as a short constant such as ``not_found_yet``.
        status: HTTP status of the last answer, None where there was none.
        not_before: No run asks before this time; None: the next run may.
        requests: Requests this run spent on it.
        charged: Whether the ask was finished. One cut short by throttling or the run's end says nothing of
            the ID, so its earlier reason stands.
    """

    item: WorkItem
    reason: str
    status: int | None
    not_before: datetime | None
    requests: int
    charged: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """Given up, with a reason."""

    item: WorkItem
    reason: str
    status: int | None
    requests: int


Outcome = Settled | Pending | Dead
