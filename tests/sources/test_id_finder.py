"""Finding generation IDs in text, and nothing that only looks like one."""

import json
import quopri
import string
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.blocks import Blocks
from support.long_form import in_two_forms

from ingest.core.generation_id import WRITTEN, latest
from ingest.sources.id_finder import CONTEXT, REACH, REMEMBERED, IdFinder, Window
from ingest.sources.text_windows import ResumePoint, TextWindows

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLDEST = 1_672_531_200
LATEST = int(latest(NOW).timestamp())
SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"
TAGGED = f"gen-rerank-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
LEGACY_28 = "gen-aBcDeFgHiJkLmNoPqRsTuVwX0123"
LONGEST = f"gen-abcdefghijklmnop-{SECOND}-AbCdEfGhIj0123456789"
IDS = (TODAY, TAGGED, LEGACY, LEGACY_28, LONGEST)

ALPHANUMERICS = string.ascii_letters + string.digits


def found(*blocks: bytes, now=NOW) -> list[tuple[str, int]]:
    """The IDs of a text that comes in these blocks, each with its place in the text."""
    find = IdFinder(now)
    windows = TextWindows(Blocks(blocks), ResumePoint(), counts_lines=False)
    return [(i, window.offset + at) for window in windows for i, at in zip(*find(window), strict=True)]


def found_in(window: Window, find: IdFinder | None = None) -> list[tuple[str, int]]:
    """The new IDs of one window, each with its place in the buffer."""
    return list(zip(*(find or IdFinder(NOW))(window), strict=True))


def ids_in(text: str) -> list[str]:
    return [i for i, _ in found(text.encode())]


def numbered(count: int, first: int = 0) -> list[str]:
    return [f"gen-{SECOND}-{n:020d}" for n in range(first, first + count)]


def whole(text: str) -> Window:
    """One window that holds a text and nothing else."""
    return Window(bytearray(text.encode()), 0, len(text), len(text), 0)


