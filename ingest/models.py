"""The values that walk from stage to stage; none of them knows a stage.

Every generation ID ends as one of three values, and nothing is dropped: `Settled`, `Pending` or `Dead`.
Times are UTC, durations of our own are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from ingest.schema import GENERATION_FIELDS

Cell = str | int | float | bool | Decimal | datetime | None
"""What a column holds: money is Decimal, a time is a datetime without zone, in UTC."""

_PLACE = {column.name: place for place, column in enumerate(GENERATION_FIELDS)}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A generation ID at a place in a source.

    Attributes:
        generation_id: The ID as it stands in the text.
        source: Name of the file, or ``-`` for standard input.
        position: Byte offset of the ID in the (decompressed) source.
    """

    generation_id: str
    source: str
    position: int


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An ID that the ledger wants asked.

    Attributes:
        generation_id: The ID.
        requested_at: The second inside the ID; None for the legacy forms.
        source: Where it was first seen.
        position: Byte offset there.
        runs: How many earlier runs in a row ended with `reason`.
        last_status: HTTP status of the last answer, None before the first.
        reason: Why it is still pending, None before the first answer.
    """

    generation_id: str
    requested_at: datetime | None
    source: str
    position: int
    runs: int = 0
    last_status: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One provider's try inside a generation: an entry of ``provider_responses``.

    Attributes:
        values: One value per column of `ingest.schema.ATTEMPT_FIELDS`, in that order.
        extra: As in `Generation`.
    """

    values: tuple[Cell, ...]
    extra: str | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """One decoded answer of ``GET /generation``.

    Attributes:
        values: One value per column of `ingest.schema.GENERATION_FIELDS`, in that order; None where the answer
            had no value that fits the column.
        attempts: The entries of ``provider_responses``, in order.
        extra: JSON object of everything that `values` does not hold: unknown fields, known fields of another
            type, money that 12 places would change. None if there is none. (A time is held to the microsecond,
            a real number as the nearest double.)
    """

    values: tuple[Cell, ...]
    attempts: tuple[Attempt, ...] = ()
    extra: str | None = None

    def __getitem__(self, name: str) -> Cell:
        """The value of the API field `name`; KeyError for a name the schema does not have."""
        return self.values[_PLACE[name]]

    @property
    def spend(self) -> Decimal:
        """What it cost in all, in USD: usage, and for BYOK what the provider charged as well."""
        usage = cast("Decimal | None", self["usage"]) or Decimal(0)
        upstream = cast("Decimal | None", self["upstream_inference_cost"]) or Decimal(0)
        return usage + upstream if self["is_byok"] else usage


@dataclass(frozen=True, slots=True)
class Settled:
    """The API answered with the generation."""

    item: WorkItem
    generation: Generation
    fetched_at: datetime
    requests: int


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


@dataclass(frozen=True, slots=True)
class SourceRead:
    """How a source was read.

    Attributes:
        source: Its name.
        bytes_read: Bytes of text, after decompression.
        sightings: IDs found, immediate repetitions counted once.
        complete: Whether it was read to its end.
        problem: What was wrong with it, None if nothing.
        fingerprint: SHA-256 of its first 4 KiB of text, in hex; None if nothing was read.
        size: Bytes on disk; None for a stream.
        passed_over: Whether it was left alone because it is binary and nobody named it.
    """

    source: str
    bytes_read: int
    sightings: int
    complete: bool
    problem: str | None = None
    fingerprint: str | None = None
    size: int | None = None
    passed_over: bool = False

    @property
    def was_readable(self) -> bool:
        """Whether anything at all could be read, be it an empty file."""
        return not self.passed_over and (self.complete or self.bytes_read > 0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sightings of one source that are stored together.

    Attributes:
        sightings: In the source's order.
        read: How the source was read, on its last chunk; None before.
    """

    sightings: tuple[Sighting, ...]
    read: SourceRead | None = None
