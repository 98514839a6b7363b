"""Sources in, sightings out: one source as a whole, and all of them in chunks that can be stored."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import Expansion, Source, expand_sources
from ingest.sources.id_finder import REMEMBERED
from ingest.sources.read_problems import require_readable, unreadable
from ingest.sources.scanner import CHUNK_SOURCES, scan_all
from ingest.sources.source_scan import SourceScan

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1753485462
TODAY = f"gen-{SECOND}-AbCdEfGhIj0123456789"
TAGGED = f"gen-rerank-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"

COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
BINARY = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00" + bytes(range(256)) * 8


def numbered(count: int, second: int = SECOND) -> list[str]:
    return [f"gen-{second}-{n:020d}" for n in range(count)]


def with_call_sites(scan: SourceScan):
    return [sighting for sightings in scan for sighting in sightings]


def scanned(path, *, named=True, now=NOW):
    scan = SourceScan(Source(str(path), named), now)
    return [s.generation_id for s in with_call_sites(scan)], scan.result


def written(path, content: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# One source


def test_a_plain_file_yields_its_ids_and_how_it_was_read(tmp_path):
    content = f'{{"id": "{TODAY}"}}\nünïcode {LEGACY}\n'.encode()
    path = written(tmp_path / "app.log", content)
    scan = SourceScan(Source(str(path)), NOW)
    sightings = with_call_sites(scan)
    assert [(s.generation_id, s.source, s.position) for s in sightings] == [
        (TODAY, str(path), content.index(TODAY.encode())),
        (LEGACY, str(path), content.index(LEGACY.encode())),
    ]
    assert {(s.line, s.logged_at, s.log_fields) for s in sightings} == {(None, None, None)}  # nobody asked
    read = scan.result
    assert (read.source, read.bytes_read, read.size, read.position) == (str(path), *[len(content)] * 3)
    assert (read.sightings, read.complete, read.problem, read.passed_over) == (2, True, None, False)
    assert (read.unchanged, read.was_readable) == (False, True)


@pytest.mark.parametrize("form", COMPRESS)
def test_a_compressed_file_is_read_as_its_text_whatever_its_name(form, tmp_path):
    text = f"first {TODAY}\n".encode() + b"filler\n" * 1000 + LEGACY.encode()
    path = written(tmp_path / "rotated.log.1", COMPRESS[form](text))
    scan = SourceScan(Source(str(path)), NOW)
    assert [(s.generation_id, s.position) for s in with_call_sites(scan)] == [
        (TODAY, 6),
        (LEGACY, text.index(LEGACY.encode())),
    ]
    read = scan.result
    assert (read.bytes_read, read.size, read.complete, read.problem) == (len(text), path.stat().st_size, True, None)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_plain_file_is_read_as_it_is_whatever_its_name(suffix, tmp_path):
    found, read = scanned(written(tmp_path / f"app.log.{suffix}", f"{TODAY}\n".encode()))
    assert (found, read.complete) == ([TODAY], True)


@pytest.mark.parametrize("form", COMPRESS)
def test_an_id_may_lie_across_concatenated_archives(form, tmp_path):
    parts = [b"one ", TODAY[:9].encode(), TODAY[9:].encode(), b"", b" " + LEGACY.encode()]
    path = written(tmp_path / "app.log", b"".join(map(COMPRESS[form], parts)))
    found, read = scanned(path)
    assert found == [TODAY, LEGACY]
    assert (read.complete, read.bytes_read) == (True, sum(map(len, parts)))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_file_in_utf_16_is_read_like_one_in_utf_8(encoding, pack, tmp_path):
    text = f"\ufeffünïcode → {TODAY}\n{LEGACY}\n"
    path = written(tmp_path / "app.log", pack(text.encode(encoding)))
    scan = SourceScan(Source(str(path)), NOW)
    as_read = text.removeprefix("\ufeff").encode()
    assert [(s.generation_id, s.position) for s in with_call_sites(scan)] == [
        (i, as_read.index(i.encode())) for i in (TODAY, LEGACY)
    ]
    assert (scan.result.bytes_read, scan.result.complete) == (len(as_read), True)


@pytest.mark.parametrize("form", COMPRESS)
def test_a_truncated_archive_keeps_the_ids_before_the_cut(form, tmp_path):
    ids = [f"gen-{SECOND + n}-{hashlib.sha256(b'%d' % n).hexdigest()[:20]}" for n in range(40_000)]
    whole = COMPRESS[form]("\n".join(ids).encode())
    found, read = scanned(written(tmp_path / "app.log.gz", whole[: len(whole) * 9 // 10]))
    assert 0 < len(found) < len(ids)
    assert found == ids[: len(found)]
    assert (read.complete, read.was_readable, read.sightings) == (False, True, len(found))
    assert read.problem == "truncated: the archive ends in the middle"


@settings(max_examples=60)
@given(cut=st.integers(3, 2000))
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
    ids = [f"gen-{SECOND}-{hashlib.sha256(b'%d' % n).hexdigest()[:20]}" for n in range(2000)]
    whole = bytearray(COMPRESS[form]("\n".join(ids).encode()))
    whole[30:60] = b"\xff" * 30
    found, read = scanned(written(tmp_path / "app.log", bytes(whole)))
    assert read.sightings == len(found)
    assert read.complete is False
    assert read.problem.startswith("corrupt: ")


@pytest.mark.parametrize("content", [b"", *(c(b"") for c in COMPRESS.values())], ids=["plain", *COMPRESS])
def test_an_empty_file_is_read_to_its_end(content, tmp_path):
    found, read = scanned(written(tmp_path / "empty.log", content))
    assert (found, read.bytes_read, read.complete, read.problem) == ([], 0, True, None)
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


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_is_a_problem_and_null_is_empty(device):
    found, read = scanned(device)
    assert (found, read.complete, read.was_readable, read.problem) == ([], False, False, "a device, not a file")
    assert scanned(os.devnull)[1].complete


def test_repeated_ids_of_a_stream_count_once(tmp_path):
    chunks = "".join(f'data: {{"id":"{TODAY}","n":{n}}}\n' for n in range(50_000)) + f"{LEGACY}\n{TODAY}\n"
    scan = SourceScan(Source(str(written(tmp_path / "sse.txt", chunks.encode()))), NOW)
    sightings = [(s.generation_id, s.position) for s in with_call_sites(scan)]
    assert sightings == [(TODAY, chunks.index(TODAY)), (LEGACY, chunks.index(LEGACY))]
    assert scan.result.sightings == 2


def test_what_is_remembered_of_repetitions_is_bounded(tmp_path):
    ids = numbered(2 * REMEMBERED)
    found, read = scanned(written(tmp_path / "app.log", "\n".join([*ids, *ids[:100]]).encode()))
    assert found == [*ids, *ids[:100]]
    assert read.sightings == len(found)


def test_look_alikes_are_no_sightings(tmp_path):
    found, read = scanned(written(tmp_path / "app.log", f"gen-1234567890-{TODAY[-20:]} x{TODAY} {TAGGED}\n".encode()))
    assert (found, read.sightings) == ([TAGGED], 1)


def test_reading_that_is_given_up_closes_the_file(tmp_path):
    path = written(tmp_path / "app.log", f"{TODAY}\n".encode() * 100_000)
    before = len(list(Path("/dev/fd").iterdir()))
    scan = SourceScan(Source(str(path)), NOW)
    windows = iter(scan)
    assert [s.generation_id for s in next(windows)] == [TODAY]
    assert scan.result.complete is False
    windows.close()
    assert len(list(Path("/dev/fd").iterdir())) == before


# The source's own name


def test_an_id_in_a_sources_name_is_found_after_its_text_and_has_no_position(tmp_path):
    content = f'{{"id": "{LEGACY}"}}\n'.encode()
    path = written(tmp_path / f"time-14-36-51_{TODAY}.json", content)
    scan = SourceScan(Source(str(path)), NOW)
    assert [(s.generation_id, s.source, s.position) for s in with_call_sites(scan)] == [
        (LEGACY, str(path), content.index(LEGACY.encode())),
        (TODAY, str(path), None),
    ]
    assert scan.result.sightings == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (TODAY, [TODAY]),
        (f"{TODAY}.json.gz", [TODAY]),
        (f"{LEGACY}_{TAGGED}.json", [LEGACY, TAGGED]),
        (f"{TODAY}/{LEGACY}.json", [TODAY, LEGACY]),
        (f"x{TODAY}.json", []),
        (f"{TODAY}x.json", []),
        (f"gen-1234567890-{TODAY[-20:]}.json", []),
        ("gen-app.log", []),
    ],
)
def test_the_same_holds_for_ids_in_names_as_in_texts(name, expected, tmp_path):
    scan = SourceScan(Source(str(written(tmp_path / name, b"text\n"))), NOW)
    assert [(s.generation_id, s.position) for s in with_call_sites(scan)] == [(i, None) for i in expected]
    assert (scan.result.sightings, scan.result.complete) == (len(expected), True)


@given(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_id_in_a_name_is_known_by_its_line_wherever_that_stands(before, after, in_other, other_first):
    """LiteLLM names an object after the ID that it holds; other logs hold it too."""
    with TemporaryDirectory() as folder:
        objects, record = Path(folder, "m"), f'{{"team": "growth", "id": "{TODAY}"}}\n'
        content = "{}\n" * (before * 1_000) + record * (not in_other) + "{}\n" * (after * 100_000)
        written(objects / f"time-14-36-51_{TODAY}.json", content.encode())
        if in_other:
            written(Path(folder, "a" if other_first else "z", "app.log"), record.encode())
        call_sites = CallSiteParser(["team"])
        (chunk,) = scan_all(expand_sources([folder]), NOW, CheckpointIndex(), call_sites)
        first = next(s for s in chunk.sightings if s.generation_id == TODAY)
        assert (first.log_fields, first.line) == ('{"team":"growth"}', 1 if in_other else before * 1_000 + 1)
        assert sum(s.position is None for s in chunk.sightings) == in_other
        assert call_sites.kept == {"team": 1}


@pytest.mark.parametrize("form", COMPRESS)
@pytest.mark.parametrize("cut", [None, -3])
def test_a_compressed_object_named_after_its_id_is_known_by_its_line(form, cut, tmp_path):
    content = COMPRESS[form](os.urandom(10) + f"\n{{}}\n{TODAY}\n".encode() + os.urandom(500_000))
    path = written(tmp_path / f"{TODAY}.json", content[:cut])
    scan = SourceScan(Source(str(path)), NOW)
    found = with_call_sites(scan)
    assert [s.generation_id for s in found] == [TODAY]
    assert form == "bz2" or found[0].position is not None  # a block of bz2 comes only when it is whole


def test_an_id_in_a_name_behind_bytes_that_are_no_text_is_found():
    scan = SourceScan(Source(f"gone/{os.fsdecode(bytes([255]))}{TODAY}.json"), NOW)
    assert [s.generation_id for s in with_call_sites(scan)] == [TODAY]


@pytest.mark.parametrize("content", [None, b"", BINARY, gzip.compress(b"text", mtime=0)[:-1]])
def test_an_id_in_a_name_is_found_whatever_becomes_of_the_content(content, tmp_path):
    path = tmp_path / f"{TODAY}.json"
    if content is not None:
        path.write_bytes(content)
    found, read = scanned(path)
    assert (found, read.sightings) == ([TODAY], 1)


# Standard input


@pytest.mark.parametrize("form", ["plain", *COMPRESS])
def test_standard_input_is_read_like_a_file_without_a_size(form, tmp_path, monkeypatch):
    path = written(tmp_path / "stdin", COMPRESS.get(form, bytes)(f"{TODAY}\n".encode()))
    with path.open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        scan = SourceScan(Source("-"), NOW)
        assert [(s.generation_id, s.source) for s in with_call_sites(scan)] == [(TODAY, "-")]
    assert (scan.result.size, scan.result.complete, scan.result.bytes_read) == (None, True, len(TODAY) + 1)
    assert scan.result.checkpoint is None


def test_standard_input_that_never_ends_is_a_problem(monkeypatch):
    with open("/dev/zero", encoding="utf-8") as stdin:  # noqa: PTH123  # what a shell would do
        monkeypatch.setattr("sys.stdin", stdin)
        found, read = scanned("-")
    assert (found, read.complete, read.problem) == ([], False, "a device, not a file")


def test_the_ids_of_a_pipe_come_while_it_is_still_open_as_soon_as_their_line_has_ended(monkeypatch):
    reading, writing = os.pipe()
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        scan = SourceScan(Source("-"), NOW)
        windows = iter(scan)
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            found = []
            for line in (f"first {TODAY}\n", f"{TAGGED}\nand not ended {LEGACY}"):
                pipe.write(line.encode())
                found.append([s.generation_id for s in next(windows)])
            assert found == [[TODAY], [TAGGED]]
        found = [s.generation_id for sightings in windows for s in sightings]
    assert (found, scan.result.complete, scan.result.sightings) == ([LEGACY], True, 3)


@pytest.mark.parametrize("form", ["gz", "zst"])
def test_an_archive_may_come_through_a_pipe_in_small_pieces(form, monkeypatch):
    ids = numbered(5000)
    content = COMPRESS[form]("\n".join(ids).encode())
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for at in range(0, len(content), 100):
                pipe.write(content[at : at + 100])

    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        thread = threading.Thread(target=write)
        thread.start()
        found, read = scanned("-")
        thread.join()
    assert (found, read.complete, read.problem) == (ids, True, None)


def test_a_fifo_that_nobody_writes_to_is_a_problem(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    found, read = scanned(tmp_path / "fifo")
    assert (found, read.complete, read.problem) == ([], False, "a FIFO that nobody writes to")


# Text and binary data


@given(st.binary(max_size=6_000), st.binary(max_size=3_000), st.integers(0, 3), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_bytes_around_an_id_hide_nothing(before, after, count, named):
    ids = numbered(count)
    content = before + b"\n" + b"".join(f"{i}\n".encode() for i in ids) + after
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"PAR1")):
        return
    with TemporaryDirectory() as folder:
        found, read = scanned(written(Path(folder, "log"), content), named=named)
    assert found == ids
    assert not ids or (read.problem, read.passed_over, read.complete) == (None, False, True)


@pytest.mark.parametrize("pack", [bytes, *COMPRESS.values()], ids=["plain", *COMPRESS])
@pytest.mark.parametrize("named", [True, False])
def test_a_log_with_a_binary_beginning_is_searched(pack, named, tmp_path):
    path = written(tmp_path / "app.log", pack(BINARY + f"\n{TODAY}\n".encode()))
    found, read = scanned(path, named=named)
    assert (found, read.problem, read.passed_over, read.complete) == ([TODAY], None, False, True)


@pytest.mark.parametrize("pack", [bytes, *COMPRESS.values()], ids=["plain", *COMPRESS])
def test_binary_data_without_an_id_is_skipped_in_a_directory_and_when_named_is_a_problem(pack, tmp_path):
    path = written(tmp_path / "blob", pack(BINARY))
    for named in (True, False):
        found, read = scanned(path, named=named)
        assert (found, read.bytes_read, read.complete) == ([], 0, False)
        assert (read.problem, read.passed_over, read.was_readable) == ("binary, not text", not named, False)


@pytest.mark.parametrize(
    "content",
    [
        bytes(3 * 4096),
        bytes(100),
        "ünïcödé → 日本語\n".encode(),
        "caf\u00e9 in latin-1\n".encode("latin-1") * 20,
        b"x" * 4094 + "日本語".encode(),
        b"\x1b[31mcoloured\x1b[0m\r\n\x07\x08" * 30,
    ],
)
def test_a_log_is_text_even_with_leading_nuls_colours_or_another_encoding(content, tmp_path):
    found, read = scanned(written(tmp_path / "app.log", content + f"\n{TODAY}\n".encode()), named=False)
    assert (found, read.complete, read.passed_over, read.problem) == ([TODAY], True, False, None)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 30))
def test_any_utf_8_text_is_text(tmp_path_factory, text, shift):
    content = b"x" * (4096 - shift) + text.encode() + f"\n{TODAY}\n".encode()
    found, read = scanned(written(tmp_path_factory.mktemp("text") / "app.log", content), named=False)
    assert (found[-1:], read.problem) == ([TODAY], None)


# Memory


SCAN = """
import json, resource, sys
from datetime import datetime, timezone
from ingest.sources.source_scan import SourceScan
from ingest.sources.discovery import Source
scan = SourceScan(Source(sys.argv[1]), datetime(2026, 3, 1, 12, tzinfo=timezone.utc))
found = sum(len(sightings) for sightings in scan)
result = scan.result
print(json.dumps([found, result.bytes_read, result.complete, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def scanned_elsewhere(path) -> tuple[int, int, bool, int]:
    """How much a process of its own finds in a file, and the most memory it had at once, in bytes."""
    # A process counts what the one had that it was forked from: a small shell in between.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", SCAN, str(path)]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=variables)
    *told, peak = json.loads(done.stdout)
    return *told, peak * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("form", ["plain", "gz"])
def test_a_line_of_60_mb_is_read_in_bounded_memory(form, tmp_path):
    line = b"".join(i.encode().ljust(1_000_000, b".") for i in numbered(61)) + b"\n"
    content = line if form == "plain" else gzip.compress(line, 1)
    *told, peak = scanned_elsewhere(written(tmp_path / "app.log", content))
    assert told == [61, len(line), True]
    assert peak < 40 * 2**20


def test_a_million_lines_are_too(tmp_path):
    lines = "\n".join(numbered(1_000_000)).encode()
    *told, peak = scanned_elsewhere(written(tmp_path / "app.log", lines))
    assert told == [1_000_000, len(lines), True]
    assert peak < 60 * 2**20


# Everything together


def names(expansion) -> list[str]:
    return [s.name for s in expansion.sources]


def finished(chunks):
    return [read for chunk in chunks for read in chunk.finished]


@given(
    counts=st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=5),
    size=st.integers(1, 20),
)
@settings(max_examples=100)
def test_chunks_hold_everything_in_order_and_how_far_each_source_is_read(tmp_path_factory, counts, size):
    folder = tmp_path_factory.mktemp("chunks")
    expected = []
    for n, (count, is_ended) in enumerate(counts):
        ids = numbered(count, SECOND + n)
        written(folder / f"{n}.log", "\n".join(ids).encode() + b"\n" * is_ended)
        expected += ids
    expansion = expand_sources([str(folder)])
    chunks = list(scan_all(expansion, NOW, size=size))
    assert [s.generation_id for c in chunks for s in c.sightings] == expected
    assert all(len(c.sightings) >= size for c in chunks[:-1])
    assert [(r.source, r.sightings, r.complete) for r in finished(chunks)] == [
        (name, count, True) for name, (count, _) in zip(names(expansion), counts, strict=True)
    ]
    for chunk, then in pairwise(chunks):
        assert len(chunk.reads) - chunk.ended in {0, 1}
        unfinished = chunk.reads[chunk.ended :]
        assert [r.source for r in unfinished] == [r.source for r in then.reads[:1]] if unfinished else True
    assert chunks[-1].ended == len(chunks[-1].reads)
    assert all({s.source for s in c.sightings} <= {r.source for r in c.reads} for c in chunks)


def test_a_chunk_ends_with_the_window_in_which_it_is_large_enough(tmp_path):
    ids = numbered(60_000)
    path = written(tmp_path / "app.log", "\n".join(ids).encode())
    windows = [len(sightings) for sightings in SourceScan(Source(str(path)), NOW) if sightings]
    chunks = list(scan_all(expand_sources([str(path)]), NOW, size=windows[0] + 1))
    assert len(windows) > 4
    assert [len(c.sightings) for c in chunks[:2]] == [sum(windows[:2]), sum(windows[2:4])]
    assert [s.generation_id for c in chunks for s in c.sightings] == ids


def test_the_record_of_an_unfinished_source_grows_to_the_final_one(tmp_path):
    ids = numbered(60_000)
    path = written(tmp_path / "app.log", "\n".join(ids).encode())
    reads = [read for chunk in scan_all(expand_sources([str(path)]), NOW, size=1) for read in chunk.reads]
    assert [r.sightings for r in reads] == sorted(r.sightings for r in reads)
    assert [r.bytes_read for r in reads] == sorted(r.bytes_read for r in reads)
    assert [r.complete for r in reads] == [False] * (len(reads) - 1) + [True]
    assert (reads[-1].bytes_read, reads[-1].sightings) == (path.stat().st_size, len(ids))


@pytest.mark.parametrize("size", [1, 20_000, 10**9])
def test_the_bytes_of_all_chunks_are_those_of_all_sources(size, tmp_path):
    written(tmp_path / "a.log", "\n".join(numbered(60_000)).encode())
    written(tmp_path / "b.log", b"short\n")
    written(tmp_path / "c.log.gz", gzip.compress(b"text\n" * 100_000))
    written(tmp_path / "d.log", b"no line")
    written(tmp_path / "e.log", b"")
    chunks = list(scan_all(expand_sources([str(tmp_path)]), NOW, size=size))
    assert sum(c.bytes_read for c in chunks) == sum(r.bytes_read for r in finished(chunks)) == 60_000 * 36 - 1 + 500_013
    assert all(c.bytes_read >= 0 for c in chunks)


def test_a_chunk_ends_after_a_thousand_sources_that_hold_nothing(tmp_path):
    for n in range(2 * CHUNK_SOURCES + 1):
        (tmp_path / f"{n:04d}.log").touch()
    chunks = list(scan_all(expand_sources([str(tmp_path)]), NOW))
    assert [c.ended for c in chunks] == [CHUNK_SOURCES, CHUNK_SOURCES, 1]


def test_a_chunk_ends_after_so_many_bytes_that_hold_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.sources.scanner.CHUNK_BYTES", 1_000_000)
    path = written(tmp_path / "a.log", b"nothing\n" * 500_000)
    written(tmp_path / "b.log", TODAY.encode())
    chunks = list(scan_all(expand_sources([str(tmp_path)]), NOW))
    assert len(chunks) == 4
    assert [r.source for c in chunks for r in c.reads] == [*[str(path)] * 4, str(tmp_path / "b.log")]
    assert [c.ended for c in chunks] == [0, 0, 0, 2]
    assert all(1_000_000 <= c.bytes_read < 1_600_000 for c in chunks[:-1])
    assert [s.generation_id for c in chunks for s in c.sightings] == [TODAY]


def test_no_source_is_one_empty_chunk():
    (chunk,) = scan_all(Expansion((), (), 0), NOW)
    assert (chunk.sightings, chunk.reads, chunk.ended, chunk.bytes_read) == ((), (), 0, 0)


def test_sources_that_cannot_be_read_come_in_chunks_and_the_others_are_read(tmp_path):
    good = written(tmp_path / "good.log", TODAY.encode())
    bad = written(tmp_path / "bad.gz", gzip.compress(LEGACY.encode())[:-4])
    expansion = expand_sources([str(tmp_path / "gone.log"), str(bad), str(good)])
    chunks = list(scan_all(expansion, NOW))
    assert [s.generation_id for c in chunks for s in c.sightings] == [LEGACY, TODAY]
    assert [(r.source, r.complete) for r in finished(chunks)] == [
        (str(tmp_path / "gone.log"), False),
        (str(bad), False),
        (str(good), True),
    ]


def test_problems_alone_come_in_a_chunk_however_many_there_are():
    problems = tuple(unreadable(f"{n}.log", "gone") for n in range(CHUNK_SOURCES + 1))
    chunks = list(scan_all(Expansion((), problems, 0), NOW))
    assert tuple(finished(chunks)) == problems


def test_a_file_that_vanishes_after_it_was_found_costs_only_itself(tmp_path):
    paths = [written(tmp_path / f"{n}.log", i.encode()) for n, i in enumerate(numbered(3))]
    expansion = expand_sources([str(tmp_path)])
    paths[1].unlink()
    chunks = list(scan_all(expansion, NOW))
    assert [s.generation_id for c in chunks for s in c.sightings] == [numbered(3)[0], numbered(3)[2]]
    assert [r.problem for r in finished(chunks)] == [None, "No such file or directory", None]


def test_one_readable_source_is_enough_and_binary_files_found_in_directories_do_not_count(tmp_path):
    written(tmp_path / "logs" / "a.bin", BINARY)
    binary = finished(scan_all(expand_sources([str(tmp_path / "logs")]), NOW))
    empty = finished(scan_all(expand_sources([str(written(tmp_path / "empty.log", b""))]), NOW))
    assert [r.was_readable for r in binary + empty] == [False, True]
    require_readable(binary + empty)


@pytest.mark.parametrize("order", [1, -1])
def test_a_binary_file_counts_as_named_even_if_a_directory_holds_it_too(order, tmp_path):
    path = written(tmp_path / "dump", BINARY)
    expansion = expand_sources([str(tmp_path), str(path)][::order])
    reads = finished(scan_all(expansion, NOW))
    assert [(r.problem, r.passed_over) for r in reads] == [("binary, not text", False)]


def test_without_what_earlier_runs_read_everything_is_read_and_nothing_is_kept_for_later(tmp_path):
    written(tmp_path / "a.log", f"{TODAY}\n".encode() * 10)
    written(tmp_path / "b.log", f"{TODAY}\n".encode() * 10)
    chunks = list(scan_all(expand_sources([str(tmp_path)]), NOW))
    assert [s.generation_id for c in chunks for s in c.sightings] == [TODAY, TODAY]
    assert [r.checkpoint for r in finished(chunks)] == [None, None]