# What stands to the left and to the right of an ID


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize(
    "before",
    [
        "",
        " ",
        "\n",
        "\t",
        "\x00",
        '"',
        "'",
        "=",
        ":",
        "/",
        "(",
        "id=",
        '{"id": "',
        "x-generation-id: ",
        "generation?id=",
        "time-14-36-51-778000_",
        "s3://bucket/2025-07-25/time-14-36-51-778000_",
        "%22",
        "%3D",
        "%3d",
        "?q=%7B%22id%22%3A%22",
        r"\n",
        r"\t",
        r"\r",
        r"\"",
        r"\\n",
        r"\\\"",
        r"data\n",
        r"\u0022",
        r"\u003d",
        r"\u003D",
        r"\x22",
        r"\042",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[m",
        "\x1b[1;38;5;208m",
        r"\u001b[31m",
        r"\u001B[1;31m",
        r"\x1b[31m",
        r"\x1B[31m",
        r"\033[31m",
        r"\e[31m",
        "[31m",
        r"\u001c[31m",
        "#011",
        "#012",
        "#033[32m",
        "#015#012",
        "#302#240",
        "[0m",
        "[m[K",
        "^[[32m",
        "^I",
        "^M^J",
        r"\033[0;1;32m",
        r"\u009b32m",
        "%1B%5B1%3B32m",
        "%1B[32m",
        "%253D",
        "%25252522",
        "%2525u0022",
        "=3D",
        "=3d",
        "=20",
        "=E2=80=9C",
        "=\n",
        "\x1b[2K",
        "\x1b[1G",
        "\x1b[?25h",
        "\x1b(B",
        r"\0",
        "\u202e",
        "\u200b",
        "\ufeff",
        "“",
        "→",
    ],
)
def test_an_id_is_found_after(before, generation_id):
    text = before + generation_id
    assert found(text.encode()) == [(generation_id, len(before.encode()))]


@pytest.mark.parametrize(
    "colour",
    [
        "\x1b[38;2;255;255;255m",
        "\x1b[38;2;255;255;255;48;2;100;100;100m",
        r"\u001b[1;38;2;255;255;255;48;2;100;100;100m",
    ],
)
def test_a_terminals_colour_may_be_a_long_one(colour):
    assert ids_in(colour + TODAY) == [TODAY]


def test_an_id_that_grep_coloured_is_found():
    # GNU grep ends each of its colours with "erase to the end of the line".
    assert ids_in(f"app.log:id=\x1b[01;31m\x1b[K{TODAY}\x1b[m\x1b[K") == [TODAY]


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize(
    "after", ["", " ", "\n", '"', r"\"", r"\n", "%22", "&", ",", ")", "_", ".json", "\x1b[0m", "é"]
)
def test_an_id_is_found_before(after, generation_id):
    assert ids_in(generation_id + after) == [generation_id]


@pytest.mark.parametrize("generation_id", [TODAY, TAGGED, LONGEST])
def test_an_id_of_todays_form_is_found_before_a_dash_and_a_legacy_one_is_not(generation_id):
    assert ids_in(f"{generation_id}-more {LEGACY}-more {LEGACY_28}-more") == [generation_id]


@given(st.sampled_from(IDS), st.sampled_from(ALPHANUMERICS))
def test_an_id_that_is_the_tail_of_a_word_or_goes_on_is_none(generation_id, letter):
    assert ids_in(f"{letter}{generation_id} {generation_id}{letter}") == []


@pytest.mark.parametrize(
    "before",
    [
        "test",
        "ima",
        "%2",
        "%G2",
        "22",
        "n",
        "u0022",
        r"\q",
        r"\u022",
        r"\x2",
        r"\04",
        "\x1b31m",
        "=3",
        "=61",
        "#011x",
        "#123",
        "#1",
        "31m",
    ],
)
def test_a_word_that_ends_like_an_escape_is_still_a_word(before):
    assert ids_in(before + TODAY) == []


@pytest.mark.parametrize(
    "text",
    [
        "gen-ai",
        "gen_ai.response.id",
        "gen-alpha",
        "gen-mapping",
        "gen-1753485462694-pfqdjg",
        "gen-1753485462694-AbCdEfGhIj0123456789",
        "imagen-1739819876160",
        "imagen-1739819876-AbCdEfGhIj0123456789",
        "GEN-1753485462-AbCdEfGhIj0123456789",
        "testgen-1753485462-AbCdEfGhIj0123456789",
        "gen-550e8400-e29b-41d4-a716-446655440000",
        "gen-550e8400e29b41d4a716446655440000",
        "gen-507f1f77bcf86cd799439011",
        "gen-507F1F77BCF86CD799439011",
        "gen-1234567890",
        "gen-1234567890-abc",
        "gen-abc123",
        "gen-xxxxxxxxxxxxxxxxxxxxxxxx",
        "gen-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "gen-XXXXXXXXXXXXXXXXXXXXXXXX",
        "gen-123456789012345678901234",
        "gen-aBcDeFgHiJkLmNoPqRsTuVwX-more",
        "gen-aBcDeFgHiJkLmNoPqRsTuVwXy",
        "gen-EMB-1753485462-AbCdEfGhIj0123456789",
        "gen-175348546-AbCdEfGhIj0123456789",
        "gen-1753485462-AbCdEfGhIj012345678",
        "gen-1753485462_AbCdEfGhIj0123456789",
        "gen-1753485462--bCdEfGhIj0123456789",
        "gen-1753485462-AbCdEfGhI\nj0123456789",
        "gen-seventeen01234567-1753485462-AbCdEfGhIj0123456789",
    ],
)
def test_a_look_alike_is_not_found(text):
    assert ids_in(text) == ids_in(f' "{text}" ') == []


def test_the_inner_of_two_prefixes_is_the_id():
    assert ids_in(f"gen-{TODAY}") == [TODAY]


def test_several_ids_on_a_line_are_found_in_order_with_their_places_in_bytes():
    assert found(f"é {TODAY},{LEGACY}".encode()) == [(TODAY, 3), (LEGACY, 3 + len(TODAY) + 1)]


def test_direction_marks_colours_and_titles_of_a_hostile_line_hide_no_id():
    assert ids_in(f"\u202e{TODAY}\u202c \x1b[31m{LEGACY}\x1b[0m \x1b]0;title\x07{TAGGED}\n") == [TODAY, LEGACY, TAGGED]


# Seconds that no request can have


@pytest.mark.parametrize(
    ("second", "is_kept"),
    [
        (datetime(2022, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2023, 1, 1, tzinfo=UTC), True),
        (NOW, True),
        (NOW + timedelta(days=1, seconds=1), True),
        (NOW + timedelta(days=1096), True),
        (datetime.fromtimestamp(LATEST, UTC), True),
        (datetime.fromtimestamp(LATEST + 1, UTC), False),
        (datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC), False),
        (datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), False),
    ],
)
@pytest.mark.parametrize("tag", ["", "emb-", "a-", "abcdefghijklmnop-"])
def test_an_id_whose_second_lies_before_2023_or_years_ahead_is_a_look_alike(second, is_kept, tag):
    generation_id = f"gen-{tag}{int(second.timestamp())}-AbCdEfGhIj0123456789"
    assert ids_in(f"{generation_id} {LEGACY}\n") == ([generation_id] if is_kept else []) + [LEGACY]


