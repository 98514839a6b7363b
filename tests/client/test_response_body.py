"""Bodies as they arrive: complete or refused, however they are split into chunks, and never over the limit."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.client.response_body import Body, UnreadableBodyError

TEXT = b'{"data": {"id": "gen-1", "usage": 0.00015300000000000002}}'
LARGE = 2**20

COMPRESSED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
ENCODED = {**COMPRESSED, "identity": bytes}


def zeros(number: int) -> bytes:
    """A gzip stream of this many zeros, made without holding them in memory."""
    squeeze = zlib.compressobj(9, wbits=31)
    block = bytes(LARGE)
    return b"".join([*(squeeze.compress(block) for _ in range(number // LARGE)), squeeze.flush()])


def collected(encoding, chunks, largest=LARGE) -> bytes:
    body = Body(encoding, largest)
    fill(body, chunks)
    return body.whole()


def fill(body, chunks) -> None:
    for chunk in chunks:
        body.add(chunk)


def chunks_of(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@st.composite
def cut_up(draw, content):
    """The same bytes in chunks, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=6)))
    return [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


# Encodings


@pytest.mark.parametrize("encoding", [None, "", " ", "identity", "Identity", " identity "])
def test_a_body_without_encoding_is_as_it_came(encoding):
    assert collected(encoding, chunks_of(TEXT, 7)) == TEXT
    assert collected(encoding, [gzip.compress(TEXT)]) == gzip.compress(TEXT)


@pytest.mark.parametrize("encoding", [*COMPRESSED, "GZIP", " gzip ", "X-Gzip", "Deflate"])
def test_a_compressed_body_is_decompressed(encoding):
    compress = COMPRESSED[encoding.strip().lower()]
    for size in (1, 7, 1000):
        assert collected(encoding, chunks_of(compress(TEXT), size)) == TEXT


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "*", "gzipped", "\x00é"])
def test_an_unknown_encoding_is_refused_before_anything_is_read(encoding):
    with pytest.raises(UnreadableBodyError, match="was not asked for") as refused:
        Body(encoding, LARGE)
    assert str(refused.value).isascii()


def test_a_long_encoding_is_cut_in_the_message():
    with pytest.raises(UnreadableBodyError) as refused:
        Body("x" * 10_000, LARGE)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("encoding", [None, *ENCODED])
@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_an_empty_body_is_empty_whatever_its_header_says(encoding, chunks):
    assert collected(encoding, chunks) == b""


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_stream_of_nothing_is_empty(encoding):
    assert collected(encoding, [ENCODED[encoding](b"")]) == b""


@pytest.mark.parametrize("encoding", ENCODED)
def test_its_length_is_what_is_held_so_far(encoding):
    body = Body(encoding, LARGE)
    assert len(body) == 0
    lengths = []
    for chunk in chunks_of(ENCODED[encoding](bytes(5000)), 5):
        body.add(chunk)
        lengths.append(len(body))
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(body.whole()) == 5000


def test_a_returned_body_does_not_change_later():
    body = Body(None, LARGE)
    body.add(b"one")
    first = body.whole()
    body.add(b"two")
    assert (type(first), first, body.whole()) == (bytes, b"one", b"onetwo")


# Broken streams


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_cut_stream_is_unreadable_wherever_it_is_cut(encoding):
    stream = COMPRESSED[encoding](TEXT)
    for cut in range(1, len(stream)):
        with pytest.raises(UnreadableBodyError, match="cut"):
            collected(encoding, [stream[:cut]])


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("junk", [TEXT, b"<html>", b"\x00" * 20, b"\xff" * 20])
def test_what_is_not_compressed_at_all_is_broken(encoding, junk):
    with pytest.raises(UnreadableBodyError, match="broken"):
        collected(encoding, [junk])


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_stream_whose_checksum_is_wrong_is_broken(encoding):
    stream = bytearray(COMPRESSED[encoding](TEXT))
    stream[-5 if encoding == "deflate" else -9] ^= 1
    stream[-1 if encoding == "deflate" else -6] ^= 1
    with pytest.raises(UnreadableBodyError):
        collected(encoding, chunks_of(bytes(stream), 9))


