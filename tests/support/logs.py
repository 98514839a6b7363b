"""Generation IDs, and logs that hold them."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SOME_DAY = datetime(2026, 10, 1, tzinfo=UTC)

ALPHABET = string.ascii_letters + string.digits


def new_ids(count: int, seed: int = 1, *, age: timedelta | None = None, span: timedelta = timedelta(days=10)):
    """IDs of today's form, spread over `span`: the same for the same seed, or, with an age, at least so old now."""
    draw = random.Random(seed)
    newest = SOME_DAY if age is None else datetime.now(UTC) - age
    seconds = [int((newest - draw.random() * span).timestamp()) for _ in range(count)]
    return [f"gen-{second}-{''.join(draw.choices(ALPHABET, k=20))}" for second in seconds]


def write_log(path: Path, ids) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'{{"level": "info", "response": {{"id": "{i}"}}}}\n' for i in ids), encoding="utf-8")
    return path
