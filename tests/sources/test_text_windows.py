"""Text in windows: however it comes in and however long its lines are, nothing is lost, moved or found twice."""

import zlib
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.blocks import Blocks

from ingest.sources.cut_ids import end_of_closed_lines
from ingest.sources.id_finder import CONTEXT, REACH, IdFinder
from ingest.sources.readers import HEAD
from ingest.sources.text_windows import SIZE, ResumePoint, TextWindows

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"
TAGGED = f"gen-rerank-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
LEGACY_28 = "gen-aBcDeFgHiJkLmNoPqRsTuVwX0123"
LONGEST = f"gen-abcdefghijklmnop-{SECOND}-AbCdEfGhIj0123456789"
IDS = (TODAY, TAGGED, LEGACY, LEGACY_28, LONGEST)

ONE_PIECE = 1 << 16
SMALLEST = CONTEXT + REACH + 10


class Taken:
    """What one window was when it was taken, and what was known once it was done with."""

    def __init__(self, window, found):
        self.new = bytes(window.buffer[window.begin : window.end])
        self.before = bytes(window.buffer[: window.begin])
        self.within_reach = bytes(window.buffer[window.begin : window.limit])
        self.begin = window.offset + window.begin
        self.end = window.offset + window.end
        self.held = len(window.buffer)
        self.found = [(i, window.offset + at) for i, at in zip(*found, strict=True)]
        self.resume_at = None
        self.position = None


def taken(blocks, *, size=SIZE, begin=None, left=None, counts_lines=True) -> list[Taken]:
    """Every window of a text that comes in these blocks."""
    find, all_taken = IdFinder(NOW), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.sources.text_windows.SIZE", size)
        windows = TextWindows(Blocks(blocks), begin or ResumePoint(), left, counts_lines=counts_lines)

        def tell():
            for one in all_taken[-1:]:
                one.resume_at, one.position = windows.resume_at, windows.position

        for window in windows:
            tell()
            all_taken.append(Taken(window, find(window)))
        tell()
    return all_taken


def found(blocks, **options) -> list[tuple[str, int]]:
    return [place for window in taken(blocks, **options) for place in window.found]


def cut(data: bytes, places) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def resume_point_at(text: bytes, position: int) -> ResumePoint:
    """The resume point at a line's end."""
    before = text[:position]
    return ResumePoint(position, before.count(b"\n"), zlib.crc32(before), before[-HEAD:])


pieces = st.one_of(
    st.sampled_from([i.encode() for i in IDS]),
    st.sampled_from(
        [b"\\n", b"\\u0022", b"%22", b'"', b" ", b"x", b"\x1b[31m", b"\\u001b[1;38;2;255;255;255m", b"gen-"]
    ),
    st.integers(1, 300).map(lambda n: b"." * n),
    st.integers(1, 80).map(lambda n: b"x" * n),
    st.builds(lambda tail: f"gen-{SECOND}-{tail:020d}".encode(), st.integers(0, 10**20 - 1)),
    st.sampled_from([b"\n", b"\n\n", b"\r\n"]),
)
texts = st.lists(pieces, max_size=40).map(b"".join)
sizes = st.integers(SMALLEST, 400)


