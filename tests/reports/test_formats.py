import csv
import io
import json
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ingest.cli import options
from ingest.export.sql_text import fill_query
from ingest.reports.formats import _FORMULA, FORMATS, STREAMS, cell, money, plain, render, streamed, table_cell

EVIL = "a\x1b[31mb\u202ec\x00d\x9be\u200bf\u2028g\r\nh\x7fi\ud800"
COLUMNS = ("model", "usage", "requested_at", "streamed", "tokens")
ROWS = [
    (
        "openai/gpt",
        Decimal("0.000035000000"),
        datetime(2026, 11, 20, 12, 0, 1, 500, tzinfo=UTC).replace(tzinfo=None),
        True,
        12,
    ),
    ("智谱/模型", Decimal("-1.5"), None, False, -3),
    (None, None, datetime(2026, 1, 1, tzinfo=UTC), None, None),
]

texts = st.text(st.characters(), max_size=20)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**6), 10**6, places=12),
    st.datetimes(),
    texts,
)
names = st.lists(texts.filter(bool), min_size=1, max_size=4, unique=True)


@st.composite
def tables(draw):
    columns = draw(names)
    return columns, draw(st.lists(st.tuples(*[values] * len(columns)), max_size=5))


def printed(form, columns, rows):
    return FORMATS[form](columns, rows)


def is_harmless(text):
    """Whether a terminal shows it as it stands: every character has a picture."""
    return all(c in " \t\n" or unicodedata.category(c)[0] not in "CZ" for c in text)


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# Money


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "0"),
        ("0E-12", "0"),
        ("-0.000", "0"),
        ("1E-9", "0.0000000010"),
        ("0.000000000001", "0.0000000000010"),
        ("0.000035", "0.000035"),
        ("0.0000354", "0.000035"),
        ("0.00123", "0.0012"),
        ("0.0123456", "0.0123"),
        ("0.5", "0.5000"),
        ("1", "1.0000"),
        ("12.34567", "12.3457"),
        ("100", "100.00"),
        ("1234.567", "1,234.57"),
        ("1000000", "1,000,000.00"),
        ("1E+6", "1,000,000.00"),
        ("-0.000035", "-0.000035"),
        ("-1234.5", "-1,234.50"),
    ],
)
def test_money_has_as_many_places_as_a_person_needs(usd, text):
    assert money(Decimal(usd)) == text


@given(st.decimals(-(10**6), 10**6, allow_nan=False, places=12))
def test_money_is_never_off_by_more_than_the_places_shown(usd):
    shown = Decimal(money(usd).replace(",", ""))
    assert (shown == 0) == (usd == 0)
    assert abs(shown - usd) <= abs(usd) * Decimal("0.05")
    assert "e" not in money(usd).lower()


# Cells


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (-12, "-12"),
        (0.0, "0"),
        (0.123456, "0.123"),
        (1234.56, "1,234.6"),
        (-1234.56, "-1,234.6"),
        (Decimal("0.000035"), "0.000035"),
        (Decimal(1999), "1999"),
        (datetime(2026, 11, 20, 12, 0, 1, 999999, tzinfo=UTC), "2026-11-20 12:00:01"),
        (date(2026, 11, 20), "2026-11-20"),
        ("text", "text"),
    ],
)
def test_a_cell_is_what_a_person_reads(value, text):
    assert cell(value) == text


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b", r"\x1b"),
        ("\u202e", r"\u202e"),
        ("\x9b", r"\x9b"),
        ("\n", r"\n"),
        ("\r", r"\r"),
        ("\x00", r"\x00"),
        ("\x7f", r"\x7f"),
        ("\u200b", r"\u200b"),
        ("\u2028", r"\u2028"),
        ("\U000e0001", r"\U000e0001"),
        ("\udcff", r"\udcff"),
        ("é", "é"),
        ("模", "模"),
        ("👍", "👍"),
        (" ", " "),
        ("\\", "\\"),
    ],
)
def test_plain_text_shows_what_a_terminal_would_obey(character, shown):
    assert plain(f"a{character}b") == f"a{shown}b"


@given(st.text(st.characters()))
def test_plain_text_is_harmless_and_harmless_text_stays(text):
    assert is_harmless(plain(text))
    assert "\n" not in plain(text)
    assert plain(plain(text)) == plain(text)
    if is_harmless(text) and "\n" not in text:
        assert plain(text) == text


