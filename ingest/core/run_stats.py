"""The counts of a run so far, for the progress display, the summary and the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.core.latency_histogram import LatencyHistogram

if TYPE_CHECKING:
    from ingest.core.sightings import Chunk

STORED = "stored"


NOT_FOUND = "not_found"
"""The reason of a dead letter that is to be expected."""


@dataclass(slots=True)
class RunStats:
    """Counts of one run, all from zero.

    Attributes:
        due: IDs due when fetching began.
        ahead: Pending IDs whose second lay in the future when fetching began.
        sources: Sources tried, those that were unchanged included.
        unreadable: Sources from which nothing could be read.
        unchanged: Sources without anything new since they were last read.
        damaged: Unchanged sources that were damaged when they were last read.
        passed_over: Hidden, special and binary files in directories, which are not read.
        bytes_read: Bytes of text read, after decompression.
        sightings: Occurrences of IDs in sources.
        cut_ids: IDs that were cut at a line end and could not be joined.
        new_ids: IDs never seen before.
        lines: IDs found in lines, each counted with its line.
        kept_fields: For how many of those each field named by ``--keep-field`` was found.
        unfilled_fields: How many IDs that were known before the run have none of each field, of those that some lack.
        reread: Known IDs whose call site was replaced by ``--reread``.
        requests: Requests sent.
        statuses: Answers by HTTP status.
        failures: Requests without an answer, by reason.
        request_times: Seconds that each request took, from sending to its last byte or its failure.
        held_back: Seconds in which no request might be sent because of the server: it throttled, asked for a pause, was
            overloaded, silent or out of reach.
        done: IDs with an outcome, stored or about to be.
        settled: IDs settled and stored.
        pending: IDs asked and left pending, stored.
        dead: IDs given up, stored.
        expected_dead: Those of them that were not found after the grace: some IDs in any log were never recorded.
        settled_by: IDs settled and stored, by the account that answered.
        spend: Cost of the settled IDs, in USD.
        contents: Requests for content by result: `STORED`, or why there is none.
    """

    due: int = 0
    ahead: int = 0
    sources: int = 0
    unreadable: int = 0
    unchanged: int = 0
    damaged: int = 0
    passed_over: int = 0
    bytes_read: int = 0
    sightings: int = 0
    cut_ids: int = 0
    new_ids: int = 0
    lines: int = 0
    kept_fields: dict[str, int] = field(default_factory=dict)
    unfilled_fields: dict[str, int] = field(default_factory=dict)
    reread: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    request_times: LatencyHistogram = field(default_factory=LatencyHistogram)
    held_back: float = 0.0
    done: int = 0
    settled: int = 0
    pending: int = 0
    dead: int = 0
    expected_dead: int = 0
    settled_by: Counter[str] = field(default_factory=Counter)
    spend: Decimal = Decimal(0)
    contents: Counter[str] = field(default_factory=Counter)

    def count(self, chunk: Chunk) -> None:
        """Count a chunk that was read."""
        reads = [r for r in chunk.finished if not r.passed_over]
        self.sightings += len(chunk.sightings)
        self.bytes_read += chunk.bytes_read
        self.sources += len(reads)
        self.passed_over += len(chunk.finished) - len(reads)
        self.unreadable += sum(not r.was_readable for r in reads)
        self.cut_ids += sum(r.cut for r in reads)
        self.unchanged += sum(r.unchanged for r in reads)
        self.damaged += sum(r.unchanged and not r.complete for r in reads)

    @property
    def missing_fields(self) -> dict[str, int]:
        """In how many lines with an ID each field named by ``--keep-field`` is missing."""
        return {name: self.lines - found for name, found in self.kept_fields.items()}

    @property
    def throttled(self) -> int:
        """Answers 429."""
        return self.statuses[429]

    @property
    def overloaded(self) -> int:
        """Answers 503 and 529."""
        return self.statuses[503] + self.statuses[529]

    @property
    def wasted(self) -> int:
        """Requests wasted on 429, 503 or 529."""
        return self.throttled + self.overloaded

    @property
    def waste(self) -> float:
        """Wasted requests as a share of all requests, 0 to 1; 0 without any request."""
        return self.wasted / self.requests if self.requests else 0.0
