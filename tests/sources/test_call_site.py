"""The log line around an ID: its time, its fields, and its number."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.core.generation_id import second_of
from ingest.sources.call_site import LONGEST_LINE, TIME_WITHIN, CallSiteParser, logged_at
from ingest.sources.discovery import Source
from ingest.sources.id_finder import Window
from ingest.sources.source_scan import SourceScan

SECOND = 1753485462
ID = f"gen-{SECOND}-AbCdEfGhIj0123456789"
OTHER = f"gen-{SECOND}-0123456789AbCdEfGhIj"
LEGACY = "gen-aBcDeFgHiJkLmNoPqRsTuVwX"
REQUESTED_AT = datetime(2025, 7, 25, 23, 17, 42, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def time_of(line, requested_at=REQUESTED_AT):
    data = line if isinstance(line, bytes) else line.encode()
    return logged_at(data, max(data.find(b"gen-"), 0), requested_at)


def fields_of(line, *keep):
    data = line if isinstance(line, bytes) else line.encode()
    _, fields = CallSiteParser(keep).read(data, max(data.find(b"gen-"), 0), REQUESTED_AT)
    return None if fields is None else json.loads(fields)


# The line's own time


@pytest.mark.parametrize(
    ("stamp", "microsecond"),
    [
        ("2025-07-25T23:17:43Z", 0),
        ("2025-07-25 23:17:43Z", 0),
        ("2025-07-25T23:17:43.5Z", 500_000),
        ("2025-07-25T23:17:43.123Z", 123_000),
        ("2025-07-25T23:17:43.123456Z", 123_456),
        ("2025-07-25T23:17:43.123456789Z", 123_456),
        ("2025-07-25T23:17:43,123Z", 123_000),
        ("2025-07-25T23:17:43+00:00", 0),
        ("2025-07-26T01:17:43+02:00", 0),
        ("2025-07-26T01:17:43+0200", 0),
        ("2025-07-25T16:17:43.25-0700", 250_000),
        ("2025-07-26 04:47:43.25 +0530", 250_000),
        ("2025-07-26 04:47:43,250 +05:30", 250_000),
        ("2025-07-25 23:17:43 +0000 UTC", 0),
        ("2025-07-25 23:17:43 UTC", 0),
        ("2025-07-25 23:17:43.123 UTC", 123_000),
        ("2025-07-25 23:17:43,123456789 UTC", 123_456),
        ("26/Jul/2025:01:17:43 +0200", 0),
        ("25/Jul/2025:23:17:43 +0000", 0),
    ],
)
@pytest.mark.parametrize("form", ["{} INFO {}", "[{}] {}", '{{"ts": "{}", "id": "{}"}}', "level=info time={} id={}"])
def test_a_time_with_a_zone_is_the_lines_time(form, stamp, microsecond):
    assert time_of(form.format(stamp, ID)) == REQUESTED_AT.replace(second=43, microsecond=microsecond)
    assert time_of(form.format(stamp, LEGACY), None) is not None


def test_a_time_with_a_zone_may_lie_anywhere():
    assert time_of(f"2025-09-01T00:00:00Z {ID}") == datetime(2025, 9, 1, tzinfo=UTC)


def test_an_access_logs_time_is_read():
    line = f'10.0.0.7 - - [25/Jul/2025:23:17:43 +0000] "GET /generation?id={ID} HTTP/1.1" 200 1532 "-" "curl/8.5"'
    assert time_of(line) == REQUESTED_AT.replace(second=43)


@pytest.mark.parametrize("key", ["time", "ts", "timestamp", "@timestamp", "created", "created_at"])
@pytest.mark.parametrize(
    ("number", "microsecond"),
    [
        ("1753485463", 0),
        ("1753485463.5", 500_000),
        ("1753485463.250000", 250_000),
        ("1753485463000", 0),
        ("1753485463250", 250_000),
        ('"1753485463"', 0),
        ('"1753485463250"', 250_000),
    ],
)
def test_a_unix_time_in_json_is_read_in_seconds_and_milliseconds(key, number, microsecond):
    expected = REQUESTED_AT.replace(second=43, microsecond=microsecond)
    for line in (f'{{"{key}":{number},"id":"{ID}"}}', f'{{"id": "{ID}", "{key}" : {number} }}'):
        assert time_of(line) == expected


@pytest.mark.parametrize("number", ["17534854630", "1753485463000000", "1753485463000000000", "953485463"])
def test_a_number_that_is_neither_seconds_nor_milliseconds_is_no_time(number):
    assert time_of(f'{{"ts":{number},"id":"{ID}"}}') is None


def test_a_number_under_another_name_is_no_time():
    assert time_of(f'{{"offset":1753485463,"id":"{ID}"}}') is None


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S,%f"])
@pytest.mark.parametrize(
    ("later", "is_utc"), [(-61, False), (-60, True), (0, True), (840, True), (841, False), (3600, False), (7200, False)]
)
def test_a_time_without_a_zone_is_utc_only_beside_the_ids_second(form, later, is_utc):
    time = REQUESTED_AT + timedelta(seconds=later)
    assert time_of(f"{time.strftime(form)} INFO {ID}") == (time if is_utc else None)


def test_beside_a_legacy_id_a_time_without_a_zone_is_none():
    assert time_of(f"2025-07-25 23:17:43 INFO {LEGACY}", second_of(LEGACY)) is None


@pytest.mark.parametrize(
    "stamp",
    [
        "2025-02-30T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-07-25T24:00:01Z",
        "2025-07-25T23:61:00Z",
        "2025-07-25T23:17:43+99:00",
        "31/Feb/2025:00:00:00 +0000",
        "25/Xyz/2025:23:17:43 +0000",
        "25/Jul/2025:23:17:43 +9959",
    ],
)
def test_a_date_that_cannot_be_is_no_time(stamp):
    assert time_of(f"{stamp} {ID}") is None


@pytest.mark.parametrize("line", ["", ID, f"id={ID}", f"12:00:00 {ID}", f"1999-07-25T23:17:43Z {ID}"])
def test_a_line_without_a_full_time_of_this_century_has_none(line):
    assert time_of(line) is None


def test_the_time_is_searched_at_the_beginning_of_the_line_and_before_the_id():
    near = "x" * (TIME_WITHIN - 30)
    assert time_of(f"{near} 2025-07-25T23:17:43Z {'x' * 5000} {ID}") == REQUESTED_AT.replace(second=43)
    assert time_of(f"{'x' * 5000} 2025-07-25T23:17:43Z {near} {ID}") == REQUESTED_AT.replace(second=43)
    assert time_of(f"{'x' * 5000} 2025-07-25T23:17:43Z {'x' * 5000} {ID}") is None


PIECES = st.sampled_from([
    *(b"2025-07-25", b"T", b" ", b"23:17:43", b"24:60:61", b".123456789", b",1", b"Z", b"+0200", b"-99:99", b" UTC"),
    *(b"25/Jul/2025:23:17:43 +0000", b"99/Abc/2099:99:99:99 +9999", b'"ts":', b'"time": "', b"1753485463", b"999"),
    *(b"{", b"}", b"[", b'"', b"\\", b"\\ud800", b"\\u0000", b":", b",", b"=", b"a", b"a.b", b'"a"', b'"b":', b"\xff"),
    *(b"null", b"1e999", b"-0", b"NaN", b"1" * 40, b'{"a":', b'{\\"a\\":', b'a="', b"b=", b"\n", b"\x00", ID.encode()),
])  # fmt: skip
ANY_LINE = st.binary(max_size=60) | st.lists(PIECES | st.binary(max_size=3), max_size=16).map(b"".join)


@given(ANY_LINE, st.integers(0, 200), st.none() | st.just(REQUESTED_AT))
@example(b"2099-12-31T23:59:59-23:59", 0, None)
@example(b'{"ts":1999999999999}', 0, None)
def test_no_line_makes_reading_its_time_fail(line, at, requested_at):
    time = logged_at(line, min(at, len(line)), requested_at)
    assert time is None or time.tzinfo is UTC


# Its fields


def test_without_names_no_field_is_kept():
    assert fields_of(f'{{"id": "{ID}", "user": "ann"}}') is None


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('{"id": "ID", "user": "ann"}', {"user": "ann"}),
        ('{"user": "ann", "team": {"id": 7}, "call": "ID"}', {"user": "ann", "team.id": 7}),
        ('{"call": "ID", "team": {"id": {"x": [1, null]}}}', {"team.id": {"x": [1, None]}}),
        ('{"call": "ID", "team.id": 8, "team": {"id": 7}}', {"team.id": 8}),
        ('{"call": "ID", "user": 1.5}', {"user": 1.5}),
        ('{"call": "ID", "user": true}', {"user": True}),
        ('{"call": "ID", "user": false, "team": {"id": 0}}', {"user": False, "team.id": 0}),
        ('{"call": "ID", "user": ""}', {"user": ""}),
        ('{"call": "ID", "user": []}', {"user": []}),
        ('{"call": "ID", "user": "\\u00fc \\"q\\" \\n"}', {"user": 'ü "q" \n'}),
        ('{"call": "ID", "user": "ünïcode"}', {"user": "ünïcode"}),
        ('{"call": "ID", "user": 12345678901234567890123}', {"user": 12345678901234567890123}),
        ('{"call": "ID", "user": null}', None),
        ('{"call": "ID", "users": "ann", "team": 3}', None),
        ('{"call": "ID", "team": {"ids": 3}, "other": {"user": 1}}', None),
        ('{"call": "ID"} user=ann', None),
        ("[]", None),
        ("", None),
        ("ID", None),
        ('2025-07-25 INFO call {"id": "ID", "user": "ann"}', {"user": "ann"}),
        ('2025-07-25 team.id=7 call {"id": "ID", "user": "ann"}', {"user": "ann", "team.id": "7"}),
        ('user=bob {"id": "ID", "user": "ann"}', {"user": "bob"}),
        ('{"id": "ID", "user": "ann"} trailing text', {"user": "ann"}),
        ('{"id": "ID", "user": "cut', None),
        ("app: {ID} user=ann", {"user": "ann"}),
        ("level=info user=ann id=ID", {"user": "ann"}),
        ("id=ID user=ann, team.id=7; x=1", {"user": "ann", "team.id": "7"}),
        ('id=ID user="ann lee" team.id="7"', {"user": "ann lee", "team.id": "7"}),
        (r'id=ID user="say \"hi\"\n" x=1', {"user": 'say "hi"\n'}),
        (r'id=ID user="C:\dir"', {"user": r"C:\dir"}),
        ('id=ID user="never closed', {"user": None}),
        ("id=ID super_user=ann my.user=bob", None),
        ("/call?id=ID&user=ann&team.id=7", {"user": "ann", "team.id": "7"}),
        ("id=ID user= x=1", None),
    ],
)  # fmt: skip
def test_named_fields_are_kept_as_json(line, fields):
    wanted = fields if fields != {"user": None} else None
    assert fields_of(line.replace("ID", ID), "user", "team.id") == wanted


def test_fields_come_in_the_order_in_which_they_were_named_and_each_once():
    line = f'{{"id": "{ID}", "a": 1, "b": 2}}'.encode()
    assert CallSiteParser(("b", "a", "b")).read(line, 8, None)[1] == '{"b":2,"a":1}'


def docker(line):
    return json.dumps({"log": line + "\n", "stream": "stdout", "time": "2025-07-25T23:17:43.123456789Z"})


def test_dockers_json_file_is_parsed():
    line = docker(json.dumps({"id": ID, "user": {"name": "ann"}}))
    sites = CallSiteParser(("user.name", "stream", "id", "missing"))
    time, fields = sites.read(line.encode(), line.index(ID), REQUESTED_AT)
    assert time == REQUESTED_AT.replace(second=43, microsecond=123_456)
    assert json.loads(fields) == {"user.name": "ann", "stream": "stdout", "id": ID}
    assert fields_of(docker(f"INFO user=ann id={ID}"), "user", "stream") == {"user": "ann", "stream": "stdout"}
    assert fields_of(docker(f'INFO {{"user": "ann", "id": "{ID}"}}'), "user") == {"user": "ann"}


def test_a_text_is_parsed_only_if_the_id_is_in_it():
    line = json.dumps({"id": ID, "event": json.dumps({"user": "eve", "id": OTHER}), "note": "user=eve"})
    assert fields_of(line, "user") is None


def test_the_outermost_field_of_a_name_is_kept():
    inner = json.dumps({"id": ID, "user": "inner", "only": 1})
    assert fields_of(json.dumps({"user": "outer", "log": inner}), "user", "only") == {"user": "outer", "only": 1}


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_texts_within_texts_are_parsed_some_levels_deep(levels):
    line = json.dumps({"id": ID, "user": "ann"})
    for _ in range(levels):
        line = json.dumps({"log": line})
    assert fields_of(line, "user") == {"user": "ann"}


def test_how_often_each_field_was_found_is_counted():
    sites = CallSiteParser(("user", "team.id"))
    for line in (f'{{"id": "{ID}", "user": 1}}', f'{{"id": "{ID}", "user": 1, "team": {{"id": 1}}}}', f"id={ID}"):
        sites.read(line.encode(), line.index(ID), None)
    assert sites.kept == {"user": 2, "team.id": 1}


@pytest.mark.parametrize("depth", [10, 250, 500, 900, 985, 990, 995, 1000, 2000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_costs_at_most_the_fields(depth, opening, closing):
    line = f'{{"id": "{ID}", "user": {opening * depth}1{closing * depth}, "x": 1}}'
    fields = fields_of(line, "user", "x")
    assert fields is None or fields["x"] == 1


@pytest.mark.parametrize(
    "line",
    [
        r'{"id": "ID", "user": "\ud800"}',
        r'{"id": "ID", "user": {"\udfff": 1}}',
        r'id=ID user="\ud83d"',
        r'{"id": "ID", "user": "cut emoji \ud83d"}',
    ],
)
def test_half_of_a_surrogate_pair_makes_nothing_fail(line):
    fields_of(line.replace("ID", ID), "user")


@example(rb'a{"a": "\ud800"}', 0, ["a"])
@given(ANY_LINE, st.integers(0, 200), st.lists(st.sampled_from(["a", "b", "a.b", "", ".", "(", "ü"]), max_size=4))
def test_no_line_makes_reading_its_fields_fail(line, at, keep):
    _, fields = CallSiteParser(keep).read(line, min(at, len(line)), REQUESTED_AT)
    assert fields is None or set(json.loads(fields)) <= set(keep)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E+400", "123e9999"])
@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"a":[1,{}]}}'])
def test_a_number_that_no_float_holds_is_kept_as_its_text(number, form):
    data = f'{{"id":"{ID}","field":{form.format(number)}}}'.encode()
    _, fields = CallSiteParser(["field"]).read(data, data.find(b"gen-"), REQUESTED_AT)
    assert json.loads(fields, parse_constant=pytest.fail) == {"field": json.loads(form.format(f'"{number}"'))}


@given(JSON, st.booleans(), st.integers(0, 3))
def test_any_json_value_is_kept_as_it_is(value, ascii_only, levels):
    line = json.dumps({"id": ID, "field": value}, ensure_ascii=ascii_only)
    for _ in range(levels):
        line = json.dumps({"log": line}, ensure_ascii=ascii_only)
    assert fields_of(line, "field") == (None if value is None else {"field": value})


# The lines of a text


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
        if len(line) <= LONGEST_LINE:
            assert found[i].log_fields == (f'{{"n":{number - 1}}}' if is_json else None)
        else:
            assert found[i].log_fields is None


@pytest.mark.parametrize("at", [0, 10, LONGEST_LINE // 2, LONGEST_LINE, LONGEST_LINE + 10])
def test_a_line_of_the_longest_length_is_parsed_and_a_longer_one_is_not(tmp_path, at):
    head = '{"time": "2025-07-25T23:17:43Z", "user": "ann", "text": "'
    tail = f' {ID} "}}'
    at = min(max(at, len(head)), LONGEST_LINE - len(tail) - 1)
    for length in (LONGEST_LINE - 1, LONGEST_LINE + 1):
        line = (head + "x" * (at - len(head)) + tail[:-2]).ljust(length - 2, "y") + '"}'
        assert len(line) == length
        [seen] = with_call_sites(tmp_path, f"{line}\n{{}}\n".encode(), "user")
        told = (seen.line, seen.logged_at, seen.log_fields)
        if length < LONGEST_LINE:
            assert told == (1, REQUESTED_AT.replace(second=43), '{"user":"ann"}')
        else:
            assert told == (1, None, None)


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
    from ingest.sources.call_site import LineIndex

    buffer = bytearray(f"rest\n{ID}\n\n {OTHER} {LEGACY}".encode())
    window = Window(buffer, 0, len(buffer), len(buffer), 1000)
    lines = LineIndex(window, 41, CallSiteParser())
    at = [buffer.index(i.encode()) for i in (ID, OTHER, LEGACY)]
    assert [lines.at(a, None)[0] for a in at] == [43, 45, 45]