@settings(max_examples=500)
@given(texts, st.data())
def test_it_does_not_matter_how_a_text_is_cut_into_reads(text, draw):
    blocks = cut(text, draw.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    assert found(blocks, size=draw.draw(sizes)) == found([text], size=ONE_PIECE)


@settings(max_examples=150)
@given(texts, st.integers(1, 70), sizes)
def test_nor_into_many_reads_of_one_size(text, block, size):
    assert found(cut(text, range(block, len(text), block)), size=size) == found([text], size=ONE_PIECE)


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize("around", ["{}", "{}x", "x{}", "\\n{}\\n", "\\u001b[1;31;40m{} and {}", "%22{}%22", "{}-{}"])
def test_a_read_may_end_anywhere_in_an_id(around, generation_id):
    data = around.format(generation_id, TAGGED).encode()
    whole = found([data])
    assert all(found([data[:cut], data[cut:]]) == whole for cut in range(len(data) + 1))


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize("around", ["{}", "{}x", "x{}", "\\n{}\\n", "\\u001b[1;31;40m{} and {}", "%22{}%22", "{}-{}"])
def test_a_long_line_may_be_cut_anywhere_in_an_id(around, generation_id):
    data = around.format(generation_id, TAGGED).encode()
    for before in range(200):
        text = b"." * before + data + b"." * 200
        assert found([text], size=SMALLEST) == found([text], size=ONE_PIECE)


def test_an_id_of_a_long_line_keeps_the_longest_escape_before_it():
    colour = r"\u001b[1;38;2;255;255;255;48;2;100;100;100m"
    for before in range(300):
        assert [i for i, _ in found([f"{'.' * before}{colour}{TODAY}{'.' * 100}".encode()], size=SMALLEST)] == [TODAY]


@pytest.mark.parametrize("length", [SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 3 * SIZE + 7])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_longer_than_the_buffer_is_read_in_bounded_memory(length, end):
    places = [*range(0, length - len(TODAY), 50_000), length - len(TODAY)]
    line = bytearray(b"." * length)
    ids = [f"gen-{SECOND}-{n:020d}" for n in range(len(places))]
    for place, generation_id in zip(places, ids, strict=True):
        line[place : place + len(TODAY)] = generation_id.encode()
    windows = taken([bytes(line) + end.encode()])
    assert [p for w in windows for p in w.found] == list(zip(ids, places, strict=True))
    assert {w.held for w in windows} == {SIZE}


@settings(max_examples=300)
@given(texts, st.data())
def test_windows_follow_upon_each_other_and_end_with_a_line_or_where_it_is_cut(text, draw):
    size = draw.draw(sizes)
    windows = taken(cut(text, draw.draw(st.lists(st.integers(0, len(text)), max_size=12))), size=size)
    assert b"".join(w.new for w in windows) == text
    position = 0
    for window in windows:
        assert window.begin == position
        position = window.end
        assert text[: window.begin].endswith(window.before)
        assert text[window.begin :].startswith(window.within_reach)
        assert window.held == size
        is_line, is_last = window.new.endswith(b"\n"), window is windows[-1]
        assert is_line or is_last or len(window.within_reach) == len(window.new) + REACH
        assert window.position == window.end
        begins_a_line = not window.begin or text[window.begin - 1 : window.begin] == b"\n"
        assert len(window.before) == (0 if begins_a_line else CONTEXT)


@settings(max_examples=300)
@given(texts, st.integers(0, 2 * HEAD), st.data())
def test_after_each_window_the_resume_point_is_the_end_of_the_last_closed_line(text, before, draw):
    text = b"-" * before + b"\n" + text  # so that the tail has bytes to forget
    blocks = cut(text, draw.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    windows = taken(blocks, size=draw.draw(sizes))
    for window in windows:
        assert_closed_up_to(window.resume_at, text, text.rfind(b"\n", 0, window.end) + 1)


def assert_closed_up_to(point, text, last):
    """The point describes the text before it, and no line is left out but those from one on in which an ID is cut."""
    assert point == resume_point_at(text, point.position)
    left = bytearray(text[point.position : last])
    assert not left or end_of_closed_lines(left, 0, len(left)) == 0


@settings(max_examples=150)
@given(texts, st.data())
def test_reading_on_from_a_resume_point_is_like_never_having_stopped(text, draw):
    ends = [0, *(at + 1 for at in range(len(text)) if text[at : at + 1] == b"\n")]
    position = draw.draw(st.sampled_from(ends))
    size = draw.draw(sizes)
    first = taken([text[:position]], size=size)
    start = first[-1].resume_at if first else ResumePoint()
    assert_closed_up_to(start, text, position)
    rest = taken([text[start.position :]], size=size, begin=start)
    assert_closed_up_to(rest[-1].resume_at if rest else start, text, text.rfind(b"\n") + 1)
    places = [p for w in (*first, *rest) for p in w.found]
    once = {}
    for generation_id, at in places:  # each reading remembers only its own repetitions
        once.setdefault(generation_id, at)
    assert sorted(once.items()) == sorted(found([text], size=size))


def test_a_text_without_any_line_end_has_no_resume_point_and_all_its_ids():
    text = b",".join(f"gen-{SECOND}-{n:020d}".encode() for n in range(200))
    windows = taken([text], size=SMALLEST)
    assert [i for w in windows for i, _ in w.found] == text.decode().split(",")
    assert {w.resume_at for w in windows} == {ResumePoint()}
    assert windows[-1].position == len(text)


def test_an_unfinished_last_line_is_read_and_moves_no_resume_point():
    text = f"one\n{TODAY}\ntwo {LEGACY}".encode()
    windows = taken([text])
    assert [p for w in windows for p in w.found] == [(TODAY, 4), (LEGACY, text.index(LEGACY.encode()))]
    assert windows[-1].resume_at == resume_point_at(text, text.index(b"two"))
    assert windows[-1].position == len(text)


@settings(max_examples=150)
@given(texts, st.data())
def test_a_text_whose_length_is_known_is_the_same_in_a_buffer_no_larger_than_it(text, draw):
    blocks = cut(text, draw.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    size = draw.draw(sizes)
    windows = taken(blocks, size=size, left=len(text))
    assert {w.held for w in windows} <= {min(size, len(text) + 1)}
    assert [p for w in windows for p in w.found] == found([text], size=ONE_PIECE)
    assert b"".join(w.new for w in windows) == text


@pytest.mark.parametrize("left", [None, 0])
def test_an_empty_text_has_no_window(left):
    assert taken([], left=left) == []


@pytest.mark.parametrize("start", [ResumePoint(), ResumePoint(position=4, line=7)])
def test_lines_are_counted_only_on_request(start):
    windows = taken([b"one\ntwo\n"], begin=start, counts_lines=False)
    assert {w.resume_at.line for w in windows} == {start.line}


def test_lines_come_as_they_are_read_not_when_the_buffer_is_full():
    # Of a pipe: what is written is found as soon as its line has ended.
    windows = taken([b"one\n", b"two", b" and\nth", b"ree\n", b"rest"])
    assert [w.new for w in windows] == [b"one\n", b"two and\n", b"three\n", b"rest"]