# All formats


def test_the_formats_are_those_the_command_line_offers():
    assert tuple(FORMATS) == options.FORMATS


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_a_frame_and_ends_its_last_line(form):
    frame = pl.DataFrame({"model": ["a/b", None], "usage": [Decimal("0.5"), None]})
    text = render(frame, form)
    assert text == printed(form, ["model", "usage"], [("a/b", Decimal("0.5")), (None, None)])
    assert text.endswith("\n")
    assert "a/b" in text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_no_rows(form):
    assert (
        printed(form, ("a", "b"), [])
        == {
            "table": "a  b\n─  ─\n",
            "json": "[]\n",
            "ndjson": "",
            "csv": "a,b\n",
            "markdown": "| a | b |\n| --- | --- |\n",
        }[form]
    )


@pytest.mark.parametrize("form", ["table", "markdown"])
@given(table=tables())
def test_no_table_carries_a_control_character_neither_in_cells_nor_in_names(form, table):
    columns, rows = table
    text = printed(form, columns, rows)
    assert is_harmless(text)
    assert text.count("\n") == len(rows) + 2


def test_evil_text_is_shown_in_escapes():
    shown = r"a\x1b[31mb\u202ec\x00d\x9be\u200bf\u2028g\r\nh\x7fi\ud800"
    assert printed("markdown", ("c",), [(EVIL,)]).splitlines()[2] == f"| {shown} |"
    assert printed("table", ("c",), [(EVIL,)]).splitlines()[2] == shown
    assert "".join(streamed(("c",), [[(EVIL,)]], "text")) == shown + "\n"


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_an_evil_column_name_is_shown_in_escapes_too(form):
    text = printed(form, ("\x1b[31mred", "\u202eleft"), [(1, 2)])
    assert is_harmless(text)
    assert r"\x1b[31mred" in text


# Table


def test_a_table_is_aligned_numbers_to_the_right():
    assert printed("table", COLUMNS, ROWS) == (
        "model           usage  requested_at         streamed  tokens\n"
        "──────────  ─────────  ───────────────────  ────────  ──────\n"
        "openai/gpt   0.000035  2026-11-20 12:00:01  true          12\n"
        "智谱/模型   -1.5000                         false         -3\n"
        "                       2026-01-01 00:00:00\n"
    )


usd = st.one_of(st.none(), st.decimals(-(10**6), 10**6, places=12), st.sampled_from([Decimal(0), Decimal("1E-12")]))
measures = st.one_of(st.none(), st.floats(-(10**6), 10**6).filter(lambda x: not 0 < abs(x) < 0.0001))


@given(st.lists(st.tuples(usd, measures), min_size=1, max_size=12))
def test_the_points_of_a_column_stand_below_each_other(rows):
    """Where a number has none, its last digit stands before the others' points."""
    _, rule, *lines = printed("table", ("usd", "measure"), rows).splitlines()
    widths = [len(part) for part in rule.split("  ")]
    for place, values_of in enumerate(zip(*rows, strict=True)):
        begin = sum(widths[:place]) + 2 * place
        cells = [line.ljust(len(rule))[begin : begin + widths[place]] for line in lines]
        assert [text.strip() for text in cells] == list(map(cell, values_of))
        points = {text.index(".") if "." in text else len(text.rstrip()) for text in cells if text.strip()}
        has_point = any("." in text for text in cells)
        assert len(points) <= 1 or not has_point


printable = st.text(st.sampled_from("abc 智谱é|-1.,"), max_size=30)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[printable] * n), min_size=1, max_size=6)))
def test_a_table_never_cuts_and_its_columns_stand_below_each_other(rows):
    columns = [f"column{i}" for i in range(len(rows[0]))]
    head, rule, *lines = printed("table", columns, rows).splitlines()
    rows = [[text or '""' for text in row] for row in rows]
    widths = [len(part) for part in rule.split("  ")]
    assert widths == [max(map(width, (name, *cells))) for name, *cells in zip(columns, *rows, strict=True)]
    for row, line in zip([columns, *rows], [head, *lines], strict=True):
        padded = (text + " " * (w - width(text)) for text, w in zip(row, widths, strict=True))
        assert line == "  ".join(padded).rstrip()


