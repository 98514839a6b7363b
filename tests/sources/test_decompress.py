"""Bytes as stored into text: archives in whole, in parts and in ruins, UTF-16, and what is no text at all."""

import bz2
import codecs
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import signal
import struct
import subprocess
import sys
import zlib
from contextlib import contextmanager
from functools import partial

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.sources.decompress import COMPRESSED_BLOCK, DecodingError, looks_binary, open_text
from ingest.sources.open_file import OpenSource
from ingest.sources.readers import HEAD, ErrorCapturingReader
from ingest.sources.text_windows import ResumePoint, TextWindows

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"

COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": partial(lzma.compress, preset=1), "zst": zstd.compress}
MAGIC = {"gz": 3, "bz2": 4, "xz": 6, "zst": 4}
LINES = b"".join(b"gen-%d-%b\n" % (SECOND + n, hashlib.sha256(b"%d" % n).hexdigest()[:20].encode()) for n in range(30))
"""Hardly compressible, so that a cut costs no more than what lies behind it."""

every_form = pytest.mark.parametrize("form", COMPRESS)


@contextmanager
def ending_within(seconds: int):
    """What does not end fails."""

    def fail(*_):
        pytest.fail(f"it did not end within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def text_of(content: bytes, *, view: int = 64 * 1024):
    """The text that is read from these bytes, what ended it, and what counted the bytes."""
    with ending_within(10):
        text, stored = open_text(OpenSource(io.BytesIO(content), len(content), None, None))
        guarded, buffer, pieces = ErrorCapturingReader(text), memoryview(bytearray(view)), []
        while count := guarded.readinto(buffer):
            pieces.append(bytes(buffer[:count]))
    return b"".join(pieces), guarded.error, stored


def peak_of(code: str, *arguments: object) -> tuple[object, int]:
    """What a Python of its own prints as JSON, and the most memory it had at once, in bytes."""
    told = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    # A process counts what the one had that it was forked from: a small shell in between.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", f"{code}\n{told}", *map(str, arguments)]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=variables)
    printed, peak = done.stdout.splitlines()
    return json.loads(printed), int(peak) * (1 if sys.platform == "darwin" else 1024)


SCAN = """
import json, sys
from datetime import datetime, timezone
from ingest.sources.source_scan import SourceScan
from ingest.sources.discovery import Source
scan = SourceScan(Source(sys.argv[1]), datetime(2026, 3, 1, 12, tzinfo=timezone.utc))
found = [s.generation_id for sightings in scan for s in sightings]
print(json.dumps([len(found), scan.result.bytes_read, scan.result.problem]))
"""


# Whole archives


@every_form
def test_an_archive_is_its_text_and_its_bytes_are_counted(form):
    content = COMPRESS[form](LINES * 100)
    text, error, stored = text_of(content)
    assert (text, error) == (LINES * 100, None)
    assert (stored.count, stored.checksum, stored.tail) == (len(content), zlib.crc32(content), content[-HEAD:])


@every_form
def test_an_archive_that_spans_many_reads_is_its_text_too(form):
    lines = b"".join(b"%b\n" % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(20_000))
    content = COMPRESS[form](lines)
    text, error, stored = text_of(content)
    assert len(content) > 5 * COMPRESSED_BLOCK
    assert (text == lines, error, stored.count) == (True, None, len(content))
    assert (stored.checksum, stored.tail) == (zlib.crc32(content), content[-HEAD:])


@every_form
@pytest.mark.parametrize("view", [1, 7, HEAD - 1, HEAD, HEAD + 1])
def test_it_does_not_matter_how_much_is_asked_for_at_a_time(form, view):
    lines = LINES * 5
    assert text_of(COMPRESS[form](lines), view=view)[:2] == (lines, None)


@every_form
def test_an_empty_archive_is_an_empty_text(form):
    text, error, stored = text_of(COMPRESS[form](b""))
    assert (text, error, stored is None) == (b"", None, False)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"plain\n", LINES, b"\x1f\x8b", b"BZh", b"BZh0", b"BZip", b"\xfd7zXZ\x01"]
)
def test_what_is_no_archive_is_the_text_itself(content):
    assert text_of(content) == (content, None, None)