@given(st.timedeltas(timedelta(0), latest(NOW) - datetime(2023, 1, 1, tzinfo=UTC)))
def test_a_second_from_2023_to_ten_years_ahead_is_plausible(since_the_oldest):
    second = int((datetime(2023, 1, 1, tzinfo=UTC) + since_the_oldest).timestamp())
    ids = [f"gen-{tag}{second}-AbCdEfGhIj0123456789" for tag in ("", "emb-")]
    assert ids_in(" ".join(ids)) == ids


def test_a_clock_between_two_seconds_reaches_as_far_as_its_second():
    now = WRITTEN + timedelta(days=100, microseconds=999_999)
    ids = [f"gen-{int(latest(now).timestamp()) + ahead}-AbCdEfGhIj0123456789" for ahead in (0, 1)]
    assert found(" ".join(ids).encode(), now=now) == [(ids[0], 0)]


@pytest.mark.parametrize(
    "legacy",
    [
        "gen-0123456789aBcDeFgHiJkLmN",
        "gen-9999999999aBcDeFgHiJkLmN",
        "gen-0123456789aBcDeFgHiJkLmNoPqR",
        "gen-aBcDeFgHiJkLmN0123456789",
        "gen-zBcDeFgHiJkLmNoPqRsTuVwX",
    ],
)
def test_a_legacy_id_has_no_second_whatever_its_digits(legacy):
    assert ids_in(f"{legacy}\n") == [legacy]


def test_a_look_alike_does_not_hide_the_id_after_it():
    assert ids_in(f"gen-1234567890-AbCdEfGhIj0123456789,{TODAY}") == [TODAY]


# Repetitions


def test_the_repeated_ids_of_a_stream_count_once_where_they_come_first():
    chunks = "".join(f'data: {{"id":"{TODAY}","n":{n}}}\n' for n in range(500)) + f"{LEGACY}\n{TODAY}\n"
    assert found(chunks.encode()) == [(TODAY, chunks.index(TODAY)), (LEGACY, chunks.index(LEGACY))]


def test_an_id_that_stands_twice_in_one_window_counts_once():
    assert found_in(whole(f"{TODAY} {TODAY}")) == [(TODAY, 0)]


def test_the_first_of_two_counts_that_stands_alone():
    assert found(f"x{TODAY} {TODAY} {TODAY}".encode()) == [(TODAY, len(TODAY) + 2)]


def test_an_id_repeated_among_the_last_50000_is_found_once():
    find = IdFinder(NOW)
    ids = numbered(REMEMBERED - 1)
    assert found_in(whole("\n".join(ids)), find)[-1][0] == ids[-1]
    assert found_in(whole("\n".join([ids[0], ids[-1]])), find) == []


def test_among_known_ids_a_new_one_is_found():
    find = IdFinder(NOW)
    known, new = numbered(2), numbered(1, 2)
    assert [i for i, _ in found_in(whole(" ".join(known)), find)] == known
    assert found_in(whole(f"{known[0]} {new[0]} {known[1]}"), find) == [(new[0], len(TODAY) + 1)]
    assert found_in(whole(f"{known[0]} {new[0]} {known[1]}"), find) == []


def test_what_is_remembered_of_repetitions_is_bounded():
    find = IdFinder(NOW)
    a_window = 10_000
    for first in range(0, 3 * REMEMBERED, a_window):
        assert len(found_in(whole("\n".join(numbered(a_window, first))), find)) == a_window
        assert len(find._recent) <= REMEMBERED + a_window
    assert found_in(whole(numbered(1)[0]), find) == [(numbered(1)[0], 0)]


# Windows


def test_an_id_that_begins_where_the_next_window_does_belongs_to_that_one():
    text = f"{TODAY}\n{LEGACY}\n"
    second = len(TODAY) + 1
    find = IdFinder(NOW)
    buffer = bytearray(text.encode())
    assert found_in(Window(buffer, 0, second, len(text), 0), find) == [(TODAY, 0)]
    assert found_in(Window(buffer, second, len(text), len(text), 0), find) == [(LEGACY, second)]


def test_an_id_may_reach_beyond_its_window_as_far_as_the_limit():
    text = f"..{TODAY}"
    buffer = bytearray(text.encode())
    assert found_in(Window(buffer, 0, 3, len(text), 0)) == [(TODAY, 2)]
    assert found_in(Window(buffer, 0, 3, len(text) - 1, 0)) == []
    assert found_in(Window(buffer, 0, 2, len(text), 0)) == []