def test_a_long_cell_is_printed_whole():
    assert "x" * 5000 in printed("table", ("c", "d"), [("x" * 5000, 1)])


def test_wide_and_combining_characters_keep_the_columns():
    lines = printed("table", ("a", "b"), [("智谱", 1), ("e\u0301e", 2), ("abcd", 3)]).splitlines()
    assert lines[2:] == ["智谱  1", "e\u0301e    2", "abcd  3"]


def test_a_tab_in_a_cell_or_a_name_does_not_break_the_columns():
    assert printed("table", ("a\tb", "c"), [("x\ty", 1)]) == "a\\tb  c\n────  ─\nx\\ty  1\n"


# Markdown


def test_markdown_is_a_table():
    assert printed("markdown", ("a", "b"), [("x|y", Decimal("0.5")), (None, True)]) == (
        "| a | b |\n| --- | --- |\n| x\\|y | 0.5000 |\n|  | true |\n"
    )


class Cells(HTMLParser):
    """The tags of a document, and the text of its cells."""

    def __init__(self):
        super().__init__()
        self.tags, self.cells = set(), []

    def handle_starttag(self, tag, _attributes):
        self.tags.add(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_data(self, data):
        if self.cells and data.strip():
            self.cells[-1] += data


BRACKETS = [
    *("<script>alert(1)</script>", "<img src=x onerror=y>", "<br", "<!--", "<http://x>", "](javascript:x)"),
    *("![x](http://e)", "[x]: y", "~~x~~", "&lt;", "&#124;", "\\\\|", "\\|", "\\<", "\\x1b", "*a*", "_a_", "`a`"),
    *"|\\`*_~&<>[]()!#$: é智x\n\t",
    *("``", "**", "__", "a_b", "---"),
]


@settings(max_examples=500)
@given(rows=st.lists(st.lists(st.lists(st.sampled_from(BRACKETS), max_size=6).map("".join), min_size=2, max_size=2)))
def test_markdown_shows_the_text_and_nothing_else(rows):
    text = printed("markdown", ("a<b>|c", "d"), [tuple(row) for row in rows])
    parser = Cells()
    parser.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))
    assert parser.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert [" ".join(c.split()) for c in parser.cells] == [
        " ".join(table_cell(v).split()) for row in [("a<b>|c", "d"), *rows] for v in row
    ]


named = st.one_of(
    st.none(), st.sampled_from(["", '""', '"', "\\", '"\\""', '\\"']), st.text(st.sampled_from('"\\a '), max_size=4)
)


@given(named, named)
def test_null_and_every_text_are_told_apart(one, other):
    assert (table_cell(one) == table_cell(other)) == (one == other)
    assert (table_cell(one) == "") == (one is None)


# JSON


@given(st.integers())
def test_json_integers_have_all_their_digits(number):
    assert json.loads(printed("json", ("n",), [(number,)])) == [{"n": number}]


def test_json_numbers_are_exact_and_times_end_in_z():
    expected = [
        {
            "model": "openai/gpt",
            "usage": Decimal("0.000035000000"),
            "requested_at": "2026-11-20T12:00:01.000500Z",
            "streamed": True,
            "tokens": 12,
        },
        {"model": "智谱/模型", "usage": Decimal("-1.5"), "requested_at": None, "streamed": False, "tokens": -3},
        {"model": None, "usage": None, "requested_at": "2026-01-01T00:00:00Z", "streamed": None, "tokens": None},
    ]
    assert json.loads(printed("json", COLUMNS, ROWS), parse_float=Decimal) == expected
    assert [json.loads(line, parse_float=Decimal) for line in printed("ndjson", COLUMNS, ROWS).splitlines()] == expected


@given(st.lists(st.tuples(st.decimals(-(10**6), 10**6, places=12), st.text(st.characters(codec="utf-8"))), max_size=5))
def test_json_keeps_every_digit_and_every_character(rows):
    expected = [{"usd": usd, "text": text} for usd, text in rows]
    read = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal).decode
    assert read(printed("json", ("usd", "text"), rows)) == expected
    lines = printed("ndjson", ("usd", "text"), rows).split("\n")
    assert lines.pop() == ""
    assert [read(line) for line in lines] == expected


