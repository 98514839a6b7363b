"""Reading night after night: nothing is read twice, however files are renamed or rotated, and no ID is lost."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import sys
import zipfile
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.long_form import long

import ingest.sources.checkpoints
import ingest.sources.text_windows
from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CANDIDATES, CheckpointIndex, fingerprint
from ingest.sources.discovery import Source, expand_sources
from ingest.sources.scanner import CHUNK, scan_all
from ingest.sources.source_scan import SourceScan

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECOND = 1753485462
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
DECOMPRESS = {"gz": gzip.decompress, "bz2": bz2.decompress, "xz": lzma.decompress, "zst": zstd.decompress}
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
WINDOW = ingest.sources.text_windows.SIZE


def an_id(number):
    return f"gen-{SECOND}-{number:020d}"


def ids(*bounds):
    return [an_id(n) for n in range(*bounds)]


def line(generation_id):
    return f'{{"level": "info", "response": {{"id": "{generation_id}"}}}}\n'.encode()


def lines(*bounds):
    return b"".join(map(line, ids(*bounds)))


def text_of(path):
    """A file's text, by its name, and by its first bytes if it is UTF-16."""
    data = DECOMPRESS.get(path.suffix[1:], bytes)(path.read_bytes())
    return data.decode("utf-16").encode() if data[:2] in UTF_16 else data


@dataclass
class Night:
    """The result of one night: sightings in order, and the last record of each source."""

    sightings: list
    reads: dict

    @property
    def ids(self):
        return [s.generation_id for s in self.sightings]

    @property
    def bytes_read(self):
        return sum(r.bytes_read for r in self.reads.values())

    @property
    def unchanged(self):
        return {Path(source).name for source, r in self.reads.items() if r.unchanged}


class Nights:
    """A directory that is read night after night; what a night read is known to the next, by source, as it is stored.

    Args:
        folder: The directory.
        ahead: How far the clock that read_problems go by is ahead of the real one, by which files are written.
    """

    def __init__(self, folder, ahead):
        self.folder = folder
        self.ahead = ahead
        self.known = {}
        self.probe = folder.parent / "clock-of-the-file-system"

    def read(self, *sources, size=CHUNK, chunks=None, checked=True):
        """One night; it may end after so many chunks, of which only those count."""
        expansion = expand_sources([str(s) for s in sources or [self.folder]])
        now, sightings, reads = datetime.now(UTC) + self.ahead, [], {}
        for number, chunk in enumerate(
            scan_all(expansion, now, CheckpointIndex(self.known.values()), CallSiteParser(), size), start=1
        ):
            sightings += chunk.sightings
            for read in chunk.reads:
                reads[read.source] = read
                if read.checkpoint:
                    assert read.checkpoint.source == read.source
                    self.known[read.source] = read.checkpoint
                elif not read.unchanged:
                    self.known.pop(read.source, None)
            if number == chunks:
                break
        if checked:
            check_places(sightings)
        self.await_tick()
        return Night(sightings, reads)

    def await_tick(self):
        """A later change has a later time: the clock of file systems goes in steps of some milliseconds."""
        entries = [p for p in self.folder.rglob("*") if p.is_file()]
        newest = max((p.stat().st_ctime_ns for p in entries), default=0)
        self.probe.touch()
        while self.probe.stat().st_ctime_ns <= newest:
            self.probe.touch()


def check_places(sightings):
    """Each ID is at its recorded position and line of the text."""
    for source in {s.source for s in sightings}:
        text = text_of(Path(source))
        ends = [match.start() for match in re.finditer(b"\n", text)]
        for s in sightings:
            if s.source == source and s.position is not None:
                assert text[s.position : s.position + len(s.generation_id)].decode() == s.generation_id
                assert s.line == bisect_left(ends, s.position) + 1


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture(params=["settled", "just changed"])
def nights(request, folder):
    """Files were changed long before they are read, so their times tell them apart; or just now, so they do not."""
    return Nights(folder, timedelta(hours=1) if request.param == "settled" else timedelta())


def grow(path, data):
    with path.open("ab") as file:
        file.write(data)


# One file


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_what_is_unchanged_is_not_read_again(nights, folder, suffix):
    compress = COMPRESS.get(suffix, bytes)
    (folder / f"app.log.{suffix}").write_bytes(compress(lines(100)))
    first = nights.read()
    assert (first.ids, first.bytes_read) == (ids(100), len(lines(100)))
    for _ in range(3):
        [read] = nights.read().reads.values()
        assert (read.bytes_read, read.unchanged, read.complete, read.problem) == (0, True, True, None)
        assert (read.sightings, read.position) == (100, len(lines(100)))


def test_of_what_is_unchanged_nothing_new_is_to_be_stored(folder):
    nights = Nights(folder, timedelta(hours=1))
    (folder / "app.log").write_bytes(lines(10))
    nights.read()
    [read] = nights.read().reads.values()
    assert (read.unchanged, read.checkpoint) == (True, None)


def test_a_file_that_is_touched_has_nothing_new(nights, folder):
    (folder / "app.log").write_bytes(lines(100))
    nights.read()
    (folder / "app.log").touch()
    night = nights.read()
    assert (night.ids, night.bytes_read, night.unchanged) == ([], 0, {"app.log"})


