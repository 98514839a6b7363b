"""What a run counted so far; the progress bar, the summary and the ledger read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from ingest.durations import Durations

STORED = "stored"


@dataclass(slots=True)
class Tally:
    """Counts of one run, all from zero.

    Attributes:
        due: IDs the ledger wanted asked when fetching began.
        sources: Sources tried.
        passed_over: Hidden, special and binary files met in directories.
        bytes_read: Text read, decompressed.
        sightings: IDs found in sources.
        new_ids: Those never seen before.
        requests: Requests sent.
        statuses: Answers by HTTP status.
        failures: Requests without an answer, by reason.
        request_times: How long each answered request took, from sending to the last byte.
        held_back: Seconds in which nobody might send, because the server throttled or was overloaded.
        done: IDs that came out of fetching, stored or about to be.
        settled: IDs settled and stored.
        pending: IDs asked and left pending.
        dead: IDs buried.
        spend: What the settled IDs cost, in USD.
        contents: Asks for content by what came of them: `STORED`, or why there is none.
    """

    due: int = 0
    sources: int = 0
    passed_over: int = 0
    bytes_read: int = 0
    sightings: int = 0
    new_ids: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    request_times: Durations = field(default_factory=Durations)
    held_back: float = 0.0
    done: int = 0
    settled: int = 0
    pending: int = 0
    dead: int = 0
    spend: Decimal = Decimal(0)
    contents: Counter[str] = field(default_factory=Counter)

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
        """Answers that brought nothing, because they were asked for too fast or of an overloaded server."""
        return self.throttled + self.overloaded

    @property
    def waste(self) -> float:
        """Their share of all requests, 0 to 1; 0 without any request."""
        return self.wasted / self.requests if self.requests else 0.0