@settings(max_examples=300)
@given(st.sampled_from(list(COMPRESSED)), st.integers(0), st.integers(1, 255), st.integers(1, 200))
def test_a_flipped_byte_never_changes_what_is_read(encoding, place, flip, size):
    stream = bytearray(COMPRESSED[encoding](TEXT * 3))
    stream[place % len(stream)] ^= flip
    try:
        content = collected(encoding, chunks_of(bytes(stream), size))
    except UnreadableBodyError:
        return
    assert content == TEXT * 3


# Limits


@pytest.mark.parametrize("encoding", [None, "identity"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_limit_is_exact_to_the_byte(encoding, size):
    assert collected(encoding, chunks_of(b"x" * 99, size), largest=99) == b"x" * 99
    with pytest.raises(UnreadableBodyError, match="larger than 99 bytes"):
        collected(encoding, chunks_of(b"x" * 100, size), largest=99)


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_the_limit_applies_to_the_decompressed_size(encoding, size):
    compress = COMPRESSED[encoding]
    assert collected(encoding, chunks_of(compress(bytes(5000)), size), largest=5000) == bytes(5000)
    with pytest.raises(UnreadableBodyError, match="larger than 4,999 bytes"):
        collected(encoding, chunks_of(compress(bytes(5000)), size), largest=4999)


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_bytes_behind_the_compressed_stream_are_refused(encoding):
    stream = COMPRESSED[encoding](b"content")
    for chunks in ([stream, b"\x00"], [stream + stream], [stream + b"x"]):
        with pytest.raises(UnreadableBodyError, match="bytes follow its compressed stream"):
            collected(encoding, chunks, largest=500)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_empty_blocks_do_not_evade_the_limit(encoding):
    stream = COMPRESSED[encoding](b"")
    header = stream[:10] if encoding == "gzip" else stream[:2]
    nothing = b"\x00\x00\x00\xff\xff"
    body = Body(encoding, 100)
    body.add(header)
    with pytest.raises(UnreadableBodyError, match="larger than 100 bytes"):
        fill(body, [nothing] * 100)


def test_the_chunk_that_exceeds_the_limit_raises():
    body = Body("gzip", 100)
    bomb = gzip.compress(bytes(1000))
    with pytest.raises(UnreadableBodyError):
        body.add(bomb)
    assert len(body) <= 101


@pytest.mark.parametrize("size", [1000, 10**6])
def test_a_decompression_bomb_never_takes_more_memory_than_the_limit(size):
    bomb = zeros(300 * LARGE)
    assert len(bomb) < LARGE // 2
    largest = LARGE
    body = Body("gzip", largest)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableBodyError, match="larger than 1,048,576 bytes"):
            fill(body, chunks_of(bomb, size))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(body) == largest + 1
    assert peak < 5 * LARGE


def test_a_chunk_after_the_error_takes_no_more_memory():
    chunks = chunks_of(zeros(10 * LARGE), 1000)[:5]
    body = Body("gzip", 100)
    for number, chunk in enumerate(chunks, start=1):
        with pytest.raises(UnreadableBodyError):
            body.add(chunk)
        assert len(body) <= 100 + number


# Chunks


@settings(max_examples=200)
@given(st.data(), st.binary(max_size=300), st.sampled_from([None, *ENCODED]))
def test_the_size_of_chunks_does_not_matter(data, content, encoding):
    stream = ENCODED[encoding](content) if encoding else content
    assert collected(encoding, data.draw(cut_up(stream))) == content


@settings(max_examples=200)
@given(st.data(), st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(list(COMPRESSED)))
def test_the_size_of_chunks_does_not_matter_for_the_limit(data, number, largest, encoding):
    stream = COMPRESSED[encoding](bytes(number))
    chunks = data.draw(cut_up(stream))
    if max(number, len(stream)) <= largest:
        assert collected(encoding, chunks, largest) == bytes(number)
        return
    body = Body(encoding, largest)
    with pytest.raises(UnreadableBodyError, match="larger than"):
        fill(body, chunks)
    assert len(body) <= largest + 1