def test_of_a_file_that_grew_only_what_is_new_is_read(nights, folder):
    log, read_to = folder / "app.log", 0
    for stop in (100, 101, 5_000, 5_001):
        grow(log, lines(read_to, stop))
        night = nights.read()
        assert (night.ids, night.bytes_read) == (ids(read_to, stop), len(lines(read_to, stop)))
        [read] = night.reads.values()
        assert (read.sightings, read.position, read.unchanged) == (stop, log.stat().st_size, False)
        read_to = stop
    assert nights.read().unchanged == {"app.log"}


@pytest.mark.parametrize("cut", [1, 10, 40, 60, len(line(an_id(0))) - 2, len(line(an_id(0))) - 1])
def test_a_line_that_is_half_written_is_found_whole_and_counted_once(nights, folder, cut):
    log, half = folder / "app.log", line(an_id(9))
    log.write_bytes(lines(9) + half[:cut])
    first = nights.read()
    assert first.ids == ids(10 if an_id(9).encode() in half[:cut] else 9)
    grow(log, half[cut:] + lines(10, 12))
    second = nights.read()
    assert set(second.ids) | set(first.ids) == set(ids(12))
    assert second.ids == ids(9, 12)
    assert second.bytes_read == len(lines(9, 12))


def test_an_id_that_stands_in_a_line_without_an_end_is_counted_once(nights, folder):
    log = folder / "app.log"
    log.write_bytes(lines(9) + line(an_id(9)).rstrip())
    for _ in range(3):
        log.touch()
        [read] = nights.read().reads.values()
        assert read.sightings == 10


def test_an_id_in_a_files_name_is_counted_once(nights, folder):
    log = folder / f"{an_id(0)}.log"
    for stop in (10, 20, 30):
        grow(log, lines(stop - 9, stop + 1))
        night = nights.read()
        assert [s.position for s in night.sightings if s.generation_id == an_id(0)] == [None] * (stop == 10)
        assert night.reads[str(log)].sightings == stop + 1


def test_the_bytes_of_chunks_are_those_that_were_read(folder):
    for number in range(3):
        (folder / f"{number}.log").write_bytes(lines(20_000 * number, 20_000 * (number + 1)))
    for size in (1, 25_000, CHUNK):
        chunks = list(scan_all(expand_sources([str(folder)]), datetime.now(UTC), None, None, size))
        assert sum(c.bytes_read for c in chunks) == len(lines(60_000))
        assert all(c.bytes_read >= 0 for c in chunks)
        assert [Path(r.source).name for c in chunks for r in c.finished] == ["0.log", "1.log", "2.log"]


def test_a_file_of_less_than_64_bytes_is_known_by_its_times_or_read_again(folder):
    (folder / "app.log").write_bytes(f"{an_id(1)}\n".encode())
    settled, just_changed = Nights(folder, timedelta(hours=1)), Nights(folder, timedelta())
    assert [settled.read().ids, settled.read().ids] == [ids(1, 2), []]
    assert [just_changed.read().ids, just_changed.read().ids] == [ids(1, 2), ids(1, 2)]
    grow(folder / "app.log", lines(2, 4))
    assert set(ids(2, 4)) <= set(settled.read().ids)
    assert set(ids(2, 4)) <= set(just_changed.read().ids)
    assert settled.read().ids == just_changed.read().ids == []


def test_an_empty_file_that_is_filled_later_is_read_from_its_beginning(nights, folder):
    log = folder / "app.log"
    log.touch()
    assert nights.read().ids == nights.read().ids == []
    log.write_bytes(lines(50))
    assert nights.read().ids == ids(50)
    log.write_bytes(b"")
    assert nights.read().ids == []
    log.write_bytes(lines(50, 60))
    assert nights.read().ids == ids(50, 60)


def test_a_log_of_nothing_but_one_long_line_is_read_to_its_end_each_time(nights, folder):
    log = folder / "app.log"
    log.write_bytes(b"x" * 700_000 + f" {an_id(0)} ".encode())
    assert nights.read().ids == ids(1)
    grow(log, b"y" * 700_000 + f" {an_id(1)}\n".encode() + lines(2, 4))
    assert set(ids(1, 4)) <= set(nights.read().ids)
    grow(log, lines(4, 6))
    assert nights.read().ids == ids(4, 6)


# Rotation


def test_a_log_that_was_renamed_is_known_and_the_new_one_read(nights, folder):
    (folder / "app.log").write_bytes(lines(100))
    nights.read()
    (folder / "app.log").rename(folder / "app.log.1")
    (folder / "app.log").write_bytes(lines(100, 150))
    night = nights.read()
    assert (night.ids, night.bytes_read, night.unchanged) == (ids(100, 150), len(lines(50)), {"app.log.1"})
    assert nights.read().unchanged == {"app.log", "app.log.1"}


def test_what_was_appended_before_a_log_was_renamed_is_read(nights, folder):
    (folder / "app.log").write_bytes(lines(100))
    nights.read()
    grow(folder / "app.log", lines(100, 110))
    (folder / "app.log").rename(folder / "app.log.1")
    (folder / "app.log").write_bytes(lines(110, 120))
    night = nights.read()
    assert sorted(night.ids) == ids(100, 120)
    assert night.bytes_read == len(lines(100, 120))


