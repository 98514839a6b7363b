"""The golden generations: ``generations.jsonl``, one a line, each with a word on what is odd about it.

A line's ``answer`` overrides the base in the first line, ``without`` names keys that the answer lacks. Numbers keep the
text they are written with, so that the answers are those that the API would give.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).with_name("generations.jsonl")


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line; beside the answer it may say where the log had the ID and what came of asking for its content."""

    why: str
    id: str = ""
    base: dict[str, msgspec.Raw] = {}
    answer: dict[str, msgspec.Raw] = {}
    without: list[str] = []
    source: str = "app.log"
    position: int = 0
    line: int | None = None
    logged_at: datetime | None = None
    log_fields: str | None = None
    logged_usage: str | None = None
    logged_byok_usage: str | None = None
    content: dict[str, str | None] | None = None


class Golden(msgspec.Struct):
    """One generation: the line, the body of the API's answer, and its data with exact numbers."""

    line: Line
    body: bytes
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """The ID that is asked for."""
        return self.line.id


def load() -> list[Golden]:
    """All of them, in the order of the file."""
    _, *lines = _lines()
    return [golden_of(line) for line in lines]


@cache
def _lines() -> list[Line]:
    return [msgspec.json.decode(text, type=Line) for text in FILE.read_text(encoding="utf-8").splitlines()]


def golden_of(line: Line) -> Golden:
    """The generation that a line stands for."""
    base = _lines()[0].base
    usage = line.answer.get("usage", base["usage"])
    ours = {"id": _json(line.id), "created_at": _json(_created_at(line.id)), "total_cost": usage}
    answer = {name: raw for name, raw in {**base, **ours, **line.answer}.items() if name not in line.without}
    body = msgspec.json.encode({"data": answer})
    return Golden(line, body, json.loads(body, parse_float=Fraction)["data"])


def _created_at(generation_id: str) -> str | None:
    """A quarter of a second after the second in the ID; a legacy ID's is told in its line."""
    *_, second, _ = ("", *generation_id.split("-"))
    return f"{datetime.fromtimestamp(int(second), UTC):%Y-%m-%dT%H:%M:%S}.25+00:00" if second.isdigit() else None


def _json(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())
