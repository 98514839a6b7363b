"""The lines of a text: which line an ID is in, and that each line is read once."""

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lines import ID, LEGACY, OTHER, REQUESTED_AT, SECOND

from ingest.sources.call_site import CallSiteParser
from ingest.sources.discovery import Source
from ingest.sources.id_finder import Window
from ingest.sources.line_index import LONGEST_LINE, LineIndex
from ingest.sources.source_scan import SourceScan
from ingest.sources.text_windows import SIZE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def with_call_sites(tmp_path, text, *keep):
    path = tmp_path / "a.log"
    path.write_bytes(text)
    return [s for found in SourceScan(Source(str(path)), NOW, None, CallSiteParser(keep)) for s in found]


def naive(text, ids):
    """Each ID's first place, its line's number, and the line."""
    told = {}
    begin = 0
    for number, line in enumerate(text.split(b"\n"), start=1):
        for i in ids:
            if i.encode() in line:
                told.setdefault(i, (begin + line.index(i.encode()), number, line))
        begin += len(line) + 1
    return told


LINES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 30), max_size=3),
        st.sampled_from(["", " ", "\r", "\x00\x0b\x0c\x1c\x85", "ü" * 40, "x" * 700, "x" * 70_000, "x" * 300_000]),
    ),
    max_size=12,
)