@pytest.mark.parametrize("rest", ["x", "\\", "n", "-", "\n"])
def test_what_else_lies_in_the_buffer_is_no_neighbour(rest):
    buffer = bytearray(f"{TODAY}{rest}".encode())
    assert found_in(Window(buffer, 0, len(TODAY), len(TODAY), 0)) == [(TODAY, 0)]


@pytest.mark.parametrize(("before", "is_id"), [("x", False), (r"\n", True), ("\x1b[31m", True), ("_", True)])
def test_the_text_before_a_window_decides_whether_its_first_id_is_the_end_of_a_word(before, is_id):
    text = f"{before}{TODAY}\n"
    window = Window(bytearray(text.encode()), len(before), len(text), len(text), 0)
    assert found_in(window) == ([(TODAY, len(before))] if is_id else [])


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize("separator", [",", ", ", " ", ",\n\t\t", ",\r\n  "])
@pytest.mark.parametrize("before", ["", "\x1b[32m", "id=", "\n"])
def test_an_id_spelled_as_byte_numbers_is_found_at_its_first(separator, before, generation_id):
    text = separator.join(str(byte) for byte in f"{before}{generation_id}\x1b[0m".encode())
    begin = text.index("103")
    for left, right in (("[", "]"), ('{"MESSAGE":[', '],"_PID":"1"}')):
        assert found(f"{left}{text}{right}\n".encode()) == [(generation_id, len(left) + begin)]


@given(st.sampled_from(IDS), st.sampled_from(ALPHANUMERICS))
def test_a_look_alike_spelled_as_byte_numbers_is_none(generation_id, letter):
    for text in (f"{letter}{generation_id}", f"{generation_id}{letter}", generation_id[:-1]):
        assert found(json.dumps(list(text.encode())).encode()) == []
    numbers = json.dumps(list(generation_id.encode())).strip("[]")
    assert found(f"[7{numbers}]".encode()) == []


NO_WORD = "\t\n\r\x1b\x00\x07 \"'=:;,&?/([{<>→“中\u00a0"
"""Characters that no word has."""

ESCAPES = {
    "rsyslog": lambda c: "".join(f"#{b:03o}" if b < 32 or b > 126 else chr(b) for b in c.encode()),
    "percent": lambda c: quote(c, safe=""),
    "percent twice": lambda c: quote(quote(c, safe=""), safe=""),
    "percent thrice": lambda c: quote(quote(quote(c, safe=""), safe=""), safe=""),
    "quoted-printable": lambda c: quopri.encodestring(c.encode(), quotetabs=True).decode("latin-1"),
    "json": lambda c: json.dumps(c)[1:-1],
    "json twice": lambda c: json.dumps(json.dumps(c))[1:-1],
    "octal": lambda c: "".join(f"\\{b:03o}" if b < 32 or b > 126 else chr(b) for b in c.encode()),
    "python": lambda c: ascii(c)[1:-1],
    "cat -v": lambda c: "".join(f"^{chr(ord(x) + 64)}" if x < " " else x for x in c),
}


@pytest.mark.parametrize("escape", ESCAPES)
@given(before=st.text(st.characters(exclude_categories=["Cs"]), max_size=6), last=st.sampled_from(NO_WORD))
@settings(max_examples=200)
def test_an_id_is_found_behind_whatever_is_no_word_in_any_escape(escape, before, last):
    assert ids_in(f"{ESCAPES[escape](before + last)}{TODAY}\n") == [TODAY]


@given(
    st.sampled_from(["\x1b", "", "^[", r"\x1b", r"\u001b", r"\033", r"\e", "#033", "%1B", "=1B", "\u241b", "?"]),
    st.lists(st.integers(0, 255), max_size=5),
    st.sampled_from("mK"),
)
def test_an_id_is_found_behind_any_colour_whatever_became_of_its_escape(escape, numbers, end):
    assert ids_in(f"{escape}[{';'.join(map(str, numbers))}{end}{TODAY}{escape}[0m\n") == [TODAY]


def test_the_longest_id_and_what_stands_behind_it_lie_within_reach():
    assert 5 * (len(LONGEST) + 1) == REACH
    assert len(r"\u001b[1;38;2;255;255;255;48;2;255;255;255m") < CONTEXT


# Against an obvious reference


def obvious(data: bytes) -> list[tuple[str, int]]:
    """What the facts say, one character at a time: slow, and without any expression."""
    text = data.decode("latin-1")  # one character per byte
    places = {}
    for start in range(len(text)):
        length = obvious_length(text[start : start + 100])
        if length and obviously_begins(text[:start]):
            places.setdefault(text[start : start + length], start)
    return list(places.items())


