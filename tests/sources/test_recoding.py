"""Text in several encodings: whatever a program appended in which one, every ID is found."""

import codecs
import gzip
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.blocks import Blocks

from ingest.sources.call_site import CallSiteParser
from ingest.sources.checkpoints import CheckpointIndex
from ingest.sources.discovery import Source
from ingest.sources.recoding import BLOCK, RecodedText, begins_recoded
from ingest.sources.source_scan import SourceScan

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 1753485462
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def generation_id(number: int) -> str:
    return f"gen-{SECOND}-{number:020d}"


def recoded(content: bytes, cuts=()) -> tuple[bytes, RecodedText]:
    edges = [0, *sorted(cuts), len(content)]
    reader = RecodedText(Blocks([content[a:b] for a, b in pairwise(edges) if a < b]))
    view, read = memoryview(bytearray(5000)), b""
    while count := reader.readinto(view):
        read += view[:count]
    return read, reader


def ids_in(path, **options) -> list[str]:
    return [s.generation_id for found in SourceScan(Source(str(path)), NOW, **options) for s in found]


lines = st.sampled_from(
    [
        "id={}",
        '{{"customer": "acme", "id": "{}"}}',
        "{}",
        "错误。{}",
        "中{}",
        "ありがとう {}",
        "ошибка {} → ünïcödé",
        "😀{}😀",
        "\t{}",
        "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語{}",
    ]
)


def parts_in(wide: str):
    """Parts in UTF-8 and one other encoding."""
    part = st.tuples(
        st.sampled_from(["utf-8", wide]), st.lists(lines, min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"])
    )
    return st.lists(part, min_size=1, max_size=5)


parts = st.sampled_from(WIDE).flatmap(parts_in)


def written(some) -> tuple[list[bytes], list[str]]:
    """Each part in its encoding, without a mark; and the IDs of all."""
    texts, ids = [], []
    for encoding, part, end in some:
        text = ""
        for line in part:
            if "{}" in line:
                ids.append(generation_id(len(ids)))
            text += line.format(ids[-1] if ids else "") + end
        texts.append(text.encode(encoding))
    return texts, ids


@settings(max_examples=600, deadline=None)
@given(parts)
@example([("utf-8", ["{}"], "\n"), ("utf-16-le", ["{}"], "\r\n")])
@example([("utf-16-le", ["{}"], "\r\n"), ("utf-8", ["id={}"], "\n"), ("utf-16-le", ["中{}"], "\r\n")])
@example([("utf-16-le", ["{}"], "\n"), ("utf-8", [""], "\n"), ("utf-16-le", ["{}"], "\n")])
@example([("utf-16-be", ["{}"], "\n"), ("utf-8", [""], "\n"), ("utf-16-be", ["{}"], "\n")])
def test_parts_in_any_encodings_one_behind_the_other_lose_no_id(tmp_path_factory, some):
    texts, ids = written(some)
    content = b"".join(texts)
    path = tmp_path_factory.mktemp("parts") / "app.log"
    path.write_bytes(content)
    assert set(ids) <= set(ids_in(path))


@settings(max_examples=300)
@given(st.sampled_from(WIDE), st.lists(lines, max_size=6), st.data())
def test_it_does_not_matter_how_a_text_is_cut_into_reads(encoding, some, data):
    content = ("it begins\n" + "\n".join(line.format(LEGACY) for line in some)).encode(encoding)
    cuts = data.draw(st.lists(st.integers(20, len(content)), max_size=5))
    assert recoded(content, cuts)[0].decode() == content.decode(encoding)


@settings(max_examples=200, deadline=None)
@given(parts)
def test_parts_appended_between_runs_lose_no_id(tmp_path_factory, some):
    texts, ids = written(some)
    path, known, found = tmp_path_factory.mktemp("runs") / "app.log", CheckpointIndex(), []
    for text in texts:
        with path.open("ab") as log:
            log.write(text)
        scan = SourceScan(Source(str(path)), NOW, known)
        found += [s.generation_id for sightings in scan for s in sightings]
        if checkpoint := scan.result.checkpoint:
            known.add(checkpoint)
    assert set(ids) <= set(found)


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_text_without_a_mark_is_recoded_from_its_beginning(encoding, pack, tmp_path):
    text = f'{{"customer": "acmé", "id": "{LEGACY}"}}\n' * 3
    path = tmp_path / "app.log"
    path.write_bytes(pack(text.encode(encoding)))
    assert begins_recoded(text.encode(encoding)[:4096])
    scan = SourceScan(Source(str(path)), NOW, None, CallSiteParser(["customer"]))
    [sighting] = [s for found in scan for s in found]
    assert (sighting.generation_id, sighting.log_fields) == (LEGACY, '{"customer":"acmé"}')
    assert sighting.position == text.encode().index(b"gen-")


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("mark", [True, False])
def test_a_part_appended_to_utf_8_keeps_its_fields_and_lines(encoding, mark, tmp_path):
    first, second = 'no ID → here\n{"id": "none"}\n', f'{{"customer": "acmé", "id": "{LEGACY}"}}\r\n'
    path = tmp_path / "app.log"
    path.write_bytes(first.encode() + (MARKS[encoding] if mark else b"") + second.encode(encoding))
    [sighting] = [s for found in SourceScan(Source(str(path)), NOW, None, CallSiteParser(["customer"])) for s in found]
    assert (sighting.generation_id, sighting.line) == (LEGACY, 3)
    assert sighting.log_fields == '{"customer":"acmé"}'


@pytest.mark.parametrize("encoding", WIDE)
def test_a_mark_at_the_beginning_is_left_out(encoding):
    assert recoded(MARKS[encoding] + f"{LEGACY}\n".encode(encoding))[0] == f"{LEGACY}\n".encode()


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(0, 3 * BLOCK))
def test_utf_8_passes_unchanged_with_nuls_in_it(text, nuls):
    content = bytes(nuls) + text.encode() + b"\0" + text.encode()
    assert recoded(content)[0] == content or begins_recoded(content) or "\0" in text


@pytest.mark.parametrize("separator", [b"\0", b"\0\0", b"\0\0\0"])
def test_nuls_between_words_are_no_encoding(separator):
    content = separator.join([LEGACY.encode(), b"find", b"-print0", b"ab", b"word"]) * 100
    text, reader = recoded(content)
    assert (text, reader.recodes) == (content, False)


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("near", [-70, -36, -9, -1, 0, 1, 9])
def test_a_change_of_encoding_near_the_end_of_a_block_loses_no_id(encoding, near):
    before = f"{'.' * 98}\n".encode(encoding)
    filler = before * ((BLOCK + near) // len(before))
    content = filler + f"{generation_id(1)}\n".encode() + f"{generation_id(2)}\n".encode(encoding)
    text, _ = recoded(content, range(BLOCK, len(content), BLOCK))
    assert all(generation_id(n).encode() in text for n in (1, 2))