def test_a_log_that_was_copied_and_truncated(nights, folder):
    log, copy = folder / "app.log", folder / "app.log.1"
    log.write_bytes(lines(100))
    nights.read()
    grow(log, lines(100, 110))
    shutil.copy(log, copy)
    os.truncate(log, 0)
    grow(log, lines(110, 115))
    night = nights.read()
    assert sorted(night.ids) == ids(100, 115)
    assert night.bytes_read == len(lines(100, 115))
    assert {Path(s.source).name for s in night.sightings if s.generation_id < an_id(110)} == {"app.log.1"}
    grow(log, lines(115, 300))  # longer than ever
    assert nights.read().ids == ids(115, 300)


def test_a_log_that_was_truncated_while_its_writer_goes_on_where_it_was(nights, folder):
    log = folder / "app.log"
    log.write_bytes(lines(100))
    nights.read()
    shutil.copy(log, folder / "app.log.1")
    os.truncate(log, 0)
    with log.open("r+b") as file:  # the writer does not append: NULs fill what was cut off
        file.seek(len(lines(100)))
        file.write(lines(100, 105))
    assert nights.read().ids == ids(100, 105)
    grow(log, lines(105, 107))
    assert nights.read().ids == ids(105, 107)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("appended", [0, 5])
def test_a_log_that_was_rotated_and_compressed(nights, folder, suffix, appended):
    log, archive = folder / "app.log", folder / f"app.log.1.{suffix}"
    log.write_bytes(lines(2_000))
    nights.read()
    archive.write_bytes(COMPRESS[suffix](log.read_bytes() + lines(2_000, 2_000 + appended)))
    log.write_bytes(lines(3_000, 3_010))
    night = nights.read()
    assert sorted(night.ids) == ids(2_000, 2_000 + appended) + ids(3_000, 3_010)
    assert night.bytes_read == len(lines(10 + appended))
    assert night.reads[str(archive)].sightings == 2_000 + appended
    assert night.unchanged == (set() if appended else {archive.name})
    assert nights.read().unchanged == {"app.log", archive.name}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_log_whose_last_line_had_no_end_was_compressed(nights, folder, suffix):
    half = line(an_id(100))
    (folder / "app.log").write_bytes(lines(100) + half[:50])
    assert nights.read().ids == ids(100)
    (folder / "app.log").unlink()
    (folder / f"app.log.1.{suffix}").write_bytes(COMPRESS[suffix](lines(100) + half + lines(101, 103)))
    assert nights.read().ids == ids(100, 103)


def test_logrotates_shift_of_archives(nights, folder):
    def archive(number):
        return folder / f"app.log.{number}.gz"

    for night in range(6):
        for number in range(night, 0, -1):
            if archive(number).exists():
                archive(number).rename(archive(number + 1))
        if night:
            archive(1).write_bytes(gzip.compress((folder / "app.log").read_bytes()))
        (folder / "app.log").write_bytes(lines(100 * night, 100 * night + 100))
        read = nights.read()
        assert (read.ids, read.bytes_read) == (ids(100 * night, 100 * night + 100), len(lines(100)))
        assert read.unchanged == {archive(n).name for n in range(1, night + 1)}


def test_names_that_are_exchanged_change_nothing(nights, folder):
    one, other, aside = folder / "a.log", folder / "b.log", folder / "c"
    one.write_bytes(lines(100))
    other.write_bytes(lines(100, 200))
    nights.read()
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    assert (nights.read().bytes_read, nights.read().unchanged) == (0, {"a.log", "b.log"})


# Other content