@every_form
@given(
    parts=st.lists(st.one_of(st.just(b""), st.binary(max_size=40), st.just(LINES)), min_size=1, max_size=6),
    padding=st.integers(0, 600),
)
@settings(max_examples=60)
def test_concatenated_archives_are_one_text_zeros_between_and_behind_them_none(form, parts, padding):
    content = b"".join(COMPRESS[form](part) + bytes(padding) for part in parts)
    text, error, stored = text_of(content)
    assert (error, stored.count) == (None, len(content))
    expected = b"".join(parts)
    if not expected.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        assert text == expected


@every_form
def test_a_padding_of_zeros_may_be_longer_than_a_read(form):
    assert text_of(COMPRESS[form](LINES) + bytes(3 * COMPRESSED_BLOCK))[:2] == (LINES, None)


def test_a_gz_may_have_a_name_a_comment_and_more_in_its_header():
    plain = gzip.compress(LINES)
    extra = b"\x1f\x8b\x08\x1c" + plain[4:10] + struct.pack("<H", 5) + b"extra" + b"app.log\0" + b"a comment\0"
    assert text_of(extra + plain[10:])[:2] == (LINES, None)


@pytest.mark.parametrize("first", [b"\x50", b"\x5f"])
def test_zstd_frames_to_be_skipped_are_skipped_wherever_they_stand(first):
    skipped = first + b"\x2a\x4d\x18" + struct.pack("<I", 10) + b"0123456789"
    for content in (skipped + zstd.compress(LINES), zstd.compress(LINES) + skipped):
        assert text_of(content)[:2] == (LINES, None)
    assert text_of(skipped)[:2] == (b"", None)


MANY_MEMBERS = """
import gzip, io, threading
from ingest.sources.decompress import open_text
from ingest.sources.open_file import OpenSource

def read():
    content = b"".join(gzip.compress(b"%d\\n" % n, 1) for n in range(20_000))
    text, _ = open_text(OpenSource(io.BytesIO(content), len(content), None, None))
    buffer, lines = memoryview(bytearray(65536)), 0
    while count := text.readinto(buffer):
        lines += bytes(buffer[:count]).count(b"\\n")
    print(lines)

threading.stack_size(512 * 1024)  # what nests for each member needs more
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


def test_an_archive_may_have_as_many_members_as_a_log_has_lines():
    done = subprocess.run([sys.executable, "-c", MANY_MEMBERS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "20000\n")


TINY_MEMBERS = """
import io, sys, time
from ingest.sources.decompress import open_text
from ingest.sources.open_file import OpenSource
from ingest.sources.readers import ErrorCapturingReader

