"""IDs that a line end cuts: joined where the format or the text says so, else counted."""

import io
import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.logging import RichHandler

from ingest.sources.id_finder import IdFinder, Window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = "gen-1753485462-AbCdEfGhIj0123456789"
TAGGED = "gen-rerank-1753485462-0123456789AbCdEfGhIj"
OTHER = "gen-1753485463-AbCdEfGhIj0123456789"

ids = st.sampled_from([TODAY, TAGGED])
cuts = st.integers(len("gen-"), len(TODAY) - 1)
before = st.sampled_from(["", "id=", '{"id":"', "x " * 20])


def read(text: str) -> tuple[list[tuple[str, int]], int]:
    find, buffer = IdFinder(NOW), bytearray(text.encode())
    found = list(zip(*find(Window(buffer, 0, len(buffer), len(buffer), 0)), strict=True))
    return found, find.cut


def docker(log: str, stream: str = "stdout") -> str:
    return json.dumps({"log": log, "stream": stream, "time": "2026-03-01T11:00:00.1Z"}, separators=(",", ":")) + "\n"


def cri(text: str, tag: str, stream: str = "stdout") -> str:
    return f"2026-03-01T11:00:00.123456789Z {stream} {tag} {text}\n"


@settings(max_examples=300)
@given(ids, cuts, before, st.sampled_from(["", " and more", '"}']), st.integers(0, 3), st.sampled_from(["\n", "\r\n"]))
def test_pieces_of_a_container_are_joined_even_with_another_stream_between(i, cut, left, right, others, end):
    for piece, last in (
        (docker(left + i[:cut]), docker(f"{i[cut:]}{right}\n")),
        (cri(left + i[:cut], "P"), cri(i[cut:] + right, "F")),
    ):
        between = others * (docker("x\n", "stderr") if piece.startswith("{") else cri("x", "F", "stderr"))
        text = (piece + between + last).replace("\n", end)
        assert read(text) == ([(i, text.index("gen-"))], 0)


@settings(max_examples=300)
@given(ids, cuts, before, st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_a_wrap_with_an_indentation_is_joined(i, cut, left, end, indentation):
    text = f"{left}{i[:cut]}{end}{' ' * indentation}{i[cut:]} more{end}"
    assert read(text) == ([(i, len(left))], 0)


@settings(max_examples=200)
@given(ids, cuts, before, st.sampled_from(["\n", "\r\n"]))
def test_a_soft_line_break_of_quoted_printable_is_joined(i, cut, left, end):
    assert read(f"{left}{i[:cut]}={end}{i[cut:]}{end}") == ([(i, len(left))], 0)


@settings(max_examples=200, deadline=None)
@given(st.integers(60, 140), st.integers(0, 60))
def test_what_rich_wraps_is_joined(width, padding):
    console = Console(file=io.StringIO(), width=width)
    message = f'{"." * padding}"id":"{TODAY}","model":"openai/gpt-4o"'
    record = logging.LogRecord("app", logging.INFO, "app.py", 42, message, (), None)
    RichHandler(console=console, highlighter=None).emit(record)
    text = console.file.getvalue()
    found, cut = read(text)
    is_cut_in_gen = "gen-" not in text
    assert [each for each, _ in found] == ([] if is_cut_in_gen else [TODAY])
    assert cut == 0


@settings(max_examples=200)
@given(st.integers(len("gen-1753"), len(TODAY) - 1), st.sampled_from(["\n", "\r\n"]))
def test_what_cannot_be_joined_is_counted(cut, end):
    for text in (
        f"id={TODAY[:cut]}{end}INFO: another line that is longer than the first one and has no ID{end}",
        docker(TODAY[:cut]) + docker("!\n"),
        cri(TODAY[:cut], "F") + cri(TODAY[cut:], "F"),
        cri(TODAY[:cut], "P"),
    ):
        assert read(text) == ([], 1)


@pytest.mark.parametrize(
    "text", ["gen-\n", "gen-ai\n", "gen-alpha\nbeta\n", "gen-2\n", "imagen-1753485462-AbC\n  dEf\n"]
)
def test_a_look_alike_at_a_line_end_is_none(text):
    assert read(text) == ([], 0)


def test_whole_ids_around_a_cut_one_are_found():
    text = f"{OTHER}\n{TODAY[:20]}\n  {TODAY[20:]}\n{TAGGED}\n"
    assert [i for i, _ in read(text)[0]] == [OTHER, TODAY, TAGGED]
