"""Zip archives: whole, in ruins, and made to do harm; each member is read like a file."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import struct
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest.sources.zip_text
from ingest.sources.decompress import DecodingError, open_text
from ingest.sources.open_file import OpenSource
from ingest.sources.readers import HEAD, ErrorCapturingReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECOND = 1753485462
METHODS = {"stored": 0, "deflate": 8, "bzip2": 12, "lzma": 14}
PACK = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}


def an_id(number):
    return f"gen-{SECOND}-{number:020d}"


def text_of(content, *, view=64 * 1024):
    """The text that is read from these bytes, what ended it, and what counted the bytes."""
    text, stored = open_text(OpenSource(io.BytesIO(content), len(content), None, None))
    guarded, buffer, pieces = ErrorCapturingReader(text), memoryview(bytearray(view)), []
    while count := guarded.readinto(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces), guarded.error, stored


def zipped(members, *, comment=b"", **options):
    """A zip archive of members: names to pairs of content and method."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, (content, method) in members.items():
            archive.writestr(name, content, method)
        archive.comment = comment
    return target.getvalue()


class Unseekable(io.RawIOBase):
    """A target that zipfile cannot go back in: it writes the sizes behind each member."""

    def __init__(self):
        self.content = b""

    def writable(self):
        return True

    def write(self, data):
        self.content += bytes(data)
        return len(data)


def patched(archive, at, value, *, before=b"PK\1\2"):
    """The archive with two bytes of each entry changed, counted from its signature."""
    places = [match.start() + at for match in re.finditer(re.escape(before), archive)]
    for place in places:
        archive = archive[:place] + struct.pack("<H", value) + archive[place + 2 :]
    return archive


# Whole archives


members = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/\\"), min_size=1, max_size=12).filter(
        lambda name: "gen-" not in name
    ),
    st.tuples(
        st.lists(st.integers(0, 10**6).map(lambda n: f"x {an_id(n)}".encode()), max_size=40).map(b"\n".join),
        st.sampled_from(list(METHODS.values())),
        st.sampled_from(list(PACK)),
        st.booleans(),
    ),
    max_size=8,
)


@given(members, st.binary(max_size=30).filter(lambda c: b"PK" not in c), st.integers(1, 70_000))
@settings(max_examples=150, deadline=None)
def test_any_archive_is_the_texts_of_its_members_each_of_which_ends_a_line(drawn, comment, view):
    packed = {name: (PACK[form](text), method) for name, (text, method, form, _) in drawn.items()}
    archive = zipped(packed, comment=comment)
    text, error, stored = text_of(archive, view=view)
    expected = b"".join(text if text.endswith(b"\n") or not text else text + b"\n" for text, *_ in drawn.values())
    assert (text, error) == (expected, None)
    assert (stored.count, stored.checksum, stored.tail) == (len(archive), zlib.crc32(archive), archive[-HEAD:])


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(list(METHODS.values()))), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_sizes_may_stand_behind_the_members_and_bytes_before_the_archive(drawn):
    target = Unseekable()
    with zipfile.ZipFile(target, "w") as archive:
        for place, (number, method) in enumerate(drawn):
            archive.writestr(f"{place}.log", f"{an_id(number)}\n" * 50, method)
    expected = b"".join(f"{an_id(number)}\n".encode() * 50 for number, _ in drawn)
    assert text_of(target.content)[:2] == (expected, None)
    assert text_of(zipped({"x": (b"", 0)}) + target.content)[:2] == (expected, None)


def test_a_member_may_be_declared_with_64_bits():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, archive.open("a.log", "w", force_zip64=True) as member:
        member.write(f"{an_id(1)}\n".encode())
    assert text_of(target.getvalue())[:2] == (f"{an_id(1)}\n".encode(), None)


@pytest.mark.parametrize("large", [1, 2, 4, 7])
def test_entries_of_64_bits_are_read(large):
    """An entry whose sizes and place, or some of them, stand in its extra field."""
    archive = zipped({"a.log": (f"{an_id(1)}\n", 0)})
    at, end = archive.index(b"PK\1\2"), archive.index(b"PK\5\6")
    whole, stored, header_at = (*struct.unpack_from("<2L", archive, at + 20)[::-1], 0)
    extra = b"".join(struct.pack("<Q", n) for bit, n in enumerate((whole, stored, header_at)) if large >> bit & 1)
    entry = bytearray(archive[at:end])
    for bit, place in enumerate((24, 20, 42)):
        if large >> bit & 1:
            entry[place : place + 4] = b"\xff" * 4
    struct.pack_into("<H", entry, 30, len(extra) + 4)
    entry += struct.pack("<2H", 1, len(extra)) + extra
    directory_end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(entry), 1)
    tail = bytearray(archive[end:])
    tail[12:20] = b"\xff" * 8
    whole_archive = archive[:at] + bytes(entry) + directory_end + locator + bytes(tail)
    assert text_of(whole_archive)[:2] == (f"{an_id(1)}\n".encode(), None)