@pytest.mark.parametrize("in_place", [True, False])
def test_other_content_of_the_same_name_size_and_time_is_read(nights, folder, in_place):
    log = folder / "app.log"
    log.write_bytes(lines(100))
    before = log.stat()
    nights.read()
    target = log if in_place else folder / "new"
    target.write_bytes(lines(500, 600))
    target.replace(log)
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (log.stat().st_size, log.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert nights.read().ids == ids(500, 600)
    assert nights.read().ids == []


@pytest.mark.parametrize("size", [10_000, 2 * 2**20])
def test_content_that_differs_in_nothing_but_one_id_in_the_middle_is_read(nights, folder, size):
    around = lines(10_000, 10_000 + size // 2 // len(line(an_id(0))))
    one, other = (around + line(an_id(n)) + around for n in (1, 2))
    (folder / "a.log").write_bytes(one)
    (folder / "b.log").write_bytes(other)
    assert set(nights.read().ids) >= {an_id(1), an_id(2)}
    assert nights.read().bytes_read == 0
    before = (folder / "a.log").stat()
    (folder / "a.log").write_bytes(around + line(an_id(3)) + around)
    os.utime(folder / "a.log", ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / "b.log.1.gz").write_bytes(gzip.compress(around + line(an_id(4)) + around, 1))
    assert set(nights.read().ids) >= {an_id(3), an_id(4)}
    assert nights.read().bytes_read == 0


@pytest.mark.parametrize("kept", [0, 64, 512, 4096, 8192])
def test_a_file_that_was_truncated_and_grew_longer_than_before_is_read(nights, folder, kept):
    log, head = folder / "app.log", lines(1_000, 1_000 + 8192 // 50)[:8191] + b"\n"
    log.write_bytes(head[:kept] + lines(200))
    nights.read()
    os.truncate(log, kept)
    grow(log, lines(500, 900))
    assert set(nights.read().ids) >= set(ids(500, 900))
    grow(log, lines(900, 910))
    assert nights.read().ids == ids(900, 910)


def test_a_file_that_lost_its_end_is_read_again_and_nothing_is_lost(nights, folder):
    log = folder / "app.log"
    log.write_bytes(lines(200))
    nights.read()
    os.truncate(log, len(lines(120)) + 10)
    assert set(nights.read().ids) <= set(ids(200))
    grow(log, b"\n" + lines(300, 310))
    assert nights.read().ids == ids(300, 310)


def test_more_files_than_are_compared_that_begin_alike(nights, folder):
    head, count = lines(10_000, 10_100), 2 * CANDIDATES + 6
    for number in range(count):
        (folder / f"{number:03}.log").write_bytes(head + lines(10 * number, 10 * number + 3 + number % 2))
    nights.read()
    for number in range(count):
        grow(folder / f"{number:03}.log", lines(10 * number + 4, 10 * number + 6))
    new = {an_id(10 * number + n) for number in range(count) for n in (4, 5)}
    assert set(nights.read().ids) >= new


def test_of_files_that_begin_alike_and_are_not_too_many_each_is_known(nights, folder):
    head, count = lines(10_000, 10_100), CANDIDATES // 2 - 1
    for number in range(count):
        (folder / f"{number:03}.log").write_bytes(head + lines(10 * number, 10 * number + 3 + number % 3))
    nights.read()
    assert nights.read().bytes_read == 0
    for number in range(count):
        log = folder / f"{number:03}.log"
        grow(log, lines(10 * number + 5, 10 * number + 7))
        log.rename(folder / f"{number:03}.log.1")
    assert sorted(nights.read().ids) == sorted(an_id(10 * number + n) for number in range(count) for n in (5, 6))


# Several names of one file


def test_links_to_a_file_that_was_read_are_nothing_new(nights, folder):
    log = folder / "app.log"
    log.write_bytes(lines(100))
    nights.read()
    (folder / "hard.log").hardlink_to(log)
    (folder / "soft.log").symlink_to(log)
    assert nights.read().bytes_read == 0
    for name in ("hard.log", "soft.log"):
        night = nights.read(folder / name)
        assert (night.ids, night.unchanged) == ([], {name})
    grow(folder / "hard.log", lines(100, 110))
    assert nights.read(folder / "soft.log").ids == ids(100, 110)
    assert nights.read().bytes_read == 0


def test_a_link_that_leads_elsewhere_now_leads_to_other_content(nights, folder, tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_bytes(lines(100 * number, 100 * number + 50))
    link = folder / "current.log"
    link.symlink_to(tmp_path / "1.txt")
    assert nights.read().ids == ids(100, 150)
    link.unlink()
    link.symlink_to(tmp_path / "2.txt")
    assert nights.read().ids == ids(200, 250)
    link.unlink()
    link.symlink_to(tmp_path / "1.txt")
    assert set(nights.read().ids) <= set(ids(100, 150))  # a source is described as it was at its last reading only


def test_copies_are_read_once_even_in_one_night(nights, folder):
    for name in ("a.log", "b.log", "c.log"):
        (folder / name).write_bytes(lines(100))
    (folder / "d.log.gz").write_bytes(gzip.compress(lines(102)))
    night = nights.read()
    assert (night.ids, night.unchanged) == (ids(102), {"b.log", "c.log"})


# Archives and UTF-16


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_truncated_archive_is_reported_and_continued_when_it_is_complete(nights, folder, suffix):
    text = b"".join(line(f"gen-{SECOND + n * n % 1_000_000}-{n * 7**23 % 10**20:020d}") for n in range(20_000))
    archive, whole = folder / f"app.log.{suffix}", COMPRESS[suffix](text)
    archive.write_bytes(whole[: len(whole) * 2 // 3])
    first = nights.read(checked=False)
    [read] = first.reads.values()
    assert (read.complete, read.unchanged, read.problem) == (False, False, "truncated: the archive ends in the middle")
    for _ in range(2):
        [again] = nights.read().reads.values()
        assert (again.bytes_read, again.unchanged, again.complete, again.problem) == (0, True, False, None)
    archive.rename(archive := folder / f"other.{suffix}")
    assert nights.read().bytes_read == 0
    archive.write_bytes(whole)
    second = nights.read()
    [read] = second.reads.values()
    assert (read.complete, read.problem) == (True, None)
    found = re.findall(rb"gen-\d+-\d+", text)
    assert set(first.ids) | set(second.ids) == {i.decode() for i in found}
    assert len(first.ids) + len(second.ids) - len(found) in {0, 1}  # that of the line where it was cut
    assert nights.read().bytes_read == 0


def test_a_truncated_archive_of_a_log_that_was_read_brings_nothing_new(nights, folder):
    (folder / "app.log").write_bytes(lines(5_000))
    nights.read()
    (folder / "app.log").unlink()
    whole = gzip.compress(lines(5_010), 1)
    (folder / "app.log.1.gz").write_bytes(whole[: len(whole) // 2])
    night = nights.read(checked=False)
    assert night.reads[str(folder / "app.log.1.gz")].problem.startswith("truncated")
    assert set(night.ids) <= set(ids(5_000))
    (folder / "app.log.1.gz").write_bytes(whole)
    assert set(nights.read().ids) >= set(ids(5_000, 5_010))
    assert nights.read().bytes_read == 0


@pytest.mark.parametrize("suffix", COMPRESS)
def test_of_an_archive_with_a_new_member_only_that_is_read(nights, folder, suffix):
    archive, read_to = folder / f"app.log.{suffix}", 0
    for stop in (100, 130, 131, 4_000):
        grow(archive, COMPRESS[suffix](lines(read_to, stop)))
        night = nights.read()
        assert (night.ids, night.bytes_read) == (ids(read_to, stop), len(lines(read_to, stop)))
        assert night.reads[str(archive)].sightings == stop
        read_to = stop


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_member_that_ends_within_a_line_is_continued(nights, folder, suffix):
    archive, half = folder / f"app.log.{suffix}", line(an_id(100))
    archive.write_bytes(COMPRESS[suffix](lines(100) + half[:50]))
    assert nights.read().ids == ids(100)
    grow(archive, COMPRESS[suffix](half[50:] + lines(101, 103)))
    assert nights.read().ids == ids(100, 103)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("count", [5, 3_000])
@pytest.mark.parametrize("more", ["", "naïve “€” \U0001f600 "])
def test_of_a_utf_16_file_that_grew_only_what_is_new_is_read(nights, folder, encoding, count, more):
    log = folder / "app.log"
    log.write_bytes(b"\xff\xfe" if encoding == "utf-16-le" else b"\xfe\xff")
    for start, stop in ((0, count), (count, count + 2), (count + 2, count + 4)):
        text = "".join(f"{more}{line(i).decode()}" for i in ids(start, stop))
        grow(log, text.encode(encoding))
        night = nights.read()
        assert (night.ids, night.bytes_read) == (ids(start, stop), len(text.encode()))
    assert nights.read().bytes_read == 0


def test_a_utf_16_file_that_was_read_in_the_middle_of_a_character(nights, folder):
    log, text = folder / "app.log", "".join(line(i).decode() for i in ids(20)).encode("utf-16")
    log.write_bytes(text[:-31])
    first = nights.read(checked=False)
    grow(log, text[-31:])
    assert set(first.ids) | set(nights.read().ids) == set(ids(20))


def test_a_utf_16_line_that_is_longer_than_what_is_held_at_a_time_hides_nothing(nights, folder):
    text = "x" * (WINDOW + 100_000) + f"\n{line(an_id(0)).decode()}"
    (folder / "app.log").write_bytes(text.encode("utf-16"))
    night = nights.read()
    assert night.bytes_read == len(text)
    assert night.ids == ids(1)


# A run that was interrupted

BIG = lines(60_000)


@pytest.mark.parametrize("suffix", ["", "gz"])
@pytest.mark.parametrize("taken", [1, 3, long(2), long(5)])
def test_an_interrupted_reading_continues_where_it_was_stored(nights, folder, suffix, taken):
    log = folder / f"app.log{suffix and f'.{suffix}'}"
    log.write_bytes(COMPRESS.get(suffix, bytes)(BIG))
    first = nights.read(size=1, chunks=taken)
    assert first.ids == ids(len(first.ids))
    assert 0 < len(first.ids) < 60_000
    [read] = first.reads.values()
    assert (read.complete, read.unchanged, read.problem) == (False, False, None)
    assert not read.checkpoint.done
    covered = BIG.count(b"\n", 0, read.checkpoint.position)
    assert BIG[read.checkpoint.position - 1 : read.checkpoint.position] in {b"\n", b""}
    assert len(first.ids) - 1 - WINDOW // len(line(an_id(0))) <= covered <= len(first.ids)
    second = nights.read()
    if read.checkpoint.fingerprint or nights.ahead:  # else it is not known again, and read from its beginning
        assert second.ids == ids(covered, 60_000)
        assert second.bytes_read == len(BIG) - read.checkpoint.position
    assert set(first.ids) | set(second.ids) == set(ids(60_000))
    assert nights.read().bytes_read == 0


@pytest.mark.parametrize("suffix", ["", "gz"])
def test_readings_that_are_interrupted_repeatedly_reach_the_end(nights, folder, suffix):
    log, found = folder / f"app.log{suffix and f'.{suffix}'}", set()
    log.write_bytes(COMPRESS.get(suffix, bytes)(BIG))
    for _ in range(100):
        found.update(nights.read(size=1, chunks=3).ids)
        if nights.known[str(log)].done:
            break
    assert found == set(ids(60_000))


def test_a_log_that_was_rotated_after_an_interrupted_reading(nights, folder):
    (folder / "app.log").write_bytes(BIG)
    first = nights.read(size=1, chunks=3)
    covered = nights.known[str(folder / "app.log")].line
    (folder / "app.log").unlink()
    (folder / "app.log.1.gz").write_bytes(gzip.compress(BIG + lines(60_000, 60_010), 1))
    (folder / "app.log").write_bytes(lines(70_000, 70_010))
    second = nights.read()
    assert 0 < covered <= len(first.ids)
    assert sorted(second.ids) == ids(covered, 60_010) + ids(70_000, 70_010)


@pytest.mark.parametrize("name", ["app.log.1", "a.log"])
def test_what_is_on_record_as_done_and_as_begun_is_done(nights, folder, name):
    (folder / "app.log").write_bytes(lines(1).decode().encode("utf-16"))
    nights.read(size=1, chunks=1)
    assert not nights.known[str(folder / "app.log")].done
    (folder / "app.log").rename(folder / name)
    assert nights.read().ids == ids(1)
    assert nights.read().bytes_read == 0


def test_only_sources_that_were_reached_count_as_read(nights, folder):
    for number in range(10):
        (folder / f"{number}.log").write_bytes(lines(10 * number, 10 * number + 10))
    first = nights.read(size=1, chunks=4)
    second = nights.read()
    assert set(first.ids) | set(second.ids) == set(ids(100))
    assert nights.read().bytes_read == 0


# Large files


@pytest.fixture
def huge(monkeypatch):
    """What counts as large: files above 8 KiB."""
    monkeypatch.setattr(ingest.sources.checkpoints, "COMPARED_WHOLE", 8192)


@pytest.mark.parametrize("suffix", ["", "gz"])
def test_of_a_large_file_that_grew_only_what_is_new_is_read(huge, nights, folder, suffix):
    log, compress, read_to = folder / f"app.log.{suffix}", COMPRESS.get(suffix, bytes), 0
    for stop in (5_000, 5_010, 9_000):
        grow(log, compress(lines(read_to, stop)))
        night = nights.read()
        assert (night.ids, night.bytes_read) == (ids(read_to, stop), len(lines(read_to, stop)))
        read_to = stop
    log.rename(folder / "other")
    grow(folder / "other", compress(lines(9_000, 9_001)))
    assert nights.read(checked=not suffix).ids == ids(9_000, 9_001)


def test_a_large_file_whose_end_changed_is_read_again(huge, nights, folder):
    log = folder / "app.log"
    log.write_bytes(lines(5_000))
    nights.read()
    os.truncate(log, len(lines(4_000)))
    grow(log, lines(6_000, 9_000))
    assert set(nights.read().ids) >= set(ids(6_000, 9_000))


def test_a_large_file_is_not_taken_for_another_file_that_begins_and_ends_alike(huge, nights, folder):
    around = lines(10_000, 10_200)
    (folder / "a.log").write_bytes(around + line(an_id(1)) + around)
    nights.read()
    (folder / "b.log").write_bytes(around + line(an_id(2)) + around + lines(3, 5))
    assert set(nights.read().ids) >= {an_id(2), an_id(3), an_id(4)}


@given(st.integers(200, 800), st.sampled_from([b"", b"an unfinished line", b"\n" * 3]), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_large_file_that_was_overwritten_in_place_is_read_again(place, end, count):
    """As in a ring buffer: size, beginning and end are the same, and there are other IDs in the middle."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest.sources.checkpoints, "COMPARED_WHOLE", 8192)
        logs = Path(folder, "logs")
        logs.mkdir()
        for ahead in (timedelta(hours=1), timedelta()):
            nights, log = Nights(logs, ahead), logs / "ring.log"
            log.write_bytes(lines(1_000) + end)
            nights.read()
            with log.open("r+b") as file:
                file.seek(place * len(line(an_id(1))))
                file.write(lines(5_000, 5_000 + count))
            assert set(nights.read().ids) >= set(ids(5_000, 5_000 + count))
            assert nights.read().ids == []


def test_a_large_file_that_was_overwritten_while_it_was_read_is_read_again(huge, nights, folder):
    log = folder / "ring.log"
    log.write_bytes(lines(30_000))
    nights.read(size=1, chunks=1)
    with log.open("r+b") as file:
        file.seek(500 * len(line(an_id(1))))
        file.write(lines(50_000, 50_003))
    assert set(nights.read().ids) >= set(ids(50_000, 50_003))


@pytest.mark.parametrize("method", [0, 8])
def test_a_log_that_was_read_and_then_put_into_a_zip_archive_is_nothing_new(nights, folder, method):
    """As loguru does it. What follows in the archive is."""
    log = folder / "app.log"
    log.write_bytes(lines(3_000))
    nights.read()
    with zipfile.ZipFile(folder / "app.log.zip", "w", method) as archive:
        archive.write(log, "app.log")
        archive.writestr("later.log", lines(3_000, 3_010))
    log.unlink()
    night = nights.read(checked=False)
    assert (night.ids, night.bytes_read) == (ids(3_000, 3_010), len(lines(3_000, 3_010)))
    (folder / "app.log.zip").rename(folder / "older.zip")
    assert nights.read(checked=False).bytes_read == 0


def test_an_archive_that_is_not_read_is_named_once_and_again_when_it_changed(nights, folder):
    path = folder / "app.log.lz4"
    path.write_bytes(b"\x04\x22\x4d\x18" + bytes(5_000))
    for problem in ("cannot be read: an lz4 archive; decompress it first", None):
        read = nights.read().reads[str(path)]
        assert (read.problem, read.complete) == (problem, False)
    grow(path, b"more")
    assert nights.read().reads[str(path)].problem


def test_a_binary_file_of_a_directory_is_searched_once_and_again_when_it_grew(nights, folder):
    path = folder / "dump"
    path.write_bytes(bytes(range(256)) * 1_000)
    for _ in range(2):
        read = nights.read().reads[str(path)]
        assert (read.passed_over, read.bytes_read, read.was_readable) == (True, 0, False)
    assert nights.known[str(path)].stored
    grow(path, b"\n" + lines(1))
    assert nights.read().ids == ids(1)
    assert nights.read().reads[str(path)].unchanged


# Fingerprints


@pytest.mark.parametrize(("covered", "length"), [(0, 0), (63, 0), (64, 64), (511, 64), (512, 512), (4096, 4096)])
def test_a_fingerprint_covers_only_what_was_read(covered, length):
    head = bytes(range(256)) * 16
    assert fingerprint(head, covered) == (fingerprint(head[:length], length) if length else None)
    changed = head[:covered] + b"another"
    assert fingerprint(changed[:4096], covered) == fingerprint(head, covered)
    assert fingerprint(b"-" + head[1:], covered) != fingerprint(head, covered) or not length


def test_a_stream_has_no_checkpoint(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)
    os.write(keeper, lines(10))
    scan = SourceScan(Source(str(fifo)), datetime.now(UTC), CheckpointIndex(), CallSiteParser())
    found = [s.generation_id for s in next(iter(scan))]  # a further batch would wait for the writer
    os.close(keeper)
    assert found == ids(10)
    assert (scan.result.checkpoint, scan.result.size) == (None, None)


# Whatever happens to a few logs, for many nights

HEADS = (b"", b"# a log\n", b"#" * 63 + b"\n", b"# begins like the others\n" * 30, b"# begins like the others\n" * 200)
LOGS = ("a.log", "b.log")
PLAIN = (*LOGS, *(f"{log}.{number}" for log in LOGS for number in (1, 2)))
FOUND = re.compile(rb"(?<![0-9A-Za-z])gen-[0-9]{10}-[0-9A-Za-z]{20}(?![0-9A-Za-z])")
CHOICE = st.integers(0, 11)
SUFFIX = st.sampled_from(list(COMPRESS))


class Directory(RuleBasedStateMachine):
    """A directory of a few logs that are written, rotated and compressed, and read at night."""

    def __init__(self):
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "logs"
        self.folder.mkdir()
        self.patch = pytest.MonkeyPatch()
        self.found, self.made, self.changes, self.changes_a_night, self.rest, self.whole = set(), 0, 0, 1, None, None
        self.nights, self.size = Nights(self.folder, timedelta()), CHUNK

    @initialize(
        is_settled=st.booleans(),
        changes_a_night=st.integers(1, 5),
        size=st.sampled_from([1, 100, CHUNK]),
        window=st.sampled_from([512, WINDOW]),
        heads=st.lists(st.sampled_from(HEADS), min_size=len(LOGS), max_size=len(LOGS)),
    )
    def begin(self, is_settled, changes_a_night, size, window, heads):
        self.nights.ahead = timedelta(hours=1) if is_settled else timedelta()
        self.changes_a_night, self.size = changes_a_night, size
        self.patch.setattr(ingest.sources.text_windows, "SIZE", window)
        for log, head in zip(LOGS, heads, strict=True):
            (self.folder / log).write_bytes(head + self.new_lines(3))

    def teardown(self):
        self.patch.undo()
        self.temporary.cleanup()

    def one_of(self, choice, names=None):
        """One of the existing files, or of these; None if there is none."""
        there = sorted(p for p in self.folder.iterdir() if names is None or p.name in names)
        return there[choice % len(there)] if there else None

    def new_lines(self, count):
        self.made += count
        return lines(self.made - count, self.made)

    @rule(log=st.sampled_from(LOGS), head=st.sampled_from(HEADS))
    def begin_a_log(self, log, head):
        if not (self.folder / log).exists():
            (self.folder / log).write_bytes(head)

    @rule(log=st.sampled_from(LOGS), encoding=st.sampled_from(list(UTF_16.values())), count=st.integers(0, 60))
    def begin_a_log_in_utf_16(self, log, encoding, count):
        if not (self.folder / log).exists():
            (self.folder / log).write_bytes(f"\ufeff{self.new_lines(count).decode()}".encode(encoding))

    @rule(log=st.sampled_from(LOGS), count=st.sampled_from([1, 2, 5, 40, 200]), cut=st.sampled_from([0, 0, 1, 10, 30]))
    def write(self, log, count, cut):
        text, path = self.new_lines(count), self.folder / log
        encoding = encoding_of(path)
        whole, rest = (part.decode().encode(encoding) for part in (text[: len(text) - cut], text[len(text) - cut :]))
        grow(path, whole)
        self.rest = (path, encoding, rest)

    @rule(log=st.sampled_from(LOGS), count=st.integers(1, 20))
    def write_lines(self, log, count):
        path = self.folder / log
        grow(path, self.new_lines(count).decode().encode(encoding_of(path)))

    @precondition(lambda self: self.rest)
    @rule()
    def write_the_rest(self):
        path, encoding, rest = self.rest
        if path.exists() and encoding_of(path) == encoding:
            grow(path, rest)
        self.rest = None

    @rule(log=st.sampled_from(LOGS), numbers=st.lists(st.integers(0, 9), min_size=1, max_size=3))
    def write_what_may_have_been_written(self, log, numbers):
        if encoding_of(self.folder / log) == "utf-8":
            grow(self.folder / log, b"".join(line(an_id(10**9 + n)) for n in numbers))

    @rule(log=st.sampled_from(LOGS), copies=st.booleans(), compresses=st.none() | SUFFIX)
    def rotate(self, log, copies, compresses):
        path, rotated = self.folder / log, self.folder / f"{log}.1"
        if not path.exists():
            return
        for older in sorted(self.folder.glob(f"{log}.1*")):
            older.replace(older.with_name(older.name.replace(f"{log}.1", f"{log}.2")))
        if copies:
            shutil.copy(path, rotated)
            os.truncate(path, 0)
        else:
            path.replace(rotated)
        if compresses:
            compress_file(rotated, compresses)

    @rule(choice=CHOICE, suffix=SUFFIX)
    def compress(self, choice, suffix):
        if path := self.one_of(choice, PLAIN[len(LOGS) :]):
            compress_file(path, suffix)

    @rule(choice=CHOICE, count=st.integers(1, 3))
    def add_a_member(self, choice, count):
        path = self.one_of(choice)
        if path and path.suffix[1:] in COMPRESS and whole_text_of(path) is not None and encoding_of(path) == "utf-8":
            grow(path, COMPRESS[path.suffix[1:]](self.new_lines(count)))

    @rule(choice=CHOICE)
    def cut_an_archive(self, choice):
        path = self.one_of(choice)
        if path and path.suffix[1:] in COMPRESS and path.stat().st_size > 8:
            content = path.read_bytes()
            self.whole = (path, content[: len(content) * 2 // 3], content)
            os.truncate(path, len(content) * 2 // 3)

    @precondition(lambda self: self.whole)
    @rule()
    def complete_the_archive(self):
        path, cut, content = self.whole
        if path.exists() and path.read_bytes() == cut:
            grow(path, content[len(cut) :])
        self.whole = None

    @rule(choice=CHOICE, which=CHOICE, keeps_time=st.booleans())
    def replace_one_id_by_another(self, choice, which, keeps_time):
        path = self.one_of(choice, PLAIN)
        found = [m.start() for m in FOUND.finditer(path.read_bytes())] if path else []
        if found:
            before, at = path.stat(), found[which % len(found)]
            with path.open("r+b") as file:
                file.seek(at)
                file.write(an_id(self.made).encode())
            self.made += 1
            if keeps_time:
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(choice=CHOICE, share=st.sampled_from([0, 0.3, 0.9]))
    def truncate(self, choice, share):
        if path := self.one_of(choice, PLAIN):
            os.truncate(path, int(path.stat().st_size * share) // 2 * 2)

    @rule(choice=CHOICE)
    def delete(self, choice):
        if path := self.one_of(choice):
            path.unlink()

    @rule(choice=CHOICE, name=st.sampled_from(["link.log", "copy.log"]))
    def link_or_copy(self, choice, name):
        path, target = self.one_of(choice, PLAIN), self.folder / name
        if path:
            target.unlink(missing_ok=True)
            if name == "link.log":
                target.hardlink_to(path)
            else:
                shutil.copy(path, target)

    @rule(choice=CHOICE, other=CHOICE)
    def exchange_names(self, choice, other):
        one, two = self.one_of(choice, PLAIN), self.one_of(other, PLAIN)
        if one and one != two:
            aside = self.folder.parent / "aside"
            one.replace(aside)
            two.replace(one)
            aside.replace(two)

    @rule(choice=CHOICE)
    def touch(self, choice):
        if path := self.one_of(choice):
            path.touch()

    @rule(size=st.sampled_from([1, 1, 3, 100]), chunks=st.integers(1, 4))
    def interrupted_night(self, size, chunks):
        self.found.update(self.nights.read(size=size, chunks=chunks, checked=False).ids)

    @rule()
    def night(self):
        self.read_all()

    @invariant()
    def a_night_comes(self):
        self.changes += 1
        if self.changes % self.changes_a_night == 0:
            self.read_all()

    def read_all(self):
        there = {i.decode() for p in self.folder.iterdir() for i in FOUND.findall(whole_text_of(p) or b"")}
        night = self.nights.read(size=self.size, checked=False)
        check_places([s for s in night.sightings if whole_text_of(Path(s.source)) is not None])
        self.found.update(night.ids)
        assert there <= self.found, f"lost: {sorted(there - self.found)}"
        for source, read in self.nights.read(size=self.size, checked=False).reads.items():
            assert not read.bytes_read or self.may_be_read_again(Path(source), read.bytes_read), read

    def may_be_read_again(self, path, count):
        """Whether it is a line without an end, or a file with less than 64 bytes of lines, and times tell nothing."""
        if self.nights.ahead or path.stat().st_size < 64:
            return not self.nights.ahead
        covered = text_of(path).rfind(b"\n") + 1
        return covered < 64 or count == len(text_of(path)) - covered


def whole_text_of(path):
    """The text; None if it is a damaged archive's."""
    try:
        return text_of(path)
    except (EOFError, OSError, ValueError, lzma.LZMAError, zstd.ZstdError):
        return None


def encoding_of(path):
    data = path.read_bytes() if path.exists() else b""
    return UTF_16.get(DECOMPRESS.get(path.suffix[1:], bytes)(data)[:2], "utf-8")


def compress_file(path, suffix):
    path.with_name(f"{path.name}.{suffix}").write_bytes(COMPRESS[suffix](path.read_bytes()))
    path.unlink()


TestDirectory = Directory.TestCase
TestDirectory.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