@given(LINES, st.booleans(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_positions_lines_times_and_fields_are_those_of_a_naive_reading(tmp_path_factory, lines, ended, start):
    ids = [f"gen-{SECOND}-{n:020d}" for n in range(31)]
    told = [f'{{"n": {n}, "ids": "{" ".join(ids[i] for i in of)}", "x": "' for n, (of, _) in enumerate(lines)]
    text = start + "\n".join(head + filler + '"}' for head, (_, filler) in zip(told, lines, strict=True)).encode()
    text += b"\n" if ended else b""
    found = {s.generation_id: s for s in with_call_sites(tmp_path_factory.mktemp("lines"), text, "n")}
    expected = naive(text, ids)
    assert found.keys() == expected.keys()
    for i, (position, number, line) in expected.items():
        assert (found[i].position, found[i].line) == (position, number)
        is_json = not any(c in line for c in b"\x00\r")  # JSON takes no control character within a string
        assert found[i].log_fields == (f'{{"n":{number - 1}}}' if is_json else None)


@pytest.mark.parametrize("at", [0, 10, LONGEST_LINE // 2, LONGEST_LINE])
@pytest.mark.parametrize("length", [300_000, 600_000, LONGEST_LINE, LONGEST_LINE + 600_000])
def test_a_line_of_the_longest_length_is_parsed_and_a_longer_one_is_not(tmp_path, at, length):
    head = '{"time": "2025-07-25T23:17:43Z", "text": "'
    tail = f'", "id": "{ID}", "rest": "'
    at = min(max(at, len(head)), length - len(tail) - 30)
    line = (head + "x" * (at - len(head)) + tail).ljust(length - 17, "y") + '", "user": "ann"}'
    assert len(line) == length
    [seen, after] = with_call_sites(tmp_path, f'{line}\n{{"id": "{OTHER}", "user": "bob"}}\n'.encode(), "user")
    is_read = length <= LONGEST_LINE
    told = (REQUESTED_AT.replace(second=43), '{"user":"ann"}') if is_read else (None, None)
    assert (seen.line, seen.logged_at, seen.log_fields) == (1, *told)
    assert (after.line, after.log_fields) == (2, '{"user":"bob"}')


def test_a_long_line_without_a_line_break_at_its_end_is_read(tmp_path):
    line = json.dumps({"id": ID, "prompt": "x" * 1_500_000, "user": "ann"})
    for text in (line, f"first\n{line}"):
        [seen] = with_call_sites(tmp_path, text.encode(), "user")
        assert seen.log_fields == '{"user":"ann"}'


def test_lines_are_numbered_across_lines_that_are_cut(tmp_path):
    ids = [f"gen-{SECOND}-{n:020d}" for n in range(4)]
    parts = [f"a {ids[0]}", "x" * 1_200_000 + ids[1].join("  ") + "x" * 600_000, f"c {ids[2]}", f"d {ids[3]}"]
    text = "\n".join(parts).encode()
    seen = with_call_sites(tmp_path, text)
    assert [(s.generation_id, s.line, s.position) for s in seen] == [
        (i, n, text.index(i.encode())) for n, i in enumerate(ids, start=1)
    ]


def test_line_numbers_are_left_out_unless_requested(tmp_path):
    (tmp_path / "a.log").write_text(f"2025-07-25T23:17:43Z {ID}\n", encoding="utf-8")
    [seen] = [s for found in SourceScan(Source(str(tmp_path / "a.log")), NOW) for s in found]
    assert (seen.position, seen.line, seen.logged_at, seen.log_fields) == (21, None, None, None)


def test_a_windows_lines_are_counted_on_from_those_before():
    buffer = bytearray(f"rest\n{ID}\n\n {OTHER} {LEGACY}\n".encode())
    window = Window(buffer, 0, len(buffer), len(buffer), 1000, ends_a_line=True)
    lines = LineIndex("a.log", 41, CallSiteParser())
    ids = (ID, OTHER, LEGACY)
    assert [s.line for s in lines.sightings(window, ids, [buffer.index(i.encode()) for i in ids])] == [43, 45, 45]
    assert lines.rest() == []


@pytest.mark.parametrize("prompt", ["x y, z", '{"a": [1, 2]}', "\n", "\\\\", "plain"])
def test_a_prompt_of_many_megabytes_hides_no_field(tmp_path, prompt):
    line = json.dumps({"id": ID, "prompt": prompt * (6_000_000 // len(prompt)), "user": "ann"})
    for each in (line, json.dumps({"log": line})):
        [seen] = with_call_sites(tmp_path, each.encode(), "user")
        assert seen.log_fields == ('{"user":"ann"}' if len(each) <= LONGEST_LINE else None)


def test_a_line_of_too_many_values_keeps_nothing(tmp_path):
    [seen] = with_call_sites(tmp_path, f'{{"id":"{ID}","user":"ann","x":[{"[]," * 1_400_000}1]}}'.encode(), "user")
    assert seen.log_fields is None


# Several IDs on a line, and one document over several lines


class CountingReader(CallSiteParser):
    """Counts the bytes that it is given."""

    def __init__(self, *keep):
        super().__init__(keep)
        self.bytes = self.lines = 0

    def read(self, line, ids):
        self.lines += 1
        self.bytes += len(line or b"")
        return super().read(line, ids)


@pytest.mark.parametrize("size", [300_000, 3_000_000])
@pytest.mark.parametrize("form", ["array", "text", "docker", "logfmt"])
def test_a_line_with_thousands_of_ids_is_read_once(tmp_path, form, size):
    ids = [f"gen-{SECOND}-{n:020d}" for n in range(size // 64)]
    objects = [{"id": i, "user": f"u{n}"} for n, i in enumerate(ids)]
    line = {
        "array": json.dumps(objects),
        "text": " ".join(ids),
        "docker": json.dumps({"log": json.dumps(objects)}),
        "logfmt": f"user=u ids={','.join(ids)}",
    }[form]
    (tmp_path / "a.log").write_text(f"{line}\n", encoding="ascii")
    reader = CountingReader("user")
    found = [s for some in SourceScan(Source(str(tmp_path / "a.log")), NOW, None, reader) for s in some]
    assert [s.generation_id for s in found] == ids
    assert (reader.lines, reader.bytes) == (1, len(line))
    users = {"array": lambda n: f"u{n}", "docker": lambda n: f"u{n}", "text": lambda _: None, "logfmt": lambda _: "u"}
    wanted = [users[form](n) for n in range(len(ids))]
    assert [s.log_fields and json.loads(s.log_fields)["user"] for s in found] == wanted


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 400_000, "{" * 2_000_000, "[" * 2_000_000, '"' * 2_000_000, 'a="' * 600_000, "k='" * 600_000,
        "[" + "[]," * 600_000 + "1]", '{"a":{},' * 300_000, "x" * 2_000_000, "\\" * 2_000_000, "2025-07-25 " * 200_000,
        '"a": {\n' * 60_000, '"a":\n' * 60_000, ("{\n" + f'"id": "{ID[:-5]}00000",\n') * 10_000,
    ],
    ids=range(14),
)  # fmt: skip
def test_no_text_makes_reading_slow(tmp_path, text):
    plain = "x y z\n" * 400_000 + ID
    seconds = []
    for each in (plain, f"{text} {ID} {text}"):
        began = time.process_time()
        assert with_call_sites(tmp_path, each.encode(), "user")
        seconds.append((time.process_time() - began) / len(each))
    assert seconds[1] < 40 * seconds[0] + 2e-6, "microseconds for each byte"


@st.composite
def documents(draw):
    """A JSON document over several lines, with the customer of each of its IDs."""
    truth, numbers = {}, iter(range(100))

    def calls(depth):
        value = {"note": draw(st.text(max_size=8))}
        own = draw(st.none() | st.sampled_from(["acme", "globex"]))
        if own:
            value["customer"] = own
        ids = [f"gen-{SECOND}-{next(numbers):020d}" for _ in range(draw(st.integers(0, 2)))]
        value |= {f"id{n}": i for n, i in enumerate(ids)}
        truth.update(dict.fromkeys(ids, own))
        if depth:
            for name in ("calls", "response"):
                before = set(truth)
                inner = [calls(depth - 1) for _ in range(draw(st.integers(0, 2)))]
                value[name] = inner if name == "calls" else {"choices": inner}
                truth.update({i: truth[i] or own for i in truth.keys() - before})
        return {name: value[name] for name in draw(st.permutations(list(value)))}

    return calls(2), truth


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(documents(), st.sampled_from(["", "2025-07-25T23:17:43Z INFO call: ", "app "])), max_size=3),
    st.sampled_from([0, 1, 2, 4, "\t"]),
    st.sampled_from(["\n", "", "\n\n", "\nlevel=info customer=evil\n"]),
    st.integers(0, 3),
)
def test_a_document_over_several_lines_is_found(tmp_path_factory, drawn, indent, between, filler):
    parts, truth = ["x" * 400 + "\n"] * (filler * 430), {}
    for n, ((value, of), prefix) in enumerate(drawn):
        renamed = json.dumps(value, indent=indent).replace(f"gen-{SECOND}-00", f"gen-{SECOND}-{n}a")
        truth |= {i.replace(f"gen-{SECOND}-00", f"gen-{SECOND}-{n}a"): customer for i, customer in of.items()}
        parts.append(prefix + renamed + (between or "\n"))
    found = with_call_sites(tmp_path_factory.mktemp("pretty"), "".join(parts).encode(), "customer")
    assert {s.generation_id: s.log_fields and json.loads(s.log_fields)["customer"] for s in found} == truth


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("back", range(0, 400, 23))
def test_a_document_across_the_edge_of_a_window_is_found(tmp_path, back, end):
    document = json.dumps({"customer": "acme", "x": ["y" * 100], "response": {"id": ID}, "user": "ann"}, indent=2)
    filler = "x" * 63 + "\n"
    text = filler * (SIZE // 64) + document + "\n"
    text = text[back:] + filler * 3 + json.dumps({"id": OTHER, "user": "bob"}, indent=2) + end
    seen = with_call_sites(tmp_path, text.encode(), "customer", "user")
    assert [json.loads(s.log_fields) for s in seen] == [{"customer": "acme", "user": "ann"}, {"user": "bob"}]


def test_the_documents_of_a_huge_array_over_many_lines_are_read_in_linear_time(tmp_path):
    ids = [f"gen-{SECOND}-{n:020d}" for n in range(20_000)]
    text = json.dumps([{"id": i, "customer": f"c{n}", "response": {"x": [1]}} for n, i in enumerate(ids)], indent=2)
    began = time.process_time()
    found = with_call_sites(tmp_path, text.encode(), "customer")
    assert time.process_time() - began < 60
    assert [json.loads(s.log_fields)["customer"] for s in found] == [f"c{n}" for n in range(len(ids))]