def test_zstd_and_xz_are_methods_too():
    for method, pack in ((93, zstd.compress), (95, lzma.compress)):
        content = f"{an_id(1)}\n".encode()
        archive = zipped({"a.log": (pack(content), 0)})
        for signature, at in ((b"PK\1\2", 10), (b"PK\3\4", 8)):
            archive = patched(archive, at, method, before=signature)
        checksum = struct.pack("<L", zlib.crc32(content))
        place = archive.index(b"PK\1\2") + 16
        assert text_of(archive[:place] + checksum + archive[place + 4 :])[:2] == (content, None)


@pytest.mark.parametrize("bom", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_member_may_be_utf_16(bom):
    encoding = "utf-16-le" if bom == codecs.BOM_UTF16_LE else "utf-16-be"
    archive = zipped({"a.log": (bom + an_id(1).encode(encoding), 8), "b.log": (an_id(2), 8)})
    assert text_of(archive)[:2] == (f"{an_id(1)}\n{an_id(2)}\n".encode(), None)


def test_a_members_name_with_an_id_follows_its_text():
    archive = zipped({f"day/{an_id(1)}.json": ("{}", 8), f"{an_id(2)}/": ("", 0)})
    assert text_of(archive)[:2] == (f"{{}}\nday/{an_id(1)}.json\n{an_id(2)}/\n".encode(), None)


@pytest.mark.parametrize("members", [{}, {"folder/": ("", 0)}, {"empty.log": ("", 8)}])
def test_an_archive_may_hold_nothing(members):
    text, error, stored = text_of(zipped(members))
    assert (text, error, stored is None) == (b"", None, False)


def test_an_archive_may_have_more_members_than_a_block_of_its_directory():
    archive = zipped({f"{n}.log": (f"{an_id(n)}\n", 0) for n in range(9_000)})
    text, error, _ = text_of(archive)
    assert (text, error) == (b"".join(f"{an_id(n)}\n".encode() for n in range(9_000)), None)


# What cannot be read


UNREADABLE = {
    "encrypted": lambda archive: patched(archive, 8, 1),
    "of an unknown method": lambda archive: patched(archive, 10, 97),
    "of a header elsewhere": lambda archive: archive.replace(b"PK\3\4", b"PK\3\5", 1),
    "of another checksum": lambda archive: patched(archive, 16, 1),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_member_that_cannot_be_read_is_named_and_costs_only_itself(kind, place):
    bad = UNREADABLE[kind](zipped({"bad.log": (f"{an_id(0)}\n" * 3, 8)}))
    good = zipped({f"{n}.log": (f"{an_id(n)}\n", 8) for n in (1, 2)})
    archive = joined(bad, good, place)
    text, error, stored = text_of(archive)
    assert set(text.split()) >= {an_id(n).encode() for n in (1, 2)}
    assert isinstance(error, DecodingError)
    assert re.match(r"1 of 3 members cannot be read: bad\.log: (encrypted|compressed by|corrupt)", str(error))
    assert stored.count == len(archive)


def joined(one, other, place):
    """An archive of the members of two, those of the first at this place in the directory."""
    first, more = parts_of(other, 0)
    second, entries = parts_of(one, len(first))
    directory = [*more[:place], *entries, *more[place:]]
    length = sum(map(len, directory))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(directory), len(directory), length, len(first + second), 0)
    return first + second + b"".join(directory) + end


def parts_of(archive, shift):
    """The members of an archive, and its directory's entries as they are when so many bytes stand before it."""
    begin = archive.index(b"PK\1\2")
    entries = re.split(rb"(?=PK\x01\x02)", archive[begin : archive.index(b"PK\5\6")])[1:]
    moved = [e[:42] + struct.pack("<L", struct.unpack_from("<L", e, 42)[0] + shift) + e[46:] for e in entries]
    return archive[:begin], moved


@pytest.mark.parametrize("inner", ["zip", "lz4", "7z"])
def test_an_archive_inside_that_is_not_read_is_named(inner):
    content = {"zip": zipped({"x": ("y", 0)}), "lz4": b"\x04\x22\x4d\x18rest", "7z": b"7z\xbc\xaf\x27\x1crest"}[inner]
    text, error, _ = text_of(zipped({"a.log": (an_id(1), 8), "inner": (content, 8)}))
    assert text == f"{an_id(1)}\n".encode()
    assert re.match("1 of 2 members cannot be read: inner: cannot be read: an? ", str(error))


def test_only_some_of_many_problems_are_listed():
    archive = patched(zipped({f"{n}.log": ("x", 8) for n in range(100)}), 8, 1)
    _, error, _ = text_of(archive)
    assert str(error).startswith("100 of 100 members cannot be read: 0.log: encrypted; ")
    assert str(error).endswith("2.log: encrypted; decrypt it first; …")


def test_a_zip_archive_in_a_stream_is_named():
    text, _ = open_text(OpenSource(io.BytesIO(zipped({"a": (an_id(1), 8)})), None, None, None))
    with pytest.raises(DecodingError, match="a zip archive inside another or in a stream"):
        text.readinto(memoryview(bytearray(100)))


def test_an_archive_cut_anywhere_is_truncated_or_corrupt():
    whole = zipped({f"{n}.log": (f"{an_id(n)}\n", 8) for n in range(3)})
    for cut in range(6, len(whole)):
        text, error, _ = text_of(whole[:cut])
        assert (text, type(error)) == (b"", DecodingError)
        assert str(error).startswith("truncated")


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_reported_as_a_decoding_error_or_not_at_all(data):
    archive = bytearray(zipped({f"{n}.log": (f"{an_id(n)}\n" * 20, list(METHODS.values())[n]) for n in range(4)}))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(4, len(archive) - 1))] = data.draw(st.integers(0, 255))
    _, error, _ = text_of(bytes(archive))
    assert error is None or isinstance(error, DecodingError)


