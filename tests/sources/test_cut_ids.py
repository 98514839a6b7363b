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

from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import Source
from ingest.sources.id_finder import IdFinder, Window
from ingest.sources.source_scan import SourceScan
from ingest.sources.text_windows import SIZE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = "gen-1753485462-AbCdEfGhIj0123456789"
TAGGED = "gen-rerank-1753485462-0123456789AbCdEfGhIj"
OTHER = "gen-1753485463-AbCdEfGhIj0123456789"

ids = st.sampled_from([TODAY, TAGGED])
cuts = st.integers(1, len(TODAY) - 1)
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
        place = next(p for mark in ('","stream"', end) if (p := text.find(mark)) > 0) - cut
        assert read(text) == ([(i, place)], 0)


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
    assert [each for each, _ in found] == [TODAY]
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


def two_pieces(form, left, i, cut):
    """An ID that is cut, as two lines of a container, of quoted-printable text or of a wrapped log."""
    return {
        "docker": (docker(left + i[:cut]), docker(f"{i[cut:]} x\n")),
        "cri": (cri(left + i[:cut], "P"), cri(f"{i[cut:]} x", "F")),
        "quoted-printable": (f"{left}{i[:cut]}=\n", f"{i[cut:]} x\n"),
        "wrap": (f"{left}{i[:cut]}\n", f"    {i[cut:]} x\n"),
    }[form]


forms = st.sampled_from(["docker", "cri", "quoted-printable", "wrap"])


@settings(max_examples=100, deadline=None)
@given(forms, before, ids, cuts, st.integers(-200, 200), st.booleans())
def test_pieces_in_two_windows_are_joined(tmp_path_factory, form, left, i, cut, shift, with_call_sites):
    first, second = two_pieces(form, left, i, cut)
    filling = (docker("x" * 100 + "\n") if form == "docker" else cri("x" * 100, "F")) * (SIZE // 100)
    text = filling[: SIZE - len(first) + shift].rpartition("\n")[0] + "\n" + first + second + filling[:5000]
    path = tmp_path_factory.mktemp("w") / "a.log"
    path.write_text(text, encoding="utf-8")
    scan = SourceScan(Source(str(path)), NOW, None, CallSiteParser() if with_call_sites else None)
    assert [each.generation_id for found in scan for each in found] == [i]
    assert scan.result.cut == 0


@settings(max_examples=100, deadline=None)
@given(forms, before, ids, cuts, st.integers(0, 3), st.booleans())
def test_a_piece_that_is_written_after_a_run_is_joined_in_the_next(
    tmp_path_factory, form, left, i, cut, lines, with_call_sites
):
    first, second = two_pieces(form, left, i, cut)
    path, known = tmp_path_factory.mktemp("w") / "a.log", CheckpointIndex([])
    whole = "x" * 100 + "\n" + "".join(f"{OTHER[:-1]}{n} one\n" for n in range(lines))
    path.write_text(whole + first, encoding="utf-8")
    found = [read_on(path, known, with_call_sites) for _ in range(2)]
    with path.open("a", encoding="utf-8") as file:
        file.write(second + f"{OTHER[:-2]}xx two\n")
    found.append(read_on(path, known, with_call_sites))
    assert [len(ids) for ids in found[:2]] == [lines, 0]
    assert found[2] == [i, f"{OTHER[:-2]}xx"]


def read_on(path, known, with_call_sites):
    """The IDs of what earlier readings have not read."""
    scan = SourceScan(Source(str(path)), NOW, known, CallSiteParser() if with_call_sites else None)
    found = [each.generation_id for sightings in scan for each in sightings]
    if scan.result.checkpoint:
        known.add(scan.result.checkpoint)
    return found
