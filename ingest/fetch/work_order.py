"""The order in which due IDs are asked: the newest first, and those too young for an answer as soon as they are due.

OpenRouter records a generation up to 124 s after its request (measured), and an ID carries the second of its request.
So an ID is ripe, that is worth asking, three minutes after its second. What is ripe when fetching begins is asked
newest first; what is not waits until it is, while the others go first, and is asked before the run ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ingest.core.outcomes import WorkItem


def in_order(ready: Iterator[WorkItem], recent: Iterator[WorkItem], now: Callable[[], datetime]) -> Iterator[WorkItem]:
    """All items of both, each once: the ripe ones in their order, and each young one before them once it is due.

    When only young ones are left they are given out before they are due: whoever takes one waits until its `due_at`.
    Both are read one item ahead at most, so that they may be as long as they like.

    Args:
        ready: Items worth asking now, in the order in which to ask them.
        recent: Items that carry `due_at`, the soonest due first.
        now: The wall clock.
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
