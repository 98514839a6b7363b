"""Work items, and the outcomes of fetching them.

Every generation ID that is taken up ends as one of three outcomes: `Settled`, `Pending` or `Dead`. None is dropped.
Times are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.core.api_records import GenerationResponseData
    from ingest.core.logged_usage import LoggedUsage


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A generation ID that is due to be fetched, with its state in the ledger.

    Attributes:
        generation_id: The ID.
        requested_at: The time contained in the ID; None for the legacy forms.
        source: Name of the source where it was first seen.
        position: Byte offset in that source's text; None: the ID is in the source's name.
        runs: Number of earlier runs in a row that ended with `reason`.
        last_status: HTTP status of the last answer; None before the first.
        reason: Why it is still pending; None before the first answer.
        due_at: Earliest time to fetch it, because OpenRouter may not have recorded it yet; None: at once.
        line: Number of its line in the source; None if unknown.
        logged_at: Time of that line, in UTC; None if unknown.
        log_fields: JSON object of that line's fields named by ``--keep-field``; None if it has none of them.
        account: Name of the account that its source names, which is asked first; None if the source names none.
        logged_usage: What its lines tell that it cost; None if they do not tell that for certain.
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
    account: str | None = None
    logged_usage: LoggedUsage | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The result of requesting a generation's prompt and completion.

    Attributes:
        status: HTTP status of the answer; None if no answer came.
        reason: Why there is no content, as a short constant such as ``http_403``; None if there is content.
        fetched_at: When the result was known.
        input: JSON of the prompt or messages.
        completion: The completion.
        reasoning: The reasoning that preceded the completion.
        error: JSON of the stored error, including its previous errors.
        extra: JSON of all other fields of the answer's data.
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
        """Number of characters in all its texts."""
        return sum(len(text or "") for text in (self.input, self.completion, self.reasoning, self.error, self.extra))


class Settled(msgspec.Struct, frozen=True, gc=False):
    """The API answered with the generation.

    Attributes:
        item: The work item.
        generation: The generation's metadata.
        fetched_at: When the answer arrived.
        requests: Number of requests that this run sent for it.
        content: The result of requesting its content; None if it was not requested.
        account: Name of the account that answered; None if no accounts are configured.
    """

    item: WorkItem
    generation: GenerationResponseData
    fetched_at: datetime
    requests: int
    content: Content | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Not settled yet; a later run tries again.

    Attributes:
        item: The work item.
        reason: Why, as a short constant such as ``not_found_yet``.
        status: HTTP status of the last answer; None if there was none.
        not_before: Earliest time to try again; None: the next run.
        requests: Number of requests that this run sent for it.
        charged: Whether the fetch was completed. One cut short by throttling or by the end of the run says nothing
            about the ID, so that its earlier reason remains.
    """

    item: WorkItem
    reason: str
    status: int | None
    not_before: datetime | None
    requests: int
    charged: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """Given up: a dead letter. Only the ``retry`` command revives it.

    Attributes:
        item: The work item.
        reason: Why, as a short constant such as ``not_found``.
        status: HTTP status of the last answer; None if there was none.
        requests: Number of requests that this run sent for it.
    """

    item: WorkItem
    reason: str
    status: int | None
    requests: int


@dataclass(frozen=True, slots=True)
class PendingIds:
    """The pending IDs of the ledger that wait for one reason.

    Attributes:
        reason: The reason of their last outcome; None if they were not requested yet.
        ids: How many there are.
        due: How many of them the next run requests at once.
        next_due_at: When the first of the others may be requested, UTC; None if there are none.
    """

    reason: str | None
    ids: int
    due: int
    next_due_at: datetime | None


Outcome = Settled | Pending | Dead