def obvious_length(text: str) -> int:
    if not text.startswith("gen-"):
        return 0
    rest = text[4:] + "\n"
    word = run(rest, ALPHANUMERICS)
    is_mixed = any(c in string.ascii_lowercase for c in word) and any(c in string.ascii_uppercase for c in word)
    if len(word) in {24, 28} and is_mixed and rest[len(word)] != "-":
        return 4 + len(word)
    tag = ""
    if word and word[0] in string.ascii_lowercase and len(word) <= 16 and word != "gen" and rest[len(word)] == "-":
        if run(word, string.ascii_lowercase + string.digits) != word:
            return 0
        tag = word + "-"
    second, dash, tail = rest[len(tag) :][:10], rest[len(tag) :][10:11], rest[len(tag) + 11 :]
    if len(run(second, string.digits)) != 10 or dash != "-" or len(run(tail, ALPHANUMERICS)) != 20:
        return 0
    return 4 + len(tag) + 31 if OLDEST <= int(second) <= LATEST else 0


def obviously_begins(before: str) -> bool:
    if not before or before[-1] not in ALPHANUMERICS:
        return True
    if before[-1] in "abefnrtv0" and before[:-1].endswith("\\"):
        return True
    for lead, digits, count in (
        ("\\x", string.hexdigits, 2),
        ("\\u", string.hexdigits, 4),
        ("\\", string.octdigits, 3),
    ):
        head, number = before[:-count], before[-count:]
        if len(run(number, digits)) == count and head.endswith(lead):
            return True
    if len(run(before[-2:], string.hexdigits)) == 2:
        head = before[:-2]
        while head.endswith("25"):
            head = head[:-2]
        if head.endswith("%") or (head.endswith("=") and chr(int(before[-2:], 16)) not in ALPHANUMERICS):
            return True
    if before[-1] not in "mKHJ":
        return False
    colour = before[:-1]
    while colour and colour[-1] in "0123456789;:":
        colour = colour[:-1]
    return colour.endswith("[")


def run(text: str, allowed: str) -> str:
    """The longest beginning of `text` that holds nothing but `allowed`."""
    for place, character in enumerate(text):
        if character not in allowed:
            return text[:place]
    return text


words = st.text(ALPHANUMERICS, min_size=24, max_size=28)
seconds = st.one_of(
    st.sampled_from([OLDEST - 1, OLDEST, LATEST, LATEST + 1, 10**9, 10**10 - 1]), st.integers(OLDEST, LATEST)
)
todays = st.builds("gen-{}{}-{}".format, st.sampled_from(["", "emb-", "a-", "gen-"]), seconds, st.just(TODAY[-20:]))
pieces = st.one_of(
    st.sampled_from([i.encode() for i in IDS]),
    todays.map(str.encode),
    st.sampled_from(
        [b"gen-", b"gen", b"-", b"emb-", b"1753485462", b"1753485462-", b"AbCdEfGhIj0123456789", b"gen-emb-"]
    ),
    st.sampled_from(
        [b"\\n", b"\\", b"\\u0022", b"\\x22", b"\\042", b"%22", b"%", b"_", b'"', b"\n", b" ", b"m", b"n", b"2"]
    ),
    st.sampled_from(
        [b"\x1b[31m", b"\x1b[m", b"\\u001b[1;31m", b"\\u001B[0m", b"\\x1b[31m", b"\\033[0;1m", b"\\e[7m", b"[31m"]
    ),
    st.sampled_from([b"\x1b[K", b"\x1b[1K", b"[K", b"K"]),
    words.map(str.encode),
    words.map(lambda w: f"gen-{w}".encode()),
    st.text(ALPHANUMERICS, min_size=19, max_size=21).map(lambda w: f"gen-{SECOND}-{w}".encode()),
    st.binary(max_size=3),
)
streams = st.lists(pieces, max_size=12).map(b"".join)


@in_two_forms(
    given(streams),
    example(f"gen-{TODAY}".encode()),
    example(f"{TODAY[:-3]}gen-{SECOND}-AbCdEfGhIj0123456789".encode()),
    example(f"x{TODAY}{TODAY}\\n{TODAY}".encode()),
    example(f"gen-{OLDEST - 1}-AbCdEfGhIj0123456789 gen-{OLDEST}-AbCdEfGhIj0123456789".encode()),
    example(f"gen-emb-{LATEST}-AbCdEfGhIj0123456789 gen-emb-{LATEST + 1}-AbCdEfGhIj0123456789".encode()),
    short=400,
    long_form=10_000,
)
def test_it_finds_exactly_what_a_slow_and_obvious_reading_finds(data):
    assert found(data) == obvious(data)