@pytest.mark.parametrize("usd", ["1E-9", "0E-12", "1E+6", "-0.000035", "123456.123456789012"])
def test_json_money_is_a_number_not_a_string(usd):
    [row] = json.loads(printed("json", ("usd",), [(Decimal(usd),)]), parse_float=Decimal)
    assert not isinstance(row["usd"], str)
    assert row["usd"] == Decimal(usd)


# CSV and text


def read_csv(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_csv_text_is_never_a_formula(text):
    assert read_csv(printed("csv", (text,), [(text,)])) == [["'" + text], ["'" + text]]


BLANKS = st.text(st.sampled_from("\n\r\t \v\f\0\x1f\x7f\x85\xa0\u200b\u2028\u3000\ufeff\xad"), max_size=4)


@given(BLANKS, st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20"), st.text(st.characters(codec="utf-8"), max_size=9))
def test_csv_text_is_no_formula_behind_blanks_and_line_breaks_either(blanks, sign, rest):
    [_, [found]] = read_csv(printed("csv", ("c",), [(blanks + sign + rest,)]))
    assert found == "'" + blanks + sign + rest


@given(st.lists(st.builds("{}{}".format, BLANKS, st.text(st.characters(codec="utf-8"), max_size=5)), min_size=1))
def test_exported_csv_and_printed_csv_neutralise_the_same_text(texts):
    clean = [text.replace("\0", "") for text in texts]
    value = fill_query("export/cell_for_csv", column="t")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {value} FROM (SELECT unnest($texts) AS t)", {"texts": clean}).fetchall()
    assert [text for (text,) in found] == ["'" + t if _FORMULA.match(t) else t for t in clean]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-1, "-1"),
        (-0.5, "-0.5"),
        (Decimal("-0.000035"), "-0.000035"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("1E+6"), "1000000"),
    ],
)
def test_csv_numbers_stay_numbers_with_all_their_digits(number, text):
    assert printed("csv", ("n",), [(number,)]) == f"n\n{text}\n"


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.integers()), max_size=5))
def test_csv_reads_back_as_what_went_in(rows):
    [header, *read] = read_csv(printed("csv", ("text", "number"), rows))
    assert header == ["text", "number"]
    assert [(t.removeprefix("'"), int(n)) for t, n in read] == [(t.removeprefix("'"), n) for t, n in rows]
    assert not any(t.startswith(("=", "+", "-", "@", "\t", "\r")) for t, _ in read)


def test_csv_tells_null_from_an_empty_text_as_an_export_does(tmp_path):
    """DuckDB's own writer, which `orusage export` uses, is the measure."""
    odd = ["", None, "a,b", 'say "x"', "two\nlines", "a\rb", " a ", "NULL", "智谱"]
    rows = [(text, flag) for text in odd for flag in (True, False, None)]
    path = tmp_path / "exported.csv"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE odd (text VARCHAR, flag BOOLEAN)")
        connection.executemany("INSERT INTO odd VALUES (?, ?)", rows)
        connection.execute(f"COPY odd TO '{path}' (FORMAT csv, HEADER true)")
    assert printed("csv", ("text", "flag"), rows).encode() == path.read_bytes()


@given(st.lists(st.tuples(st.text(st.characters()), st.integers(), st.text(st.characters())), max_size=5))
def test_text_rows_have_one_line_each_and_one_tab_between_columns(rows):
    text = "".join(streamed(("a", "b", "c"), [rows], "text"))
    lines = text.split("\n")
    assert lines.pop() == ""
    assert [line.count("\t") for line in lines] == [2] * len(rows)
    assert is_harmless(text)


@pytest.mark.parametrize("form", STREAMS)
def test_batches_read_as_one(form):
    rows = [("a", 1), ("b", 2), ("c", 3)]
    whole = "".join(streamed(("x", "n"), [rows], form))
    assert "".join(streamed(("x", "n"), [rows[:1], [], rows[1:]], form)) == whole
    if form != "text":
        assert whole == printed(form, ("x", "n"), rows)


def test_a_stream_is_not_read_ahead():
    def batches():
        yield [("a",)]
        raise AssertionError

    stream = streamed(("x",), batches(), "ndjson")
    assert next(stream) == '{"x":"a"}\n'
