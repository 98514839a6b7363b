"""Finding generation IDs: in any text, in any file, and nothing that only looks like one."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import string
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.errors import NoInputError
from ingest.scan import HEAD, REMEMBERED, Expansion, Scan, Source, expand, find_ids, require_readable, scan_all

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"
TAGGED = f"gen-rerank-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
LEGACY_28 = "gen-aBcDeFgHiJkLmNoPqRsTuVwX0123"
LONGEST = f"gen-abcdefghijklmnop-{SECOND}-AbCdEfGhIj0123456789"
IDS = (TODAY, TAGGED, LEGACY, LEGACY_28, LONGEST)

ALPHANUMERICS = string.ascii_letters + string.digits
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def ids_in(*blocks: str | bytes) -> list[str]:
    encoded = (b if isinstance(b, bytes) else b.encode() for b in blocks)
    return [found.decode() for found, _ in find_ids(encoded)]


def numbered(count: int) -> list[str]:
    return [f"gen-{SECOND}-{n:020d}" for n in range(count)]


def scanned(path, *, named=True, now=NOW):
    scan = Scan(Source(str(path), named), now)
    return [s.generation_id for s in scan], scan.result


def written(path, content: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


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
        "\u202e",
        "\u200b",
        "\ufeff",
        "“",
        "→",
    ],
)
def test_an_id_is_found_after(before, generation_id):
    text = before + generation_id
    assert list(find_ids([text.encode()])) == [(generation_id.encode(), len(before.encode()))]


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


@given(st.sampled_from(IDS), st.sampled_from(ALPHANUMERICS))
def test_an_id_that_is_the_tail_of_a_word_or_goes_on_is_none(generation_id, letter):
    assert ids_in(f"{letter}{generation_id} {generation_id}{letter}") == []


@pytest.mark.parametrize(
    "before",
    ["test", "ima", "%2", "%G2", "22", "n", "u0022", r"\q", r"\u022", r"\x2", r"\04", "[31m", "\x1b31m", r"\u001c[31m"],
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


def test_several_ids_on_a_line_are_found_in_order_with_their_offsets_in_bytes():
    line = f"é {TODAY},{LEGACY}"
    assert list(find_ids([line.encode()])) == [
        (TODAY.encode(), 3),
        (LEGACY.encode(), 3 + len(TODAY) + 1),
    ]


# Against an obvious reference


def obvious(data: bytes) -> list[tuple[bytes, int]]:
    """What the facts say, one character at a time: slow, and without any expression."""
    text = data.decode("latin-1")  # one character per byte
    found = []
    for start in range(len(text)):
        length = obvious_length(text[start : start + 100])
        if length and obviously_begins(text[:start]):
            found.append((data[start : start + length], start))
    return found


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
    if len(run(second, string.digits)) == 10 and dash == "-" and len(run(tail, ALPHANUMERICS)) == 20:
        return 4 + len(tag) + 31
    return 0


def obviously_begins(before: str) -> bool:
    if not before or before[-1] not in ALPHANUMERICS:
        return True
    if before[-1] in "abefnrtv" and before[:-1].endswith("\\"):
        return True
    for lead, digits, count in (
        ("%", string.hexdigits, 2),
        ("\\x", string.hexdigits, 2),
        ("\\u", string.hexdigits, 4),
        ("\\", string.octdigits, 3),
    ):
        head, number = before[:-count], before[-count:]
        if len(run(number, digits)) == count and head.endswith(lead):
            return True
    if before[-1] != "m":
        return False
    colour = before[:-1]
    while colour and colour[-1] in "0123456789;":
        colour = colour[:-1]
    return colour.endswith(("\x1b[", "\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033[", "\\e["))


def run(text: str, allowed: str) -> str:
    """The longest beginning of `text` that holds nothing but `allowed`."""
    for place, character in enumerate(text):
        if character not in allowed:
            return text[:place]
    return text


words = st.text(ALPHANUMERICS, min_size=24, max_size=28)
pieces = st.one_of(
    st.sampled_from([i.encode() for i in IDS]),
    st.sampled_from(
        [b"gen-", b"gen", b"-", b"emb-", b"1753485462", b"1753485462-", b"AbCdEfGhIj0123456789", b"gen-emb-"]
    ),
    st.sampled_from(
        [b"\\n", b"\\", b"\\u0022", b"\\x22", b"\\042", b"%22", b"%", b"_", b'"', b"\n", b" ", b"m", b"n", b"2"]
    ),
    st.sampled_from(
        [b"\x1b[31m", b"\x1b[m", b"\\u001b[1;31m", b"\\u001B[0m", b"\\x1b[31m", b"\\033[0;1m", b"\\e[7m", b"[31m"]
    ),
    words.map(str.encode),
    words.map(lambda w: f"gen-{w}".encode()),
    st.text(ALPHANUMERICS, min_size=19, max_size=21).map(lambda w: f"gen-{SECOND}-{w}".encode()),
    st.binary(max_size=3),
)
streams = st.lists(pieces, max_size=12).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(streams)
@example(f"gen-{TODAY}".encode())
@example(f"{TODAY[:-3]}gen-{SECOND}-AbCdEfGhIj0123456789".encode())
@example(f"x{TODAY}{TODAY}\\n{TODAY}".encode())
def test_it_finds_exactly_what_a_slow_and_obvious_reading_finds(data):
    assert list(find_ids([data])) == obvious(data)


@settings(max_examples=800, deadline=None)
@given(streams, st.data())
def test_it_does_not_matter_how_a_stream_is_cut_into_blocks(data, draw):
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    blocks = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
    assert list(find_ids(blocks)) == list(find_ids([data]))


@settings(max_examples=100, deadline=None)
@given(streams, st.integers(1, 70))
def test_nor_into_many_blocks_of_one_size(data, size):
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(find_ids(blocks)) == list(find_ids([data]))


@pytest.mark.parametrize("generation_id", IDS)
@pytest.mark.parametrize("around", ["{}", "{}x", "x{}", "\\n{}\\n", "\\u001b[1;31;40m{} and {}", "%22{}%22", "{}-{}"])
def test_a_block_may_end_anywhere_in_an_id(around, generation_id):
    data = around.format(generation_id, TAGGED).encode()
    whole = list(find_ids([data]))
    assert all(list(find_ids([data[:cut], data[cut:]])) == whole for cut in range(len(data) + 1))


# Seconds that no request can have


@pytest.mark.parametrize(
    ("second", "is_kept"),
    [
        (datetime(2022, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2023, 1, 1, tzinfo=UTC), True),
        (NOW, True),
        (NOW + timedelta(days=1), True),
        (NOW + timedelta(days=1, seconds=1), False),
        (datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC), False),
        (datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), False),
    ],
)
@pytest.mark.parametrize("tag", ["", "emb-"])
def test_an_id_whose_second_lies_before_2023_or_a_day_ahead_is_a_look_alike(second, is_kept, tag, tmp_path):
    generation_id = f"gen-{tag}{int(second.timestamp())}-AbCdEfGhIj0123456789"
    found, read = scanned(written(tmp_path / "app.log", f"{generation_id} {LEGACY}\n".encode()))
    assert found == ([generation_id] if is_kept else []) + [LEGACY]
    assert read.sightings == len(found)


# Files


def test_a_plain_file_tells_its_ids_and_how_it_was_read(tmp_path):
    content = f'{{"id": "{TODAY}"}}\nünïcode {LEGACY}\n'.encode()
    path = written(tmp_path / "app.log", content)
    scan = Scan(Source(str(path)), NOW)
    sightings = list(scan)
    assert [(s.generation_id, s.source, s.position) for s in sightings] == [
        (TODAY, str(path), content.index(TODAY.encode())),
        (LEGACY, str(path), content.index(LEGACY.encode())),
    ]
    read = scan.result
    assert (read.source, read.bytes_read, read.size) == (str(path), len(content), len(content))
    assert (read.sightings, read.complete, read.problem, read.passed_over) == (2, True, None, False)
    assert read.fingerprint == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("form", COMPRESS)
def test_a_compressed_file_is_read_as_its_text_whatever_its_name(form, tmp_path):
    text = f"first {TODAY}\n".encode() + b"filler\n" * 1000 + LEGACY.encode()
    path = written(tmp_path / "rotated.log.1", COMPRESS[form](text))
    scan = Scan(Source(str(path)), NOW)
    assert [(s.generation_id, s.position) for s in scan] == [(TODAY, 6), (LEGACY, text.index(LEGACY.encode()))]
    read = scan.result
    assert (read.bytes_read, read.size, read.complete, read.problem) == (len(text), path.stat().st_size, True, None)
    assert read.fingerprint == hashlib.sha256(text[:HEAD]).hexdigest()


@pytest.mark.parametrize("form", COMPRESS)
def test_concatenated_archives_are_one_text(form, tmp_path):
    compress = COMPRESS[form]
    parts = [b"one ", TODAY[:9].encode(), TODAY[9:].encode(), b"", b" " + LEGACY.encode()]
    path = written(tmp_path / "app.log", b"".join(map(compress, parts)))
    found, read = scanned(path)
    assert found == [TODAY, LEGACY]
    assert (read.complete, read.bytes_read) == (True, sum(map(len, parts)))


def test_the_fingerprint_is_of_the_first_4_kib_however_small_the_pieces_they_come_in(tmp_path):
    text = b"".join(b"line %d\n" % n for n in range(1000))
    pieces = [text[at : at + 500] for at in range(0, len(text), 500)]
    plain = written(tmp_path / "plain.log", text)
    appended = written(tmp_path / "appended.log.gz", b"".join(map(gzip.compress, pieces)))
    expected = hashlib.sha256(text[:HEAD]).hexdigest()
    assert scanned(plain)[1].fingerprint == expected
    assert scanned(appended)[1].fingerprint == expected


@pytest.mark.parametrize("form", COMPRESS)
def test_a_truncated_archive_keeps_the_ids_before_the_cut(form, tmp_path):
    # Hardly compressible, so that the archive has many blocks and the cut loses only the last.
    ids = [f"gen-{SECOND + n}-{hashlib.sha256(b'%d' % n).hexdigest()[:20]}" for n in range(40_000)]
    whole = COMPRESS[form]("\n".join(ids).encode())
    found, read = scanned(written(tmp_path / "app.log.gz", whole[: len(whole) * 9 // 10]))
    assert 0 < len(found) < len(ids)
    assert found == ids[: len(found)]
    assert (read.complete, read.was_readable, read.sightings) == (False, True, len(found))
    assert "truncated" in read.problem


def test_a_gz_cut_in_its_first_bytes_is_truncated_too(tmp_path):
    found, read = scanned(written(tmp_path / "app.log.gz", gzip.compress(TODAY.encode())[:2]))
    assert (found, read.complete, read.was_readable, read.bytes_read) == ([], False, False, 0)
    assert "truncated" in read.problem


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(2, 2000))
def test_a_gz_cut_anywhere_never_costs_more_than_what_lies_behind_the_cut(tmp_path_factory, cut):
    ids = numbered(300)
    whole = gzip.compress("\n".join(ids).encode())
    found, read = scanned(written(tmp_path_factory.mktemp("cut") / "app.log.gz", whole[:cut]))
    assert found == ids[: len(found)]
    assert read.complete is (cut >= len(whole))
    assert (read.problem is None) is read.complete


def test_a_gz_with_a_wrong_checksum_keeps_its_ids_and_is_named_corrupt(tmp_path):
    whole = bytearray(gzip.compress(f"{TODAY}\n{LEGACY}\n".encode()))
    whole[-8] ^= 0xFF
    found, read = scanned(written(tmp_path / "app.log.gz", bytes(whole)))
    assert (found, read.complete) == ([TODAY, LEGACY], False)
    assert read.problem.startswith("corrupt: ")


@pytest.mark.parametrize("form", COMPRESS)
def test_a_damaged_archive_is_corrupt_and_no_crash(form, tmp_path):
    whole = bytearray(COMPRESS[form]("\n".join(numbered(2000)).encode()))
    whole[len(whole) // 2] ^= 0xFF
    found, read = scanned(written(tmp_path / "app.log", bytes(whole)))
    assert read.sightings == len(found)
    assert read.complete is False
    assert read.problem.startswith("corrupt: ")


def test_rubbish_behind_an_archive_is_told_and_costs_no_id(tmp_path):
    found, read = scanned(written(tmp_path / "app.log.gz", gzip.compress(TODAY.encode()) + b"rubbish"))
    assert (found, read.complete) == ([TODAY], False)
    assert read.problem.startswith("corrupt: ")


@pytest.mark.parametrize("content", [b"", *(c(b"") for c in COMPRESS.values())])
def test_an_empty_file_is_read_to_its_end(content, tmp_path):
    found, read = scanned(written(tmp_path / "empty.log", content))
    assert (found, read.bytes_read, read.complete, read.problem, read.fingerprint) == ([], 0, True, None, None)
    assert read.was_readable


def test_a_file_that_is_gone_by_the_time_it_is_read_is_a_problem_and_no_crash(tmp_path):
    found, read = scanned(tmp_path / "gone.log")
    assert (found, read.complete, read.was_readable, read.size) == ([], False, False, None)
    assert read.problem == "No such file or directory"


def test_a_directory_in_a_files_place_is_a_problem_and_no_crash(tmp_path):
    (tmp_path / "app.log").mkdir()
    found, read = scanned(tmp_path / "app.log")
    assert (found, read.complete, read.was_readable) == ([], False, False)
    assert read.problem == "Is a directory"


def test_repeated_ids_of_a_stream_count_once(tmp_path):
    chunks = "".join(f'data: {{"id":"{TODAY}","n":{n}}}\n' for n in range(500)) + f"{LEGACY}\n{TODAY}\n"
    scan = Scan(Source(str(written(tmp_path / "sse.txt", chunks.encode()))), NOW)
    sightings = [(s.generation_id, s.position) for s in scan]
    assert sightings == [(TODAY, chunks.index(TODAY)), (LEGACY, chunks.index(LEGACY))]
    assert scan.result.sightings == 2


def test_what_is_remembered_of_repetitions_is_bounded(tmp_path):
    ids = numbered(REMEMBERED + 1)
    found, read = scanned(written(tmp_path / "app.log", "\n".join([*ids, ids[0], ids[-1]]).encode()))
    assert found == [*ids, ids[0]]
    assert read.sightings == len(found)


def test_direction_marks_and_colours_of_a_hostile_line_hide_no_id(tmp_path):
    line = f"\u202e{TODAY}\u202c \x1b[31m{LEGACY}\x1b[0m \x1b]0;title\x07{TAGGED}\n"
    assert scanned(written(tmp_path / "app.log", line.encode()))[0] == [TODAY, LEGACY, TAGGED]


@pytest.mark.parametrize("form", ["plain", *COMPRESS])
def test_standard_input_is_read_like_a_file_without_a_size(form, tmp_path, monkeypatch):
    path = written(tmp_path / "stdin", COMPRESS.get(form, bytes)(f"{TODAY}\n".encode()))
    with path.open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        scan = Scan(Source("-"), NOW)
        assert [(s.generation_id, s.source) for s in scan] == [(TODAY, "-")]
    assert (scan.result.size, scan.result.complete, scan.result.bytes_read) == (None, True, len(TODAY) + 1)


def test_the_ids_of_a_pipe_come_while_it_is_still_open(monkeypatch):
    reading, writing = os.pipe()
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        scan = Scan(Source("-"), NOW)
        sightings = iter(scan)
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.write(f"{TODAY}{' ' * 100}{LEGACY}".encode())
            found = [next(sightings).generation_id]
        found += [s.generation_id for s in sightings]
    assert (found, scan.result.complete) == ([TODAY, LEGACY], True)


# Text and binary data


BINARY = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00" + bytes(range(256)) * 8,
    "sqlite": b"SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20" + bytes(500) + b"\x8a\xff" * 20,
}


@pytest.mark.parametrize("kind", BINARY)
def test_binary_data_met_in_a_directory_is_passed_over_and_when_named_is_a_problem(kind, tmp_path):
    path = written(tmp_path / "blob", BINARY[kind] + TODAY.encode())
    for named in (True, False):
        found, read = scanned(path, named=named)
        assert (found, read.bytes_read, read.complete) == ([], 0, False)
        assert (read.problem, read.passed_over) == ("binary, not text", not named)


def test_binary_data_inside_an_archive_is_binary(tmp_path):
    found, read = scanned(written(tmp_path / "blob.gz", gzip.compress(BINARY["png"])), named=False)
    assert (found, read.passed_over) == ([], True)


@pytest.mark.parametrize(
    "content",
    [
        bytes(HEAD * 3),
        bytes(100),
        b"plain\n",
        "ünïcödé → 日本語\n".encode(),
        "caf\u00e9 in latin-1\n".encode("latin-1") * 20,
        b"x" * (HEAD - 1) + "日本語".encode(),
        b"x" * (HEAD - 2) + "日本語".encode(),
        bytes(HEAD - 2) + "日本語".encode(),
        b"\x1b[31mcoloured\x1b[0m\r\n\x07\x08" * 30,
    ],
)
def test_a_log_is_text_even_with_leading_nuls_colours_or_another_encoding(content, tmp_path):
    found, read = scanned(written(tmp_path / "app.log", content + f"\n{TODAY}\n".encode()), named=False)
    assert (found, read.complete, read.passed_over, read.problem) == ([TODAY], True, False, None)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 30))
def test_any_utf_8_text_is_text(tmp_path_factory, text, shift):
    content = b"x" * (HEAD - shift) + text.encode() + f"\n{TODAY}\n".encode()
    found, read = scanned(written(tmp_path_factory.mktemp("text") / "app.log", content), named=False)
    assert (found[-1:], read.problem) == ([TODAY], None)


# What the command line's arguments stand for


def names(expansion) -> list[str]:
    return [s.name for s in expansion.sources]


def test_a_directory_is_walked_in_sorted_order_without_its_hidden_files(tmp_path):
    for name in ("b.log", "a.log", "sub/z.log", "sub/deep/y.log", "another/x.log"):
        written(tmp_path / name, b"")
    for name in (".hidden", "sub/.hidden", ".git/config", ".git/HEAD"):
        written(tmp_path / name, b"")
    expansion = expand([str(tmp_path)])
    assert names(expansion) == [
        str(tmp_path / name) for name in ("a.log", "b.log", "another/x.log", "sub/z.log", "sub/deep/y.log")
    ]
    assert not any(s.named for s in expansion.sources)
    assert (expansion.passed_over, expansion.problems) == (3, ())  # two files, and one folder as a whole


def test_a_hidden_file_is_read_when_it_is_named(tmp_path):
    path = written(tmp_path / ".hidden.log", b"")
    assert expand([str(path)]) == Expansion((Source(str(path)),), (), 0)


def test_arguments_keep_their_order(tmp_path):
    paths = [str(written(tmp_path / name, b"")) for name in ("c.log", "a.log", "b.log")]
    assert names(expand([*paths, "-"])) == [*paths, "-"]


def test_a_glob_stands_for_its_files_in_sorted_order(tmp_path):
    for name in ("b.log", "a.log", "c.txt", "sub/d.log"):
        written(tmp_path / name, b"")
    (tmp_path / "folder.log").mkdir()
    assert names(expand([f"{tmp_path}/*.log"])) == [str(tmp_path / n) for n in ("a.log", "b.log")]
    assert names(expand([f"{tmp_path}/**/*.log"])) == [str(tmp_path / n) for n in ("a.log", "b.log", "sub/d.log")]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    path = written(tmp_path / "app[1].log", b"")
    assert names(expand([str(path)])) == [str(path)]


@pytest.mark.parametrize(
    ("argument", "problem"),
    [("*.nope", "no file matches"), ("nope.log", "no such file or directory"), ("nope/", "no such file or directory")],
)
def test_an_argument_that_stands_for_nothing_is_a_problem_and_stops_nothing(argument, problem, tmp_path):
    path = str(written(tmp_path / "app.log", b""))
    expansion = expand([f"{tmp_path}/{argument}", path])
    assert names(expansion) == [path]
    assert [(p.source, p.problem, p.complete, p.was_readable) for p in expansion.problems] == [
        (f"{tmp_path}/{argument}", problem, False, False)
    ]


def test_a_glob_that_matches_directories_only_stands_for_nothing_too(tmp_path):
    (tmp_path / "2025-07").mkdir()
    expansion = expand([f"{tmp_path}/2025*"])
    assert (expansion.sources, [p.problem for p in expansion.problems]) == ((), ["no file matches"])


@pytest.mark.parametrize("argument", ["", "a\x00b", "x" * 5000])
def test_a_name_that_no_file_can_have_is_a_problem_and_stands_for_nothing(argument):
    # "" is what a shell makes of an unset variable: it must not stand for the current directory.
    expansion = expand([argument])
    assert (expansion.sources, [p.source for p in expansion.problems]) == ((), [argument])


def test_a_file_named_twice_is_read_once_whatever_it_is_called(tmp_path, monkeypatch):
    path = written(tmp_path / "logs/app.log", b"")
    (tmp_path / "link.log").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    again = ["logs/app.log", "./logs/app.log", str(path), "logs/../link.log", "link.log", "logs", "logs/*.log"]
    assert names(expand(again)) == ["logs/app.log"]
    assert names(expand(["-", "-"])) == ["-"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_counts_as_named_even_if_a_directory_holds_it_too(order, tmp_path):
    path = written(tmp_path / "dump", BINARY["png"])
    expansion = expand([str(tmp_path), str(path)][::order])
    reads = [c.read for c in scan_all(expansion, NOW)]
    assert [(r.problem, r.passed_over) for r in reads] == [("binary, not text", False)]


def test_loops_of_links_in_a_directory_end(tmp_path):
    path = written(tmp_path / "logs/app.log", TODAY.encode())
    (tmp_path / "logs/self").symlink_to("self")
    (tmp_path / "logs/up").symlink_to(tmp_path / "logs", target_is_directory=True)
    (tmp_path / "logs/a").symlink_to("b")
    (tmp_path / "logs/b").symlink_to("a")
    (tmp_path / "logs/gone").symlink_to("nowhere")
    assert names(expand([str(tmp_path / "logs")])) == [str(path)]


def test_special_files_of_a_directory_are_passed_over(tmp_path):
    path = written(tmp_path / "app.log", b"")
    os.mkfifo(tmp_path / "pipe")
    expansion = expand([str(tmp_path)])
    assert (names(expansion), expansion.passed_over) == ([str(path)], 1)


# Everything together


@given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=4), size=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_chunks_are_never_larger_than_asked_and_the_last_of_each_source_tells_its_reading(
    tmp_path_factory, counts, size
):
    folder = tmp_path_factory.mktemp("chunks")
    written_ids = []
    for n, count in enumerate(counts):
        ids = [f"gen-{SECOND + n}-{i:020d}" for i in range(count)]
        written(folder / f"{n}.log", "\n".join(ids).encode())
        written_ids += ids
    expansion = expand([str(folder)])
    chunks = list(scan_all(expansion, NOW, size))
    assert all(len(c.sightings) <= size for c in chunks)
    assert all(len(c.sightings) == size for c in chunks if c.read is None)
    assert [s.generation_id for c in chunks for s in c.sightings] == written_ids
    reads = [c.read for c in chunks if c.read]
    assert [(r.source, r.sightings, r.complete) for r in reads] == [
        (name, count, True) for name, count in zip(names(expansion), counts, strict=True)
    ]
    sources = [c.sightings[0].source if c.sightings else c.read.source for c in chunks]
    is_last = [here != then for here, then in pairwise([*sources, None])]
    assert [c.read is not None for c in chunks] == is_last


def test_sources_that_cannot_be_read_come_as_chunks_and_the_others_are_read(tmp_path):
    good = written(tmp_path / "good.log", TODAY.encode())
    bad = written(tmp_path / "bad.gz", gzip.compress(LEGACY.encode())[:-4])
    chunks = list(scan_all(expand([str(tmp_path / "gone.log"), str(bad), str(good)]), NOW))
    assert [[s.generation_id for s in c.sightings] for c in chunks] == [[], [LEGACY], [TODAY]]
    assert [c.read.source for c in chunks] == [str(tmp_path / "gone.log"), str(bad), str(good)]
    assert [c.read.complete for c in chunks] == [False, False, True]


def test_the_error_for_nothing_readable_names_sources_in_plain_ascii(tmp_path):
    reads = [c.read for c in scan_all(expand([f"{tmp_path}/\u202egone.log"]), NOW)]
    with pytest.raises(NoInputError) as caught:
        require_readable(reads)
    assert caught.value.cause == f"{tmp_path}/\\u202egone.log: no such file or directory"


def test_one_readable_source_is_enough_and_binary_files_that_nobody_named_are_none(tmp_path):
    written(tmp_path / "logs" / "a.bin", BINARY["png"])
    binary = [c.read for c in scan_all(expand([str(tmp_path / "logs")]), NOW)]
    empty = [c.read for c in scan_all(expand([str(written(tmp_path / "empty.log", b""))]), NOW)]
    with pytest.raises(NoInputError):
        require_readable(binary)
    require_readable(binary + empty)
    require_readable([])


def test_a_directory_that_cannot_be_entered_costs_only_itself(tmp_path, monkeypatch):
    written(tmp_path / "ok" / "a.log", TODAY.encode())
    written(tmp_path / "shut" / "b.log", TODAY.encode())
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    expansion = expand([str(tmp_path)])
    assert [s.name for s in expansion.sources] == [str(tmp_path / "ok" / "a.log")]
    assert [(p.source, p.problem) for p in expansion.problems] == [(str(tmp_path / "shut"), "Permission denied")]


def test_a_link_to_a_directory_is_counted_and_not_followed(tmp_path):
    written(tmp_path / "elsewhere" / "a.log", TODAY.encode())
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "current").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    expansion = expand([str(tmp_path / "logs")])
    assert (expansion.sources, expansion.passed_over) == ((), 1)


def test_an_archive_that_cannot_be_read_yet_is_named(tmp_path):
    path = written(tmp_path / "a.log.zst", b"\x28\xb5\x2f\xfd" + b"rest of a frame")
    for named in (True, False):
        _, result = scanned(path, named=named)
        assert (result.problem, result.passed_over) == ("zstd archives are not read yet", False)