began = time.process_time()
content = bytes.fromhex(sys.argv[1]) * (2_000_000 // (len(sys.argv[1]) // 2))
text = ErrorCapturingReader(open_text(OpenSource(io.BytesIO(content), len(content), None, None))[0])
while text.readinto(memoryview(bytearray(65536))):
    pass
print(text.error)
print(time.process_time() - began < 8)
"""


TINY = {form: (compress(b""), form in {"zst", "bz2"}) for form, compress in COMPRESS.items()} | {
    **{f"skipped {n}": (struct.pack("<II", 0x184D2A50 + n, n) + bytes(n), False) for n in (0, 1, 15)},
    "skipped and empty": (struct.pack("<II", 0x184D2A50, 0) + zstd.compress(b""), False),
    "padded": (zstd.compress(b"x") + bytes(7), False),
}


@pytest.mark.parametrize("kind", TINY)
def test_members_without_text_cost_no_more_than_their_bytes_whatever_their_number(kind):
    """Two megabytes of them; before, they took half a minute of CPU."""
    member, problem = TINY[kind]
    command = [sys.executable, "-c", TINY_MEMBERS, member.hex()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert done.stdout.splitlines() == [
        "a bomb: over 10,000 parts of under 16 bytes" if problem else "None",
        "True",
    ]


# Archives in ruins


@every_form
def test_an_archive_cut_anywhere_keeps_the_text_before_the_cut_and_is_truncated(form):
    whole = COMPRESS[form](LINES)
    for cut in range(MAGIC[form], len(whole)):
        text, error, stored = text_of(whole[:cut])
        assert LINES.startswith(text)
        assert (type(error), str(error)) == (DecodingError, "truncated: the archive ends in the middle")
        assert stored.count == cut


@every_form
def test_a_cut_costs_only_what_lies_behind_it(form):
    lines = b"".join(b"%b\n" % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(20_000))
    whole = COMPRESS[form](lines)
    text, error, _ = text_of(whole[: len(whole) * 9 // 10])
    assert lines.startswith(text)
    assert len(text) > len(lines) // 2  # a block of bz2 is 900 kB, and comes only when it is whole
    assert str(error).startswith("truncated")


@every_form
def test_the_second_of_two_archives_may_be_truncated(form):
    first, second = COMPRESS[form](LINES), COMPRESS[form](b"second")
    for cut in range(1, len(second)):
        text, error, _ = text_of(first + second[:cut])
        assert (LINES + b"second").startswith(text)
        assert text.startswith(LINES)
        assert str(error).startswith("truncated")


@every_form
@pytest.mark.parametrize("rubbish", [b"rubbish", b"rubbish" * 20, b"rubbish" * 50_000, bytes(100) + b"rubbish"])
def test_rubbish_after_an_archive_is_reported_and_loses_no_text(form, rubbish):
    text, error, _ = text_of(COMPRESS[form](LINES) + rubbish)
    assert text == LINES
    assert str(error).startswith("corrupt: ")


@every_form
def test_a_damaged_archive_is_corrupt(form):
    lines = b"".join(b"%b\n" % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(5_000))
    whole = bytearray(COMPRESS[form](lines))
    whole[MAGIC[form] + 3 : MAGIC[form] + 20] = b"\xff" * 17
    text, error, _ = text_of(bytes(whole))
    assert lines.startswith(text)
    assert str(error).startswith("corrupt: ")


@every_form
@given(data=st.data())
@settings(max_examples=150)
def test_damage_is_reported_as_a_decoding_error_or_not_at_all(form, data):
    whole = bytearray(COMPRESS[form](LINES))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    _, error, _ = text_of(bytes(whole))
    damages = r"corrupt: .|truncated: the archive ends in the middle\Z|cannot be read: an archive of ."
    assert error is None or re.match(damages, str(error))  # of another kind, if the first bytes were hit
    assert error is None or isinstance(error, DecodingError)


@given(st.integers(1, 8), st.integers(1, 255))
def test_a_gz_with_a_wrong_checksum_or_length_keeps_its_text_and_is_corrupt(place, bits):
    whole = bytearray(gzip.compress(LINES))
    whole[-place] ^= bits
    text, error, _ = text_of(bytes(whole))
    assert text == LINES
    assert str(error).startswith("corrupt: ")


@pytest.mark.parametrize("form", ["bz2", "xz"])
def test_another_archive_with_a_wrong_checksum_is_corrupt(form):
    whole = bytearray(COMPRESS[form](LINES))
    whole[-6] ^= 0xFF
    text, error, _ = text_of(bytes(whole))
    assert text == LINES
    assert str(error).startswith("corrupt: ")


def gz_of_size(size: int) -> bytes:
    """A sound gz of so many bytes: a comment fills it up."""
    plain = gzip.compress(LINES)
    return b"\x1f\x8b\x08\x10" + plain[4:10] + b"c" * (size - len(plain) - 1) + b"\0" + plain[10:]


@pytest.mark.parametrize("off", [-9, -1, 0, 1, 8, 63, 64, 65])
def test_it_keeps_its_text_wherever_a_read_ends(off):
    whole = bytearray(gz_of_size(COMPRESSED_BLOCK + off))
    assert text_of(bytes(whole))[:2] == (LINES, None)
    whole[-8] ^= 0xFF
    text, error, _ = text_of(bytes(whole))
    assert text == LINES
    assert str(error).startswith("corrupt: ")


# Archives that would exhaust the machine


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(bytes(1_000_000)) * 200,
        bz2.compress(bytes(1_000_000)) * 200,
        lzma.compress(bytes(1_000_000)) * 100,
        zstd.compress(bytes(1_000_000)) * 200,
    ],
    ids=COMPRESS,
)
def test_a_bomb_is_left_in_time_and_keeps_the_text_before_it(bomb, tmp_path):
    path = tmp_path / "bomb"
    first = next(
        c
        for c, magic in zip(COMPRESS.values(), (b"\x1f", b"B", b"\xfd", b"\x28"), strict=True)
        if bomb.startswith(magic)
    )
    path.write_bytes(first(f"{TODAY}\n".encode()) + bomb)
    (found, length, problem), peak = peak_of(SCAN, path)
    assert (found, problem) == (1, "a bomb: it holds over 250 times its size")
    assert length <= 64 * 2**20 + 250 * path.stat().st_size
    assert peak < 60 * 2**20


def test_a_log_that_compresses_well_is_no_bomb():
    lines = b"".join(
        b"%b %b\n" % (b"x" * 100, hashlib.sha256(b"%d" % n).hexdigest()[:20].encode()) for n in range(600_000)
    )
    content = gzip.compress(lines, 1)
    _, error, _ = text_of(content)
    assert (len(lines) > 64 * 2**20, error) == (True, None)


def zstd_frame(window_log: int, text: bytes) -> bytes:
    """A sound frame of one raw block that wants a window of so many bytes."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(window_log - 10) << 3]) + struct.pack("<I", len(text) << 3 | 1)[:3] + text


def xz_with_dictionary(bits: int, text: bytes) -> bytes:
    """A sound archive that wants a dictionary of another size: 2 or 3, shifted by half its bits and 11."""
    archive = bytearray(lzma.compress(text))
    header = slice(12, 12 + (archive[12] + 1) * 4)
    archive[12 + 4] = bits
    archive[header.stop - 4 : header.stop] = struct.pack("<I", zlib.crc32(archive[header][:-4]))
    return bytes(archive)


@pytest.mark.parametrize(
    ("content", "is_read"),
    [
        (zstd_frame(20, LINES), True),
        (zstd_frame(27, LINES), True),
        (zstd_frame(28, LINES), False),
        (zstd_frame(31, LINES), False),
        (zstd_frame(41, LINES), False),
        (xz_with_dictionary(28, LINES), True),
        (xz_with_dictionary(34, LINES), False),
        (xz_with_dictionary(40, LINES), False),
    ],
    ids=["zst 1M", "zst 128M", "zst 256M", "zst 2G", "zst 2T", "xz 64M", "xz 512M", "xz 4G"],
)
def test_an_archive_that_wants_more_than_128_mib_is_refused_before_it_gets_them(content, is_read, tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(content)
    (found, _, problem), peak = peak_of(SCAN, path)
    assert (found, problem is None) == ((30, True) if is_read else (0, False))
    assert is_read or re.match(r"corrupt: .*(memory|Memory)", problem)
    assert peak < 60 * 2**20  # a window is not touched beyond what is written to it


def test_what_is_refused_for_its_window_is_sound():
    options = {zstd.DecompressionParameter.window_log_max: 31}
    assert zstd.ZstdDecompressor(options=options).decompress(zstd_frame(31, LINES)) == LINES
    assert lzma.decompress(xz_with_dictionary(34, LINES)) == LINES


@pytest.mark.parametrize("level", [1, 19, 22])
def test_what_zstd_makes_at_any_level_is_read(level):
    assert text_of(zstd.compress(LINES * 100, level))[:2] == (LINES * 100, None)


@pytest.mark.parametrize("preset", [0, 6, 9 | lzma.PRESET_EXTREME])
@pytest.mark.parametrize("check", [lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256])
def test_what_xz_makes_with_any_preset_is_read(preset, check):
    assert text_of(lzma.compress(LINES, check=check, preset=preset))[:2] == (LINES, None)


# UTF-16


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")
utf_16 = pytest.mark.parametrize(
    ("encoding", "bom"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")], ids=["le", "be"]
)
packed = pytest.mark.parametrize("pack", [bytes, *COMPRESS.values()], ids=["plain", *COMPRESS])


@utf_16
@packed
@pytest.mark.parametrize("line", ["line\n", "ünïcödé → 日本語 😀\n"])
def test_a_long_text_in_utf_16_is_read_to_its_end(encoding, bom, pack, line):
    text = line * 40_000
    found, error, _ = text_of(pack(bom + text.encode(encoding)))
    assert (found.decode() == text, error) == (True, None)


@utf_16
@packed
@given(text=st.text(characters, max_size=200), repeated=st.integers(1, 200), view=st.integers(4, 5000))
@settings(max_examples=30)
def test_utf_16_with_its_mark_becomes_utf_8_without(encoding, bom, pack, text, repeated, view):
    text = text.lstrip("\0") * repeated  # the mark and a NUL are the mark of UTF-32
    content = pack(bom + text.encode(encoding))
    found, error, stored = text_of(content, view=view)
    assert (found.decode(), error) == (text, None)
    assert (stored.count, stored.checksum) == (len(content), zlib.crc32(content))


@utf_16
def test_utf_16_cut_anywhere_keeps_the_text_before_the_cut(encoding, bom):
    text = f"ünïcödé → 日本語 😀 {TODAY}\n"
    content = bom + text.encode(encoding)
    for cut in range(2, len(content) + 1):
        found, error, _ = text_of(content[:cut])
        assert (text.startswith(found.decode()), error) == (True, None)
    assert found.decode() == text


@utf_16
def test_utf_16_in_a_gz_that_is_cut_anywhere_is_truncated(encoding, bom):
    text = f"ünïcödé → 日本語 😀 {TODAY}\n" * 3
    content = gzip.compress(bom + text.encode(encoding))
    for cut in range(MAGIC["gz"], len(content)):
        found, error, _ = text_of(content[:cut])
        assert text.encode("utf-8").startswith(found) or text.startswith(found.decode("utf-8", "ignore"))
        assert str(error).startswith("truncated")


@utf_16
@pytest.mark.parametrize("lonely", [b"\xd8\x3d", b"\xde\x00"])
def test_half_a_character_is_replaced_and_costs_nothing_around_it(encoding, bom, lonely):
    half = lonely if encoding == "utf-16-be" else lonely[::-1]
    content = bom + f"{TODAY} ".encode(encoding) + half + f" {TODAY}\n".encode(encoding)
    assert text_of(content)[:2] == (f"{TODAY} \ufffd {TODAY}\n".encode(), None)


@utf_16
def test_a_line_of_utf_16_may_be_longer_than_a_window(encoding, bom):
    line = f"{'.' * 600_000}{TODAY}\n"
    content = bom + (line * 3).encode(encoding)
    text, _ = open_text(OpenSource(io.BytesIO(content), len(content), None, None))
    windows = TextWindows(text, ResumePoint(), counts_lines=True)
    read = b"".join(bytes(w.buffer[w.begin : w.end]) for w in windows)
    assert (read == (line * 3).encode(), windows.resume_at.line) == (True, 3)


@utf_16
@pytest.mark.parametrize("before", [1, 1022, 1023, 1024, 2047, 2048])
def test_a_mark_within_utf_16_is_a_character_like_others_wherever_a_read_ends(encoding, bom, before):
    text = f"{'a' * before}\ufeff{TODAY}\n"
    assert text_of(bom + text.encode(encoding))[:2] == (text.encode(), None)


# Archives that are not read


CLOSED = {
    b"\x04\x22\x4d\x18": "an lz4 archive",
    b"\x02\x21\x4c\x18": "an lz4 archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07\x01\x00": "a rar archive",
    b"\x1f\x9d\x90": "an archive of compress",
    b"\x89LZO\x00\r\n\x1a\n": "an lzop archive",
    b"LZIP\x01": "an lzip archive",
    b"PK\x07\x08PK\x03\x04": "a part of a zip archive",
    b"\xff\x06\x00\x00sNaPpY": "a snappy archive",
    lzma.compress(b"", format=lzma.FORMAT_ALONE): "an lzma archive",
}


@pytest.mark.parametrize("magic", CLOSED, ids=range(len(CLOSED)))
@given(st.binary(max_size=300))
@settings(max_examples=30)
def test_an_archive_of_a_format_that_is_not_read_is_named_once_its_bytes_are_counted(magic, rest):
    text, error, stored = text_of(magic + bytes(8) + rest)
    assert (text, str(error)) == (b"", f"cannot be read: {CLOSED[magic]}; decompress it first")
    assert (stored.count, stored.checksum) == (len(magic) + 8 + len(rest), zlib.crc32(magic + bytes(8) + rest))


@given(st.integers(0, 200_000), st.booleans())
@settings(max_examples=30)
def test_a_parquet_file_is_named_if_it_holds_what_may_be_an_id(before, holds):
    content = b"PAR1" + b"." * before + (b"gen-" if holds else b"ge-n") + b"." * 100
    text, error, _ = text_of(content)
    assert text == b""
    assert str(error) == ("cannot be read: a Parquet file; export its IDs as text first" if holds else "None")


def test_a_warehouse_holds_no_text(tmp_path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT '{TODAY}' AS id")
    assert TODAY.encode() in path.read_bytes()
    assert text_of(path.read_bytes())[:2] == (b"", None)
    assert looks_binary(path.read_bytes()[:HEAD])


# Text and binary data


BINARY = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00" + bytes(range(256)) * 8,
    "sqlite": b"SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20" + bytes(500) + b"\x8a\xff" * 20,
    "parquet": b"PAR1\x15\x04\x15" + b"gen-1753485462-AbCdEfGhIj0123456789 " * 40 + b"\xff",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00\x01\x00\x00\x00\xe0\x8a" + bytes(80) + b"\xff" * 20,
}


@pytest.mark.parametrize("kind", BINARY)
def test_binary_data_is_no_text(kind):
    assert looks_binary(BINARY[kind][:HEAD])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        bytes(HEAD),
        bytes(100) + b"\ntext",
        b"plain\n",
        "ünïcödé → 日本語\n".encode(),
        "caf\u00e9 in latin-1\n".encode("latin-1") * 20,
        b"x" * (HEAD - 1) + "日".encode()[:1],
        b"x" * (HEAD - 2) + "日".encode()[:2],
        bytes(HEAD - 2) + "日".encode()[:2],
        b"\x1b[31mcoloured\x1b[0m\r\n\x07\x08" * 30,
    ],
)
def test_a_log_is_text_even_with_leading_nuls_colours_or_another_encoding(head):
    assert not looks_binary(head)


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 8))
@example("日", 1)
@example("😀", 3)
def test_any_utf_8_text_is_text_wherever_its_head_ends(text, cut):
    content = text.encode()
    assert not looks_binary(content[: max(len(content) - cut, 0)])
