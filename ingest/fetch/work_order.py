"""The order in which due IDs are asked: the newest first, and recent ones as soon as they are ready.

OpenRouter records a generation up to 124 s after its request (measured), and an ID carries the second of its request.
An ID is therefore ready, that is worth asking, three minutes after its second; until then it is recent. IDs that are
ready when fetching begins are asked newest first. A recent ID waits until it is ready, while the others go first, and
is asked before the run ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ingest.core.outcomes import WorkItem


def in_order(ready: Iterator[WorkItem], recent: Iterator[WorkItem], now: Callable[[], datetime]) -> Iterator[WorkItem]:
    """All items of both, each once: the ready ones in their order, and each recent one before them once it is due.

    When only recent ones are left they are returned before they are due: the caller waits until their `due_at`.
    Both iterators are read at most one item ahead, so they may be of any length.

    Args:
        ready: Items worth asking now, in the order in which to ask them.
        recent: Items that carry `due_at`, the soonest due first.
        now: The wall clock, UTC.
    """
    next_recent = next(recent, None)
    for item in ready:
        while next_recent and _is_due(next_recent, now()):
            yield next_recent
            next_recent = next(recent, None)
        yield item
    if next_recent:
        yield next_recent
    yield from recent


def _is_due(item: WorkItem, now: datetime) -> bool:
    return item.due_at is None or item.due_at <= now