# Bombs


@pytest.fixture
def small_bombs(monkeypatch):
    """A text is too large above 64 KiB, not 64 MiB, so that bombs are small."""
    monkeypatch.setattr(ingest.sources.zip_text, "ALWAYS_ALLOWED", 64 * 1024)


@pytest.mark.parametrize("method", ["deflate", "bzip2", "lzma"])
@pytest.mark.parametrize("count", [1, 40])
def test_an_archive_that_expands_too_much_is_a_bomb_whether_in_one_member_or_many(small_bombs, method, count):
    members = {str(n): (b"x" * (40_000_000 // count), METHODS[method]) for n in range(count)}
    text, error, _ = text_of(zipped(members))
    assert str(error) == "a bomb: it holds over 250 times its size"
    assert len(text) < 20_000_000


def test_archives_in_an_archive_are_a_bomb_together(small_bombs):
    inner = gzip.compress(b"x" * 2_000_000)
    _, error, _ = text_of(zipped({str(n): (inner, 8) for n in range(20)}))
    assert str(error) == "a bomb: it holds over 250 times its size"


def test_members_that_share_their_bytes_are_a_bomb():
    archive = zipped({"a.log": (zlib.compress(bytes(range(256)) * 20), 0)})
    members, (entry,) = parts_of(archive, 0)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 500, 500, 500 * len(entry), len(members), 0)
    _, error, _ = text_of(members + entry * 500 + end)
    assert str(error) == "a bomb: its members overlap"


def test_a_dictionary_larger_than_memory_is_refused():
    archive = bytearray(zipped({"a.log": (b"x" * 100, METHODS["lzma"])}))
    at = archive.index(b"\x09\x04\x05\x00") + 5  # version, length of the properties, the first of which is a byte
    archive[at : at + 4] = b"\xff\xff\xff\xff"
    _, error, _ = text_of(bytes(archive))
    assert "Memory usage limit exceeded" in str(error)


def test_each_member_of_the_samples_is_read(tmp_path):
    """What Python's own zipfile reads is read alike."""
    contents = {f"{n}.log": f"{an_id(n)}\n".encode() * n for n in range(1, 200)}
    path = Path(tmp_path, "a.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for n, (name, content) in enumerate(contents.items()):
            archive.writestr(name, content, list(METHODS.values())[n % 4])
    text, error, _ = text_of(path.read_bytes())
    assert (Counter(text.split()), error) == (Counter(b"".join(contents.values()).split()), None)
